//! The original's records. Start at [`copy`].
//!
//! What the original stored: ids as text (UUIDs), integers or NULL; `body` as it came or as a JSON string of it, cut at 128 KiB by the last
//! version and emptied above 512 KiB by those before; `response` as the text of the first choice, put together, or its own words about an
//! error; `authorization` as the caller's whole header, of which the last four characters are kept; `upstream_sk`, which is only
//! compared; `hostname` (its own) and `headers` (the caller's, credentials among them), which are dropped: we keep neither.
//! **Invariant:** memory holds a few records at a time, however many there are.
//! **May import:** diesel, serde, serde_json.

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use diesel::prelude::{QueryableByName, RunQueryDsl};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::upstreams::Pairs;
use crate::db::records::{Ending, Facts, NewRecord, Texts, store_plain};
use crate::db::{sqlite, times};

/// Rows read at a time.
const CHUNK: i64 = 32;
/// Where the original's last version cut a body.
const CUT_AT: usize = 128 * 1024;
/// A cut in the middle of a character leaves up to three bytes, which its JSON encoder wrote as three bytes each.
const CUT_MOST: usize = CUT_AT + 6;

#[derive(QueryableByName)]
struct When {
    #[diesel(sql_type = BigInt)]
    old: i64,
    #[diesel(sql_type = Nullable<Text>)]
    created_at: Option<String>,
}

#[derive(QueryableByName)]
struct Original {
    #[diesel(sql_type = BigInt)]
    place: i64,
    #[diesel(sql_type = BigInt)]
    started_us: i64,
    #[diesel(sql_type = Nullable<Binary>)]
    body: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Binary>)]
    response: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    ip: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    user_agent: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    model: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    authorization: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    upstream_endpoint: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    upstream_sk: Option<String>,
    #[diesel(sql_type = BigInt)]
    upstream_id: i64,
    #[diesel(sql_type = BigInt)]
    status: i64,
    #[diesel(sql_type = BigInt)]
    elapsed_time: i64,
    #[diesel(sql_type = BigInt)]
    response_time: i64,
}

/// Copies `original_records` in order of time and returns how many there were.
pub(super) fn copy(conn: &mut SqliteConnection, pairs: &Pairs) -> QueryResult<usize> {
    put_in_order(conn)?;
    let query = chunk_query(conn)?;
    let mut copied = 0;
    let mut place = 0;
    loop {
        let chunk: Vec<Original> =
            diesel::sql_query(&query).bind::<BigInt, _>(place).bind::<BigInt, _>(CHUNK).load(conn)?;
        let Some(last) = chunk.last() else { break };
        place = last.place;
        let records: Vec<NewRecord> = chunk.into_iter().map(|original| converted(original, pairs)).collect();
        copied += store_plain(conn, &records)?;
    }
    conn.batch_execute("DROP TABLE temp.takeover_times; DROP TABLE temp.takeover_order;")?;
    Ok(copied)
}

/// Numbers the rows by time. Where ids are integers they say the order, and the times only where the other rows go between them.
fn put_in_order(conn: &mut SqliteConnection) -> QueryResult<()> {
    conn.batch_execute("CREATE TEMP TABLE takeover_times (old INTEGER PRIMARY KEY, us INTEGER NOT NULL)")?;
    let mut after = i64::MIN;
    loop {
        let chunk: Vec<When> = diesel::sql_query(
            "SELECT rowid AS old, CAST(created_at AS TEXT) AS created_at FROM original_records WHERE rowid > ? ORDER BY rowid LIMIT 1000",
        )
        .bind::<BigInt, _>(after)
        .load(conn)?;
        let Some(last) = chunk.last() else { break };
        after = last.old;
        for When { old, created_at } in chunk {
            let us = created_at.as_deref().and_then(times::micros).unwrap_or(0);
            diesel::sql_query("INSERT INTO takeover_times (old, us) VALUES (?, ?)")
                .bind::<BigInt, _>(old)
                .bind::<BigInt, _>(us)
                .execute(conn)?;
        }
    }
    conn.batch_execute(
        "CREATE TEMP TABLE takeover_order (place INTEGER PRIMARY KEY, old INTEGER NOT NULL, us INTEGER NOT NULL);
         INSERT INTO takeover_order (old, us)
         SELECT old, us FROM (
             SELECT t.old, t.us, typeof(r.id) = 'integer' AS counted, r.id AS id,
                 max(t.us) OVER (PARTITION BY typeof(r.id) = 'integer' ORDER BY CASE WHEN typeof(r.id) = 'integer' THEN r.id ELSE t.us END) AS reached
             FROM takeover_times t JOIN original_records r ON r.rowid = t.old
         ) ORDER BY reached, CASE WHEN counted THEN id END, old",
    )
}

