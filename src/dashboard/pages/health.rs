//! How upstreams did in the last 24 hours or 7 days, from what was really asked of them, and where nothing was, from tests. What
//! failed by the fault of the request itself is no failure of theirs. Start at [`day`].
//!
//! **Invariant:** every strip of a page begins at the same time, and its cells are as long. **May import:** `db`, `roster`.

use std::collections::HashMap;
use std::sync::Arc;

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::span::{between, filter, requests};
use crate::dashboard::pages::strip::{Health, Strip, cells_per_title};
use crate::dashboard::shown;
use crate::db::Connection;
use crate::db::rollups::{By, Figures, Filter, Query, bad_requests, counts, gone_on, series};
use crate::db::upstream_tests::{self, UpstreamTest};
use crate::db::upstreams::UpstreamRow;
use crate::error::Error;
use crate::roster::{Trouble, Upstream};
use crate::usage::histogram::Histogram;

/// How far a strip reaches: seconds in a cell, and how many cells.
#[derive(Clone, Copy)]
struct Reach(i64, i64);

/// Whole hours, as long as nothing else is told apart, in s.
const WHOLE_S: i64 = 7 * 86_400;
const DAY: Reach = Reach(1800, 48);
const WEEK: Reach = Reach(3 * 3600, 56);

/// What there was in a cell's time.
#[derive(Clone, Copy, Default)]
struct Cell {
    tries: i64,
    failures: i64,
    tests: i64,
    bad_tests: i64,
}

impl Cell {
    /// What was really asked decides; where nothing was, what tests gave.
    fn health(&self) -> Health {
        match (Health::of(self.tries, self.failures), self.tests, self.bad_tests) {
            (Health::None, 1.., 0) => Health::Tested,
            (Health::None, 1.., _) => Health::TestFailed,
            (health, _, _) => health,
        }
    }

    fn plus(self, other: &Cell) -> Cell {
        Cell {
            tries: self.tries + other.tries,
            failures: self.failures + other.failures,
            tests: self.tests + other.tests,
            bad_tests: self.bad_tests + other.bad_tests,
        }
    }
}

/// One upstream's last 24 hours, or 7 days.
pub(in crate::dashboard) struct Day {
    /// When the first cell begins, s since 1970, and how long each is, in s.
    from_s: i64,
    cell_s: i64,
    /// The oldest first.
    cells: Vec<Cell>,
    /// All attempts together.
    pub(in crate::dashboard) sum: Figures,
    /// The latest test of the last eight days.
    pub(in crate::dashboard) last_test: Option<UpstreamTest>,
}

impl Day {
    /// One with nothing in it that ends now.
    fn empty(now_us: i64, Reach(cell_s, cells): Reach) -> Day {
        let from_s = (now_us / 1_000_000).div_euclid(cell_s) * cell_s - (cells - 1) * cell_s;
        Day { from_s, cell_s, cells: vec![Cell::default(); cells as usize], sum: Figures::default(), last_test: None }
    }
}

/// The last 24 hours of every upstream that was asked anything, by its id.
///
/// # Errors
/// The database's.
pub(in crate::dashboard) fn day(connection: &mut Connection, now_us: i64) -> Result<HashMap<i64, Day>, Error> {
    reached(connection, now_us, DAY, Filter::default())
}

/// The last 7 days of one upstream.
///
/// # Errors
/// The database's.
pub(in crate::dashboard) fn week(connection: &mut Connection, now_us: i64, id: i64) -> Result<Day, Error> {
    let filter = Filter { upstream_id: Some(id), ..Filter::default() };
    let days = reached(connection, now_us, WEEK, filter)?.remove(&id);
    Ok(days.unwrap_or_else(|| Day::empty(now_us, WEEK)))
}

fn reached(connection: &mut Connection, now_us: i64, reach: Reach, filter: Filter) -> Result<HashMap<i64, Day>, Error> {
    let Day { from_s, cell_s, .. } = Day::empty(now_us, reach);
    let only = filter.upstream_id;
    let place = |at_s: i64| (at_s - from_s).div_euclid(cell_s).clamp(0, reach.1 - 1) as usize;
    let query = Query { from_us: from_s * 1_000_000, to_us: now_us, step_s: cell_s, filter, by: Some(By::Upstream) };
    let mut points = counts(connection, &query)?;
    // What failed before another was asked is as real as what was answered.
    points.append(&mut gone_on(connection, &query)?);
    // What was the request's own fault stands among the errors and is taken out of them.
    for mut point in bad_requests(connection, &query)? {
        point.figures.errors = -point.figures.errors;
        points.push(point);
    }
    // Times are told of all of it only, so that those of whole hours do.
    let whole = Query { step_s: WHOLE_S, ..query };
    let mut days: HashMap<i64, Day> = HashMap::new();
    for point in points {
        let id = point.group.parse().unwrap_or(0);
        if only.is_some_and(|only| only != id) {
            continue;
        }
        let day = days.entry(id).or_insert_with(|| Day::empty(now_us, reach));
        let cell = &mut day.cells[place(point.bucket_s)];
        cell.tries += point.figures.requests;
        cell.failures += point.figures.errors;
        day.sum = std::mem::take(&mut day.sum).plus(&point.figures);
    }
    for point in series(connection, &whole)? {
        if let Some(day) = days.get_mut(&point.group.parse().unwrap_or(0)) {
            day.sum.first_content.merge(&point.figures.first_content);
            day.sum.first_byte.merge(&point.figures.first_byte);
        }
    }
    // All there are, the newest first.
    let tests = upstream_tests::since(connection, 0)?;
    for test in tests.iter().filter(|test| only.is_none_or(|only| only == test.upstream_id)) {
        let day = days.entry(test.upstream_id).or_insert_with(|| Day::empty(now_us, reach));
        day.last_test = day.last_test.or(Some(*test));
        if test.at_us < from_s * 1_000_000 {
            continue;
        }
        let cell = &mut day.cells[place(test.at_us / 1_000_000)];
        cell.tests += 1;
        cell.bad_tests += i64::from(!test.good);
    }
    Ok(days)
}

