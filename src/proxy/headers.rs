//! Which headers pass, in either direction: pure functions over header maps.
//!
//! Hop-by-hop headers belong to one connection (RFC 9110 §7.6.1); private ones belong to the caller and us. Everything else
//! is end-to-end and passes untouched. **May import:** `roster` (what an upstream keeps).

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::roster::{HOP_BY_HOP, KeepHeaders, REMADE};

/// What proves who the caller is.
const CREDENTIALS: [&str; 3] = ["authorization", "api-key", "x-api-key"];

/// What else is the caller's own business: cookies, its OpenAI account, its addresses.
const PRIVATE: [&str; 14] = [
    "cookie",
    "openai-organization",
    "openai-project",
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-original-forwarded-for",
];

/// Headers that vouch for the body's bytes (RFC 9530, RFC 3230, RFC 1864).
pub(super) const DIGESTS: [&str; 3] = ["content-digest", "digest", "content-md5"];

/// Reply headers that say who may read the reply in a browser; ours replace the upstream's.
const CORS: [(HeaderName, HeaderValue); 3] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, GET, OPTIONS, PUT, DELETE, PATCH")),
    // `*` alone would not cover Authorization (Fetch standard, "CORS non-wildcard request-header name").
    (header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Origin, Authorization, Content-Type, *")),
];

/// The caller's headers for an upstream, without `Authorization` unless `as_is`, and without `Host`.
pub(super) fn for_upstream(from: &HeaderMap, keep: &KeepHeaders, as_is: bool, out: &mut HeaderMap) {
    let named = named_by_connection(from);
    for (name, value) in from {
        let text = name.as_str();
        let passes = if HOP_BY_HOP.contains(&text) || REMADE.contains(&text) {
            false
        } else if CREDENTIALS.contains(&text) {
            as_is || kept_by_name(keep, name)
        } else if PRIVATE.contains(&text) {
            matches!(keep, KeepHeaders::All) || kept_by_name(keep, name)
        } else {
            !named.iter().any(|n| n.eq_ignore_ascii_case(text))
        };
        if passes {
            out.append(name.clone(), value.clone());
        }
    }
}

fn kept_by_name(keep: &KeepHeaders, name: &HeaderName) -> bool {
    matches!(keep, KeepHeaders::Names(names) if names.contains(name))
}

/// The names that a `Connection` header declares hop-by-hop.
fn named_by_connection(headers: &HeaderMap) -> Vec<&str> {
    let Some(value) = headers.get(header::CONNECTION).and_then(|value| value.to_str().ok()) else {
        return Vec::new();
    };
    if value.eq_ignore_ascii_case("keep-alive") || value.eq_ignore_ascii_case("close") {
        return Vec::new();
    }
    value.split(',').map(str::trim).collect()
}

/// What the upstream may compress with: gzip when the caller takes it, nothing for a stream, which is read as it passes.
pub(super) fn accept_encoding(from: &HeaderMap, stream: bool) -> HeaderValue {
    let takes_gzip = from
        .get_all(header::ACCEPT_ENCODING)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| matches!(coding.trim(), "gzip" | "*"));
    HeaderValue::from_static(if takes_gzip && !stream { "gzip" } else { "identity" })
}

/// The upstream's headers for the caller. `Content-Length` is said by the body itself.
pub(super) fn for_caller(from: &HeaderMap, out: &mut HeaderMap) {
    let named = named_by_connection(from);
    for (name, value) in from {
        let text = name.as_str();
        let ours =
            HOP_BY_HOP.contains(&text) || *name == header::CONTENT_LENGTH || CORS.iter().any(|(cors, _)| cors == name);
        if !ours && !named.iter().any(|n| n.eq_ignore_ascii_case(text)) {
            out.append(name.clone(), value.clone());
        }
    }
}

/// Lets browsers read the reply, as the original does.
pub(super) fn add_cors(out: &mut HeaderMap) {
    for (name, value) in CORS {
        out.insert(name, value);
    }
}

/// A reply that is a stream of events.
pub(super) fn is_event_stream(headers: &HeaderMap) -> bool {
    headers
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.trim_start().starts_with("text/event-stream"))
}

#[cfg(test)]
mod tests {
    use crate::proxy::headers::for_upstream;
    use crate::roster::KeepHeaders;
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map
    }

    fn passed(keep: &KeepHeaders, as_is: bool) -> Vec<String> {
        let from = map(&[
            ("authorization", "Bearer x"),
            ("api-key", "x"),
            ("cookie", "c"),
            ("openai-organization", "o"),
            ("x-forwarded-for", "1.2.3.4"),
            ("connection", "keep-alive, x-hop"),
            ("x-hop", "1"),
            ("te", "trailers"),
            ("host", "us"),
            ("x-record", "off"),
            ("openai-beta", "assistants=v2"),
            ("x-stainless-lang", "python"),
        ]);
        let mut out = HeaderMap::new();
        for_upstream(&from, keep, as_is, &mut out);
        let mut names: Vec<String> = out.keys().map(|name| name.as_str().to_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn only_end_to_end_headers_reach_the_upstream() {
        assert_eq!(passed(&KeepHeaders::No, false), ["openai-beta", "x-stainless-lang"]);
    }

    #[test]
    fn an_upstream_can_keep_private_headers_but_gets_credentials_only_by_name_or_as_is() {
        let all = ["cookie", "openai-beta", "openai-organization", "x-forwarded-for", "x-stainless-lang"];
        assert_eq!(passed(&KeepHeaders::All, false), all);
        let named = KeepHeaders::Names(vec![HeaderName::from_static("api-key")]);
        assert_eq!(passed(&named, false), ["api-key", "openai-beta", "x-stainless-lang"]);
        assert_eq!(passed(&KeepHeaders::No, true), ["api-key", "authorization", "openai-beta", "x-stainless-lang"]);
    }
}
