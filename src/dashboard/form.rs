//! What browsers send: forms with the session's token, and fields as pages show them again.
//!
//! **Invariant:** a form that reaches a handler came from a page of this session. **May import:** nothing of the crate.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use actix_web::web::{Bytes, Query};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use openssl::memcmp;

use crate::dashboard::reply::ApiError;
use crate::dashboard::session::Admin;
use crate::dashboard::words::Key;

/// Whether whoever asks would rather have a page than JSON.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("text/html"))
}

/// A browser's form rather than JSON.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) && wants_page(headers)
}

/// After a form was taken: on to a page, so that a reload does not send it again.
pub(super) fn see(to: &str) -> HttpResponse {
    let mut response = HttpResponse::new(StatusCode::SEE_OTHER);
    response.headers_mut().insert(LOCATION, HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/admin")));
    response
}

/// A form's fields in the order they were sent; a name may come several times.
#[derive(Clone, Debug, Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Fields of a body or a query; what is none gives no fields.
    pub(super) fn parse(body: &[u8]) -> Form {
        let pairs = Query::<Vec<(String, String)>>::from_query(&String::from_utf8_lossy(body));
        Form(pairs.map(Query::into_inner).unwrap_or_default())
    }

    /// A field's text, trimmed; empty when it was not sent.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    /// Whether a field was sent at all: a box that is ticked.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// Every value of a field.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every name with its value, in order.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Every number of a field; what is no number is passed over.
    pub(super) fn numbers(&self, name: &str) -> Vec<i64> {
        self.all(name).filter_map(|value| value.parse().ok()).collect()
    }
}

impl FromRequest for Form {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Form, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let admin = Admin::from_request(request, payload);
        let body = Bytes::from_request(request, payload);
        Box::pin(async move {
            let admin = admin.await?;
            let body =
                body.await.map_err(|_| ApiError::keyed(StatusCode::PAYLOAD_TOO_LARGE, Key("error.form_size")))?;
            let form = Form::parse(&body);
            let token = form.text("csrf").as_bytes();
            let same = token.len() == admin.csrf.len() && memcmp::eq(token, admin.csrf.as_bytes());
            if admin.session.is_some() && !same {
                return Err(ApiError::keyed(StatusCode::FORBIDDEN, Key("error.form_token")));
            }
            Ok(form)
        })
    }
}

/// A field as a page shows it again: what was typed, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub(super) struct Field {
    /// Its name in the form, also its `id`.
    pub(super) name: &'static str,
    /// What stands in it.
    pub(super) value: String,
    /// What is wrong; empty when nothing is.
    pub(super) problem: String,
}

impl Field {
    /// A field with nothing wrong.
    pub(super) fn new(name: &'static str, value: impl ToString) -> Field {
        Field { name, value: value.to_string(), problem: String::new() }
    }

    /// Whether something is wrong.
    pub(super) fn is_bad(&self) -> bool {
        !self.problem.is_empty()
    }
}

/// A problem for the list at a form's top: the field's id, its label, what is wrong.
pub(super) type Problem = (&'static str, &'static str, String);

/// The problems of fields that come with their labels.
pub(super) fn problems(fields: &[(&Field, &'static str)]) -> Vec<Problem> {
    let bad = fields.iter().filter(|(field, _)| field.is_bad());
    bad.map(|(field, label)| (field.name, *label, field.problem.clone())).collect()
}

#[cfg(test)]
mod tests {
    use crate::dashboard::form::Form;

    #[test]
    fn a_name_may_come_several_times_and_text_is_decoded() {
        let form = Form::parse("id=1&id=x&id=3&name=%E4%B8%AD+a%26b+&box=on".as_bytes());
        assert_eq!(form.numbers("id"), [1, 3]);
        assert_eq!(form.text("name"), "中 a&b");
        assert!(form.has("box") && !form.has("other"));
        assert_eq!(form.text("other"), "");
    }
}
