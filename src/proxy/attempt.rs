//! One try at one upstream: send, wait for the head and for the first content, under the clocks. Start at [`Attempt::send`].
//!
//! **Invariant:** nothing here decides what happens next; a reply that is returned has not been shown to anybody.
//! **May import:** `connector`, `openai`, `balance`, `roster`, `state`.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::None as NoBody;
use actix_web::http::header::{ACCEPT_ENCODING, HeaderMap};
use actix_web::http::uri::PathAndQuery;
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use awc::ClientResponse;
use futures_util::StreamExt;
use tokio::time::{timeout, timeout_at};

use crate::balance::retry_after::cool_until_ms;
use crate::balance::verdict::{Failure, Outcome};
use crate::connector::{Outbound, connecting, watched};
use crate::openai::error::{ErrorFacts, error_facts, is_quota};
use crate::openai::opening::{Opening, OpeningScan};
use crate::proxy::filing::unix_us;
use crate::proxy::headers;
use crate::proxy::loss::{Lost, beginning, lost};
use crate::proxy::tries::Body;
use crate::roster::{SentModel, Upstream};

/// How much of an error's body, or of a stream's beginning, is held before it is decided whom to ask next.
const HELD_BYTES: usize = 64 << 10;

/// What is sent, the same for every upstream.
pub(super) struct Outgoing<'a> {
    pub(super) method: &'a Method,
    /// Path and query after `/v1`.
    pub(super) path: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) stream: bool,
}

/// A reply that may be passed on, as far as it has come.
pub(super) struct Reply {
    pub(super) response: ClientResponse,
    /// Bytes read already.
    pub(super) held: Vec<Bytes>,
    /// The body's length, where it is not what the head says.
    pub(super) length: Option<u64>,
    /// The body has ended.
    pub(super) ended: bool,
    /// The body has broken off after what is held.
    pub(super) broken: bool,
    /// The stream's scan, until content has been seen.
    pub(super) opening: Option<OpeningScan>,
    /// Its usage was asked for by us and not by the caller.
    pub(super) usage_asked: bool,
    /// What the upstream knows the model as, where that is not what was asked for.
    pub(super) model_sent: Option<Arc<SentModel>>,
    pub(super) outcome: Outcome,
    /// What an error says, without secrets; empty for a good reply.
    pub(super) what: String,
    pub(super) first_byte: Instant,
    pub(super) first_content: Option<Instant>,
}

/// An attempt that gave no reply.
pub(super) struct Failed {
    pub(super) outcome: Outcome,
    pub(super) what: String,
}

impl Failed {
    pub(super) fn new(failure: Failure, what: impl Into<String>) -> Failed {
        Failed { outcome: Outcome::Failed(failure), what: what.into() }
    }
}

/// One try.
pub(super) struct Attempt<'a> {
    pub(super) outbound: &'a Outbound,
    pub(super) upstream: &'a Arc<Upstream>,
    pub(super) outgoing: &'a Outgoing<'a>,
    /// What the upstream knows the model as, where that is not what is asked for.
    pub(super) model_sent: Option<&'a Arc<SentModel>>,
    /// Another upstream could be asked: hold the reply back until there is content.
    pub(super) more: bool,
    /// How long connecting took; nothing where the connection was there already.
    pub(super) connecting: Cell<Option<Duration>>,
}

