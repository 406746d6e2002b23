//! Conversations: a page of those with a match, one turn by turn, removing one.
//!
//! **Invariant:** a conversation is shown as its records are, each with what it said anew. **May import:** `state`, `db`, `search`.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};

use crate::dashboard::reply::{ApiError, json as reply, with_database};
use crate::dashboard::requests::asked::Asked;
use crate::dashboard::requests::one::gone;
use crate::dashboard::session::Admin;
use crate::db::find::{Cursor, Search, groups, ids};
use crate::db::records::{Row, Talk, fresh, of_conversation, talks};
use crate::db::removal::{Depth, remove_conversation};
use crate::error::Error;
use crate::export::shown;
use crate::search::{Clause, NumberField, NumberRange, What};
use crate::state::State;

/// How long it may take to find the turns of one conversation that match.
const PATIENCE: Duration = Duration::from_secs(60);
/// Turns of one conversation, at most.
const MOST_TURNS: i64 = 10_000;

/// `GET /admin/conversations?q=&range=&from=&to=&before=&after=&limit=`.
pub(in crate::dashboard) async fn list(
    _admin: Admin,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::of(&request, &state, &[])?;
    let (search, cursor, limit) = (asked.search, asked.cursor, asked.limit);
    let (found, talks) = with_database(&state.database, move |connection| {
        let found = groups(connection, &search, cursor, limit)?;
        let ids: Vec<i64> = found.groups.iter().map(|group| group.conversation_id).collect();
        Ok((found, talks(connection, &ids)?))
    })
    .await?;
    reply(
        StatusCode::OK,
        &json!({
            "conversations": talks.iter().map(talk).collect::<Vec<_>>(),
            "count": found.count,
            "count_capped": found.count_capped,
            "next": found.groups.last().map(|group| group.newest_id).filter(|_| found.has_older),
            "newer": found.groups.first().map(|group| group.newest_id).filter(|_| found.has_newer),
        }),
    )
}

fn talk(talk: &Talk) -> Value {
    let time = |us| DateTime::from_timestamp_micros(us).map(|time| time.to_rfc3339_opts(SecondsFormat::Micros, true));
    json!({
        "id": talk.id,
        "title": talk.title,
        "requests": talk.records,
        "errors": talk.errors,
        "first_at": time(talk.first_us),
        "last_at": time(talk.last_us),
        "tokens_in": talk.tokens_in,
        "tokens_out": talk.tokens_out,
        "cost": talk.cost_nano.map(shown::dollars),
        "models": talk.models,
        "keys": talk.keys,
        "upstreams": talk.upstreams,
        "linked_by": talk.linked_by,
    })
}

/// `GET /admin/conversations/{id}?q=&range=&from=&to=&before=&after=&limit=`: its turns that match, the oldest first.
pub(in crate::dashboard) async fn show(
    _admin: Admin,
    id: Path<i64>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let id = *id;
    let asked = Asked::of(&request, &state, &[])?;
    let (search, cursor, limit) = (asked.search, asked.cursor, asked.limit);
    let (talk, turns, count, more) = with_database(&state.database, move |connection| {
        let talk = talks(connection, &[id])?.pop().ok_or(Error::NotFound)?;
        let mut rows = of_conversation(connection, id, MOST_TURNS)?;
        if let Some(search) = narrower(search, id) {
            let found: HashSet<i64> = ids(connection, &search, Cursor::Newest, rows.len())?.into_iter().collect();
            rows.retain(|row| found.contains(&row.id));
        }
        let count = rows.len();
        match cursor {
            Cursor::Newest => {}
            Cursor::After(after) => rows.retain(|row| row.id > after),
            Cursor::Before(before) => {
                rows.retain(|row| row.id < before);
                rows.drain(..rows.len().saturating_sub(limit));
            }
        }
        let more = rows.len() > limit;
        rows.truncate(limit);
        let mut said = fresh(connection, &rows.iter().map(|row| row.id).collect::<Vec<_>>())?;
        let turn = |row: Row| (said.remove(&row.id).unwrap_or_default(), row);
        Ok((talk, rows.into_iter().map(turn).collect::<Vec<_>>(), count, more))
    })
    .await?;
    let next = turns.last().map(|(_, row)| row.id).filter(|_| more);
    let turns: Vec<Value> = turns
        .into_iter()
        .map(|(said, row)| {
            let mut value = shown::row(&row);
            if let Value::Object(members) = &mut value {
                let response = shown::text(said.response.as_deref());
                let new = said.as_whole(&row.facts.path);
                members.insert("new_messages".to_owned(), shown::text(new.as_deref()).into());
                members.insert("response".to_owned(), response.into());
            }
            value
        })
        .collect();
    reply(
        StatusCode::OK,
        &json!({ "conversation": self::talk(&talk), "requests": turns, "count": count, "next": next }),
    )
}

/// The search within one conversation; `None` when it is for all of its turns.
pub(in crate::dashboard) fn narrower(mut search: Search, conversation_id: i64) -> Option<Search> {
    if search.query.clauses.is_empty() && search.from_us.is_none() && search.to_us.is_none() {
        return None;
    }
    // Nobody is told how far it came, and it cannot be far.
    search.deadline = Instant::now() + PATIENCE;
    let only = NumberRange { low: Some(conversation_id), high: Some(conversation_id) };
    search.query.clauses.insert(0, Clause::new(What::Number { field: NumberField::Conv, ranges: vec![only] }));
    Some(search)
}

/// `DELETE /admin/conversations/{id}`: answered when its text is gone from the index as well.
pub(in crate::dashboard) async fn remove(
    _admin: Admin,
    id: Path<i64>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let id = *id;
    let removed =
        with_database(&state.database, move |connection| remove_conversation(connection, id, Depth::Record)).await?;
    gone(&state, removed).await
}
