//! Strict recording: a reply's last bytes wait until its record is stored.
//!
//! Start at `poll_strict`, the reply's body in that case, and [`Held`]. Held back are the last piece of a sized body, and of a stream of events the piece with its last event
//! ([`ends_stream`]) and what follows it; of anything else its end.
//! **Invariant:** nobody waits for ever: the recorder drops its side once the record is stored, or cannot be.
//! **May import:** `recorder`, `openai`.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::web::{Bytes, Data};
use tokio::sync::oneshot::{Receiver, channel};
use tokio::time::{Sleep, sleep};

use crate::openai::sse::ends_stream;
use crate::proxy::Worker;
use crate::proxy::flow::{Flow, Stage};
use crate::recorder::{Ending, Hold};

/// How long an upstream may take to end a stream after its last event before the record is filed without its end.
const AFTER_LAST_EVENT: Duration = Duration::from_millis(100);
/// What follows a stream's last event is held back up to this.
const AFTER_BYTES: usize = 64 << 10;

/// Ready when a record is stored, or cannot be. The request counts as running until then.
pub(super) struct Settled {
    receiver: Receiver<()>,
    state: Data<Worker>,
}

impl Settled {
    /// The recorder's side, and ours.
    pub(super) fn pair(state: &Data<Worker>) -> (Hold, Settled) {
        let (hold, receiver) = channel();
        state.running.enter();
        (hold, Settled { receiver, state: state.clone() })
    }
}

impl Future for Settled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.receiver).poll(cx).map(drop)
    }
}

impl Drop for Settled {
    fn drop(&mut self) {
        self.state.running.leave();
    }
}

/// The bytes held back of one reply.
pub(super) struct Held {
    pieces: VecDeque<Bytes>,
    bytes: usize,
    patience: Option<Pin<Box<Sleep>>>,
    is_stream: bool,
}

impl Held {
    pub(super) fn new(is_stream: bool) -> Held {
        Held { pieces: VecDeque::new(), bytes: 0, patience: None, is_stream }
    }

    /// Takes a piece that is to be held back and gives one that may go.
    pub(super) fn push(&mut self, piece: Bytes, is_last: bool) -> Option<Bytes> {
        let holds = is_last || !self.pieces.is_empty() || (self.is_stream && ends_stream(&piece));
        if !holds {
            return Some(piece);
        }
        self.bytes += piece.len();
        self.pieces.push_back(piece);
        self.patience.get_or_insert_with(|| Box::pin(sleep(AFTER_LAST_EVENT)));
        // What goes on for so long had not ended.
        if !is_last && self.bytes > AFTER_BYTES { self.pop() } else { None }
    }

    /// Something is held back.
    pub(super) fn holds(&self) -> bool {
        !self.pieces.is_empty()
    }

    /// The next piece to go.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let piece = self.pieces.pop_front()?;
        self.bytes -= piece.len();
        Some(piece)
    }

    /// Ready when the last event is there and the upstream does not end.
    pub(super) fn poll_lingers(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.patience {
            Some(patience) if !self.pieces.is_empty() => patience.as_mut().poll(cx),
            _ => Poll::Pending,
        }
    }
}

impl Flow {
    /// Waits for the record, once it is filed.
    pub(super) fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(settled) = &mut self.settled {
            ready!(Pin::new(settled).poll(cx));
            self.settled = None;
        }
        Poll::Ready(())
    }

    /// What goes next, when the reply's end waits for its record.
    pub(super) fn poll_strict(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            ready!(self.poll_settled(cx));
            let is_filed = self.filing.is_none() || self.stage == Stage::Broken;
            if is_filed && let Some(piece) = self.strict.as_mut().and_then(Held::pop) {
                return Poll::Ready(Some(piece));
            }
            match self.poll_piece(cx) {
                Poll::Ready(Some(piece)) if self.filing.is_some() => {
                    let is_last = self.missing == Some(0);
                    let goes = self.strict.as_mut().and_then(|held| held.push(piece, is_last));
                    if is_last {
                        self.finish(Ending::Complete);
                    } else if goes.is_some() {
                        return Poll::Ready(goes);
                    }
                }
                Poll::Ready(None) if self.stage == Stage::Ended && self.filing.is_some() => {
                    self.finish(Ending::Complete)
                }
                Poll::Ready(None) if self.strict.as_ref().is_some_and(Held::holds) => {}
                Poll::Ready(other) => return Poll::Ready(other),
                Poll::Pending => {
                    ready!(self.strict.as_mut().map_or(Poll::Pending, |held| held.poll_lingers(cx)));
                    self.finish(Ending::Complete);
                }
            }
        }
    }
}
