//! Client keys: who may call, with which key, and what came of it.
//!
//! | file | what it does |
//! |---|---|
//! | `list` | all keys, and the form for a new one |
//! | `one` | a key's page: name, level of recording |
//! | `change` | replace, disable, delete |
//! | `row` | a key as both pages show it |
//!
//! The keys are the setting `authorization`, which people also edit by hand; what is known beside it is `client_keys`.
//! **Invariant:** a key is shown once, on the page that follows its making; every other page shows its last four.
//! **May import:** `state`, `db`, `roster`.

mod change;
mod list;
mod one;
mod row;

use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig, resource};

use crate::dashboard::dress::escaped;
use crate::dashboard::form::Field;
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::keys::row::Stored;
use crate::dashboard::password::random_secret;
use crate::dashboard::reply::ApiError;
use crate::dashboard::visit::Visit;
use crate::dashboard::words::Key;
use crate::db::{Connection, settings};
use crate::error::Error;
use crate::roster::{ClientKey, key_entries};

const SETTING: &str = "authorization";
const LIST: &str = "/admin/keys";
const LONGEST_NAME: usize = 64;

/// Routes below `/admin`.
pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/keys").route(web::get().to(list::show)).route(web::post().to(list::add)))
        .service(resource("/keys/one").route(web::get().to(one::show)))
        .service(resource("/keys/rename").route(web::post().to(one::rename)))
        .service(resource("/keys/models").route(web::post().to(one::models)))
        .service(resource("/keys/level").route(web::post().to(one::level)))
        .service(resource("/keys/replace").route(web::post().to(change::replace)))
        .service(resource("/keys/old").route(web::post().to(change::end_old)))
        .service(resource("/keys/enabled").route(web::post().to(change::enable)))
        .service(resource("/keys/delete").route(web::get().to(change::ask)).route(web::post().to(change::remove)));
}

/// The page of the key of this name.
fn page_of(name: &str) -> String {
    format!("{LIST}/one?name={}", escaped(name))
}

/// The key of this name, with everything that is stored of keys.
async fn find(visit: &Visit, name: &str) -> Result<(ClientKey, Stored), ApiError> {
    let stored = Stored::load(visit).await?;
    let found = key_entries(&stored.authorization).into_iter().find(|key| key.name == name);
    Ok((found.ok_or_else(|| ApiError::keyed(StatusCode::NOT_FOUND, Key("keys.gone")))?, stored))
}

/// A new key waits for the session that made it.
fn waiting_name(visit: &Visit, name: &str) -> String {
    format!("{} {name}", visit.admin.session.as_deref().unwrap_or_default())
}

fn new_secret() -> Result<String, ApiError> {
    random_secret("sk-oar-").map_err(|error| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
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
