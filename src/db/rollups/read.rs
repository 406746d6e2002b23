//! Reading rollups: any range, from hours inside it and minutes at its ragged ends.
//!
//! Start at [`series`]; `segments` says which rows a range is made of.
//! **Invariant:** no request of a range is counted twice or passed over. **May import:** `error`, `search`, diesel, this room.

use std::collections::BTreeMap;

use diesel::dsl::{max, min};
use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper};

use super::only::Only;
use super::rows::{Row, RowBy, RowByCounts, RowCounts};
use super::{
    ALL, BAD_REQUEST, Figures, GONE_ON, HOST, HOUR_S, KEY, MINUTE_S, MODEL, SIDES_FROM, STATUS, UPSTREAM, floor,
    storable,
};
use crate::db::Connection;
use crate::db::marks;
use crate::db::schema::rollups::{self, dsl};
use crate::db::schema::rollups_by;
use crate::error::Error;
use crate::search::Clause;

/// How many minutes or hours are read at a time: bounds the memory of a long range.
const WINDOW: i64 = 120;

/// What series are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The upstream's id, `0` for none.
    Upstream,
    /// The model asked for.
    Model,
    /// The client key's name.
    Key,
    /// The status of the reply, `0` for none.
    Status,
    /// The host that was asked.
    Host,
}

impl By {
    /// The kind in `rollups_by`; none for what `rollups` tells.
    fn kind(self) -> Option<i32> {
        match self {
            By::Upstream | By::Model | By::Key => None,
            By::Status => Some(STATUS),
            By::Host => Some(HOST),
        }
    }

    /// Nothing can be filtered where this tells apart.
    pub fn stands_alone(self) -> bool {
        self.kind().is_some()
    }
}

/// Which requests count; `None` = all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this upstream; 0 = of none.
    pub upstream_id: Option<i64>,
    /// Of this model.
    pub model: Option<String>,
    /// Of the key of this name.
    pub key_name: Option<String>,
    /// That fulfil all of these, each of which [`super::can_narrow`].
    pub only: Vec<Clause>,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Query {
    /// From this time on, µs since 1970; the whole minute counts.
    pub from_us: i64,
    /// Up to this time, µs since 1970; the whole minute counts.
    pub to_us: i64,
    /// Width of a point in seconds, a multiple of 60.
    pub step_s: i64,
    /// Which requests.
    pub filter: Filter,
    /// One series for each of these; a filter counts for nothing where it [`By::stands_alone`].
    pub by: Option<By>,
}

/// The requests of one series in one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// Where the step begins, s since 1970, a multiple of its width.
    pub bucket_s: i64,
    /// What [`By`] tells apart; empty without.
    pub group: String,
    /// Their numbers.
    pub figures: Figures,
}

/// The points of a range that have any requests, by time and group. Where the minutes of an hour are forgotten, the whole hour
/// counts, at its beginning. How long a range may be is the caller's to bound.
pub fn series(conn: &mut Connection, query: &Query) -> Result<Vec<Point>, Error> {
    points(conn, query, true)
}

/// As [`series`], without any times.
pub fn counts(conn: &mut Connection, query: &Query) -> Result<Vec<Point>, Error> {
    points(conn, query, false)
}

fn points(conn: &mut Connection, query: &Query, with_times: bool) -> Result<Vec<Point>, Error> {
    let step_s = query.step_s.max(MINUTE_S);
    let mut points: BTreeMap<(i64, String), Figures> = BTreeMap::new();
    let (before, after) = match side(query) {
        Some((kind, name)) => {
            let from_us = marks::get(conn, SIDES_FROM)?.filter(|_| kind >= ALL).unwrap_or(0).saturating_mul(1_000_000);
            let before = Query { to_us: query.to_us.min(from_us), ..query.clone() };
            let after = Query { from_us: query.from_us.max(from_us), ..query.clone() };
            (Some(before), Some((after, kind, name)))
        }
        None => (Some(query.clone()), None),
    };
    if let Some(query) = before.filter(|query| query.from_us < query.to_us) {
        each_row(conn, (&query, with_times), step_s, |row| {
            let group = match query.by {
                Some(By::Upstream) => row.upstream_id.to_string(),
                Some(By::Model) => row.model.clone(),
                Some(By::Key) => row.key_name.clone(),
                Some(By::Status | By::Host) | None => String::new(),
            };
            row.add_to(points.entry((floor(row.bucket_s, step_s), group)).or_default());
        })?;
    }
    if let Some((query, kind, name)) = after {
        each_row_by(conn, (&query, kind, name.as_deref(), with_times), step_s, |row| {
            let group = if query.by.is_some() { row.name.clone() } else { String::new() };
            row.add_to(points.entry((floor(row.bucket_s, step_s), group)).or_default());
        })?;
    }
    Ok(points.into_iter().map(|((bucket_s, group), figures)| Point { bucket_s, group, figures }).collect())
}

