//! Who may see the dashboard: the admin password as Bearer, or a session's cookie. Start at [`Admin`].
//!
//! Against pages of other sites: the cookie is `SameSite=Lax`, a change must come from a page of ours ([`from_own_page`]),
//! and every form carries the session's token ([`crate::dashboard::form`]).
//!
//! **Invariant:** tokens live in memory and database only as digests; a cookie alone changes nothing from another site.
//! **May import:** `state`, `db`.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::cookie::{Cookie, SameSite, time};
use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use crate::dashboard::login::check_password;
use crate::dashboard::password::{digest, random_secret};
use crate::dashboard::reply::{ApiError, with_database};
use crate::dashboard::words::Key;
use crate::db::sessions;
use crate::state::State;

const COOKIE: &str = "openai_api_route_session";
/// How long a session lasts.
const SESSION: Duration = Duration::from_secs(30 * 24 * 3600);

/// Somebody who may. A handler that asks for it runs only for them.
#[derive(Clone)]
pub(super) struct Admin {
    /// Digest of the session's token; none for who sent the password itself.
    pub(super) session: Option<String>,
    /// What the session's forms carry; empty for who sent the password itself.
    pub(super) csrf: String,
}

impl FromRequest for Admin {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Admin, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let known = request.extensions().get::<Admin>().cloned();
            if let Some(admin) = known {
                return Ok(admin);
            }
            let admin = find(&request).await?;
            request.extensions_mut().insert(admin.clone());
            Ok(admin)
        })
    }
}

async fn find(request: &HttpRequest) -> Result<Admin, ApiError> {
    let state = request.app_data::<Data<State>>().ok_or_else(ApiError::unauthorized)?;
    if let Some(password) = bearer(request.headers()) {
        check_password(state, &address(request), password).await?;
        return Ok(Admin { session: None, csrf: String::new() });
    }
    let cookie = request.cookie(COOKIE).ok_or_else(ApiError::unauthorized)?;
    if !matches!(*request.method(), Method::GET | Method::HEAD) && !from_own_page(request.headers()) {
        return Err(ApiError::keyed(StatusCode::FORBIDDEN, Key("error.other_site")));
    }
    let broken = |_| ApiError::unauthorized();
    let token = digest(cookie.value()).map_err(broken)?;
    let csrf = digest(&format!("form {}", cookie.value())).map_err(broken)?;
    let hash = token.clone();
    let found = with_database(&state.database, move |connection| sessions::find(connection, &token, now_us())).await?;
    found.map(|_| Admin { session: Some(hash), csrf }).ok_or_else(ApiError::unauthorized)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    Some(headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?.trim())
}

/// `Sec-Fetch-Site` where the browser sends it, else `Origin` against `Host`.
pub(super) fn from_own_page(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text(ORIGIN.as_str())) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin.split_once("://").map(|(_, host)| host) == text(HOST.as_str()),
        // No browser: nobody else's page can be behind it.
        (None, None) => true,
    }
}

/// Where a request comes from.
pub(super) fn address(request: &HttpRequest) -> String {
    request.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default()
}

/// Now, µs since 1970.
pub(super) fn now_us() -> i64 {
    chrono::Utc::now().timestamp_micros()
}

/// Opens a session and gives its cookie.
pub(super) async fn open(state: &State) -> Result<Cookie<'static>, ApiError> {
    let failed =
        |error: openssl::error::ErrorStack| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    let token = random_secret("").map_err(failed)?;
    let hash = digest(&token).map_err(failed)?;
    let now = now_us();
    let until = now.saturating_add(i64::try_from(SESSION.as_micros()).unwrap_or(i64::MAX));
    with_database(&state.database, move |connection| {
        sessions::remove_expired(connection, now)?;
        sessions::insert(connection, &hash, now, until)
    })
    .await?;
    Ok(Cookie::build(COOKIE, token)
        .path("/admin")
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(time::Duration::try_from(SESSION).unwrap_or(time::Duration::DAY))
        .finish())
}

/// Ends a session everywhere; gives the cookie that removes its cookie.
pub(super) async fn close(state: &State, admin: Admin) -> Result<Cookie<'static>, ApiError> {
    if let Some(hash) = admin.session {
        with_database(&state.database, move |connection| sessions::remove(connection, &hash)).await?;
    }
    let mut gone = Cookie::build(COOKIE, "").path("/admin").http_only(true).finish();
    gone.make_removal();
    Ok(gone)
}
