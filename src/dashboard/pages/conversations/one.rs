//! One conversation, turn by turn. Start at [`show`].
//!
//! **Invariant:** a turn that is not shown whole says so and leads to the rest. **May import:** `state`, `db`, `openai`, `search`.

use std::collections::HashMap;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Path;
use askama::Template;
use chrono::Utc;

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::conversations::list::{self, Row as Head};
use crate::dashboard::pages::conversations::{LIST, name_of, names};
use crate::dashboard::pages::query::scope::{Scope, tidy};
use crate::dashboard::pages::requests::figures::ended;
use crate::dashboard::pages::said::{Said, Speaker, reply, request as messages};
use crate::dashboard::reply::ApiError;
use crate::dashboard::requests::asked::Asked;
use crate::dashboard::shown::{self, Moment};
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::find::Cursor;
use crate::db::records::{Ending, Fresh, Row, fresh, of_conversation, talks};
use crate::error::Error;
use crate::openai::dialogue::error_text;
use crate::openai::dialogue::texts::preview;

/// Turns of one conversation that are looked at, and turns on a page without a wish.
const MOST_TURNS: i64 = 10_000;
/// Entries of the list of turns; the middle of a longer one is left out.
const LISTED: usize = 200;
const PREVIEW_CHARS: usize = 48;

#[derive(Template)]
#[template(path = "conversations/one.html")]
struct One<'a> {
    f: &'a Frame,
    id: i64,
    head: Head,
    turns: Vec<Turn>,
    /// Number, link and beginning of the turns on this page.
    listed: Vec<(usize, i64, String)>,
    count: usize,
    earlier: Option<String>,
    later: Option<String>,
    /// Only one turn is shown.
    alone: bool,
    /// The query, for links to other pages.
    q: String,
}

struct Turn {
    id: i64,
    number: usize,
    time: Moment,
    status: i32,
    class: &'static str,
    model: String,
    upstream: String,
    first: String,
    total: String,
    tokens: String,
    cost: String,
    said: Vec<Said>,
    /// Messages that are not shown.
    more: usize,
    /// Messages that earlier turns have shown.
    known: i64,
    /// How it ended, when it did not end well.
    ended: Option<String>,
    is_cut: bool,
    request: String,
    /// There is no body.
    is_empty: bool,
    all: String,
}

/// `GET /admin/conversations/{id}?q=&before=&after=&limit=&turn=`.
pub(super) async fn show(visit: Visit, id: Path<i64>, request: HttpRequest) -> Page {
    let id = *id;
    let path = format!("{LIST}/{id}");
    if let Some(elsewhere) = tidy(&path, request.query_string()) {
        return Ok(elsewhere);
    }
    visit.query(&["q", "before", "after", "limit", "turn"])?;
    let asked = Asked::read(request.query_string(), &["turn"], Utc::now())?;
    let f = &visit.frame;
    let (cursor, limit) = (asked.cursor, asked.limit);
    let no_turn = || ApiError::keyed(StatusCode::BAD_REQUEST, Key("talks.no_turn"));
    let turn: Option<i64> = asked.other("turn").map(str::parse).transpose().map_err(|_| no_turn())?;
    let (talk, rows, first, count, said, names) = visit
        .database(move |connection| {
            let talk = talks(connection, &[id])?.pop().ok_or(Error::NotFound)?;
            let mut rows = of_conversation(connection, id, MOST_TURNS)?;
            let count = rows.len();
            let first = match (turn, cursor) {
                (Some(turn), _) => rows.iter().position(|row| row.id == turn).ok_or(Error::NotFound)?,
                (None, Cursor::Newest) => 0,
                (None, Cursor::After(after)) => rows.iter().filter(|row| row.id <= after).count(),
                (None, Cursor::Before(before)) => {
                    rows.iter().filter(|row| row.id < before).count().saturating_sub(limit)
                }
            };
            rows.drain(..first);
            rows.truncate(if turn.is_some() { 1 } else { limit });
            let said = fresh(connection, &rows.iter().map(|row| row.id).collect::<Vec<_>>())?;
            Ok((talk, rows, first, count, said, names(connection)?))
        })
        .await?;
    let terms = asked.search.query.texts().map(|(_, term)| term).collect();
    let q = Scope::default().with(&[("q", &asked.text)]);
    let link = |name: &'static str, id: i64| {
        format!("{path}{}", Scope::default().with(&[("q", &asked.text), (name, &id.to_string())]))
    };
    let mut told = Told {
        f,
        said,
        names: &names,
        speaker: Speaker::new(f, terms, turn.is_some()),
        link: &link,
        q: &q,
        listed: Vec::new(),
    };
    let earlier = rows.first().filter(|_| first > 0 && turn.is_none()).map(|row| link("before", row.id));
    let later = rows.last().filter(|_| first + rows.len() < count && turn.is_none());
    let later = later.map(|row| link("after", row.id));
    let turns = rows.iter().enumerate().map(|(index, row)| told.turn(row, first + index + 1)).collect();
    let listed = std::mem::take(&mut told.listed);
    let head = list::row(f, &talk, &names, &asked.text);
    let one = One { f, id, head, turns, listed, count, earlier, later, alone: turn.is_some(), q: q.clone() };
    visit.page_as(StatusCode::OK, &one)
}

/// What turns are made of.
struct Told<'a> {
    f: &'a Frame,
    said: HashMap<i64, Fresh>,
    names: &'a HashMap<i64, String>,
    speaker: Speaker<'a>,
    /// The page of a turn, among others.
    link: &'a dyn Fn(&'static str, i64) -> String,
    /// The query, as a request's page gets it.
    q: &'a str,
    listed: Vec<(usize, i64, String)>,
}

impl Told<'_> {
    fn turn(&mut self, row: &Row, number: usize) -> Turn {
        let facts = &row.facts;
        let said = self.said.remove(&row.id).unwrap_or_default();
        let answer = said.response.clone();
        let body = said.as_whole(&facts.path);
        let mut all = body.as_deref().map(|body| messages(&facts.path, body)).unwrap_or_default();
        all.extend(answer.as_deref().map(reply).unwrap_or_default());
        let (mut said, more) = self.speaker.said(&all);
        let error = answer.as_deref().and_then(error_text).or_else(|| facts.error.clone());
        said.extend(error.map(|error| self.speaker.error(&error)));
        if self.listed.len() < LISTED {
            let words =
                body.as_deref().and_then(|body| preview(&facts.path, body, None)).unwrap_or_else(|| "—".to_owned());
            self.listed.push((number, row.id, words.chars().take(PREVIEW_CHARS).collect()));
        }
        let ttft = facts.first_content_us.or(facts.first_byte_us);
        Turn {
            id: row.id,
            number,
            time: self.f.time(&facts.started_us),
            status: facts.status,
            class: shown::status_class(facts.status),
            model: facts.model.clone().unwrap_or_else(|| facts.path.clone()),
            upstream: facts.upstream_id.map(|id| name_of(self.names, id)).unwrap_or_default(),
            first: ttft.map(shown::duration).unwrap_or_else(|| "—".to_owned()),
            total: shown::duration(facts.total_us),
            tokens: shown::tokens(facts.tokens_in, facts.tokens_out),
            cost: facts.cost_nano.map_or_else(|| "—".to_owned(), shown::money),
            is_empty: said.is_empty() && more == 0,
            said,
            more,
            known: row.placed.known_messages.unwrap_or(0),
            ended: ended(self.f, facts),
            is_cut: facts.ending == Ending::Cut,
            request: format!("/admin/requests/{}{}", row.id, self.q),
            all: (self.link)("turn", row.id),
        }
    }
}
