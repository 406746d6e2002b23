//! Who is logged in, ending their sessions, and a new password.
//!
//! **Invariant:** a new password ends every other session. **May import:** `state`, `db`.

use actix_web::http::StatusCode;
use actix_web::web::block;
use actix_web::{HttpResponse, ResponseError};
use askama::Template;

use crate::dashboard::form::{Field, Form, Problem, problems};
use crate::dashboard::frame::Frame;
use crate::dashboard::login::check_password;
use crate::dashboard::pages::settings::{TABS, Tabs, at};
use crate::dashboard::password::{PASSWORD_SETTING, SHORTEST_PASSWORD, password_hash};
use crate::dashboard::reply::ApiError;
use crate::dashboard::shown::Moment;
use crate::dashboard::visit::{Page, Visit};
use crate::db::{sessions, settings};

/// The form for a new password.
pub(super) struct Passwords {
    old: Field,
    new: Field,
    again: Field,
}

impl Default for Passwords {
    fn default() -> Passwords {
        Passwords { old: Field::new("old", ""), new: Field::new("new", ""), again: Field::new("again", "") }
    }
}

#[derive(Template)]
#[template(path = "settings/sessions.html")]
struct Sessions<'a> {
    f: &'a Frame,
    tabs: Tabs,
    tab: &'static str,
    rows: Vec<Row>,
    p: Passwords,
    problems: Vec<Problem>,
}

struct Row {
    /// The hash of the token: names the session, opens nothing.
    hash: String,
    began: Moment,
    ends: Moment,
    own: bool,
}

/// The tab.
pub(super) async fn show(visit: &Visit, status: StatusCode, p: Passwords) -> Page {
    let now_us = visit.frame.now_us;
    let live = visit.database(move |connection| sessions::list(connection, now_us)).await?;
    let f = &visit.frame;
    let row = |(hash, session): (String, sessions::Session)| Row {
        began: f.time(&session.created_us),
        ends: f.time(&session.expires_us),
        own: visit.admin.session.as_ref() == Some(&hash),
        hash,
    };
    let labels = [(&p.old, f.t("password.old")), (&p.new, f.t("password.new")), (&p.again, f.t("password.again"))];
    let problems = problems(&labels);
    let rows = live.into_iter().map(row).collect();
    visit.page_as(status, &Sessions { f, tabs: TABS, tab: "sessions", rows, p, problems })
}

/// `POST /admin/settings/sessions`: ends the one named by `session`, or with `others` all but this.
pub(super) async fn end(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let own = visit.admin.session.clone().unwrap_or_default();
    let (named, others) = (form.text("session").to_owned(), form.has("others"));
    let ended = visit
        .database(move |connection| {
            if others {
                sessions::remove_others(connection, &own)
            } else {
                sessions::remove(connection, &named).map(usize::from)
            }
        })
        .await?;
    Ok(visit.done(&at("sessions"), &visit.frame.tf("sessions.ended", &[&ended])))
}

/// `POST /admin/settings/password`: `old`, `new`, `again`.
pub(super) async fn set_password(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let mut p = Passwords::default();
    let new = form.text("new").to_owned();
    if new.chars().count() < SHORTEST_PASSWORD {
        p.new.problem = visit.frame.tf("password.short", &[&SHORTEST_PASSWORD]);
    } else if new != form.text("again") {
        p.again.problem = visit.frame.t("password.differs").to_owned();
    }
    if let Err(error) = check_password(&visit.state, &visit.address(), form.text("old")).await {
        let Some(text) = error.text(visit.frame.lang).filter(|_| error.status_code().is_client_error()) else {
            return Err(error);
        };
        p.old.problem = text;
    }
    if p.old.is_bad() || p.new.is_bad() || p.again.is_bad() {
        return show(&visit, StatusCode::UNPROCESSABLE_ENTITY, p).await;
    }
    let failed = |error: String| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error);
    let hash = block(move || password_hash(&new)).await.map_err(|error| failed(error.to_string()))?;
    let hash = hash.map_err(|error| failed(error.to_string()))?;
    let own = visit.admin.session.clone().unwrap_or_default();
    visit
        .database(move |connection| {
            settings::set(connection, PASSWORD_SETTING, &hash)?;
            sessions::remove_others(connection, &own)
        })
        .await?;
    Ok(visit.done(&at("sessions"), visit.frame.t("password.changed")))
}
