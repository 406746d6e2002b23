//! Taking the caller's body: held when it fits the replay buffer, else passed on as it comes.
//!
//! **Invariant:** a body that is passed on is never held as a whole; only text is copied for the record, up to the limit.
//! **May import:** `openai`, `recorder`, `state`.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, BytesMut, Data};
use futures_util::{Stream, StreamExt};

use crate::openai::multipart::Summary;
use crate::openai::splice::put_model;
use crate::proxy::Worker;
use crate::proxy::refusal::Refusal;
use crate::recorder::{Kept, Side};

/// The caller's body.
pub(super) enum Intake {
    /// All of it, to be sent as often as needed.
    Whole(Bytes),
    /// Its beginning; the rest is still coming and can be sent once.
    Passing {
        /// What has come so far.
        begun: Bytes,
        /// What is still to come.
        rest: Payload,
        /// The size the caller declared.
        declared: Option<u64>,
    },
}

/// Why a body was not taken.
pub(super) enum NotTaken {
    /// The caller hung up in the middle of it.
    CallerLeft,
    /// It cannot be accepted.
    Refused(Refusal),
}

/// Takes the body as far as `replay_bytes` reach.
pub(super) async fn take(
    mut payload: Payload,
    declared: Option<u64>,
    replay_bytes: usize,
    limit_bytes: u64,
) -> Result<Intake, NotTaken> {
    if declared.is_some_and(|declared| declared > limit_bytes) {
        return Err(NotTaken::Refused(Refusal::TooLarge(limit_bytes)));
    }
    let too_large_to_hold = declared.is_some_and(|declared| declared > replay_bytes as u64);
    let mut begun = match payload.next().await {
        None => return Ok(Intake::Whole(Bytes::new())),
        Some(first) => first.map_err(not_taken)?,
    };
    if declared == Some(begun.len() as u64) {
        return Ok(Intake::Whole(begun));
    }
    if too_large_to_hold {
        return Ok(Intake::Passing { begun, rest: payload, declared });
    }
    let mut held = BytesMut::with_capacity(declared.map_or(begun.len() * 2, |declared| declared as usize));
    held.extend_from_slice(&begun);
    while let Some(chunk) = payload.next().await {
        held.extend_from_slice(&chunk.map_err(not_taken)?);
        if held.len() > replay_bytes {
            begun = held.freeze();
            return Ok(Intake::Passing { begun, rest: payload, declared });
        }
    }
    Ok(Intake::Whole(held.freeze()))
}

fn not_taken(error: PayloadError) -> NotTaken {
    match error {
        PayloadError::EncodingCorrupted | PayloadError::UnknownLength | PayloadError::Overflow => {
            NotTaken::Refused(Refusal::BadBody)
        }
        _ => NotTaken::CallerLeft,
    }
}

/// What a passing body leaves behind for the record and for the clock.
pub(super) struct Passed {
    pub(super) side: Side,
    /// When the last piece went by.
    pub(super) last: Instant,
    /// The body ended as it should.
    pub(super) whole: bool,
    pub(super) charged_bytes: usize,
}

/// A body on its way through, looked at as it passes.
pub(super) struct Passing {
    begun: Option<Bytes>,
    /// What is sent in place of the beginning.
    instead: Option<Bytes>,
    rest: Payload,
    size: BodySize,
    record_bytes: usize,
    state: Data<Worker>,
    passed: Rc<RefCell<Passed>>,
}

/// The body is larger than the limit, or the caller broke off.
#[derive(Debug)]
pub(super) enum PassingError {
    TooLarge,
    CallerLeft,
}

impl std::fmt::Display for PassingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            PassingError::TooLarge => "the body is too large",
            PassingError::CallerLeft => "the caller broke off",
        })
    }
}

impl std::error::Error for PassingError {}

impl Passing {
    pub(super) fn new(
        begun: Bytes,
        rest: Payload,
        declared: Option<u64>,
        content_type: &str,
        record_bytes: usize,
        state: &Data<Worker>,
    ) -> (Passing, Rc<RefCell<Passed>>) {
        let kept = match Summary::new(content_type) {
            Some(summary) => Kept::Multipart(Box::new(summary)),
            None if record_bytes == 0 => Kept::Nothing,
            None => Kept::Copy(Vec::new()),
        };
        let side = Side { kept, content_type: content_type.to_owned(), ..Side::default() };
        let passed = Rc::new(RefCell::new(Passed { side, last: Instant::now(), whole: false, charged_bytes: 0 }));
        let size = declared.map_or(BodySize::Stream, BodySize::Sized);
        let passing = Passing {
            begun: Some(begun),
            instead: None,
            rest,
            size,
            record_bytes,
            state: state.clone(),
            passed: Rc::clone(&passed),
        };
        (passing, passed)
    }

    /// Sends `literal` as the model's name if it stands in the beginning; the record keeps what came.
    pub(super) fn name_model(&mut self, literal: &[u8]) {
        let Some(begun) = &self.begun else { return };
        if let Some(splice) = put_model(begun, literal) {
            let instead = Bytes::from(splice.apply(begun));
            if let BodySize::Sized(size) = &mut self.size {
                *size = *size - begun.len() as u64 + instead.len() as u64;
            }
            self.instead = Some(instead);
        }
    }

    fn look_at(&mut self, chunk: &Bytes) -> Result<(), PassingError> {
        let mut passed = self.passed.borrow_mut();
        passed.last = Instant::now();
        passed.side.total_bytes += chunk.len() as u64;
        if passed.side.total_bytes > self.state.body_limit_bytes {
            return Err(PassingError::TooLarge);
        }
        match &mut passed.side.kept {
            Kept::Multipart(summary) => summary.push(chunk),
            Kept::Copy(copy) => {
                let room = self.record_bytes.saturating_sub(copy.len()).min(chunk.len());
                if room > 0 && self.state.recorder.budget.take(room) {
                    copy.extend_from_slice(&chunk[..room]);
                    passed.charged_bytes += room;
                }
                let Kept::Copy(copy) = &passed.side.kept else { return Ok(()) };
                passed.side.cut = (copy.len() as u64) < passed.side.total_bytes;
            }
            Kept::Nothing | Kept::Bytes(_) | Kept::Events(..) => {}
        }
        Ok(())
    }
}

impl MessageBody for Passing {
    type Error = PassingError;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, PassingError>>> {
        let this = self.get_mut();
        let chunk = match this.begun.take() {
            Some(begun) => Some(Ok(begun)),
            None => std::task::ready!(Pin::new(&mut this.rest).poll_next(cx)),
        };
        Poll::Ready(match chunk {
            Some(Ok(chunk)) => Some(this.look_at(&chunk).map(|()| this.instead.take().unwrap_or(chunk))),
            Some(Err(_)) => Some(Err(PassingError::CallerLeft)),
            None => {
                this.passed.borrow_mut().whole = true;
                None
            }
        })
    }
}
