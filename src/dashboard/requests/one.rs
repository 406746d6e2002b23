//! One record: everything of it, its body and reply byte for byte, and removing it.
//!
//! **Invariant:** what others wrote is never sent as a page. **May import:** `state`, `db`.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::web::{Data, Path};
use serde_json::json;

use crate::dashboard::reply::{ApiError, json as reply, with_database};
use crate::dashboard::session::Admin;
use crate::dashboard::words::Key;
use crate::db::index::{removals_pending, segments};
use crate::db::records::{Record, Texts, record};
use crate::db::removal::{Depth, Removed, give_back, remove as remove_records};
use crate::error::Error;
use crate::export::shown;
use crate::state::State;

/// Pages given back to the file system after a removal, at most.
const PAGES_BACK: i64 = 4096;
/// How long a removal waits for the index to be written without what is gone.
const INDEX_PATIENCE: Duration = Duration::from_secs(20);
/// How often it looks.
const INDEX_LOOK: Duration = Duration::from_millis(50);

/// `GET /admin/requests/{id}`.
pub(in crate::dashboard) async fn show(
    _admin: Admin,
    id: Path<i64>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let record = load(&state, *id).await?;
    reply(StatusCode::OK, &shown::whole(&record))
}

/// `GET /admin/requests/{id}/body`: the request's body, byte for byte.
pub(in crate::dashboard) async fn body(
    _admin: Admin,
    id: Path<i64>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let Texts { body, body_note, .. } = load(&state, *id).await?.texts;
    bytes(body, body_note, &format!("request-{id}-body"))
}

/// `GET /admin/requests/{id}/reply`: the reply, byte for byte as it is recorded.
pub(in crate::dashboard) async fn answer(
    _admin: Admin,
    id: Path<i64>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let Texts { response, response_note, .. } = load(&state, *id).await?.texts;
    bytes(response, response_note, &format!("request-{id}-reply"))
}

/// `DELETE /admin/requests/{id}`: answered when its text is gone from the index as well.
pub(in crate::dashboard) async fn remove(
    _admin: Admin,
    id: Path<i64>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let id = *id;
    let removed =
        with_database(&state.database, move |connection| remove_records(connection, &[id], Depth::Record)).await?;
    gone(&state, removed).await
}

/// Waits until what was removed is gone everywhere, and says so.
pub(in crate::dashboard) async fn gone(state: &State, removed: Removed) -> Result<HttpResponse, ApiError> {
    if removed.records == 0 {
        return Err(ApiError::from(Error::NotFound));
    }
    let until = Instant::now() + INDEX_PATIENCE;
    let is_pending = |state: &State| {
        let database = state.database.clone();
        async move { with_database(&database, |connection| Ok(removals_pending(&segments(connection)?))).await }
    };
    // The spill file goes as a whole, when everything in it stands in the database.
    let spilled = || state.recorder.counts().spilled_bytes.load(Ordering::Relaxed) > 0;
    let mut pending = is_pending(state).await?;
    while (pending || spilled()) && Instant::now() < until {
        tokio::time::sleep(INDEX_LOOK).await;
        pending = is_pending(state).await?;
    }
    let spill_pending = spilled();
    with_database(&state.database, |connection| give_back(connection, PAGES_BACK)).await?;
    reply(
        StatusCode::OK,
        &json!({"removed": removed.records, "freed_bytes": removed.bytes, "index_pending": pending, "spill_pending": spill_pending}),
    )
}

async fn load(state: &State, id: i64) -> Result<Record, ApiError> {
    with_database(&state.database, move |connection| record(connection, id)?.ok_or(Error::NotFound)).await
}

fn bytes(bytes: Option<Vec<u8>>, note: Option<String>, name: &str) -> Result<HttpResponse, ApiError> {
    let Some(bytes) = bytes else {
        return Err(match note {
            Some(why) => ApiError::keyed_with(StatusCode::NOT_FOUND, Key("one.no_bytes"), &[&why]),
            None => ApiError::keyed(StatusCode::NOT_FOUND, Key("one.never_bytes")),
        });
    };
    let mut response = HttpResponse::new(StatusCode::OK).set_body(bytes).map_into_boxed_body();
    let headers = response.headers_mut();
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    headers.insert(CONTENT_DISPOSITION, disposition.unwrap_or(HeaderValue::from_static("attachment")));
    for (name, value) in [
        (CONTENT_TYPE, "application/octet-stream"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("content-security-policy"), "sandbox; default-src 'none'"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(note) = note.and_then(|note| HeaderValue::try_from(note).ok()) {
        headers.insert(HeaderName::from_static("x-record-note"), note);
    }
    Ok(response)
}
