//! When upstreams were tested, and how that went. Start at [`add`].
//!
//! **Invariant:** there are never many of them: what is old goes when new ones come. **May import:** `error`, diesel.

use diesel::prelude::{ExpressionMethods, Insertable, QueryDsl, Queryable, RunQueryDsl};

use super::Connection;
use super::schema::upstream_tests::{self, dsl};
use crate::error::Error;

/// How long they are kept, in µs: a little longer than the longest strip shows.
const KEPT_US: i64 = 8 * 24 * 3600 * 1_000_000;
/// How many are read, the newest.
const MOST: i64 = 20_000;

/// One test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Insertable, Queryable)]
#[diesel(table_name = upstream_tests)]
pub struct UpstreamTest {
    /// The upstream's number.
    pub upstream_id: i64,
    /// When, µs since 1970.
    pub at_us: i64,
    /// Whether it answered well.
    pub good: bool,
}

/// Keeps tests, and forgets those that nobody looks at any more.
///
/// # Errors
/// The database's.
pub fn add(conn: &mut Connection, tests: &[UpstreamTest]) -> Result<(), Error> {
    for test in tests {
        diesel::insert_into(upstream_tests::table).values(test).execute(conn)?;
    }
    if let Some(newest_us) = tests.iter().map(|test| test.at_us).max() {
        diesel::delete(upstream_tests::table.filter(dsl::at_us.lt(newest_us - KEPT_US))).execute(conn)?;
    }
    Ok(())
}

/// The tests since then.
///
/// # Errors
/// The database's.
pub fn since(conn: &mut Connection, from_us: i64) -> Result<Vec<UpstreamTest>, Error> {
    let newest = upstream_tests::table.filter(dsl::at_us.ge(from_us)).order(dsl::at_us.desc()).limit(MOST);
    Ok(newest.select((dsl::upstream_id, dsl::at_us, dsl::good)).load(conn)?)
}
