//! Keeping the index: new records into new segments, small segments into larger ones, removed records out for good.
//!
//! Start at [`advance`] and [`tidy`], which do one step each. **Invariant:** one program at a time does this ([`alone`]); whoever
//! searches meanwhile sees the segments of before or of after. **May import:** `error`, `search`, diesel.

use diesel::Connection as _;
use diesel::connection::SimpleConnection;
use diesel::prelude::{QueryableByName, RunQueryDsl};
use diesel::sql_types::{BigInt, Bool};

use crate::db::Connection;
use crate::db::index::{Change, DAMAGED, Segment, all_parts, change, docs, indexed, segments, sweep};
use crate::db::marks;
use crate::db::pace::step;
use crate::db::records::{Row, rows_after};
use crate::error::Error;
use crate::search::segment::Part;
use crate::search::segment::bits::Bits;
use crate::search::segment::build::Builder;
use crate::search::segment::merge::{Source, merge};

/// Records in a new segment, at most.
pub const STEP_RECORDS: i64 = 4096;
/// Records read at a time, at most …
const READ_ROWS: usize = 256;
/// … and bytes of their texts, but for one that is larger.
const READ_BYTES: i64 = 8 << 20;
/// As many neighbours of one size become one.
const MERGED: usize = 8;
/// The least size; each further one is [`MERGED`] times as large.
const LEAST_DOCS: u32 = 256;
/// No segment grows beyond this.
const MOST_DOCS: u32 = 65_536;
/// While more is about to be removed, a segment is written anew when it has lost one in so many of its records.
const WORTH_WRITING: u32 = 8;
/// Held by the one program that keeps the index: "openai-i" in ASCII.
const INDEX_LOCK: i64 = 0x6f70_656e_6169_2d69;

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    answer: bool,
}

/// Whether this connection may keep the index: on Postgres one replica at a time, as long as its connection lasts. Sweeps up
/// what another left behind.
///
/// # Errors
/// The database's.
pub fn alone(conn: &mut Connection) -> Result<bool, Error> {
    let alone = match conn {
        Connection::Sqlite(conn) => {
            // The words of records that are removed later stand in old segments too: what is deleted is overwritten.
            conn.batch_execute("PRAGMA secure_delete = ON")?;
            true
        }
        Connection::Postgres(conn) => {
            diesel::sql_query("SELECT pg_try_advisory_lock($1) AS answer")
                .bind::<BigInt, _>(INDEX_LOCK)
                .get_result::<Answer>(conn)?
                .answer
        }
    };
    if alone {
        sweep(conn)?;
    }
    Ok(alone)
}

/// Indexes the next records if there are `least` of them, and says how many it took.
///
/// # Errors
/// The database's; then nothing has changed.
pub fn advance(conn: &mut Connection, least: usize) -> Result<usize, Error> {
    let after = indexed(conn)?;
    let rows = rows_after(conn, after, STEP_RECORDS)?;
    if rows.is_empty() || rows.len() < least {
        return Ok(0);
    }
    let last = rows.last().map(|row| row.id);
    let new = build(conn, &rows)?;
    let done = change(conn, Change { old: &[], new: Some(new), rows: &rows, indexed: last })?;
    Ok(if done { rows.len() } else { 0 })
}

/// Merges segments, or takes removed records out of one; false when there is nothing to do. While more is about to be removed
/// (`waits`), only out of a segment that has lost a good part of them: each is written anew as a whole.
///
/// # Errors
/// The database's; then nothing has changed.
pub fn tidy(conn: &mut Connection, waits: bool) -> Result<bool, Error> {
    let all = segments(conn)?;
    let Some(run) = purgeable(&all, waits).or_else(|| mergeable(&all)) else { return Ok(false) };
    rewrite(conn, run)?;
    Ok(true)
}

/// Makes the whole index anew from the records, as after damage: until that is done, searches read the records themselves.
///
/// # Errors
/// The database's.
pub fn start_anew(conn: &mut Connection) -> Result<(), Error> {
    let old = segments(conn)?;
    change(conn, Change { old: &old, indexed: Some(0), ..Change::default() }).map(drop)
}

/// Writes these segments again as one, without their removed records.
fn rewrite(conn: &mut Connection, run: &[Segment]) -> Result<(), Error> {
    let mut sources = Vec::new();
    for segment in run {
        let parts = all_parts(conn, segment.id)?;
        let (removed, textless) = (segment.removed.clone(), segment.textless.clone());
        sources.push(Source { parts, docs: segment.docs, removed, textless });
    }
    let Some((parts, docs)) = merge(sources) else {
        return marks::set(conn, DAMAGED, 1);
    };
    let merged = run.iter().cloned().reduce(|a, b| Segment {
        last_id: b.last_id,
        started_from: a.started_from.min(b.started_from),
        started_to: a.started_to.max(b.started_to),
        ..a
    });
    let Some(merged) = merged else { return Ok(()) };
    let new =
        (docs > 0).then(|| (Segment { docs, removed: Bits::none(docs), textless: Bits::none(docs), ..merged }, parts));
    change(conn, Change { old: run, new, ..Change::default() }).map(drop)
}

