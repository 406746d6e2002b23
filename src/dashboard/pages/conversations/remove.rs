//! Removing a conversation for good: a page that asks for its number, then the deed.
//!
//! **Invariant:** nothing goes without its number typed. **May import:** `state`, `db`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::dashboard::form::{Field, Form, Problem, problems};
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::conversations::LIST;
use crate::dashboard::pages::query::scope::Scope;
use crate::dashboard::reply::ApiError;
use crate::dashboard::requests::one::gone;
use crate::dashboard::shown;
use crate::dashboard::visit::{Page, Visit};
use crate::db::records::talks;
use crate::db::removal::{Depth, remove_conversation};
use crate::error::Error;

#[derive(Template)]
#[template(path = "conversations/delete.html")]
struct Delete<'a> {
    f: &'a Frame,
    id: i64,
    title: String,
    turns: String,
    number: Field,
    problems: Vec<Problem>,
    /// The search it came from.
    back: String,
}

/// The search that the page came from, for other addresses.
fn search_of(visit: &Visit) -> String {
    Scope::default().with(&[("q", visit.query().text("q")), ("tz", &visit.frame.tz)])
}

/// `GET /admin/conversations/delete?id=&q=`.
pub(super) async fn ask(visit: Visit) -> Page {
    let id = visit.query().text("id").parse().unwrap_or(0);
    page(&visit, StatusCode::OK, id, Field::new("number", "")).await
}

async fn page(visit: &Visit, status: StatusCode, id: i64, number: Field) -> Page {
    let talk = visit.database(move |connection| talks(connection, &[id])?.pop().ok_or(Error::NotFound)).await?;
    let f = &visit.frame;
    let problems = problems(&[(&number, f.t("talks.number"))]);
    let title = talk.title.unwrap_or_default();
    let (turns, back) = (shown::exact(talk.records), search_of(visit));
    let delete = Delete { f, id, title, turns, number, problems, back };
    visit.page_as(status, &delete)
}

/// `POST /admin/conversations/delete`: `id`, and `number` as typed.
pub(super) async fn remove(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let id: i64 = form.text("id").parse().map_err(|_| ApiError::from(Error::NotFound))?;
    let mut number = Field::new("number", form.text("number"));
    if number.value != id.to_string() {
        number.problem = visit.frame.tf("talks.other_number", &[&id]);
        return page(&visit, StatusCode::UNPROCESSABLE_ENTITY, id, number).await;
    }
    let removed = visit.database(move |connection| remove_conversation(connection, id, Depth::Record)).await?;
    let records = removed.records;
    gone(&visit.state, removed).await?;
    Ok(visit.done(&format!("{LIST}{}", search_of(&visit)), &visit.frame.tf("talks.deleted", &[&id, &records])))
}
