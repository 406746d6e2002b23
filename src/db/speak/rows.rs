//! Rows as lists of values, the same for both databases.
//!
//! **Invariant:** each list of columns and the values made for it are in the same order. **May import:** diesel, `db::records`.

use std::borrow::Cow;

use super::value::Value;
use super::{BlobRow, BodyRow, LinkRow, NewestLink, PackRow};
use crate::db::records::{Facts, Signs};

macro_rules! record_columns {
    () => {
        "id, started_us, key_name, key_last4, ip, user_agent, host, method, path, model, model_sent,  \
         model_answered, status, upstream_id, streamed, first_byte_us, first_content_us, total_us,  \
         tokens_in, tokens_out, tokens_cached, tokens_reasoning, tokens_audio_in, tokens_audio_out,  \
         cost_nano, attempts, ending, error, request_bytes, reply_bytes, resource_id, conversation_id,  \
         linked_by, known_messages, finish, tools, marks, replay_of"
    };
}

/// The columns of `records`.
pub(in crate::db) const RECORDS: &str = record_columns!();
/// A row of `records`, up to its values.
pub(super) const INSERT_RECORD: &str = concat!("INSERT INTO records (", record_columns!(), ") VALUES (");

/// Where a record stands among others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Placed {
    /// The conversation it belongs to.
    pub conversation_id: Option<i64>,
    /// By what that was found; `None` for the first of its conversation.
    pub linked_by: Option<String>,
    /// How many of its messages the conversation knew already.
    pub known_messages: Option<i64>,
}

/// A row of `records` to be written.
pub(in crate::db) struct RecordRow<'a> {
    pub(in crate::db) id: i64,
    pub(in crate::db) facts: &'a Facts,
    /// As the row keeps them.
    pub(in crate::db) attempts: Cow<'a, str>,
    pub(in crate::db) placed: Placed,
    pub(in crate::db) signs: Signs,
    pub(in crate::db) replay_of: Option<i64>,
}

impl RecordRow<'_> {
    pub(super) fn values(&self) -> Vec<Value<'_>> {
        let RecordRow { id, facts, attempts, placed, signs, replay_of } = self;
        vec![
            Value::Int(*id),
            Value::Int(facts.started_us),
            Value::Text(&facts.key_name),
            Value::Text(&facts.key_last4),
            Value::Text(&facts.ip),
            Value::Text(&facts.user_agent),
            Value::Text(&facts.host),
            Value::Text(&facts.method),
            Value::Text(&facts.path),
            Value::from(&facts.model),
            Value::from(&facts.model_sent),
            Value::from(&facts.model_answered),
            Value::Integer(facts.status),
            Value::OptInt(facts.upstream_id),
            Value::Bool(facts.streamed),
            Value::OptInt(facts.first_byte_us),
            Value::OptInt(facts.first_content_us),
            Value::Int(facts.total_us),
            Value::OptInt(facts.tokens_in),
            Value::OptInt(facts.tokens_out),
            Value::OptInt(facts.tokens_cached),
            Value::OptInt(facts.tokens_reasoning),
            Value::OptInt(facts.tokens_audio_in),
            Value::OptInt(facts.tokens_audio_out),
            Value::OptInt(facts.cost_nano),
            Value::Text(attempts),
            Value::Text(facts.ending.as_str()),
            Value::from(&facts.error),
            Value::Int(facts.request_bytes),
            Value::Int(facts.reply_bytes),
            Value::from(&facts.resource_id),
            Value::OptInt(placed.conversation_id),
            Value::from(&placed.linked_by),
            Value::OptInt(placed.known_messages),
            Value::from(&signs.finish),
            Value::from(&signs.tools),
            Value::Int(signs.marks),
            Value::OptInt(*replay_of),
        ]
    }
}

macro_rules! body_columns {
    () => {
        "record_id, body, body_note, response, response_note, layout, fresh_from, fresh_to, headers"
    };
}

/// The columns of `record_bodies`.
pub(in crate::db) const BODIES: &str = body_columns!();
/// A row of `record_bodies`, up to its record.
pub(super) const SELECT_BODY: &str = concat!("SELECT ", body_columns!(), " FROM record_bodies WHERE record_id = ");
/// A row of `record_bodies`, up to its values.
pub(super) const INSERT_BODY: &str = concat!("INSERT INTO record_bodies (", body_columns!(), ") VALUES (");

impl BodyRow {
    pub(super) fn values(&self) -> Vec<Value<'_>> {
        vec![
            Value::Int(self.record_id),
            Value::OptBlob(self.body.as_deref()),
            Value::from(&self.body_note),
            Value::OptBlob(self.response.as_deref()),
            Value::from(&self.response_note),
            Value::Integer(self.layout),
            Value::OptInt(self.fresh_from),
            Value::OptInt(self.fresh_to),
            Value::OptBlob(self.headers.as_deref()),
        ]
    }
}

impl PackRow {
    pub(super) fn values(&self) -> Vec<Value<'_>> {
        vec![Value::Int(self.id), Value::Blob(&self.pieces), Value::Blob(&self.data)]
    }
}

impl BlobRow {
    pub(super) fn values(&self) -> Vec<Value<'_>> {
        let BlobRow { hash, pack_id, start, length, owner } = self;
        vec![Value::Blob(hash), Value::Int(*pack_id), Value::Int(*start), Value::Int(*length), Value::Int(*owner)]
    }
}

impl LinkRow {
    pub(super) fn values(&self) -> Vec<Value<'_>> {
        [self.link, self.record_id, self.chain, self.conversation_id].map(Value::Int).to_vec()
    }
}

impl NewestLink {
    pub(super) fn values(&self) -> Vec<Value<'_>> {
        let LinkRow { link, record_id, chain, conversation_id } = self.row;
        [link, record_id, chain, conversation_id, self.id].map(Value::Int).to_vec()
    }
}
