//! Settings, a tab each: what can be set while the program runs, sessions, and what this is.
//!
//! | file | tab |
//! |---|---|
//! | `lists`, `fields` | routing, recording, notices: rows of `config_kvs`, one field each |
//! | `acts` | a test notice, removal at once |
//! | `statement` | what users should know; also a page of its own |
//! | `prices` | what tokens cost |
//! | `audit` | who changed and who read what |
//! | `about` | what this is, and how it was started |
//! | `general` | zone, and what this browser remembers |
//! | `sessions` | who is logged in, the password |
//!
//! **Invariant:** a value is judged by the roster's own parser; a secret is never sent back. **May import:** `state`, `db`, `roster`.

mod about;
mod acts;
mod audit;
mod fields;
mod general;
mod lists;
mod prices;
mod sessions;
pub(super) mod statement;

pub(super) use audit::{Row as Change, row as change};
pub(super) use prices::dollars;

use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig, resource};

use crate::dashboard::reply::ApiError;
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;

const PATH: &str = "/admin/settings";

/// Name and text of each tab.
type Tabs = [(&'static str, Key); 8];

const TABS: Tabs = [
    ("general", Key("settings.general")),
    ("routing", Key("settings.routing")),
    ("recording", Key("settings.recording")),
    ("notices", Key("settings.notices")),
    ("prices", Key("settings.prices")),
    ("sessions", Key("settings.sessions")),
    ("audit", Key("settings.audit")),
    ("about", Key("settings.about")),
];

/// Routes below `/admin`.
pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/settings").route(web::get().to(show)))
        .service(resource("/settings/general").route(web::post().to(general::save)))
        .service(resource("/settings/password").route(web::post().to(sessions::set_password)))
        .service(resource("/settings/sessions").route(web::post().to(sessions::end)))
        .service(resource("/settings/notices/test").route(web::post().to(acts::test_notices)))
        .service(
            resource("/settings/recording/expire")
                .route(web::get().to(acts::ask_to_expire))
                .route(web::post().to(acts::expire)),
        )
        .service(resource("/settings/prices").route(web::post().to(prices::save)))
        .service(
            resource("/settings/prices/delete").route(web::get().to(prices::ask)).route(web::post().to(prices::remove)),
        )
        .service(resource("/settings/{tab}").route(web::post().to(fields::save)));
}

/// Where a tab is.
fn at(tab: &str) -> String {
    format!("{PATH}?tab={tab}")
}

/// `GET /admin/settings?tab=`.
async fn show(visit: Visit) -> Page {
    let query = visit.query();
    match query.text("tab") {
        "" | "general" => general::show(&visit, StatusCode::OK, general::Chosen::of(&visit)),
        "sessions" => sessions::show(&visit, StatusCode::OK, Default::default()).await,
        "prices" => prices::show(&visit, &query).await,
        "audit" => audit::show(&visit, &query).await,
        "about" => about::show(&visit),
        tab => match lists::tab(tab) {
            Some(tab) => fields::show(&visit, tab).await,
            None => Err(ApiError::keyed(StatusCode::BAD_REQUEST, Key("settings.no_tab"))),
        },
    }
}