/// A segment of these rows.
pub(in crate::db) fn build(conn: &mut Connection, rows: &[Row]) -> Result<(Segment, Vec<Part>), Error> {
    let mut builder = Builder::default();
    let mut left = rows;
    while !left.is_empty() {
        let (some, others) = left.split_at(at_a_time(left));
        // One look at the database for all that is read: to begin one costs as much as a record.
        for doc in conn.transaction(|conn| docs(conn, some))? {
            step();
            builder.push(&doc);
        }
        left = others;
    }
    let started = rows.iter().map(|row| row.facts.started_us);
    let segment = Segment {
        id: 0,
        first_id: rows.first().map_or(0, |row| row.id),
        last_id: rows.last().map_or(0, |row| row.id),
        docs: builder.docs(),
        started_from: started.clone().min().unwrap_or_default(),
        started_to: started.max().unwrap_or_default(),
        removed: Bits::none(builder.docs()),
        textless: Bits::none(builder.docs()),
    };
    Ok((segment, builder.finish()))
}

/// Of how many of these records the texts are in memory together: neighbours share packs, but large ones are no crowd.
fn at_a_time(rows: &[Row]) -> usize {
    let mut bytes = 0i64;
    let fits = |row: &&Row| {
        bytes = bytes.saturating_add(row.facts.request_bytes).saturating_add(row.facts.reply_bytes);
        bytes <= READ_BYTES
    };
    rows.iter().take(READ_ROWS).take_while(fits).count().max(1)
}

/// A segment with records or texts that are gone.
fn purgeable(all: &[Segment], waits: bool) -> Option<&[Segment]> {
    let is_stale = |segment: &Segment| {
        let gone = segment.removed.count() + segment.textless.count();
        gone > if waits { segment.docs / WORTH_WRITING } else { 0 }
    };
    all.iter().position(is_stale).map(|at| &all[at..=at])
}

/// Neighbours of one size, enough of them to become one of the next; those to their right are smaller.
fn mergeable(all: &[Segment]) -> Option<&[Segment]> {
    let mut size = LEAST_DOCS;
    while size < MOST_DOCS {
        let next = size.saturating_mul(MERGED as u32);
        let small = all.iter().rev().take_while(|segment| segment.docs < next).count();
        let run = &all[all.len() - small..];
        let mut docs = 0;
        let fits = |segment: &&Segment| {
            docs += segment.docs;
            docs <= MOST_DOCS
        };
        let run = &run[..run.iter().take_while(fits).count()];
        let total: u32 = run.iter().map(|segment| segment.docs).sum();
        let enough =
            if next >= MOST_DOCS { small > run.len() && run.len() > 1 } else { total >= next && run.len() >= MERGED };
        if enough {
            return Some(run);
        }
        size = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::db::index::Segment;
    use crate::db::index::upkeep::{MERGED, MOST_DOCS, READ_BYTES, READ_ROWS, at_a_time, mergeable};
    use crate::db::records::{Facts, Row, Signs};
    use crate::search::segment::bits::Bits;

    fn segment(id: i64, docs: u32) -> Segment {
        Segment {
            id,
            first_id: id,
            last_id: id,
            docs,
            started_from: 0,
            started_to: 0,
            removed: Bits::none(docs),
            textless: Bits::none(docs),
        }
    }

    /// Merges as often as it can, and counts how many documents were written again.
    fn settled(all: &mut Vec<Segment>) -> u64 {
        let mut written = 0;
        while let Some(run) = mergeable(all) {
            let (first, docs) = (run[0].id, run.iter().map(|segment| segment.docs).sum());
            let at = all.iter().position(|segment| segment.id == first).unwrap();
            all.splice(at..at + run.len(), [segment(first, docs)]);
            written += u64::from(docs);
        }
        written
    }

    #[test]
    fn a_million_records_are_a_few_segments_and_each_was_written_a_few_times() {
        for step in [1, 300, 4096] {
            let (mut all, mut written, mut records) = (Vec::new(), 0, 0u64);
            while records < 1_000_000 / u64::from(4096 / step) {
                all.push(segment(records as i64, step));
                records += u64::from(step);
                written += settled(&mut all);
            }
            let largest = all.iter().map(|segment| segment.docs).max().unwrap();
            assert!(largest <= MOST_DOCS);
            assert!(all.len() < 16 + 4 * MERGED + 300 / step as usize * 8, "{step}: {}", all.len());
            assert!(written <= records * 6, "{step}: {written} of {records}");
        }
    }

    #[test]
    fn texts_are_read_by_their_size_and_a_huge_one_alone() {
        let row = |request_bytes: i64, reply_bytes: i64| Row {
            id: 1,
            facts: Facts { request_bytes, reply_bytes, ..Facts::default() },
            placed: Default::default(),
            signs: Signs::default(),
            replay_of: None,
        };
        let third = row(READ_BYTES / 6, READ_BYTES / 6);
        let huge = row(i64::MAX, i64::MAX);
        assert_eq!(at_a_time(&vec![row(900, 100); 1_000]), READ_ROWS);
        assert_eq!(at_a_time(&vec![third.clone(); 10]), 3);
        assert_eq!(at_a_time(&[third, huge.clone()]), 1);
        assert_eq!(at_a_time(&[huge]), 1);
    }
}
