//! What one request still has to spend: upstreams to ask, and a body to send them.
//!
//! **Invariant:** a body that passed through is never sent twice. **May import:** `balance`, `openai`, `roster`.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::web::Bytes;

use crate::balance::health::Claim;
use crate::balance::standing::Standing;
use crate::openai::splice::put_model;
use crate::proxy::filing::{Filing, unix_us};
use crate::proxy::intake::{Intake, Passed, Passing};
use crate::roster::{SentModel, Snapshot, Upstream};

/// The plan, walked once: all that are ready, then at most one that is not.
pub(super) struct Tries<'a> {
    order: &'a [usize],
    at: usize,
    last_resort_used: bool,
}

impl<'a> Tries<'a> {
    pub(super) fn new(order: &'a [usize]) -> Tries<'a> {
        Tries { order, at: 0, last_resort_used: false }
    }

    /// The next to be asked.
    pub(super) fn next<'s>(&mut self, snapshot: &'s Snapshot, model: &str) -> Option<&'s Arc<Upstream>> {
        while let Some(&index) = self.order.get(self.at) {
            self.at += 1;
            let upstream = &snapshot.upstreams[index];
            let now_ms = unix_us() / 1000;
            if upstream.measured.claim(model, now_ms) == Claim::Taken {
                // It rests, or another request is finding out whether it works. One such try is better than none; more
                // would be a storm on what is down.
                let probed = matches!(upstream.measured.standing(model, now_ms), Standing::Probing { .. });
                if self.last_resort_used || (probed && self.at < self.order.len()) {
                    continue;
                }
                self.last_resort_used = true;
            }
            return Some(upstream);
        }
        None
    }

    /// Whether another could be asked.
    pub(super) fn more(&self) -> bool {
        self.at < self.order.len() && !self.last_resort_used
    }
}

/// The body for one attempt.
pub(super) enum Body {
    /// A request without one.
    None,
    /// Held in memory.
    Whole(Bytes),
    /// Passing through; can be sent once.
    Passing(Passing, Rc<RefCell<Passed>>),
}

impl Body {
    /// The same with the model's name as this upstream knows it; every other byte stays.
    pub(super) fn naming(self, model: &SentModel) -> Body {
        let literal = model.literal.as_bytes();
        match self {
            Body::Whole(bytes) => match put_model(&bytes, literal) {
                Some(splice) => Body::Whole(splice.apply(&bytes).into()),
                None => Body::Whole(bytes),
            },
            Body::Passing(mut passing, passed) => {
                passing.name_model(literal);
                Body::Passing(passing, passed)
            }
            Body::None => Body::None,
        }
    }
}

/// The request's body, as often as it can be sent.
pub(super) struct Bodies {
    next: Option<Body>,
    /// It is held, and can be sent again elsewhere.
    pub(super) replayable: bool,
}

impl Bodies {
    pub(super) fn new(
        intake: Intake,
        request: &HttpRequest,
        content_type: &str,
        snapshot: &Snapshot,
        filing: &mut Filing,
    ) -> Bodies {
        match intake {
            Intake::Whole(bytes) => {
                let headers = request.headers();
                let framed = headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
                let none = bytes.is_empty() && !framed && request.method() != Method::POST;
                Bodies { next: Some(if none { Body::None } else { Body::Whole(bytes) }), replayable: true }
            }
            Intake::Passing { begun, rest, declared } => {
                let state = filing.state().clone();
                let limit = snapshot.settings.request_limit_bytes(content_type);
                let record_bytes = if filing.is_recorded() { limit } else { 0 };
                let (passing, passed): (Passing, Rc<RefCell<Passed>>) =
                    Passing::new(begun, rest, declared, content_type, record_bytes, &state);
                filing.watch(Rc::clone(&passed));
                Bodies { next: Some(Body::Passing(passing, passed)), replayable: false }
            }
        }
    }

    /// The body for the next attempt; one that passes through only once.
    pub(super) fn next(&mut self) -> Option<Body> {
        match self.next.take()? {
            Body::None => {
                self.next = Some(Body::None);
                Some(Body::None)
            }
            Body::Whole(bytes) => {
                self.next = Some(Body::Whole(Bytes::clone(&bytes)));
                Some(Body::Whole(bytes))
            }
            passing @ Body::Passing(..) => Some(passing),
        }
    }
}
