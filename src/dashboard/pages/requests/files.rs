//! What one takes away from a request: a curl command, the pictures in it.
//!
//! **Invariant:** a picture is sent only when its first bytes say that it is one; nothing here is ever a page.
//! **May import:** `state`, `db`.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::web::Path;

use crate::dashboard::pages::requests::chat::{NEW, content};
use crate::dashboard::pages::requests::command::command;
use crate::dashboard::pages::requests::kinds::{decoded, picture};
use crate::dashboard::pages::requests::one::load;
use crate::dashboard::reply::ApiError;
use crate::dashboard::visit::{Page, Visit};
use crate::db::PooledConnection;
use crate::db::records::{Record, fresh, rows};
use crate::error::Error;

fn file(kind: &'static str, policy: &'static str, body: Vec<u8>) -> HttpResponse {
    let mut response = HttpResponse::new(StatusCode::OK).set_body(body).map_into_boxed_body();
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("content-security-policy"), policy),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// `GET /admin/requests/{id}/blob/{n}`: a picture of the record; `new-{n}` counts those of what is new in it.
pub(super) async fn blob(visit: Visit, path: Path<(i64, String)>) -> Page {
    let (id, name) = path.into_inner();
    let missing = || ApiError::from(Error::NotFound);
    let counted: Option<usize> = name.strip_prefix(NEW).unwrap_or(&name).parse().ok();
    let number = counted.ok_or_else(missing)?;
    let (path, body, answer) = if name.starts_with(NEW) {
        let work = move |connection: &mut PooledConnection| {
            let row = rows(connection, &[id])?.pop().ok_or(Error::NotFound)?;
            Ok((row.facts.path, fresh(connection, &[id])?.remove(&id).unwrap_or_default()))
        };
        let (path, mut heard) = visit.database(work).await?;
        let answer = heard.response.take();
        let body = heard.as_whole(&path);
        (path, body, answer)
    } else {
        let Record { row, texts } = load(&visit, id).await?;
        (row.facts.path, texts.body, texts.response)
    };
    let (body, answer) = (body.unwrap_or_default(), answer.unwrap_or_default());
    let bytes = content(&path, &body, &answer, number).and_then(decoded).ok_or_else(missing)?;
    let kind = picture(&bytes).ok_or_else(missing)?;
    Ok(file(kind, "sandbox; default-src 'none'", bytes))
}

/// `GET /admin/requests/{id}/curl`: the request as a command, with a variable in the key's place.
pub(super) async fn curl(visit: Visit, id: Path<i64>, request: HttpRequest) -> Page {
    let record = load(&visit, *id).await?;
    let connection = request.connection_info();
    let command = command(&record, connection.scheme(), connection.host());
    Ok(file("text/plain; charset=utf-8", "sandbox; default-src 'none'", command.into_bytes()))
}
