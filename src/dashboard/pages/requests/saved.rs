//! Searches with a name: kept from the list of requests, renamed and forgotten here.
//!
//! **Invariant:** a saved search leads to the list of requests and nowhere else. **May import:** `state`, `db`.

use actix_web::http::StatusCode;
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::dashboard::form::Form;
use crate::dashboard::frame::{Frame, start, start_cookie};
use crate::dashboard::pages::query::scope::Scope;
use crate::dashboard::reply::ApiError;
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::saved::{self, SavedSearch};
use crate::error::Error;

const SAVED: &str = "/admin/saved";
/// Characters of a name.
const LONGEST: usize = 100;

#[derive(Template)]
#[template(path = "requests/saved.html")]
struct Saved<'a> {
    f: &'a Frame,
    /// Each search, its query for people, and whether the list of requests begins with it.
    rows: Vec<(SavedSearch, String, bool)>,
}

/// `GET /admin/saved`.
pub(super) async fn show(visit: Visit, request: HttpRequest) -> Page {
    visit.query(&[])?;
    let first = start(&request).unwrap_or_default();
    let rows = visit.database(|connection| saved::list(connection)).await?;
    let readable = |row: SavedSearch| {
        let scope = Scope::read(row.query.trim_start_matches('?'));
        let parts = ["q", "range", "from", "to", "sort"].map(|name| scope.get(name).to_owned());
        let is_first = row.query == first;
        (row, parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · "), is_first)
    };
    visit.page(&Saved { f: &visit.frame, rows: rows.into_iter().map(readable).collect() })
}

fn name_in(form: &Form) -> Result<String, ApiError> {
    let name = form.text("name").to_owned();
    if name.is_empty() || name.chars().count() > LONGEST {
        return Err(ApiError::keyed(StatusCode::UNPROCESSABLE_ENTITY, Key("saved.name_wrong")));
    }
    Ok(name)
}

/// `POST /admin/saved`: `name`, and the `query` of the list's address.
pub(super) async fn add(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let name = name_in(&form)?;
    let query = Scope::read(form.text("query").trim_start_matches('?')).with(&[]);
    let said = visit.frame.tf("saved.kept", &[&name]);
    visit.database(move |connection| saved::insert(connection, &name, &query)).await?;
    Ok(visit.done(SAVED, &said))
}

/// `POST /admin/saved/{id}`: another `name`, or `delete`, or `start`: the list of requests begins with it in this browser,
/// or `no-start`.
pub(super) async fn change(
    visit: Visit,
    request: HttpRequest,
    id: Path<i64>,
    form: Form,
) -> Result<HttpResponse, ApiError> {
    let id = *id;
    let rows = visit.database(|connection| saved::list(connection)).await?;
    let row = rows.into_iter().find(|row| row.id == id).ok_or(Error::NotFound)?;
    let is_first = start(&request).is_some_and(|first| first == row.query);
    if form.has("delete") {
        visit.database(move |connection| saved::remove(connection, id)).await?;
        let done = visit.done(SAVED, visit.frame.t("saved.gone"));
        return Ok(if is_first { with_start(done, "") } else { done });
    }
    if form.has("start") {
        return Ok(with_start(visit.done(SAVED, &visit.frame.tf("saved.starts", &[&row.name])), &row.query));
    }
    if form.has("no-start") {
        return Ok(with_start(visit.done(SAVED, visit.frame.t("saved.starts_no_more")), ""));
    }
    let name = name_in(&form)?;
    let said = visit.frame.tf("saved.kept", &[&name]);
    visit.database(move |connection| saved::rename(connection, id, &name)).await?;
    Ok(visit.done(SAVED, &said))
}

fn with_start(mut response: HttpResponse, query: &str) -> HttpResponse {
    let _ = response.add_cookie(&start_cookie(query));
    response
}