/// The kind of `rollups_by` that tells what a query asks, and the name if one alone counts; none when only `rollups` does.
fn side(query: &Query) -> Option<(i32, Option<String>)> {
    if let Some(kind) = query.by.and_then(By::kind) {
        return Some((kind, None));
    }
    let Filter { upstream_id, model, key_name, only } = &query.filter;
    let stored = |name: &String| storable(name).into_owned();
    let named = [
        (UPSTREAM, By::Upstream, upstream_id.map(|id| id.to_string())),
        (MODEL, By::Model, model.as_ref().map(stored)),
        (KEY, By::Key, key_name.as_ref().map(stored)),
    ];
    let mut filters = named.iter().filter(|(.., name)| name.is_some());
    match (only.is_empty(), filters.next(), filters.next()) {
        (true, None, _) => match query.by {
            None => Some((ALL, None)),
            Some(by) => named.iter().find(|(_, of, _)| *of == by).map(|(kind, ..)| (*kind, None)),
        },
        (true, Some((kind, of, name)), None) if query.by.is_none_or(|by| by == *of) => Some((*kind, name.clone())),
        _ => None,
    }
}

/// The attempts of a range that failed before another upstream was asked, by time and upstream's id, each as a request that
/// went wrong; whatever is asked besides, all of them.
pub fn gone_on(conn: &mut Connection, query: &Query) -> Result<Vec<Point>, Error> {
    by_upstream(conn, query, GONE_ON)
}

/// The errors of a range that were the requests' own fault, by time and id of the upstream that said so; whatever is asked
/// besides, all of them. Of what was recorded before these were told apart there are none.
pub fn bad_requests(conn: &mut Connection, query: &Query) -> Result<Vec<Point>, Error> {
    by_upstream(conn, query, BAD_REQUEST)
}

fn by_upstream(conn: &mut Connection, query: &Query, kind: i32) -> Result<Vec<Point>, Error> {
    let mut points = Vec::new();
    let step_s = query.step_s.max(MINUTE_S);
    each_row_by(conn, (query, kind, None, false), step_s, |row| {
        let mut figures = Figures::default();
        row.add_to(&mut figures);
        points.push(Point { bucket_s: floor(row.bucket_s, step_s), group: row.name, figures });
    })?;
    Ok(points)
}

/// The numbers of a whole range: its histograms tell any percentile.
pub fn totals(conn: &mut Connection, from_us: i64, to_us: i64, filter: &Filter) -> Result<Figures, Error> {
    let query = Query { from_us, to_us, step_s: HOUR_S, filter: filter.clone(), by: None };
    let hours = points(conn, &query, true)?;
    Ok(hours.iter().fold(Figures::default(), |sum, hour| sum.plus(&hour.figures)))
}

fn each_row(
    conn: &mut Connection,
    (query, with_times): (&Query, bool),
    step_s: i64,
    mut each: impl FnMut(Row),
) -> Result<(), Error> {
    let minutes = rollups::table.filter(dsl::span_s.eq(MINUTE_S as i32));
    let oldest = minutes.select(min(dsl::bucket_s)).get_result(conn)?;
    let kept = Kept { oldest, newest: minutes.select(max(dsl::bucket_s)).get_result(conn)? };
    let Filter { upstream_id, model, key_name, only } = &query.filter;
    let only = Only::of(conn, only)?;
    for (span_s, from_s, to_s) in windows(query, step_s, kept) {
        let within = dsl::span_s.eq(span_s as i32).and(dsl::bucket_s.ge(from_s)).and(dsl::bucket_s.lt(to_s));
        let mut wanted = rollups::table.filter(within).into_boxed();
        if let Some(id) = upstream_id {
            wanted = wanted.filter(dsl::upstream_id.eq(id));
        }
        if let Some(model) = model {
            wanted = wanted.filter(dsl::model.eq(storable(model)));
        }
        if let Some(name) = key_name {
            wanted = wanted.filter(dsl::key_name.eq(storable(name)));
        }
        let rows: Vec<Row> = match with_times {
            true => wanted.select(Row::as_select()).load(conn)?,
            false => wanted.select(RowCounts::as_select()).load(conn)?.into_iter().map(Row::from).collect(),
        };
        rows.into_iter().filter(|row| only.has(row)).for_each(&mut each);
    }
    Ok(())
}

