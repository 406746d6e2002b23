//! Headers and paths as the record keeps them: secrets masked. Start at [`lines`] and [`path_for_record`].
//!
//! **Invariant:** no value of a header that proves who somebody is leaves here, and none of a secret in a URL's query. **May import:** nothing of the crate.

use std::borrow::Cow;

use actix_web::http::header::{HeaderMap, HeaderName};
use memchr::memchr;

/// What is kept of the headers of one side, at most.
const MOST_BYTES: usize = 16 << 10;
/// What stands in place of a secret.
const MASK: &[u8] = b"[redacted]";
/// What stands where the rest would be too much.
const CUT: &[u8] = b"(more headers, not kept)\n";

/// Names that hold a secret, by what they contain.
const SECRET_PARTS: [&str; 8] =
    ["authorization", "cookie", "secret", "password", "api-key", "apikey", "credential", "signature"];
/// By how they end.
const SECRET_ENDS: [&str; 2] = ["-key", "token"];
/// Names that end like one and hold none.
const HARMLESS: [&str; 2] = ["idempotency-key", "sec-websocket-key"];

/// Names that nearly every request or reply has: they need not be searched, which takes longer than all the rest.
const COMMON: [&str; 10] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "date",
    "host",
    "server",
    "transfer-encoding",
    "user-agent",
];

/// Parameters of a URL's query that may hold a secret.
const SECRET_PARAMETERS: [&str; 14] = [
    "key",
    "api-key",
    "api_key",
    "apikey",
    "token",
    "access_token",
    "sk",
    "secret",
    "client_secret",
    "password",
    "sig",
    "signature",
    "x-amz-signature",
    "x-amz-security-token",
];

/// Path and query for the record, secrets in the query masked.
pub(super) fn path_for_record(path_and_query: &str) -> String {
    String::from_utf8_lossy(&without_secrets(path_and_query.as_bytes())).into_owned()
}

/// A URL, or a value that may hold one (`Referer`, `Location`, `Link` …), secrets in its query masked.
fn without_secrets(url: &[u8]) -> Cow<'_, [u8]> {
    let Some(query) = memchr(b'?', url).map(|mark| mark + 1) else { return Cow::Borrowed(url) };
    let secret = |pair: &[u8]| {
        let name = &pair[..memchr(b'=', pair)?];
        SECRET_PARAMETERS.iter().any(|secret| name.eq_ignore_ascii_case(secret.as_bytes())).then_some(name.len())
    };
    let pairs = || url[query..].split(|byte| *byte == b'&');
    if pairs().all(|pair| secret(pair).is_none()) {
        return Cow::Borrowed(url);
    }
    let mask = |pair: &[u8]| match secret(pair) {
        Some(name) => [&pair[..=name], "…".as_bytes()].concat(),
        None => pair.to_vec(),
    };
    let masked: Vec<Vec<u8>> = pairs().map(mask).collect();
    Cow::Owned([&url[..query], &masked.join(&b'&')].concat())
}

/// `name: value` and a line feed for each header, in no particular order; bytes as they came.
pub(super) fn lines(headers: &HeaderMap) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    for (name, value) in headers {
        let value = if is_secret(name) { Cow::Borrowed(MASK) } else { without_secrets(value.as_bytes()) };
        if out.len() + name.as_str().len() + value.len() > MOST_BYTES {
            out.extend_from_slice(CUT);
            break;
        }
        for part in [name.as_str().as_bytes(), b": ", &*value, b"\n"] {
            out.extend_from_slice(part);
        }
    }
    out
}

fn is_secret(name: &HeaderName) -> bool {
    let name = name.as_str();
    if COMMON.contains(&name) {
        return false;
    }
    SECRET_PARTS.iter().any(|part| name.contains(part))
        || (SECRET_ENDS.iter().any(|end| name.ends_with(end)) && !HARMLESS.contains(&name))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

    use crate::proxy::heads::{CUT, MOST_BYTES, lines, path_for_record};

    fn kept(pairs: &[(&'static str, &str)]) -> Vec<String> {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        let mut kept: Vec<String> = String::from_utf8(lines(&map)).unwrap().lines().map(str::to_owned).collect();
        kept.sort();
        kept
    }

    #[test]
    fn secrets_are_masked_and_everything_else_is_kept() {
        let secret = ["authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie", "set-cookie", "ocp-key"];
        for name in secret.into_iter().chain(["proxy-authorization", "x-amz-security-token", "cf-access-client-secret"])
        {
            assert_eq!(kept(&[(name, "sesame")]), [format!("{name}: [redacted]")]);
        }
        let plain = [
            ("content-type", "application/json"),
            ("idempotency-key", "a-1"),
            ("x-ratelimit-remaining-tokens", "149984"),
            ("x-request-id", "req_1"),
            ("x-request-id", "req_2"),
        ];
        assert_eq!(kept(&plain), plain.map(|(name, value)| format!("{name}: {value}")));
    }

    #[test]
    fn secrets_in_a_query_are_masked_wherever_a_url_stands() {
        assert_eq!(path_for_record("/v1/models?a=b&API-key=xyz"), "/v1/models?a=b&API-key=…");
        assert_eq!(path_for_record("/v1/models?keys=b&monkey=c&key"), "/v1/models?keys=b&monkey=c&key");
        assert_eq!(path_for_record("/v1/models"), "/v1/models");
        for (name, value, shown) in [
            ("referer", "https://a.example/x?KEY=sesame&lang=de", "https://a.example/x?KEY=…&lang=de"),
            ("location", "/y?b=1&access_token=sesame", "/y?b=1&access_token=…"),
            ("link", "<https://a.example/?sig=sesame>; rel=next", "<https://a.example/?sig=…"),
            ("x-original-url", "/v1/z?a=1&sk=sesame=&b", "/v1/z?a=1&sk=…&b"),
            ("origin", "https://a.example", "https://a.example"),
            ("user-agent", "what? key = none", "what? key = none"),
        ] {
            assert_eq!(kept(&[(name, value)]), [format!("{name}: {shown}")]);
        }
    }

    #[test]
    fn endless_headers_are_cut_and_say_so() {
        let long = "x".repeat(MOST_BYTES - 100);
        let kept = kept(&[("x-a", &long), ("x-b", &long)]);
        assert_eq!(kept.len(), 2);
        assert!(kept.iter().any(|line| line.as_bytes() == CUT.trim_ascii_end()));
    }
}
