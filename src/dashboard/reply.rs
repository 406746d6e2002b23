//! Replies of the admin API: JSON, never cached; errors in the same shape as `/v1`'s.
//!
//! **Invariant:** the only place of the room that decides a status for an error. **May import:** `error`, `openai`.

use std::fmt;
use std::ops::Range;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use actix_web::web::block;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::{Value, json};

use crate::dashboard::words::{Key, Lang};
use crate::db::{Database, PooledConnection};
use crate::error::Error;
use crate::openai::error::error_body;
use crate::search::QueryError;

/// An error for whoever called the admin API.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    message: String,
    /// The input's field that is wrong.
    field: Option<String>,
    /// The same message for pages, in their language.
    key: Option<(Key, Vec<String>)>,
    /// Of a query, where it is wrong.
    query: Option<Box<Told>>,
}

/// Where a query is wrong, in bytes, and the whole query put right.
#[derive(Debug)]
struct Told {
    at: Range<usize>,
    suggestion: Option<String>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> ApiError {
        ApiError { status, message: message.into(), field: None, key: None, query: None }
    }

    /// An error that pages tell in their own language, and JSON in English.
    pub(super) fn keyed(status: StatusCode, key: Key) -> ApiError {
        ApiError::keyed_with(status, key, &[])
    }

    /// The same with the key's places filled in.
    pub(super) fn keyed_with(status: StatusCode, key: Key, args: &[&dyn fmt::Display]) -> ApiError {
        let filled = args.iter().map(ToString::to_string).collect();
        ApiError { key: Some((key, filled)), ..ApiError::new(status, Lang::En.tf(key.0, args)) }
    }

    /// The message in a page's language, if it has one there.
    pub(super) fn text(&self, lang: Lang) -> Option<String> {
        let (key, args) = self.key.as_ref()?;
        let args: Vec<&dyn fmt::Display> = args.iter().map(|arg| arg as &dyn fmt::Display).collect();
        Some(lang.tf(key.0, &args))
    }

    /// Input that cannot be accepted.
    pub(super) fn field(field: impl Into<String>, what: impl fmt::Display) -> ApiError {
        let field = field.into();
        let message = format!("{field}: {what}");
        ApiError { status: StatusCode::BAD_REQUEST, message, field: Some(field), key: None, query: None }
    }

    /// A query that cannot be understood.
    pub(super) fn query(error: QueryError) -> ApiError {
        let told = Told { at: error.at, suggestion: error.suggestion };
        ApiError { query: Some(Box::new(told)), ..ApiError::field("q", error.message) }
    }

    /// A query that cannot be answered as it is, because of what stands there.
    pub(super) fn query_at(what: impl fmt::Display, at: Range<usize>) -> ApiError {
        ApiError { query: Some(Box::new(Told { at, suggestion: None })), ..ApiError::field("q", what) }
    }

    /// Of a query that is wrong: what is wrong, where, and the whole query put right.
    pub(super) fn told(&self) -> Option<(&str, Range<usize>, Option<&str>)> {
        let told = self.query.as_ref()?;
        let message = self.message.strip_prefix("q: ").unwrap_or(&self.message);
        Some((message, told.at.clone(), told.suggestion.as_deref()))
    }

    /// Of a query that is wrong: where, in bytes, and the whole query put right.
    pub(super) fn place(&self) -> Option<(Range<usize>, Option<&str>)> {
        self.query.as_ref().map(|told| (told.at.clone(), told.suggestion.as_deref()))
    }

    pub(super) fn unauthorized() -> ApiError {
        let message = "the admin password is needed: send it as `Authorization: Bearer …`, or log in at /admin/login";
        ApiError { key: Some((Key("error.log_in"), Vec::new())), ..ApiError::new(StatusCode::UNAUTHORIZED, message) }
    }
}

impl Told {
    /// The error's body with `position` and `suggestion`.
    fn added_to(&self, body: String) -> String {
        let Ok(Value::Object(mut whole)) = serde_json::from_str(&body) else { return body };
        if let Some(Value::Object(error)) = whole.get_mut("error") {
            error.insert("position".to_owned(), json!({"start": self.at.start, "end": self.at.end}));
            error.insert("suggestion".to_owned(), self.suggestion.clone().into());
        }
        Value::Object(whole).to_string()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let body = error_body(&self.message, "admin_error", self.field.as_deref(), None);
        let body = match &self.query {
            Some(told) => told.added_to(body),
            None => body,
        };
        let mut response = json_response(self.status, body.into_bytes());
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> ApiError {
        match error {
            Error::NotFound => ApiError::new(StatusCode::NOT_FOUND, "there is no such row"),
            Error::Duplicate => {
                ApiError::new(StatusCode::CONFLICT, "an upstream with this sk and endpoint exists already")
            }
            Error::Invalid { field, message } => ApiError::field(field, message),
            Error::Unavailable(what) => {
                ApiError::new(StatusCode::SERVICE_UNAVAILABLE, format!("the database does not answer: {what}"))
            }
            Error::Database(what) => {
                ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the database refused: {what}"))
            }
        }
    }
}

/// A value as JSON.
pub(super) fn json<T: Serialize>(status: StatusCode, value: &T) -> Result<HttpResponse, ApiError> {
    let body = serde_json::to_vec(value)
        .map_err(|error| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(json_response(status, body))
}

fn json_response(status: StatusCode, body: Vec<u8>) -> HttpResponse {
    let mut response = HttpResponse::new(status).set_body(body).map_into_boxed_body();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Runs `work` with a connection on a thread that may block.
pub(super) async fn with_database<T: Send + 'static>(
    database: &Database,
    work: impl FnOnce(&mut PooledConnection) -> Result<T, Error> + Send + 'static,
) -> Result<T, ApiError> {
    let database = database.clone();
    let done = block(move || work(&mut database.get()?)).await;
    done.map_err(|_| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping"))?.map_err(ApiError::from)
}
