//! Rows of records, read again. Start at [`rows`].
//!
//! **Invariant:** no list reads a body. **May import:** `error`, diesel.

use std::collections::VecDeque;
use std::ops::Range;

use diesel::prelude::{OptionalExtension, QueryableByName, RunQueryDsl};
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::db::Connection;
use crate::db::records::tries::long;
use crate::db::records::{Facts, Placed, Signs, Texts, texts};
use crate::db::speak::RECORDS;
use crate::error::Error;

/// A record's row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Grows with every record of this database.
    pub id: i64,
    /// What is known.
    pub facts: Facts,
    /// Where it stands among others.
    pub placed: Placed,
    /// What its texts show.
    pub signs: Signs,
    /// The record whose request was sent again from the dashboard.
    pub replay_of: Option<i64>,
}

/// A record with all that was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its row.
    pub row: Row,
    /// What was said.
    pub texts: Texts,
}

#[derive(QueryableByName)]
struct Loaded {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(embed)]
    facts: Facts,
    #[diesel(sql_type = Nullable<BigInt>)]
    conversation_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    linked_by: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    known_messages: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    finish: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    tools: Option<String>,
    #[diesel(sql_type = BigInt)]
    marks: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    replay_of: Option<i64>,
}

impl From<Loaded> for Row {
    fn from(loaded: Loaded) -> Row {
        let Loaded { id, mut facts, conversation_id, linked_by, known_messages, finish, tools, marks, replay_of } =
            loaded;
        facts.attempts = long(&facts.attempts).into_owned();
        let placed = Placed { conversation_id, linked_by, known_messages };
        Row { id, facts, placed, signs: Signs { finish, tools, marks }, replay_of }
    }
}

fn load(conn: &mut Connection, rest: &str, binds: [i64; 2]) -> Result<Vec<Row>, Error> {
    let query = diesel::sql_query(format!("SELECT {RECORDS} FROM records {rest}"));
    let rows: Vec<Loaded> = query.bind::<BigInt, _>(binds[0]).bind::<BigInt, _>(binds[1]).load(conn)?;
    Ok(rows.into_iter().map(Row::from).collect())
}

/// The rows with these ids, in this order; those that are gone are not there.
///
/// # Errors
/// The database's.
pub fn rows(conn: &mut Connection, ids: &[i64]) -> Result<Vec<Row>, Error> {
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(200) {
        // Numbers of our own: nothing of them needs quoting.
        let list = ids.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
        let list = if list.is_empty() { "NULL".to_owned() } else { list };
        let mut rows = load(conn, &format!("WHERE id IN ({list}) AND id BETWEEN $1 AND $2"), [i64::MIN, i64::MAX])?;
        let place = |row: &Row| ids.iter().position(|id| *id == row.id);
        rows.sort_by_key(place);
        found.append(&mut rows);
    }
    Ok(found)
}

/// Up to `limit` rows whose id is above `after`, the oldest first.
///
/// # Errors
/// The database's.
pub fn rows_after(conn: &mut Connection, after: i64, limit: i64) -> Result<Vec<Row>, Error> {
    load(conn, "WHERE id > $1 ORDER BY id LIMIT $2", [after, limit])
}

