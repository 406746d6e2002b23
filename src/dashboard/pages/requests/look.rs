//! What the list of requests asks the database, in one go. Start at [`look`].
//!
//! **Invariant:** no body is read but for the last words of each row. **May import:** `db`, `search`.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::dashboard::pages::requests::ask::OFFERED;
use crate::dashboard::pages::requests::chart::step_us;
use crate::dashboard::pages::requests::{UpstreamName, names};
use crate::db::PooledConnection;
use crate::db::find::{Bucket, Cursor, Found, Search, facets, find, histogram};
use crate::db::records::{Row, newest_id, titles};
use crate::error::Error;
use crate::search::Query;
use crate::search::segment::Name;

/// Matches that are put into another order, the newest.
const SORTED: usize = 1_000;
/// Clauses of which an empty list tells what would be there without them.
const HINTS: usize = 6;

pub(super) struct Seen {
    pub(super) found: Found,
    pub(super) buckets: Vec<Bucket>,
    pub(super) titles: HashMap<i64, String>,
    pub(super) names: HashMap<i64, UpstreamName>,
    pub(super) offers: Vec<String>,
    pub(super) newest: i64,
    pub(super) whole: Option<(u32, Vec<(usize, u32)>)>,
}

pub(super) fn look(
    connection: &mut PooledConnection,
    search: &Search,
    cursor: Cursor,
    limit: usize,
    sort: &str,
    from_us: i64,
    to_us: i64,
) -> Result<Seen, Error> {
    let mut found = find(connection, search, cursor, if sort.is_empty() { limit } else { SORTED })?;
    if !sort.is_empty() {
        let figure = |row: &Row| match sort {
            "-total" => Some(row.facts.total_us),
            "-ttft" => row.facts.first_byte_us,
            "-cost" => row.facts.cost_nano,
            _ => Some(row.facts.tokens_in? + row.facts.tokens_out.unwrap_or(0)),
        };
        found.rows.sort_by_key(|row| Reverse(figure(row)));
        found.rows.truncate(limit);
        (found.has_older, found.has_newer) = (false, false);
    }
    let ids: Vec<i64> = found.rows.iter().map(|row| row.id).collect();
    let mut whole = None;
    let count_of = |connection: &mut PooledConnection, query: Query| {
        find(connection, &Search { query, ..search.clone() }, Cursor::Newest, 1).map(|found| found.count)
    };
    if found.rows.is_empty() && cursor == Cursor::Newest {
        let all = count_of(connection, Query::default())?;
        let mut without = Vec::new();
        let clauses = search.query.clauses.len();
        for index in (0..clauses.min(HINTS)).filter(|_| clauses > 1 && all > 0) {
            without.push((index, count_of(connection, search.query.without(index))?));
        }
        whole = Some((all, without));
    }
    let mut offers = Vec::new();
    let everything = Search { query: Query::default(), ..search.clone() };
    for (name, kind) in [("model", Name::Model), ("key", Name::Key)] {
        let known = facets(connection, &everything, kind, OFFERED)?;
        offers.extend(
            known
                .into_iter()
                .filter(|facet| !facet.value.contains(['"', ' ']))
                .map(|facet| format!("{name}:{}", facet.value)),
        );
    }
    Ok(Seen {
        buckets: histogram(connection, search, from_us, step_us(from_us, to_us))?,
        titles: titles(connection, &ids)?,
        names: names(connection)?,
        offers,
        newest: newest_id(connection)?,
        whole,
        found,
    })
}
