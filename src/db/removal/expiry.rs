//! Which records have had their time. Start at [`expired`].
//!
//! **Invariant:** a conversation goes as a whole, when its newest record has had its time: what stays can always be read.
//! **May import:** `error`, diesel.

use diesel::prelude::{QueryableByName, RunQueryDsl};
use diesel::sql_types::{BigInt, Nullable};

use crate::db::Connection;
use crate::db::records::Marks;
use crate::db::removal::Depth;
use crate::error::Error;

/// Records looked at in one go.
const STEP: i64 = 500;
/// The same when room is short: its size is looked at in between.
const MOST_OLDEST: f64 = 64.0;

#[derive(QueryableByName)]
struct Old {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    conversation_id: Option<i64>,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = Nullable<BigInt>)]
    number: Option<i64>,
}

/// What may go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expired {
    /// Conversations, and records that belong to none, as the ids of their records.
    pub groups: Vec<Vec<i64>>,
    /// Up to which record was looked; `None` at the end.
    pub looked_to: Option<i64>,
}

/// Looks on after the record `after` for what came in before `before_us`.
///
/// # Errors
/// The database's.
pub fn expired(conn: &mut Connection, before_us: i64, depth: Depth, after: i64) -> Result<Expired, Error> {
    let wanted = if depth == Depth::Bodies { Marks::Body as i64 } else { 0 };
    let old: Vec<Old> = diesel::sql_query(
        "SELECT id, conversation_id FROM records WHERE id > $1 AND started_us < $2 AND (marks & $3) = $3 ORDER BY id LIMIT $4",
    )
    .bind::<BigInt, _>(after)
    .bind::<BigInt, _>(before_us)
    .bind::<BigInt, _>(wanted)
    .bind::<BigInt, _>(STEP)
    .load(conn)?;
    let looked_to = old.last().map(|old| old.id).filter(|_| old.len() as i64 == STEP);
    let mut conversations: Vec<i64> = old.iter().filter_map(|old| old.conversation_id).collect();
    conversations.sort_unstable();
    conversations.dedup();
    let mut groups: Vec<Vec<i64>> =
        old.iter().filter(|old| old.conversation_id.is_none()).map(|old| vec![old.id]).collect();
    for conversation in conversations {
        if newest(conn, conversation)?.is_some_and(|newest| newest < before_us) {
            groups.push(of(conn, conversation)?);
        }
    }
    Ok(Expired { groups, looked_to })
}

/// The conversations of the oldest records, as the ids of theirs: the first to go when room is short by that part of it. Half as
/// many as that part is of all records, since others may be larger.
///
/// # Errors
/// The database's.
pub fn oldest(conn: &mut Connection, part: f64) -> Result<Vec<Vec<i64>>, Error> {
    // Each of both is a look at one end of the table; asked for together SQLite would read all of it.
    let span = "SELECT (SELECT max(id) FROM records) - (SELECT min(id) FROM records) + 1 AS number";
    let records = diesel::sql_query(span).get_result::<Number>(conn)?.number.unwrap_or(0);
    let most = (records as f64 * part / 2.0).clamp(1.0, MOST_OLDEST) as i64;
    let old: Vec<Old> = diesel::sql_query("SELECT id, conversation_id FROM records ORDER BY id LIMIT $1")
        .bind::<BigInt, _>(most)
        .load(conn)?;
    let mut groups: Vec<Vec<i64>> = Vec::new();
    for Old { id, conversation_id } in old {
        if !groups.iter().flatten().any(|known| *known == id) {
            groups.push(conversation_id.map_or(Ok(vec![id]), |conversation| of(conn, conversation))?);
        }
    }
    Ok(groups)
}

/// Bytes that the database takes, what is free in it not counted.
///
/// # Errors
/// The database's.
pub fn size(conn: &mut Connection) -> Result<i64, Error> {
    let query = match conn {
        Connection::Sqlite(_) => {
            "SELECT (p.page_count - f.freelist_count) * s.page_size AS number \
             FROM pragma_page_count AS p, pragma_freelist_count AS f, pragma_page_size AS s"
        }
        // Files stay as long as they are when rows go, until new ones fill them: what rows hold is counted. The length of what
        // lies outside of its row is known without reading it; everything else of a record takes half a KiB.
        Connection::Postgres(_) => {
            "SELECT ((SELECT coalesce(sum(octet_length(data)), 0) FROM packs) \
             + (SELECT coalesce(sum(octet_length(data)), 0) FROM segment_parts) \
             + 512 * (SELECT count(*) FROM records))::bigint AS number"
        }
    };
    Ok(diesel::sql_query(query).get_result::<Number>(conn)?.number.unwrap_or(0))
}

fn newest(conn: &mut Connection, conversation: i64) -> Result<Option<i64>, Error> {
    let newest = diesel::sql_query("SELECT max(started_us) AS number FROM records WHERE conversation_id = $1");
    Ok(newest.bind::<BigInt, _>(conversation).get_result::<Number>(conn)?.number)
}

/// The ids of a conversation's records, the oldest first.
pub(super) fn of(conn: &mut Connection, conversation: i64) -> Result<Vec<i64>, Error> {
    let ids: Vec<Number> = diesel::sql_query("SELECT id AS number FROM records WHERE conversation_id = $1 ORDER BY id")
        .bind::<BigInt, _>(conversation)
        .load(conn)?;
    Ok(ids.into_iter().filter_map(|id| id.number).collect())
}
