//! The table of upstreams in routing order, and switching one on or off.
//!
//! **Invariant:** nothing here waits for an upstream. **May import:** `state`, `db`, `roster`.

use std::collections::HashMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Path;
use askama::Template;

use crate::dashboard::dress::escaped;
use crate::dashboard::form::Form;
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::health;
use crate::dashboard::pages::span::{filter as term, requests};
use crate::dashboard::pages::upstreams::cells::{TestLine, model_shares, models, test_lines};
use crate::dashboard::pages::upstreams::order::in_order;
use crate::dashboard::pages::upstreams::state::{Badge, label};
use crate::dashboard::pages::upstreams::{LIST, back};
use crate::dashboard::reply::ApiError;
use crate::dashboard::shown::{self, Moment};
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::rollups::Figures;
use crate::db::upstreams::{self, UpstreamChange, UpstreamRow};
use crate::roster::{Auth, masked};

/// The states one can ask for, with their words.
const STATES: [(&str, Key); 6] = [
    ("healthy", Key("state.healthy")),
    ("degraded", Key("state.degraded")),
    ("cooling", Key("state.cooling")),
    ("down", Key("state.down")),
    ("disabled", Key("state.disabled")),
    ("untested", Key("state.untested")),
];

/// What can be done to many at once.
const ACTIONS: [(&str, Key); 7] = [
    ("enable", Key("bulk.enable")),
    ("disable", Key("bulk.disable")),
    ("test", Key("test.test")),
    ("weight", Key("bulk.weight")),
    ("allow", Key("bulk.allow")),
    ("disallow", Key("bulk.disallow")),
    ("delete", Key("bulk.delete")),
];

/// Rows on a page.
const PAGE: usize = 25;
/// What the table can be sorted by.
const SORTS: [(&str, Key); 5] = [
    ("", Key("upstreams.sort.order")),
    ("name", Key("upstream.name")),
    ("success", Key("upstreams.sort.success")),
    ("first", Key("upstreams.sort.first")),
    ("last", Key("col.used")),
];

