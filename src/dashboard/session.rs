//! Who may see the dashboard: the admin password as Bearer, or a session's cookie. Start at [`Admin`].
//!
//! **Invariant:** passwords and tokens live in memory only as digests; a cookie alone changes nothing from another site.
//! **May import:** `state`, `db`.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use actix_web::cookie::{Cookie, SameSite, time};
use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, ORIGIN};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Data, Query, block};
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};
use serde_json::{Value, json};

use crate::dashboard::pages;
use crate::dashboard::password::{PASSWORD_SETTING, digest, is_password, random_secret};
use crate::dashboard::reply::{ApiError, json, with_database};
use crate::db::{sessions, settings};
use crate::state::State;

const COOKIE: &str = "openai_api_route_session";
/// How long a session lasts.
const SESSION: Duration = Duration::from_secs(30 * 24 * 3600);
/// Wrong passwords that one address may try …
const TRIES: u32 = 10;
/// … within this time.
const TRIES_WINDOW: Duration = Duration::from_secs(60);
/// Addresses remembered at most.
const ADDRESSES: usize = 10_000;

/// What is remembered between requests to keep passwords cheap to check and hard to guess.
#[derive(Default)]
pub struct Sessions {
    /// Digest of the last password that was right, and the stored hash it was right for.
    right: Mutex<Option<(String, String)>>,
    wrong: Mutex<HashMap<String, (u32, Instant)>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sessions {
    fn may_try(&self, address: &str) -> bool {
        let mut wrong = locked(&self.wrong);
        wrong.retain(|_, (_, since)| since.elapsed() < TRIES_WINDOW);
        wrong.get(address).is_none_or(|(count, _)| *count < TRIES)
    }

    fn failed(&self, address: &str) {
        let mut wrong = locked(&self.wrong);
        if wrong.len() < ADDRESSES || wrong.contains_key(address) {
            wrong.entry(address.to_owned()).or_insert_with(|| (0, Instant::now())).0 += 1;
        }
    }
}

/// Somebody who may. A handler that asks for it runs only for them.
pub(super) struct Admin;

impl FromRequest for Admin {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Admin, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let state = request.app_data::<Data<State>>().ok_or_else(ApiError::unauthorized)?;
            if let Some(password) = bearer(request.headers()) {
                return check_password(state, &address(&request), password).await.map(|()| Admin);
            }
            let cookie = request.cookie(COOKIE).ok_or_else(ApiError::unauthorized)?;
            if !matches!(*request.method(), Method::GET | Method::HEAD) && !from_own_page(request.headers()) {
                return Err(ApiError::new(
                    StatusCode::FORBIDDEN,
                    "a session may change things only from this site's own pages",
                ));
            }
            let token = digest(cookie.value()).map_err(|_| ApiError::unauthorized())?;
            let found =
                with_database(&state.database, move |connection| sessions::find(connection, &token, now_us())).await?;
            found.map(|_| Admin).ok_or_else(ApiError::unauthorized)
        })
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    Some(headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?.trim())
}

/// `Sec-Fetch-Site` where the browser sends it, else `Origin` against `Host`.
fn from_own_page(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text(ORIGIN.as_str())) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin.split_once("://").map(|(_, host)| host) == text(HOST.as_str()),
        // No browser: nobody else's page can be behind it.
        (None, None) => true,
    }
}

fn address(request: &HttpRequest) -> String {
    request.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default()
}

fn now_us() -> i64 {
    chrono::Utc::now().timestamp_micros()
}

/// Whether this is the admin password; wrong ones are limited per address.
async fn check_password(state: &State, address: &str, password: &str) -> Result<(), ApiError> {
    if !state.sessions.may_try(address) {
        return Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too many wrong passwords; wait a minute"));
    }
    let typed = digest(password).map_err(|_| ApiError::unauthorized())?;
    // Who was let in last may see during an outage what it is about.
    let was_right = locked(&state.sessions.right).as_ref().is_some_and(|(right, _)| *right == typed);
    if was_right && state.recorder.counts().is_away() {
        return Ok(());
    }
    let stored = with_database(&state.database, |connection| settings::get(connection, PASSWORD_SETTING))
        .await?
        .unwrap_or_default();
    let proof = (typed, stored);
    if locked(&state.sessions.right).as_ref() == Some(&proof) {
        return Ok(());
    }
    let (typed, stored) = (password.to_owned(), proof.1.clone());
    if block(move || is_password(&typed, &stored)).await.unwrap_or(false) {
        *locked(&state.sessions.right) = Some(proof);
        return Ok(());
    }
    state.sessions.failed(address);
    Err(ApiError::new(StatusCode::UNAUTHORIZED, "wrong password"))
}

/// `POST /admin/login` with `{"password": "…"}` or a form: a session in a cookie.
pub(super) async fn login(request: HttpRequest, body: Bytes, state: Data<State>) -> Result<HttpResponse, ApiError> {
    let by_form = is_form(&request);
    let password =
        password_of(&body, by_form).ok_or_else(|| ApiError::field("password", "send {\"password\": \"…\"}"))?;
    match check_password(&state, &address(&request), &password).await {
        Ok(()) => {}
        Err(error) if by_form => return pages::login(error.status_code(), &error.to_string()),
        Err(error) => return Err(error),
    }
    let token =
        random_secret("").map_err(|error| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let hash = digest(&token).map_err(|error| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let now = now_us();
    let until = now.saturating_add(i64::try_from(SESSION.as_micros()).unwrap_or(i64::MAX));
    with_database(&state.database, move |connection| {
        sessions::remove_expired(connection, now)?;
        sessions::insert(connection, &hash, now, until)
    })
    .await?;
    let mut response = if by_form { pages::back() } else { json(StatusCode::OK, &json!({"ok": true}))? };
    let cookie = Cookie::build(COOKIE, token)
        .path("/admin")
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(time::Duration::try_from(SESSION).unwrap_or(time::Duration::DAY))
        .finish();
    let _ = response.add_cookie(&cookie);
    Ok(response)
}

/// A browser's form rather than JSON.
pub(super) fn is_form(request: &HttpRequest) -> bool {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) && pages::wants_page(request)
}

/// A form's fields.
pub(super) fn form(body: &[u8]) -> HashMap<String, String> {
    Query::<HashMap<String, String>>::from_query(&String::from_utf8_lossy(body))
        .map(Query::into_inner)
        .unwrap_or_default()
}

fn password_of(body: &[u8], by_form: bool) -> Option<String> {
    if by_form {
        return form(body).remove("password");
    }
    let value: Value = serde_json::from_slice(body).ok()?;
    value.get("password")?.as_str().map(str::to_owned)
}

/// `POST /admin/logout`: the session ends everywhere.
pub(super) async fn logout(request: HttpRequest, _admin: Admin, state: Data<State>) -> Result<HttpResponse, ApiError> {
    if let Some(token) = request.cookie(COOKIE).and_then(|cookie| digest(cookie.value()).ok()) {
        with_database(&state.database, move |connection| sessions::remove(connection, &token)).await?;
    }
    let mut response = if is_form(&request) { pages::back() } else { json(StatusCode::OK, &json!({"ok": true}))? };
    let mut gone = Cookie::build(COOKIE, "").path("/admin").http_only(true).finish();
    gone.make_removal();
    let _ = response.add_cookie(&gone);
    Ok(response)
}
