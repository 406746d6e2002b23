//! Beside the store: what is taken over as it is, and the links of records that are to go.
//!
//! **Invariant:** nothing here is felt: neither runs for each request. **May import:** `error`, `openai`, diesel.

use diesel::SqliteConnection;
use diesel::result::QueryResult;

use crate::db::Connection;
use crate::db::records::signs;
use crate::db::records::thread::{Meanings, Seen, Thread};
use crate::db::records::tries::short;
use crate::db::records::ways::Ways;
use crate::db::records::{NewRecord, Row, Texts, header_pairs, texts};
use crate::db::speak::{BodyRow, Numbered, Placed, RecordRow, Speaker};
use crate::error::Error;
use crate::openai::peek::session_key;

/// The links under which these records are found, each with its record; of a link to a session that it stands for the whole.
///
/// # Errors
/// The database's.
pub(in crate::db) fn links_of(conn: &mut Connection, rows: &[Row]) -> Result<Vec<(i64, i64, bool)>, Error> {
    let mut meanings = Meanings::default();
    let mut links = Vec::new();
    for row in rows {
        let texts = texts(conn, &[row.id])?.remove(&row.id).unwrap_or_default();
        let session = texts.headers.as_deref().and_then(session_of);
        let record = NewRecord { facts: row.facts.clone(), texts, session, ..NewRecord::default() };
        let thread = Thread::read(&Seen::of(&record), &mut meanings);
        let ways = Ways::of(&thread);
        let own = [ways.asked, thread.response(), ways.awaits].into_iter().flatten();
        links.extend(own.chain(ways.ends.iter().map(|(link, _)| *link)).map(|link| (link, row.id, false)));
        links.extend(ways.session.map(|link| (link, row.id, true)));
    }
    Ok(links)
}

/// The session that stands in recorded headers.
fn session_of(headers: &[u8]) -> Option<String> {
    let [request, _] = header_pairs(headers);
    session_key(|wanted| request.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str()), b"")
}

/// Stores records as they are, each body in its row: what is taken over from elsewhere within a transaction of its own.
pub(in crate::db) fn store_plain(conn: &mut SqliteConnection, batch: &[NewRecord]) -> QueryResult<usize> {
    let ids = conn.reserve(Numbered::Records, batch.len())?;
    let facts: Vec<_> = batch.iter().map(|record| record.facts.without_nul()).collect();
    let rows = ids.iter().zip(&facts).zip(batch);
    let rows = rows.map(|((id, facts), record)| RecordRow {
        id: *id,
        facts,
        attempts: short(&facts.attempts),
        placed: Placed::default(),
        signs: signs::read(record, None),
        replay_of: record.replay_of,
    });
    conn.insert_records(&rows.collect::<Vec<_>>())?;
    let bodies = ids.iter().zip(batch).map(|(id, record)| {
        let Texts { body, body_note, response, response_note, headers: _ } = record.texts.clone();
        BodyRow { record_id: *id, body, body_note, response, response_note, ..BodyRow::default() }
    });
    conn.insert_bodies(&bodies.collect::<Vec<_>>())?;
    Ok(ids.len())
}
