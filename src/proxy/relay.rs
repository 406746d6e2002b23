//! An upstream's reply becomes ours: status, headers and framing out, then the body flows ([`Flow`]).
//!
//! **Invariant:** no header is invented but those that open the reply to browsers and keep proxies from buffering it.
//! **May import:** `openai`, `recorder`, `roster`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use actix_web::body::BodySize;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::{HttpMessage, HttpResponse};

use crate::openai::usage_filter::UsageFilter;
use crate::proxy::attempt::Reply;
use crate::proxy::filing::Filing;
use crate::proxy::flow::{Flow, Stage};
use crate::proxy::headers;
use crate::proxy::hold::{Held, Settled};
use crate::proxy::observe::Observation;
use crate::proxy::refusal::advise;
use crate::proxy::tap;
use crate::recorder::Ending;
use crate::roster::{NoUse, Snapshot};

/// What the relay needs to know besides the reply.
pub(super) struct Passage<'a> {
    pub(super) filing: Filing,
    pub(super) observation: Observation,
    /// When the attempt began.
    pub(super) began: Instant,
    pub(super) method: &'a Method,
    /// Path and query after `/v1`.
    pub(super) path: &'a str,
    /// Trying again at once cannot help.
    pub(super) no_use: Option<NoUse>,
}

/// Passes a reply on; with it comes what its head is to wait for, when that is all there is of it.
pub(super) fn relay(reply: Reply, passage: Passage<'_>, snapshot: &Snapshot) -> (HttpResponse, Option<Settled>) {
    let Passage { mut filing, observation, began, method, path, no_use } = passage;
    let status = reply.response.status();
    let from = reply.response.headers();
    let is_stream = headers::is_event_stream(from);
    let said =
        from.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|value| value.parse::<u64>().ok());
    let declared = reply.length.or(said);
    let until_close = declared.is_none() && !from.contains_key(TRANSFER_ENCODING);
    let bodiless = method == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);

    let good = !status.is_client_error() && !status.is_server_error();
    let plain = from.get(CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity");
    let filter = (reply.usage_asked && is_stream && good && plain && !bodiless).then(UsageFilter::new);

    let mut response = HttpResponse::new(status);
    headers::for_caller(from, response.headers_mut());
    headers::add_cors(response.headers_mut());
    if is_stream {
        response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    }
    if let Some(no_use) = no_use {
        advise(no_use, response.headers_mut());
    }
    if filing.state().running.is_draining() {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    let size = match (bodiless, declared) {
        // 304 carries the length that a 200 would have (RFC 9110 §15.4.5); a HEAD's is said by its size.
        (true, Some(length)) if status == StatusCode::NOT_MODIFIED => {
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
            BodySize::None
        }
        (true, Some(length)) if method == Method::HEAD => BodySize::Sized(length),
        (true, _) => BodySize::None,
        // What is taken out of the body makes it shorter than the upstream says.
        (false, Some(length)) if filter.is_none() => BodySize::Sized(length),
        (false, _) => BodySize::Stream,
    };

    let first_byte_us = reply.first_byte.duration_since(began).as_micros() as i64;
    let upstream_id = observation.upstream().id;
    filing.answered_by(observation.upstream(), reply.model_sent.as_ref());
    let mut keep_bytes = 0;
    let came_in = filing.began();
    filing.answers(status.as_u16(), Some(upstream_id));
    filing.note(|draft| {
        let before_attempt_us = began.duration_since(came_in).as_micros() as i64;
        draft.first_byte_us = Some(before_attempt_us + first_byte_us);
        draft.first_content_us =
            reply.first_content.map(|at| before_attempt_us + at.duration_since(began).as_micros() as i64);
        keep_bytes = tap::prepare(draft, from, is_stream, &snapshot.settings);
    });
    if good {
        observation.first_byte(first_byte_us);
    }
    let Reply { response: mut upstream_response, held, ended, broken, opening, outcome, .. } = reply;
    let idle = Duration::from_millis(observation.upstream().clocks.idle_ms);
    let mut body = Flow {
        held: held.into(),
        filter,
        passed: VecDeque::new(),
        payload: upstream_response.take_payload(),
        stage: if ended || bodiless {
            Stage::Ended
        } else if broken {
            Stage::Broken
        } else {
            Stage::Flowing
        },
        ruin: None,
        until_close,
        size,
        idle,
        first_content: Duration::from_millis(observation.upstream().clocks.first_content_ms),
        last_byte: Instant::now(),
        alarm: None,
        opening,
        awaits_content: good,
        creates: good && method == Method::POST && !is_chat(path),
        path: path.to_owned(),
        outcome,
        keep_bytes,
        strict: filing.is_strict().then(|| Held::new(is_stream)),
        settled: None,
        filing: Some(filing),
        observation,
        missing: declared.filter(|_| !bodiless),
    };
    if !good || bodiless || !is_stream && body.opening.is_none() && !body.held.is_empty() {
        body.content_seen();
    }
    if bodiless || matches!(size, BodySize::None | BodySize::Sized(0)) {
        // actix does not ask for such a body, or only behind the head: the request ends here.
        body.finish(Ending::Complete);
    }
    let settled = body.settled.take();
    (response.set_body(body).map_into_boxed_body(), settled)
}

/// The paths that most requests take and that make nothing to come back to.
fn is_chat(path: &str) -> bool {
    ["/chat/completions", "/completions", "/embeddings", "/messages"].iter().any(|chat| path.starts_with(chat))
}
