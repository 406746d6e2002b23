//! Records over the admin API: a JSON array, newest first, as in the original.
//!
//! **Invariant:** a page is bounded in rows; bodies come as the text they are. **May import:** `state`, `db`.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use serde_json::{Value, json};

use crate::dashboard::reply::{ApiError, json as reply, with_database};
use crate::dashboard::session::Admin;
use crate::db::records::{Record, Row, page};
use crate::state::State;

/// Rows of a page when nothing is asked for, and at most.
const PAGE_ROWS: i64 = 100;
const MOST_ROWS: i64 = 1000;

/// `GET /admin/request_records?limit=&before=`.
pub(super) async fn list(_admin: Admin, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, ApiError> {
    let (mut limit, mut before) = (PAGE_ROWS, None);
    for pair in request.query_string().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "limit" => {
                let number = value.parse().ok().filter(|number| (1..=MOST_ROWS).contains(number));
                limit = number
                    .ok_or_else(|| ApiError::field("limit", format!("must be a number from 1 to {MOST_ROWS}")))?;
            }
            "before" => {
                before = Some(value.parse().map_err(|_| ApiError::field("before", "must be the id of a record"))?)
            }
            unknown => {
                return Err(ApiError::field(
                    unknown.to_owned(),
                    "there is no such parameter; there are limit and before",
                ));
            }
        }
    }
    let rows = with_database(&state.database, move |connection| page(connection, before, limit)).await?;
    let shown: Vec<Value> = rows.iter().map(show).collect();
    reply(StatusCode::OK, &shown)
}

fn show(record: &Record) -> Value {
    let Record { row: Row { id, facts, .. }, texts } = record;
    let created = chrono::DateTime::from_timestamp_micros(facts.started_us);
    json!({
        "id": id,
        "created_at": created.map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)),
        "key_name": facts.key_name,
        "key_last4": facts.key_last4,
        "ip": facts.ip,
        "user_agent": facts.user_agent,
        "method": facts.method,
        "path": facts.path,
        "model": facts.model,
        "model_sent": facts.model_sent,
        "model_answered": facts.model_answered,
        "status": facts.status,
        "upstream_id": facts.upstream_id,
        "streamed": facts.streamed,
        "first_byte_us": facts.first_byte_us,
        "first_content_us": facts.first_content_us,
        "total_us": facts.total_us,
        "tokens_in": facts.tokens_in,
        "tokens_out": facts.tokens_out,
        "tokens_cached": facts.tokens_cached,
        "tokens_reasoning": facts.tokens_reasoning,
        "attempts": serde_json::from_str::<Value>(&facts.attempts).unwrap_or_default(),
        "ending": facts.ending.as_str(),
        "error": facts.error,
        "request_bytes": facts.request_bytes,
        "reply_bytes": facts.reply_bytes,
        "body": text(texts.body.as_deref()),
        "body_note": texts.body_note,
        "response": text(texts.response.as_deref()),
        "response_note": texts.response_note,
    })
}

/// Bytes that are no UTF-8 are shown with replacement characters; the database keeps them as they are.
fn text(bytes: Option<&[u8]>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}
