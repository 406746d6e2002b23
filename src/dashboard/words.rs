//! Every text of the pages, in English and Chinese: `templates/words/*.txt`, one `key = text` a line, built in.
//!
//! Templates ask the frame for a key's text, code holds a [`Key`] where the text is chosen later. A test below reads both files,
//! all templates and all of this room: no key is missing, unused, or has other `{0}` places in the other language.
//!
//! **Invariant:** nobody else holds a text that a page shows in one language only. **May import:** nothing of the crate.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::LazyLock;

/// A language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

/// A text that is put into words where the language is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(pub &'static str);

type Words = HashMap<&'static str, &'static str>;

static EN: LazyLock<Words> = LazyLock::new(|| parse(include_str!("../../templates/words/en.txt")));
static ZH: LazyLock<Words> = LazyLock::new(|| parse(include_str!("../../templates/words/zh-CN.txt")));

fn parse(file: &'static str) -> Words {
    file.lines().filter_map(|line| line.split_once(" = ")).map(|(key, text)| (key.trim(), text.trim())).collect()
}

impl Lang {
    /// Its name as `html[lang]`, the cookie and `?lang=` have it (BCP 47).
    pub fn tag(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Zh => "zh-CN",
        }
    }

    /// The language of this name.
    pub fn from_tag(tag: &str) -> Option<Lang> {
        [Lang::En, Lang::Zh].into_iter().find(|lang| lang.tag() == tag)
    }

    /// What an `Accept-Language` header would rather have (RFC 9110 §12.5.4): the first of ours with the highest weight.
    pub fn accepted(header: &str) -> Lang {
        let mut best = (Lang::En, 0.0);
        for entry in header.split(',') {
            let (range, rest) = entry.trim().split_once(';').unwrap_or((entry.trim(), ""));
            let weight = rest.trim().strip_prefix("q=").map_or(1.0, |q| q.trim().parse().unwrap_or(0.0));
            let lang = match range.split('-').next().unwrap_or("").to_ascii_lowercase().as_str() {
                "zh" => Lang::Zh,
                "en" => Lang::En,
                _ => continue,
            };
            if weight > best.1 {
                best = (lang, weight);
            }
        }
        best.0
    }

    /// The text of a key. An unknown key is shown as itself, which the tests do not let pass.
    pub fn t(self, key: &'static str) -> &'static str {
        let words = match self {
            Lang::En => &EN,
            Lang::Zh => &ZH,
        };
        words.get(key).copied().unwrap_or(key)
    }

    /// The text of a key with `{0}`, `{1}` … filled in.
    pub fn tf(self, key: &'static str, args: &[&dyn Display]) -> String {
        let mut rest = self.t(key);
        let mut out = String::with_capacity(rest.len() + 16 * args.len());
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            match after
                .split_once('}')
                .and_then(|(place, after)| Some((args.get(place.parse::<usize>().ok()?)?, after)))
            {
                Some((arg, after)) => {
                    out.push_str(&arg.to_string());
                    rest = after;
                }
                None => {
                    out.push('{');
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        out
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use crate::dashboard::words::{EN, Lang, ZH};

    /// All text of the files below a folder whose names end so.
    fn text_below(folder: &Path, end: &str, out: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                text_below(&path, end, out);
            } else if path.to_str().unwrap().ends_with(end) {
                out.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }

    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(place, _)| place).collect()
    }

    #[test]
    fn both_languages_have_the_same_keys_and_places_and_every_key_is_used() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut sources = String::new();
        text_below(&root.join("templates"), ".html", &mut sources);
        text_below(&root.join("src/dashboard"), ".rs", &mut sources);
        let mut used = BTreeSet::new();
        for call in [".t(\"", ".tf(\"", "Key(\""] {
            let named = sources.split(call).skip(1).filter_map(|rest| rest.split_once('"'));
            used.extend(named.map(|(key, _)| key).filter(|key| key.contains('.') && !key.contains(['/', ' '])));
        }
        let known: BTreeSet<&str> = EN.keys().copied().collect();
        let missing: Vec<_> = used.difference(&known).collect();
        let unused: Vec<_> = known.difference(&used).collect();
        assert!(missing.is_empty() && unused.is_empty(), "missing {missing:#?}, unused {unused:#?}");
        let chinese: BTreeSet<&str> = ZH.keys().copied().collect();
        assert_eq!(known.symmetric_difference(&chinese).collect::<Vec<_>>(), Vec::<&&str>::new());
        for (key, text) in EN.iter() {
            assert_eq!(places(text), places(ZH[key]), "{key}");
            assert!(!text.is_empty() && !ZH[key].is_empty(), "{key}");
        }
    }

    #[test]
    fn no_key_stands_twice_in_a_file() {
        for file in [include_str!("../../templates/words/en.txt"), include_str!("../../templates/words/zh-CN.txt")] {
            let keys: Vec<&str> = file.lines().filter_map(|line| line.split_once(" = ")).map(|(key, _)| key).collect();
            let different: BTreeSet<&str> = keys.iter().copied().collect();
            assert_eq!(keys.len(), different.len());
            assert_eq!(keys.len(), file.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count());
        }
    }

    #[test]
    fn the_browsers_wish_decides_when_there_is_no_cookie() {
        for (header, lang) in [
            ("", Lang::En),
            ("zh-CN,zh;q=0.9,en;q=0.8", Lang::Zh),
            ("fr, en;q=0.2, zh;q=0.1", Lang::En),
            ("en;q=0.5, zh-TW;q=0.7", Lang::Zh),
        ] {
            assert_eq!(Lang::accepted(header), lang, "{header}");
        }
    }
}
