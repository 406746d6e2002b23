//! The table of upstreams in routing order, and switching one on or off.
//!
//! **Invariant:** nothing here waits for an upstream. **May import:** `state`, `db`, `roster`.

use actix_web::HttpResponse;
use actix_web::web::Path;
use askama::Template;

use crate::dashboard::form::Form;
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::health;
use crate::dashboard::pages::upstreams::LIST;
use crate::dashboard::pages::upstreams::order::in_order;
use crate::dashboard::pages::upstreams::state::{Badge, label};
use crate::dashboard::reply::ApiError;
use crate::dashboard::shown::{self, Moment};
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::upstreams::{self, UpstreamChange, UpstreamRow};
use crate::roster::masked;

/// The states one can ask for, with their words.
const STATES: [(&str, Key); 6] = [
    ("healthy", Key("state.healthy")),
    ("degraded", Key("state.degraded")),
    ("cooling", Key("state.cooling")),
    ("down", Key("state.down")),
    ("disabled", Key("state.disabled")),
    ("untested", Key("state.untested")),
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
    models: String,
    in_flight: u32,
    line: health::Line,
    succeeded: String,
    failed: String,
    last: Option<Moment>,
    tests: Vec<TestLine>,
}

/// A test's result as pages show it.
pub(super) struct TestLine {
    pub(super) good: bool,
    pub(super) model: Option<String>,
    pub(super) status: String,
    pub(super) took: String,
    pub(super) at: Moment,
    pub(super) text: String,
}

/// `GET /admin/upstreams?state=`.
pub(super) async fn show(visit: Visit) -> Page {
    let query = visit.query(&["state"])?;
    let filter = query.text("state").to_owned();
    if !filter.is_empty() && !STATES.iter().any(|(name, _)| *name == filter) {
        return Err(ApiError::keyed(actix_web::http::StatusCode::BAD_REQUEST, Key("upstreams.no_such_state")));
    }
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
        let mut line = line(&visit, row, place.map(|place| &snapshot.upstreams[place]), share, days.get(&row.id));
        (line.place, line.is_first, line.is_last) = (index + 1, index == 0, index + 1 == all);
        line
    });
    let rows = rows.filter(|row| filter.is_empty() || row.badge.name == filter).collect();
    visit.page(&List { f: &visit.frame, rows, all, filter, states: STATES })
}

fn line(
    visit: &Visit,
    row: &UpstreamRow,
    upstream: Option<&std::sync::Arc<crate::roster::Upstream>>,
    share: f64,
    day: Option<&health::Day>,
) -> Row {
    let f = &visit.frame;
    let calls = upstream.map(|upstream| upstream.measured.calls());
    let good = row.success_count + calls.map_or(0, |calls| calls.successes);
    let bad = row.failed_count + calls.map_or(0, |calls| calls.failures);
    let last_us = calls.map(|calls| calls.last_success_us).filter(|us| *us > 0).or(row.last_call_success_us);
    Row {
        id: row.id,
        place: 0,
        is_first: false,
        is_last: false,
        badge: Badge::of(f, row, upstream),
        name: label(row),
        endpoint: row.endpoint.clone(),
        key: masked(&row.sk),
        enabled: row.enabled,
        priority: row.priority,
        weight: row.weight,
        share: format!("{:.0} %", share * 100.0),
        models: models(f, row),
        in_flight: upstream.map_or(0, |upstream| upstream.measured.in_flight()),
        line: health::Line::new(f, day, upstream.map(|upstream| &**upstream)),
        succeeded: shown::exact(good),
        failed: shown::exact(bad),
        last: last_us.map(|us| f.time(&us)),
        tests: test_lines(visit, row.id),
    }
}

/// What is known from tests of an upstream.
pub(super) fn test_lines(visit: &Visit, id: i64) -> Vec<TestLine> {
    let f = &visit.frame;
    let tests = visit.state.memory.tests.of(id).tests;
    let line = |test: crate::dashboard::probe::Test| TestLine {
        good: test.is_good(),
        status: test.status.map_or_else(|| f.t("test.no_answer").to_owned(), |status| status.to_string()),
        took: shown::duration(test.took_us),
        at: f.time(&test.at_us),
        model: test.model,
        text: test.text,
    };
    tests.into_iter().map(line).collect()
}

/// `all`, `all but 2`, or the first of those allowed and how many more.
fn models(f: &Frame, row: &UpstreamRow) -> String {
    let entries = |list: &str| -> Vec<String> {
        list.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
    };
    let (allowed, denied) = (entries(&row.allow_models), entries(&row.deny_models));
    let base = match allowed.as_slice() {
        [] if denied.is_empty() => return f.t("models.all").to_owned(),
        [] => return f.tf("models.all_but", &[&denied.len()]),
        [only] => only.clone(),
        [first, rest @ ..] => f.tf("models.and_more", &[first, &rest.len()]),
    };
    if denied.is_empty() { base } else { f.tf("models.but", &[&base, &denied.len()]) }
}

/// `POST /admin/upstreams/{id}/enabled`: `on=1` or `on=0`.
pub(super) async fn enable(visit: Visit, id: Path<i64>, form: Form) -> Result<HttpResponse, ApiError> {
    let (id, on) = (*id, form.text("on") == "1");
    let change = UpstreamChange { enabled: Some(on), ..UpstreamChange::default() };
    let row = visit.database(move |connection| upstreams::update(connection, id, &change)).await?;
    visit.live().await;
    let said = if on { Key("upstreams.enabled") } else { Key("upstreams.disabled") };
    Ok(visit.done(LIST, &visit.frame.tf(said.0, &[&label(&row)])))
}
