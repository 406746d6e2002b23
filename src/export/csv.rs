//! Records as a table (RFC 4180) that spreadsheets open as it is meant.
//!
//! **Invariant:** no cell is taken for a formula; the file begins with a byte order mark, or Chinese would not show.
//! **May import:** `db`.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat};

use crate::db::records::{Marks, Row};

const COLUMNS: [&str; 28] = [
    "id",
    "created_at",
    "status",
    "ending",
    "model",
    "model_answered",
    "upstream_id",
    "attempts",
    "key_name",
    "key_last4",
    "ip",
    "method",
    "path",
    "host",
    "user_agent",
    "streamed",
    "first_content_ms",
    "total_ms",
    "tokens_in",
    "tokens_out",
    "tokens_cached",
    "cost_dollars",
    "conversation_id",
    "error",
    "upstream_name",
    "finish",
    "is_replay",
    "replay_of",
];

/// What the file begins with.
pub(super) fn head() -> String {
    format!("\u{feff}{}\r\n", COLUMNS.join(","))
}

/// One record; `upstreams` are the names of all.
pub(super) fn line(row: &Row, upstreams: &HashMap<i64, String>) -> String {
    let facts = &row.facts;
    let created = DateTime::from_timestamp_micros(facts.started_us);
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let ms = |us: i64| format!("{}.{:03}", us / 1000, us.rem_euclid(1000));
    let cells: [String; COLUMNS.len()] = [
        row.id.to_string(),
        created.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true)).unwrap_or_default(),
        facts.status.to_string(),
        facts.ending.as_str().to_owned(),
        text(facts.model.as_deref()),
        text(facts.model_answered.as_deref()),
        number(facts.upstream_id),
        facts.attempts.matches("\"upstream_id\"").count().to_string(),
        text(Some(&facts.key_name)),
        text(Some(&facts.key_last4)),
        text(Some(&facts.ip)),
        text(Some(&facts.method)),
        text(Some(&facts.path)),
        text(Some(&facts.host)),
        text(Some(&facts.user_agent)),
        facts.streamed.to_string(),
        facts.first_content_us.map(ms).unwrap_or_default(),
        ms(facts.total_us),
        number(facts.tokens_in),
        number(facts.tokens_out),
        number(facts.tokens_cached),
        facts.cost_nano.map(|nano| format!("{:.9}", nano as f64 / 1e9)).unwrap_or_default(),
        number(row.placed.conversation_id),
        text(facts.error.as_deref()),
        text(facts.upstream_id.and_then(|id| upstreams.get(&id)).map(String::as_str)),
        text(row.signs.finish.as_deref()),
        Marks::Replay.is_in(row.signs.marks).to_string(),
        number(row.replay_of),
    ];
    cells.join(",") + "\r\n"
}

/// A text as a cell. One that a spreadsheet would take for a formula gets an apostrophe in front
/// (OWASP, CSV injection).
pub fn text(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let safe = if is_formula { format!("'{text}") } else { text.to_owned() };
    if safe.contains([',', '"', '\n', '\r']) { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
}

#[cfg(test)]
mod tests {
    use crate::export::csv::text;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        for (given, cell) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "'=1+1"),
            ("-x,y", "\"'-x,y\""),
        ] {
            assert_eq!(text(Some(given)), cell);
        }
        assert_eq!(text(None), "");
    }
}
