//! What a browser gets at `/admin`: a page to log in, and an overview that adds upstreams. Works without script.
//!
//! **Invariant:** a page shows no secret and loads nothing from elsewhere; what others wrote is escaped by the templates.
//! **May import:** `state`, `db`, `roster`, `config`.

use std::sync::atomic::Ordering;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderName, HeaderValue, LOCATION};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::config::DEFAULT_ENDPOINT;
use crate::dashboard::reply::{ApiError, with_database};
use crate::dashboard::session::Admin;
use crate::db::records::{Record, page};
use crate::db::upstreams;
use crate::roster::masked;
use crate::state::State;

/// Requests shown on the overview.
const SHOWN: i64 = 20;
const STYLE: &str = include_str!("../../static/style.css");
const STYLE_HASH: &str = {
    const HEX: [u8; 16] = hex(fnv(STYLE.as_bytes()));
    match std::str::from_utf8(&HEX) {
        Ok(text) => text,
        Err(_) => "0",
    }
};
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// FNV-1a (RFC 9923): the same content has the same address, other content another.
const fn fnv(bytes: &[u8]) -> u64 {
    let (mut hash, mut at) = (0xcbf2_9ce4_8422_2325_u64, 0);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}

const fn hex(number: u64) -> [u8; 16] {
    let (mut out, mut at) = ([0; 16], 0);
    while at < 16 {
        out[at] = b"0123456789abcdef"[(number >> (60 - 4 * at) & 15) as usize];
        at += 1;
    }
    out
}

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    style_hash: &'static str,
    problem: &'a str,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview<'a> {
    style_hash: &'static str,
    problem: &'a str,
    alarms: Vec<String>,
    endpoint: &'static str,
    host: &'a str,
    upstreams: Vec<UpstreamLine>,
    requests: Vec<RequestLine>,
}

struct UpstreamLine {
    id: i64,
    name: String,
    endpoint: String,
    key: String,
    state: &'static str,
    succeeded: i64,
    failed: i64,
}

struct RequestLine {
    time: String,
    status: i32,
    model: String,
    path: String,
    upstream: String,
    total: String,
    tokens: String,
    ending: &'static str,
}

/// Whether whoever asks would rather have a page than JSON.
pub(super) fn wants_page(request: &HttpRequest) -> bool {
    request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("text/html"))
}

/// `GET /admin`: the overview, or the page to log in.
pub(super) async fn overview(
    request: HttpRequest,
    admin: Option<Admin>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    match admin {
        Some(_) => shown(&request, &state, StatusCode::OK, "").await,
        None if wants_page(&request) => login(StatusCode::OK, ""),
        None => Err(ApiError::unauthorized()),
    }
}

/// The page to log in, with what went wrong.
pub(super) fn login(status: StatusCode, problem: &str) -> Result<HttpResponse, ApiError> {
    html(status, &Login { style_hash: STYLE_HASH, problem })
}

/// The overview, with what went wrong.
pub(super) async fn shown(
    request: &HttpRequest,
    state: &State,
    status: StatusCode,
    problem: &str,
) -> Result<HttpResponse, ApiError> {
    let (rows, records) =
        with_database(&state.database, |connection| Ok((upstreams::list(connection)?, page(connection, None, SHOWN)?)))
            .await?;
    let snapshot = state.roster.load();
    let now_ms = chrono::Utc::now().timestamp_millis();
    let state_of = |id: i64, enabled: bool| match snapshot.upstreams.iter().find(|upstream| upstream.id == id) {
        _ if !enabled => "disabled",
        Some(upstream) => upstream.measured.standing_word(now_ms),
        None => "makes no sense, see the log",
    };
    let upstreams = rows
        .into_iter()
        .map(|row| UpstreamLine {
            id: row.id,
            state: state_of(row.id, row.enabled),
            key: masked(&row.sk),
            name: row.name,
            endpoint: row.endpoint,
            succeeded: row.success_count,
            failed: row.failed_count,
        })
        .collect();
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1:8888");
    let requests = records.iter().map(line).collect();
    html(
        status,
        &Overview {
            style_hash: STYLE_HASH,
            problem,
            alarms: alarms(state),
            endpoint: DEFAULT_ENDPOINT,
            host,
            upstreams,
            requests,
        },
    )
}

/// What is wrong with recording, if anything.
fn alarms(state: &State) -> Vec<String> {
    let counts = state.recorder.counts();
    let (lost, spilled) = (counts.lost.load(Ordering::Relaxed), counts.spilled_bytes.load(Ordering::Relaxed));
    let mut alarms = Vec::new();
    if spilled > 0 {
        alarms.push(format!("{spilled} bytes of records wait in the spill file for the database."));
    }
    if lost > 0 {
        alarms.push(format!("{lost} records were lost since the start; the log says why."));
    }
    alarms
}

fn line(record: &Record) -> RequestLine {
    let facts = &record.row.facts;
    let time = chrono::DateTime::from_timestamp_micros(facts.started_us);
    let tokens = match (facts.tokens_in, facts.tokens_out) {
        (None, None) => "–".to_owned(),
        (tokens_in, tokens_out) => {
            let shown = |tokens: Option<i64>| tokens.map_or_else(|| "?".to_owned(), |tokens| tokens.to_string());
            format!("{} → {}", shown(tokens_in), shown(tokens_out))
        }
    };
    RequestLine {
        time: time.map(|time| time.format("%m-%d %H:%M:%S").to_string()).unwrap_or_default(),
        status: facts.status,
        model: facts.model.clone().unwrap_or_default(),
        path: facts.path.clone(),
        upstream: facts.upstream_id.map(|id| id.to_string()).unwrap_or_default(),
        total: if facts.total_us < 1000 { "< 1 ms".to_owned() } else { format!("{} ms", facts.total_us / 1000) },
        tokens,
        ending: facts.ending.as_str(),
    }
}

/// After a form was taken: back to the overview, so that a reload does not send it again.
pub(super) fn back() -> HttpResponse {
    let mut response = HttpResponse::new(StatusCode::SEE_OTHER);
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("/admin"));
    response
}

/// `GET /admin/static/{hash}/style.css`: public, and never changes under this address.
pub(super) async fn style(hash: Path<String>) -> HttpResponse {
    if *hash != STYLE_HASH {
        return HttpResponse::new(StatusCode::NOT_FOUND);
    }
    let mut response = HttpResponse::new(StatusCode::OK).set_body(STYLE).map_into_boxed_body();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    response
}

fn html(status: StatusCode, template: &impl Template) -> Result<HttpResponse, ApiError> {
    let body =
        template.render().map_err(|error| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let mut response = HttpResponse::new(status).set_body(body).map_into_boxed_body();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("content-security-policy"), POLICY),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("referrer-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}
