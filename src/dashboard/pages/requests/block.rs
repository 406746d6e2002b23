//! What a page shows of messages: runs of them, one after the other, and their parts as blocks.
//!
//! **Invariant:** what is left out is told. **May import:** nothing but `said`.

use crate::dashboard::pages::requests::said::Piece;
use crate::dashboard::words::Key;

/// What stands in a block.
pub(in crate::dashboard::pages) enum Body {
    Plain(Vec<Piece>),
    Html(String),
    /// A picture in the record, by its number.
    Picture(usize),
    Nothing,
}

/// A part of a message.
pub(in crate::dashboard::pages) struct Block {
    pub(in crate::dashboard::pages) class: &'static str,
    pub(in crate::dashboard::pages) label: Option<Key>,
    /// What belongs to the label: a tool's name, an address, an id.
    pub(in crate::dashboard::pages) detail: String,
    /// An address elsewhere: a link to be clicked, never loaded.
    pub(in crate::dashboard::pages) link: String,
    pub(in crate::dashboard::pages) folded: bool,
    pub(in crate::dashboard::pages) open: bool,
    pub(in crate::dashboard::pages) body: Body,
    /// The message of the tool's call or result.
    pub(in crate::dashboard::pages) pair: Option<usize>,
    /// Bytes that are not shown.
    pub(in crate::dashboard::pages) rest: usize,
}

/// A message.
pub(in crate::dashboard::pages) struct Said {
    pub(in crate::dashboard::pages) number: usize,
    pub(in crate::dashboard::pages) class: &'static str,
    pub(in crate::dashboard::pages) role: Key,
    pub(in crate::dashboard::pages) name: String,
    pub(in crate::dashboard::pages) bytes: usize,
    pub(in crate::dashboard::pages) blocks: Vec<Block>,
}

/// Messages as far as there is room for them: the first and the last.
#[derive(Default)]
pub(in crate::dashboard::pages) struct Run {
    pub(in crate::dashboard::pages) begin: Vec<Said>,
    /// How many between them are not shown.
    pub(in crate::dashboard::pages) hidden: usize,
    pub(in crate::dashboard::pages) end: Vec<Said>,
}

impl Run {
    /// Whether there is no message, shown or not.
    pub(in crate::dashboard::pages) fn is_empty(&self) -> bool {
        self.begin.is_empty() && self.end.is_empty() && self.hidden == 0
    }
}

/// Where there is more than a page shows: an address and what it is called.
pub(in crate::dashboard::pages) struct More {
    pub(in crate::dashboard::pages) href: String,
    pub(in crate::dashboard::pages) label: Key,
}
