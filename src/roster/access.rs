//! How an upstream is told who asks: which header holds its key, if any does. Start at [`Access::parse`].
//!
//! **Invariant:** a key leaves this file only inside a header value marked sensitive; no error holds one.
//! **May import:** nothing of the crate.

use std::str::FromStr;

use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

/// Anthropic refuses requests that do not say which version of its API they mean.
pub const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

/// How the key is sent; the column `auth`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer KEY`.
    #[default]
    Bearer,
    /// `api-key: KEY`, as Azure wants it.
    ApiKey,
    /// `x-api-key: KEY`, as Anthropic wants it.
    XApiKey,
    /// Not at all, and the caller's own neither: a server that knows no keys.
    Nothing,
}

impl Auth {
    /// Each with its word in the column.
    pub const ALL: [(&str, Auth); 4] =
        [("bearer", Auth::Bearer), ("api-key", Auth::ApiKey), ("x-api-key", Auth::XApiKey), ("none", Auth::Nothing)];
    /// The words, for who may choose one.
    pub const WORDS: &str = "bearer, api-key, x-api-key, none";
}

/// A column left empty by hand means the default.
impl FromStr for Auth {
    type Err = ();

    fn from_str(text: &str) -> Result<Auth, ()> {
        let text = Some(text.trim()).filter(|text| !text.is_empty()).unwrap_or("bearer");
        let known = Auth::ALL.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        known.map(|(_, auth)| *auth).ok_or(())
    }
}

/// What stands for an upstream's trust in us on each request.
#[derive(Debug)]
pub struct Access {
    /// How the key is sent.
    pub auth: Auth,
    /// The caller's own credentials are passed on (`sk` is `asis`).
    pub as_is: bool,
    key: Option<(HeaderName, HeaderValue)>,
}

impl Access {
    /// Reads the columns `auth` and `sk`.
    ///
    /// # Errors
    /// A line that names the column.
    pub(super) fn parse(auth: &str, sk: &str) -> Result<Access, String> {
        let auth: Auth = auth.parse().map_err(|()| format!("auth must be one of {}", Auth::WORDS))?;
        let (name, value) = match auth {
            Auth::Nothing => return Ok(Access { auth, as_is: false, key: None }),
            _ if sk.is_empty() => return Err("sk must not be empty".to_owned()),
            _ if sk == "asis" => return Ok(Access { auth, as_is: true, key: None }),
            Auth::Bearer => (AUTHORIZATION, format!("Bearer {sk}")),
            Auth::ApiKey => (HeaderName::from_static("api-key"), sk.to_owned()),
            Auth::XApiKey => (HeaderName::from_static("x-api-key"), sk.to_owned()),
        };
        let mut value = HeaderValue::from_str(&value).map_err(|_| "sk must not hold control characters".to_owned())?;
        value.set_sensitive(true);
        Ok(Access { auth, as_is: false, key: Some((name, value)) })
    }

    /// Whether a key of our own is sent.
    pub(super) fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// Puts the key on a request.
    pub(super) fn put(&self, on: &mut HeaderMap) {
        if let Some((name, value)) = &self.key {
            on.insert(name.clone(), value.clone());
        }
        if self.auth == Auth::XApiKey && !on.contains_key(VERSION.0) {
            on.insert(HeaderName::from_static(VERSION.0), HeaderValue::from_static(VERSION.1));
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderMap;

    use crate::roster::access::{Access, Auth};

    fn put(auth: &str, sk: &str) -> Vec<String> {
        let mut on = HeaderMap::new();
        Access::parse(auth, sk).unwrap().put(&mut on);
        let mut lines: Vec<String> =
            on.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.sort();
        lines
    }

    #[test]
    fn each_way_sends_the_key_in_its_own_header_only() {
        assert_eq!(put("bearer", "k"), ["authorization: Bearer k"]);
        assert_eq!(put("", "k"), ["authorization: Bearer k"]);
        assert_eq!(put("API-key", "k"), ["api-key: k"]);
        assert_eq!(put("x-api-key", "k"), ["anthropic-version: 2023-06-01", "x-api-key: k"]);
        assert!(put("none", "k").is_empty() && put("none", "").is_empty() && put("bearer", "asis").is_empty());
    }

    #[test]
    fn only_who_sends_no_key_needs_none_and_other_words_are_refused() {
        assert!(Access::parse("bearer", "").is_err() && Access::parse("basic", "k").is_err());
        assert!(Access::parse("none", "asis").is_ok_and(|access| !access.as_is), "none is nobody's key");
        assert_eq!(Auth::ALL.map(|(word, _)| word).join(", "), Auth::WORDS);
    }
}
