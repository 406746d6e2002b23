//! Reading what was said: layouts and packs back into bodies. Start at [`whole_texts`] and [`fresh_texts`].
//!
//! **Invariant:** a body that cannot be put together is told as damaged, never given in part. **May import:** `error`, diesel.

use std::collections::{BTreeMap, HashMap};

use diesel::result::QueryResult;

use crate::db::Connection;
use crate::db::pace::step;
use crate::db::records::Texts;
use crate::db::records::layout::Layout;
use crate::db::records::packer::unpacked_to;
use crate::db::speak::{BodyRow, PackRow, Speaker};
use crate::error::Error;

/// What a body that cannot be read any more is noted as.
const DAMAGED: &str = "damaged: it cannot be put together";
/// Records read at a time; neighbours lie in one pack, which is unpacked once for all of them.
const CHUNK: usize = 64;
/// The same where only what is new is read, which is less.
const FRESH_CHUNK: usize = 256;

/// What of a record is new to its conversation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fresh {
    /// The request's body; of a record that continues others only the elements that are new, with what separates them.
    pub body: Option<Vec<u8>>,
    /// Whether that is only a part of the body's messages.
    pub is_part: bool,
    /// The reply.
    pub response: Option<Vec<u8>>,
}

impl Fresh {
    /// The request as a body of its own: of a part of the messages one that holds only them.
    pub fn as_whole(self, path: &str) -> Option<Vec<u8>> {
        let body = self.body?;
        if !self.is_part {
            return Some(body);
        }
        let begin = body.iter().position(|byte| !matches!(byte, b',' | b' ' | b'\n' | b'\r' | b'\t'));
        let elements = &body[begin.unwrap_or(body.len())..];
        let array = if path.contains("/responses") { "input" } else { "messages" };
        Some([b"{\"", array.as_bytes(), b"\":[", elements, b"]}"].concat())
    }
}

/// What these records said, by their ids; those without bodies are not there.
///
/// # Errors
/// The database's.
pub fn texts(conn: &mut Connection, ids: &[i64]) -> Result<HashMap<i64, Texts>, Error> {
    Ok(match conn {
        Connection::Sqlite(conn) => whole_texts(conn, ids)?,
        Connection::Postgres(conn) => whole_texts(conn, ids)?,
    })
}

/// What these records said that was new, by their ids.
///
/// # Errors
/// The database's.
pub fn fresh(conn: &mut Connection, ids: &[i64]) -> Result<HashMap<i64, Fresh>, Error> {
    Ok(match conn {
        Connection::Sqlite(conn) => fresh_texts(conn, ids)?,
        Connection::Postgres(conn) => fresh_texts(conn, ids)?,
    })
}

/// See [`texts`].
pub(in crate::db) fn whole_texts<C: Speaker>(conn: &mut C, ids: &[i64]) -> QueryResult<HashMap<i64, Texts>> {
    let mut all = HashMap::new();
    for ids in ids.chunks(CHUNK) {
        for (row, [body, response, headers]) in pieces(conn, ids, false)? {
            let note = |note: Option<String>, bytes: &Option<Vec<u8>>, had: bool| match bytes {
                None if had => Some(DAMAGED.to_owned()),
                _ => note,
            };
            let body_note = note(row.body_note, &body, row.body.is_some());
            let response_note = note(row.response_note, &response, row.response.is_some());
            all.insert(row.record_id, Texts { body, body_note, response, response_note, headers });
        }
    }
    Ok(all)
}

/// See [`fresh`].
pub(in crate::db) fn fresh_texts<C: Speaker>(conn: &mut C, ids: &[i64]) -> QueryResult<HashMap<i64, Fresh>> {
    let mut all = HashMap::new();
    for ids in ids.chunks(FRESH_CHUNK) {
        for (row, [body, response, _]) in pieces(conn, ids, true)? {
            all.insert(row.record_id, Fresh { body, is_part: row.fresh_from.is_some(), response });
        }
    }
    Ok(all)
}

/// A row with its body, its reply and its headers.
type Bodies = (BodyRow, [Option<Vec<u8>>; 3]);

/// Of these records what was said; `fresh_only` gives what is new in the body, and no headers.
fn pieces<C: Speaker>(conn: &mut C, ids: &[i64], fresh_only: bool) -> QueryResult<Vec<Bodies>> {
    let rows = conn.bodies(ids)?;
    let wanted = |row: &BodyRow| -> [Option<Layout>; 3] {
        if row.layout == 0 {
            return [const { None }; 3];
        }
        let layout = |bytes: &Option<Vec<u8>>| bytes.as_deref().and_then(Layout::decode);
        let body = layout(&row.body);
        let edges = row.fresh_from.zip(row.fresh_to).filter(|_| fresh_only);
        let body = match edges {
            Some((from, to)) => body.map(|layout| layout.within(&(from.max(0) as u64..to.max(0) as u64))),
            None => body,
        };
        [body, layout(&row.response), layout(&row.headers).filter(|_| !fresh_only)]
    };
    let layouts: Vec<[Option<Layout>; 3]> = rows.iter().map(wanted).collect();
    let mut ends: BTreeMap<i64, u64> = BTreeMap::new();
    for place in layouts.iter().flatten().flatten().flat_map(|layout| &layout.0) {
        let end = ends.entry(place.pack).or_default();
        *end = place.start.saturating_add(place.length).max(*end);
    }
    let packs = conn.packs(&ends.keys().copied().collect::<Vec<_>>())?;
    let unpack = |row: PackRow| {
        step();
        Some((row.id, unpacked_to(&row.data, *ends.get(&row.id)?)?))
    };
    let packs: HashMap<i64, Vec<u8>> = packs.into_iter().filter_map(unpack).collect();
    let put_together = |layout: &Option<Layout>| -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        for place in &layout.as_ref()?.0 {
            let from = usize::try_from(place.start).ok()?;
            let to = from.checked_add(usize::try_from(place.length).ok()?)?;
            bytes.extend_from_slice(packs.get(&place.pack)?.get(from..to)?);
        }
        Some(bytes)
    };
    let all = rows.into_iter().zip(&layouts).map(|(row, layouts)| match row.layout {
        0 => {
            let texts = [row.body.clone(), row.response.clone(), None];
            (row, texts)
        }
        _ => (row, layouts.each_ref().map(put_together)),
    });
    Ok(all.collect())
}
