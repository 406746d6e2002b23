//! Finding records: a query, a time, a page. Start at [`Search`], then [`find()`].
//!
//! | file | what it does |
//! |---|---|
//! | `eval` | a query on one segment: the documents that match, and those that have to be read to be sure |
//! | `walk` | all segments and what they do not hold yet, in the order that is wanted |
//! | `check` | reading records to be sure |
//! | `page` | a page of matches and how many there are |
//! | `top` | the matches with the greatest figures |
//! | `tail` | what has come since a record |
//! | `over` | what matches, counted by name, by time, by conversation |
//!
//! **Invariant:** both databases give the same answer, since neither decides anything; nothing is silently left out: what a
//! deadline cuts off is told. **May import:** `error`, `search`, diesel.

mod check;
mod eval;
mod over;
mod page;
mod tail;
mod top;
mod walk;

use std::time::Instant;

use diesel::Connection as _;
use diesel::prelude::{QueryableByName, RunQueryDsl};
use diesel::sql_types::{BigInt, Text};

use crate::db::Connection;
use crate::db::index::DAMAGED;
use crate::db::marks;
use crate::error::Error;
use crate::search::Query;

pub use over::{Bucket, Facet, Group, Groups, facets, groups, histogram};
pub use page::{Found, find, ids};
pub use tail::{Tail, newer};
pub use top::{TOP, Top, top};

/// What a search says that met a part of the index which cannot be read.
const INDEX_DAMAGED: &str = "the search index is damaged; it is made anew, try again in a moment";

/// Matches are counted up to here.
pub const COUNT_CAP: u32 = 10_001;

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Search {
    /// The query.
    pub query: Query,
    /// Requests that came in at this time or later, µs since 1970.
    pub from_us: Option<i64>,
    /// Requests that came in before this time, µs since 1970.
    pub to_us: Option<i64>,
    /// When to give up. What has been found until then is told, and how far it went.
    pub deadline: Instant,
}

/// Which page of the matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// The newest.
    Newest,
    /// Those older than this record.
    Before(i64),
    /// Those newer than this record, the oldest of them.
    After(i64),
}

#[derive(QueryableByName)]
struct NamedUpstream {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    endpoint: String,
}

/// The upstreams there are or were, for `upstream:`: a number, a name, an endpoint or its host.
pub(in crate::db) fn upstreams(conn: &mut Connection) -> Result<Vec<(String, Vec<String>)>, Error> {
    let rows: Vec<NamedUpstream> = diesel::sql_query("SELECT id, name, endpoint FROM openai_upstreams").load(conn)?;
    let names = |row: NamedUpstream| {
        let host = row.endpoint.split("://").last().unwrap_or_default();
        let host = host.split(['/', '?']).next().unwrap_or_default().rsplit('@').next().unwrap_or_default();
        let id = row.id.to_string();
        let names = [id.clone(), row.name, host.to_owned(), row.endpoint].into_iter().filter(|name| !name.is_empty());
        (id, names.map(|name| name.to_ascii_lowercase()).collect())
    };
    Ok(rows.into_iter().map(names).collect())
}

/// Reads everything as it is at one moment: segments must not be merged away while they are asked.
fn at_one_moment<T>(conn: &mut Connection, work: impl FnOnce(&mut Connection) -> Result<T, Error>) -> Result<T, Error> {
    let done = conn.transaction(|conn| {
        if let Connection::Postgres(_) = conn {
            diesel::sql_query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(conn)?;
        }
        work(conn)
    });
    if matches!(&done, Err(Error::Database(what)) if what == INDEX_DAMAGED) {
        // Its keeper makes it anew.
        marks::set(conn, DAMAGED, 1)?;
    }
    done
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_top;
