//! The operator's side: the admin API as JSON, and a page for browsers.
//!
//! Start at [`configure`], the table of its routes. Everything but the style sheet and `login` needs the admin password as Bearer or a session
//! ([`session::Admin`]); a client key opens nothing here.
//!
//! **Invariant:** no reply holds a secret; a form that is wrong in one field changes nothing.
//! **May import:** `state`, `roster`, `metrics`, `db`, `openai` (the error shape).

mod overview;
mod pages;
pub mod password;
mod records;
mod reply;
mod session;
mod upstreams;

use actix_web::web::{ServiceConfig, delete, get, post, put, resource, scope, to};
use actix_web::{HttpResponse, http::StatusCode};

pub use session::Sessions;

use crate::dashboard::reply::ApiError;

/// Routes below `/admin`, and `/metrics`.
pub fn configure(config: &mut ServiceConfig) {
    config.service(resource("/metrics").route(get().to(overview::metrics))).service(
        scope("/admin")
            .service(resource("").route(get().to(pages::overview)))
            .service(resource("/static/{hash}/style.css").route(get().to(pages::style)))
            .service(resource("/login").route(post().to(session::login)))
            .service(resource("/logout").route(post().to(session::logout)))
            .service(resource("/upstreams").route(get().to(upstreams::list)).route(post().to(upstreams::add)))
            .service(
                resource("/upstreams/{id}")
                    .route(get().to(upstreams::show))
                    .route(put().to(upstreams::edit))
                    .route(delete().to(upstreams::remove)),
            )
            .service(resource("/overview").route(get().to(overview::show)))
            .service(resource("/request_records").route(get().to(records::list)))
            .default_service(to(nothing_here)),
    );
}

/// What lies under `/admin` and is no page: told only to those who may know.
async fn nothing_here(_admin: session::Admin) -> Result<HttpResponse, ApiError> {
    Err(ApiError::new(StatusCode::NOT_FOUND, "there is nothing at this address"))
}
