//! The pages, one file or folder per entry of the navigation. Start at [`configure`], the table of their routes.
//!
//! To add a page: a template that extends `layout.html`, a handler that gives [`crate::dashboard::visit::Page`], a line in
//! [`configure`], and its texts in both files of `templates/words/`.
//!
//! **Invariant:** a page shows no secret and loads nothing from elsewhere; what others wrote is escaped by the templates.
//! **May import:** `state`, `db`, `roster`, `config`.

pub(super) mod addresses;
mod charts;
mod confirm;
mod conversations;
mod health;
mod indent;
mod keys;
pub(super) mod login;
mod models;
mod overview;
mod preferences;
mod query;
mod requests;
mod settings;
mod span;
mod strip;
pub(super) mod upstreams;
mod usage;

use actix_web::Route;
use actix_web::guard::fn_guard;
use actix_web::web::{self, ServiceConfig, resource};

use crate::dashboard::form::{is_form, wants_page};
use crate::dashboard::login as door;
use crate::dashboard::setup;

/// A page, where programs get JSON at the same address.
fn get() -> Route {
    web::get().guard(fn_guard(|context| wants_page(&context.head().headers)))
}

/// A form, where programs send JSON to the same address.
fn post() -> Route {
    web::post().guard(fn_guard(|context| is_form(&context.head().headers)))
}

/// Routes below `/admin` for browsers. They come before those of the admin API, which take what is left.
pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(
            resource("").guard(fn_guard(|context| wants_page(&context.head().headers))).route(get().to(overview::show)),
        )
        .service(
            resource("/login")
                .guard(fn_guard(|context| wants_page(&context.head().headers)))
                .route(get().to(login::ask))
                .route(post().to(door::login)),
        )
        .service(
            resource("/setup")
                .guard(fn_guard(|context| wants_page(&context.head().headers)))
                .route(get().to(setup::ask))
                .route(post().to(setup::choose)),
        )
        .service(
            resource("/logout")
                .guard(fn_guard(|context| is_form(&context.head().headers)))
                .route(post().to(door::logout_by_form)),
        )
        .service(resource("/statement").route(web::get().to(settings::statement::show)))
        .service(resource("/theme").route(post().to(preferences::theme)))
        .service(resource("/models").route(web::get().to(models::list)))
        .service(resource("/models/route").route(web::get().to(models::route)))
        .configure(keys::configure)
        .configure(requests::configure)
        .configure(conversations::configure)
        .configure(usage::configure)
        .configure(settings::configure)
        .configure(upstreams::configure);
}
