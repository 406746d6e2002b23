//! The body that actix sends: bytes through untouched as they come, watched for silence, first content and ruin. The one thing
//! taken out is a stream's usage that only we asked for; the record keeps it.
//!
//! **Invariant:** a reply that did not end at the upstream never ends here: the caller's transfer breaks, it is never
//! finished politely. **May import:** `connector`, `openai`, `recorder`.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::Stream;
use tokio::time::{Sleep, sleep_until};

use crate::balance::verdict::{Failure, Outcome};
use crate::connector::closed_by_peer;
use crate::openai::opening::{Opening, OpeningScan};
use crate::openai::peek::created_resource;
use crate::openai::usage_filter::{Part, UsageFilter};
use crate::proxy::attempt::stream_error;
use crate::proxy::filing::Filing;
use crate::proxy::hold::{Held, Settled};
use crate::proxy::observe::Observation;
use crate::recorder::Ending;

/// How long a broken reply waits before the connection is torn, so that what came before still goes out.
const LAST_FLUSH: Duration = Duration::from_millis(20);
/// A resource's id stands at the beginning of the reply that announces it.
const RESOURCE_BYTES: usize = 4 << 10;

/// Where the upstream's body is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Flowing,
    Ended,
    Broken,
}

/// The body that actix sends.
pub(super) struct Flow {
    pub(super) held: VecDeque<Bytes>,
    /// Takes out what only we asked for.
    pub(super) filter: Option<UsageFilter>,
    /// What the filter let pass, still to be sent.
    pub(super) passed: VecDeque<Bytes>,
    pub(super) payload: Payload<Pieces>,
    pub(super) stage: Stage,
    /// Set once the reply is broken: when to tear the connection.
    pub(super) ruin: Option<Pin<Box<Sleep>>>,
    pub(super) until_close: bool,
    pub(super) size: BodySize,
    pub(super) idle: Duration,
    pub(super) first_content: Duration,
    pub(super) last_byte: Instant,
    pub(super) alarm: Option<Pin<Box<Sleep>>>,
    /// The stream's scan, until content has been seen.
    pub(super) opening: Option<OpeningScan>,
    pub(super) awaits_content: bool,
    /// The reply may announce a resource.
    pub(super) creates: bool,
    pub(super) path: String,
    pub(super) outcome: Outcome,
    pub(super) keep_bytes: usize,
    pub(super) filing: Option<Filing>,
    pub(super) observation: Observation,
    /// Bytes of a sized body that have not come yet.
    pub(super) missing: Option<u64>,
    /// The reply's end waits for its record: what is held back of it.
    pub(super) strict: Option<Held>,
    /// The record is filed and not yet stored.
    pub(super) settled: Option<Settled>,
}

/// The transfer has to break.
#[derive(Debug)]
pub(super) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the upstream broke off")
    }
}

impl std::error::Error for Broken {}

/// What awc's payloads are made of.
type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>;

impl Flow {
    /// There was content: the attempt has succeeded so far.
    pub(super) fn content_seen(&mut self) {
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
        filing.keep_reply(piece, self.keep_bytes);
    }

    fn note_error(&mut self, what: String) {
        if let Some(filing) = &mut self.filing {
            filing.note(|draft| {
                draft.error.get_or_insert(what);
            });
        }
    }

    /// Once: the record is filed.
    pub(super) fn finish(&mut self, ending: Ending) {
        if self.awaits_content && ending == Ending::Complete {
            self.content_seen();
        }
        if let Some(filing) = self.filing.take() {
            self.settled = filing.end(ending);
        }
    }

    /// What goes to the caller next: a piece, or nothing more.
    pub(super) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Some(piece) = self.passed.pop_front() {
                return Poll::Ready(Some(piece));
            }
            let piece = match self.held.pop_front() {
                Some(piece) => Some(piece),
                None if self.stage == Stage::Flowing => ready!(self.poll_upstream(cx)),
                None => None,
            };
            let Some(piece) = piece else { break };
            self.look_at(&piece);
            let Some(filter) = &mut self.filter else { return Poll::Ready(Some(piece)) };
            filter.push(&piece, |part| {
                self.passed.push_back(match part {
                    Part::Held(held) => held.into(),
                    Part::Piece(passing) => piece.slice_ref(passing),
                });
            });
        }
        let rest = self.filter.take().map(|mut filter| filter.finish()).unwrap_or_default();
        Poll::Ready((!rest.is_empty()).then(|| rest.into()))
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
            Poll::Ready(Some(Err(error))) if self.until_close && io_cause(&error).is_some_and(closed_by_peer) => {
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

fn io_cause(error: &PayloadError) -> Option<&io::Error> {
    match error {
        PayloadError::Io(io) | PayloadError::Incomplete(Some(io)) => Some(io),
        _ => None,
    }
}

fn cause(error: &PayloadError) -> String {
    io_cause(error).map_or_else(|| error.to_string(), io::Error::to_string)
}

impl MessageBody for Flow {
    type Error = Broken;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        let this = self.get_mut();
        let next = if this.strict.is_some() { this.poll_strict(cx) } else { this.poll_piece(cx) };
        if let Some(piece) = ready!(next) {
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
                ready!(this.poll_settled(cx));
                Poll::Ready(Some(Err(Broken)))
            }
        }
    }
}
