//! One key: what it is, its name, how much is recorded of it.
//!
//! **Invariant:** what belongs to a key follows its name. **May import:** `state`, `db`, `roster`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::dashboard::form::{Field, Form, Problem, problems};
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::keys::change::GRACES;
use crate::dashboard::pages::keys::row::{Row, level as level_name};
use crate::dashboard::pages::keys::{check_name, edit, find, page_of, waiting_name};
use crate::dashboard::pages::upstreams::entries;
use crate::dashboard::reply::ApiError;
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::upstreams::{self, UpstreamChange};
use crate::db::{Connection, client_keys, settings};
use crate::error::Error;
use crate::roster::{ClientKey, Recording, key_entries};

/// The setting with the levels of single keys.
const LEVELS: &str = "record_keys";

#[derive(Template)]
#[template(path = "keys/one.html")]
struct One<'a> {
    f: &'a Frame,
    row: Row,
    /// The key itself, on this page only.
    fresh: Option<String>,
    base: String,
    name: Field,
    graces: [(&'static str, Key); 5],
    levels: [&'static str; 2],
    models: Field,
    problems: Vec<Problem>,
}

fn page(visit: &Visit, status: StatusCode, row: Row, fresh: Option<String>, name: Field) -> Page {
    let (f, base) = (&visit.frame, visit.base());
    let problems = problems(&[(&name, f.t("keys.name"))]);
    let levels = [level_name(Recording::Metadata), level_name(Recording::Off)];
    let models = Field::new("models", entries(&row.own_models).join("\n"));
    visit.page_as(status, &One { models, f, row, fresh, base, name, graces: GRACES, levels, problems })
}

/// `GET /admin/keys/one?name=`: the key itself only if it has just been made by this session.
pub(super) async fn show(visit: Visit) -> Page {
    let name = visit.query().text("name").to_owned();
    let (key, stored) = find(&visit, &name).await?;
    let fresh = visit.state.memory.new_keys.take(&waiting_name(&visit, &name));
    let row = Row::of(&visit, &key, &stored);
    page(&visit, StatusCode::OK, row, fresh, Field::new("new_name", name))
}

/// Gives a key another name and level among the levels of single keys: `None` forgets it.
pub(super) fn set_level(connection: &mut Connection, old: &str, new: Option<(&str, &str)>) -> Result<(), Error> {
    if new.is_none() && settings::get(connection, LEVELS)?.is_none() {
        return Ok(());
    }
    settings::change(connection, LEVELS, |before| {
        // What cannot be read counts as off, under the name that it is.
        let name_of = |entry: &str| entry.rsplit_once('=').map_or(entry, |(name, _)| name).trim().to_owned();
        let mut level = new.map(|(name, level)| format!("{name}={level}"));
        let mut levels: Vec<String> = Vec::new();
        for entry in entries(before) {
            if name_of(&entry) == old { levels.extend(level.take()) } else { levels.push(entry) }
        }
        levels.extend(level);
        Ok((levels.join(","), ()))
    })
}

/// `POST /admin/keys/level`: `name` and `level`; an empty one means as in Settings.
pub(super) async fn level(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let (key, _) = find(&visit, form.text("name")).await?;
    let level = form.text("level").to_owned();
    if level.parse::<Recording>().is_err() && !level.is_empty() {
        return Err(ApiError::keyed(StatusCode::BAD_REQUEST, Key("keys.no_level")));
    }
    let name = key.name.clone();
    visit
        .database(move |connection| {
            // Named for good: a level belongs to a key, not to a place in the list.
            edit(connection, |_| {})?;
            set_level(connection, &name, Some((&*name, &*level)).filter(|(_, level)| !level.is_empty()))
        })
        .await?;
    visit.live().await;
    Ok(visit.done(&page_of(&key.name), &visit.frame.tf("keys.saved", &[&key.name])))
}

/// `POST /admin/keys/models`: `name`, and the `models` it may ask for, one a line or separated by commas; none means all.
pub(super) async fn models(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let (key, _) = find(&visit, form.text("name")).await?;
    let (name, models) = (key.name.clone(), entries(form.text("models")).join(","));
    visit
        .database(move |connection| {
            // Named for good: the limit belongs to a key, not to a place in the list.
            edit(connection, |_| {})?;
            client_keys::change(connection, &name, |row| row.allow_models = models)
        })
        .await?;
    visit.live().await;
    Ok(visit.done(&page_of(&key.name), &visit.frame.tf("keys.saved", &[&key.name])))
}

/// `POST /admin/keys/rename`: `name` and `new_name`; upstreams that are for the key follow.
pub(super) async fn rename(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let (key, stored) = find(&visit, form.text("name")).await?;
    let others: Vec<ClientKey> =
        key_entries(&stored.authorization).into_iter().filter(|other| other.name != key.name).collect();
    let mut name = Field::new("new_name", form.text("new_name"));
    check_name(&visit.frame, &mut name, &others);
    if name.is_bad() {
        let row = Row::of(&visit, &key, &stored);
        return page(&visit, StatusCode::UNPROCESSABLE_ENTITY, row, None, name);
    }
    let own_level = Row::of(&visit, &key, &stored).own_level;
    let (old, new) = (key.name, name.value.clone());
    visit
        .database(move |connection| {
            for row in stored.upstreams.iter().filter(|row| entries(&row.allow_keys).contains(&old)) {
                let names =
                    entries(&row.allow_keys).into_iter().map(|name| if name == old { new.clone() } else { name });
                let allow_keys = Some(names.collect::<Vec<_>>().join(","));
                upstreams::update(connection, row.id, &UpstreamChange { allow_keys, ..UpstreamChange::default() })?;
            }
            if old != new {
                let level = Some((&*new, own_level)).filter(|(_, level)| *level != level_name(Recording::Full));
                set_level(connection, &old, level)?;
                client_keys::rename(connection, &old, &new)?;
            }
            edit(connection, |keys| {
                keys.iter_mut().filter(|key| key.name == old).for_each(|key| key.name.clone_from(&new));
            })
        })
        .await?;
    visit.live().await;
    Ok(visit.done(&page_of(&name.value), &visit.frame.tf("keys.renamed", &[&name.value])))
}
