//! Searches with a name: kept from the list of requests, renamed and forgotten here.
//!
//! **Invariant:** a saved search leads to the list of requests and nowhere else. **May import:** `state`, `db`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Path;
use askama::Template;
use chrono::Utc;

use crate::dashboard::form::{Field, Form, Problem, problems};
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::confirm;
use crate::dashboard::pages::query::scope::Scope;
use crate::dashboard::reply::ApiError;
use crate::dashboard::requests::asked::Asked;
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::saved::{self, SavedSearch};
use crate::error::Error;

const SAVED: &str = "/admin/saved";
/// Parameters of the list that say how it looks.
const LOOKS: [&str; 3] = ["sort", "cols", "refresh"];
/// Characters of a name.
const LONGEST: usize = 100;

#[derive(Template)]
#[template(path = "requests/saved.html")]
struct Saved<'a> {
    f: &'a Frame,
    rows: Vec<(SavedSearch, String)>,
}

/// `GET /admin/saved`.
pub(super) async fn show(visit: Visit) -> Page {
    let rows = visit.database(|connection| saved::list(connection)).await?;
    let readable = |row: SavedSearch| {
        let scope = Scope::read(row.query.trim_start_matches('?'));
        let parts = ["q", "range", "from", "to", "tz", "sort"].map(|name| scope.get(name).to_owned());
        (row, parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · "))
    };
    visit.page(&Saved { f: &visit.frame, rows: rows.into_iter().map(readable).collect() })
}

/// A search that cannot be called so, to be called otherwise.
#[derive(Template)]
#[template(path = "requests/name.html")]
struct Rename<'a> {
    f: &'a Frame,
    action: String,
    name: Field,
    query: String,
    problems: Vec<Problem>,
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= LONGEST
}

/// The form again, with what is wrong with the name.
fn again(visit: &Visit, action: String, form: &Form, why: Key) -> Page {
    let f = &visit.frame;
    let name = Field { problem: f.k(&why).to_owned(), ..Field::new("name", form.text("name")) };
    let problems = problems(&[(&name, f.t("saved.name"))]);
    let query = form.text("query").to_owned();
    visit.page_as(StatusCode::UNPROCESSABLE_ENTITY, &Rename { f, action, name, query, problems })
}

/// `POST /admin/saved`: `name`, and the `query` of the list's address.
pub(super) async fn add(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let name = form.text("name").to_owned();
    let sent = form.text("query").trim_start_matches('?');
    let scope = Scope::read(sent);
    let query = scope.with(&[]);
    // A search that the list would refuse is of no use under any name.
    let timed = if scope.clone().timed().with(&[]) == query { "" } else { "&range=24h" };
    let asked = Asked::read(&format!("{sent}{timed}"), &LOOKS, &visit.frame.zone, Utc::now());
    asked.and_then(|asked| asked.sort()).map_err(ApiError::of_form)?;
    if !is_name(&name) {
        return again(&visit, SAVED.to_owned(), &form, Key("saved.name_wrong"));
    }
    let said = visit.frame.tf("saved.kept", &[&name]);
    match visit.database(move |connection| saved::insert(connection, &name, &query)).await? {
        true => Ok(visit.done(SAVED, &said)),
        false => again(&visit, SAVED.to_owned(), &form, Key("saved.name_taken")),
    }
}

/// The query that the list of requests opens with; that of everything when there is none.
pub(super) async fn first(visit: &Visit) -> Result<Option<String>, ApiError> {
    let query = visit.database(|connection| saved::default(connection)).await?;
    Ok(query.filter(|query| query.len() > 1))
}

/// `GET /admin/saved/{id}/delete`.
pub(super) async fn ask(visit: Visit, id: Path<i64>) -> Page {
    let rows = visit.database(|connection| saved::list(connection)).await?;
    let row = rows.into_iter().find(|row| row.id == *id).ok_or_else(|| ApiError::from(Error::NotFound))?;
    let what = visit.frame.tf("saved.delete_what", &[&row.name]);
    confirm::ask(&visit, Key("saved.delete"), what, (&format!("{SAVED}/{id}/delete"), *id), SAVED)
}

/// `POST /admin/saved/{id}/delete`.
pub(super) async fn remove(visit: Visit, id: Path<i64>, _form: Form) -> Result<HttpResponse, ApiError> {
    let id = *id;
    visit.database(move |connection| saved::remove(connection, id)).await?;
    Ok(visit.done(SAVED, visit.frame.t("saved.gone")))
}

/// `POST /admin/saved/{id}`: another `name`, or `default` (`on`, `off`).
pub(super) async fn change(visit: Visit, id: Path<i64>, form: Form) -> Result<HttpResponse, ApiError> {
    let id = *id;
    if form.has("default") {
        let wanted = Some(id).filter(|_| form.text("default") == "on");
        visit.database(move |connection| saved::set_default(connection, wanted)).await?;
        let said = if wanted.is_some() { Key("saved.is_default") } else { Key("saved.no_default") };
        return Ok(visit.done(SAVED, visit.frame.k(&said)));
    }
    let (name, action) = (form.text("name").to_owned(), format!("{SAVED}/{id}"));
    if !is_name(&name) {
        return again(&visit, action, &form, Key("saved.name_wrong"));
    }
    let said = visit.frame.tf("saved.kept", &[&name]);
    match visit.database(move |connection| saved::rename(connection, id, &name)).await? {
        true => Ok(visit.done(SAVED, &said)),
        false => again(&visit, action, &form, Key("saved.name_taken")),
    }
}
