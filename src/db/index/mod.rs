//! The index as the database keeps it: segments, their parts, and how far the records are indexed.
//!
//! Start at [`Segment`]; `docs` says what is indexed of a record. A segment appears in one small transaction, when all its parts
//! stand already; parts of a segment that never appeared are swept at the start.
//! **Invariant:** no transaction here writes more than a megabyte, so that records never wait for the index.
//! **May import:** `error`, `search`, `openai`, diesel.

mod docs;
mod parts;
mod upkeep;

use diesel::Connection as _;
use diesel::prelude::{QueryableByName, RunQueryDsl};
use diesel::sql_types::{BigInt, Binary, Nullable};

use crate::db::Connection;
use crate::db::index::parts::write_parts;
use crate::db::marks;
use crate::db::records::{Marks, Row};
use crate::db::speak::{Numbered, Speaker};
use crate::error::Error;
use crate::search::segment::Part;
use crate::search::segment::bits::Bits;

pub use docs::{docs, texts_of};
pub use parts::{all_parts, parts, sweep};
pub(in crate::db) use upkeep::build;
pub use upkeep::{STEP_RECORDS, advance, alone, start_anew, tidy};

/// The mark that says that a part of the index cannot be read.
pub const DAMAGED: &str = "index damaged";
/// The mark that says up to which record everything is indexed.
pub const INDEXED: &str = "indexed";

/// A segment.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Its id.
    pub id: i64,
    /// The least and the greatest id of its records.
    pub first_id: i64,
    /// See `first_id`.
    pub last_id: i64,
    /// How many records.
    pub docs: u32,
    /// When its first and its last request came in, µs since 1970.
    pub started_from: i64,
    /// See `started_from`.
    pub started_to: i64,
    /// Records that are gone.
    pub removed: Bits,
    /// Records whose texts are gone.
    pub textless: Bits,
}

#[derive(QueryableByName)]
struct SegmentRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    first_id: i64,
    #[diesel(sql_type = BigInt)]
    last_id: i64,
    #[diesel(sql_type = BigInt)]
    docs: i64,
    #[diesel(sql_type = BigInt)]
    started_from: i64,
    #[diesel(sql_type = BigInt)]
    started_to: i64,
    #[diesel(sql_type = Nullable<Binary>)]
    removed: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Binary>)]
    textless: Option<Vec<u8>>,
}

/// All segments, by the ids of their records.
///
/// # Errors
/// The database's.
pub fn segments(conn: &mut Connection) -> Result<Vec<Segment>, Error> {
    let rows: Vec<SegmentRow> = diesel::sql_query(
        "SELECT id, first_id, last_id, docs, started_from, started_to, removed, textless FROM segments ORDER BY first_id, id",
    )
    .load(conn)?;
    let segment = |row: SegmentRow| {
        let docs = u32::try_from(row.docs).unwrap_or_default();
        let bits = |bytes: Option<Vec<u8>>| Bits::from_bytes(&bytes.unwrap_or_default(), docs);
        let SegmentRow { id, first_id, last_id, started_from, started_to, removed, textless, .. } = row;
        let (removed, textless) = (bits(removed), bits(textless));
        Segment { id, first_id, last_id, docs, started_from, started_to, removed, textless }
    };
    Ok(rows.into_iter().map(segment).collect())
}

/// Up to which record everything is indexed.
///
/// # Errors
/// The database's.
pub fn indexed(conn: &mut Connection) -> Result<i64, Error> {
    Ok(marks::get(conn, INDEXED)?.unwrap_or(0))
}

#[derive(QueryableByName)]
struct Newest {
    #[diesel(sql_type = Nullable<BigInt>)]
    id: Option<i64>,
}

/// How many records are not indexed yet, about: ids are numbered without gaps but for what was removed.
///
/// # Errors
/// The database's.
pub fn behind(conn: &mut Connection) -> Result<i64, Error> {
    let newest: Newest = diesel::sql_query("SELECT max(id) AS id FROM records").get_result(conn)?;
    let indexed = indexed(conn)?;
    Ok((newest.id.unwrap_or(0) - indexed).max(0))
}

/// What takes the place of what.
#[derive(Debug, Default)]
pub struct Change<'a> {
    /// The segments that go, as they were when they were read.
    pub old: &'a [Segment],
    /// The segment that comes, its id ignored; `None` when nothing is left.
    pub new: Option<(Segment, Vec<Part>)>,
    /// The records that were read for it, when they were in no segment yet.
    pub rows: &'a [Row],
    /// Up to which record everything is indexed then; `None`: as before.
    pub indexed: Option<i64>,
}

