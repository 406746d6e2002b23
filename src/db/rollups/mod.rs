//! Requests summed up by minute and by hour: for each upstream, model and key in the table `rollups`, and for each status, each
//! host and each of those three alone in `rollups_by`; there also, for each upstream, the attempts that failed before another was asked and the requests that failed
//! by their callers' own fault. Charts and percentiles of any range come from here and never touch a record.
//!
//! Start at [`add`] (the recorder's), [`series`] and [`totals`] (the reader's).
//! **Invariant:** of `rollups`, of statuses and hosts, and of each side since [`SIDES_FROM`], every request is in exactly one minute
//! row and in one hour row, until its minute row is forgotten.
//! **May import:** `error`, `usage`, diesel.

mod figures;
mod only;
mod read;
mod rows;

use std::borrow::Cow;
use std::collections::BTreeMap;

use diesel::dsl::min;
use diesel::prelude::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper,
};

use serde::Deserialize;

use super::Connection;
use super::records::Facts;
use super::schema::rollups::{self, dsl};
use super::schema::rollups_by;
use crate::error::Error;
use rows::{Row, RowBy};

pub use figures::Figures;
pub use only::can_narrow;
pub use read::{By, Filter, Point, Query, bad_requests, counts, gone_on, series, totals};

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
    /// The status of the reply; 0 when there was none.
    pub status: i32,
    /// The host that was asked.
    pub host: &'a str,
    /// Every attempt, as JSON.
    pub attempts: &'a str,
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
    /// What a record tells.
    pub fn of(facts: &'a Facts, cost_nano: Option<i64>) -> Sample<'a> {
        Sample {
            started_us: facts.started_us,
            upstream_id: facts.upstream_id,
            model: facts.model.as_deref().unwrap_or_default(),
            key_name: &facts.key_name,
            status: facts.status,
            host: &facts.host,
            attempts: &facts.attempts,
            is_error: facts.is_error(),
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

/// What the rows of `rollups_by` are told apart by: its column `kind`.
const STATUS: i32 = 1;
const HOST: i32 = 2;
const GONE_ON: i32 = 3;
/// Requests that failed by their own fault, by the upstream that said so. Hours from before there was this kind have none.
const BAD_REQUEST: i32 = 4;

/// All requests, and those of each upstream, model and key whatever the other two: most questions are about no more than that, and
/// the rows of `rollups`, which tell all three, are many times as many. They begin at the mark [`SIDES_FROM`].
const ALL: i32 = 5;
const UPSTREAM: i32 = 6;
const MODEL: i32 = 7;
const KEY: i32 = 8;
/// From which hour on, s since 1970, there are such rows; none means from the first one on. A migration sets it where sums were
/// before.
const SIDES_FROM: &str = "sums_by_side_from";

/// An attempt, as far as sums need it.
#[derive(Deserialize)]
struct Attempt {
    upstream_id: i64,
    #[serde(default)]
    bad_request: bool,
}

impl Sample<'_> {
    /// Upstreams of attempts after which another was asked: all but the one that is counted as the request's.
    fn gone_on(&self) -> Vec<i64> {
        if !self.attempts.contains("},{") {
            return Vec::new();
        }
        let attempts: Vec<Attempt> = serde_json::from_str(self.attempts).unwrap_or_default();
        let mut ids: Vec<i64> = attempts.into_iter().map(|attempt| attempt.upstream_id).collect();
        if let Some(own) = ids.iter().rposition(|id| Some(*id) == self.upstream_id) {
            ids.remove(own);
        }
        ids
    }

    /// The upstream by whose word the request itself was at fault.
    fn refused_by(&self) -> Option<i64> {
        if !self.is_error || !self.attempts.contains("\"bad_request\":true") {
            return None;
        }
        let attempts: Vec<Attempt> = serde_json::from_str(self.attempts).unwrap_or_default();
        let refused = attempts.last().filter(|attempt| attempt.bad_request)?;
        self.upstream_id.filter(|id| *id == refused.upstream_id)
    }
}

/// What a row of a minute is found by.
type Served<'a> = (i64, i64, Cow<'a, str>, Cow<'a, str>);
/// The same in `rollups_by`: kind, number, name; a status is a number.
type Told<'a> = (i64, i32, i32, Cow<'a, str>);

/// Adds requests to their minutes and hours: within the caller's transaction, which on Postgres holds a lock that keeps other
/// replicas from doing the same meanwhile, because rows are read, added to and written back.
///
/// # Errors
/// What the database says; the caller rolls back.
pub fn add(conn: &mut Connection, samples: &[Sample<'_>]) -> Result<(), Error> {
    let mut served: BTreeMap<Served<'_>, Figures> = BTreeMap::new();
    let mut told: BTreeMap<Told<'_>, Figures> = BTreeMap::new();
    for sample in samples {
        let minute = floor(sample.started_us.div_euclid(1_000_000), MINUTE_S);
        let key = (minute, sample.upstream_id.unwrap_or(0), storable(sample.model), storable(sample.key_name));
        served.entry(key).or_default().count(sample);
        told.entry((minute, STATUS, sample.status, Cow::Borrowed(""))).or_default().count(sample);
        told.entry((minute, HOST, 0, storable(sample.host))).or_default().count(sample);
        for id in sample.gone_on() {
            let figures = told.entry((minute, GONE_ON, 0, Cow::Owned(id.to_string()))).or_default();
            figures.requests += 1;
            figures.errors += 1;
        }
        if let Some(id) = sample.refused_by() {
            told.entry((minute, BAD_REQUEST, 0, Cow::Owned(id.to_string()))).or_default().errors += 1;
        }
    }
    for ((minute, upstream_id, model, key_name), figures) in &served {
        let upstream = Cow::Owned(upstream_id.to_string());
        for (kind, name) in
            [(ALL, Cow::Borrowed("")), (UPSTREAM, upstream), (MODEL, model.clone()), (KEY, key_name.clone())]
        {
            told.entry((*minute, kind, 0, name)).or_default().add(figures);
        }
    }
    // In order of the keys, so that nobody ever waits for two rows crosswise.
    for (span_s, (bucket_s, upstream_id, model, key_name), figures) in minutes_and_hours(served, |key| &mut key.0) {
        put(conn, span_s, (bucket_s, upstream_id, &model, &key_name), &figures)?;
    }
    for (span_s, (bucket_s, kind, number, name), figures) in minutes_and_hours(told, |key| &mut key.0) {
        let name = if kind == STATUS { number.to_string() } else { name.into_owned() };
        put_by(conn, span_s, (bucket_s, kind, &name), &figures)?;
    }
    Ok(())
}

/// The sums of minutes, then those of their hours.
fn minutes_and_hours<K: Clone + Ord>(
    minutes: BTreeMap<K, Figures>,
    begins: impl Fn(&mut K) -> &mut i64,
) -> impl Iterator<Item = (i32, K, Figures)> {
    let mut hours: BTreeMap<K, Figures> = BTreeMap::new();
    for (key, figures) in &minutes {
        let mut key = key.clone();
        let begin = begins(&mut key);
        *begin = floor(*begin, HOUR_S);
        let sum = hours.entry(key).or_default();
        *sum = std::mem::take(sum).plus(figures);
    }
    let of = |span_s: i64| move |(key, figures)| (span_s as i32, key, figures);
    minutes.into_iter().map(of(MINUTE_S)).chain(hours.into_iter().map(of(HOUR_S)))
}

fn put(
    conn: &mut Connection,
    span_s: i32,
    (bucket_s, upstream_id, model, key_name): (i64, i64, &str, &str),
    figures: &Figures,
) -> Result<(), Error> {
    let place = || rollups::table.find((span_s, bucket_s, upstream_id, model, key_name));
    // Without a limit: of a statement that binds one SQLite makes a new plan each time.
    let found: Option<Row> = place().select(Row::as_select()).get_result(conn).optional()?;
    match found {
        Some(found) => {
            diesel::update(place()).set(&found.plus(figures)).execute(conn)?;
        }
        None => {
            let row = Row::new(span_s, bucket_s, upstream_id, model.to_owned(), key_name.to_owned(), figures);
            diesel::insert_into(rollups::table).values(&row).execute(conn)?;
        }
    }
    Ok(())
}

fn put_by(
    conn: &mut Connection,
    span_s: i32,
    (bucket_s, kind, name): (i64, i32, &str),
    figures: &Figures,
) -> Result<(), Error> {
    let place = || rollups_by::table.find((span_s, bucket_s, kind, name));
    let found: Option<RowBy> = place().select(RowBy::as_select()).get_result(conn).optional()?;
    match found {
        Some(found) => {
            diesel::update(place()).set(&found.plus(figures)).execute(conn)?;
        }
        None => {
            let row = RowBy::new(span_s, bucket_s, kind, name.to_owned(), figures);
            diesel::insert_into(rollups_by::table).values(&row).execute(conn)?;
        }
    }
    Ok(())
}

/// Forgets minutes of hours that ended before that time, µs since 1970, the oldest six hours at most, so that nobody waits long
/// for the lock; the sums of those hours stay. Tells how many rows of upstreams went: ask again until none did.
pub fn forget_minutes(conn: &mut Connection, before_us: i64) -> Result<usize, Error> {
    let minutes = rollups::table.filter(dsl::span_s.eq(MINUTE_S as i32));
    let oldest: Option<i64> = minutes.select(min(dsl::bucket_s)).get_result(conn)?;
    let Some(oldest) = oldest else { return Ok(0) };
    let before_s = floor(before_us.div_euclid(1_000_000), HOUR_S).min(floor(oldest, HOUR_S) + FORGET_HOURS * HOUR_S);
    let old = dsl::span_s.eq(MINUTE_S as i32).and(dsl::bucket_s.lt(before_s));
    let old_by = rollups_by::span_s.eq(MINUTE_S as i32).and(rollups_by::bucket_s.lt(before_s));
    diesel::delete(rollups_by::table.filter(old_by)).execute(conn)?;
    Ok(diesel::delete(rollups::table.filter(old)).execute(conn)?)
}

fn floor(at_s: i64, span_s: i64) -> i64 {
    at_s.div_euclid(span_s) * span_s
}

/// A name as both databases can keep it in an index.
fn storable(name: &str) -> Cow<'_, str> {
    if name.len() <= NAME_CHARS && !name.contains('\0') {
        return Cow::Borrowed(name);
    }
    name.chars().take(NAME_CHARS).map(|c| if c == '\0' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_sides;
