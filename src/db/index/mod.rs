//! The index as the database keeps it: segments, their parts, and how far the records are indexed.
//!
//! Start at [`Segment`]; `docs` says what is indexed of a record. A segment appears in one small transaction, when all its parts
//! stand already; parts of a segment that never appeared are swept at the start.
//! **Invariant:** no transaction here writes more than [`STEP_BYTES`], so that records never wait for the index.
//! **May import:** `error`, `search`, `openai`, diesel.

mod docs;
mod upkeep;

use diesel::Connection as _;
use diesel::prelude::{QueryableByName, RunQueryDsl};
use diesel::sql_types::{BigInt, Binary, Nullable, SmallInt};

use crate::db::Connection;
use crate::db::marks;
use crate::db::records::REMOVALS;
use crate::db::speak::{Numbered, Speaker};
use crate::error::Error;
use crate::search::segment::bits::Bits;
use crate::search::segment::read::Wanted;
use crate::search::segment::{Kind, Part};

pub use docs::{docs, texts_of};
pub(in crate::db) use upkeep::build;
pub use upkeep::{STEP_RECORDS, advance, alone, start_anew, tidy};

/// The mark that says up to which record everything is indexed.
pub const INDEXED: &str = "indexed";
/// Bytes of parts in one transaction, about.
const STEP_BYTES: usize = 1 << 20;

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

#[derive(QueryableByName)]
struct PartRow {
    #[diesel(sql_type = SmallInt)]
    kind: i16,
    #[diesel(sql_type = Binary)]
    key: Vec<u8>,
    #[diesel(sql_type = Binary)]
    data: Vec<u8>,
}

#[derive(QueryableByName)]
struct Data {
    #[diesel(sql_type = Binary)]
    data: Vec<u8>,
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

/// The parts of a segment that are wanted, in the order of their keys.
///
/// # Errors
/// The database's.
pub fn parts(conn: &mut Connection, segment_id: i64, wanted: &Wanted) -> Result<Vec<Vec<u8>>, Error> {
    // The first part that may hold the term is the last one that begins at it or before.
    // Postgres has no `max` of bytes before version 18.
    let begin = "key >= coalesce((SELECT key FROM segment_parts WHERE segment_id = $1 AND kind = $2 AND key <= $3 \
                 ORDER BY key DESC LIMIT 1), $3)";
    let rows: Vec<Data> = match &wanted.below {
        Some(below) => diesel::sql_query(format!(
            "SELECT data FROM segment_parts WHERE segment_id = $1 AND kind = $2 AND {begin} AND key < $4 ORDER BY key"
        ))
        .bind::<BigInt, _>(segment_id)
        .bind::<SmallInt, _>(wanted.kind as i16)
        .bind::<Binary, _>(&wanted.from)
        .bind::<Binary, _>(below)
        .load(conn)?,
        None => diesel::sql_query(format!(
            "SELECT data FROM segment_parts WHERE segment_id = $1 AND kind = $2 AND {begin} ORDER BY key"
        ))
        .bind::<BigInt, _>(segment_id)
        .bind::<SmallInt, _>(wanted.kind as i16)
        .bind::<Binary, _>(&wanted.from)
        .load(conn)?,
    };
    Ok(rows.into_iter().map(|row| row.data).collect())
}

/// Every part of a segment, in the order of kind and key.
///
/// # Errors
/// The database's.
pub fn all_parts(conn: &mut Connection, segment_id: i64) -> Result<Vec<Part>, Error> {
    let rows: Vec<PartRow> =
        diesel::sql_query("SELECT kind, key, data FROM segment_parts WHERE segment_id = $1 ORDER BY kind, key")
            .bind::<BigInt, _>(segment_id)
            .load(conn)?;
    let part = |row: PartRow| {
        let kind = [Kind::Texts, Kind::Names, Kind::Column].into_iter().find(|kind| *kind as i16 == row.kind)?;
        Some(Part { kind, key: row.key, data: row.data })
    };
    Ok(rows.into_iter().filter_map(part).collect())
}

/// What takes the place of what.
#[derive(Debug)]
pub struct Change<'a> {
    /// Ids of the segments that go.
    pub old: &'a [i64],
    /// The segment that comes, its id ignored; `None` when nothing is left.
    pub new: Option<(Segment, Vec<Part>)>,
    /// Up to which record everything is indexed then; `None`: as before.
    pub indexed: Option<i64>,
    /// How many removals there had been when the new segment's records were read.
    pub removals: i64,
}

/// Puts a segment in the place of others.
///
/// # Errors
/// The database's, and [`Error::Unavailable`] when something was removed meanwhile; then nothing has changed.
pub fn change(conn: &mut Connection, change: Change<'_>) -> Result<(), Error> {
    let Change { old, new, indexed, removals } = change;
    let appears = match new {
        Some((segment, parts)) => {
            let id = next_id(conn)?;
            write_parts(conn, id, &parts)?;
            Some(Segment { id, ..segment })
        }
        None => None,
    };
    conn.transaction(|conn| {
        // Whoever removes records counts it in the transaction that removes them: what was read before may hold them still.
        marks::lock(conn)?;
        if marks::get(conn, REMOVALS)?.unwrap_or(0) != removals {
            return Err(Error::Unavailable("records were removed meanwhile".to_owned()));
        }
        if let Some(segment) = &appears {
            insert(conn, segment)?;
        }
        for id in old {
            diesel::sql_query("DELETE FROM segments WHERE id = $1").bind::<BigInt, _>(id).execute(conn)?;
        }
        if let Some(indexed) = indexed {
            marks::set(conn, INDEXED, indexed)?;
        }
        Ok::<(), Error>(())
    })?;
    sweep(conn)
}

/// Whether a segment still holds what was removed.
pub fn removals_pending(segments: &[Segment]) -> bool {
    segments.iter().any(|segment| !segment.removed.is_empty() || !segment.textless.is_empty())
}

/// How many removals there have been.
///
/// # Errors
/// The database's.
pub fn removals(conn: &mut Connection) -> Result<i64, Error> {
    Ok(marks::get(conn, REMOVALS)?.unwrap_or(0))
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

fn write_parts(conn: &mut Connection, segment_id: i64, parts: &[Part]) -> Result<(), Error> {
    let mut rest = parts;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = |part: &&Part| {
            bytes += part.data.len();
            bytes <= STEP_BYTES
        };
        let (step, later) = rest.split_at(rest.iter().take_while(fits).count().max(1));
        rest = later;
        conn.transaction(|conn| {
            for Part { kind, key, data } in step {
                diesel::sql_query("INSERT INTO segment_parts (segment_id, kind, key, data) VALUES ($1, $2, $3, $4)")
                    .bind::<BigInt, _>(segment_id)
                    .bind::<SmallInt, _>(*kind as i16)
                    .bind::<Binary, _>(key)
                    .bind::<Binary, _>(data)
                    .execute(conn)?;
            }
            Ok::<(), Error>(())
        })?;
    }
    Ok(())
}

/// Removes the parts of segments that are gone or never appeared, some at a time. Only the one indexer may call it.
///
/// # Errors
/// The database's; what is left is swept the next time.
pub fn sweep(conn: &mut Connection) -> Result<(), Error> {
    while diesel::sql_query(
        "DELETE FROM segment_parts WHERE id IN (SELECT id FROM segment_parts WHERE segment_id NOT IN (SELECT id FROM segments) LIMIT 64)",
    )
    .execute(conn)?
        > 0
    {}
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
