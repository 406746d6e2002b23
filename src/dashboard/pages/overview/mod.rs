//! The overview: is it working, what fails, what does it cost; the way to the first request for whoever has just begun.
//!
//! | file | what it does |
//! |---|---|
//! | `alarms` | what has to be looked at first |
//! | `numbers` | six numbers with their change, the two charts |
//! | `tops` | models, keys and errors that stand out |
//!
//! **Invariant:** bounded in rows, whatever the database holds; no body is read. **May import:** `state`, `db`.

mod alarms;
mod numbers;
mod tops;

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use actix_web::http::header::{HeaderName, HeaderValue};
use askama::Template;

pub(super) use alarms::{as_of, waits};
pub(super) use numbers::{change, first};

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::charts::Chart;
use crate::dashboard::pages::health::{Line, Place, day, last_used};
use crate::dashboard::pages::overview::alarms::{Alarm, alarms};
use crate::dashboard::pages::overview::numbers::{Card, cards, charts};
use crate::dashboard::pages::overview::tops::{Top, errors, grouped};
use crate::dashboard::pages::span::{RANGES, Span, filter, requests as found};
use crate::dashboard::pages::upstreams::state::{Badge, label};
use crate::dashboard::reply::ApiError;
use crate::dashboard::shown::{self, Figure, Moment};
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::records::{Row, newest_id, rows, rows_after};
use crate::db::removal::{oldest, size};
use crate::db::rollups::{By, Filter, Query, counts, series, totals};
use crate::db::upstreams::{self, UpstreamRow};

