//! What models are called at an upstream: `asked = sent`, one a line or separated by commas.
//!
//! **Invariant:** nothing is parsed or escaped while a request waits. **May import:** nothing of the crate.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A name as it is sent.
#[derive(Debug, PartialEq, Eq)]
pub struct SentModel {
    /// The name.
    pub name: String,
    /// The name as a JSON string, quotes included.
    pub literal: String,
}

/// See the module. Empty for most upstreams.
#[derive(Debug, Default)]
pub struct ModelMap(HashMap<String, Arc<SentModel>>);

/// An entry that is no `asked = sent`, or whose asked name has one already.
#[derive(Debug, PartialEq, Eq)]
pub struct BadMapping {
    /// The entry as written.
    pub entry: String,
    /// An entry before has the same asked name.
    pub twice: bool,
}

impl fmt::Display for BadMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.twice { "maps a name that is mapped already" } else { "is not `asked = sent`" };
        write!(f, "{:?} {what}", self.entry)
    }
}

impl ModelMap {
    /// Reads the column.
    ///
    /// # Errors
    /// The first entry that is wrong; a pattern is no name.
    pub fn parse(text: &str) -> Result<ModelMap, BadMapping> {
        let mut map = HashMap::new();
        for entry in entries(text) {
            let bad = |twice| BadMapping { entry: entry.to_owned(), twice };
            let (asked, sent) = entry.split_once('=').ok_or_else(|| bad(false))?;
            let (asked, sent) = (asked.trim(), sent.trim());
            if asked.is_empty() || sent.is_empty() || entry.contains(['*', '?']) {
                return Err(bad(false));
            }
            let literal = serde_json::Value::from(sent).to_string();
            if map.insert(asked.to_owned(), Arc::new(SentModel { name: sent.to_owned(), literal })).is_some() {
                return Err(bad(true));
            }
        }
        Ok(ModelMap(map))
    }

    /// What this model is called there, if something else.
    pub fn get(&self, asked: &str) -> Option<&Arc<SentModel>> {
        // Most maps are empty, and looking into one would hash the name first.
        if self.0.is_empty() { None } else { self.0.get(asked) }
    }

    /// The names that one can ask for.
    pub fn asked(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// The entries of the column, each as written.
pub fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', '，', '\n', '\r']).map(str::trim).filter(|entry| !entry.is_empty())
}

#[cfg(test)]
mod tests {
    use crate::roster::model_map::ModelMap;

    #[test]
    fn names_are_mapped_one_to_one() {
        let map = ModelMap::parse("gpt-4o = azure \"4o\"\r\na=b=c, x = y\n\n").unwrap();
        let sent = |asked: &str| map.get(asked).map(|sent| (sent.name.as_str(), sent.literal.as_str()));
        assert_eq!(sent("gpt-4o"), Some(("azure \"4o\"", r#""azure \"4o\"""#)));
        assert_eq!((sent("a"), sent("x"), sent("y")), (Some(("b=c", "\"b=c\"")), Some(("y", "\"y\"")), None));
        assert!(ModelMap::parse("").unwrap().get("x").is_none());
    }

    #[test]
    fn what_maps_nothing_is_told() {
        for (text, entry, twice) in [
            ("a = b\nc", "c", false),
            ("= b", "= b", false),
            ("a =", "a =", false),
            ("gpt-* = x", "gpt-* = x", false),
            ("a=b,a=c", "a=c", true),
        ] {
            let bad = ModelMap::parse(text).unwrap_err();
            assert_eq!((bad.entry.as_str(), bad.twice), (entry, twice), "{text}");
        }
    }
}
