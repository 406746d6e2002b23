//! Client keys: the entries of the setting `authorization`, and what is known of each beside it. Start at [`in_force`].
//!
//! **Invariant:** a key that is disabled lets nobody in, under whatever name or spelling. **May import:** `balance`, `db` (the row's shape).

use crate::balance::glob::ModelRules;
use crate::db::client_keys::KeyRow;
use crate::roster::upstream::words;

/// The key that the original had built in; everyone knows it.
pub const KNOWN_KEY: &str = "woshimima";

/// A key that programs may call with.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientKey {
    /// Its name: as written before `=`, else `key-1`, `key-2` … by place.
    pub name: String,
    /// The secret itself.
    pub secret: String,
    /// Until when it lets in, µs since 1970; `None` is for good.
    pub until_us: Option<i64>,
    /// The models it may ask for.
    pub models: ModelRules,
}

impl ClientKey {
    /// A key for good.
    pub fn new(name: impl Into<String>, secret: impl Into<String>) -> ClientKey {
        ClientKey { name: name.into(), secret: secret.into(), until_us: None, models: ModelRules::default() }
    }

    /// The last four characters, or nothing of a key too short to show any.
    pub fn last4(&self) -> String {
        last4(&self.secret)
    }
}

/// The last four characters of a secret that is longer than eight.
pub fn last4(secret: &str) -> String {
    let count = secret.chars().count();
    if count > 8 { secret.chars().skip(count - 4).collect() } else { String::new() }
}

/// The keys of `a,name=b` as people see them: one per entry, with its name or `key-1`, `key-2` … by place.
pub fn key_entries(authorization: &str) -> Vec<ClientKey> {
    written(authorization).into_iter().map(|(_, key)| key).collect()
}

/// The names on a list that no key of `authorization` has and that were not on the list `before`; none when every key is let in.
pub fn unknown_keys(list: &str, before: &str, authorization: &str) -> Vec<String> {
    if authorization.trim() == "asis" {
        return Vec::new();
    }
    let names = |list| words(list).map(str::to_owned).collect::<Vec<String>>();
    let (known, before) = (key_entries(authorization), names(before));
    let is_known = |name: &String| {
        // An entry with a name is a key by its place as well.
        let by_place = (1..=known.len()).any(|place| *name == format!("key-{place}"));
        by_place || known.iter().any(|key| key.name == *name) || before.contains(name)
    };
    names(list).into_iter().filter(|name| !is_known(name)).collect()
}

/// The keys that let somebody in. Each entry is one; an entry with a name is also one as a whole, for keys that hold a `=`
/// themselves; so is what a key was before it was replaced, for a while.
pub fn in_force(authorization: &str, rows: &[KeyRow]) -> Vec<ClientKey> {
    let mut keys = Vec::new();
    for (index, (entry, key)) in written(authorization).into_iter().enumerate() {
        let row = rows.iter().find(|row| row.name == key.name);
        if row.is_some_and(|row| row.disabled) {
            continue;
        }
        let models = row.map(|row| ModelRules::parse(&row.allow_models, "")).unwrap_or_default();
        let before = keys.len();
        if let Some(row) = row.filter(|row| !row.old_key.is_empty()) {
            keys.push(ClientKey { until_us: Some(row.old_until_us), ..ClientKey::new(&key.name, &row.old_key) });
        }
        let whole = (key.secret != entry).then(|| ClientKey::new(format!("key-{}", index + 1), entry));
        keys.push(key);
        keys.extend(whole);
        // Whichever way a key is written, it is the same key.
        keys[before..].iter_mut().for_each(|key| key.models.clone_from(&models));
    }
    keys
}

/// Each entry as it is written, and the key that it is.
fn written(authorization: &str) -> Vec<(&str, ClientKey)> {
    let entries = authorization.split(',').map(str::trim).filter(|entry| !entry.is_empty()).enumerate();
    let key = |(index, entry)| match named(entry) {
        Some((name, secret)) => (entry, ClientKey::new(name, secret)),
        None => (entry, ClientKey::new(format!("key-{}", index + 1), entry)),
    };
    entries.map(key).collect()
}

fn named(entry: &str) -> Option<(&str, &str)> {
    let (name, secret) = entry.split_once('=')?;
    Some((name.trim(), secret.trim())).filter(|(name, secret)| !name.is_empty() && !secret.is_empty())
}

#[cfg(test)]
mod tests {
    use crate::db::client_keys::KeyRow;
    use crate::roster::keys::{in_force, unknown_keys};

    #[test]
    fn names_of_no_key_are_found_on_a_list() {
        let unknown = |list: &str, before: &str| unknown_keys(list, before, "crew=b,plain");
        assert!(unknown("crew, key-2,key-1", "").is_empty());
        assert_eq!(unknown("crew,screw\n名", ""), ["screw", "名"]);
        assert_eq!(unknown("crew,screw,new", "screw"), ["new"], "what stood there before may stay");
        assert!(unknown_keys("anybody", "", "asis").is_empty());
        assert_eq!(unknown_keys("anybody", "", ""), ["anybody"]);
    }

    #[test]
    fn the_models_of_a_key_hold_in_any_spelling() {
        let row = KeyRow { name: "crew".to_owned(), allow_models: "gpt-4o*, o3".to_owned(), ..KeyRow::default() };
        let keys = in_force("crew=b,plain", &[KeyRow { old_key: "old".to_owned(), old_until_us: 7, ..row }]);
        let may: Vec<_> = keys.iter().map(|key| (key.secret.as_str(), key.models.allow.len())).collect();
        assert_eq!(may, [("old", 2), ("b", 2), ("crew=b", 2), ("plain", 0)]);
    }

    #[test]
    fn a_disabled_key_is_none_in_any_spelling_and_a_replaced_one_is_two_for_a_while() {
        let row = |name: &str, disabled, old_key: &str| KeyRow {
            name: name.to_owned(),
            disabled,
            old_key: old_key.to_owned(),
            old_until_us: 7,
            ..KeyRow::default()
        };
        let rows = [row("off", true, "old-off"), row("crew", false, "old-crew"), row("gone", false, "old-gone")];
        let keys = in_force("off=a,crew=b,plain", &rows);
        let told: Vec<_> = keys.iter().map(|key| (key.name.as_str(), key.secret.as_str(), key.until_us)).collect();
        assert_eq!(
            told,
            [("crew", "old-crew", Some(7)), ("crew", "b", None), ("key-2", "crew=b", None), ("key-3", "plain", None)]
        );
    }
}
