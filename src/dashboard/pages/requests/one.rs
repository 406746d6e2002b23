//! One request: what was said, how it went, as JSON, byte for byte, its headers.
//!
//! **Invariant:** never an empty page: what is not recorded is told, what is not understood is shown as JSON.
//! **May import:** `state`, `db`, `search`.

use actix_web::http::StatusCode;
use actix_web::web::Path;
use askama::Template;
use chrono::Utc;

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::query::scope::Scope;
use crate::dashboard::pages::requests::block::{Body, More};
use crate::dashboard::pages::requests::card::Card;
use crate::dashboard::pages::requests::chat::Talk;
use crate::dashboard::pages::requests::diff::previous;
use crate::dashboard::pages::requests::fall::{Attempt, Kind, attempts};
use crate::dashboard::pages::requests::figures::{Fact, ended, known};
use crate::dashboard::pages::requests::find::Finder;
use crate::dashboard::pages::requests::replay::refused;
use crate::dashboard::pages::requests::sides::{Side, sides};
use crate::dashboard::pages::requests::stream::{Table, is_there, table};
use crate::dashboard::pages::requests::table::badge;
use crate::dashboard::pages::requests::tree::Node;
use crate::dashboard::pages::requests::{names, search_of};
use crate::dashboard::reply::ApiError;
use crate::dashboard::requests::asked::Asked;
use crate::dashboard::shown::{self, Moment};
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::find::{Cursor, ids};
use crate::db::records::{Ending, Marks, Record, first_us, header_pairs, record, replays_of, rows};
use crate::error::Error;

/// Replays that are named.
const REPLAYS: i64 = 20;

/// The one that not every request has, and all, in the order of their tabs.
const STREAM: &str = "stream";
const VIEWS: [(&str, Key); 6] = [
    ("chat", Key("view.chat")),
    ("plain", Key("view.plain")),
    ("json", Key("view.json")),
    ("raw", Key("view.raw")),
    ("headers", Key("view.headers")),
    (STREAM, Key("view.stream")),
];

#[derive(Template)]
#[template(path = "requests/one.html")]
struct One<'a> {
    f: &'a Frame,
    id: i64,
    time: Moment,
    model: String,
    status: i32,
    class: &'static str,
    badges: Vec<Key>,
    /// The request that it repeats, and whether that is there.
    replay_of: Option<(i64, bool)>,
    /// The requests that repeat it.
    replays: Vec<i64>,
    error: Option<&'a str>,
    /// The query of the list it came from.
    back: String,
    newer: Option<String>,
    older: Option<String>,
    view: &'static str,
    tabs: Vec<(Key, String, bool)>,
    notes: Vec<String>,
    /// How the reply ended, when it did not end well.
    ended: Option<String>,
    talk: Talk,
    more: More,
    /// Where its pictures are.
    pictures: String,
    trees: Vec<Side>,
    /// What is looked for in the trees, and the fields that stay when it changes.
    find: String,
    found: Finder,
    carried: Vec<(&'static str, String)>,
    stream: Option<Table>,
    /// The caller's headers and the reply's, each with its title.
    headers: Vec<(Key, Vec<(String, String)>)>,
    /// Why it cannot be sent again.
    refused: Option<Key>,
    has_previous: bool,
    attempts: Vec<Attempt>,
    kinds: [Kind; 5],
    facts: Vec<Fact>,
}

/// A record, or a page that says there is none.
pub(super) async fn load(visit: &Visit, id: i64) -> Result<Record, ApiError> {
    match visit.database(move |connection| record(connection, id)).await? {
        Some(record) => Ok(record),
        None => Err(missing(visit).await),
    }
}

/// There is no such record; from when on there are any.
async fn missing(visit: &Visit) -> ApiError {
    match visit.database(|connection| first_us(connection)).await {
        Ok(Some(us)) => {
            let first = visit.frame.time(&us).text;
            ApiError::keyed_with(StatusCode::NOT_FOUND, Key("one.missing"), &[&first, &visit.frame.zone_name()])
        }
        Ok(None) => ApiError::from(Error::NotFound),
        Err(error) => error,
    }
}

