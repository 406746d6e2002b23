//! The index: immutable segments of some ten thousand records each, the same on every database.
//!
//! Start at [`Doc`], what is indexed of a record; [`build`] makes a segment of documents, [`merge`] one of several, and
//! [`read`] asks one. A segment holds the words of the texts, the names of the metadata (both as sorted terms with the
//! documents they stand in) and a column for each number. The database keeps its parts as [`Part`]s, bytes under a key;
//! who reads brings a closure that fetches them.
//! **Invariant:** nothing here knows a database or an order of records but that of their ids. **May import:** std, zstd, foldhash.

pub mod bits;
pub mod block;
pub mod build;
pub mod merge;
pub mod read;
pub mod varint;

use crate::search::segment::varint::{put, put_packed, take, take_packed, unzigzag, zigzag};

/// Which kind of part it is. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i16)]
pub enum Kind {
    /// Terms of the texts, in blocks.
    Texts = 0,
    /// Names of the metadata, in blocks.
    Names = 1,
    /// Numbers of the metadata, a column each.
    Column = 2,
}

/// A piece of a segment as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: Kind,
    /// The first term of a block, the code of a column.
    pub key: Vec<u8>,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// A number of the metadata. The codes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Column {
    /// The record's id.
    Id = 0,
    /// When the request came in, µs since 1970.
    Started = 1,
    /// To the first content, µs.
    FirstContent = 2,
    /// To the end, µs.
    Total = 3,
    /// Tokens of the request.
    TokensIn = 4,
    /// Tokens of the reply.
    TokensOut = 5,
    /// Nano-dollars.
    Cost = 6,
    /// How many upstreams were asked.
    Attempts = 7,
    /// Status sent to the caller.
    Status = 8,
    /// The conversation.
    Conversation = 9,
}

impl Column {
    /// All of them, by their codes.
    pub const ALL: [Column; 10] = [
        Column::Id,
        Column::Started,
        Column::FirstContent,
        Column::Total,
        Column::TokensIn,
        Column::TokensOut,
        Column::Cost,
        Column::Attempts,
        Column::Status,
        Column::Conversation,
    ];

    /// Whether neighbours are alike, so that differences are stored.
    fn is_steady(self) -> bool {
        matches!(self, Column::Id | Column::Started | Column::Conversation)
    }
}

/// A name of the metadata. The codes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Name {
    /// Model asked for.
    Model = b'm',
    /// Id of the upstream that answered.
    Upstream = b'u',
    /// Id of an upstream that was asked before the one that answered.
    Tried = b'y',
    /// Name of the client key.
    Key = b'k',
    /// Path without its query.
    Path = b'p',
    /// `Host`.
    Host = b'h',
    /// `User-Agent`.
    UserAgent = b'a',
    /// The caller's address.
    Ip = b'i',
    /// A tool that was called.
    Tool = b't',
    /// Why the reply ended.
    Finish = b'f',
    /// `error`, `stream`, `replay`, `cut`, `aborted`.
    Is = b's',
    /// `tool`, `image`, `reasoning`, `body`.
    Has = b'x',
}

/// What is indexed of a record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Doc {
    /// By [`Column`]; the id is never `None`.
    pub numbers: [Option<i64>; Column::ALL.len()],
    /// Names, each with its kind.
    pub names: Vec<(Name, String)>,
    /// Texts as `search::text::fold` gives them, each with the bit of its side.
    pub texts: Vec<(u8, String)>,
}

/// Writes a column.
fn put_column(column: Column, values: &[Option<i64>]) -> Part {
    let mut stream = Vec::with_capacity(values.len() * 2);
    let mut before = 0;
    for value in values {
        match value {
            None => put(&mut stream, 0),
            Some(value) if column.is_steady() => {
                put(&mut stream, zigzag(value.wrapping_sub(before)).saturating_add(1));
                before = *value;
            }
            Some(value) => put(&mut stream, zigzag(*value).saturating_add(1)),
        }
    }
    let mut data = Vec::new();
    put(&mut data, values.len() as u64);
    put_packed(&mut data, &stream);
    Part { kind: Kind::Column, key: vec![column as u8], data }
}

/// Reads a column; `None` when it is damaged.
fn take_column(column: Column, mut data: &[u8]) -> Option<Vec<Option<i64>>> {
    let count = usize::try_from(take(&mut data)?).ok()?;
    let stream = take_packed(&mut data)?;
    let mut rest = stream.as_slice();
    let mut values = Vec::with_capacity(count.min(stream.len()));
    let mut before = 0i64;
    for _ in 0..count {
        values.push(match take(&mut rest)? {
            0 => None,
            code if column.is_steady() => {
                before = before.wrapping_add(unzigzag(code - 1));
                Some(before)
            }
            code => Some(unzigzag(code - 1)),
        });
    }
    Some(values)
}

/// The term of a name: its kind, then the name.
pub fn name_term(name: Name, value: &str) -> Vec<u8> {
    let mut term = vec![name as u8];
    term.extend_from_slice(value.as_bytes());
    term
}

/// The least term that does not begin with `prefix`; `None` when there is none.
pub fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut after = prefix.to_vec();
    while let Some(last) = after.pop() {
        if last < u8::MAX {
            after.push(last + 1);
            return Some(after);
        }
    }
    None
}

#[cfg(test)]
mod tests;
