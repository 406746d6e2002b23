//! A proxy's address taken apart: `http://user:password@host:port` or `socks5://…`. What is said to it: [`tunnel`](super::tunnel).
//!
//! **Invariant:** user name and password are neither printed nor shown. **May import:** `target`.

use std::fmt;

use actix_web::http::uri::{Authority, Uri};

use crate::connector::target::host_of;

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Protocol {
    /// `CONNECT` (RFC 9110 §9.3.6).
    Http,
    /// SOCKS 5 (RFC 1928); names are resolved by the proxy.
    Socks5,
}

/// A proxy and how to reach it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Proxy {
    pub(super) protocol: Protocol,
    /// Host name or address, IPv6 without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// User name and password.
    pub(super) login: Option<(String, String)>,
}

/// Why a text is no proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadProxy {
    /// It is no such address.
    Shape,
    /// Its user name or password cannot be sent.
    Login,
    /// It is not the stored one any more, and user name and password are masked.
    Again,
}

impl fmt::Display for BadProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadProxy::Shape => "must be like http://user:password@host:port or socks5://host:port",
            BadProxy::Login => "has a user name or password that cannot be sent",
            BadProxy::Again => "has changed: user name and password must be given again",
        })
    }
}

/// Prints everything but the login.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

/// Where it is, for what is told of it.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Proxy {
    /// Takes an address apart.
    ///
    /// # Errors
    /// [`BadProxy`] says what is wrong in words for the operator, without the text itself, which may hold a secret.
    pub fn parse(url: &str) -> Result<Proxy, BadProxy> {
        const SHAPE: BadProxy = BadProxy::Shape;
        let (protocol, login, place) = parts(url.trim()).ok_or(SHAPE)?;
        let protocol = match protocol {
            "http" => Protocol::Http,
            // curl's name for leaving names to the proxy, which is done anyway.
            "socks5" | "socks5h" => Protocol::Socks5,
            _ => return Err(SHAPE),
        };
        let authority: Authority = place.trim_end_matches('/').parse().map_err(|_| SHAPE)?;
        let (host, port) = (host_of(&authority), authority.port_u16().ok_or(SHAPE)?);
        // The parser is made for whole addresses: let it say that this can stand in one.
        let whole: Result<Uri, _> = format!("http://{authority}/").parse();
        if host.is_empty() || port == 0 || whole.is_err() {
            return Err(SHAPE);
        }
        let login = match login {
            None => None,
            Some(login) => {
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                let (user, password) = (decoded(user).ok_or(SHAPE)?, decoded(password).ok_or(SHAPE)?);
                // What SOCKS (RFC 1929 §2) and Basic (RFC 7617 §2) can carry.
                let carried = (1..=255).contains(&user.len()) && password.len() <= 255 && !user.contains(':');
                if !carried || user.chars().chain(password.chars()).any(char::is_control) {
                    return Err(BadProxy::Login);
                }
                Some((user, password))
            }
        };
        if protocol == Protocol::Socks5 && login.as_ref().is_some_and(|(_, password)| password.is_empty()) {
            return Err(BadProxy::Login);
        }
        Ok(Proxy { protocol, host: host.to_owned(), port, login })
    }

    /// An address as it may be shown: user name and password are one `…`.
    pub fn masked(url: &str) -> String {
        match (parts(url.trim()), Proxy::parse(url)) {
            (Some((protocol, Some(_), place)), Ok(_)) => format!("{protocol}://…@{place}"),
            (Some((_, None, _)), Ok(_)) => url.trim().to_owned(),
            _ if url.trim().is_empty() => String::new(),
            // Whatever it is, it may hold a secret.
            _ => "…".to_owned(),
        }
    }

    /// What to store when `typed` replaces `stored`: an address as [`Proxy::masked`] shows the stored one keeps that.
    ///
    /// # Errors
    /// As for [`Proxy::parse`].
    pub fn merged(typed: &str, stored: &str) -> Result<String, BadProxy> {
        let typed = typed.trim();
        if typed.is_empty() || typed == Proxy::masked(stored) {
            return Ok(if typed.is_empty() { String::new() } else { stored.to_owned() });
        }
        if typed.contains('…') {
            return Err(BadProxy::Again);
        }
        Proxy::parse(typed).map(|_| typed.to_owned())
    }
}

/// Scheme, login, and where it is.
fn parts(url: &str) -> Option<(&str, Option<&str>, &str)> {
    let (protocol, rest) = url.split_once("://")?;
    Some(match rest.rsplit_once('@') {
        Some((login, place)) => (protocol, Some(login), place),
        None => (protocol, None, rest),
    })
}

/// A text with `%41` for `A` (RFC 3986 §2.1).
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match first {
            b'%' => {
                let digits = std::str::from_utf8(after.get(..2)?).ok()?;
                rest = &after[2..];
                u8::from_str_radix(digits, 16).ok()?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use crate::connector::proxy::{Protocol, Proxy};

    #[test]
    fn an_address_is_taken_apart() {
        let proxy = Proxy::parse(" http://me:p%40ss%3Aw%C3%A9@proxy.example:3128/ ").unwrap();
        assert_eq!((proxy.protocol, proxy.host.as_str(), proxy.port), (Protocol::Http, "proxy.example", 3128));
        assert_eq!(proxy.login, Some(("me".to_owned(), "p@ss:wé".to_owned())));
        assert_eq!(format!("{proxy:?}"), "Proxy(proxy.example:3128)");
        let socks = Proxy::parse("socks5h://[::1]:1080").unwrap();
        assert_eq!(
            (socks.protocol, socks.host.as_str(), socks.port, socks.login),
            (Protocol::Socks5, "::1", 1080, None)
        );
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_being_told() {
        for bad in [
            "",
            "proxy.example:3128",
            "https://proxy.example:3128",
            "http://proxy.example",
            "http://me:secret@:3128",
            "http://me:secret@proxy.example:0",
            "http://me:%zz@proxy.example:1",
            "http://:secret@proxy.example:1",
            "http://a%3Ab:secret@proxy.example:1",
            "http://proxy.example:3128/path",
            "socks5://me@proxy.example:1080",
        ] {
            let told = Proxy::parse(bad).unwrap_err();
            assert!(!told.to_string().contains("secret"), "{bad}");
        }
    }

    #[test]
    fn a_login_is_never_shown_and_stays_when_it_is_sent_back_masked() {
        let stored = "http://me:secret@proxy.example:3128";
        let shown = Proxy::masked(stored);
        assert_eq!(shown, "http://…@proxy.example:3128");
        assert_eq!(Proxy::merged(&shown, stored).as_deref(), Ok(stored));
        assert_eq!(Proxy::merged("", stored).as_deref(), Ok(""));
        assert!(Proxy::merged("http://…@other.example:3128", stored).is_err());
        assert_eq!(Proxy::merged("socks5://h:1", stored).as_deref(), Ok("socks5://h:1"));
        assert_eq!(
            (Proxy::masked("me:secret"), Proxy::masked("http://h:1")),
            ("…".to_owned(), "http://h:1".to_owned())
        );
    }
}
