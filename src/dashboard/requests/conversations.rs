//! Conversations: a page of those with a match, one turn by turn, removing one.
//!
//! **Invariant:** a conversation is shown as its records are, each with what it said anew. **May import:** `state`, `db`.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::dashboard::reply::{ApiError, json as reply, with_database};
use crate::dashboard::requests::asked::Asked;
use crate::dashboard::requests::one::gone;
use crate::dashboard::session::Admin;
use crate::db::find::{COUNT_CAP, Cursor, groups};
use crate::db::records::{Row, Talk, fresh, of_conversation, talks};
use crate::db::removal::{Depth, remove_conversation};
use crate::error::Error;
use crate::export::shown;
use crate::state::State;

/// Turns of one conversation, at most.
const MOST_TURNS: i64 = 10_000;

/// `GET /admin/conversations?q=&range=&from=&to=&before=&limit=`.
pub(in crate::dashboard) async fn list(
    _admin: Admin,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::read(request.query_string(), &[], Utc::now())?;
    let before = match asked.cursor {
        Cursor::Newest => None,
        Cursor::Before(id) => Some(id),
        Cursor::After(_) => return Err(ApiError::field("after", "is not for conversations; use before")),
    };
    let (search, limit) = (asked.search, asked.limit);
    let (groups, talks, count, more) = with_database(&state.database, move |connection| {
        let (groups, count, more) = groups(connection, &search, before, limit)?;
        let ids: Vec<i64> = groups.iter().map(|group| group.conversation_id).collect();
        Ok((groups, talks(connection, &ids)?, count, more))
    })
    .await?;
    reply(
        StatusCode::OK,
        &json!({
            "conversations": talks.iter().map(talk).collect::<Vec<_>>(),
            "count": count,
            "count_capped": count >= COUNT_CAP,
            "next": groups.last().map(|group| group.newest_id).filter(|_| more),
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

/// `GET /admin/conversations/{id}?before=&after=&limit=`: its turns, the oldest first.
pub(in crate::dashboard) async fn show(
    _admin: Admin,
    id: Path<i64>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let id = *id;
    let asked = Asked::read(request.query_string(), &[], Utc::now())?;
    let (cursor, limit) = (asked.cursor, asked.limit);
    let (talk, turns, count) = with_database(&state.database, move |connection| {
        let talk = talks(connection, &[id])?.pop().ok_or(Error::NotFound)?;
        let mut rows = of_conversation(connection, id, MOST_TURNS)?;
        let count = rows.len();
        match cursor {
            Cursor::Newest => rows.truncate(limit),
            Cursor::After(after) => {
                rows.retain(|row| row.id > after);
                rows.truncate(limit);
            }
            Cursor::Before(before) => {
                rows.retain(|row| row.id < before);
                rows.drain(..rows.len().saturating_sub(limit));
            }
        }
        let mut said = fresh(connection, &rows.iter().map(|row| row.id).collect::<Vec<_>>())?;
        let turn = |row: Row| (said.remove(&row.id).unwrap_or_default(), row);
        Ok((talk, rows.into_iter().map(turn).collect::<Vec<_>>(), count))
    })
    .await?;
    let last = turns.last().map(|(_, row)| row.id);
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
    let next = last.filter(|_| turns.len() < count && !matches!(cursor, Cursor::Before(_)));
    reply(
        StatusCode::OK,
        &json!({ "conversation": self::talk(&talk), "requests": turns, "count": count, "next": next }),
    )
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
