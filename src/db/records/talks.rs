//! Conversations: what is known of several records together. Start at [`talks`].
//!
//! **Invariant:** sums of what nobody knows are `None`, never 0. **May import:** `error`, `openai`, diesel.

use std::collections::HashMap;

use diesel::prelude::{QueryableByName, RunQueryDsl};
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::db::Connection;
use crate::db::records::signs::IS_ERROR;
use crate::db::records::{Row, fresh, rows};
use crate::error::Error;
use crate::openai::dialogue::results;
use crate::openai::dialogue::texts::preview;

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Talk {
    /// The id of its first record, also when that is gone.
    pub id: i64,
    /// The beginning of the user's first words; `None` when they are not recorded.
    pub title: Option<String>,
    /// How many records.
    pub records: i64,
    /// How many of them failed.
    pub errors: i64,
    /// When its first and its last request came in, µs since 1970.
    pub first_us: i64,
    /// See `first_us`.
    pub last_us: i64,
    /// Tokens of requests and replies, as far as they are known.
    pub tokens_in: Option<i64>,
    /// See `tokens_in`.
    pub tokens_out: Option<i64>,
    /// Nano-dollars, as far as they are known.
    pub cost_nano: Option<i64>,
    /// Models asked for.
    pub models: Vec<String>,
    /// Client keys; there is never more than one name.
    pub keys: Vec<String>,
    /// Upstreams' ids.
    pub upstreams: Vec<i64>,
    /// By what its records were linked: `session`, `response`, `messages`, `repeat`.
    pub linked_by: Vec<String>,
}

#[derive(QueryableByName)]
struct Sums {
    #[diesel(sql_type = BigInt)]
    conversation_id: i64,
    #[diesel(sql_type = BigInt)]
    first_id: i64,
    #[diesel(sql_type = BigInt)]
    records: i64,
    #[diesel(sql_type = BigInt)]
    errors: i64,
    #[diesel(sql_type = BigInt)]
    first_us: i64,
    #[diesel(sql_type = BigInt)]
    last_us: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    tokens_in: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    tokens_out: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    cost_nano: Option<i64>,
}

#[derive(QueryableByName)]
struct Names {
    #[diesel(sql_type = BigInt)]
    conversation_id: i64,
    #[diesel(sql_type = Nullable<Text>)]
    model: Option<String>,
    #[diesel(sql_type = Text)]
    key_name: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    upstream_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    linked_by: Option<String>,
}

/// These conversations, in this order; those that are gone are not there.
///
/// # Errors
/// The database's.
pub fn talks(conn: &mut Connection, ids: &[i64]) -> Result<Vec<Talk>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    // Numbers of our own: nothing of them needs quoting.
    let list = ids.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    let sums: Vec<Sums> = diesel::sql_query(format!(
        "SELECT conversation_id, min(id) AS first_id, count(*) AS records, \
         CAST(sum(CASE WHEN {IS_ERROR} THEN 1 ELSE 0 END) AS BIGINT) AS errors, \
         min(started_us) AS first_us, max(started_us) AS last_us, CAST(sum(tokens_in) AS BIGINT) AS tokens_in, \
         CAST(sum(tokens_out) AS BIGINT) AS tokens_out, CAST(sum(cost_nano) AS BIGINT) AS cost_nano \
         FROM records WHERE conversation_id IN ({list}) GROUP BY conversation_id"
    ))
    .load(conn)?;
    let names: Vec<Names> = diesel::sql_query(format!(
        "SELECT DISTINCT conversation_id, model, key_name, upstream_id, linked_by FROM records \
         WHERE conversation_id IN ({list}) ORDER BY conversation_id, model, key_name, upstream_id, linked_by"
    ))
    .load(conn)?;
    let mut titles = titles(conn, &sums.iter().map(|sums| sums.first_id).collect::<Vec<_>>())?;
    let mut talks: Vec<Talk> = sums
        .into_iter()
        .map(|sums| Talk {
            id: sums.conversation_id,
            title: titles.remove(&sums.first_id),
            records: sums.records,
            errors: sums.errors,
            first_us: sums.first_us,
            last_us: sums.last_us,
            tokens_in: sums.tokens_in,
            tokens_out: sums.tokens_out,
            cost_nano: sums.cost_nano,
            models: Vec::new(),
            keys: Vec::new(),
            upstreams: Vec::new(),
            linked_by: Vec::new(),
        })
        .collect();
    for names in names {
        let Some(talk) = talks.iter_mut().find(|talk| talk.id == names.conversation_id) else { continue };
        add(&mut talk.models, names.model);
        add(&mut talk.keys, Some(names.key_name).filter(|name| !name.is_empty()));
        add(&mut talk.upstreams, names.upstream_id);
        add(&mut talk.linked_by, names.linked_by);
    }
    talks.sort_by_key(|talk| ids.iter().position(|id| *id == talk.id));
    Ok(talks)
}

fn add<T: PartialEq>(all: &mut Vec<T>, one: Option<T>) {
    if let Some(one) = one.filter(|one| !all.contains(one)) {
        all.push(one);
    }
}

/// The user's words of each record, in one line; of a record that continues others the new ones, or what tools gave.
///
/// # Errors
/// The database's.
pub fn titles(conn: &mut Connection, ids: &[i64]) -> Result<HashMap<i64, String>, Error> {
    let mut said = fresh(conn, ids)?;
    let title = |row: &Row| {
        let body = said.remove(&row.id)?.as_whole(&row.facts.path)?;
        let path = &row.facts.path;
        let words = preview(path, &body, None).or_else(|| results(path, &body).map(|told| format!("→ {told}")));
        Some((row.id, words?))
    };
    Ok(rows(conn, ids)?.iter().filter_map(title).collect())
}
