//! Upstreams: the list in routing order, one upstream's page, tests, and taking many in at once.
//!
//! | file | what it does |
//! |---|---|
//! | `list`, `cells` | the table and what its rows' forms do |
//! | `state` | how an upstream stands, in words |
//! | `order` | places in the list |
//! | `bulk` | many at once, and removal |
//! | `edit`, `draft`, `numbers` | the form for one, and what may stand in it |
//! | `activity` | what one did, and what was changed of it |
//! | `test` | tests, and the models an upstream has |
//! | `import`, `lines`, `yaml` | many from text: preview, confirm, counts |
//!
//! **Invariant:** an sk goes in by a form and never comes out; each change is live before its page is shown.
//! **May import:** `state`, `db`, `roster`, `connector`.

mod activity;
mod bulk;
mod cells;
mod draft;
mod edit;
pub(in crate::dashboard) mod import;
mod lines;
mod list;
pub(in crate::dashboard) mod numbers;
mod order;
pub(in crate::dashboard) mod state;
mod test;
mod yaml;

use actix_web::guard::fn_guard;
use actix_web::web::{self, ServiceConfig, resource};

pub(in crate::dashboard) use bulk::entries;

use crate::dashboard::form::{Form, wants_page};
use crate::dashboard::pages::login::local;
use crate::dashboard::pages::{get, post};

/// Where the list is.
const LIST: &str = "/admin/upstreams";

/// Where a form of the list goes back to: the part of it that was shown.
fn back(form: &Form) -> String {
    Some(form.text("back")).filter(|back| !back.is_empty()).map_or(LIST, local).to_owned()
}

/// The page of one upstream.
fn page_of(id: i64) -> String {
    format!("{LIST}/{id}")
}

/// Routes below `/admin` for browsers.
pub(super) fn configure(config: &mut ServiceConfig) {
    let browser = || fn_guard(|context| wants_page(&context.head().headers));
    config
        .service(resource("/upstreams").guard(browser()).route(get().to(list::show)).route(post().to(edit::add)))
        .service(resource("/upstreams/new").route(web::get().to(edit::new)))
        .service(resource("/upstreams/order").route(post().to(order::order)))
        .service(resource("/upstreams/bulk").route(post().to(bulk::bulk)))
        .service(resource("/upstreams/delete").route(web::get().to(bulk::ask)).route(post().to(bulk::remove)))
        .service(resource("/upstreams/test").route(post().to(test::all)))
        .service(resource("/upstreams/import").route(web::get().to(import::ask)).route(post().to(import::preview)))
        .service(
            resource("/upstreams/import/{batch}").route(web::get().to(import::show)).route(post().to(import::confirm)),
        )
        .service(resource("/upstreams/{id}").guard(browser()).route(get().to(edit::show)).route(post().to(edit::save)))
        .service(resource("/upstreams/{id}/enabled").route(post().to(list::enable)))
        .service(resource("/upstreams/{id}/test").route(post().to(test::one)))
        .service(resource("/upstreams/{id}/models").route(post().to(test::fetch_models)))
        .service(resource("/upstreams/{id}/allow").route(post().to(test::allow)));
}
