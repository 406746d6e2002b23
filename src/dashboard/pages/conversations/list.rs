//! The list of conversations with a match, the one with the newest match first.
//!
//! **Invariant:** what nobody counted is a dash, never 0. **May import:** `state`, `db`.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use askama::Template;
use chrono::Utc;

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::conversations::{LIST, name_of, names};
use crate::dashboard::pages::query::ask::{Ask, names_in};
use crate::dashboard::pages::query::empty::{self, Empty, Hints, counted};
use crate::dashboard::pages::query::scope::Scope;
use crate::dashboard::reply::ApiError;
use crate::dashboard::requests::asked::Asked;
use crate::dashboard::shown::{self, Figure, Moment};
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::find::{COUNT_CAP, Cursor, Groups, groups};
use crate::db::records::{Talk, talks};

/// Names shown of each kind; more are counted.
const NAMES: usize = 2;
const TITLE_CHARS: usize = 80;
/// What the box searches for.
const LABEL: Key = Key("ask.label_talks");

#[derive(Template)]
#[template(path = "conversations/list.html")]
struct List<'a> {
    f: &'a Frame,
    ask: Ask,
    rows: Vec<Row>,
    count: String,
    newer: Option<String>,
    older: Option<String>,
    /// The search took too long.
    is_partial: bool,
    empty: Option<Empty>,
}

/// What the database knows of it.
#[derive(Default)]
struct Seen {
    found: Groups,
    talks: Vec<Talk>,
    names: HashMap<i64, String>,
    offers: Vec<String>,
    hints: Option<Hints>,
}

pub(super) struct Row {
    id: i64,
    link: String,
    pub(super) title: String,
    pub(super) turns: String,
    pub(super) errors: i64,
    pub(super) models: String,
    pub(super) keys: String,
    pub(super) upstreams: String,
    pub(super) tokens: Figure,
    pub(super) cost: String,
    last: Moment,
    pub(super) linked: Vec<(Key, Key)>,
}

/// `GET /admin/conversations?q=&range=&from=&to=&before=&after=&limit=`.
pub(super) async fn show(visit: Visit) -> Page {
    let form = visit.query();
    let scope = Scope::read(visit.parameters()).dated(&visit.frame);
    let cursor = ["before", "after"].map(|name| (name, form.text(name)));
    let timed = scope.clone().timed().with(&cursor);
    let asked = match Asked::read(timed.trim_start_matches('?'), &[], &visit.frame.zone, Utc::now()) {
        Ok(asked) => asked,
        Err(error) => return wrong(&visit, &scope, error),
    };
    let to_us = asked.search.to_us.unwrap_or(visit.frame.now_us);
    let from_us = asked.search.from_us.unwrap_or(to_us);
    let (search, cursor, limit) = (asked.search, asked.cursor, asked.limit);
    let seen = visit
        .database(move |connection| {
            let found = groups(connection, &search, cursor, limit)?;
            let ids: Vec<i64> = found.groups.iter().map(|group| group.conversation_id).collect();
            let is_empty = ids.is_empty() && cursor == Cursor::Newest;
            Ok(Seen {
                talks: talks(connection, &ids)?,
                names: names(connection)?,
                offers: names_in(connection, &search)?,
                hints: if is_empty { Some(empty::look(connection, &search)?) } else { None },
                found,
            })
        })
        .await?;
    let mut ask = Ask::of(&visit.frame, &scope, LIST, LABEL).between(&visit.frame, &scope, from_us, to_us);
    ask.offers.extend(seen.offers.iter().cloned());
    visit.page(&list(&visit, &scope, &seen, ask))
}

/// A query that is wrong stays in its box, with what is wrong below it.
fn wrong(visit: &Visit, scope: &Scope, error: ApiError) -> Page {
    let Some(wrong) = error.wrong_query() else { return Err(error) };
    let ask = Ask::of(&visit.frame, scope, LIST, LABEL).wrong(&visit.frame, scope, wrong);
    visit.page_as(StatusCode::BAD_REQUEST, &list(visit, scope, &Seen::default(), ask))
}

fn list<'a>(visit: &'a Visit, scope: &Scope, seen: &Seen, ask: Ask) -> List<'a> {
    let (f, found) = (&visit.frame, &seen.found);
    let at = |name: &'static str, id: i64| scope.with(&[(name, &id.to_string())]);
    let is_partial = found.count_capped && found.count < COUNT_CAP;
    List {
        rows: seen.talks.iter().map(|talk| row(f, talk, &seen.names, scope.get("q"))).collect(),
        count: format!("{}{}", counted(found.count), if is_partial { "+" } else { "" }),
        newer: found.groups.first().filter(|_| found.has_newer).map(|group| at("after", group.newest_id)),
        older: found.groups.last().filter(|_| found.has_older).map(|group| at("before", group.newest_id)),
        is_partial,
        empty: seen.hints.as_ref().map(|hints| Empty::of(visit, scope, &ask, hints)),
        ask,
        f,
    }
}

pub(super) fn row(f: &Frame, talk: &Talk, names: &HashMap<i64, String>, query: &str) -> Row {
    let few = |names: Vec<String>| match names.len() {
        0 => "—".to_owned(),
        count if count <= NAMES => names.join(", "),
        count => f.tf("models.and_more", &[&names[..NAMES].join(", "), &(count - NAMES)]),
    };
    let title = talk.title.as_deref().map(|title| title.chars().take(TITLE_CHARS).collect::<String>());
    let id = talk.id;
    Row {
        id,
        link: format!("{LIST}/{id}{}", Scope::default().with(&[("q", query), ("tz", &f.tz)])),
        title: title.filter(|title| !title.is_empty()).unwrap_or_else(|| f.tf("talks.untitled", &[&id])),
        turns: shown::exact(talk.records),
        errors: talk.errors,
        models: few(talk.models.clone()),
        keys: few(talk.keys.clone()),
        upstreams: few(talk.upstreams.iter().map(|id| name_of(names, *id)).collect()),
        tokens: Figure::of_tokens(talk.tokens_in, talk.tokens_out),
        cost: talk.cost_nano.map_or_else(|| "—".to_owned(), shown::money),
        last: f.time(&talk.last_us),
        linked: talk.linked_by.iter().filter_map(|word| linked(word)).collect(),
    }
}

/// By what records were linked: the word, and what it means.
fn linked(word: &str) -> Option<(Key, Key)> {
    Some(match word {
        "session" => (Key("talks.by_session"), Key("talks.by_session.hint")),
        "response" => (Key("talks.by_response"), Key("talks.by_response.hint")),
        "messages" => (Key("talks.by_messages"), Key("talks.by_messages.hint")),
        "repeat" => (Key("talks.by_repeat"), Key("talks.by_repeat.hint")),
        _ => return None,
    })
}