#[derive(Template)]
#[template(path = "upstreams/list.html")]
struct List<'a> {
    f: &'a Frame,
    rows: Vec<Row>,
    /// How many there are, whatever the filter.
    all: usize,
    filter: String,
    states: [(&'static str, Key); 6],
    q: String,
    sort: String,
    sorts: [(&'static str, Key); 5],
    /// None is left out, and they stand in the order of requests.
    is_whole: bool,
    /// How many there are that match, and on how many pages; which of these this is.
    found: usize,
    pages: usize,
    page: usize,
    /// Where forms come back to.
    here: String,
    kept: Kept,
    actions: [(&'static str, Key); 7],
}

/// A form for many that was wrong: what was ticked, chosen and typed, and what is wrong with it.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) ids: Vec<i64>,
    pub(super) action: String,
    pub(super) value: String,
    pub(super) problem: String,
}

impl List<'_> {
    /// Where those in a state are; what else narrows the list stays.
    fn in_state(&self, state: &str) -> String {
        address(self.f, [("state", state), ("q", &self.q), ("sort", &self.sort), ("page", "")])
    }

    fn on_page(&self, page: usize) -> String {
        let page = if page > 1 { page.to_string() } else { String::new() };
        address(self.f, [("state", &self.filter), ("q", &self.q), ("sort", &self.sort), ("page", &page)])
    }
}

/// The list with these parameters.
fn address(f: &Frame, all: [(&str, &str); 4]) -> String {
    let given = all.iter().filter(|(_, value)| !value.is_empty());
    let given: Vec<String> = given.map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    f.keep(&if given.is_empty() { LIST.to_owned() } else { format!("{LIST}?{}", given.join("&")) })
}

struct Row {
    id: i64,
    place: usize,
    is_first: bool,
    is_last: bool,
    badge: Badge,
    name: String,
    endpoint: String,
    key: String,
    enabled: bool,
    priority: i64,
    weight: i64,
    share: String,
    /// Models that are out there, each with its share of their requests.
    model_shares: Vec<String>,
    models: String,
    in_flight: u32,
    line: health::Line,
    /// To its requests of these 24 hours.
    found: String,
    succeeded: String,
    failed: String,
    last: Option<Moment>,
    last_us: i64,
    tests: Vec<TestLine>,
}

/// `GET /admin/upstreams?state=&q=&sort=&page=`.
pub(super) async fn show(visit: Visit) -> Page {
    listing(&visit, &visit.query(), Kept::default()).await
}

/// The list that a query asks for, with a form for many as it was sent.
pub(super) async fn listing(visit: &Visit, query: &Form, kept: Kept) -> Page {
    let (q, sort) = (query.text("q").to_owned(), query.text("sort").to_owned());
    if !SORTS.iter().any(|(name, _)| *name == sort) {
        return Err(ApiError::keyed(StatusCode::BAD_REQUEST, Key("upstreams.no_such_sort")));
    }
    let filter = query.text("state").to_owned();
    if !filter.is_empty() && !STATES.iter().any(|(name, _)| *name == filter) {
        return Err(ApiError::keyed(StatusCode::BAD_REQUEST, Key("upstreams.no_such_state")));
    }
    let Ok(page) = query.text("page").parse::<usize>().or(if query.has("page") { Err(()) } else { Ok(1) }) else {
        return Err(ApiError::keyed(StatusCode::BAD_REQUEST, Key("upstreams.no_such_page")));
    };
    let now_us = visit.frame.now_us;
    let load = move |connection: &mut _| Ok((upstreams::list(connection)?, health::day(connection, now_us)?));
    let (stored, days) = visit.database(move |connection| load(connection)).await?;
    let stored = in_order(stored);
    let all = stored.len();
    let snapshot = visit.state.roster.load();
    let shares = visit.state.roster.shares(&snapshot, visit.frame.now_us / 1000);
    let rows = stored.iter().enumerate().map(|(index, row)| {
        let place = snapshot.upstreams.iter().position(|upstream| upstream.id == row.id);
        let share = place.filter(|_| row.enabled).map_or(0.0, |place| shares[place]);
        let mut line = line(visit, row, place.map(|place| &snapshot.upstreams[place]), (share, all), days.get(&row.id));
        if let Some(place) = place.filter(|_| row.enabled) {
            line.model_shares = model_shares(visit, &snapshot, place);
        }
        (line.place, line.is_first, line.is_last) = (index + 1, index == 0, index + 1 == all);
        line
    });
    let mut rows: Vec<Row> =
        rows.filter(|row| (filter.is_empty() || row.badge.name == filter) && row.has(&q)).collect();
    put_in_order(&mut rows, &sort, &days);
    let is_whole = filter.is_empty() && q.is_empty() && sort.is_empty();
    let (found, pages) = (rows.len(), rows.len().div_ceil(PAGE).max(1));
    // Rows that went away in the meantime leave no empty page behind.
    let page = page.clamp(1, pages);
    let rows = rows.into_iter().skip((page - 1) * PAGE).take(PAGE).collect();
    let f = &visit.frame;
    let here = String::new();
    let status = if kept.problem.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let (states, sorts, actions) = (STATES, SORTS, ACTIONS);
    let list = List { f, rows, all, filter, states, q, sort, sorts, is_whole, found, pages, page, here, kept, actions };
    let here = list.on_page(page);
    visit.page_as(status, &List { here, ..list })
}

impl Row {
    /// Whether a text stands in what it is called, whatever the case.
    fn has(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        [&self.name, &self.endpoint, &self.models].iter().any(|told| told.to_lowercase().contains(&text))
    }
}

/// By what was asked: by name, or the worst, the slowest or the last used first.
fn put_in_order(rows: &mut [Row], sort: &str, days: &HashMap<i64, health::Day>) {
    let day = |row: &Row| days.get(&row.id).map(|day| &day.sum);
    let success = |row: &Row| {
        let share = |sum: &Figures| sum.errors as f64 / sum.requests as f64;
        day(row).filter(|sum| sum.requests > 0).map_or(-1.0, share)
    };
    match sort {
        "name" => rows.sort_by_cached_key(|row| row.name.to_lowercase()),
        "success" => rows.sort_by(|a, b| success(b).total_cmp(&success(a))),
        "first" => {
            rows.sort_by_key(|row| std::cmp::Reverse(day(row).and_then(|sum| health::first(sum).quantile(0.95))))
        }
        "last" => rows.sort_by_key(|row| std::cmp::Reverse(row.last_us)),
        _ => {}
    }
}

fn line(
    visit: &Visit,
    row: &UpstreamRow,
    upstream: Option<&std::sync::Arc<crate::roster::Upstream>>,
    (share, count): (f64, usize),
    day: Option<&health::Day>,
) -> Row {
    let f = &visit.frame;
    let calls = upstream.map(|upstream| upstream.measured.calls());
    let good = row.success_count + calls.map_or(0, |calls| calls.successes);
    let bad = row.failed_count + calls.map_or(0, |calls| calls.failures);
    let last_us = health::last_used(row, upstream);
    Row {
        id: row.id,
        place: 0,
        is_first: false,
        is_last: false,
        badge: Badge::of(f, row, upstream, day.and_then(|day| day.last_test)),
        name: label(row),
        endpoint: row.endpoint.clone(),
        key: match row.auth.parse() {
            Ok(Auth::Nothing) => f.t("upstream.auth.none").to_owned(),
            _ => masked(&row.sk),
        },
        enabled: row.enabled,
        priority: row.priority,
        weight: row.weight,
        model_shares: Vec::new(),
        share: format!("{:.0} %", share * 100.0),
        models: models(f, row),
        in_flight: upstream.map_or(0, |upstream| upstream.measured.in_flight()),
        line: health::Line::new(
            f,
            day,
            upstream.map(|upstream| &**upstream),
            last_us,
            health::Place::Listed(count.min(PAGE)),
        ),
        found: requests(f, &term("tried", &row.id.to_string()), "range=24h"),
        succeeded: shown::exact(good),
        failed: shown::exact(bad),
        last: last_us.map(|us| f.time(&us)),
        last_us: last_us.unwrap_or(0),
        tests: test_lines(visit, row.id),
    }
}

/// `POST /admin/upstreams/{id}/enabled`: `on=1` or `on=0`, and where to go `back`.
pub(super) async fn enable(visit: Visit, id: Path<i64>, form: Form) -> Result<HttpResponse, ApiError> {
    let (id, on) = (*id, form.text("on") == "1");
    let back = back(&form);
    let change = UpstreamChange { enabled: Some(on), ..UpstreamChange::default() };
    let row = visit.database(move |connection| upstreams::update(connection, id, &change)).await?;
    visit.live().await;
    let said = if on { Key("upstreams.enabled") } else { Key("upstreams.disabled") };
    Ok(visit.done(&back, &visit.frame.tf(said.0, &[&label(&row)])))
}
