//! All keys, those that were looked for, and the form for a new one.
//!
//! **Invariant:** what was typed as a key of one's own is never sent back. **May import:** `state`, `db`, `roster`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::dashboard::form::{Field, Form, Problem, problems};
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::keys::row::{Row, Stored};
use crate::dashboard::pages::keys::{LIST, check_name, edit, new_secret, page_of, waiting_name};
use crate::dashboard::reply::ApiError;
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::client_keys;
use crate::roster::{ClientKey, key_entries};

/// A key given by hand has at least this many characters.
const SHORTEST: usize = 16;
/// What can be looked for.
const STATES: [(&str, Key); 5] = [
    ("", Key("keys.state.any")),
    ("on", Key("keys.state.on")),
    ("off", Key("keys.state.off")),
    ("replaced", Key("keys.state.replaced")),
    ("unused", Key("keys.state.unused")),
];

#[derive(Template)]
#[template(path = "keys/list.html")]
struct List<'a> {
    f: &'a Frame,
    rows: Vec<Row>,
    /// How many keys there are.
    all: usize,
    /// What is looked for.
    q: String,
    state: String,
    states: [(&'static str, Key); 5],
    any_key: bool,
    noauth: bool,
    name: Field,
    key: Field,
    problems: Vec<Problem>,
}

async fn page(visit: &Visit, status: StatusCode, query: &Form, name: Field, key: Field) -> Page {
    let stored = Stored::load(visit).await?;
    let any_key = stored.authorization.trim() == "asis";
    let keys = if any_key { Vec::new() } else { key_entries(&stored.authorization) };
    let f = &visit.frame;
    let problems = problems(&[(&name, f.t("keys.name")), (&key, f.t("keys.own"))]);
    let (q, state) = (query.text("q").to_owned(), query.text("state").to_owned());
    if !STATES.iter().any(|(known, _)| *known == state) {
        return Err(ApiError::keyed(StatusCode::BAD_REQUEST, Key("upstreams.no_such_state")));
    }
    let wanted = q.to_lowercase();
    let found = |row: &Row| {
        let named = row.name.to_lowercase().contains(&wanted);
        (named || (wanted.len() <= 4 && row.last4.to_lowercase().ends_with(&wanted))) && row.is(&state)
    };
    let rows: Vec<Row> = keys.iter().map(|key| Row::of(visit, key, &stored)).filter(found).collect();
    let noauth = visit.state.noauth;
    let list = List { f, rows, all: keys.len(), q, state, states: STATES, any_key, noauth, name, key, problems };
    visit.page_as(status, &list)
}

/// `GET /admin/keys?q=&state=`.
pub(super) async fn show(visit: Visit) -> Page {
    let query = visit.query();
    page(&visit, StatusCode::OK, &query, Field::new("name", ""), Field::new("key", "")).await
}

/// `POST /admin/keys`: `name`, and perhaps a `key` of one's own; else a random one.
pub(super) async fn add(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let (mut name, mut key) = (Field::new("name", form.text("name")), Field::new("key", ""));
    let stored = Stored::load(&visit).await?;
    let others = key_entries(&stored.authorization);
    check_name(&visit.frame, &mut name, &others);
    let own = form.text("key").to_owned();
    let plain = own.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
    if !own.is_empty() && (!plain || own.len() < SHORTEST) {
        key.problem = visit.frame.tf("keys.own.wrong", &[&SHORTEST]);
    } else if others.iter().any(|other| other.secret == own) {
        key.problem = visit.frame.t("keys.own.twice").to_owned();
    }
    if name.is_bad() || key.is_bad() {
        return page(&visit, StatusCode::UNPROCESSABLE_ENTITY, &Form::default(), name, key).await;
    }
    let secret = if own.is_empty() { new_secret()? } else { own.clone() };
    let (new, now_us) = (ClientKey::new(&name.value, &secret), visit.frame.now_us);
    visit
        .database(move |connection| {
            client_keys::remove(connection, &new.name)?;
            client_keys::change(connection, &new.name, |row| row.created_us = Some(now_us))?;
            edit(connection, |keys| keys.push(new))
        })
        .await?;
    if own.is_empty() {
        visit.state.memory.new_keys.put(waiting_name(&visit, &name.value), secret);
    }
    visit.live().await;
    Ok(visit.done(&page_of(&name.value), &visit.frame.tf("keys.added", &[&name.value])))
}

/// The list says so in one line.
pub(super) fn done(visit: &Visit, said: &str) -> HttpResponse {
    visit.done(LIST, said)
}
