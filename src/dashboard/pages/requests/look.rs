//! What the list of requests asks the database, in one go. Start at [`look`].
//!
//! **Invariant:** no body is read but for the last words of each row. **May import:** `db`, `search`.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use crate::dashboard::pages::query::ask::names_in;
use crate::dashboard::pages::query::empty::{self, Hints};
use crate::dashboard::pages::requests::chart::steps;
use crate::dashboard::pages::requests::{UpstreamName, names};
use crate::db::PooledConnection;
use crate::db::find::{Bucket, Cursor, Found, Search, Top, find, histogram, top};
use crate::db::records::{first_us, newest_id, rows, titles};
use crate::db::saved::{self, SavedSearch};
use crate::error::Error;
use crate::search::NumberField;

pub(super) struct Seen {
    pub(super) found: Found,
    pub(super) buckets: Vec<Bucket>,
    /// The time they are of, µs since 1970.
    pub(super) span: (i64, i64),
    pub(super) titles: HashMap<i64, String>,
    pub(super) names: HashMap<i64, UpstreamName>,
    pub(super) offers: Vec<String>,
    pub(super) newest: i64,
    /// Searches with a name.
    pub(super) saved: Vec<SavedSearch>,
    /// When the oldest request came in that was looked at, µs since 1970: the search took too long.
    pub(super) searched_to_us: Option<i64>,
    /// The search took too long for what would come after these in their order.
    pub(super) stopped: bool,
    /// Nothing matched.
    pub(super) hints: Option<Hints>,
}

pub(super) fn look(
    connection: &mut PooledConnection,
    search: &Search,
    cursor: Cursor,
    limit: usize,
    sort: Option<NumberField>,
    span: (Option<i64>, i64),
    zone: &TimeZone,
) -> Result<Seen, Error> {
    let Top { found, stopped } = match sort {
        Some(by) => top(connection, search, by, cursor, limit)?,
        None => Top { found: find(connection, search, cursor, limit)?, stopped: false },
    };
    let ids: Vec<i64> = found.rows.iter().map(|row| row.id).collect();
    let is_empty = found.rows.is_empty() && cursor == Cursor::Newest && found.searched_to.is_none() && !stopped;
    let searched_to = match found.searched_to {
        Some(id) => rows(connection, &[id])?.pop(),
        None => None,
    };
    // Without a beginning of its own the drawing begins with what there is.
    let from_us = match span.0 {
        Some(from_us) => from_us,
        None => first_us(connection)?.unwrap_or(span.1),
    };
    let steps = steps(from_us, span.1, zone);
    Ok(Seen {
        buckets: histogram(connection, search, steps.from_us, steps.step_us)?,
        span: (from_us, span.1),
        titles: titles(connection, &ids)?,
        names: names(connection)?,
        offers: names_in(connection, search)?,
        newest: newest_id(connection)?,
        saved: saved::list(connection)?,
        searched_to_us: searched_to.map(|row| row.facts.started_us),
        stopped,
        hints: if is_empty { Some(empty::look(connection, search)?) } else { None },
        found,
    })
}
