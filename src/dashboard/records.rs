//! Records over the admin API: a JSON array, newest first, as in the original.
//!
//! **Invariant:** a page is bounded in rows; bodies come as the text they are. **May import:** `state`, `db`.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use serde_json::Value;

use crate::dashboard::reply::{ApiError, json as reply, with_database};
use crate::dashboard::session::Admin;
use crate::db::records::page;
use crate::export::shown::whole;
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
    let shown: Vec<Value> = rows.iter().map(whole).collect();
    reply(StatusCode::OK, &shown)
}
