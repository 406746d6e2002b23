//! Whose request is this, and may they? Start at [`identify`].
//!
//! **Invariant:** no secret is kept: a [`Caller`] is a name and four characters. **May import:** `roster`.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use chrono::Utc;

use crate::proxy::refusal::Refusal;
use crate::roster::{Network, RECORD, Recording, Settings, last4};

/// Somebody who may call.
#[derive(Debug, Default)]
pub(super) struct Caller {
    /// The name of the key; empty when none was asked for.
    pub(super) key_name: String,
    /// The key's last four characters.
    pub(super) last4: String,
}

/// Checks the key in `Authorization: Bearer`, `api-key` or `x-api-key`. With `noauth` everyone may.
pub(super) fn identify(headers: &HeaderMap, settings: &Settings, noauth: bool) -> Result<Caller, Refusal> {
    let secret = secret(headers);
    if let Ok(secret) = secret
        && let Some(key) = settings.key_of(secret, Utc::now().timestamp_micros())
    {
        return Ok(Caller { key_name: key.name.clone(), last4: key.last4() });
    }
    if noauth || (settings.any_key && secret.is_ok()) {
        return Ok(Caller { key_name: String::new(), last4: secret.map(last4).unwrap_or_default() });
    }
    Err(secret.err().unwrap_or(Refusal::WrongKey))
}

fn secret(headers: &HeaderMap) -> Result<&str, Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer =
        text(AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer")).map(|rest| rest.trim_matches(' '));
    bearer.or_else(|| text("api-key")).or_else(|| text("x-api-key")).ok_or(Refusal::NoBearer)
}

/// How much the caller lets us record: what `X-Record` says, the lowest of several.
pub(super) fn recording(headers: &HeaderMap) -> Result<Recording, Refusal> {
    let mut lowest = Recording::Full;
    for value in headers.get_all(RECORD) {
        let level = value.to_str().ok().and_then(|text| text.trim().to_ascii_lowercase().parse().ok());
        lowest = lowest.min(level.ok_or(Refusal::BadRecord)?);
    }
    Ok(lowest)
}

/// The caller's address: the peer's, or behind proxies we trust the last address in `X-Forwarded-For` that is none of them.
pub(super) fn address(request: &HttpRequest, trusted: &[Network]) -> String {
    let Some(peer) = request.peer_addr().map(|peer| peer.ip().to_canonical()) else {
        return String::new();
    };
    let is_trusted = |ip: IpAddr| trusted.iter().any(|network| network.contains(ip));
    let mut address = peer;
    if is_trusted(peer) {
        let named: Vec<&str> = request
            .headers()
            .get_all("x-forwarded-for")
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        for text in named.iter().rev() {
            let Ok(ip) = text.trim().parse::<IpAddr>() else { break };
            address = ip.to_canonical();
            if !is_trusted(address) {
                break;
            }
        }
    }
    address.to_string()
}

#[cfg(test)]
mod tests {
    use crate::proxy::caller::address;
    use actix_web::test::TestRequest;

    fn seen(peer: &str, forwarded: &str, trusted: &str) -> String {
        let request = TestRequest::default()
            .peer_addr(format!("{peer}:1").parse().unwrap())
            .insert_header(("x-forwarded-for", forwarded));
        let trusted: Vec<_> = trusted.split(',').filter(|t| !t.is_empty()).map(|t| t.parse().unwrap()).collect();
        address(&request.to_http_request(), &trusted)
    }

    #[test]
    fn forwarded_addresses_are_believed_only_from_trusted_proxies() {
        assert_eq!(seen("10.0.0.1", "1.2.3.4", ""), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", "1.2.3.4", "10.0.0.0/8"), "1.2.3.4");
        assert_eq!(seen("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "10.0.0.0/8"), "1.2.3.4");
        assert_eq!(seen("9.9.9.9", "1.2.3.4", "10.0.0.0/8"), "9.9.9.9");
        assert_eq!(seen("10.0.0.1", "nonsense", "10.0.0.0/8"), "10.0.0.1");
    }
}
