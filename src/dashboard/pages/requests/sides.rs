//! A request's body and its reply as they are recorded: as trees that fold, or as text. Start at [`sides`].
//!
//! **Invariant:** a body has its tree or its beginning as text, or its type when it is no text, never none of these. **May import:** `db`.

use crate::dashboard::pages::requests::figures::size;
use crate::dashboard::pages::requests::find::{Bit, Finder};
use crate::dashboard::pages::requests::kinds::told;
use crate::dashboard::pages::requests::said::beginning;
use crate::dashboard::pages::requests::tree::{Node, tree};
use crate::dashboard::words::Key;
use crate::db::records::Record;

/// Bytes of a body that the raw view shows.
const RAW_BYTES: usize = 256 << 10;

/// The request's body or its reply.
pub(super) struct Side {
    pub(super) title: Key,
    pub(super) nodes: Vec<Node>,
    /// The tree does not hold everything.
    pub(super) partial: bool,
    /// Its beginning as text; with a tree only when it is asked for.
    pub(super) raw: Vec<Bit>,
    /// Its type when it is no text.
    pub(super) kind: Option<String>,
    pub(super) raw_rest: usize,
    pub(super) size: String,
    pub(super) download: &'static str,
    pub(super) id: i64,
}

/// What is recorded of both, with what is looked for marked; `raw` for text where a tree could be.
pub(super) fn sides(record: &Record, raw: bool, finder: &mut Finder) -> Vec<Side> {
    let (facts, texts, id) = (&record.row.facts, &record.texts, record.row.id);
    let sides = [
        (Key("one.body"), &texts.body, facts.request_bytes, "body"),
        (Key("one.reply"), &texts.response, facts.reply_bytes, "reply"),
    ];
    let side = |(title, bytes, true_bytes, download): (Key, &Option<Vec<u8>>, i64, &'static str)| {
        let bytes = bytes.as_deref()?;
        let kind = told(bytes, texts.headers.as_deref(), usize::from(download == "reply"));
        let grown = if raw || kind.is_some() { None } else { tree(bytes, finder) };
        let (nodes, whole) = grown.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(RAW_BYTES)]);
        let raw = if nodes.is_empty() && kind.is_none() {
            finder.look(beginning(&text, RAW_BYTES), RAW_BYTES, "").0
        } else {
            Vec::new()
        };
        Some(Side {
            title,
            partial: !nodes.is_empty() && !whole,
            raw_rest: if kind.is_none() { bytes.len().saturating_sub(RAW_BYTES) } else { 0 },
            kind,
            raw,
            nodes,
            size: size(true_bytes, Some(bytes.len())),
            download,
            id,
        })
    };
    sides.into_iter().filter_map(side).collect()
}
