//! How much of a request is recorded, and the lists of settings that say so.
//!
//! **Invariant:** what makes no sense never raises a level. **May import:** nothing of the crate.

use std::str::FromStr;

/// How much is recorded; the lower of two is the smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recording {
    /// Nothing.
    Off,
    /// The row.
    Metadata,
    /// The row and both bodies.
    Full,
}

impl FromStr for Recording {
    type Err = ();

    fn from_str(text: &str) -> Result<Recording, ()> {
        match text {
            "full" => Ok(Recording::Full),
            "metadata" => Ok(Recording::Metadata),
            "off" => Ok(Recording::Off),
            _ => Err(()),
        }
    }
}

/// The levels of single keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyLevels(Vec<(String, Recording)>);

impl KeyLevels {
    /// Reads `name=level,other=level`; `known` tells whether a key has that name. Also what is wrong, a line each.
    pub(super) fn parse(text: &str, known: impl Fn(&str) -> bool) -> (KeyLevels, Vec<&'static str>) {
        let (mut levels, mut problems) = (Vec::new(), Vec::new());
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            // Whoever is named in an entry that cannot be read is recorded no more than anybody might have meant.
            let (name, level) = entry.rsplit_once('=').unwrap_or((entry, ""));
            let name = name.trim();
            let level = level.trim().parse().unwrap_or_else(|()| {
                problems.push("must be like name=off,other=metadata; what cannot be read counts as off");
                Recording::Off
            });
            if !known(name) {
                problems.push("names a client key that does not exist");
            }
            levels.push((name.to_owned(), level));
        }
        (KeyLevels(levels), problems)
    }

    /// How much may be recorded of the key of this name.
    pub fn of(&self, name: &str) -> Recording {
        let levels = self.0.iter().filter(|(key, _)| key == name).map(|(_, level)| *level);
        levels.min().unwrap_or(Recording::Full)
    }
}

#[cfg(test)]
mod tests {
    use crate::roster::recording::{KeyLevels, Recording};

    #[test]
    fn the_lowest_level_of_a_key_holds_and_what_cannot_be_read_is_off() {
        let parse = |text| KeyLevels::parse(text, |name| name != "nobody");
        let (levels, problems) = parse("a=metadata, b = off ,a=full,c=x=full");
        assert!(problems.is_empty());
        for (name, level) in [
            ("a", Recording::Metadata),
            ("b", Recording::Off),
            ("c=x", Recording::Full),
            ("other", Recording::Full),
            ("", Recording::Full),
        ] {
            assert_eq!(levels.of(name), level, "{name}");
        }
        let (levels, problems) = parse("a,b=none,nobody=off");
        assert_eq!((levels.of("a"), levels.of("b")), (Recording::Off, Recording::Off));
        assert_eq!(problems.len(), 3);
    }
}
