//! Replies of the admin API: JSON, never cached; errors in the same shape as `/v1`'s.
//!
//! **Invariant:** the only place of the room that decides a status for an error. **May import:** `error`, `openai`.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use actix_web::web::block;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::{Value, json};

use crate::dashboard::mistake::said;
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
    /// Of a query, what is wrong and where.
    query: Option<Box<QueryError>>,
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
        if let Some(error) = &self.query {
            return Some(said(lang, &error.mistake));
        }
        let (key, args) = self.key.as_ref()?;
        let args: Vec<&dyn fmt::Display> = args.iter().map(|arg| arg as &dyn fmt::Display).collect();
        let told = lang.tf(key.0, &args);
        Some(self.field.as_ref().map_or_else(|| told.clone(), |field| format!("{field}: {told}")))
    }

    /// Input that cannot be accepted.
    pub(super) fn field(field: impl Into<String>, what: impl fmt::Display) -> ApiError {
        let field = field.into();
        let message = format!("{field}: {what}");
        ApiError { status: StatusCode::BAD_REQUEST, message, field: Some(field), key: None, query: None }
    }

    /// The same with another status.
    pub(super) fn with_status(self, status: StatusCode) -> ApiError {
        ApiError { status, ..self }
    }

    /// As [`ApiError::field`], told by pages in their own language.
    pub(super) fn field_keyed(field: impl Into<String>, key: Key, args: &[&dyn fmt::Display]) -> ApiError {
        let filled = args.iter().map(ToString::to_string).collect();
        ApiError { key: Some((key, filled)), ..ApiError::field(field, Lang::En.tf(key.0, args)) }
    }

    /// A query that cannot be understood.
    pub(super) fn query(error: QueryError) -> ApiError {
        let told = ApiError::field("q", &error.mistake);
        ApiError { query: Some(Box::new(error)), ..told }
    }

    /// The same of what a form was sent with, not of an address.
    pub(super) fn of_form(self) -> ApiError {
        ApiError { status: StatusCode::UNPROCESSABLE_ENTITY, ..self }
    }

    /// Of a query that is wrong: what, where, and how it would be right.
    pub(super) fn wrong_query(&self) -> Option<&QueryError> {
        self.query.as_deref()
    }

    pub(super) fn unauthorized() -> ApiError {
        let message = "the admin password is needed: send it as `Authorization: Bearer …`, or log in at /admin/login";
        ApiError { key: Some((Key("error.log_in"), Vec::new())), ..ApiError::new(StatusCode::UNAUTHORIZED, message) }
    }
}

/// An error's body with `position` and `suggestion`.
fn placed(body: String, told: &QueryError) -> String {
    let Ok(Value::Object(mut whole)) = serde_json::from_str(&body) else { return body };
    if let Some(Value::Object(error)) = whole.get_mut("error") {
        error.insert("position".to_owned(), json!({"start": told.at.start, "end": told.at.end}));
        error.insert("suggestion".to_owned(), told.suggestion.clone().into());
    }
    Value::Object(whole).to_string()
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
            Some(told) => placed(body, told),
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
            Error::Duplicate => ApiError::keyed(StatusCode::CONFLICT, Key("error.duplicate")),
            Error::Invalid { field, message } => ApiError::field(field, message),
            Error::Unavailable(what) => {
                ApiError::keyed_with(StatusCode::SERVICE_UNAVAILABLE, Key("error.no_answer"), &[&what])
            }
            Error::Database(what) => {
                ApiError::keyed_with(StatusCode::INTERNAL_SERVER_ERROR, Key("error.no_use"), &[&what])
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

/// A reply of this JSON.
pub(super) fn json_response(status: StatusCode, body: Vec<u8>) -> HttpResponse {
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
    done.map_err(|_| ApiError::keyed(StatusCode::SERVICE_UNAVAILABLE, Key("error.stopping")))?.map_err(ApiError::from)
}
