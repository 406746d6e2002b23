//! Headers that an upstream gets besides the caller's: `Name: value`, one a line.
//!
//! Start at [`ExtraHeaders::parse`]; [`merged`] and [`masked_headers`] are for whoever shows and edits them.
//! **Invariant:** a value leaves this file only inside a header marked sensitive, or as its last four characters; no error
//! holds one. **May import:** nothing of the crate but the room.

use std::fmt;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::roster::keys::last4;

/// Headers of one connection, whatever its `Connection` header names besides (RFC 9110 §7.6.1).
pub const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The header with which a caller lowers how much is recorded of its request.
pub const RECORD: &str = "x-record";

/// Request headers that are made anew for the upstream, and ours.
pub const REMADE: [&str; 5] = ["host", "content-length", "expect", "accept-encoding", RECORD];

/// Why a line is no header that can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFault {
    /// It is not `Name: value`.
    Shape,
    /// The name is one that the gateway decides about itself.
    Reserved,
    /// A line before has the same name.
    Twice,
    /// There is no value, and none is stored under that name.
    NoValue,
    /// The value holds characters that a header cannot.
    BadValue,
}

/// A line that is no header that can be sent.
#[derive(Debug, PartialEq, Eq)]
pub struct BadHeader {
    /// Which line, from 1.
    pub line: usize,
    /// Its name; empty when it has none.
    pub name: String,
    /// What is wrong.
    pub why: HeaderFault,
}

impl fmt::Display for BadHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BadHeader { line, name, why } = self;
        match why {
            HeaderFault::Shape => write!(f, "line {line} is not `Name: value`"),
            HeaderFault::Reserved => write!(f, "line {line}: {name} cannot be set"),
            HeaderFault::Twice => write!(f, "line {line}: {name} stands there twice"),
            HeaderFault::NoValue => write!(f, "line {line}: {name} has no value"),
            HeaderFault::BadValue => write!(f, "line {line}: the value of {name} is not ASCII"),
        }
    }
}

/// See the module. Empty for most upstreams.
#[derive(Debug, Default)]
pub struct ExtraHeaders(Vec<(HeaderName, HeaderValue)>);

impl ExtraHeaders {
    /// Reads the column.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn parse(text: &str) -> Result<ExtraHeaders, BadHeader> {
        let mut headers: Vec<(HeaderName, HeaderValue)> = Vec::new();
        for (number, line) in lines(text) {
            let bad = |name: &str, why| BadHeader { line: number, name: name.to_owned(), why };
            let (name, value) = pair(line).ok_or_else(|| bad("", HeaderFault::Shape))?;
            let lower = name.as_str();
            if HOP_BY_HOP.contains(&lower) || REMADE.contains(&lower) || lower == "authorization" {
                return Err(bad(lower, HeaderFault::Reserved));
            }
            if headers.iter().any(|(known, _)| *known == name) {
                return Err(bad(lower, HeaderFault::Twice));
            }
            if value.is_empty() {
                return Err(bad(lower, HeaderFault::NoValue));
            }
            let ascii =
                Some(value).filter(|value| value.is_ascii()).and_then(|value| HeaderValue::from_str(value).ok());
            let mut value = ascii.ok_or_else(|| bad(lower, HeaderFault::BadValue))?;
            value.set_sensitive(true);
            headers.push((name, value));
        }
        Ok(ExtraHeaders(headers))
    }

    /// Sets them on a request, each in place of what stands there under its name.
    pub fn put(&self, on: &mut HeaderMap) {
        for (name, value) in &self.0 {
            on.insert(name.clone(), value.clone());
        }
    }

    /// The values, to be kept out of texts.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|(_, value)| value.to_str().ok())
    }
}

