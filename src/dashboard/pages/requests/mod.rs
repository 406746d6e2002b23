//! Requests: found, watched, read, compared, sent again. Start at [`configure`].
//!
//! | file | what it does |
//! |---|---|
//! | `chart`, `table`, `look`, `list` | the histogram, the rows, what is asked, the page of them; its box is `pages::query` |
//! | `live` | new rows of the list as they come |
//! | `saved` | searches with a name |
//! | `one`, `chat`, `parts`, `card`, `block`, `said`, `hits`, `kinds`, `sides`, `tree`, `find`, `stream`, `fall`, `figures` | one request: what was said, by parts, as text, what has no words, what is searched in it, what bytes are, as recorded, as JSON, what is looked for in it, event by event; its attempts, what is known |
//! | `diff`, `stretch` | two requests compared, and two texts word by word |
//! | `replay`, `estimate`, `resend`, `compare` | one sent again: the form, what it will take, on its way, what came of it |
//! | `files`, `command`, `remove` | what one copies or downloads, as a command too; taking a request away |
//!
//! **Invariant:** what others wrote reaches a page as text or through the one sanitiser. **May import:** `state`, `db`,
//! `search`, `openai`, `roster`, `connector`, `recorder`.

pub(super) mod block;
mod card;
mod chart;
pub(super) mod chat;
mod command;
mod compare;
mod diff;
mod estimate;
mod fall;
pub(super) mod figures;
mod files;
mod find;
pub(super) mod hits;
mod kinds;
mod list;
mod live;
mod look;
mod one;
pub(super) mod parts;
mod remove;
mod replay;
mod resend;
mod said;
mod saved;
mod sides;
mod stream;
mod stretch;
mod table;
mod tree;

use std::collections::HashMap;

use actix_web::guard::fn_guard;
use actix_web::web::{self, ServiceConfig, resource};

use crate::dashboard::form::{is_form, wants_page};
use crate::dashboard::pages::query::scope::Scope;
use crate::dashboard::visit::Visit;
use crate::db::{PooledConnection, upstreams};
use crate::error::Error;

/// Routes below `/admin`.
pub(super) fn configure(config: &mut ServiceConfig) {
    let page = || fn_guard(|context| wants_page(&context.head().headers));
    let form = || fn_guard(|context| is_form(&context.head().headers));
    config
        .service(resource("/requests").guard(page()).route(web::get().to(list::show)))
        .service(resource("/requests/rows").route(web::get().to(live::rows)))
        .service(resource("/saved").route(web::get().to(saved::show)).route(web::post().guard(form()).to(saved::add)))
        .service(resource("/saved/{id}").route(web::post().guard(form()).to(saved::change)))
        .service(
            resource("/saved/{id}/delete")
                .route(web::get().to(saved::ask))
                .route(web::post().guard(form()).to(saved::remove)),
        )
        .service(resource("/requests/{id:\\d+}").guard(page()).route(web::get().to(one::show)))
        .service(resource("/requests/{id:\\d+}/curl").route(web::get().to(files::curl)))
        .service(resource("/requests/{id:\\d+}/blob/{n}").route(web::get().to(files::blob)))
        .service(resource("/requests/{id:\\d+}/diff/{other}").route(web::get().to(diff::show)))
        .service(
            resource("/requests/{id:\\d+}/replay")
                .route(web::get().to(replay::ask))
                .route(web::post().guard(form()).to(replay::send)),
        )
        .service(resource("/requests/{id:\\d+}/replay/{other}").route(web::get().to(compare::show)))
        .service(
            resource("/requests/{id:\\d+}/delete")
                .route(web::get().to(remove::ask))
                .route(web::post().guard(form()).to(remove::remove)),
        );
}

/// The search that a page of one request came from, for the addresses of others.
fn search_of(visit: &Visit) -> Scope {
    Scope::read(visit.parameters()).dated(&visit.frame).which()
}

/// How an upstream is called, and how a query calls it.
#[derive(Clone)]
struct UpstreamName {
    shown: String,
    asked: String,
}

/// The names of the upstreams there are or were.
fn names(connection: &mut PooledConnection) -> Result<HashMap<i64, UpstreamName>, Error> {
    let name = |(id, name, endpoint): (i64, String, String)| match name.as_str() {
        "" => (id, UpstreamName { shown: endpoint, asked: id.to_string() }),
        _ => (id, UpstreamName { shown: name.clone(), asked: name }),
    };
    Ok(upstreams::names(connection)?.into_iter().map(name).collect())
}