#[derive(QueryableByName)]
struct Numbered {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// Up to `limit` of the ids in this range that there are, the least first if `upwards`, else the greatest.
///
/// # Errors
/// The database's.
pub fn ids_within(conn: &mut Connection, range: &Range<i64>, upwards: bool, limit: usize) -> Result<Vec<i64>, Error> {
    let order = if upwards { "" } else { "DESC" };
    let query = format!("SELECT id FROM records WHERE id >= $1 AND id < $2 ORDER BY id {order} LIMIT $3");
    let query = diesel::sql_query(query).bind::<BigInt, _>(range.start).bind::<BigInt, _>(range.end);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found: Vec<Numbered> = query.bind::<BigInt, _>(limit).load(conn)?;
    Ok(found.into_iter().map(|one| one.id).collect())
}

/// Up to `limit` rows, newest first: those with an id below `before`, or the newest of all.
///
/// # Errors
/// The database's.
pub fn rows_before(conn: &mut Connection, before: Option<i64>, limit: i64) -> Result<Vec<Row>, Error> {
    load(conn, "WHERE id < $1 ORDER BY id DESC LIMIT $2", [before.unwrap_or(i64::MAX), limit])
}

/// The next of these rows with what was said, as many as hold `most_bytes` together, at least one: whoever reads many of them
/// cannot know how large they are.
///
/// # Errors
/// The database's; then none of them is taken.
pub fn take_whole(conn: &mut Connection, waiting: &mut VecDeque<Row>, most_bytes: i64) -> Result<Vec<Record>, Error> {
    let mut bytes = 0i64;
    let fits = |row: &&Row| {
        bytes = bytes.saturating_add(row.facts.request_bytes).saturating_add(row.facts.reply_bytes);
        bytes <= most_bytes
    };
    let count = waiting.iter().take_while(fits).count().max(1).min(waiting.len());
    let ids: Vec<i64> = waiting.iter().take(count).map(|row| row.id).collect();
    let mut all = texts(conn, &ids)?;
    let record = |row: Row| Record { texts: all.remove(&row.id).unwrap_or_default(), row };
    Ok(waiting.drain(..count).map(record).collect())
}

/// One record with all that was said; `None` when there is no such record.
///
/// # Errors
/// The database's.
pub fn record(conn: &mut Connection, id: i64) -> Result<Option<Record>, Error> {
    let mut row = rows(conn, &[id])?.into();
    Ok(take_whole(conn, &mut row, 0)?.pop())
}

/// The rows of a conversation, the oldest first.
///
/// # Errors
/// The database's.
pub fn of_conversation(conn: &mut Connection, conversation_id: i64, limit: i64) -> Result<Vec<Row>, Error> {
    load(conn, "WHERE conversation_id = $1 ORDER BY id LIMIT $2", [conversation_id, limit])
}

/// Up to `limit` rows of requests that were sent again as `id` was, the oldest first.
///
/// # Errors
/// The database's.
pub fn replays_of(conn: &mut Connection, id: i64, limit: i64) -> Result<Vec<Row>, Error> {
    load(conn, "WHERE replay_of = $1 ORDER BY id LIMIT $2", [id, limit])
}

#[derive(QueryableByName)]
struct Newest {
    #[diesel(sql_type = Nullable<BigInt>)]
    id: Option<i64>,
}

/// The newest record's id; 0 when there is none.
///
/// # Errors
/// The database's.
pub fn newest_id(conn: &mut Connection) -> Result<i64, Error> {
    let newest: Newest = diesel::sql_query("SELECT max(id) AS id FROM records").get_result(conn)?;
    Ok(newest.id.unwrap_or(0))
}

#[derive(QueryableByName)]
struct First {
    #[diesel(sql_type = Nullable<BigInt>)]
    us: Option<i64>,
}

/// When the first of the records there are came in, µs since 1970.
///
/// # Errors
/// The database's.
pub fn first_us(conn: &mut Connection) -> Result<Option<i64>, Error> {
    let query = "SELECT started_us AS us FROM records WHERE id = (SELECT min(id) FROM records)";
    let first: Option<First> = diesel::sql_query(query).get_result(conn).optional()?;
    Ok(first.and_then(|first| first.us))
}

#[derive(QueryableByName)]
struct Made {
    #[diesel(sql_type = Text)]
    resource_id: String,
    #[diesel(sql_type = BigInt)]
    upstream_id: i64,
}

/// The newest things made at an upstream: (resource id, upstream id), newest first.
///
/// # Errors
/// The database's.
pub fn resources(conn: &mut Connection, limit: i64) -> Result<Vec<(String, i64)>, Error> {
    let rows: Vec<Made> = diesel::sql_query(
        "SELECT resource_id, upstream_id FROM records WHERE resource_id IS NOT NULL AND upstream_id IS NOT NULL \
         ORDER BY id DESC LIMIT $1",
    )
    .bind::<BigInt, _>(limit)
    .load(conn)?;
    Ok(rows.into_iter().map(|made| (made.resource_id, made.upstream_id)).collect())
}
