//! The reply on its way to the caller: bytes through untouched as they come, watched for silence, first content and ruin.
//!
//! **Invariant:** a reply that did not end at the upstream never ends here: the caller's transfer breaks, it is never
//! finished politely. **May import:** `connector`, `openai`, `recorder`, `roster`.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use actix_web::HttpMessage;
use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use futures_util::Stream;
use tokio::time::{Sleep, sleep_until};

use crate::balance::verdict::{Failure, Outcome};
use crate::connector::closed_by_peer;
use crate::openai::opening::{Opening, OpeningScan};
use crate::openai::peek::created_resource;
use crate::proxy::attempt::{Reply, is_event_stream, stream_error};
use crate::proxy::filing::Filing;
use crate::proxy::headers;
use crate::proxy::observe::Observation;
use crate::proxy::tap;
use crate::recorder::Ending;
use crate::roster::Snapshot;

/// How long a broken reply waits before the connection is torn, so that what came before still goes out.
const LAST_FLUSH: Duration = Duration::from_millis(20);
/// A resource's id stands at the beginning of the reply that announces it.
const RESOURCE_BYTES: usize = 4 << 10;

/// What the relay needs to know besides the reply.
pub(super) struct Passage {
    pub(super) filing: Filing,
    pub(super) observation: Observation,
    /// When the attempt began.
    pub(super) began: Instant,
    pub(super) method: Method,
    /// Path and query after `/v1`.
    pub(super) path: String,
}

/// Passes a reply on.
pub(super) fn relay(reply: Reply, passage: Passage, snapshot: &Snapshot) -> HttpResponse {
    let Passage { mut filing, observation, began, method, path } = passage;
    let status = reply.response.status();
    let from = reply.response.headers();
    let is_stream = is_event_stream(from);
    let said =
        from.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|value| value.parse::<u64>().ok());
    let declared = reply.length.or(said);
    let until_close = declared.is_none() && !from.contains_key(TRANSFER_ENCODING);
    let bodiless = method == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);

    let mut response = HttpResponse::new(status);
    headers::for_caller(from, response.headers_mut());
    headers::add_cors(response.headers_mut());
    if is_stream {
        response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    }
    if filing.state().running.is_draining() {
        response.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
        response.headers_mut().remove(CONNECTION);
    }
    let size = match (bodiless, declared) {
        // 304 carries the length that a 200 would have (RFC 9110 §15.4.5); a HEAD's is said by its size.
        (true, Some(length)) if status == StatusCode::NOT_MODIFIED => {
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
            BodySize::None
        }
        (true, Some(length)) if method == Method::HEAD => BodySize::Sized(length),
        (true, _) => BodySize::None,
        (false, Some(length)) => BodySize::Sized(length),
        (false, None) => BodySize::Stream,
    };

    let first_byte_us = reply.first_byte.duration_since(began).as_micros() as i64;
    let upstream_id = observation.upstream().id;
    let mut keep_bytes = 0;
    let before_attempt_us = filing.elapsed_us() - began.elapsed().as_micros() as i64;
    filing.note(|draft| {
        draft.status = status.as_u16();
        draft.upstream_id = Some(upstream_id);
        draft.first_byte_us = Some(before_attempt_us + first_byte_us);
        draft.first_content_us =
            reply.first_content.map(|at| before_attempt_us + at.duration_since(began).as_micros() as i64);
        keep_bytes = tap::prepare(draft, from, is_stream, &snapshot.settings);
    });
    let good = status.is_success();
    if good {
        observation.first_byte(first_byte_us);
    }
    let Reply { response: mut upstream_response, held, ended, broken, opening, outcome, .. } = reply;
    let idle = Duration::from_millis(observation.upstream().clocks.idle_ms);
    let mut body = Relay {
        held: held.into(),
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
        creates: good && method == Method::POST && !is_chat(&path),
        path,
        outcome,
        keep_bytes,
        filing: Some(filing),
        observation,
        missing: declared.filter(|_| !bodiless),
    };
    if !good || bodiless || !is_stream && body.opening.is_none() && !body.held.is_empty() {
        body.content_seen();
    }
    if size == BodySize::None {
        // Nobody will ask for a body: the request ends here.
        body.finish(Ending::Complete);
    }
    response.set_body(body).map_into_boxed_body()
}

/// The paths that most requests take and that make nothing to come back to.
fn is_chat(path: &str) -> bool {
    ["/chat/completions", "/completions", "/embeddings", "/messages"].iter().any(|chat| path.starts_with(chat))
}

/// Where the upstream's body is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Flowing,
    Ended,
    Broken,
}

/// The body that actix sends.
struct Relay {
    held: VecDeque<Bytes>,
    payload: Payload<Pieces>,
    stage: Stage,
    /// Set once the reply is broken: when to tear the connection.
    ruin: Option<Pin<Box<Sleep>>>,
    until_close: bool,
    size: BodySize,
    idle: Duration,
    first_content: Duration,
    last_byte: Instant,
    alarm: Option<Pin<Box<Sleep>>>,
    /// The stream's scan, until content has been seen.
    opening: Option<OpeningScan>,
    awaits_content: bool,
    /// The reply may announce a resource.
    creates: bool,
    path: String,
    outcome: Outcome,
    keep_bytes: usize,
    filing: Option<Filing>,
    observation: Observation,
    /// Bytes of a sized body that have not come yet.
    missing: Option<u64>,
}

