//! What stands out: models and keys by requests, errors by how often. Start at [`grouped`] and [`errors`].
//!
//! **Invariant:** each entry leads to its requests. **May import:** `db`, `search`.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::span::{filter, requests};
use crate::dashboard::shown::{self, Figure};
use crate::db::Connection;
use crate::db::find::{Cursor, Search, find};
use crate::db::records::Row;
use crate::db::rollups::{Figures, Point};
use crate::error::Error;
use crate::search::parse;

const MOST: usize = 5;
/// The newest failed requests that are looked at, and for how long.
const FAILED: usize = 200;
const PATIENCE: Duration = Duration::from_secs(1);
const ERROR_CHARS: usize = 80;

/// An entry: what, how often, where it leads.
pub(super) struct Top {
    pub(super) name: String,
    pub(super) count: Figure,
    pub(super) note: String,
    pub(super) href: String,
}

/// The groups with the most requests; `field` is what a query calls them.
pub(super) fn grouped(f: &Frame, points: &[Point], field: &str, time: &str) -> Vec<Top> {
    let mut sums: HashMap<&str, Figures> = HashMap::new();
    for point in points.iter().filter(|point| !point.group.is_empty()) {
        let sum = sums.entry(&point.group).or_default();
        *sum = std::mem::take(sum).plus(&point.figures);
    }
    let mut sums: Vec<(&str, Figures)> = sums.into_iter().collect();
    sums.sort_by(|a, b| b.1.requests.cmp(&a.1.requests).then_with(|| a.0.cmp(b.0)));
    let top = |(name, figures): (&str, Figures)| Top {
        name: name.to_owned(),
        count: Figure::of(figures.requests),
        note: if figures.cost_nano > 0 { shown::money(figures.cost_nano) } else { String::new() },
        href: requests(f, &filter(field, name), time),
    };
    sums.into_iter().take(MOST).map(top).collect()
}

/// The newest requests that failed in a stretch of time.
///
/// # Errors
/// The database's.
pub(super) fn failed(connection: &mut Connection, from_us: i64, to_us: i64) -> Result<Vec<Row>, Error> {
    let Ok(query) = parse("is:error") else { return Ok(Vec::new()) };
    let deadline = Instant::now() + PATIENCE;
    let search = Search { query, from_us: Some(from_us), to_us: Some(to_us), deadline };
    Ok(find(connection, &search, Cursor::Newest, FAILED)?.rows)
}

/// The most frequent errors among those, by status and words.
pub(super) fn errors(f: &Frame, failed: &[Row], time: &str) -> Vec<Top> {
    let mut counts: HashMap<(i32, String), usize> = HashMap::new();
    for row in failed {
        let words = row.facts.error.as_deref().unwrap_or_default().chars().take(ERROR_CHARS).collect();
        *counts.entry((row.facts.status, words)).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let top = |((status, words), count): ((i32, String), usize)| Top {
        name: if words.is_empty() { f.tf("overview.status", &[&status]) } else { format!("{status} · {words}") },
        count: Figure::of(count as i64),
        note: String::new(),
        href: requests(f, &format!("is:error status:{status}"), time),
    };
    counts.into_iter().take(MOST).map(top).collect()
}
