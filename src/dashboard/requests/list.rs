//! `GET /admin/requests`: a page of what matches. **Invariant:** no body is in a list. **May import:** `state`, `db`.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::dashboard::reply::{ApiError, json as reply, with_database};
use crate::dashboard::requests::asked::Asked;
use crate::dashboard::session::Admin;
use crate::db::PooledConnection;
use crate::db::find::{Found, Top, facets, find, histogram, top};
use crate::export::shown;
use crate::search::segment::Name;
use crate::state::State;

/// Names of a facet, at most.
const MOST_FACETS: usize = 200;
/// Stretches of a histogram.
const STRETCHES: i64 = 100;

/// `GET /admin/requests?q=&range=&from=&to=&tz=&before=&after=&limit=&sort=`.
pub(in crate::dashboard) async fn list(
    _admin: Admin,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::of(&request, &state, &["sort"])?;
    let sort = asked.sort()?;
    let Asked { text, search, cursor, limit, .. } = asked;
    let look = move |connection: &mut PooledConnection| match sort {
        Some(by) => top(connection, &search, by, cursor, limit),
        None => Ok(Top { found: find(connection, &search, cursor, limit)?, stopped: false }),
    };
    let Top { found, stopped } = with_database(&state.database, look).await?;
    reply(StatusCode::OK, &answer(&text, &found, stopped))
}

fn answer(text: &str, found: &Found, stopped: bool) -> Value {
    let next = found.searched_to.or_else(|| found.rows.last().map(|row| row.id)).filter(|_| found.has_older);
    json!({
        "q": text,
        "requests": found.rows.iter().map(shown::row).collect::<Vec<_>>(),
        "count": found.count,
        "count_capped": found.count_capped,
        "next": next,
        "newer": found.rows.first().map(|row| row.id).filter(|_| found.has_newer),
        "searched_to": found.searched_to,
        "stopped": stopped,
    })
}

/// `GET /admin/requests/facets?field=`: which names there are among what matches, and how often.
pub(in crate::dashboard) async fn names(
    _admin: Admin,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::of(&request, &state, &["field"])?;
    let name = match asked.other("field").unwrap_or_default() {
        "model" => Name::Model,
        "upstream" => Name::Upstream,
        "key" => Name::Key,
        "path" => Name::Path,
        "host" => Name::Host,
        "ua" => Name::UserAgent,
        "ip" => Name::Ip,
        "tool" => Name::Tool,
        "finish" => Name::Finish,
        _ => {
            let there = "must be one of model, upstream, key, path, host, ua, ip, tool, finish";
            return Err(ApiError::field("field", there));
        }
    };
    let search = asked.search;
    let found =
        with_database(&state.database, move |connection| facets(connection, &search, name, MOST_FACETS)).await?;
    let shown: Vec<Value> = found.iter().map(|facet| json!({"value": facet.value, "count": facet.count})).collect();
    reply(StatusCode::OK, &json!({ "values": shown }))
}

/// `GET /admin/requests/histogram`: what matches, over the whole range.
pub(in crate::dashboard) async fn over_time(
    _admin: Admin,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let Asked { search, now_us, .. } = Asked::of(&request, &state, &[])?;
    let Some(from_us) = search.from_us else {
        return Err(ApiError::field("range", "is needed, like range=24h, or from"));
    };
    let to_us = search.to_us.unwrap_or(now_us);
    let step_us = (to_us - from_us).max(STRETCHES) / STRETCHES;
    let count = move |connection: &mut PooledConnection| histogram(connection, &search, from_us, step_us);
    let buckets = with_database(&state.database, count).await?;
    let shown: Vec<Value> = buckets
        .iter()
        .map(|bucket| json!({"from_us": bucket.from_us, "count": bucket.count, "errors": bucket.errors}))
        .collect();
    reply(StatusCode::OK, &json!({ "from_us": from_us, "step_us": step_us, "buckets": shown }))
}
