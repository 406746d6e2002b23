//! A request's body and its reply as they are recorded: as trees that fold, or as text. Start at [`sides`].
//!
//! **Invariant:** a body has its tree or its beginning as text, never neither. **May import:** `db`.

use crate::dashboard::pages::requests::figures::size;
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
    pub(super) raw: String,
    pub(super) raw_rest: usize,
    pub(super) size: String,
    pub(super) download: &'static str,
    pub(super) id: i64,
}

/// What is recorded of both; `raw` for text where a tree could be.
pub(super) fn sides(record: &Record, raw: bool) -> Vec<Side> {
    let (facts, texts, id) = (&record.row.facts, &record.texts, record.row.id);
    let sides = [
        (Key("one.body"), &texts.body, facts.request_bytes, "body"),
        (Key("one.reply"), &texts.response, facts.reply_bytes, "reply"),
    ];
    let side = |(title, bytes, true_bytes, download): (Key, &Option<Vec<u8>>, i64, &'static str)| {
        let bytes = bytes.as_deref()?;
        let (nodes, whole) = tree(bytes).filter(|_| !raw).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(RAW_BYTES)]);
        let text = beginning(&text, RAW_BYTES).to_owned();
        Some(Side {
            title,
            partial: !nodes.is_empty() && !whole,
            raw_rest: bytes.len().saturating_sub(RAW_BYTES),
            raw: if nodes.is_empty() { text } else { String::new() },
            nodes,
            size: size(true_bytes, Some(bytes.len())),
            download,
            id,
        })
    };
    sides.into_iter().filter_map(side).collect()
}
