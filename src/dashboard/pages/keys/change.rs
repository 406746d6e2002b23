//! Replacing a key while programs learn the new one, taking it out of use for a while, deleting it.
//!
//! **Invariant:** records keep the name of a key whatever becomes of it. **May import:** `state`, `db`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::dashboard::form::Form;
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::keys::one::set_level;
use crate::dashboard::pages::keys::row::Row;
use crate::dashboard::pages::keys::{edit, find, list, new_secret, page_of, waiting_name};
use crate::dashboard::reply::ApiError;
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::client_keys;

/// How long the old key goes on, in hours.
pub(super) const GRACES: [(&str, Key); 5] = [
    ("24", Key("keys.grace.day")),
    ("1", Key("keys.grace.hour")),
    ("168", Key("keys.grace.week")),
    ("720", Key("keys.grace.month")),
    ("0", Key("keys.grace.none")),
];
const HOUR_US: i64 = 3_600_000_000;

#[derive(Template)]
#[template(path = "keys/delete.html")]
struct Delete<'a> {
    f: &'a Frame,
    row: Row,
}

/// `POST /admin/keys/replace`: `name`, and for how many hours the old key goes on in `grace`. An older one ends at once.
pub(super) async fn replace(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let (key, _) = find(&visit, form.text("name")).await?;
    let grace = form.text("grace");
    if !GRACES.iter().any(|(hours, _)| *hours == grace) {
        return Err(ApiError::keyed(StatusCode::BAD_REQUEST, Key("keys.no_grace")));
    }
    let hours: i64 = grace.parse().unwrap_or_default();
    let until_us = visit.frame.now_us + hours * HOUR_US;
    let secret = new_secret()?;
    let (name, old, new) = (key.name.clone(), key.secret, secret.clone());
    visit
        .database(move |connection| {
            // First the old key, so that nobody is shut out between the two.
            client_keys::change(connection, &name, |row| {
                row.old_key = if hours > 0 { old } else { String::new() };
                row.old_until_us = if hours > 0 { until_us } else { 0 };
            })?;
            edit(connection, |keys| {
                keys.iter_mut().filter(|key| key.name == name).for_each(|key| key.secret.clone_from(&new));
            })
        })
        .await?;
    visit.state.memory.new_keys.put(waiting_name(&visit, &key.name), secret);
    visit.live().await;
    Ok(visit.done(&page_of(&key.name), &visit.frame.tf("keys.replaced", &[&key.name])))
}

/// `POST /admin/keys/old`: the old key of `name` ends now.
pub(super) async fn end_old(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let (key, _) = find(&visit, form.text("name")).await?;
    let name = key.name.clone();
    let end = move |row: &mut client_keys::KeyRow| (row.old_key, row.old_until_us) = (String::new(), 0);
    visit.database(move |connection| client_keys::change(connection, &name, end)).await?;
    visit.live().await;
    Ok(visit.done(&page_of(&key.name), &visit.frame.tf("keys.old_ended", &[&key.name])))
}

/// `POST /admin/keys/enabled`: `name`, in use with `on`, else not.
pub(super) async fn enable(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let (key, _) = find(&visit, form.text("name")).await?;
    let (name, on) = (key.name.clone(), form.has("on"));
    visit
        .database(move |connection| {
            // Named for good: what is disabled is this key, not whichever comes to its place in the list.
            edit(connection, |_| {})?;
            client_keys::change(connection, &name, |row| row.disabled = !on)
        })
        .await?;
    visit.live().await;
    let said = if on { Key("keys.enabled") } else { Key("keys.disabled") };
    Ok(visit.done(&page_of(&key.name), &visit.frame.tf(said.0, &[&key.name])))
}

/// `GET /admin/keys/delete?name=`: asks.
pub(super) async fn ask(visit: Visit) -> Page {
    let query = visit.query();
    let (key, stored) = find(&visit, query.text("name")).await?;
    visit.page(&Delete { f: &visit.frame, row: Row::of(&visit, &key, &stored) })
}

/// `POST /admin/keys/delete`: `name`.
pub(super) async fn remove(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let (key, _) = find(&visit, form.text("name")).await?;
    let gone = key.name.clone();
    visit
        .database(move |connection| {
            set_level(connection, &gone, None)?;
            edit(connection, |keys| keys.retain(|key| key.name != gone))?;
            client_keys::remove(connection, &gone)
        })
        .await?;
    visit.live().await;
    Ok(list::done(&visit, &visit.frame.tf("keys.removed", &[&key.name])))
}