/// What to store when `typed` replaces `stored`: a line whose value is blank, or is as [`masked_headers`] shows the stored
/// one, keeps the stored value of that name.
///
/// # Errors
/// The first line that is wrong.
pub fn merged(typed: &str, stored: &str) -> Result<String, BadHeader> {
    let known: Vec<(HeaderName, &str)> = lines(stored).filter_map(|(_, line)| pair(line)).collect();
    let whole = |line: &str| {
        let Some((name, value)) = pair(line) else { return line.to_owned() };
        let before = known.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let value = before.filter(|before| value.is_empty() || value == masked_value(before)).unwrap_or(value);
        let shown = line.split_once(':').map_or("", |(name, _)| name.trim());
        format!("{shown}: {value}")
    };
    // Checked as typed, so that a line's number is the one on the page.
    let filled: Vec<String> =
        typed.lines().map(|line| if line.trim().is_empty() { String::new() } else { whole(line) }).collect();
    ExtraHeaders::parse(&filled.join("\n"))?;
    Ok(filled.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n"))
}

/// The column as it may be shown: names, and the last four characters of the values.
pub fn masked_headers(stored: &str) -> String {
    let line = |line: &str| match line.split_once(':') {
        Some((name, value)) => format!("{}: {}", name.trim(), masked_value(value.trim())),
        None => "…".to_owned(),
    };
    lines(stored).map(|(_, text)| line(text)).collect::<Vec<_>>().join("\n")
}

/// `…a8Qz`. What was typed never looks so: a header is ASCII.
fn masked_value(value: &str) -> String {
    format!("…{}", last4(value))
}

/// The lines that say something, with their numbers from 1.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty())
}

fn pair(line: &str) -> Option<(HeaderName, &str)> {
    let (name, value) = line.split_once(':')?;
    Some((name.trim().parse().ok()?, value.trim()))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderMap;

    use crate::roster::extra_headers::{BadHeader, ExtraHeaders, HeaderFault, masked_headers, merged};

    #[test]
    fn headers_are_set_in_place_of_the_callers() {
        let mut on = HeaderMap::new();
        on.append("x-a".parse().unwrap(), "caller 1".parse().unwrap());
        on.append("x-a".parse().unwrap(), "caller 2".parse().unwrap());
        ExtraHeaders::parse("X-A: ours: 1\n\n  api-key :  secret-0123456 \r\n").unwrap().put(&mut on);
        let all: Vec<_> = on.get_all("x-a").collect();
        assert_eq!((all.len(), all[0].to_str().unwrap()), (1, "ours: 1"));
        assert_eq!(on.get("api-key").unwrap().to_str().unwrap(), "secret-0123456");
        assert!(!format!("{:?}", on.get("api-key").unwrap()).contains("secret"));
    }

    #[test]
    fn what_cannot_be_sent_names_its_line_and_never_its_value() {
        for (text, line, name, why) in [
            ("a: b\nHost: x", 2, "host", HeaderFault::Reserved),
            ("content-length: 5", 1, "content-length", HeaderFault::Reserved),
            ("Authorization: Bearer x", 1, "authorization", HeaderFault::Reserved),
            ("Proxy-Authorization: x", 1, "proxy-authorization", HeaderFault::Reserved),
            ("accept-encoding: br", 1, "accept-encoding", HeaderFault::Reserved),
            ("\n\nTransfer-Encoding: chunked", 3, "transfer-encoding", HeaderFault::Reserved),
            ("a: 1\nA: 2", 2, "a", HeaderFault::Twice),
            ("a:", 1, "a", HeaderFault::NoValue),
            ("a: …abcd", 1, "a", HeaderFault::BadValue),
            ("secret without a name", 1, "", HeaderFault::Shape),
            ("two words: secret", 1, "", HeaderFault::Shape),
        ] {
            let bad = ExtraHeaders::parse(text).unwrap_err();
            assert_eq!(bad, BadHeader { line, name: name.to_owned(), why }, "{text}");
            assert!(!bad.to_string().contains("secret"));
        }
    }

    #[test]
    fn an_edit_keeps_what_is_shown_masked_or_left_blank() {
        let stored = "api-key: secret-of-one-1234\nx-team: seven";
        assert_eq!(masked_headers(stored), "api-key: …1234\nx-team: …");
        assert_eq!(merged(&masked_headers(stored), stored).as_deref(), Ok(stored));
        assert_eq!(
            merged("API-Key:\r\nx-team: …\r\n", stored).as_deref(),
            Ok("API-Key: secret-of-one-1234\nx-team: seven")
        );
        assert_eq!(merged("api-key: new\n\n", stored).as_deref(), Ok("api-key: new"), "a line that is gone is gone");
        assert_eq!(merged("", stored).as_deref(), Ok(""));
        assert_eq!(merged("\nother: …1234", stored).unwrap_err().line, 2);
        assert_eq!(masked_headers("secret by hand"), "…");
    }
}