/// The times to the first content, or to the first byte of what is no stream.
pub(in crate::dashboard) fn first(sum: &Figures) -> &Histogram {
    if sum.first_content.count() > 0 { &sum.first_content } else { &sum.first_byte }
}

/// When an upstream was last asked, as far as this program or the database knows, µs since 1970.
pub(in crate::dashboard) fn last_used(row: &UpstreamRow, upstream: Option<&Arc<Upstream>>) -> Option<i64> {
    let measured = upstream.map_or(0, |upstream| upstream.measured.last_used_us());
    Some(measured.max(row.last_call_success_us.unwrap_or(0))).filter(|us| *us > 0)
}

/// In a list of so many upstreams each cell tells of itself, and the page still stays small.
const EACH_CELL: usize = 8;

/// Where a strip stands.
#[derive(Clone, Copy)]
pub(in crate::dashboard) enum Place {
    /// With others on a page that shows more than strips, so many in all.
    Among(usize),
    /// In the list of upstreams, so many in all.
    Listed(usize),
    /// On the page of this upstream.
    Alone(i64),
}

/// What is told of some cells, and where they lead: to the requests of `of`.
fn stretch(f: &Frame, day: &Day, (from, to): (usize, usize), of: Option<&str>) -> (String, String) {
    let at_us = |cell: usize| (day.from_s + day.cell_s * cell as i64) * 1_000_000;
    let (from_us, to_us) = (at_us(from), at_us(to));
    let Cell { tries, failures, tests, bad_tests } = day.cells[from..to].iter().fold(Cell::default(), Cell::plus);
    // They begin with a minute.
    let minute = |us: i64| {
        let text = f.time(&us).text;
        text.strip_suffix(":00").unwrap_or(&text).to_owned()
    };
    let [begin, end] = [from_us, to_us].map(minute);
    let mut title = f.tf("health.cell", &[&begin, &end, &shown::exact(tries), &shown::exact(failures)]);
    if tests > 0 {
        title += &f.tf("health.tests", &[&tests, &bad_tests]);
    }
    let href = of.filter(|_| tries > 0).map(|of| requests(f, of, &between(f, from_us, to_us)));
    (title, href.unwrap_or_default())
}

/// `12 s`, `9 min`, `3 h`, `2 d`, in the page's language.
fn ago(f: &Frame, us: i64) -> String {
    match us.max(0) / 1_000_000 {
        seconds @ 0..60 => f.tf("ago.seconds", &[&seconds]),
        seconds @ 60..3600 => f.tf("ago.minutes", &[&(seconds / 60)]),
        seconds @ 3600..86_400 => f.tf("ago.hours", &[&(seconds / 3600)]),
        seconds => f.tf("ago.days", &[&(seconds / 86_400)]),
    }
}

/// An upstream's day as a page shows it.
pub(in crate::dashboard) struct Line {
    pub(in crate::dashboard) strip: Strip,
    /// What the strip shows, in a sentence.
    pub(in crate::dashboard) told: String,
    /// Percent of requests that went well.
    pub(in crate::dashboard) success: String,
    /// The time to the first content, or to the first byte of what is no stream, that 95 % did not exceed.
    pub(in crate::dashboard) first_p95: String,
}

impl Line {
    /// `day` is `None` when nothing was asked; the present state decides about the last cell, since an upstream that is down is
    /// not asked any more. `last_us` is when it was last asked, µs since 1970. Of a strip of its own each cell leads to its
    /// requests.
    pub(in crate::dashboard) fn new(
        f: &Frame,
        day: Option<&Day>,
        upstream: Option<&Upstream>,
        last_us: Option<i64>,
        place: Place,
    ) -> Line {
        let nothing = Day::empty(f.now_us, DAY);
        let day = day.unwrap_or(&nothing);
        let mut cells: Vec<Health> = day.cells.iter().map(Cell::health).collect();
        let trouble = upstream.filter(|upstream| upstream.enabled);
        let trouble = trouble.map_or(Trouble::None, |upstream| upstream.measured.report(f.now_us / 1000).trouble());
        if let Some(last) = cells.last_mut() {
            *last = match trouble {
                Trouble::Down | Trouble::Cooling => Health::Down,
                Trouble::Degraded if *last != Health::Down => Health::Degraded,
                Trouble::Degraded | Trouble::None => *last,
            };
        }
        let sum = &day.sum;
        let success = shown::percent(sum.requests - sum.errors, sum.requests);
        let mut told = f.tf("health.day", &[&shown::exact(sum.requests), &success, &shown::exact(sum.errors)]);
        if let Some(last_us) = last_us.filter(|us| *us > 0) {
            told += &f.tf("health.last", &[&ago(f, f.now_us - last_us)]);
        }
        let (per_title, of) = match place {
            Place::Listed(..=EACH_CELL) => (1, None),
            Place::Among(strips) | Place::Listed(strips) => (cells_per_title(cells.len(), strips), None),
            Place::Alone(id) => (1, Some(filter("tried", &id.to_string()))),
        };
        Line {
            strip: Strip::new(&cells, per_title, |from, to| stretch(f, day, (from, to), of.as_deref())),
            told,
            success,
            first_p95: first(sum).quantile(0.95).map_or_else(|| "—".to_owned(), shown::duration),
        }
    }
}
