//! What is known of each request: one narrow row in `records`; what was said, once, in `packs`.
//!
//! Start at [`NewRecord`], then [`Store`] (the recorder's), [`page`] and [`texts`] (the readers').
//!
//! | file | what it does |
//! |---|---|
//! | `store` | a batch becomes rows, pieces that are known are stored once |
//! | `thread`, `ways`, `placing`, `newest` | what a record's messages mean, and which conversation they continue |
//! | `layout`, `packer`, `hash` | a body as places in packs; packs; how a piece is known again |
//! | `read` | bodies put together again |
//! | `tries` | attempts in a few bytes |
//! | `signs` | what texts show at a glance |
//! | `rows`, `talks` | rows read again, and conversations |
//!
//! **Invariant:** nothing here cuts or changes a body.
//! **May import:** `error`, `openai`, `search`, diesel.

mod beside;
mod hash;
mod layout;
mod newest;
mod packer;
mod placing;
mod read;
mod rows;
mod signs;
mod store;
mod talks;
mod thread;
mod tries;
mod ways;

use std::borrow::Cow;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::prelude::QueryableByName;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
use serde::{Deserialize, Serialize};

pub use super::speak::Placed;
pub(super) use beside::{links_of, store_plain};
pub(super) use layout::Layout;
pub(super) use newest::forget as forget_waiting;
pub(super) use packer::{Press, shared_pieces, unpacked};
pub use read::{Fresh, fresh, texts};
pub use rows::{
    Record, Row, first_us, ids_within, newest_id, of_conversation, record, replays_of, resources, rows, rows_after,
    rows_before, take_whole,
};
pub use signs::{Marks, Signs};
pub(super) use store::REMOVALS;
pub use store::{Progress, Store};
pub use talks::{Talk, talks, titles};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, AsExpression, FromSqlRow, Serialize, Deserialize)]
#[diesel(sql_type = Text)]
pub enum Ending {
    /// The caller got everything the upstream had to say.
    #[default]
    Complete,
    /// The upstream broke off in the middle.
    Cut,
    /// The caller hung up before the end.
    Left,
    /// We answered ourselves: no key, no upstream, or every one failed.
    Refused,
}

impl Ending {
    const ALL: [Ending; 4] = [Ending::Complete, Ending::Cut, Ending::Left, Ending::Refused];

    /// The word the database keeps.
    pub fn as_str(self) -> &'static str {
        match self {
            Ending::Complete => "complete",
            Ending::Cut => "cut",
            Ending::Left => "left",
            Ending::Refused => "refused",
        }
    }
}

impl<DB: Backend> ToSql<Text, DB> for Ending
where
    str: ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.as_str().to_sql(out)
    }
}

impl<DB: Backend> FromSql<Text, DB> for Ending
where
    String: FromSql<Text, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Ending> {
        let word = String::from_sql(bytes)?;
        Ending::ALL
            .into_iter()
            .find(|ending| ending.as_str() == word)
            .ok_or_else(|| format!("unknown ending '{word}'").into())
    }
}

