//! One conversation, turn by turn. Start at [`show`].
//!
//! **Invariant:** a turn that is not shown whole says so and leads to the rest. **May import:** `state`, `db`, `openai`, `search`.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::web::Path;
use askama::Template;
use chrono::Utc;

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::conversations::list::{self, Row as Head};
use crate::dashboard::pages::conversations::{LIST, name_of, names};
use crate::dashboard::pages::query::scope::{Scope, found};
use crate::dashboard::pages::requests::block::{Body, More, Run};
use crate::dashboard::pages::requests::chat::{NEW, inline_parts, read};
use crate::dashboard::pages::requests::figures::ended;
use crate::dashboard::pages::requests::hits::{Failure, Hits};
use crate::dashboard::pages::requests::parts::Writer;
use crate::dashboard::reply::ApiError;
use crate::dashboard::requests::asked::Asked;
use crate::dashboard::requests::conversations::narrower;
use crate::dashboard::shown::{self, Figure, Moment};
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::PooledConnection;
use crate::db::find::{Cursor, Search, ids};
use crate::db::records::{Ending, Fresh, Row, Talk, fresh, of_conversation, talks};
use crate::error::Error;
use crate::openai::dialogue::Message;
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
    hits: Hits,
    /// Where hits are that are not shown.
    unseen: Option<More>,
    /// The page with the Markdown as it was written, or made of it: its name and address.
    other_view: (Key, String),
    /// The query, for links to other pages.
    q: String,
    delete_href: String,
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
    tokens: Figure,
    cost: String,
    said: Run,
    error: Option<Failure>,
    /// Messages that earlier turns have shown.
    known: i64,
    /// How it ended, when it did not end well.
    ended: Option<String>,
    is_cut: bool,
    request: String,
    /// There is no body.
    is_empty: bool,
    more: More,
    /// Where the pictures are that it shows.
    pictures: String,
}

/// `GET /admin/conversations/{id}?q=&before=&after=&limit=&turn=&view=`.
pub(super) async fn show(visit: Visit, id: Path<i64>) -> Page {
    let id = *id;
    let path = format!("{LIST}/{id}");
    let asked = Asked::read(visit.parameters(), &["turn", "view"], &visit.frame.zone, Utc::now())?;
    let f = &visit.frame;
    let no_turn = || ApiError::keyed(StatusCode::BAD_REQUEST, Key("talks.no_turn"));
    let turn: Option<i64> = asked.other("turn").map(str::parse).transpose().map_err(|_| no_turn())?;
    let loaded = load(&visit, id, &asked, turn).await?;
    if let Some(numbered) = loaded.numbered {
        let numbered = numbered.to_string();
        let view = asked.other("view").unwrap_or_default();
        let pairs = [("q", asked.text.as_str()), ("tz", &f.tz), ("turn", &numbered), ("view", view)];
        return Ok(found(&format!("{path}{}", Scope::default().with(&pairs))));
    }
    let Loaded { talk, rows, first, count, said, names, .. } = loaded;
    let is_plain = match asked.other("view") {
        None => false,
        Some("plain") => true,
        Some(_) => return Err(ApiError::keyed(StatusCode::BAD_REQUEST, Key("talks.no_view"))),
    };
    let q = Scope::default().with(&[("q", &asked.text), ("tz", &f.tz)]);
    let view = if is_plain { "plain" } else { "" };
    let link = |name: &'static str, id: i64| {
        let id = id.to_string();
        format!("{path}{}", Scope::default().with(&[("q", &asked.text), ("tz", &f.tz), (name, &id), ("view", view)]))
    };
    let other_view = match is_plain {
        true => (Key("view.chat"), format!("{path}{q}")),
        false => {
            let plain = Scope::default().with(&[("q", &asked.text), ("tz", &f.tz), ("view", "plain")]);
            (Key("view.plain"), format!("{path}{plain}"))
        }
    };
    let all = Scope::default().with(&[("q", &asked.text), ("tz", &f.tz), ("view", view), ("turns", "all")]);
    let whole = turn.map(|id| format!("/admin/requests/{id}{all}"));
    let mut told = Told {
        f,
        said,
        names: &names,
        writer: Writer::new(&asked.search.query, turn.is_some(), is_plain),
        number: 0,
        link: &link,
        q: &q,
        whole: whole.as_deref(),
        unseen: None,
        listed: Vec::new(),
    };
    let earlier = rows.first().filter(|_| first > 0 && turn.is_none()).map(|row| link("before", row.id));
    let later = rows.last().filter(|_| first + rows.len() < count && turn.is_none());
    let later = later.map(|row| link("after", row.id));
    let turns = rows.iter().enumerate().map(|(index, row)| told.turn(row, first + index + 1)).collect();
    let listed = std::mem::take(&mut told.listed);
    let unseen = told.unseen.take();
    let head = list::row(f, &talk, &names, &asked.text);
    let hits = told.writer.hits();
    let alone = turn.is_some();
    let to_delete = [("id", id.to_string()), ("q", asked.text.clone()), ("tz", f.tz.clone())];
    let delete_href = Scope::default().with(&to_delete.each_ref().map(|(name, value)| (*name, value.as_str())));
    let delete_href = format!("{LIST}/delete{delete_href}");
    let one = One {
        f,
        id,
        head,
        turns,
        listed,
        count,
        earlier,
        later,
        alone,
        hits,
        unseen,
        other_view,
        q: q.clone(),
        delete_href,
    };
    visit.page_as(StatusCode::OK, &one)
}

/// A conversation's turns of one page, and what they say.
struct Loaded {
    talk: Talk,
    rows: Vec<Row>,
    /// How many turns come before these, and how many there are.
    first: usize,
    count: usize,
    said: HashMap<i64, Fresh>,
    names: HashMap<i64, String>,
    /// The turn that was asked for by its number in the conversation instead of its request's.
    numbered: Option<i64>,
}

