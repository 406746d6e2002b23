//! What an upstream did and what was done to it: the tabs beside its form. Start at [`activity`] and [`history`].
//!
//! **Invariant:** bounded in rows, whatever the database holds; no body is read. **May import:** `state`, `db`, `search`.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use askama::Template;
use serde_json::Value;

use crate::dashboard::form::Form;
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::health::{Line, Place, first, last_used, week};
use crate::dashboard::pages::overview::{RequestLine, request_line};
use crate::dashboard::pages::settings::{Change, change};
use crate::dashboard::pages::span::{RANGES, Span, filter, requests};
use crate::dashboard::pages::upstreams::state::{Badge, label};
use crate::dashboard::reply::ApiError;
use crate::dashboard::shown::{self, Moment};
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::find::{Cursor, Search, find};
use crate::db::records::Row;
use crate::db::rollups::{Figures, Filter, Query, bad_requests, totals};
use crate::db::upstreams::UpstreamRow;
use crate::db::{Connection, audit};
use crate::error::Error;
use crate::search::parse;
use crate::usage::histogram::Histogram;

/// Requests shown, and those whose errors are counted.
const LATEST: usize = 20;
const LOOKED_AT: usize = 200;
/// Messages shown, and how much of each.
const MESSAGES: usize = 20;
const MESSAGE_CHARS: usize = 160;
/// Changes shown.
const CHANGES: i64 = 20;
/// How long each search may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// What stands above every tab.
pub(super) struct Head {
    pub(super) id: i64,
    pub(super) label: String,
    pub(super) badge: Badge,
    pub(super) line: Line,
    /// To its requests of these 7 days.
    pub(super) found: String,
    pub(super) tab: &'static str,
}

impl Head {
    /// For one of the tabs.
    pub(super) async fn of(visit: &Visit, row: &UpstreamRow, tab: &'static str) -> Result<Head, ApiError> {
        let (id, now_us) = (row.id, visit.frame.now_us);
        let week = visit.database(move |connection| week(connection, now_us, id)).await?;
        let snapshot = visit.state.roster.load();
        let upstream = snapshot.upstreams.iter().find(|upstream| upstream.id == row.id);
        Ok(Head {
            id,
            label: label(row),
            badge: Badge::of(&visit.frame, row, upstream, week.last_test),
            line: Line::new(
                &visit.frame,
                Some(&week),
                upstream.map(|upstream| &**upstream),
                last_used(row, upstream),
                Place::Alone(id),
            ),
            found: requests(&visit.frame, &filter("tried", &id.to_string()), "range=7d"),
            tab,
        })
    }

