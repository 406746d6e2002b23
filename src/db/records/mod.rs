//! What is known of each request: one narrow row in `records`, the two texts in `record_bodies`.
//!
//! Start at [`NewRecord`], then [`insert_batch`] (the recorder's) and [`page`] (the reader's).
//! **Invariant:** nothing here cuts or changes a body.
//! **May import:** `error`, diesel.

mod write;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::prelude::{
    ExpressionMethods, Insertable, JoinOnDsl, NullableExpressionMethods, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};

use super::Connection;
use super::schema::{record_bodies, records};
use crate::error::Error;
pub use write::insert_batch;
pub(super) use write::insert_sqlite;

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
#[derive(Debug, Clone, PartialEq, Default, Insertable, Queryable, Selectable, Serialize, Deserialize)]
#[diesel(table_name = records, treat_none_as_default_value = false)]
pub struct Facts {
    /// When the request arrived, µs since 1970 (UTC).
    pub started_us: i64,
    /// Name of the client key.
    pub key_name: String,
    /// Last four characters of the client key.
    pub key_last4: String,
    /// The caller's address.
    pub ip: String,
    /// The caller's `User-Agent`.
    pub user_agent: String,
    /// Request method.
    pub method: String,
    /// Request path.
    pub path: String,
    /// Model the caller asked for.
    pub model: Option<String>,
    /// Model sent upstream.
    pub model_sent: Option<String>,
    /// Model the upstream says it used.
    pub model_answered: Option<String>,
    /// Status sent to the caller; 0 when none was.
    pub status: i32,
    /// The upstream that answered.
    pub upstream_id: Option<i64>,
    /// Whether the reply was a stream of events.
    pub streamed: bool,
    /// From the request's start to the reply's first byte.
    pub first_byte_us: Option<i64>,
    /// From the request's start to the first event with content.
    pub first_content_us: Option<i64>,
    /// From the request's start to its end.
    pub total_us: i64,
    /// Tokens of the request.
    pub tokens_in: Option<i64>,
    /// Tokens of the reply.
    pub tokens_out: Option<i64>,
    /// Tokens of the request that came from the upstream's cache.
    pub tokens_cached: Option<i64>,
    /// Tokens of the reply that were reasoning.
    pub tokens_reasoning: Option<i64>,
    /// JSON array, one object per attempt.
    pub attempts: String,
    /// How it ended.
    pub ending: Ending,
    /// What went wrong, in a sentence.
    pub error: Option<String>,
    /// True size of the request body.
    pub request_bytes: i64,
    /// True size of the reply body.
    pub reply_bytes: i64,
    /// Id of a thing that lives at the upstream (file, response, batch …) and was made by this request.
    pub resource_id: Option<String>,
}

/// The two texts of a request. A note is `None` when the bytes are complete and as they came.
#[derive(Debug, Clone, PartialEq, Default, Insertable, Queryable, Selectable)]
#[diesel(table_name = record_bodies, treat_none_as_default_value = false)]
pub struct Texts {
    /// The request body.
    pub body: Option<Vec<u8>>,
    /// What `body` is otherwise: `cut`, `multipart` …
    pub body_note: Option<String>,
    /// The reply.
    pub response: Option<Vec<u8>>,
    /// What `response` is otherwise: `assembled`, `cut`, `gzip` …
    pub response_note: Option<String>,
}

/// A record to be written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewRecord {
    /// What is known.
    pub facts: Facts,
    /// What was said.
    pub texts: Texts,
}

/// A record as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Grows with every record of this database.
    pub id: i64,
    /// What is known.
    pub facts: Facts,
    /// What was said.
    pub texts: Texts,
}

/// Up to `limit` records, newest first: those with an id below `before`, or the newest of all.
pub fn page(conn: &mut Connection, before: Option<i64>, limit: i64) -> Result<Vec<Record>, Error> {
    let rows = records::table
        .left_join(record_bodies::table.on(record_bodies::record_id.eq(records::id)))
        .filter(records::id.lt(before.unwrap_or(i64::MAX)))
        .order(records::id.desc())
        .limit(limit)
        .select((records::id, Facts::as_select(), Option::<Texts>::as_select()))
        .load::<(i64, Facts, Option<Texts>)>(conn)?;
    Ok(rows.into_iter().map(|(id, facts, texts)| Record { id, facts, texts: texts.unwrap_or_default() }).collect())
}

/// The newest things made at an upstream: (resource id, upstream id), newest first.
pub fn resources(conn: &mut Connection, limit: i64) -> Result<Vec<(String, i64)>, Error> {
    let rows = records::table
        .filter(records::resource_id.is_not_null())
        .filter(records::upstream_id.is_not_null())
        .order(records::id.desc())
        .limit(limit)
        .select((records::resource_id.assume_not_null(), records::upstream_id.assume_not_null()))
        .load(conn)?;
    Ok(rows)
}