/// Requests shown.
const LATEST: i64 = 10;
/// Upstreams shown, those in trouble first.
const UPSTREAMS: usize = 5;
/// How often the page loads itself again when asked to, in s.
const REFRESH_S: &str = "10";

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview<'a> {
    f: &'a Frame,
    alarms: Vec<Alarm>,
    /// Until when the numbers are whole, when they are behind.
    as_of: Option<Moment>,
    /// Records that were kept without a part, since the start.
    cut: String,
    /// The page loads itself again.
    refreshes: bool,
    again: String,
    base: String,
    span: Span,
    ranges: [(&'static str, Key); 5],
    cards: Vec<Card>,
    requests: Chart,
    times: Chart,
    tops: Vec<(&'static str, Vec<Top>)>,
    /// The newest failures whose words are told.
    looked_at: [usize; 2],
    has_upstreams: bool,
    upstreams: Vec<UpstreamLine>,
    more_upstreams: usize,
    has_keys: bool,
    latest: Vec<RequestLine>,
    storage: String,
    oldest: Option<Moment>,
    /// Nothing was ever asked: the first steps stand on top.
    is_new: bool,
}

struct UpstreamLine {
    id: i64,
    name: String,
    badge: Badge,
    line: Line,
    /// To its requests of these 24 hours.
    found: String,
    last: Option<Moment>,
}

/// A request in a short list.
pub(super) struct RequestLine {
    pub(super) id: i64,
    pub(super) time: Moment,
    pub(super) status: i32,
    pub(super) class: &'static str,
    pub(super) model: String,
    upstream: String,
    pub(super) total: String,
    pub(super) tokens: Figure,
}

/// `GET /admin?range=&from=&to=&refresh=`.
pub(super) async fn show(visit: Visit) -> Page {
    let f = &visit.frame;
    let now_us = f.now_us;
    let query = visit.query();
    let span = Span::read(&query, (now_us, &f.zone))?;
    let refreshes = match query.text("refresh") {
        "" => false,
        REFRESH_S => true,
        _ => return Err(ApiError::field_keyed("refresh", Key("overview.refresh_wrong"), &[])),
    };
    let (from_us, to_us, step_s, before) = (span.from_us, span.to_us, span.step_s(), span.before());
    let whole = move |by| Query { from_us, to_us, step_s: 7 * 86_400, filter: Filter::default(), by: Some(by) };
    let database = visit.state.database.clone();
    let (stored, disk) = visit.database(move |connection| Ok((upstreams::list(connection)?, database.disk()))).await?;
    let (points, past, models, keys, (statuses, days)) = visit
        .database(move |connection| {
            let query = Query { from_us, to_us, step_s, filter: Filter::default(), by: None };
            Ok((
                series(connection, &query)?,
                totals(connection, before.from_us, before.to_us, &Filter::default())?,
                counts(connection, &whole(By::Model))?,
                counts(connection, &whole(By::Key))?,
                (counts(connection, &whole(By::Status))?, day(connection, now_us)?),
            ))
        })
        .await?;
    let (latest, failed, bytes, first) = visit
        .database(move |connection| {
            let newest = newest_id(connection)?;
            let mut latest = rows_after(connection, newest - LATEST, LATEST)?;
            latest.reverse();
            let failed = tops::failed(connection, from_us, to_us)?;
            let first = oldest(connection, 0.0)?.concat();
            let first = rows(connection, &first[..first.len().min(1)])?.pop();
            Ok((latest, failed, size(connection)?, first))
        })
        .await?;
    let snapshot = visit.state.roster.load();
    let names: HashMap<i64, String> = stored.iter().map(|row| (row.id, label(row))).collect();
    let time = span.parameters(f);
    let place = Place::Among(stored.len().min(UPSTREAMS));
    let line = |row: &UpstreamRow| {
        let upstream = snapshot.upstreams.iter().find(|upstream| upstream.id == row.id);
        let last_us = last_used(row, upstream);
        UpstreamLine {
            id: row.id,
            name: label(row),
            badge: Badge::of(f, row, upstream, days.get(&row.id).and_then(|day| day.last_test)),
            line: Line::new(f, days.get(&row.id), upstream.map(|upstream| &**upstream), last_us, place),
            found: found(f, &filter("tried", &row.id.to_string()), "range=24h"),
            last: last_us.map(|us| f.time(&us)),
        }
    };
    let mut lines: Vec<UpstreamLine> = stored.iter().map(line).collect();
    let rank = |line: &UpstreamLine| ["down", "cooling", "degraded"].iter().position(|name| *name == line.badge.name);
    lines.sort_by_key(|line| rank(line).unwrap_or(3));
    let more_upstreams = lines.len().saturating_sub(UPSTREAMS);
    lines.truncate(UPSTREAMS);
    let (requests, times) = charts(f, &span, &points);
    let recorded = visit.state.recorder.counts();
    let cut = recorded.cut.load(Ordering::Relaxed);
    let again = if refreshes { String::new() } else { format!("&refresh={REFRESH_S}") };
    let mut response = visit.page(&Overview {
        f,
        alarms: alarms(f, recorded, disk, visit.state.roster.load().settings.recording),
        as_of: as_of(recorded, latest.first()).map(|us| f.time(&us)),
        cut: if cut > 0 { f.tf("overview.cut", &[&cut]) } else { String::new() },
        refreshes,
        again: f.keep(&format!("/admin?{time}{again}")),
        base: visit.base(),
        cards: cards(f, &points, &past, &time),
        requests,
        times,
        looked_at: [tops::FAILED, tops::REPLIES],
        tops: vec![
            (f.t("nav.models"), grouped(f, &models, "model", &time)),
            (f.t("nav.keys"), grouped(f, &keys, "key", &time)),
            (f.t("overview.failures"), errors(f, &statuses, &failed, &time)),
        ],
        has_upstreams: !lines.is_empty(),
        upstreams: lines,
        more_upstreams,
        has_keys: !snapshot.settings.keys.is_empty() || snapshot.settings.any_key || visit.state.noauth,
        is_new: latest.is_empty() && points.is_empty(),
        latest: latest.iter().map(|row| request_line(f, row, &names)).collect(),
        storage: shown::bytes(bytes),
        oldest: first.map(|row| f.time(&row.facts.started_us)),
        span,
        ranges: RANGES,
    })?;
    if refreshes {
        response.headers_mut().insert(HeaderName::from_static("refresh"), HeaderValue::from_static(REFRESH_S));
    }
    Ok(response)
}

/// A request as short lists show it; `names` are those of the upstreams.
pub(super) fn request_line(f: &Frame, row: &Row, names: &HashMap<i64, String>) -> RequestLine {
    let facts = &row.facts;
    let upstream = facts.upstream_id.map(|id| names.get(&id).cloned().unwrap_or_else(|| format!("#{id}")));
    RequestLine {
        id: row.id,
        time: f.time(&facts.started_us),
        status: facts.status,
        class: shown::outcome_class(facts),
        model: facts.model.clone().unwrap_or_else(|| facts.path.clone()),
        upstream: upstream.unwrap_or_default(),
        total: shown::duration(facts.total_us),
        tokens: Figure::of_tokens(facts.tokens_in, facts.tokens_out),
    }
}
