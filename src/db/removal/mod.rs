//! Taking records out for good: their rows, their text in packs, their links, their places in the index.
//!
//! Start at [`remove`]. Text that another record still holds stays for it; all other bytes are overwritten in their packs. The
//! index notes what is gone at once, and its keeper writes the segments again without it.
//! **Invariant:** after a removal no record that is left has lost a byte, and nothing of the removed text is left in a row.
//! **May import:** `error`, `search`, diesel.

mod expiry;
mod wipe;

use std::collections::{HashMap, HashSet};

use diesel::Connection as _;
use diesel::connection::SimpleConnection;
use diesel::prelude::{QueryableByName, RunQueryDsl};
use diesel::sql_types::BigInt;

use crate::db::Connection;
use crate::db::index::{Segment, parts, segments, set_removed};
use crate::db::marks;
use crate::db::records::{Marks, REMOVALS, Row, forget_waiting, links_of, rows};
use crate::db::removal::wipe::wipe;
use crate::db::speak::{BodyRow, Speaker};
use crate::error::Error;
use crate::search::segment::Column;
use crate::search::segment::read::{Reader, Wanted};

use expiry::of;
pub use expiry::{Expired, expired, oldest, size};

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
    remove_groups(conn, &[ids], depth)
}

/// The same of several conversations.
///
/// # Errors
/// The database's; then nothing has changed.
pub fn remove_groups(conn: &mut Connection, groups: &[&[i64]], depth: Depth) -> Result<Removed, Error> {
    let all: Vec<Row> = groups.iter().map(|ids| rows(conn, ids)).collect::<Result<Vec<_>, Error>>()?.concat();
    if all.is_empty() {
        return Ok(Removed::default());
    }
    // Outside of the transaction: it reads every text once.
    let links = links_of(conn, &all)?;
    conn.transaction(|conn| {
        write_alone(conn)?;
        let removals = marks::get(conn, REMOVALS)?.unwrap_or(0);
        marks::set(conn, REMOVALS, removals + 1)?;
        let (mut removed, mut heirs) = (Removed::default(), HashMap::new());
        let mut gone = Vec::new();
        for ids in groups {
            let going = rows(conn, ids)?;
            let Some(owner) = going.first().map(owner) else { continue };
            let ids: Vec<i64> = going.iter().map(|row| row.id).collect();
            let staying = if owner > 0 { staying(conn, owner, &ids)? } else { Vec::new() };
            removed.bytes += match conn {
                Connection::Sqlite(conn) => wiped(conn, &ids, &staying, owner)?,
                Connection::Postgres(conn) => wiped(conn, &ids, &staying, owner)?,
            };
            forget_rows(conn, &ids, depth)?;
            heirs.extend(staying.first().iter().flat_map(|heir| ids.iter().map(|id| (*id, **heir))));
            gone.extend(ids);
        }
        forget_links(conn, &links, &heirs, &gone)?;
        mark_removed(conn, &gone, depth)?;
        removed.records = gone.len();
        Ok(removed)
    })
}

/// The records of a conversation but for those that go.
fn staying(conn: &mut Connection, owner: i64, going: &[i64]) -> Result<Vec<i64>, Error> {
    let going: HashSet<i64> = going.iter().copied().collect();
    Ok(of(conn, owner)?.into_iter().filter(|id| !going.contains(id)).collect())
}

/// Takes out links of records that go; those of a session that goes on lead to what stays of it.
fn forget_links(
    conn: &mut Connection,
    links: &[(i64, i64, bool)],
    heirs: &HashMap<i64, i64>,
    gone: &[i64],
) -> Result<(), Error> {
    let heir = |(link, record_id, is_session): &(i64, i64, bool)| {
        heirs.get(record_id).filter(|_| *is_session).map(|heir| (*link, *record_id, *heir))
    };
    let inherited: Vec<(i64, i64, i64)> = links.iter().filter_map(heir).collect();
    forget_waiting(conn, gone, &inherited)?;
    for own @ (link, record_id, _) in links {
        match heir(own) {
            Some((_, _, heir)) => {
                diesel::sql_query("UPDATE links SET record_id = $1 WHERE link = $2 AND record_id = $3")
                    .bind::<BigInt, _>(heir)
                    .bind::<BigInt, _>(link)
                    .bind::<BigInt, _>(record_id)
                    .execute(conn)?
            }
            None => diesel::sql_query("DELETE FROM links WHERE link = $1 AND record_id = $2")
                .bind::<BigInt, _>(link)
                .bind::<BigInt, _>(record_id)
                .execute(conn)?,
        };
    }
    Ok(())
}

/// Removes a whole conversation.
///
/// # Errors
/// The database's; then nothing has changed.
pub fn remove_conversation(conn: &mut Connection, conversation_id: i64, depth: Depth) -> Result<Removed, Error> {
    let all = of(conn, conversation_id)?;
    remove(conn, &all, depth)
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
