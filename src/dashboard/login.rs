//! Logging in and out, by JSON or by a form, and what is remembered of wrong passwords.
//!
//! **Invariant:** passwords live in memory only as digests; guessing is limited per address, whatever way it comes.
//! **May import:** `state`, `db`.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, block};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::dashboard::form::{self, Form};
use crate::dashboard::memory::locked;
use crate::dashboard::pages::login as page;
use crate::dashboard::password::{PASSWORD_SETTING, digest, is_password};
use crate::dashboard::reply::{ApiError, json as reply, with_database};
use crate::dashboard::session::{self, Admin, address, from_own_page};
use crate::dashboard::words::Key;
use crate::db::settings;
use crate::state::State;

/// Wrong passwords that one address may try …
const TRIES: u32 = 10;
/// … within this time.
pub(super) const TRIES_WINDOW: Duration = Duration::from_secs(60);
/// Addresses remembered at most.
const ADDRESSES: usize = 10_000;
/// Passwords checked at a time: each takes 32 MiB and a core, and anybody may send them.
const AT_A_TIME: usize = 2;

/// What is remembered between requests to keep passwords cheap to check and hard to guess.
pub(super) struct Passwords {
    /// Digest of the last password that was right, and the stored hash it was right for.
    right: Mutex<Option<(String, String)>>,
    /// By address: how many, and since when.
    wrong: Mutex<HashMap<String, (u32, Instant)>>,
    checks: Semaphore,
}

impl Default for Passwords {
    fn default() -> Passwords {
        Passwords { right: Mutex::default(), wrong: Mutex::default(), checks: Semaphore::new(AT_A_TIME) }
    }
}

impl Passwords {
    fn may_try(&self, address: &str) -> bool {
        let mut wrong = locked(&self.wrong);
        wrong.retain(|_, (_, since)| since.elapsed() < TRIES_WINDOW);
        match wrong.get(&place(address)) {
            Some((count, _)) => *count < TRIES,
            None => wrong.len() < ADDRESSES,
        }
    }

    fn failed(&self, address: &str) {
        locked(&self.wrong).entry(place(address)).or_insert_with(|| (0, Instant::now())).0 += 1;
    }
}

/// What is counted as one address: of IPv6 the first half, for whoever has one has all that begin with it (RFC 6177).
fn place(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(v6)) if v6.to_ipv4_mapped().is_none() => {
            Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).to_string()
        }
        _ => address.to_owned(),
    }
}

/// Whether this is the admin password; wrong ones are limited per address.
///
/// # Errors
/// 401 when it is not, 429 when too many were not.
pub(super) async fn check_password(state: &State, address: &str, password: &str) -> Result<(), ApiError> {
    let passwords = &state.memory.passwords;
    let may_try = || match passwords.may_try(address) {
        true => Ok(()),
        false => Err(ApiError::keyed(StatusCode::TOO_MANY_REQUESTS, Key("login.locked"))),
    };
    may_try()?;
    let typed = digest(password).map_err(|_| ApiError::unauthorized())?;
    // Who was let in last may see during an outage what it is about.
    let was_right = locked(&passwords.right).as_ref().is_some_and(|(right, _)| *right == typed);
    if was_right && state.recorder.counts().is_away() {
        return Ok(());
    }
    let stored = with_database(&state.database, |connection| settings::get(connection, PASSWORD_SETTING))
        .await?
        .unwrap_or_default();
    let proof = (typed, stored);
    let is_known = || locked(&passwords.right).as_ref() == Some(&proof);
    if is_known() {
        return Ok(());
    }
    let turn = passwords.checks.acquire().await;
    // Others were checked meanwhile: of many that come at once no more count as none.
    may_try()?;
    if is_known() {
        return Ok(());
    }
    let (typed, stored) = (password.to_owned(), proof.1.clone());
    let is_right = block(move || is_password(&typed, &stored)).await.unwrap_or(false);
    if is_right {
        *locked(&passwords.right) = Some(proof);
    } else {
        passwords.failed(address);
    }
    drop(turn);
    match is_right {
        true => Ok(()),
        false => Err(ApiError::keyed(StatusCode::UNAUTHORIZED, Key("login.wrong"))),
    }
}

/// `POST /admin/login` with `{"password": "…"}` or a form: a session in a cookie.
pub(super) async fn login(request: HttpRequest, body: Bytes, state: Data<State>) -> Result<HttpResponse, ApiError> {
    if form::is_form(request.headers()) {
        return by_form(&request, &body, &state).await;
    }
    let password = serde_json::from_slice::<Value>(&body).ok();
    let password = password.as_ref().and_then(|value| value.get("password")?.as_str());
    let password = password.ok_or_else(|| ApiError::field("password", "send {\"password\": \"…\"}"))?;
    check_password(&state, &address(&request), password).await?;
    with_cookie(reply(StatusCode::OK, &json!({"ok": true}))?, session::open(&state).await?)
}

async fn by_form(request: &HttpRequest, body: &[u8], state: &Data<State>) -> Result<HttpResponse, ApiError> {
    // Nobody is logged in yet, so there is no token; but no other site may log its visitors in here.
    if !from_own_page(request.headers()) {
        return Err(ApiError::keyed(StatusCode::FORBIDDEN, Key("error.other_site")));
    }
    let form = Form::parse(body);
    let next = page::local(form.text("next"));
    match check_password(state, &address(request), form.text("password")).await {
        Ok(()) => with_cookie(form::see(next), session::open(state).await?),
        Err(error) if error.status_code().is_client_error() => page::show(request, state, Some(&error), next).await,
        Err(error) => Err(error),
    }
}

/// A reply with a cookie.
pub(super) fn with_cookie(
    mut response: HttpResponse,
    cookie: actix_web::cookie::Cookie<'_>,
) -> Result<HttpResponse, ApiError> {
    let failed = |error: actix_web::http::Error| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    response.add_cookie(&cookie).map_err(|error| failed(error.into()))?;
    Ok(response)
}

/// `POST /admin/logout` with JSON or nothing: the session ends everywhere.
pub(super) async fn logout(admin: Admin, state: Data<State>) -> Result<HttpResponse, ApiError> {
    with_cookie(reply(StatusCode::OK, &json!({"ok": true}))?, session::close(&state, admin).await?)
}

/// `POST /admin/logout` from a page.
pub(super) async fn logout_by_form(admin: Admin, _form: Form, state: Data<State>) -> Result<HttpResponse, ApiError> {
    with_cookie(form::see("/admin/login"), session::close(&state, admin).await?)
}

#[cfg(test)]
mod tests {
    use crate::dashboard::login::{Passwords, TRIES};

    #[test]
    fn whoever_has_many_addresses_of_a_kind_has_no_more_tries() {
        let passwords = Passwords::default();
        for n in 0..TRIES {
            let address = format!("2001:db8:1:2::{n:x}");
            assert!(passwords.may_try(&address));
            passwords.failed(&address);
        }
        assert!(!passwords.may_try("2001:db8:1:2:ffff::1") && passwords.may_try("2001:db8:1:3::1"));
        passwords.failed("::ffff:192.0.2.1");
        assert!(passwords.may_try("::ffff:192.0.2.2") && passwords.may_try("192.0.2.1"));
    }
}
