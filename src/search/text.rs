//! When a term is in a text: exactly, so that an index and a reader of every record give the same answer.
//! Start at [`Term`]; [`fold`] says what is compared, [`class_of`] what a word is, [`tokens`] what an index holds.
//!
//! A term that starts with a letter or digit of a spaced script is found where a word starts and may end inside one
//! (`err` finds `error`, `file` finds `read_file`, `ror` does not find `error`). Every other term is found anywhere
//! (`修复` finds `已修复。`).
//!
//! **Invariant:** no word is too common, none is stemmed, no part of a term is left out, nothing is looked up.
//! **May import:** std, memchr.

mod fold;
mod probes;
mod script;
mod tokens;

use std::fmt;
use std::ops::Range;

use memchr::memmem::Finder;

pub use fold::{fold, fold_into};
pub use probes::{Lookup, MAX_LOOKUPS, Probes};
pub use script::{Class, class_of};
pub use tokens::{MAX_TOKEN_CHARS, tokens};

/// What is searched for, folded: never empty, never white space alone. White space at its ends counts.
#[derive(Clone)]
pub struct Term {
    text: Box<str>,
    finder: Finder<'static>,
    /// It is a hit only where a word starts.
    at_word_start: bool,
}

impl Term {
    /// The term written as `text`, in any case; `None` if nothing is left to search for.
    pub fn new(text: &str) -> Option<Term> {
        let text = fold(text);
        let first = text.chars().next()?;
        if text.trim().is_empty() {
            return None;
        }
        let finder = Finder::new(text.as_bytes()).into_owned();
        Some(Term { at_word_start: class_of(first) == Class::Spaced, text: text.into(), finder })
    }

    /// The same, but a hit wherever the text stands, inside words too: no index can look for it.
    pub fn anywhere(text: &str) -> Option<Term> {
        Some(Term { at_word_start: false, ..Term::new(text)? })
    }

    /// The folded text of the term.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Is the term in a text that was folded by [`fold`]?
    pub fn is_in(&self, folded: &str) -> bool {
        self.next_hit(folded, 0).is_some()
    }

    /// Where the term is in a text that was folded by [`fold`]: byte ranges from left to right that do not overlap.
    pub fn find_in(&self, folded: &str) -> Vec<Range<usize>> {
        let mut hits = Vec::new();
        let mut from = 0;
        while let Some(at) = self.next_hit(folded, from) {
            from = at + self.text.len();
            hits.push(at..from);
        }
        hits
    }

    /// What an index over [`tokens`] is to be asked for.
    pub fn probes(&self) -> Probes {
        Probes::of(&self.text)
    }

    /// An index helps too little, and the search needs a short range of time: the term is signs alone, or nothing but
    /// one character of an unspaced script stands between the signs.
    pub fn is_short(&self) -> bool {
        let is_short = |lookup: &Lookup| {
            let mut chars = lookup.token.chars();
            lookup.prefix && chars.next().is_some_and(|c| class_of(c) == Class::Unspaced) && chars.next().is_none()
        };
        self.probes().lookups.iter().all(is_short)
    }

    /// The start of the first hit at or after the byte `from`.
    fn next_hit(&self, folded: &str, mut from: usize) -> Option<usize> {
        loop {
            let at = from + self.finder.find(folded.as_bytes().get(from..)?)?;
            if !self.at_word_start || !ends_in_word(&folded[..at]) {
                return Some(at);
            }
            // Inside a word no hit can start: go on behind it.
            let rest = &folded[at..];
            from = at + rest.find(|c| class_of(c) != Class::Spaced)?;
        }
    }
}

/// Would a letter written behind `text` continue a word?
fn ends_in_word(text: &str) -> bool {
    text.chars().next_back().is_some_and(|last| class_of(last) == Class::Spaced)
}

impl PartialEq for Term {
    fn eq(&self, other: &Term) -> bool {
        self.text == other.text
    }
}

impl Eq for Term {}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Term({:?})", self.text)
    }
}

#[cfg(test)]
mod tests;