/// Reads a chunk of rows by their place; a column that this version of the original did not have reads as if it were empty.
fn chunk_query(conn: &mut SqliteConnection) -> QueryResult<String> {
    let columns = sqlite::columns(conn, "original_records")?;
    let has = |name: &str| columns.iter().any(|column| column == name);
    let mut fields = String::new();
    for name in ["body", "response"] {
        fields.push_str(&format!(", CAST(r.{name} AS BLOB) AS {name}"));
    }
    for name in ["ip", "user_agent", "model", "authorization", "upstream_endpoint", "upstream_sk"] {
        let value = if has(name) { format!("CAST(r.{name} AS TEXT)") } else { "NULL".to_owned() };
        fields.push_str(&format!(", {value} AS {name}"));
    }
    for name in ["upstream_id", "status", "elapsed_time", "response_time"] {
        let value = if has(name) { format!("CAST(ifnull(r.{name}, 0) AS INTEGER)") } else { "0".to_owned() };
        fields.push_str(&format!(", {value} AS {name}"));
    }
    Ok(format!(
        "SELECT o.place AS place, o.us AS started_us{fields} FROM takeover_order o JOIN original_records r ON r.rowid = o.old \
         WHERE o.place > ? ORDER BY o.place LIMIT ?"
    ))
}

/// The fields of a body that the record repeats.
#[derive(Deserialize, Default)]
struct Peek {
    model: Option<String>,
    stream: Option<bool>,
}

fn converted(original: Original, pairs: &Pairs) -> NewRecord {
    let body = original.body.map(unquoted).filter(|body| !body.is_empty());
    let response = original.response.filter(|response| !response.is_empty());
    let peek: Peek = body.as_deref().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
    let upstream_id = match (original.upstream_id, &original.upstream_endpoint, &original.upstream_sk) {
        (0, Some(endpoint), Some(sk)) => pairs.id(endpoint, sk),
        (0, _, _) => None,
        (id, _, _) => Some(id),
    };
    let status = status(original.status, response.as_deref());
    let attempts = match original.upstream_endpoint.as_deref().map(without_user).filter(|endpoint| !endpoint.is_empty())
    {
        Some(endpoint) => {
            serde_json::json!([{ "upstream_id": upstream_id, "endpoint": endpoint, "status": status }]).to_string()
        }
        None => "[]".to_owned(),
    };
    // A status of 0: it noted nothing down of the reply, so nobody can say how the request ended.
    let unknown = status == 0;
    let facts = Facts {
        started_us: original.started_us,
        key_last4: last4(original.authorization.as_deref().unwrap_or_default()),
        ip: original.ip.unwrap_or_default(),
        user_agent: original.user_agent.unwrap_or_default(),
        // It forwarded nothing else, and kept no path.
        method: "POST".to_owned(),
        model: original.model.filter(|model| !model.is_empty()).or(peek.model),
        status,
        upstream_id,
        streamed: peek.stream.unwrap_or(false),
        first_byte_us: (original.response_time > 0).then_some(original.response_time / 1000),
        total_us: original.elapsed_time.max(0) / 1000,
        attempts,
        ending: if unknown { Ending::Cut } else { Ending::Complete },
        error: unknown.then(|| "the Go program recorded no reply".to_owned()),
        request_bytes: body.as_ref().map_or(0, |body| size(body)),
        reply_bytes: response.as_ref().map_or(0, |response| size(response)),
        ..Facts::default()
    };
    let body_note = match &body {
        // It emptied bodies that were too long, and no request of its callers had none.
        None => Some("cut".to_owned()),
        Some(body) => was_cut(body).then(|| "cut".to_owned()),
    };
    let response_note = response.is_some().then(|| "assembled".to_owned());
    NewRecord {
        facts,
        texts: Texts { body, body_note, response, response_note, headers: None },
        ..NewRecord::default()
    }
}

/// The body out of the JSON string that some versions made of it; anything else as it is.
fn unquoted(body: Vec<u8>) -> Vec<u8> {
    if !body.trim_ascii_start().starts_with(b"\"") {
        return body;
    }
    serde_json::from_slice::<String>(&body).map(String::into_bytes).unwrap_or(body)
}

fn was_cut(body: &[u8]) -> bool {
    (CUT_AT..=CUT_MOST).contains(&body.len()) && serde_json::from_slice::<IgnoredAny>(body).is_err()
}

/// The status; where none was kept, what the response says: its own words about an error, or else the text of a reply of status 200.
fn status(kept: i64, response: Option<&[u8]>) -> i32 {
    let Some(response) = response.filter(|_| kept == 0) else { return i32::try_from(kept).unwrap_or(0) };
    let text = String::from_utf8_lossy(&response[..response.len().min(100)]);
    match text.split_once("upstream return '") {
        Some((before, after)) if before.len() < 40 => after.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0),
        _ if text.starts_with("failed to read response from upstream") => 0,
        _ => 200,
    }
}

/// The last four characters of a key that is long enough not to be given away by them.
fn last4(authorization: &str) -> String {
    let key = authorization.trim().strip_prefix("Bearer ").unwrap_or(authorization).trim();
    let characters: Vec<char> = key.chars().collect();
    if characters.len() < 8 { String::new() } else { characters[characters.len() - 4..].iter().collect() }
}

/// A URL without user, password and query.
fn without_user(endpoint: &str) -> String {
    let plain = endpoint.split(['?', '#']).next().unwrap_or_default();
    match plain.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, place)| place)),
        None => plain.to_owned(),
    }
}

fn size(bytes: &[u8]) -> i64 {
    i64::try_from(bytes.len()).unwrap_or(i64::MAX)
}
