//! Client keys: the entries of the setting `authorization`, listed, made, renamed and removed.
//!
//! **Invariant:** a key is shown once, on the page that follows its making; every other page shows its last four.
//! **May import:** `state`, `db`, `roster`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::dashboard::form::{Field, Form, Problem, problems};
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::upstreams::entries;
use crate::dashboard::pages::upstreams::state::label;
use crate::dashboard::password::random_secret;
use crate::dashboard::reply::ApiError;
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::upstreams::{UpstreamChange, UpstreamRow};
use crate::db::{Connection, settings, upstreams};
use crate::error::Error;
use crate::roster::{ClientKey, KNOWN_KEY, key_entries};

const SETTING: &str = "authorization";
const LEVELS: &str = "record_keys";
const LIST: &str = "/admin/keys";
/// A key given by hand has at least this many characters.
const SHORTEST: usize = 16;
const LONGEST_NAME: usize = 64;

#[derive(Template)]
#[template(path = "keys/list.html")]
struct List<'a> {
    f: &'a Frame,
    rows: Vec<Row>,
    any_key: bool,
    noauth: bool,
    name: Field,
    key: Field,
    problems: Vec<Problem>,
}

#[derive(Template)]
#[template(path = "keys/one.html")]
struct One<'a> {
    f: &'a Frame,
    row: Row,
    /// The key itself, on this page only.
    fresh: Option<String>,
    host: &'a str,
    name: Field,
    problems: Vec<Problem>,
}

#[derive(Template)]
#[template(path = "keys/delete.html")]
struct Delete<'a> {
    f: &'a Frame,
    row: Row,
}

struct Row {
    name: String,
    /// For links.
    link: String,
    last4: String,
    known_to_all: bool,
    /// Upstreams that serve it; `None` means all do.
    upstreams: Option<Vec<String>>,
}

impl Row {
    fn of(key: &ClientKey, upstreams: &[UpstreamRow]) -> Row {
        let serves = |row: &&UpstreamRow| row.allow_keys.is_empty() || entries(&row.allow_keys).contains(&key.name);
        let serving: Vec<String> = upstreams.iter().filter(serves).map(label).collect();
        Row {
            link: format!("{LIST}/one?name={}", escaped(&key.name)),
            last4: key.last4(),
            known_to_all: key.secret == KNOWN_KEY,
            upstreams: (serving.len() < upstreams.len()).then_some(serving),
            name: key.name.clone(),
        }
    }
}

/// A name as a query's value (RFC 3986 §2.3: unreserved characters stay).
fn escaped(name: &str) -> String {
    name.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
        out
    })
}

async fn load(visit: &Visit) -> Result<(String, Vec<UpstreamRow>), ApiError> {
    visit
        .database(|connection| {
            Ok((settings::get(connection, SETTING)?.unwrap_or_default(), upstreams::list(connection)?))
        })
        .await
}

async fn listed(visit: &Visit, status: StatusCode, name: Field, key: Field) -> Page {
    let (authorization, upstreams) = load(visit).await?;
    let any_key = authorization.trim() == "asis";
    let keys = if any_key { Vec::new() } else { key_entries(&authorization) };
    let f = &visit.frame;
    let problems = problems(&[(&name, f.t("keys.name")), (&key, f.t("keys.own"))]);
    let rows = keys.iter().map(|key| Row::of(key, &upstreams)).collect();
    visit.page_as(status, &List { f, rows, any_key, noauth: visit.state.noauth, name, key, problems })
}

/// `GET /admin/keys`.
pub(super) async fn list(visit: Visit) -> Page {
    listed(&visit, StatusCode::OK, Field::new("name", ""), Field::new("key", "")).await
}

/// The key of this name, with the upstreams.
async fn find(visit: &Visit, name: &str) -> Result<(ClientKey, Vec<UpstreamRow>), ApiError> {
    let (authorization, upstreams) = load(visit).await?;
    let found = key_entries(&authorization).into_iter().find(|key| key.name == name);
    Ok((found.ok_or_else(|| ApiError::keyed(StatusCode::NOT_FOUND, Key("keys.gone")))?, upstreams))
}

/// `GET /admin/keys/one?name=`: the key itself only if it has just been made by this session.
pub(super) async fn one(visit: Visit) -> Page {
    let name = visit.query(&["name"])?.text("name").to_owned();
    let (key, upstreams) = find(&visit, &name).await?;
    let fresh = visit.state.memory.new_keys.take(&waiting_name(&visit, &name));
    let (f, row) = (&visit.frame, Row::of(&key, &upstreams));
    visit.page(&One { f, row, fresh, host: visit.host(), name: Field::new("new_name", name), problems: Vec::new() })
}

/// A new key waits for the session that made it.
fn waiting_name(visit: &Visit, name: &str) -> String {
    format!("{} {name}", visit.admin.session.as_deref().unwrap_or_default())
}

