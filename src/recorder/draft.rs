//! What the hot path knows of a request when it ends: raw facts and raw bytes, nothing parsed.
//!
//! A [`Draft`] is filled while the request lives and handed to the recorder's thread, which makes a row of it.
//!
//! **May import:** `db` (how a request ends), `openai` (only to hold an assembler), tokio's channels.

use actix_web::web::Bytes;
use serde::Serialize;
use tokio::sync::oneshot::Sender;

pub use crate::db::records::Ending;
use crate::openai::assemble::Assembler;
use crate::openai::multipart::Summary;

/// One try at one upstream, as the record tells it.
#[derive(Clone, Debug, Serialize)]
pub struct AttemptNote {
    /// The upstream's id.
    pub upstream_id: i64,
    /// When the attempt began, in µs after the request came in.
    pub began_us: i64,
    /// How long it took until it was decided, in µs; `None` when the caller left before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_us: Option<i64>,
    /// The upstream's status, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How long connecting took, in µs; `None` when the connection was there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_us: Option<i64>,
    /// The beginning of the error, without secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The request was at fault: no other upstream was asked, and this one is not blamed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub bad_request: bool,
}

/// The bytes of one side, as far as they are kept.
#[derive(Default)]
pub enum Kept {
    /// Nothing was to be kept, or there was nothing.
    #[default]
    Nothing,
    /// One piece, shared with whoever sends it.
    Bytes(Bytes),
    /// A growing copy.
    Copy(Vec<u8>),
    /// A multipart upload that was only looked at as it passed.
    Multipart(Box<Summary>),
    /// A stream of events, put together as far as it has come; then the bytes that have not been looked at yet.
    Events(Box<Assembler>, Vec<u8>),
}

/// Everything known of one side of a request.
#[derive(Default)]
pub struct Side {
    /// What is kept.
    pub kept: Kept,
    /// How many bytes there were in truth.
    pub total_bytes: u64,
    /// Some of them were not kept.
    pub cut: bool,
    /// It was too large for the replay buffer: it could be sent to one upstream only.
    pub sent_once: bool,
    /// `Content-Type`, lower-case or as sent.
    pub content_type: String,
    /// `Content-Encoding`, empty for none.
    pub encoding: String,
}

impl Side {
    /// How many bytes of memory this side holds, about.
    pub fn held_bytes(&self) -> usize {
        match &self.kept {
            Kept::Nothing => 0,
            Kept::Bytes(bytes) => bytes.len(),
            Kept::Copy(copy) | Kept::Events(_, copy) => copy.capacity(),
            Kept::Multipart(_) => 1024,
        }
    }
}

/// Everything known of a request. Times are unix µs (UTC) or µs since `started_us`.
pub struct Draft {
    /// When the request came in.
    pub started_us: i64,
    /// The name of the caller's key; empty when nobody is known.
    pub key_name: String,
    /// The last four characters of the caller's key.
    pub key_last4: String,
    /// The caller's address.
    pub ip: String,
    /// `User-Agent`.
    pub user_agent: String,
    /// `Host`.
    pub host: String,
    /// The session that the caller named in a header.
    pub session: Option<String>,
    /// HTTP method.
    pub method: String,
    /// Path and query as asked for, secrets in the query masked.
    pub path: String,
    /// The model the caller asked for.
    pub model: Option<String>,
    /// What the upstream was asked for, where that is another name.
    pub model_sent: Option<String>,
    /// The status sent to the caller; 499 when it left before one was sent.
    pub status: u16,
    /// The upstream whose reply was passed on, else the one asked last.
    pub upstream_id: Option<i64>,
    /// The reply was a stream of events.
    pub streamed: bool,
    /// Until the first byte of the reply came.
    pub first_byte_us: Option<i64>,
    /// Until the first content came.
    pub first_content_us: Option<i64>,
    /// Until the end.
    pub total_us: i64,
    /// Every try, in order.
    pub attempts: Vec<AttemptNote>,
    /// How it ended.
    pub ending: Ending,
    /// What went wrong, in one line without secrets.
    pub error: Option<String>,
    /// A thing at the upstream that this request made, by its id.
    pub resource_id: Option<String>,
    /// The caller's headers, `name: value`, a line each, secrets masked; when a reply came an empty line and the reply's.
    pub heads: Vec<u8>,
    /// The request's body.
    pub request: Side,
    /// The reply's body.
    pub reply: Side,
    /// Bodies are wanted, not only the row.
    pub with_bodies: bool,
    /// The record whose request was sent again from the dashboard.
    pub replay_of: Option<i64>,
    /// Bytes taken from the budget for this draft.
    pub charged_bytes: usize,
    /// The caller's `User-Agent` or `Host` was no UTF-8.
    pub lossy: bool,
    /// A reply's last bytes wait until this is dropped: once the record is stored, or cannot be kept.
    pub hold: Option<Hold>,
}

/// Dropped when nothing need wait for the record any more.
pub type Hold = Sender<()>;
