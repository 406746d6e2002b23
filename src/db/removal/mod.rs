//! Taking records out for good: their rows, their text in packs, their links, their places in the index.
//!
//! Start at [`remove`]. Text that another record still holds stays for it; all other bytes are overwritten in their packs. The
//! index notes what is gone at once, and its keeper writes the segments again without it.
//! **Invariant:** after a removal no record that is left has lost a byte, and nothing of the removed text is left in a row.
//! **May import:** `error`, `search`, diesel.

mod expiry;
mod wipe;

use std::collections::HashSet;

use diesel::Connection as _;
use diesel::connection::SimpleConnection;
use diesel::prelude::{QueryableByName, RunQueryDsl};
use diesel::sql_types::BigInt;

use crate::db::Connection;
use crate::db::index::{Segment, parts, segments, set_removed};
use crate::db::marks;
use crate::db::records::{Marks, REMOVALS, Row, links_of, of_conversation, rows, settle_up_to};
use crate::db::removal::wipe::wipe;
use crate::db::speak::{BodyRow, Speaker};
use crate::error::Error;
use crate::search::segment::Column;
use crate::search::segment::read::{Reader, Wanted};

pub use expiry::{Expired, expired, oldest, size};

/// Rows of one conversation that are looked at, at most.
const CONVERSATION_ROWS: i64 = 100_000;
/// What a body that was removed is noted as.
pub const REMOVED: &str = "removed";

/// What is kept how long; 0 is for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// What was said, in days.
    pub bodies_days: u64,
    /// Whole records, in days.
    pub records_days: u64,
    /// The database's size in bytes.
    pub bytes: u64,
}

/// What is to go of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Everything.
    Record,
    /// What was said; the row and its figures stay.
    Bodies,
}

/// What has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removed {
    /// How many records.
    pub records: usize,
    /// Bytes of packs that became free.
    pub bytes: u64,
}

/// Removes records of one conversation, or one that belongs to none, in one transaction.
///
/// # Errors
/// The database's; then nothing has changed.
pub fn remove(conn: &mut Connection, ids: &[i64], depth: Depth) -> Result<Removed, Error> {
    let going = rows(conn, ids)?;
    let Some(owner) = going.first().map(owner) else { return Ok(Removed::default()) };
    // Outside of the transaction: it reads every text once.
    let links = links_of(conn, &going)?;
    settle_up_to(conn, going.iter().map(|row| row.id).max().unwrap_or_default())?;
    conn.transaction(|conn| {
        write_alone(conn)?;
        let removals = marks::get(conn, REMOVALS)?.unwrap_or(0);
        marks::set(conn, REMOVALS, removals + 1)?;
        let going: HashSet<i64> = rows(conn, ids)?.iter().map(|row| row.id).collect();
        let staying: Vec<i64> = if owner > 0 {
            let all = of_conversation(conn, owner, CONVERSATION_ROWS)?;
            all.iter().map(|row| row.id).filter(|id| !going.contains(id)).collect()
        } else {
            Vec::new()
        };
        let ids: Vec<i64> = going.iter().copied().collect();
        let bytes = match conn {
            Connection::Sqlite(conn) => wiped(conn, &ids, &staying, owner)?,
            Connection::Postgres(conn) => wiped(conn, &ids, &staying, owner)?,
        };
        forget_rows(conn, &ids, depth)?;
        for (link, record_id, is_session) in &links {
            match staying.first().filter(|_| *is_session) {
                // The session goes on with those that stay.
                Some(heir) => diesel::sql_query("UPDATE links SET record_id = $1 WHERE link = $2 AND record_id = $3")
                    .bind::<BigInt, _>(heir)
                    .bind::<BigInt, _>(link)
                    .bind::<BigInt, _>(record_id)
                    .execute(conn)?,
                None => diesel::sql_query("DELETE FROM links WHERE link = $1 AND record_id = $2")
                    .bind::<BigInt, _>(link)
                    .bind::<BigInt, _>(record_id)
                    .execute(conn)?,
            };
        }
        mark_removed(conn, &ids, depth)?;
        Ok(Removed { records: ids.len(), bytes })
    })
}

