//! Taking a request away for good: asked on a page of its own, where its number is typed.
//!
//! **Invariant:** nothing goes without its number. **May import:** `state`, `db`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Path;
use askama::Template;

use crate::dashboard::form::{Field, Form};
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::requests::list::LIST;
use crate::dashboard::pages::requests::one::load;
use crate::dashboard::pages::requests::search_of;
use crate::dashboard::reply::ApiError;
use crate::dashboard::requests::one::gone;
use crate::dashboard::shown::Moment;
use crate::dashboard::visit::{Page, Visit};
use crate::db::removal::{Depth, remove as remove_records};

#[derive(Template)]
#[template(path = "requests/delete.html")]
struct Ask<'a> {
    f: &'a Frame,
    id: i64,
    time: Moment,
    what: String,
    number: Field,
    /// The search it came from.
    back: String,
}

async fn page(visit: &Visit, id: i64, status: StatusCode, number: Field) -> Page {
    let record = load(visit, id).await?;
    let facts = &record.row.facts;
    let what = facts.model.clone().unwrap_or_else(|| facts.path.clone());
    let (f, time) = (&visit.frame, visit.frame.time(&facts.started_us));
    visit.page_as(status, &Ask { f, id, time, what, number, back: search_of(visit).with(&[]) })
}

/// `GET /admin/requests/{id}/delete`.
pub(super) async fn ask(visit: Visit, id: Path<i64>) -> Page {
    page(&visit, *id, StatusCode::OK, Field::new("number", "")).await
}

/// `POST /admin/requests/{id}/delete`: its `number` once more.
pub(super) async fn remove(visit: Visit, id: Path<i64>, form: Form) -> Result<HttpResponse, ApiError> {
    let id = *id;
    if form.text("number").parse() != Ok(id) {
        let mut number = Field::new("number", form.text("number"));
        number.problem = visit.frame.tf("remove.wrong", &[&id]);
        return page(&visit, id, StatusCode::UNPROCESSABLE_ENTITY, number).await;
    }
    let removed = visit.database(move |connection| remove_records(connection, &[id], Depth::Record)).await?;
    gone(&visit.state, removed).await?;
    Ok(visit.done(&format!("{LIST}{}", search_of(&visit).with(&[])), &visit.frame.tf("remove.done", &[&id])))
}
