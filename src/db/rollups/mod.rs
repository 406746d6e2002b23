//! Requests summed up by minute and by hour, for each upstream, model and key: the table `rollups`. Charts and percentiles of any
//! range come from here and never touch a record.
//!
//! Start at [`add`] (the recorder's), [`series`] and [`totals`] (the reader's).
//! **Invariant:** every request is in exactly one minute row and in one hour row, until its minute row is forgotten.
//! **May import:** `error`, `usage`, diesel.

mod figures;
mod read;

use std::collections::BTreeMap;

use diesel::dsl::min;
use diesel::prelude::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable,
    RunQueryDsl, Selectable, SelectableHelper,
};

use super::Connection;
use super::records::{Ending, Facts};
use super::schema::rollups::{self, dsl};
use crate::error::Error;

pub use figures::Figures;
pub use read::{By, Filter, Point, Query, series, totals};

/// The spans there are, in seconds.
const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 3600;
/// How many hours lose their minutes at a time.
const FORGET_HOURS: i64 = 6;
/// Names are cut at this many characters: a Postgres index holds no more than 2,700 bytes of a row, and callers invent names.
const NAME_CHARS: usize = 200;

/// What a rollup needs to know of a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample<'a> {
    /// When it arrived, µs since 1970: that decides its minute.
    pub started_us: i64,
    /// The upstream that answered; none counts as 0.
    pub upstream_id: Option<i64>,
    /// The model asked for; empty when none was.
    pub model: &'a str,
    /// The name of the client key.
    pub key_name: &'a str,
    /// It went wrong.
    pub is_error: bool,
    /// The reply was a stream.
    pub streamed: bool,
    /// Tokens of the prompt.
    pub tokens_in: Option<i64>,
    /// Tokens of the answer.
    pub tokens_out: Option<i64>,
    /// Tokens of the prompt from a cache.
    pub tokens_cached: Option<i64>,
    /// Tokens of the answer that were reasoning.
    pub tokens_reasoning: Option<i64>,
    /// What it cost, nano-dollars.
    pub cost_nano: Option<i64>,
    /// Until the first byte.
    pub first_byte_us: Option<i64>,
    /// Until the first content.
    pub first_content_us: Option<i64>,
    /// Until the end.
    pub total_us: i64,
}

impl<'a> Sample<'a> {
    /// What a record tells. Errors are replies of 400 and above and what was cut; a caller that left is nobody's error.
    pub fn of(facts: &'a Facts, cost_nano: Option<i64>) -> Sample<'a> {
        let is_error = facts.ending != Ending::Left && (facts.status >= 400 || facts.ending == Ending::Cut);
        Sample {
            started_us: facts.started_us,
            upstream_id: facts.upstream_id,
            model: facts.model.as_deref().unwrap_or_default(),
            key_name: &facts.key_name,
            is_error,
            streamed: facts.streamed,
            tokens_in: facts.tokens_in,
            tokens_out: facts.tokens_out,
            tokens_cached: facts.tokens_cached,
            tokens_reasoning: facts.tokens_reasoning,
            cost_nano,
            first_byte_us: facts.first_byte_us,
            first_content_us: facts.first_content_us,
            total_us: facts.total_us,
        }
    }
}

/// What a row is found by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    span_s: i32,
    bucket_s: i64,
    upstream_id: i64,
    model: String,
    key_name: String,
}

/// One row as stored.
#[derive(Clone, Debug, Insertable, Queryable, Selectable, AsChangeset)]
#[diesel(table_name = rollups, primary_key(span_s, bucket_s, upstream_id, model, key_name))]
struct Row {
    span_s: i32,
    bucket_s: i64,
    upstream_id: i64,
    model: String,
    key_name: String,
    requests: i64,
    errors: i64,
    streams: i64,
    tokens_in: i64,
    tokens_out: i64,
    tokens_cached: i64,
    tokens_reasoning: i64,
    unknown_tokens: i64,
    cost_nano: i64,
    unpriced: i64,
    first_byte: Vec<u8>,
    first_content: Vec<u8>,
    total: Vec<u8>,
}

/// Adds requests to their minutes and hours: within the caller's transaction, which on Postgres holds a lock that keeps other
/// replicas from doing the same meanwhile, because rows are read, added to and written back.
///
/// # Errors
/// What the database says; the caller rolls back.
pub fn add(conn: &mut Connection, samples: &[Sample<'_>]) -> Result<(), Error> {
    let mut groups: BTreeMap<Key, Figures> = BTreeMap::new();
    for sample in samples {
        for span_s in [MINUTE_S, HOUR_S] {
            let key = Key {
                span_s: span_s as i32,
                bucket_s: floor(sample.started_us.div_euclid(1_000_000), span_s),
                upstream_id: sample.upstream_id.unwrap_or(0),
                model: storable(sample.model),
                key_name: storable(sample.key_name),
            };
            groups.entry(key).or_default().count(sample);
        }
    }
    // In order of the keys, so that nobody ever waits for two rows crosswise.
    for (key, figures) in groups {
        let found = stored(conn, &key)?;
        let sum = match &found {
            Some(row) => Figures::from(row).plus(&figures),
            None => figures,
        };
        let row = sum.into_row(key);
        if found.is_some() {
            diesel::update(rollups::table.find((row.span_s, row.bucket_s, row.upstream_id, &row.model, &row.key_name)))
                .set(&row)
                .execute(conn)?;
        } else {
            diesel::insert_into(rollups::table).values(&row).execute(conn)?;
        }
    }
    Ok(())
}

fn stored(conn: &mut Connection, key: &Key) -> Result<Option<Row>, Error> {
    let row = rollups::table.find((key.span_s, key.bucket_s, key.upstream_id, &key.model, &key.key_name));
    Ok(row.select(Row::as_select()).first(conn).optional()?)
}

/// Forgets minutes of hours that ended before that time, µs since 1970, the oldest six hours at most, so that nobody waits long
/// for the lock; the sums of those hours stay. Tells how many rows went: ask again until none did.
pub fn forget_minutes(conn: &mut Connection, before_us: i64) -> Result<usize, Error> {
    let minutes = rollups::table.filter(dsl::span_s.eq(MINUTE_S as i32));
    let oldest: Option<i64> = minutes.select(min(dsl::bucket_s)).get_result(conn)?;
    let Some(oldest) = oldest else { return Ok(0) };
    let before_s = floor(before_us.div_euclid(1_000_000), HOUR_S).min(floor(oldest, HOUR_S) + FORGET_HOURS * HOUR_S);
    let old = dsl::span_s.eq(MINUTE_S as i32).and(dsl::bucket_s.lt(before_s));
    Ok(diesel::delete(rollups::table.filter(old)).execute(conn)?)
}

fn floor(at_s: i64, span_s: i64) -> i64 {
    at_s.div_euclid(span_s) * span_s
}

/// A name as both databases can keep it in an index.
fn storable(name: &str) -> String {
    name.chars().take(NAME_CHARS).map(|c| if c == '\0' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests;
