//! What happens to every request and reply below `/admin`: language links, addresses of pages, the way to the login, error pages, headers.
//!
//! **Invariant:** no page leaves without the headers of [`HEADERS`]; an error is a page for browsers and JSON for programs.
//! **May import:** `state`.

use actix_web::body::BoxBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, FromRequest, HttpRequest, HttpResponse, ResponseError};
use askama::Template;
use log::{error, info};

use crate::dashboard::form::{see, wants_page};
use crate::dashboard::frame::{Frame, language_switch};
use crate::dashboard::login::TRIES_WINDOW;
use crate::dashboard::pages::addresses;
use crate::dashboard::password::random_secret;
use crate::dashboard::reply::ApiError;
use crate::dashboard::session::Admin;
use crate::dashboard::visit::html;
use crate::dashboard::words::Key;
use crate::state::State;

/// What a page may do, in one line: load from here, send forms to here, be framed nowhere, build no HTML from text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types oar";

/// The headers of every page and every other reply here.
const HEADERS: [(&str, &str); 4] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// The one address that can only be changed or removed.
const PRICE: &str = "/admin/prices/{id}";

#[derive(Template)]
#[template(path = "error.html")]
struct Problem<'a> {
    f: &'a Frame,
    status: u16,
    title: &'static str,
    hint: &'static str,
    detail: String,
    /// The language of the detail: what the database says is English.
    said_in: &'static str,
    /// The request asked for a page: it can be asked again.
    looks: bool,
    /// To be found again in the log; empty when nothing was logged.
    id: String,
}

/// The middleware.
pub(super) async fn dress(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_page = wants_page(request.headers());
    let looks = matches!(*request.method(), Method::GET | Method::HEAD);
    if is_page
        && looks
        && let Some((to, cookie)) = language_switch(request.request())
    {
        let mut response = see(&to);
        response.add_cookie(&cookie)?;
        return Ok(finished(request.into_response(response)));
    }
    if is_page
        && looks
        && let Some(response) = elsewhere(request.request()).await
    {
        return Ok(finished(request.into_response(response)));
    }
    let response = next.call(request).await?;
    if response.status() == StatusCode::METHOD_NOT_ALLOWED && response.response().error().is_none() {
        return Ok(finished(not_this_way(response, (is_page, looks)).await));
    }
    let Some(error) = response.response().error().filter(|_| is_page) else {
        return Ok(finished(response));
    };
    let Some(page) = error.as_error::<ApiError>().and_then(|error| page_of(error, response.request(), looks)) else {
        return Ok(finished(response));
    };
    Ok(finished(response.into_response(page)))
}

/// An address that is there for other methods: told only to those who may know.
async fn not_this_way(refused: ServiceResponse<BoxBody>, (is_page, looks): (bool, bool)) -> ServiceResponse<BoxBody> {
    let (request, refused) = refused.into_parts();
    let key = if looks { Key("error.only_sent") } else { Key("error.only_seen") };
    let error = match Admin::extract(&request).await {
        Ok(_) => ApiError::keyed(StatusCode::METHOD_NOT_ALLOWED, key),
        Err(error) => error,
    };
    let page = if is_page { page_of(&error, &request, looks) } else { None };
    let mut response = page.unwrap_or_else(|| error.error_response());
    if error.status_code() == StatusCode::METHOD_NOT_ALLOWED {
        let is_price = request.match_pattern().as_deref() == Some(PRICE);
        let sent = if is_price { "PUT, DELETE" } else { "POST" };
        let allow = match refused.headers().get(ALLOW).filter(|_| !looks) {
            Some(allow) => allow.clone(),
            None => HeaderValue::from_static(if looks { sent } else { "GET" }),
        };
        response.headers_mut().insert(ALLOW, allow);
    }
    ServiceResponse::new(request, response)
}

/// The answer to an address that a page does not have: the error, the way to the one it has, or first to the login.
async fn elsewhere(request: &HttpRequest) -> Option<HttpResponse> {
    let is_guarded = addresses::is_guarded(request)?;
    let admin = if is_guarded { Admin::from_request(request, &mut Payload::None).await.map(drop) } else { Ok(()) };
    match admin.and_then(|()| addresses::settled(request)) {
        Ok(settled) => settled,
        Err(error) => page_of(&error, request, true).or_else(|| Some(error.error_response())),
    }
}

/// An error as a browser gets it.
fn page_of(error: &ApiError, request: &HttpRequest, looks: bool) -> Option<HttpResponse> {
    let status = error.status_code();
    if status == StatusCode::UNAUTHORIZED && looks {
        let to = request.uri().path_and_query().map_or("/admin", |to| to.as_str());
        return Some(see(&format!("/admin/login?next={}", escaped(to))));
    }
    let state = request.app_data::<Data<State>>()?;
    let frame = Frame::of(request, state);
    let id = logged(error, request, frame.signed_in);
    let (title, hint) = words(status);
    let (detail, said_in) = match error.text(frame.lang) {
        Some(text) => (text, frame.lang.tag()),
        // The title says as much.
        None if status == StatusCode::NOT_FOUND => (String::new(), "en"),
        None => (error.to_string(), "en"),
    };
    html(
        status,
        &Problem {
            f: &frame,
            status: status.as_u16(),
            title: frame.k(&title),
            hint: frame.k(&hint),
            detail,
            said_in,
            looks,
            id,
        },
    )
    .ok()
}

/// Writes an error into the log, and returns what it is found by there. What strangers do wrong is not logged, or they could fill
/// the log; and what is said of an operator's mistake may repeat what was looked for, so that only its place is.
fn logged(error: &ApiError, request: &HttpRequest, signed_in: bool) -> String {
    let status = error.status_code();
    if !status.is_server_error() && !signed_in {
        return String::new();
    }
    let id = random_secret("").map(|id| id[..8].to_owned()).unwrap_or_default();
    let (method, path) = (request.method(), request.path());
    match status.is_server_error() {
        true => error!("{method} {path} failed ({id}): {error}"),
        false => info!("{method} {path} was refused with {status} ({id})"),
    }
    id
}

/// What happened, and what to try.
fn words(status: StatusCode) -> (Key, Key) {
    match status.as_u16() {
        400 => (Key("error.bad_query"), Key("error.bad_query.hint")),
        401 | 403 => (Key("error.refused"), Key("error.refused.hint")),
        404 => (Key("error.not_found"), Key("error.not_found.hint")),
        409 => (Key("error.conflict"), Key("error.conflict.hint")),
        422 => (Key("error.form"), Key("error.form.hint")),
        503 => (Key("error.busy"), Key("error.busy.hint")),
        402 | 405..=408 | 410..=421 | 423..500 => (Key("error.refused"), Key("error.bad_query.hint")),
        _ => (Key("error.ours"), Key("error.ours.hint")),
    }
}

/// A path and query as one query value (RFC 3986 §2.3: unreserved characters stay, and `/`).
pub(super) fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
        out
    })
}

fn finished(mut response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        // No more than so many wrong passwords; there is no other limit here.
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(TRIES_WINDOW.as_secs()));
    }
    put_headers(response.headers_mut());
    response
}

fn put_headers(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        let name = HeaderName::from_static(name);
        // Recorded bytes are handed out under a stricter policy of their own.
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    // Files with a hash in their address keep what they have said of themselves.
    if headers.get(CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/html"))
        || !headers.contains_key(CACHE_CONTROL)
    {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