/// `POST /admin/keys`: `name`, and perhaps a `key` of one's own; else a random one.
pub(super) async fn add(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let (mut name, mut key) = (Field::new("name", form.text("name")), Field::new("key", ""));
    let (authorization, _) = load(&visit).await?;
    let others = key_entries(&authorization);
    check_name(&visit.frame, &mut name, &others);
    let own = form.text("key").to_owned();
    let plain = own.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
    if !own.is_empty() && (!plain || own.len() < SHORTEST) {
        key.problem = visit.frame.tf("keys.own.wrong", &[&SHORTEST]);
    } else if others.iter().any(|other| other.secret == own) {
        key.problem = visit.frame.t("keys.own.twice").to_owned();
    }
    if name.is_bad() || key.is_bad() {
        return listed(&visit, StatusCode::UNPROCESSABLE_ENTITY, name, key).await;
    }
    let secret = if own.is_empty() {
        random_secret("sk-oar-").map_err(|error| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?
    } else {
        own.clone()
    };
    let new = ClientKey { name: name.value.clone(), secret: secret.clone() };
    visit.database(move |connection| edit(connection, |keys| keys.push(new))).await?;
    if own.is_empty() {
        visit.state.memory.new_keys.put(waiting_name(&visit, &name.value), secret);
    }
    visit.live().await;
    let to = format!("{LIST}/one?name={}", escaped(&name.value));
    Ok(visit.done(&to, &visit.frame.tf("keys.added", &[&name.value])))
}

fn check_name(f: &Frame, name: &mut Field, others: &[ClientKey]) {
    let value = &name.value;
    if value.is_empty() || value.len() > LONGEST_NAME || value.contains([',', '=', '\n', '\r']) {
        name.problem = f.tf("keys.name.wrong", &[&LONGEST_NAME]);
    } else if others.iter().any(|other| other.name == *value) {
        name.problem = f.t("keys.name.twice").to_owned();
    }
}

/// Edits the list of keys in the setting. Each entry then has its name written out, so that none changes with its place.
fn edit(connection: &mut Connection, work: impl FnOnce(&mut Vec<ClientKey>)) -> Result<(), Error> {
    settings::change(connection, SETTING, |before| {
        let mut keys = if before.trim() == "asis" { Vec::new() } else { key_entries(before) };
        work(&mut keys);
        let entries: Vec<String> = keys.iter().map(|key| format!("{}={}", key.name, key.secret)).collect();
        Ok((entries.join(","), ()))
    })
}

/// What is recorded of a key follows its new name, or is forgotten with the key.
fn name_levels(connection: &mut Connection, old: &str, new: Option<&str>) -> Result<(), Error> {
    if settings::get(connection, LEVELS)?.is_none() {
        return Ok(());
    }
    settings::change(connection, LEVELS, |before| {
        let mut levels = Vec::new();
        for entry in entries(before) {
            match (entry.rsplit_once('='), new) {
                (Some((name, level)), Some(new)) if name.trim() == old => {
                    levels.push(format!("{new}={}", level.trim()))
                }
                (Some((name, _)), None) if name.trim() == old => {}
                _ => levels.push(entry),
            }
        }
        Ok((levels.join(","), ()))
    })
}

/// `POST /admin/keys/rename`: `name` and `new_name`; upstreams that are for the key follow.
pub(super) async fn rename(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let (key, upstreams) = find(&visit, form.text("name")).await?;
    let (authorization, _) = load(&visit).await?;
    let others: Vec<ClientKey> =
        key_entries(&authorization).into_iter().filter(|other| other.name != key.name).collect();
    let mut name = Field::new("new_name", form.text("new_name"));
    check_name(&visit.frame, &mut name, &others);
    if name.is_bad() {
        let (f, problems) = (&visit.frame, problems(&[(&name, visit.frame.t("keys.name"))]));
        let page = One { f, row: Row::of(&key, &upstreams), fresh: None, host: visit.host(), name, problems };
        return visit.page_as(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let (old, new) = (key.name, name.value.clone());
    visit
        .database(move |connection| {
            for row in upstreams.iter().filter(|row| entries(&row.allow_keys).contains(&old)) {
                let names =
                    entries(&row.allow_keys).into_iter().map(|name| if name == old { new.clone() } else { name });
                let allow_keys = Some(names.collect::<Vec<_>>().join(","));
                upstreams::update(connection, row.id, &UpstreamChange { allow_keys, ..UpstreamChange::default() })?;
            }
            name_levels(connection, &old, Some(&new))?;
            edit(connection, |keys| {
                keys.iter_mut().filter(|key| key.name == old).for_each(|key| key.name.clone_from(&new));
            })
        })
        .await?;
    visit.live().await;
    let to = format!("{LIST}/one?name={}", escaped(&name.value));
    Ok(visit.done(&to, &visit.frame.tf("keys.renamed", &[&name.value])))
}

/// `GET /admin/keys/delete?name=`: asks.
pub(super) async fn ask(visit: Visit) -> Page {
    let query = visit.query(&["name"])?;
    let (key, upstreams) = find(&visit, query.text("name")).await?;
    visit.page(&Delete { f: &visit.frame, row: Row::of(&key, &upstreams) })
}

/// `POST /admin/keys/delete`: `name`.
pub(super) async fn remove(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let (key, _) = find(&visit, form.text("name")).await?;
    let gone = key.name.clone();
    visit
        .database(move |connection| {
            name_levels(connection, &gone, None)?;
            edit(connection, |keys| keys.retain(|key| key.name != gone))
        })
        .await?;
    visit.live().await;
    Ok(visit.done(LIST, &visit.frame.tf("keys.removed", &[&key.name])))
}
