//! A reply that is recorded as the stream it came as: a table of its events.
//!
//! Streams that are understood are recorded put together, as the object that the same API gives unstreamed: those have no table.
//!
//! **Invariant:** no more than [`CHUNKS`] rows, each a line; when an event came is not recorded, and not told.
//! **May import:** `openai`, `db`.

use crate::dashboard::pages::requests::said::beginning;
use crate::dashboard::shown::exact;
use crate::dashboard::words::Key;
use crate::db::records::Record;
use crate::openai::chunks::{Carries, Chunk, chunks};

/// Events shown.
const CHUNKS: usize = 500;
/// How much of an event's data stands in its row, in bytes.
const DATA_BYTES: usize = 400;
/// How much is looked at to tell a stream, in bytes.
const LOOK_BYTES: usize = 4 << 10;

/// An event's row.
pub(super) struct ChunkLine {
    pub(super) number: usize,
    pub(super) offset: String,
    pub(super) size: String,
    pub(super) event: String,
    pub(super) data: String,
    /// The size of the data when not all of it is shown, in bytes.
    pub(super) whole: String,
    pub(super) carries: Vec<Key>,
}

/// The table.
pub(super) struct Table {
    pub(super) lines: Vec<ChunkLine>,
    /// Events there are.
    pub(super) count: String,
    /// Events that are not shown.
    pub(super) rest: usize,
}

/// Whether the reply is recorded as a stream of events.
pub(super) fn is_there(record: &Record) -> bool {
    let reply = record.texts.response.as_deref().unwrap_or_default();
    record.row.facts.streamed && chunks(&reply[..reply.len().min(LOOK_BYTES)], 1).is_some()
}

/// The events of the reply.
pub(super) fn table(record: &Record) -> Option<Table> {
    let (shown, count) = chunks(record.texts.response.as_deref()?, CHUNKS)?;
    let rest = count - shown.len();
    let lines = shown.iter().enumerate().map(|(at, chunk)| line(at + 1, chunk)).collect();
    Some(Table { lines, count: count.to_string(), rest })
}

fn line(number: usize, chunk: &Chunk) -> ChunkLine {
    let bytes = |bytes: usize| exact(i64::try_from(bytes).unwrap_or(i64::MAX));
    let text = String::from_utf8_lossy(&chunk.data);
    let shown = beginning(&text, DATA_BYTES);
    ChunkLine {
        number,
        offset: bytes(chunk.place.start),
        size: bytes(chunk.place.len()),
        event: beginning(&String::from_utf8_lossy(&chunk.event), DATA_BYTES).to_owned(),
        data: shown.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        whole: if shown.len() < text.len() { bytes(chunk.data.len()) } else { String::new() },
        carries: words(chunk.carries),
    }
}

fn words(Carries { text, tool, usage, end }: Carries) -> Vec<Key> {
    let all =
        [(text, Key("chunk.text")), (tool, Key("chunk.tool")), (usage, Key("chunk.usage")), (end, Key("chunk.end"))];
    all.into_iter().filter(|(is, _)| *is).map(|(_, key)| key).collect()
}