/// Everything known of a request but its texts. Times in microseconds; sizes are the true ones, whatever was kept.
#[derive(Debug, Clone, PartialEq, Default, QueryableByName, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// When the request arrived, µs since 1970 (UTC).
    #[diesel(sql_type = BigInt)]
    pub started_us: i64,
    /// Name of the client key.
    #[diesel(sql_type = Text)]
    pub key_name: String,
    /// Last four characters of the client key.
    #[diesel(sql_type = Text)]
    pub key_last4: String,
    /// The caller's address.
    #[diesel(sql_type = Text)]
    pub ip: String,
    /// The caller's `User-Agent`.
    #[diesel(sql_type = Text)]
    pub user_agent: String,
    /// `Host` as the caller sent it.
    #[diesel(sql_type = Text)]
    pub host: String,
    /// Request method.
    #[diesel(sql_type = Text)]
    pub method: String,
    /// Request path.
    #[diesel(sql_type = Text)]
    pub path: String,
    /// Model the caller asked for.
    #[diesel(sql_type = Nullable<Text>)]
    pub model: Option<String>,
    /// Model sent upstream.
    #[diesel(sql_type = Nullable<Text>)]
    pub model_sent: Option<String>,
    /// Model the upstream says it used.
    #[diesel(sql_type = Nullable<Text>)]
    pub model_answered: Option<String>,
    /// Status sent to the caller; 0 when none was.
    #[diesel(sql_type = Integer)]
    pub status: i32,
    /// The upstream that answered.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub upstream_id: Option<i64>,
    /// Whether the reply was a stream of events.
    #[diesel(sql_type = Bool)]
    pub streamed: bool,
    /// From the request's start to the reply's first byte.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub first_byte_us: Option<i64>,
    /// From the request's start to the first event with content.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub first_content_us: Option<i64>,
    /// From the request's start to its end.
    #[diesel(sql_type = BigInt)]
    pub total_us: i64,
    /// Tokens of the request.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub tokens_in: Option<i64>,
    /// Tokens of the reply.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub tokens_out: Option<i64>,
    /// Tokens of the request that came from the upstream's cache.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub tokens_cached: Option<i64>,
    /// Tokens of the reply that were reasoning.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub tokens_reasoning: Option<i64>,
    /// Tokens of the request that were sound.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub tokens_audio_in: Option<i64>,
    /// Tokens of the reply that were sound.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub tokens_audio_out: Option<i64>,
    /// What it cost, in nano-dollars; `None` when its price or its tokens are unknown.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub cost_nano: Option<i64>,
    /// JSON array, one object per attempt.
    #[diesel(sql_type = Text)]
    pub attempts: String,
    /// How it ended.
    #[diesel(sql_type = Text)]
    pub ending: Ending,
    /// What went wrong, in a sentence.
    #[diesel(sql_type = Nullable<Text>)]
    pub error: Option<String>,
    /// True size of the request body.
    #[diesel(sql_type = BigInt)]
    pub request_bytes: i64,
    /// True size of the reply body.
    #[diesel(sql_type = BigInt)]
    pub reply_bytes: i64,
    /// Id of a thing that lives at the upstream (file, response, batch …) and was made by this request.
    #[diesel(sql_type = Nullable<Text>)]
    pub resource_id: Option<String>,
}

/// The texts of a request. A note is `None` when the bytes are complete and as they came.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Texts {
    /// The request body.
    pub body: Option<Vec<u8>>,
    /// What `body` is otherwise: `cut`, `multipart` …
    pub body_note: Option<String>,
    /// The reply.
    pub response: Option<Vec<u8>>,
    /// What `response` is otherwise: `assembled`, `cut`, `gzip` …
    pub response_note: Option<String>,
    /// The caller's headers, `name: value`, a line each, secrets masked; when a reply came an empty line and the reply's.
    pub headers: Option<Vec<u8>>,
}

/// A record to be written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewRecord {
    /// What is known.
    pub facts: Facts,
    /// What was said.
    pub texts: Texts,
    /// The session that the caller named in a header.
    pub session: Option<String>,
    /// The record whose request was sent again from the dashboard; 0 where that is not known.
    pub replay_of: Option<i64>,
}

/// The caller's headers and the reply's, by name, as [`Texts::headers`] holds them.
pub fn header_pairs(headers: &[u8]) -> [Vec<(String, String)>; 2] {
    let text = String::from_utf8_lossy(headers);
    let (request, reply) = match text.strip_prefix('\n') {
        Some(reply) => ("", reply),
        None => text.split_once("\n\n").unwrap_or((&text, "")),
    };
    let pair = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        (name.to_owned(), value.to_owned())
    };
    [request, reply].map(|lines| {
        let mut pairs: Vec<(String, String)> = lines.lines().map(pair).collect();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs
    })
}

impl Facts {
    /// Itself, or a copy with U+FFFD for every NUL, which Postgres cannot keep in text.
    fn without_nul(&self) -> Cow<'_, Facts> {
        let has = |text: &String| text.contains('\0');
        if !self.texts().any(has) {
            return Cow::Borrowed(self);
        }
        let mut clean = self.clone();
        for text in clean.texts_mut().filter(|text| has(text)) {
            *text = text.replace('\0', "\u{fffd}");
        }
        Cow::Owned(clean)
    }

    fn texts(&self) -> impl Iterator<Item = &String> {
        let Facts { key_name, key_last4, ip, user_agent, host, method, path, attempts, .. } = self;
        let Facts { model, model_sent, model_answered, error, resource_id, .. } = self;
        [key_name, key_last4, ip, user_agent, host, method, path, attempts]
            .into_iter()
            .chain([model, model_sent, model_answered, error, resource_id].into_iter().flatten())
    }

    fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let Facts {
            key_name,
            key_last4,
            ip,
            user_agent,
            host,
            method,
            path,
            attempts,
            model,
            model_sent,
            model_answered,
            error,
            resource_id,
            ..
        } = self;
        [key_name, key_last4, ip, user_agent, host, method, path, attempts]
            .into_iter()
            .chain([model, model_sent, model_answered, error, resource_id].into_iter().flatten())
    }
}

#[cfg(test)]
mod tests;
