//! Requests that were lost before the head of a reply: awc's errors as outcomes.
//!
//! **Invariant:** an error is understood by its type, never by its text. **May import:** `connector`, `balance`.

use std::io;

use actix_web::error::ParseError;
use awc::error::{ConnectError, SendRequestError};

use crate::balance::verdict::{Failure, Outcome};
use crate::connector::{ConnectFailure, ConnectKind, went_stale};
use crate::proxy::attempt::Failed;
use crate::proxy::intake::PassingError;

/// How much of an error's text goes into record, log and notice.
const ERROR_CHARS: usize = 500;

/// A request that was lost before the head of a reply.
pub(super) struct Lost {
    pub(super) failed: Failed,
    /// On a pooled connection that had died before.
    pub(super) stale: bool,
}

impl Lost {
    pub(super) fn of(failed: Failed) -> Lost {
        Lost { failed, stale: false }
    }
}

/// What an error of awc's means.
pub(super) fn lost(error: &SendRequestError) -> Lost {
    match error {
        SendRequestError::Connect(ConnectError::Io(io)) => match ConnectFailure::of(io) {
            Some(failure) => Lost::of(Failed::new(connect_failure(failure.kind), failure.detail.clone())),
            None => broken(io),
        },
        SendRequestError::Send(io) | SendRequestError::Response(ParseError::Io(io)) => broken(io),
        SendRequestError::Response(other) => {
            Lost::of(Failed::new(Failure::BadReply, format!("what came is not HTTP: {other}")))
        }
        SendRequestError::Body(error) => {
            let outcome = match error.downcast_ref::<PassingError>() {
                Some(PassingError::TooLarge) => Outcome::Status { status: 413, quota: false, cool_until_ms: None },
                Some(PassingError::CallerLeft) | None => Outcome::CallerLeft,
            };
            Lost::of(Failed { outcome, what: "the caller's body broke off".to_owned() })
        }
        other => Lost::of(Failed::new(Failure::Reset, other.to_string())),
    }
}

fn broken(error: &io::Error) -> Lost {
    Lost {
        failed: Failed::new(Failure::Reset, format!("the connection broke before a reply: {error}")),
        stale: went_stale(error),
    }
}

fn connect_failure(kind: ConnectKind) -> Failure {
    match kind {
        ConnectKind::Dns => Failure::Dns,
        ConnectKind::Refused => Failure::Refused,
        ConnectKind::Unreachable => Failure::Unreachable,
        ConnectKind::Tls => Failure::Tls,
        ConnectKind::Timeout => Failure::ConnectTimeout,
    }
}

/// The beginning of what an error says, in one line.
pub(super) fn beginning(text: &str) -> String {
    let mut line: String = text.chars().take(ERROR_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(ERROR_CHARS).is_some() {
        line.push('…');
    }
    line
}
