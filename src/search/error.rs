//! What is said of a query that cannot be understood. Start at [`QueryError`].
//!
//! **Invariant:** every error has a place in the text as typed. **May import:** std, the kinds of mistakes.

use std::fmt;
use std::ops::Range;

use super::mistake::Mistake;

/// Why a query cannot be understood, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// What is wrong; as text in plain English, with what to write instead.
    pub mistake: Box<Mistake>,
    /// The offending part of the text as typed, in bytes, on the borders of characters.
    pub at: Range<usize>,
    /// The same in characters.
    pub at_chars: Range<usize>,
    /// The whole text with this error put right, if it can be guessed how.
    pub suggestion: Option<String>,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at character {})", self.mistake, self.at_chars.start + 1)
    }
}

impl std::error::Error for QueryError {}

impl QueryError {
    /// `mistake` about the bytes `at` of `text`, without a guess how to put it right.
    pub fn new(text: &str, at: Range<usize>, mistake: Mistake) -> QueryError {
        Fault::new(at, mistake).in_text(text)
    }
}

/// A [`QueryError`] that does not know the whole text yet.
#[derive(Debug)]
pub(super) struct Fault {
    mistake: Box<Mistake>,
    at: Range<usize>,
    fix: Option<(Range<usize>, String)>,
}

impl Fault {
    /// `mistake` about the bytes `at`.
    pub(super) fn new(at: Range<usize>, mistake: Mistake) -> Fault {
        Fault { mistake: Box::new(mistake), at, fix: None }
    }

    /// It would be right with `text` in the place of the bytes `place`.
    pub(super) fn fix(self, place: Range<usize>, text: String) -> Fault {
        Fault { fix: Some((place, text)), ..self }
    }

    /// The error in the whole text.
    pub(super) fn in_text(self, text: &str) -> QueryError {
        let chars = |byte: usize| text.char_indices().take_while(|(at, _)| *at < byte).count();
        QueryError {
            at_chars: chars(self.at.start)..chars(self.at.end),
            suggestion: self.fix.map(|(place, new)| format!("{}{new}{}", &text[..place.start], &text[place.end..])),
            mistake: self.mistake,
            at: self.at,
        }
    }
}

/// A piece of the query for a message, not longer than a line.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 40;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
