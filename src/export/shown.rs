//! A record as JSON: its row, as the lists and the records' list of the original's kind show it.
//!
//! **Invariant:** no secret is in it: the row has none. **May import:** `db`.

use serde_json::{Value, json};

use crate::db::records::{Marks, Record, Row, header_pairs};

/// A record's row.
pub fn row(row: &Row) -> Value {
    let Row { id, facts, placed, signs, replay_of } = row;
    let created = chrono::DateTime::from_timestamp_micros(facts.started_us);
    json!({
        "id": id,
        "created_at": created.map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)),
        "key_name": facts.key_name,
        "key_last4": facts.key_last4,
        "ip": facts.ip,
        "user_agent": facts.user_agent,
        "host": facts.host,
        "method": facts.method,
        "path": facts.path,
        "model": facts.model,
        "model_sent": facts.model_sent,
        "model_answered": facts.model_answered,
        "status": facts.status,
        "upstream_id": facts.upstream_id,
        "streamed": facts.streamed,
        "first_byte_us": facts.first_byte_us,
        "first_content_us": facts.first_content_us,
        "total_us": facts.total_us,
        "tokens_in": facts.tokens_in,
        "tokens_out": facts.tokens_out,
        "tokens_cached": facts.tokens_cached,
        "tokens_reasoning": facts.tokens_reasoning,
        "tokens_audio_in": facts.tokens_audio_in,
        "tokens_audio_out": facts.tokens_audio_out,
        "cost": facts.cost_nano.map(dollars),
        "attempts": serde_json::from_str::<Value>(&facts.attempts).unwrap_or_default(),
        "ending": facts.ending.as_str(),
        "error": facts.error,
        "request_bytes": facts.request_bytes,
        "reply_bytes": facts.reply_bytes,
        "conversation_id": placed.conversation_id,
        "linked_by": placed.linked_by,
        "known_messages": placed.known_messages,
        "finish": signs.finish,
        "tools": signs.tools.as_ref().map(|tools| tools.lines().collect::<Vec<_>>()).unwrap_or_default(),
        "has_body": Marks::Body.is_in(signs.marks),
        "replay_of": replay_of,
        "is_replay": Marks::Replay.is_in(signs.marks),
    })
}

/// A record's row and what was said.
pub fn whole(record: &Record) -> Value {
    let Record { row, texts } = record;
    let mut value = self::row(row);
    if let Value::Object(members) = &mut value {
        members.insert("body".to_owned(), text(texts.body.as_deref()).into());
        members.insert("body_note".to_owned(), texts.body_note.clone().into());
        members.insert("response".to_owned(), text(texts.response.as_deref()).into());
        members.insert("response_note".to_owned(), texts.response_note.clone().into());
        let heads = texts.headers.as_deref().map(|bytes| {
            let [request, reply] = header_pairs(bytes);
            json!({"request": request, "reply": reply})
        });
        members.insert("headers".to_owned(), heads.unwrap_or_default());
    }
    value
}

/// Nano-dollars in dollars.
pub fn dollars(nano: i64) -> f64 {
    nano as f64 / 1e9
}

/// Bytes that are no UTF-8 are shown with replacement characters; the database keeps them as they are.
pub fn text(bytes: Option<&[u8]>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}
