//! How upstreams did in the last 24 hours, from what was really asked of them. Start at [`day`].
//!
//! **Invariant:** every strip begins at the same time, and its cells are as long. **May import:** `db`, `roster`.

use std::collections::HashMap;

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::charts::{Health, Strip};
use crate::dashboard::shown;
use crate::db::Connection;
use crate::db::rollups::{By, Figures, Filter, Query, series};
use crate::error::Error;
use crate::roster::{Trouble, Upstream};

const CELL_S: i64 = 1800;
const CELLS: i64 = 48;

/// One upstream's last 24 hours.
#[derive(Default)]
pub(in crate::dashboard) struct Day {
    /// Tries and failures of each cell, the oldest first.
    cells: Vec<(i64, i64)>,
    /// All of them together.
    pub(in crate::dashboard) sum: Figures,
}

/// The last 24 hours of every upstream that was asked anything, by its id.
///
/// # Errors
/// The database's.
pub(in crate::dashboard) fn day(connection: &mut Connection, now_us: i64) -> Result<HashMap<i64, Day>, Error> {
    let from_s = (now_us / 1_000_000).div_euclid(CELL_S) * CELL_S - (CELLS - 1) * CELL_S;
    let query = Query {
        from_us: from_s * 1_000_000,
        to_us: now_us,
        step_s: CELL_S,
        filter: Filter::default(),
        by: Some(By::Upstream),
    };
    let mut days: HashMap<i64, Day> = HashMap::new();
    for point in series(connection, &query)? {
        let day = days.entry(point.group.parse().unwrap_or(0)).or_default();
        day.cells.resize(CELLS as usize, (0, 0));
        let index = (point.bucket_s - from_s).div_euclid(CELL_S).clamp(0, CELLS - 1) as usize;
        day.cells[index] = (point.figures.requests, point.figures.errors);
        day.sum = std::mem::take(&mut day.sum).plus(&point.figures);
    }
    Ok(days)
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
            None => vec![Health::None; CELLS as usize],
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
        let first = if sum.first_content.count() > 0 { &sum.first_content } else { &sum.first_byte };
        Line {
            strip: Strip::new(&cells),
            told: f.tf("health.day", &[&shown::exact(sum.requests), &success, &shown::exact(sum.errors)]),
            success,
            first_p95: first.quantile(0.95).map_or_else(|| "—".to_owned(), shown::duration),
        }
    }
}
