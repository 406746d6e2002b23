//! How upstreams did in the last 24 hours or 7 days, from what was really asked of them. Start at [`day`].
//!
//! **Invariant:** every strip of a page begins at the same time, and its cells are as long. **May import:** `db`, `roster`.

use std::collections::HashMap;

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::charts::{Health, Strip};
use crate::dashboard::shown;
use crate::db::Connection;
use crate::db::rollups::{By, Figures, Filter, Query, gone_on, series};
use crate::error::Error;
use crate::roster::{Trouble, Upstream};
use crate::usage::histogram::Histogram;

/// How far a strip reaches: seconds in a cell, and how many cells.
struct Reach(i64, i64);

const DAY: Reach = Reach(1800, 48);
const WEEK: Reach = Reach(3 * 3600, 56);

/// One upstream's last 24 hours, or 7 days.
#[derive(Default)]
pub(in crate::dashboard) struct Day {
    /// Tries and failures of each cell, the oldest first.
    cells: Vec<(i64, i64)>,
    /// All attempts together.
    pub(in crate::dashboard) sum: Figures,
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
    Ok(days.unwrap_or_else(|| Day { cells: vec![(0, 0); WEEK.1 as usize], ..Day::default() }))
}

fn reached(
    connection: &mut Connection,
    now_us: i64,
    Reach(cell_s, cells): Reach,
    filter: Filter,
) -> Result<HashMap<i64, Day>, Error> {
    let from_s = (now_us / 1_000_000).div_euclid(cell_s) * cell_s - (cells - 1) * cell_s;
    let only = filter.upstream_id;
    let query = Query { from_us: from_s * 1_000_000, to_us: now_us, step_s: cell_s, filter, by: Some(By::Upstream) };
    let mut points = series(connection, &query)?;
    // What failed before another was asked is as real as what was answered.
    points.append(&mut gone_on(connection, &query)?);
    let mut days: HashMap<i64, Day> = HashMap::new();
    for point in points {
        let id = point.group.parse().unwrap_or(0);
        if only.is_some_and(|only| only != id) {
            continue;
        }
        let day = days.entry(id).or_default();
        day.cells.resize(cells as usize, (0, 0));
        let index = (point.bucket_s - from_s).div_euclid(cell_s).clamp(0, cells - 1) as usize;
        let (tries, failures) = &mut day.cells[index];
        *tries += point.figures.requests;
        *failures += point.figures.errors;
        day.sum = std::mem::take(&mut day.sum).plus(&point.figures);
    }
    Ok(days)
}

/// The times to the first content, or to the first byte of what is no stream.
pub(in crate::dashboard) fn first(sum: &Figures) -> &Histogram {
    if sum.first_content.count() > 0 { &sum.first_content } else { &sum.first_byte }
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
    /// not asked any more.
    pub(in crate::dashboard) fn new(f: &Frame, day: Option<&Day>, upstream: Option<&Upstream>) -> Line {
        let mut cells: Vec<Health> = match day {
            Some(day) => day.cells.iter().map(|(tries, failures)| Health::of(*tries, *failures)).collect(),
            None => vec![Health::None; DAY.1 as usize],
        };
        let trouble = upstream.filter(|upstream| upstream.enabled);
        let trouble = trouble.map_or(Trouble::None, |upstream| upstream.measured.report(f.now_us / 1000).trouble());
        if let Some(last) = cells.last_mut() {
            *last = match trouble {
                Trouble::Down | Trouble::Cooling => Health::Down,
                Trouble::Degraded if *last != Health::Down => Health::Degraded,
                Trouble::Degraded | Trouble::None => *last,
            };
        }
        let nothing = Figures::default();
        let sum = day.map_or(&nothing, |day| &day.sum);
        let success = shown::percent(sum.requests - sum.errors, sum.requests);
        Line {
            strip: Strip::new(&cells),
            told: f.tf("health.day", &[&shown::exact(sum.requests), &success, &shown::exact(sum.errors)]),
            success,
            first_p95: first(sum).quantile(0.95).map_or_else(|| "—".to_owned(), shown::duration),
        }
    }
}
