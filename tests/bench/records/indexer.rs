//! Everything stored gets into the index, as the gateway's own indexer does it: some thousand records a segment, and
//! eight segments of a size become one. Start at [`index_all`].

use openai_api_route::db::index::{Change, Segment, all_parts, change, docs, indexed, segments};
use openai_api_route::db::records::rows;
use openai_api_route::db::{Connection, Database};
use openai_api_route::search::segment::Column;
use openai_api_route::search::segment::bits::Bits;
use openai_api_route::search::segment::build::Builder;
use openai_api_route::search::segment::merge::{Source, merge};

use crate::Result;
use crate::measure::{Took, Watch};

/// Records in a new segment.
const STEP: i64 = 4096;
/// Segments that become one.
const FACTOR: usize = 8;
/// Larger segments are left as they are.
const MOST_DOCS: u32 = 100_000;

/// Indexes all records up to `last_id`; says what that took.
///
/// # Errors
/// The database's, or a damaged segment.
pub fn index_all(database: &Database, last_id: i64) -> Result<Took> {
    let mut took = Took::default();
    let watch = Watch::start()?;
    let conn = &mut database.connect()?;
    let mut done = indexed(conn)?;
    while done < last_id {
        let upto = last_id.min(done + STEP);
        add(conn, done, upto)?;
        done = upto;
        while merge_some(conn)? {}
    }
    watch.stop(&mut took)?;
    Ok(took)
}

fn add(conn: &mut Connection, after: i64, upto: i64) -> Result<()> {
    let ids: Vec<i64> = (after + 1..=upto).collect();
    let mut builder = Builder::default();
    let (mut from, mut to) = (i64::MAX, i64::MIN);
    for ids in ids.chunks(256) {
        let rows = rows(conn, ids)?;
        for doc in docs(conn, &rows)? {
            let started = doc.numbers[Column::Started as usize].unwrap_or_default();
            (from, to) = (from.min(started), to.max(started));
            builder.push(&doc);
        }
    }
    let docs = builder.docs();
    let segment = Segment {
        id: 0,
        first_id: after + 1,
        last_id: upto,
        docs,
        started_from: from,
        started_to: to,
        removed: Bits::none(docs),
    };
    Ok(change(conn, Change { old: &[], new: Some((segment, builder.finish())), indexed: Some(upto) })?)
}

/// Merges the last segments when there are enough of about one size.
fn merge_some(conn: &mut Connection) -> Result<bool> {
    let all = segments(conn)?;
    let Some(last) = all.last() else { return Ok(false) };
    let most = last.docs.saturating_mul(FACTOR as u32 / 2);
    let alike = all.iter().rev().take_while(|segment| segment.docs < most && segment.docs < MOST_DOCS).count();
    if alike < FACTOR {
        return Ok(false);
    }
    let old = &all[all.len() - alike..];
    let mut sources = Vec::new();
    for segment in old {
        let parts = all_parts(conn, segment.id)?;
        sources.push(Source { parts, docs: segment.docs, removed: segment.removed.clone() });
    }
    let (parts, docs) = merge(sources).ok_or("a segment is damaged")?;
    let new = Segment {
        id: 0,
        first_id: old[0].first_id,
        last_id: last.last_id,
        docs,
        started_from: old.iter().map(|segment| segment.started_from).min().unwrap_or_default(),
        started_to: old.iter().map(|segment| segment.started_to).max().unwrap_or_default(),
        removed: Bits::none(docs),
    };
    let ids: Vec<i64> = old.iter().map(|segment| segment.id).collect();
    change(conn, Change { old: &ids, new: Some((new, parts)), indexed: None })?;
    Ok(true)
}