/// `GET /admin/requests/{id}?view=&turns=&q=&range=&from=&to=`.
pub(super) async fn show(visit: Visit, id: Path<i64>) -> Page {
    let id = *id;
    let form = visit.query();
    let scope = search_of(&visit);
    let asked = Asked::read(scope.with(&[]).trim_start_matches('?'), &[], &visit.frame.zone, Utc::now())?;
    let search = asked.search.clone();
    let record = load(&visit, id).await?;
    let row = record.row.clone();
    let (names, newer, older, (first, replay_of, replays)) = visit
        .database(move |connection| {
            let newer = ids(connection, &search, Cursor::After(id), 1)?.pop();
            let older = ids(connection, &search, Cursor::Before(id), 1)?.pop();
            let before = previous(connection, &row)?.is_some();
            let repeated = match row.replay_of {
                Some(of) => Some((of, !rows(connection, &[of])?.is_empty())),
                None => None,
            };
            let replays = replays_of(connection, id, REPLAYS)?.iter().map(|row| row.id).collect();
            Ok((names(connection)?, newer, older, (before, repeated, replays)))
        })
        .await?;
    let f = &visit.frame;
    let all = form.text("turns") == "all";
    let talk = Talk::of(&record, &asked.search.query, all, form.text("view") == "plain");
    let has_stream = is_there(&record);
    let view = chosen(form.text("view"), has_stream, talk.is_unread())?;
    let facts = &record.row.facts;
    let marks = record.row.signs.marks;
    let base = format!("/admin/requests/{id}");
    let tab =
        |(name, key): (&'static str, Key)| (key, format!("{base}{}", scope.with(&[("view", name)])), view == name);
    let find = form.text("find").to_owned();
    if view != "json" && !find.is_empty() {
        return Err(ApiError::field_keyed("find", Key("one.find_where"), &[]));
    }
    let mut found = Finder::new(&find);
    let trees = if matches!(view, "json" | "raw") { sides(&record, view == "raw", &mut found) } else { Vec::new() };
    let neighbour = |id: Option<i64>| id.map(|id| format!("/admin/requests/{id}{}", scope.with(&[])));
    let is_replay = Marks::Replay.is_in(marks);
    let badges = [
        badge(&record.row),
        Marks::Shortened.is_in(marks).then_some(Key("one.is_cut")),
        Marks::Redacted.is_in(marks).then_some(Key("one.is_redacted")),
        is_replay.then_some(Key("req.is_replay")),
    ];
    let mut badges: Vec<Key> = badges.into_iter().flatten().collect();
    badges.dedup();
    let page = One {
        time: f.time(&facts.started_us),
        model: facts.model.clone().unwrap_or_else(|| facts.path.clone()),
        status: facts.status,
        class: shown::outcome_class(facts),
        badges,
        replay_of,
        replays,
        error: facts.error.as_deref(),
        back: scope.with(&[]),
        newer: neighbour(newer),
        older: neighbour(older),
        tabs: views(has_stream).iter().copied().map(tab).collect(),
        notes: notes(f, &record),
        ended: ended(f, facts),
        pictures: format!("/admin/requests/{id}/blob/"),
        more: more(&base, &scope, view, all),
        trees,
        find,
        found,
        carried: scope.carried("find"),
        stream: if view == STREAM { table(&record) } else { None },
        headers: if view == "headers" { headers(&record) } else { Vec::new() },
        refused: refused(&record),
        has_previous: first,
        attempts: attempts(f, &record, &names),
        kinds: Kind::ALL,
        facts: known(&record, &names, &scope),
        id,
        view,
        talk,
        f,
    };
    visit.page_as(StatusCode::OK, &page)
}

/// Where what is too much for a page is: on one that shows more, or as it is recorded.
fn more(base: &str, scope: &Scope, view: &str, all: bool) -> More {
    let href = |changes| format!("{base}{}", scope.with(changes));
    if all {
        return More { href: href(&[("view", "raw")]), label: Key("view.raw") };
    }
    let view = if view == "plain" { view } else { "" };
    More { href: href(&[("view", view), ("turns", "all")]), label: Key("part.show_all") }
}

/// The views of a request.
fn views(has_stream: bool) -> &'static [(&'static str, Key)] {
    &VIEWS[..if has_stream { VIEWS.len() } else { VIEWS.len() - 1 }]
}

/// The view that is asked for, or the one a request opens with.
fn chosen(asked: &str, has_stream: bool, nothing_said: bool) -> Result<&'static str, ApiError> {
    if asked.is_empty() {
        return Ok(if nothing_said { "json" } else { "chat" });
    }
    let names: Vec<&'static str> = views(has_stream).iter().map(|(name, _)| *name).collect();
    let found = names.iter().find(|name| **name == asked).copied();
    found.ok_or_else(|| ApiError::field_keyed("view", Key("field.one_of"), &[&names.join(", ")]))
}

/// Whether a request was refused before anybody looked at its body.
pub(super) fn is_unread(record: &Record) -> bool {
    let facts = &record.row.facts;
    let has_body = !matches!(facts.method.as_str(), "GET" | "HEAD" | "DELETE");
    has_body && facts.ending == Ending::Refused && facts.request_bytes == 0 && record.texts.body.is_none()
}

/// Why something is not there.
pub(super) fn notes(f: &Frame, record: &Record) -> Vec<String> {
    let texts = &record.texts;
    let mut notes = Vec::new();
    if is_unread(record) {
        notes.push(f.t("one.unread").to_owned());
    } else if texts.body.is_none() && texts.response.is_none() {
        let recorded = Marks::Body.is_in(record.row.signs.marks);
        let (sent, got) = (record.row.facts.request_bytes, record.row.facts.reply_bytes);
        if recorded {
            notes.push(f.t("one.expired").to_owned());
        } else if sent + got > 0 {
            notes.push(f.t("one.not_recorded").to_owned());
        }
    }
    if let Some(note) = &texts.body_note {
        notes.push(f.tf("one.body_note", &[note]));
    }
    if let Some(note) = texts.response_note.as_ref().filter(|note| *note != "assembled") {
        notes.push(f.tf("one.reply_note", &[note]));
    }
    notes
}

/// What is recorded of the headers.
fn headers(record: &Record) -> Vec<(Key, Vec<(String, String)>)> {
    let Some(bytes) = &record.texts.headers else { return Vec::new() };
    let sides = [Key("one.request_headers"), Key("one.reply_headers")].into_iter().zip(header_pairs(bytes));
    sides.filter(|(_, pairs)| !pairs.is_empty()).collect()
}
