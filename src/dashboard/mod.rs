//! The operator's side: the admin API as JSON, and a page for browsers.
//!
//! Start at [`configure`], the table of its routes. Everything but the style sheet and `login` needs the admin password as Bearer or a session
//! ([`session::Admin`]); a client key opens nothing here.
//!
//! **Invariant:** no reply holds a secret; a form that is wrong in one field changes nothing.
//! **May import:** `state`, `roster`, `db`, `openai` (the error shape).

mod pages;
pub mod password;
mod prices;
mod records;
mod reply;
mod requests;
mod session;
mod times;
mod upstreams;
mod usage;

use actix_web::web::{ServiceConfig, delete, get, post, put, resource, scope, to};
use actix_web::{HttpResponse, http::StatusCode};

pub use session::Sessions;

use crate::dashboard::reply::ApiError;

/// Routes below `/admin`.
pub fn configure(config: &mut ServiceConfig) {
    config.service(
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
            .service(resource("/usage").route(get().to(usage::show)))
            .service(resource("/prices").route(get().to(prices::list)).route(post().to(prices::add)))
            .service(resource("/prices/{id}").route(put().to(prices::edit)).route(delete().to(prices::remove)))
            .service(resource("/requests").route(get().to(requests::list::list)))
            .service(resource("/requests/facets").route(get().to(requests::list::names)))
            .service(resource("/requests/histogram").route(get().to(requests::list::over_time)))
            .service(resource("/requests/stream").route(get().to(requests::live::stream)))
            .service(resource("/requests/export").route(get().to(requests::export::export)))
            .service(
                resource("/requests/{id}")
                    .route(get().to(requests::one::show))
                    .route(delete().to(requests::one::remove)),
            )
            .service(resource("/requests/{id}/body").route(get().to(requests::one::body)))
            .service(resource("/requests/{id}/reply").route(get().to(requests::one::answer)))
            .service(resource("/conversations").route(get().to(requests::conversations::list)))
            .service(
                resource("/conversations/{id}")
                    .route(get().to(requests::conversations::show))
                    .route(delete().to(requests::conversations::remove)),
            )
            .service(resource("/request_records").route(get().to(records::list)))
            .default_service(to(nothing_here)),
    );
}

/// What lies under `/admin` and is no page: told only to those who may know.
async fn nothing_here(_admin: session::Admin) -> Result<HttpResponse, ApiError> {
    Err(ApiError::new(StatusCode::NOT_FOUND, "there is nothing at this address"))
}