/// Removes a whole conversation.
///
/// # Errors
/// The database's; then nothing has changed.
pub fn remove_conversation(conn: &mut Connection, conversation_id: i64, depth: Depth) -> Result<Removed, Error> {
    let all = of_conversation(conn, conversation_id, CONVERSATION_ROWS)?;
    remove(conn, &all.iter().map(|row| row.id).collect::<Vec<_>>(), depth)
}

/// Gives some of the room of what was removed back: pages to the file system, text out of the write-ahead log. False when there
/// is no more to give. On Postgres its own vacuum does that.
///
/// # Errors
/// The database's.
pub fn give_back(conn: &mut Connection, pages: i64) -> Result<bool, Error> {
    let Connection::Sqlite(conn) = conn else { return Ok(false) };
    conn.batch_execute(&format!("PRAGMA incremental_vacuum({pages}); PRAGMA wal_checkpoint(TRUNCATE);"))?;
    let free = diesel::sql_query("SELECT freelist_count AS number FROM pragma_freelist_count");
    Ok(free.get_result::<Free>(conn)?.number > 0)
}

#[derive(QueryableByName)]
struct Free {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// Whose pieces a record's are: its conversation's, or its own.
fn owner(row: &Row) -> i64 {
    row.placed.conversation_id.unwrap_or(-row.id)
}

fn write_alone(conn: &mut Connection) -> Result<(), Error> {
    match conn {
        Connection::Sqlite(conn) => {
            // What is deleted is overwritten, in tables and in free pages.
            conn.batch_execute("PRAGMA secure_delete = ON")?;
            conn.write_alone()?;
        }
        Connection::Postgres(conn) => conn.write_alone()?,
    }
    Ok(())
}

fn wiped<C: Speaker>(conn: &mut C, going: &[i64], staying: &[i64], owner: i64) -> Result<u64, Error> {
    let going: Vec<BodyRow> = conn.bodies(going)?;
    let mut stay: Vec<BodyRow> = Vec::new();
    for ids in staying.chunks(200) {
        stay.append(&mut conn.bodies(ids)?);
    }
    Ok(wipe(conn, &going, &stay, owner)?)
}

fn forget_rows(conn: &mut Connection, ids: &[i64], depth: Depth) -> Result<(), Error> {
    for id in ids {
        match depth {
            Depth::Record => {
                for statement in ["DELETE FROM record_bodies WHERE record_id = $1", "DELETE FROM records WHERE id = $1"]
                {
                    diesel::sql_query(statement).bind::<BigInt, _>(id).execute(conn)?;
                }
            }
            Depth::Bodies => {
                diesel::sql_query(format!(
                    "UPDATE record_bodies SET body = NULL, response = NULL, headers = NULL, body_note = '{REMOVED}', response_note = '{REMOVED}', \
                     layout = 1, fresh_from = NULL, fresh_to = NULL WHERE record_id = $1"
                ))
                .bind::<BigInt, _>(id)
                .execute(conn)?;
                diesel::sql_query("UPDATE records SET marks = marks - (marks & $1) WHERE id = $2")
                    .bind::<BigInt, _>(Marks::Body as i64)
                    .bind::<BigInt, _>(id)
                    .execute(conn)?;
            }
        }
    }
    Ok(())
}

/// Notes in the index what is gone; its keeper then writes the segments again without it.
fn mark_removed(conn: &mut Connection, ids: &[i64], depth: Depth) -> Result<(), Error> {
    for mut segment in segments(conn)? {
        let within = |id: &&i64| (segment.first_id..=segment.last_id).contains(*id);
        let here: Vec<i64> = ids.iter().filter(within).copied().collect();
        if here.is_empty() {
            continue;
        }
        let places = places(conn, &segment)?;
        for id in here {
            let Ok(place) = places.binary_search(&id) else { continue };
            match depth {
                Depth::Record => segment.removed.insert(place as u32),
                Depth::Bodies => segment.textless.insert(place as u32),
            }
        }
        set_removed(conn, &segment)?;
    }
    Ok(())
}

/// The ids of a segment's records, by their places.
fn places(conn: &mut Connection, segment: &Segment) -> Result<Vec<i64>, Error> {
    let mut fetch = |wanted: &Wanted| parts(conn, segment.id, wanted);
    let ids = Reader::new(segment.docs, &mut fetch).column(Column::Id)?;
    Ok(ids.into_iter().map(Option::unwrap_or_default).collect())
}

#[cfg(test)]
mod tests;
