//! The list of conversations with a match, the one with the newest match first.
//!
//! **Invariant:** what nobody counted is a dash, never 0. **May import:** `state`, `db`.

use std::collections::HashMap;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use askama::Template;

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::conversations::{LIST, name_of, names};
use crate::dashboard::pages::query::Ask;
use crate::dashboard::shown::{self, Moment};
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::find::{COUNT_CAP, Cursor, groups};
use crate::db::records::{Talk, newest_id, talks};

/// Names shown of each kind; more are counted.
const NAMES: usize = 2;
const TITLE_CHARS: usize = 80;

#[derive(Template)]
#[template(path = "conversations/list.html")]
struct List<'a> {
    f: &'a Frame,
    ask: Ask,
    rows: Vec<Row>,
    count: String,
    older: Option<String>,
    newest: Option<String>,
    /// Nothing was ever recorded.
    is_new: bool,
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
    pub(super) tokens: String,
    pub(super) cost: String,
    last: Moment,
    linked: Vec<(Key, Key)>,
}

/// `GET /admin/conversations?q=&range=&from=&to=&before=&limit=`.
pub(super) async fn show(visit: Visit, request: HttpRequest) -> Page {
    let (ask, asked) = Ask::read(request.query_string(), &[], "24h")?;
    let f = &visit.frame;
    let Some(asked) = asked else {
        let list = List { f, ask, rows: Vec::new(), count: String::new(), older: None, newest: None, is_new: false };
        return visit.page_as(StatusCode::BAD_REQUEST, &list);
    };
    let (search, cursor, limit) = (asked.search, asked.cursor, asked.limit);
    let (found, talks, names, newest) = visit
        .database(move |connection| {
            let found = groups(connection, &search, cursor, limit)?;
            let ids: Vec<i64> = found.groups.iter().map(|group| group.conversation_id).collect();
            Ok((found, talks(connection, &ids)?, names(connection)?, newest_id(connection)?))
        })
        .await?;
    let text = ask.text.clone();
    let page = |before: i64| ask.link(LIST, &text, &format!("&before={before}"));
    visit.page(&List {
        f,
        rows: talks.iter().map(|talk| row(f, talk, &names, &text)).collect(),
        count: if found.count >= COUNT_CAP { "10,000+".to_owned() } else { shown::exact(i64::from(found.count)) },
        older: found.groups.last().filter(|_| found.has_older).map(|group| page(group.newest_id)),
        newest: (cursor != Cursor::Newest).then(|| ask.link(LIST, &text, "")),
        is_new: newest == 0,
        ask,
    })
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
        link: if query.is_empty() {
            format!("{LIST}/{id}")
        } else {
            format!("{LIST}/{id}?q={}", crate::dashboard::dress::escaped(query))
        },
        title: title.filter(|title| !title.is_empty()).unwrap_or_else(|| f.tf("talks.untitled", &[&id])),
        turns: shown::exact(talk.records),
        errors: talk.errors,
        models: few(talk.models.clone()),
        keys: few(talk.keys.clone()),
        upstreams: few(talk.upstreams.iter().map(|id| name_of(names, *id)).collect()),
        tokens: shown::tokens(talk.tokens_in, talk.tokens_out),
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
