//! The parts of segments, as rows. Start at [`parts`].
//!
//! **Invariant:** no transaction here writes more than [`STEP_BYTES`]. **May import:** `error`, `search`, diesel.

use diesel::Connection as _;
use diesel::prelude::{QueryableByName, RunQueryDsl};
use diesel::sql_types::{BigInt, Binary, SmallInt};

use crate::db::Connection;
use crate::error::Error;
use crate::search::segment::read::Wanted;
use crate::search::segment::{Kind, Part};

/// Bytes of parts in one transaction, about.
const STEP_BYTES: usize = 1 << 20;

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

/// Writes the parts of a segment that is to appear.
pub(super) fn write_parts(conn: &mut Connection, segment_id: i64, parts: &[Part]) -> Result<(), Error> {
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
