//! The operator's side: pages for browsers, and the admin API as JSON at the same addresses.
//!
//! Start at [`configure`], then [`pages::configure`]. Everything but static files, login, setup and the statement for users needs the admin password as
//! Bearer or a session ([`session::Admin`]); a client key opens nothing here.
//!
//! | file | what it does |
//! |---|---|
//! | `session`, `login`, `setup`, `password` | who may |
//! | `form` | what browsers send, and that it came from our own page |
//! | `visit`, `frame`, `dress` | what a page's handler gets, what stands on every page, its headers and error pages |
//! | `pages` | the pages |
//! | `markdown` | what models write, as safe HTML |
//! | `words`, `mistake`, `shown` | texts in both languages, of wrong queries too; times, durations and counts |
//! | `audit` | who changed and who read what |
//! | `assets` | the files of `static/` |
//! | `probe`, `memory` | asking upstreams; what is remembered until a restart |
//! | `reply`, `upstreams`, `records`, `usage`, `prices` | the admin API |
//!
//! **Invariant:** no reply holds a secret but the one that makes it; a form that is wrong in one field changes nothing.
//! **May import:** `state`, `roster`, `metrics`, `db`, `connector`, `usage`, `search`, `openai`.

mod assets;
mod audit;
mod dress;
mod form;
mod frame;
mod login;
mod markdown;
mod memory;
mod mistake;
mod overview;
mod pages;
pub mod password;
mod prices;
mod probe;
mod records;
mod reply;
mod requests;
mod session;
mod setup;
pub mod shown;
mod times;
mod upstreams;
mod usage;
mod visit;
mod words;

use actix_web::http::{Method, StatusCode};
use actix_web::middleware::from_fn;
use actix_web::web::{PathConfig, ServiceConfig, delete, get, post, put, resource, scope, to};
use actix_web::{HttpRequest, HttpResponse};

pub use memory::Memory;

use crate::dashboard::form::see;
use crate::dashboard::reply::ApiError;

/// Routes below `/admin`, and `/metrics`.
pub fn configure(config: &mut ServiceConfig) {
    config.service(resource("/metrics").route(get().to(overview::metrics))).service(
        scope("/admin")
            .wrap(from_fn(audit::watched))
            .wrap(from_fn(dress::dress))
            .app_data(PathConfig::default().error_handler(|_, _| nowhere().into()))
            .service(resource("/static/{hash}/{name}").route(get().to(assets::serve)))
            .configure(pages::configure)
            .service(resource("/login").route(post().to(login::login)))
            .service(resource("/logout").route(post().to(login::logout)))
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
            .service(resource("/overview").route(get().to(overview::show)))
            .service(resource("/request_records").route(get().to(records::list)))
            .default_service(to(nothing_here)),
    );
}

/// What lies under `/admin` and is no page: told only to those who may know.
async fn nothing_here(_admin: session::Admin, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let known = request.path().trim_end_matches('/');
    if known != request.path() && request.method() == Method::GET {
        let joint = if request.query_string().is_empty() { "" } else { "?" };
        return Ok(see(&format!("{known}{joint}{}", request.query_string())));
    }
    Err(nowhere())
}

fn nowhere() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "there is nothing at this address")
}
