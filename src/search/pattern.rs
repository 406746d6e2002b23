//! What a name may be. Start at [`Pattern`].
//!
//! **Invariant:** no pattern makes matching take more than pattern × name steps. **May import:** std.

use std::borrow::Cow;

/// A whole name, or a glob where `*` stands for any text (none, too). Upper and lower case are the same in ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The text between the stars, in lower case; one piece is an exact name. Only the first and the last may be empty.
    pieces: Vec<String>,
}

impl Pattern {
    /// The pattern written as `text`; every `*` is a star.
    pub fn new(text: &str) -> Pattern {
        Pattern::of(text.chars().map(|c| (c, c == '*')))
    }

    /// The pattern for the name `name` and no other.
    pub fn literal(name: &str) -> Pattern {
        Pattern { pieces: vec![name.to_ascii_lowercase()] }
    }

    /// The pattern of these characters, each with: is it a star?
    pub(super) fn of(chars: impl Iterator<Item = (char, bool)>) -> Pattern {
        let mut pieces = Vec::new();
        let mut piece = String::new();
        for (c, is_star) in chars {
            if !is_star {
                piece.push(c.to_ascii_lowercase());
            } else if pieces.is_empty() || !piece.is_empty() {
                // Two stars are one.
                pieces.push(std::mem::take(&mut piece));
            }
        }
        pieces.push(piece);
        Pattern { pieces }
    }

    /// Does `name` as a whole match?
    pub fn matches(&self, name: &str) -> bool {
        let name: Cow<'_, str> = match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => name.to_ascii_lowercase().into(),
            false => name.into(),
        };
        let [first, middle @ .., last] = self.pieces.as_slice() else {
            return self.pieces.first().is_some_and(|piece| **piece == *name);
        };
        let Some(rest) = name.strip_prefix(first.as_str()) else {
            return false;
        };
        let Some(mut rest) = rest.strip_suffix(last.as_str()) else {
            return false;
        };
        // Each piece as early as it can be: what follows it has the most room then.
        for piece in middle {
            let Some(at) = rest.find(piece.as_str()) else {
                return false;
            };
            rest = &rest[at + piece.len()..];
        }
        true
    }

    /// The only name that matches, in lower case (ASCII); `None` for a glob.
    pub fn exact(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// What every name that matches starts with, in lower case (ASCII).
    pub fn prefix(&self) -> &str {
        self.pieces.first().map_or("", String::as_str)
    }

    /// The text between the stars, in lower case (ASCII): a name that matches holds all of it in this order.
    pub fn pieces(&self) -> &[String] {
        &self.pieces
    }
}

#[cfg(test)]
mod tests {
    use crate::search::pattern::Pattern;

    #[test]
    fn globs_match_whole_names_in_any_case() {
        for (pattern, name, expected) in [
            ("gpt-4o", "GPT-4o", true),
            ("GPT-4o", "gpt-4o-mini", false),
            ("gpt-4o*", "gpt-4O", true),
            ("gpt-4o*", "gpt-4o-mini", true),
            ("gpt-4o*", "xgpt-4o", false),
            ("*-mini", "gpt-4o-mini", true),
            ("*-mini", "gpt-4o-mini-2024", false),
            ("*4*4*", "gpt-4o", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "aXbYbZc", true),
            ("a**b", "ab", true),
            ("*", "", true),
            ("**", "通义", true),
            ("通*", "通义", true),
            ("é", "É", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(name), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn an_index_is_told_what_a_name_starts_with() {
        let seen = |text: &str| (Pattern::new(text).exact().map(str::to_owned), Pattern::new(text).prefix().to_owned());
        assert_eq!(seen("GPT-4o"), (Some("gpt-4o".to_owned()), "gpt-4o".to_owned()));
        assert_eq!(seen("GPT-*o*"), (None, "gpt-".to_owned()));
        assert_eq!(seen("*"), (None, String::new()));
        assert_eq!(Pattern::new("a**b*").pieces(), ["a", "b", ""]);
        assert!(Pattern::literal("a*").matches("A*") && !Pattern::literal("a*").matches("ab"));
    }

    #[test]
    fn a_hostile_pattern_is_answered_in_bounded_work() {
        // An exponential matcher would need more steps than there are atoms.
        let name = "a".repeat(4_000);
        assert!(Pattern::new(&"a*".repeat(200)).matches(&name));
        assert!(!Pattern::new(&format!("{}b", "a*".repeat(200))).matches(&name));
    }
}
