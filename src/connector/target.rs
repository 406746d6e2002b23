//! Where to connect: an endpoint's URL taken apart once, so that nothing is parsed per request.
//!
//! awc pools connections by the authority of the URI and chooses TLS by its scheme. We give it a made-up authority per
//! distinct [`Target`] under plain `http`; the dialer looks the target up again and does TLS itself.
//!
//! **May import:** `proxy`.

use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use actix_web::http::header::HeaderValue;
use actix_web::http::uri::{Authority, Uri};

use crate::connector::proxy::Proxy;

/// A server and how to reach it.
#[derive(Debug)]
pub struct Target {
    pub(super) tls: bool,
    /// Host name or address, IPv6 without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// The clock for name resolution, TCP, proxy and TLS together, in ms.
    pub(super) connect_timeout_ms: u64,
    /// What the connection goes through.
    pub(super) proxy: Option<Proxy>,
    authority: Authority,
    fresh_authority: Authority,
}

impl Target {
    fn new(tls: bool, host: &str, port: u16, connect_timeout_ms: u64, proxy: Option<Proxy>) -> Option<Target> {
        let mut hasher = DefaultHasher::new();
        (tls, host, port, connect_timeout_ms, &proxy).hash(&mut hasher);
        let key = hasher.finish();
        Some(Target {
            tls,
            host: host.to_owned(),
            port,
            connect_timeout_ms,
            proxy,
            authority: format!("{key:016x}").parse().ok()?,
            fresh_authority: format!("{key:016x}.fresh").parse().ok()?,
        })
    }

    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }

    pub(super) fn fresh_authority(&self) -> &Authority {
        &self.fresh_authority
    }
}

/// A base URL, ready for use: where to connect, what to say as `Host`, which path stands before every other.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Where to connect.
    pub target: Arc<Target>,
    /// The value of the `Host` header: with a port only when the URL has one.
    pub host: HeaderValue,
    /// The base path without a slash at its end; empty for the root.
    pub base_path: String,
    /// The query of the URL, if any (webhooks have them; an upstream's must not).
    pub query: Option<String>,
}

/// Why a text is no endpoint.
#[derive(Debug, PartialEq, Eq)]
pub struct BadEndpoint(pub &'static str);

impl fmt::Display for BadEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Endpoint {
    /// Takes a URL apart. `connect_timeout_ms` becomes part of the target, which is reached directly.
    ///
    /// # Errors
    /// [`BadEndpoint`] says what is wrong in words for the operator, without the text itself, which may hold a secret.
    pub fn parse(url: &str, connect_timeout_ms: u64) -> Result<Endpoint, BadEndpoint> {
        Endpoint::through(url, connect_timeout_ms, None)
    }

    /// Like [`Endpoint::parse`], for connections that go through a proxy if there is one.
    ///
    /// # Errors
    /// As for [`Endpoint::parse`].
    pub fn through(url: &str, connect_timeout_ms: u64, proxy: Option<Proxy>) -> Result<Endpoint, BadEndpoint> {
        const SHAPE: BadEndpoint = BadEndpoint("must be an http:// or https:// URL like https://api.openai.com/v1");
        let uri: Uri = url.trim().parse().map_err(|_| SHAPE)?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) | None => return Err(SHAPE),
        };
        let authority = uri.authority().ok_or(SHAPE)?;
        if authority.as_str().contains('@') {
            return Err(BadEndpoint("must not hold a user name or password; the key belongs into sk"));
        }
        let host = host_of(authority);
        if host.is_empty() {
            return Err(SHAPE);
        }
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Ok(Endpoint {
            target: Arc::new(Target::new(tls, host, port, connect_timeout_ms, proxy).ok_or(SHAPE)?),
            host: HeaderValue::from_str(authority.as_str()).map_err(|_| SHAPE)?,
            base_path: uri.path().trim_end_matches('/').to_owned(),
            query: uri.query().map(str::to_owned),
        })
    }
}

/// Host name or address, IPv6 without brackets.
pub(super) fn host_of(authority: &Authority) -> &str {
    authority.host().trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use crate::connector::{Endpoint, Proxy};

    #[test]
    fn connections_are_pooled_by_proxy_and_target() {
        let through = |proxy: &str| {
            let proxy = Some(proxy).filter(|proxy| !proxy.is_empty()).map(|proxy| Proxy::parse(proxy).unwrap());
            Endpoint::through("http://host.example/v1", 1000, proxy).unwrap().target.authority().to_string()
        };
        let all = ["", "http://p:1", "http://p:2", "socks5://p:1", "http://a:b@p:1", "http://a:c@p:1"].map(through);
        for (place, one) in all.iter().enumerate() {
            assert!(!all[..place].contains(one), "{all:?}");
        }
        assert_eq!(through("http://a:b@p:1"), all[4]);
    }

    #[test]
    fn an_endpoint_is_taken_apart_into_target_host_and_base_path() {
        let endpoint = Endpoint::parse("https://host.example:8443/openai/v1/", 1000).unwrap();
        assert!(endpoint.target.tls);
        assert_eq!((endpoint.target.host.as_str(), endpoint.target.port), ("host.example", 8443));
        assert_eq!(endpoint.host.to_str().unwrap(), "host.example:8443");
        assert_eq!(endpoint.base_path, "/openai/v1");
        let root = Endpoint::parse("http://[::1]", 1000).unwrap();
        assert_eq!((root.target.host.as_str(), root.target.port), ("::1", 80));
        assert_eq!(root.base_path, "");
    }

    #[test]
    fn what_is_no_http_url_is_refused() {
        for bad in ["", "api.openai.com/v1", "ftp://x/v1", "http://", "https://user:pw@host/v1", "not a url"] {
            assert!(Endpoint::parse(bad, 1000).is_err(), "{bad}");
        }
    }
}