impl Attempt<'_> {
    /// Sends the request and waits for a reply worth passing on.
    pub(super) async fn send(&self, body: Body) -> Result<Reply, Failed> {
        let body = match self.model_sent {
            Some(model) => body.naming(model),
            None => body,
        };
        let response = match body {
            Body::Passing(passing, passed) => {
                self.head(Body::Passing(passing, passed), true).await.map_err(|lost| lost.failed)?
            }
            Body::None | Body::Whole(_) => {
                let again = match &body {
                    Body::Whole(bytes) => Body::Whole(bytes.clone()),
                    Body::None | Body::Passing(..) => Body::None,
                };
                match self.head(body, false).await {
                    // The pool's connection had died: nobody's fault, and the upstream has not seen the request.
                    Err(lost) if lost.stale => self.head(again, true).await.map_err(|lost| lost.failed)?,
                    Err(lost) => return Err(lost.failed),
                    Ok(response) => response,
                }
            }
        };
        let first_byte = Instant::now();
        let status = response.status();
        let outcome = Outcome::Status { status: status.as_u16(), quota: false, cool_until_ms: None };
        let reply = Reply {
            response,
            held: Vec::new(),
            length: None,
            ended: false,
            broken: false,
            opening: None,
            usage_asked: false,
            model_sent: self.model_sent.cloned(),
            outcome,
            what: String::new(),
            first_byte,
            first_content: None,
        };
        if status.is_client_error() || status.is_server_error() {
            return Ok(self.error(reply).await);
        }
        self.opened(reply).await
    }

    /// Until the head has come.
    async fn head(&self, body: Body, fresh: bool) -> Result<ClientResponse, Lost> {
        let Upstream { endpoint, clocks, access, keep, .. } = &**self.upstream;
        let bad = || Lost::of(Failed::new(Failure::BadReply, "the request's path does not make a URL"));
        let path: PathAndQuery = format!("{}{}", endpoint.base_path, self.outgoing.path)
            .try_into()
            .or_else(|_| format!("/{}", self.outgoing.path).try_into())
            .map_err(|_| bad())?;
        let mut request =
            self.outbound.request(&endpoint.target, self.outgoing.method.clone(), path, fresh).ok_or_else(bad)?;
        let out = request.headers_mut();
        headers::for_upstream(self.outgoing.headers, keep, access.as_is, out);
        if self.model_sent.is_some() {
            headers::DIGESTS.iter().for_each(|name| drop(out.remove(*name)));
        }
        out.insert(ACCEPT_ENCODING, headers::accept_encoding(self.outgoing.headers, self.outgoing.stream));
        self.upstream.sign(out);
        let (sent, passed) = match body {
            Body::None => (request.send_body(NoBody::new()), None),
            Body::Whole(bytes) => (request.send_body(bytes), None),
            Body::Passing(passing, passed) => (request.send_body(passing), Some(passed)),
        };
        let clock = Duration::from_millis(clocks.first_byte_ms);
        let mut sent = std::pin::pin!(watched(sent));
        let mut from = Instant::now();
        let result = loop {
            match timeout_at((from + clock).into(), &mut sent).await {
                Ok(result) => break result.map_err(|error| lost(&error)),
                Err(_) => {
                    // The clock runs from the last piece of an upload, not from its beginning.
                    let last = passed.as_ref().map_or(from, |passed| passed.borrow().last);
                    if last <= from {
                        let what = format!("no reply within {} ms", clocks.first_byte_ms);
                        break Err(Lost::of(Failed::new(Failure::FirstByteTimeout, what)));
                    }
                    from = last;
                }
            }
        };
        self.connecting.set(connecting(sent).or(self.connecting.get()));
        result
    }

    /// Reads an error's body as far as it is held, and what it says.
    async fn error(&self, mut reply: Reply) -> Reply {
        let clock = Duration::from_millis(self.upstream.clocks.idle_ms);
        let mut size = 0;
        while size < HELD_BYTES {
            match timeout(clock, reply.response.next()).await {
                Ok(Some(Ok(chunk))) => {
                    size += chunk.len();
                    reply.held.push(chunk);
                }
                Ok(None) => {
                    reply.ended = true;
                    break;
                }
                Ok(Some(Err(_))) | Err(_) => {
                    reply.broken = true;
                    break;
                }
            }
        }
        let status = reply.response.status();
        let body: Vec<u8> = reply.held.concat();
        let facts = error_facts(&body);
        let header = |name: &str| reply.response.headers().get(name).and_then(|value| value.to_str().ok());
        reply.outcome = Outcome::Status {
            status: status.as_u16(),
            quota: facts.as_ref().is_some_and(is_quota),
            // Rounded up: a millisecond too early is too early.
            cool_until_ms: cool_until_ms(header, unix_us() / 1000 + 1),
        };
        let said = facts.and_then(|facts| facts.message).unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
        reply.what = format!("status {}: {}", status.as_u16(), beginning(&self.upstream.scrub(&said)));
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) && reply.ended {
            self.scrub_key(&mut reply, &body);
        }
        reply
    }

    /// A refusal that quotes our key must not show it to the caller.
    fn scrub_key(&self, reply: &mut Reply, body: &[u8]) {
        if let Ok(text) = std::str::from_utf8(body) {
            let scrubbed = self.upstream.scrub(text);
            if scrubbed != text {
                let length = scrubbed.len() as u64;
                reply.held = vec![scrubbed.into()];
                reply.length = Some(length);
            }
        }
    }

    /// Until there is content, as long as another upstream could take over.
    async fn opened(&self, mut reply: Reply) -> Result<Reply, Failed> {
        let is_stream = headers::is_event_stream(reply.response.headers());
        reply.opening = is_stream.then(OpeningScan::new);
        let empty = matches!(reply.response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || self.outgoing.method == Method::HEAD;
        if !self.more || empty {
            return Ok(reply);
        }
        let clocks = &self.upstream.clocks;
        let until =
            Instant::now() + Duration::from_millis(if is_stream { clocks.first_content_ms } else { clocks.idle_ms });
        let mut size = 0;
        while size < HELD_BYTES {
            match timeout_at(until.into(), reply.response.next()).await {
                Ok(Some(Ok(chunk))) => {
                    size += chunk.len();
                    let opening = reply.opening.as_mut().map_or(Opening::Content, |scan| scan.push(&chunk));
                    reply.held.push(chunk);
                    match opening {
                        Opening::Undecided => {}
                        Opening::Content => {
                            reply.first_content = Some(Instant::now());
                            reply.opening = None;
                            break;
                        }
                        Opening::Error(facts) => return Err(stream_error(&facts, self.upstream)),
                    }
                }
                Ok(None) => {
                    reply.ended = true;
                    break;
                }
                Ok(Some(Err(error))) => {
                    return Err(Failed::new(
                        Failure::Reset,
                        format!("the reply broke off before its content: {error}"),
                    ));
                }
                Err(_) if is_stream => {
                    let what = format!("no content within {} ms", clocks.first_content_ms);
                    return Err(Failed::new(Failure::FirstContentTimeout, what));
                }
                Err(_) => {
                    return Err(Failed::new(
                        Failure::FirstByteTimeout,
                        format!("silent for {} ms after the head", clocks.idle_ms),
                    ));
                }
            }
        }
        Ok(reply)
    }
}

/// An error event as an outcome, and in words.
pub(super) fn stream_error(facts: &ErrorFacts, upstream: &Upstream) -> Failed {
    let status_hint = facts.code.as_deref().and_then(|code| code.parse().ok()).filter(|code| (400..600).contains(code));
    let failure = Failure::StreamError { quota: is_quota(facts), status_hint };
    let said = facts.message.as_deref().or(facts.code.as_deref()).unwrap_or("no reason given");
    Failed::new(failure, format!("error event: {}", beginning(&upstream.scrub(said))))
}