    /// Name and text of each tab.
    pub(super) fn tabs(&self) -> [(&'static str, Key); 3] {
        [
            ("", Key("upstream.tab.edit")),
            ("activity", Key("upstream.tab.activity")),
            ("history", Key("upstream.tab.history")),
        ]
    }
}

#[derive(Template)]
#[template(path = "upstreams/activity.html")]
struct Activity<'a> {
    f: &'a Frame,
    head: Head,
    span: Span,
    ranges: [(&'static str, Key); 5],
    /// Names, values, and every digit of those that are shown short.
    facts: Vec<(&'static str, String, String)>,
    errors: Vec<ErrorLine>,
    looked_at: usize,
    latest: Vec<RequestLine>,
    /// Where all requests are that it answered.
    all: String,
}

/// What failed attempts say, how often, and the newest request with one.
struct ErrorLine {
    words: String,
    count: String,
    id: i64,
    time: Moment,
}

#[derive(Template)]
#[template(path = "upstreams/history.html")]
struct History<'a> {
    f: &'a Frame,
    head: Head,
    rows: Vec<Change>,
}

/// `GET /admin/upstreams/{id}?tab=activity&range=`.
pub(super) async fn activity(visit: &Visit, row: &UpstreamRow, query: &Form) -> Page {
    let f = &visit.frame;
    let span = Span::read(query, (f.now_us, &f.zone))?;
    let (id, from_us, to_us) = (row.id, span.from_us, span.to_us);
    let (figures, failed, again, latest) = visit
        .database(move |connection| {
            let mut newest = |query: &str, rows| newest(connection, query, (from_us, to_us), rows);
            let failed = newest(&format!("upstream:{id} is:error"), LOOKED_AT)?;
            let again = newest(&format!("tried:{id} attempts:>1"), LOOKED_AT)?;
            let latest = newest(&format!("tried:{id}"), LATEST)?;
            Ok((own(connection, (from_us, to_us), id)?, failed, again, latest))
        })
        .await?;
    visit.page(&Activity {
        f,
        head: Head::of(visit, row, "activity").await?,
        ranges: RANGES,
        facts: facts(f, &figures),
        errors: errors(f, id, &failed, &again),
        looked_at: LOOKED_AT,
        latest: latest.iter().map(|row| request_line(f, row, &HashMap::new())).collect(),
        all: requests(f, &format!("tried:{id}"), &span.parameters(f)),
        span,
    })
}

fn newest(connection: &mut Connection, query: &str, span: (i64, i64), rows: usize) -> Result<Vec<Row>, Error> {
    let Ok(query) = parse(query) else { return Ok(Vec::new()) };
    let deadline = Instant::now() + PATIENCE;
    let search = Search { query, from_us: Some(span.0), to_us: Some(span.1), deadline };
    Ok(find(connection, &search, Cursor::Newest, rows)?.rows)
}

/// The numbers of an upstream, without the errors that were the requests' own fault.
fn own(connection: &mut Connection, (from_us, to_us): (i64, i64), id: i64) -> Result<Figures, Error> {
    let filter = Filter { upstream_id: Some(id), ..Filter::default() };
    let mut figures = totals(connection, from_us, to_us, &filter)?;
    let query = Query { from_us, to_us, step_s: 3600, filter, by: None };
    for point in bad_requests(connection, &query)?.iter().filter(|point| point.group == id.to_string()) {
        figures.errors -= point.figures.errors;
    }
    Ok(figures)
}

fn facts(f: &Frame, figures: &Figures) -> Vec<(&'static str, String, String)> {
    let p95 = |times: &Histogram| times.quantile(0.95).map_or_else(|| "—".to_owned(), shown::duration);
    let failed = format!("{} ({})", shown::exact(figures.errors), shown::percent(figures.errors, figures.requests));
    let tokens = [Some(figures.tokens_in), Some(figures.tokens_out)];
    let facts = [
        (f.t("overview.requests"), shown::exact(figures.requests)),
        (f.t("overview.error_share"), failed),
        (f.t("overview.first_p95"), p95(first(figures))),
        (f.t("overview.total_p95"), p95(&figures.total)),
        (f.t("overview.tokens"), shown::tokens(Some(figures.tokens_in), Some(figures.tokens_out))),
        (f.t("overview.cost"), shown::money(figures.cost_nano)),
    ];
    let titled = |(name, value): (&'static str, String)| {
        (name, value, if name == f.t("overview.tokens") { shown::title(&tokens) } else { String::new() })
    };
    facts.into_iter().map(titled).collect()
}

/// The most frequent messages, of requests that failed here and of those that were answered elsewhere then.
fn errors(f: &Frame, id: i64, failed: &[Row], again: &[Row]) -> Vec<ErrorLine> {
    let mut rows: Vec<&Row> = failed.iter().chain(again).collect();
    rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.id));
    rows.dedup_by_key(|row| row.id);
    let mut counts: HashMap<String, (i64, &Row)> = HashMap::new();
    for row in rows {
        for words in messages(f, id, row) {
            counts.entry(words).or_insert((0, row)).0 += 1;
        }
    }
    let mut counts: Vec<(String, (i64, &Row))> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.0.cmp(&a.1.0).then_with(|| b.1.1.id.cmp(&a.1.1.id)));
    let line = |(words, (count, row)): (String, (i64, &Row))| ErrorLine {
        words,
        count: shown::exact(count),
        id: row.id,
        time: f.time(&row.facts.started_us),
    };
    counts.into_iter().take(MESSAGES).map(line).collect()
}

/// What the attempts of a request at this upstream say; of one that failed without a word its end.
fn messages(f: &Frame, id: i64, row: &Row) -> Vec<String> {
    let attempts: Vec<Value> = serde_json::from_str(&row.facts.attempts).unwrap_or_default();
    let here = attempts.iter().filter(|attempt| attempt["upstream_id"] == id);
    let mut words: Vec<String> = here.filter_map(|attempt| Some(attempt["error"].as_str()?.to_owned())).collect();
    if words.is_empty() && row.facts.upstream_id == Some(id) && row.facts.error.is_some() {
        words.extend(row.facts.error.clone());
    } else if words.is_empty() && row.facts.upstream_id == Some(id) && row.facts.status >= 400 {
        words.push(f.tf("overview.status", &[&row.facts.status]));
    }
    words.into_iter().map(|words| words.chars().take(MESSAGE_CHARS).collect()).collect()
}

/// `GET /admin/upstreams/{id}?tab=history`.
pub(super) async fn history(visit: &Visit, row: &UpstreamRow) -> Page {
    let id = row.id;
    let of = Some(("upstream", id));
    let entries = visit.database(move |connection| audit::page(connection, None, of, CHANGES)).await?;
    let f = &visit.frame;
    let rows = entries.into_iter().map(|entry| change(f, entry)).collect();
    visit.page(&History { f, head: Head::of(visit, row, "history").await?, rows })
}
