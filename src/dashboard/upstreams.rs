//! Upstreams over the admin API. JSON is parsed into an edit that cannot be wrong: see `input`.
//!
//! **Invariant:** a secret goes in and never comes out. **May import:** `state`, `db`, `roster`, `connector`.

mod input;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use serde_json::{Value, json};

use crate::config::DEFAULT_ENDPOINT;
use crate::connector::Proxy;
use crate::dashboard::reply::{ApiError, json as reply, with_database};
use crate::dashboard::session::Admin;
use crate::dashboard::upstreams::input::Input;
use crate::db::settings;
use crate::db::upstreams::{self, NewUpstream, UpstreamChange, UpstreamRow};
use crate::error::Error;
use crate::roster::{Roster, masked, masked_headers, unknown_keys};
use crate::state::State;

/// The longest name of an upstream, in characters, and the highest weight, that forms and programs may give one.
pub(super) const NAME_CHARS: usize = 200;
pub(super) const MOST_WEIGHT: i64 = 1_000_000;

/// `GET /admin/upstreams`: all of them, by id.
pub(super) async fn list(_admin: Admin, state: Data<State>) -> Result<HttpResponse, ApiError> {
    let rows = with_database(&state.database, |connection| upstreams::list(connection)).await?;
    let shown: Vec<Value> = rows.iter().map(|row| show_row(row, &state.roster)).collect();
    reply(StatusCode::OK, &shown)
}

/// `GET /admin/upstreams/{id}`.
pub(super) async fn show(_admin: Admin, id: Path<i64>, state: Data<State>) -> Result<HttpResponse, ApiError> {
    let row = with_database(&state.database, move |connection| upstreams::find(connection, *id)).await?;
    reply(StatusCode::OK, &show_row(&row.ok_or(Error::NotFound)?, &state.roster))
}

/// `POST /admin/upstreams`: adds one.
pub(super) async fn add(_admin: Admin, body: Bytes, state: Data<State>) -> Result<HttpResponse, ApiError> {
    let row = insert(&body, &state).await?;
    reply(StatusCode::CREATED, &show_row(&row, &state.roster))
}

async fn insert(body: &[u8], state: &State) -> Result<UpstreamRow, ApiError> {
    let change = Input::read(body, None)?;
    with_known_keys(&change, None, state).await?;
    let sk = change.sk.clone().unwrap_or_default();
    let endpoint = change.endpoint.clone().unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned());
    let mut new = NewUpstream::new(sk, endpoint);
    new.name = change.name.unwrap_or(new.name);
    new.enabled = change.enabled.unwrap_or(new.enabled);
    new.priority = change.priority.unwrap_or(new.priority);
    new.position = change.position;
    new.weight = change.weight.unwrap_or(new.weight);
    new.allow_models = change.allow_models.unwrap_or(new.allow_models);
    new.deny_models = change.deny_models.unwrap_or(new.deny_models);
    new.allow_keys = change.allow_keys.unwrap_or(new.allow_keys);
    new.keep_header = change.keep_header.unwrap_or(new.keep_header);
    new.connect_timeout_ms = change.connect_timeout_ms.unwrap_or(None);
    new.first_byte_timeout_ms = change.first_byte_timeout_ms.unwrap_or(None);
    new.first_content_timeout_ms = change.first_content_timeout_ms.unwrap_or(None);
    new.idle_timeout_ms = change.idle_timeout_ms.unwrap_or(None);
    new.recording = change.recording.unwrap_or(new.recording);
    new.extra_headers = change.extra_headers.unwrap_or(new.extra_headers);
    new.model_map = change.model_map.unwrap_or(new.model_map);
    new.proxy = change.proxy.unwrap_or(new.proxy);
    new.auth = change.auth.unwrap_or(new.auth);
    with_database(&state.database, move |connection| upstreams::insert(connection, &new)).await
}

/// Refuses client keys that do not exist, unless they stood there before.
async fn with_known_keys(change: &UpstreamChange, before: Option<&UpstreamRow>, state: &State) -> Result<(), ApiError> {
    let Some(names) = &change.allow_keys else { return Ok(()) };
    let keys = with_database(&state.database, |connection| settings::get(connection, "authorization")).await?;
    let before = before.map_or("", |row| &row.allow_keys);
    match unknown_keys(names, before, &keys.unwrap_or_default()) {
        unknown if unknown.is_empty() => Ok(()),
        unknown => {
            let what = format!("there is no client key with the name {}", unknown.join(", "));
            Err(ApiError::field("allow_keys", what).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

/// `PUT /admin/upstreams/{id}`: changes what is given; secrets that are sent back as they are shown stay as they were.
pub(super) async fn edit(
    _admin: Admin,
    id: Path<i64>,
    body: Bytes,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let id = *id;
    let before = with_database(&state.database, move |connection| upstreams::find(connection, id)).await?;
    let before = before.ok_or(Error::NotFound)?;
    let change = Input::read(&body, Some(&before))?;
    with_known_keys(&change, Some(&before), &state).await?;
    let row = with_database(&state.database, move |connection| upstreams::update(connection, id, &change)).await?;
    reply(StatusCode::OK, &show_row(&row, &state.roster))
}

/// `DELETE /admin/upstreams/{id}`.
pub(super) async fn remove(_admin: Admin, id: Path<i64>, state: Data<State>) -> Result<HttpResponse, ApiError> {
    with_database(&state.database, move |connection| upstreams::remove(connection, *id)).await?;
    reply(StatusCode::OK, &json!({"ok": true}))
}

fn show_row(row: &UpstreamRow, roster: &Roster) -> Value {
    let last = row.last_call_success_us.and_then(chrono::DateTime::from_timestamp_micros);
    let mut shown = json!({
        "id": row.id,
        "sk": masked(&row.sk),
        "endpoint": row.endpoint,
        "name": row.name,
        "enabled": row.enabled,
        "priority": row.priority,
        "position": row.position,
        "weight": row.weight,
        "allow_models": row.allow_models,
        "deny_models": row.deny_models,
        "allow_keys": row.allow_keys,
        "keep_header": row.keep_header,
        "connect_timeout_ms": row.connect_timeout_ms,
        "first_byte_timeout_ms": row.first_byte_timeout_ms,
        "first_content_timeout_ms": row.first_content_timeout_ms,
        "idle_timeout_ms": row.idle_timeout_ms,
        "recording": row.recording,
        "extra_headers": masked_headers(&row.extra_headers),
        "model_map": row.model_map,
        "proxy": Proxy::masked(&row.proxy),
        "auth": row.auth,
        "success_count": row.success_count,
        "failed_count": row.failed_count,
        "last_call_success_time": last.map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)),
    });
    let snapshot = roster.load();
    if let Some(upstream) = snapshot.upstreams.iter().find(|upstream| upstream.id == row.id) {
        shown["in_flight"] = json!(upstream.measured.in_flight());
        shown["standing"] = json!(upstream.measured.standing_word(chrono::Utc::now().timestamp_millis()));
    }
    shown
}
