//! Headers as the record keeps them: a line each, secrets masked.
//!
//! **Invariant:** no value of a header that proves who somebody is leaves here. **May import:** nothing of the crate.

use actix_web::http::header::{HeaderMap, HeaderName};

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

/// `name: value` and a line feed for each header, in no particular order; bytes as they came.
pub(super) fn lines(headers: &HeaderMap) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    for (name, value) in headers {
        let value = if is_secret(name) { MASK } else { value.as_bytes() };
        if out.len() + name.as_str().len() + value.len() > MOST_BYTES {
            out.extend_from_slice(CUT);
            break;
        }
        for part in [name.as_str().as_bytes(), b": ", value, b"\n"] {
            out.extend_from_slice(part);
        }
    }
    out
}

fn is_secret(name: &HeaderName) -> bool {
    let name = name.as_str();
    SECRET_PARTS.iter().any(|part| name.contains(part))
        || (SECRET_ENDS.iter().any(|end| name.ends_with(end)) && !HARMLESS.contains(&name))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

    use crate::proxy::heads::{CUT, MOST_BYTES, lines};

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
    fn endless_headers_are_cut_and_say_so() {
        let long = "x".repeat(MOST_BYTES - 100);
        let kept = kept(&[("x-a", &long), ("x-b", &long)]);
        assert_eq!(kept.len(), 2);
        assert!(kept.iter().any(|line| line.as_bytes() == CUT.trim_ascii_end()));
    }
}