fn each_row_by(
    conn: &mut Connection,
    (query, kind, name, with_times): (&Query, i32, Option<&str>, bool),
    step_s: i64,
    mut each: impl FnMut(RowBy),
) -> Result<(), Error> {
    use rollups_by::dsl;
    let minutes = rollups_by::table.filter(dsl::span_s.eq(MINUTE_S as i32));
    let oldest = minutes.select(min(dsl::bucket_s)).get_result(conn)?;
    let kept = Kept { oldest, newest: minutes.select(max(dsl::bucket_s)).get_result(conn)? };
    for (span_s, from_s, to_s) in windows(query, step_s, kept) {
        let within = dsl::span_s.eq(span_s as i32).and(dsl::bucket_s.ge(from_s)).and(dsl::bucket_s.lt(to_s));
        let mut wanted = rollups_by::table.filter(within).filter(dsl::kind.eq(kind)).into_boxed();
        if let Some(name) = name {
            wanted = wanted.filter(dsl::name.eq(name));
        }
        match with_times {
            true => wanted.select(RowBy::as_select()).load(conn)?.into_iter().for_each(&mut each),
            false => {
                let rows = wanted.select(RowByCounts::as_select()).load(conn)?;
                rows.into_iter().map(RowBy::from).for_each(&mut each);
            }
        }
    }
    Ok(())
}

/// The first and the last minute there are.
#[derive(Clone, Copy)]
pub(super) struct Kept {
    pub(super) oldest: Option<i64>,
    pub(super) newest: Option<i64>,
}

/// Span, beginning and end of what is read at a time.
fn windows(query: &Query, step_s: i64, kept: Kept) -> impl Iterator<Item = (i64, i64, i64)> {
    segments(query.from_us, query.to_us, step_s, kept).into_iter().flat_map(|(span_s, from_s, to_s)| {
        let width_s = span_s * WINDOW;
        let starts = (0..).map(move |n| from_s + n * width_s).take_while(move |start_s| *start_s < to_s);
        starts.map(move |start_s| (span_s, start_s, to_s.min(start_s + width_s)))
    })
}

/// Span, beginning and end of the rows that make up a range.
pub(super) fn segments(from_us: i64, to_us: i64, step_s: i64, kept: Kept) -> Vec<(i64, i64, i64)> {
    let floor_hour = |at_s| floor(at_s, HOUR_S);
    let ceil_hour = |at_s: i64| floor(at_s.saturating_add(HOUR_S - 1), HOUR_S);
    let kept_s = kept.oldest.map_or(i64::MAX, floor_hour);
    let from_s = floor(from_us.div_euclid(1_000_000), MINUTE_S);
    let to_s = floor(to_us.saturating_add(MINUTE_S * 1_000_000 - 1).div_euclid(1_000_000), MINUTE_S);
    if to_us <= from_us {
        return Vec::new();
    }
    // Without their minutes, hours at the ends count as a whole.
    let from_s = if from_s < kept_s { floor_hour(from_s) } else { from_s };
    let to_s = if floor_hour(to_s) < kept_s { ceil_hour(to_s) } else { to_s };
    // An hour that nothing came in after its end here is told by its own row: that of now, most of the time.
    let last = if kept.newest.is_some_and(|newest| newest < to_s) { ceil_hour(to_s) } else { floor_hour(to_s) };
    let (first, last) = if step_s % HOUR_S == 0 { (ceil_hour(from_s), last) } else { (from_s, to_s.min(kept_s)) };
    let all = if first <= last {
        vec![(MINUTE_S, from_s, first), (HOUR_S, first, last), (MINUTE_S, last, to_s)]
    } else {
        vec![(MINUTE_S, from_s, to_s)]
    };
    all.into_iter().filter(|(_, from_s, to_s)| from_s < to_s).collect()
}