async fn load(visit: &Visit, id: i64, asked: &Asked, turn: Option<i64>) -> Result<Loaded, ApiError> {
    let (cursor, limit, search) = (asked.cursor, asked.limit, asked.search.clone());
    let work = move |connection: &mut PooledConnection| {
        let talk = talks(connection, &[id])?.pop().ok_or(Error::NotFound)?;
        let mut rows = of_conversation(connection, id, MOST_TURNS)?;
        let count = rows.len();
        let place = turn.map(|turn| rows.iter().position(|row| row.id == turn));
        let at = |turn: i64| usize::try_from(turn).ok()?.checked_sub(1);
        let numbered = turn.filter(|_| place == Some(None)).and_then(|turn| Some(rows.get(at(turn)?)?.id));
        let first = match (place, cursor) {
            (Some(place), _) => place.or(numbered.map(|_| 0)).ok_or(Error::NotFound)?,
            (None, Cursor::Newest) => first_match(connection, search, id, &rows)? / limit * limit,
            (None, Cursor::After(after)) => rows.iter().filter(|row| row.id <= after).count(),
            (None, Cursor::Before(before)) => rows.iter().filter(|row| row.id < before).count().saturating_sub(limit),
        };
        rows.drain(..first);
        rows.truncate(if turn.is_some() { 1 } else { limit });
        let said = fresh(connection, &rows.iter().map(|row| row.id).collect::<Vec<_>>())?;
        Ok(Loaded { talk, rows, first, count, said, names: names(connection)?, numbered })
    };
    visit.database(work).await
}

/// Which turn is the first that matches; the first of all when nothing is searched for.
fn first_match(connection: &mut PooledConnection, search: Search, id: i64, rows: &[Row]) -> Result<usize, Error> {
    let Some(search) = narrower(search, id) else { return Ok(0) };
    let found = ids(connection, &search, Cursor::Newest, rows.len())?;
    let first = found.iter().filter_map(|found| rows.iter().position(|row| row.id == *found)).min();
    Ok(first.unwrap_or(0))
}

/// What turns are made of.
struct Told<'a> {
    f: &'a Frame,
    said: HashMap<i64, Fresh>,
    names: &'a HashMap<i64, String>,
    writer: Writer<'a>,
    /// The number of the next message on the page.
    number: usize,
    /// The page of a turn, among others.
    link: &'a dyn Fn(&'static str, i64) -> String,
    /// The query, as a request's page gets it.
    q: &'a str,
    /// The page that shows all of the only turn there is on this one.
    whole: Option<&'a str>,
    /// The first turn with hits that are not shown.
    unseen: Option<More>,
    listed: Vec<(usize, i64, String)>,
}

impl Told<'_> {
    /// A turn's messages.
    fn messages(&mut self, all: &[Message]) -> Run {
        self.writer.note_calls(all.iter(), self.number);
        let counts = all.iter().scan(0, |blob, said| Some(std::mem::replace(blob, *blob + inline_parts(said))));
        let run = self.writer.run(all, self.number, &counts.collect::<Vec<_>>());
        self.number += all.len();
        run
    }

    /// Where there is more of a turn than the page shows.
    fn more(&self, id: i64) -> More {
        let href = self.whole.map_or_else(|| (self.link)("turn", id), str::to_owned);
        More { href, label: Key("part.show_all") }
    }

    fn turn(&mut self, row: &Row, number: usize) -> Turn {
        let facts = &row.facts;
        let heard = self.said.remove(&row.id).unwrap_or_default();
        let answer = heard.response.clone().unwrap_or_default();
        let body = heard.as_whole(&facts.path);
        let reading = read(&facts.path, body.as_deref().unwrap_or_default(), &answer);
        let all: Vec<Message> = reading.messages.into_iter().chain(reading.reply).collect();
        let (unseen, first) = (self.writer.unseen(), self.number);
        let said = self.messages(&all);
        if self.unseen.is_none() && self.writer.unseen() > unseen {
            self.unseen = Some(self.more(row.id));
        }
        let error = reading.error.or_else(|| facts.error.clone()).map(|error| {
            self.number += 1;
            self.writer.fault(&error, self.number - 1)
        });
        if self.listed.len() < LISTED {
            let words = body.as_deref().and_then(|body| preview(&facts.path, body, None));
            let words = words.or_else(|| self.writer.results(&all, first)).unwrap_or_else(|| "—".to_owned());
            self.listed.push((number, row.id, words.chars().take(PREVIEW_CHARS).collect()));
        }
        let ttft = facts.first_content_us.or(facts.first_byte_us);
        Turn {
            id: row.id,
            number,
            time: self.f.time(&facts.started_us),
            status: facts.status,
            class: shown::outcome_class(facts),
            model: facts.model.clone().unwrap_or_else(|| facts.path.clone()),
            upstream: facts.upstream_id.map(|id| name_of(self.names, id)).unwrap_or_default(),
            first: ttft.map(shown::duration).unwrap_or_else(|| "—".to_owned()),
            total: shown::duration(facts.total_us),
            tokens: Figure::of_tokens(facts.tokens_in, facts.tokens_out),
            cost: facts.cost_nano.map_or_else(|| "—".to_owned(), shown::money),
            is_empty: said.is_empty() && error.is_none(),
            said,
            error,
            known: row.placed.known_messages.unwrap_or(0),
            ended: ended(self.f, facts),
            is_cut: facts.ending == Ending::Cut,
            request: format!("/admin/requests/{}{}", row.id, self.q),
            more: self.more(row.id),
            pictures: format!("/admin/requests/{}/blob/{NEW}", row.id),
        }
    }
}
