//! Whose fault an attempt's outcome is, and what follows from it. Start at [`fault`], then [`verdict`].
//!
//! **Invariant:** there is no status without a stated fault, and no other place that decides one; nothing is tried
//! again that the caller has already seen content of.
//! **May import:** std.

/// Why an attempt gave no usable reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The upstream's name could not be resolved.
    Dns,
    /// Nobody listens there.
    Refused,
    /// No way leads there.
    Unreachable,
    /// The TLS handshake or the certificate failed.
    Tls,
    /// No connection within the connect clock.
    ConnectTimeout,
    /// No byte of a reply within its clock.
    FirstByteTimeout,
    /// No content event of a stream within its clock.
    FirstContentTimeout,
    /// The connection broke before the reply's head or before its content.
    Reset,
    /// What came is not HTTP.
    BadReply,
    /// A stream with a good status whose first event is an error.
    StreamError {
        /// The error says that the account has no quota left.
        quota: bool,
        /// The HTTP status that the error names or its type stands for, if any.
        status_hint: Option<u16>,
    },
}

/// What one attempt gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A reply with this status.
    Status {
        /// The HTTP status.
        status: u16,
        /// The error body says that the account has no quota left (`insufficient_quota` and the like).
        quota: bool,
        /// When the upstream wants to be asked again ([`crate::balance::retry_after`]), Unix milliseconds.
        cool_until_ms: Option<i64>,
    },
    /// No usable reply.
    Failed(Failure),
    /// The caller hung up meanwhile.
    CallerLeft,
}

/// Whose fault an outcome is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It went well, or the caller hung up.
    Nobody,
    /// The request is bad: it would be anywhere.
    Request,
    /// Our key or account is refused.
    Key,
    /// The upstream failed, or has no room now.
    Upstream,
}

/// Whose fault `outcome` is. With `asis` the upstream was given the caller's own key instead of ours: then a refused
/// key, an empty account and a rate limit are the caller's affair, and no other caller may suffer for it.
pub fn fault(outcome: &Outcome, asis: bool) -> Fault {
    match *outcome {
        Outcome::Status { status, quota, cool_until_ms: _ } => status_fault(status, quota, asis),
        Outcome::Failed(Failure::StreamError { quota, status_hint }) => {
            match status_fault(status_hint.unwrap_or(500), quota, asis) {
                // An error is an error, whatever number it carries.
                Fault::Nobody => Fault::Upstream,
                fault => fault,
            }
        }
        Outcome::Failed(
            Failure::Dns
            | Failure::Refused
            | Failure::Unreachable
            | Failure::Tls
            | Failure::ConnectTimeout
            | Failure::FirstByteTimeout
            | Failure::FirstContentTimeout
            | Failure::Reset
            | Failure::BadReply,
        ) => Fault::Upstream,
        Outcome::CallerLeft => Fault::Nobody,
    }
}

/// The table of statuses: RFC 9110 §15, read with OpenAI's list of error codes
/// (<https://platform.openai.com/docs/guides/error-codes>) and what its official clients retry.
fn status_fault(status: u16, quota: bool, asis: bool) -> Fault {
    let ours = if asis { Fault::Request } else { Fault::Key };
    match status {
        // Switching protocols is how a WebSocket begins; any other interim status is no final answer.
        101 => Fault::Nobody,
        0..=100 | 102..=199 => Fault::Upstream,
        // A redirect is passed on: following it would carry the key to another host.
        200..=399 => Fault::Nobody,
        // "You exceeded your current quota" comes as 429 from OpenAI, as 400 or 403 from others.
        400..=499 if quota => ours,
        // Wrong key, no money, no permission or a country not supported: another upstream's key may do.
        401..=403 => ours,
        // Ours to authenticate with a proxy on the way (RFC 9110 §15.5.8).
        407 => Fault::Upstream,
        // It did not get the whole request in time and asks for it again (§15.5.9).
        408 => Fault::Upstream,
        // Misdirected: this connection's server is the wrong one (§15.5.20). Too early: to be sent again (RFC 8470).
        421 | 425 => Fault::Upstream,
        // Too many requests, or tokens, for this key at this upstream.
        429 if asis => Fault::Request,
        429 => Fault::Upstream,
        // Bad request, unknown model or resource, method, precondition, conflict, length, size, type, content …
        400 | 404..=406 | 409..=418 | 422..=424 | 426 | 428 | 431 | 451 => Fault::Request,
        // Not registered: to be treated as 400 (§15).
        419..=420 | 427 | 430 | 432..=450 | 452..=499 => Fault::Request,
        // All of them, 529 ("overloaded", Anthropic) and 520 to 527 (Cloudflare) too: unregistered ones mean 500 (§15).
        500..=599 => Fault::Upstream,
        // Not a status of HTTP (§15: to be handled as a 5xx).
        600..=u16::MAX => Fault::Upstream,
    }
}

/// What to do after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Pass this reply to the caller.
    Reply,
    /// Try the next upstream of the plan.
    Next,
    /// There is no reply to pass on and nothing left to try: tell the caller so, or break off what was begun.
    GiveUp,
}

/// Where the request stands after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    /// The upstream gave a reply that can be passed on ([`Outcome::is_answer`]).
    pub answered: bool,
    /// The whole body can be sent to another upstream: it was kept, or none of it has been sent yet.
    pub replayable: bool,
    /// Content has gone to the caller.
    pub committed: bool,
    /// The plan names a further upstream.
    pub more: bool,
}

impl Outcome {
    /// Is there a reply that can be passed to the caller as it came? So it is for an error within a stream, too.
    pub fn is_answer(&self) -> bool {
        match self {
            Outcome::Status { .. } | Outcome::Failed(Failure::StreamError { .. }) => true,
            Outcome::Failed(
                Failure::Dns
                | Failure::Refused
                | Failure::Unreachable
                | Failure::Tls
                | Failure::ConnectTimeout
                | Failure::FirstByteTimeout
                | Failure::FirstContentTimeout
                | Failure::Reset
                | Failure::BadReply,
            )
            | Outcome::CallerLeft => false,
        }
    }
}

/// What to do after an attempt that was `fault`'s fault.
pub fn verdict(fault: Fault, situation: Situation) -> Verdict {
    let movable = situation.replayable && situation.more && !situation.committed;
    match fault {
        Fault::Key | Fault::Upstream if movable => Verdict::Next,
        Fault::Nobody | Fault::Request | Fault::Key | Fault::Upstream if situation.answered => Verdict::Reply,
        Fault::Nobody | Fault::Request | Fault::Key | Fault::Upstream => Verdict::GiveUp,
    }
}

#[cfg(test)]
mod tests;