/// The transfer has to break.
#[derive(Debug)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the upstream broke off")
    }
}

impl std::error::Error for Broken {}

/// What awc's payloads are made of.
type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>;

impl Relay {
    /// There was content: the attempt has succeeded so far.
    fn content_seen(&mut self) {
        self.opening = None;
        if std::mem::take(&mut self.awaits_content) {
            let outcome = self.outcome;
            self.observation.settle(&outcome, "");
            if let Some(filing) = &mut self.filing {
                let now_us = filing.elapsed_us();
                filing.note(|draft| {
                    draft.first_content_us.get_or_insert(now_us);
                });
            }
        }
    }

    /// A piece goes by.
    fn look_at(&mut self, piece: &Bytes) {
        if let Some(missing) = &mut self.missing {
            *missing = missing.saturating_sub(piece.len() as u64);
        }
        if self.awaits_content {
            match self.opening.as_mut().map_or(Opening::Content, |scan| scan.push(piece)) {
                Opening::Undecided => {}
                Opening::Content => self.content_seen(),
                Opening::Error(facts) => {
                    (self.opening, self.awaits_content) = (None, false);
                    let failed = stream_error(&facts, self.observation.upstream());
                    self.observation.settle(&failed.outcome, &failed.what);
                    self.note_error(failed.what);
                }
            }
        }
        let Some(filing) = &mut self.filing else { return };
        if std::mem::take(&mut self.creates)
            && let Some(resource) = created_resource(&self.path, &piece[..piece.len().min(RESOURCE_BYTES)])
        {
            filing.state().roster.homes.learn(&resource, self.observation.upstream().id);
            filing.note(|draft| draft.resource_id = Some(resource));
        }
        let state = filing.state().clone();
        filing.note(|draft| tap::keep(draft, piece, self.keep_bytes, &state.recorder.budget));
    }

    fn note_error(&mut self, what: String) {
        if let Some(filing) = &mut self.filing {
            filing.note(|draft| {
                draft.error.get_or_insert(what);
            });
        }
    }

    /// Once: the record is filed.
    fn finish(&mut self, ending: Ending) {
        if self.awaits_content && ending == Ending::Complete {
            self.content_seen();
        }
        if let Some(filing) = self.filing.take() {
            filing.end(ending);
        }
    }

    /// The upstream broke off, or was silent for too long.
    fn break_off(&mut self, failure: Failure, what: String) {
        self.stage = Stage::Broken;
        self.payload = Payload::None;
        self.observation.settle(&Outcome::Failed(failure), &what);
        self.note_error(what);
    }

    /// Something was read, or the body has ended, or it has not come yet.
    fn poll_upstream(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match Pin::new(&mut self.payload).poll_next(cx) {
            Poll::Ready(Some(Ok(piece))) => {
                self.last_byte = Instant::now();
                return Poll::Ready(Some(piece));
            }
            Poll::Ready(None) => match self.missing {
                Some(missing) if missing > 0 => {
                    self.break_off(Failure::Reset, format!("the reply broke off {missing} bytes before its end"))
                }
                Some(_) | None => self.stage = Stage::Ended,
            },
            Poll::Ready(Some(Err(PayloadError::Io(error)))) if self.until_close && closed_by_peer(&error) => {
                self.stage = Stage::Ended
            }
            Poll::Ready(Some(Err(error))) => {
                self.break_off(Failure::Reset, format!("the reply broke off: {}", cause(&error)))
            }
            Poll::Pending => return self.poll_silence(cx),
        }
        Poll::Ready(None)
    }

    /// Nothing has come: is it too long since the last byte?
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let limit = if self.awaits_content && self.opening.is_some() { self.first_content } else { self.idle };
        loop {
            let due = tokio::time::Instant::from_std(self.last_byte + limit);
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(due)));
            ready!(alarm.as_mut().poll(cx));
            if self.last_byte.elapsed() >= limit {
                break;
            }
            // Bytes have come since the alarm was set; it is set anew only now, not with every byte.
            alarm.as_mut().reset(due);
        }
        let failure = if self.awaits_content { Failure::FirstContentTimeout } else { Failure::Reset };
        self.break_off(failure, format!("the reply was silent for {} ms", limit.as_millis()));
        Poll::Ready(None)
    }
}

fn cause(error: &PayloadError) -> String {
    match error {
        PayloadError::Io(io) if io.kind() == io::ErrorKind::UnexpectedEof => "the connection was closed".to_owned(),
        other => other.to_string(),
    }
}

impl MessageBody for Relay {
    type Error = Broken;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        let this = self.get_mut();
        if let Some(piece) = this.held.pop_front() {
            this.look_at(&piece);
            return Poll::Ready(Some(Ok(piece)));
        }
        if this.stage == Stage::Flowing
            && let Some(piece) = ready!(this.poll_upstream(cx))
        {
            this.look_at(&piece);
            return Poll::Ready(Some(Ok(piece)));
        }
        match this.stage {
            Stage::Ended | Stage::Flowing => {
                this.finish(Ending::Complete);
                Poll::Ready(None)
            }
            Stage::Broken => {
                let ruin =
                    this.ruin.get_or_insert_with(|| Box::pin(sleep_until(tokio::time::Instant::now() + LAST_FLUSH)));
                ready!(ruin.as_mut().poll(cx));
                this.finish(Ending::Cut);
                Poll::Ready(Some(Err(Broken)))
            }
        }
    }
}
