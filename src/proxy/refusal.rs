//! Replies that the gateway makes itself, in OpenAI's error shape. The only place that decides a status code.
//!
//! **May import:** `openai`, `roster`, and this room's `headers`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

use crate::openai::error::error_body;
use crate::proxy::headers::add_cors;
use crate::roster::NoUse;

/// Tells OpenAI's clients whether to try again (openai-python `_base_client.py`).
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// Why the gateway answers in the upstream's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No key at all.
    NoBearer,
    /// A key that is none of ours.
    WrongKey,
    /// A path with `.` or `..` in it could leave the upstream's base path.
    BadPath,
    /// `X-Record` says something that is no level.
    BadRecord,
    /// A WebSocket was asked for.
    WebSocket,
    /// The body is larger than the limit, in bytes.
    TooLarge(u64),
    /// The body cannot be read as it is framed.
    BadBody,
    /// There is no upstream, or none is switched on.
    NoUpstream,
    /// No upstream may be asked for this model by this caller.
    NoUpstreamFor(String),
    /// The key of this name may not ask for this model.
    NotForKey(String, String),
    /// Every upstream failed without a reply to pass on.
    AllFailed {
        /// The last one's silence was the reason, rather than a refusal.
        timed_out: bool,
        /// What happened at the last one, without secrets.
        what: String,
        /// Nobody is ready to be asked again.
        no_use: Option<NoUse>,
    },
}

impl Refusal {
    /// The status it is sent with.
    pub(super) fn status(&self) -> StatusCode {
        use Refusal as R;
        match self {
            // As the original.
            R::NoBearer | R::WrongKey => StatusCode::FORBIDDEN,
            // As OpenAI, of a model that a project has no access to.
            R::NotForKey(..) => StatusCode::FORBIDDEN,
            R::BadPath | R::BadBody | R::BadRecord => StatusCode::BAD_REQUEST,
            R::WebSocket => StatusCode::NOT_IMPLEMENTED,
            R::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            R::NoUpstream => StatusCode::SERVICE_UNAVAILABLE,
            R::NoUpstreamFor(_) => StatusCode::NOT_FOUND,
            R::AllFailed { timed_out: true, .. } => StatusCode::GATEWAY_TIMEOUT,
            R::AllFailed { timed_out: false, .. } => StatusCode::BAD_GATEWAY,
        }
    }

    /// What the caller reads.
    pub(super) fn message(&self) -> String {
        use Refusal as R;
        match self {
            R::NoBearer => "authorization header should start with 'Bearer'".to_owned(),
            R::WrongKey => "wrong authorization header".to_owned(),
            R::BadPath => "the path must not hold . or .. segments".to_owned(),
            R::BadRecord => "the header X-Record must be off, metadata or full".to_owned(),
            R::WebSocket => "WebSocket connections are not supported here; use the HTTP API".to_owned(),
            R::TooLarge(limit) => format!("the request body is larger than this gateway's limit of {limit} bytes"),
            R::BadBody => "the request body could not be read: its framing is broken".to_owned(),
            R::NoUpstream => "no upstream is configured; the operator of this gateway has to add one".to_owned(),
            R::NoUpstreamFor(model) => format!("no upstream of this gateway may be asked for `{model}`"),
            R::NotForKey(key, model) => format!("the key `{key}` may not ask for `{model}`"),
            R::AllFailed { what, .. } => format!("no upstream could answer; the last one: {what}"),
        }
    }

    fn kind_and_code(&self) -> (&'static str, Option<&'static str>) {
        use Refusal as R;
        match self {
            R::NoBearer | R::WrongKey => ("invalid_request_error", Some("invalid_api_key")),
            R::BadPath | R::BadBody | R::BadRecord | R::WebSocket => ("invalid_request_error", None),
            R::TooLarge(_) => ("invalid_request_error", Some("request_too_large")),
            R::NoUpstreamFor(_) | R::NotForKey(..) => ("invalid_request_error", Some("model_not_found")),
            R::NoUpstream | R::AllFailed { .. } => ("upstream_error", Some("no_upstream")),
        }
    }

    /// The reply, and its body for the record.
    pub(super) fn reply(&self) -> (HttpResponse, String) {
        let (kind, code) = self.kind_and_code();
        let body = error_body(&self.message(), kind, None, code);
        let mut response = HttpResponse::new(self.status()).set_body(body.clone()).map_into_boxed_body();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        add_cors(headers);
        match self {
            Refusal::AllFailed { no_use: Some(no_use), .. } => advise(*no_use, headers),
            Refusal::NoUpstream | Refusal::NoUpstreamFor(_) | Refusal::NotForKey(..) | Refusal::WebSocket => {
                advise(NoUse { back_in_s: None }, headers);
            }
            _ => {}
        }
        (response, body)
    }
}

/// Tells the caller that trying again at once cannot help, and when it might. What the upstream says itself stands.
pub(super) fn advise(no_use: NoUse, headers: &mut HeaderMap) {
    headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
    if let Some(seconds) = no_use.back_in_s.filter(|_| !headers.contains_key(RETRY_AFTER)) {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
}