/// Puts a segment in the place of others; false when something of what it was made of was removed meanwhile, and nothing has
/// changed.
///
/// # Errors
/// The database's; then nothing has changed either.
pub fn change(conn: &mut Connection, change: Change<'_>) -> Result<bool, Error> {
    let Change { old, new, rows, indexed } = change;
    let appears = match new {
        Some((segment, parts)) => {
            let id = next_id(conn)?;
            write_parts(conn, id, &parts)?;
            Some(Segment { id, ..segment })
        }
        None => None,
    };
    let done = conn.transaction(|conn| {
        // Whoever removes records does so under this lock: what was read before may hold them still.
        marks::lock(conn)?;
        if !are_as_read(conn, old, rows)? {
            return Ok(false);
        }
        if let Some(segment) = &appears {
            insert(conn, segment)?;
        }
        for segment in old {
            diesel::sql_query("DELETE FROM segments WHERE id = $1").bind::<BigInt, _>(segment.id).execute(conn)?;
        }
        if let Some(indexed) = indexed {
            marks::set(conn, INDEXED, indexed)?;
        }
        Ok::<bool, Error>(true)
    })?;
    sweep(conn)?;
    Ok(done)
}

#[derive(QueryableByName)]
struct Left {
    #[diesel(sql_type = BigInt)]
    records: i64,
    #[diesel(sql_type = BigInt)]
    bodies: i64,
}

/// Whether nothing was removed of these segments and rows since they were read.
fn are_as_read(conn: &mut Connection, old: &[Segment], rows: &[Row]) -> Result<bool, Error> {
    if !old.is_empty() {
        let now = segments(conn)?;
        let is_there = |one: &Segment| {
            now.iter().any(|now| now.id == one.id && now.removed == one.removed && now.textless == one.textless)
        };
        if !old.iter().all(is_there) {
            return Ok(false);
        }
    }
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(true) };
    let body = Marks::Body as i64;
    let left: Left = diesel::sql_query(
        "SELECT count(*) AS records, CAST(coalesce(sum(marks & $1), 0) AS BIGINT) AS bodies FROM records WHERE id BETWEEN $2 AND $3",
    )
    .bind::<BigInt, _>(body)
    .bind::<BigInt, _>(first.id)
    .bind::<BigInt, _>(last.id)
    .get_result(conn)?;
    let bodies: i64 = rows.iter().map(|row| row.signs.marks & body).sum();
    Ok((left.records, left.bodies) == (rows.len() as i64, bodies))
}

/// Whether a segment still holds what was removed.
pub fn removals_pending(segments: &[Segment]) -> bool {
    segments.iter().any(|segment| !segment.removed.is_empty() || !segment.textless.is_empty())
}

fn next_id(conn: &mut Connection) -> Result<i64, Error> {
    let ids = match conn {
        Connection::Sqlite(conn) => conn.reserve(Numbered::Segments, 1)?,
        Connection::Postgres(conn) => conn.reserve(Numbered::Segments, 1)?,
    };
    ids.first().copied().ok_or(Error::NotFound)
}

fn insert(conn: &mut Connection, segment: &Segment) -> Result<(), Error> {
    diesel::sql_query(
        "INSERT INTO segments (id, first_id, last_id, docs, started_from, started_to) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind::<BigInt, _>(segment.id)
    .bind::<BigInt, _>(segment.first_id)
    .bind::<BigInt, _>(segment.last_id)
    .bind::<BigInt, _>(i64::from(segment.docs))
    .bind::<BigInt, _>(segment.started_from)
    .bind::<BigInt, _>(segment.started_to)
    .execute(conn)?;
    Ok(())
}

/// Notes which records of a segment are gone, and which have lost their texts.
///
/// # Errors
/// The database's.
pub fn set_removed(conn: &mut Connection, segment: &Segment) -> Result<(), Error> {
    diesel::sql_query("UPDATE segments SET removed = $1, textless = $2 WHERE id = $3")
        .bind::<Binary, _>(segment.removed.to_bytes())
        .bind::<Binary, _>(segment.textless.to_bytes())
        .bind::<BigInt, _>(segment.id)
        .execute(conn)?;
    Ok(())
}
