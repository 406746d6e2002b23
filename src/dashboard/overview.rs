//! How the gateway is doing: `GET /admin/overview` as JSON, `GET /metrics` for Prometheus.
//!
//! **Invariant:** neither asks the database anything of its own: both answer while it is away.
//! **May import:** `state`, `metrics`, `roster`.

use std::sync::atomic::Ordering;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload};
use serde_json::json;

use crate::dashboard::reply::{ApiError, json as reply};
use crate::dashboard::session::Admin;
use crate::metrics::Page;
use crate::state::State;

/// Prometheus's name for its text format.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// `GET /admin/overview`.
pub(super) async fn show(_admin: Admin, state: Data<State>) -> Result<HttpResponse, ApiError> {
    let counts = state.recorder.counts();
    let away_since = counts.away_since_us().and_then(chrono::DateTime::from_timestamp_micros);
    reply(
        StatusCode::OK,
        &json!({
            "records_lost": counts.lost.load(Ordering::Relaxed),
            "records_cut": counts.cut.load(Ordering::Relaxed),
            "spilled_bytes": counts.spilled_bytes.load(Ordering::Relaxed),
            "queue_bytes": state.recorder.budget.used(),
            "records_behind_index": counts.behind_index(),
            "database": if counts.is_away() { "away" } else { "ok" },
            "database_away_since": away_since.map(|since| since.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)),
            "in_flight": state.running.count(),
        }),
    )
}

/// `GET /metrics`.
pub(super) async fn metrics(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, ApiError> {
    let snapshot = state.roster.load().clone();
    if !snapshot.settings.metrics_public {
        Admin::from_request(&request, &mut Payload::None).await?;
    }
    let counts = state.recorder.counts();
    let now_ms = chrono::Utc::now().timestamp_millis();
    let measured = || snapshot.upstreams.iter().map(|upstream| (upstream.id, &upstream.measured));
    let mut page = Page::default();
    page.requests(&state.metrics.tallies());
    page.number("requests_in_flight", "gauge", "Requests under way.", Some(state.running.count()));
    page.by_upstream(
        "upstream_in_flight",
        "Requests under way at an upstream.",
        measured().map(|(id, measured)| (id, measured.in_flight())),
    );
    page.by_upstream(
        "upstream_healthy",
        "0 when an upstream, or one of its models, is left alone or only probed; else 1.",
        measured().map(|(id, measured)| (id, u32::from(measured.is_well(now_ms)))),
    );
    let (lost, cut) = (counts.lost.load(Ordering::Relaxed), counts.cut.load(Ordering::Relaxed));
    let spilled = counts.spilled_bytes.load(Ordering::Relaxed);
    page.number("records_lost_total", "counter", "Records that nothing could keep.", Some(lost));
    page.number("records_cut_total", "counter", "Records kept without a part of a body.", Some(cut));
    page.number("record_spill_bytes", "gauge", "Bytes of records waiting in the spill file.", Some(spilled));
    let queue = state.recorder.budget.used();
    page.number("recorder_queue_bytes", "gauge", "Memory of bodies being captured and records waiting.", Some(queue));
    page.number("index_lag_records", "gauge", "Records that the search index has not reached.", counts.behind_index());
    let up = u32::from(!counts.is_away());
    page.number("database_up", "gauge", "Whether the database answers the recorder.", Some(up));
    let mut response = HttpResponse::new(StatusCode::OK).set_body(page.text()).map_into_boxed_body();
    response.headers_mut().insert(CONTENT_TYPE, TEXT);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
