//! What reaches the upstream and what comes back: methods, paths, headers.

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::http::Framing;
use crate::support::on_both;
use crate::support::reply::Reply;
use crate::support::samples::{CHAT, COMPLETION, good, good_stream};
use crate::support::tls;
use crate::support::upstream::FakeUpstream;

fn v1_is_cut_and_the_rest_appended_to_the_endpoints_own_path(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    for (endpoint, asked, reaches) in [
        ("/v1", "/v1/chat/completions", "/v1/chat/completions"),
        ("/openai/v1", "/v1/chat/completions?a=b", "/openai/v1/chat/completions?a=b"),
        ("/v1/", "/v1/models", "/v1/models"),
        ("", "/v1/models", "/models"),
        ("/", "/v1/models", "/models"),
        ("/deep/er/path", "/v1/files/file-1/content", "/deep/er/path/files/file-1/content"),
        ("/v1", "/v1/v1/models", "/v1/v1/models"),
    ] {
        gateway.edit(&format!("UPDATE openai_upstreams SET endpoint = '{}'", upstream.url(endpoint)));
        assert_eq!(gateway.send(Call::get(asked)).status, 200);
        assert_eq!(upstream.seen().last().unwrap().target(), reaches, "{asked} at an endpoint with {endpoint:?}");
    }
}

#[test]
fn path_and_query_arrive_byte_for_byte() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    for target in [
        "/v1/x?q=%2F%20+&r=a%26b&&=&q=2",
        "/v1/a%2Fb/%E4%BD%A0?name=%e4%bd%a0",
        "/v1/files?purpose=fine-tune&after=file-1&limit=2",
        "/v1/x?a=b?c=d/../e",
        "/v1/some/path/nobody/knows",
        "/v1/models/ft:gpt-4o:org::id",
    ] {
        assert_eq!(gateway.send(Call::get(target)).status, 200);
        assert_eq!(upstream.seen().last().unwrap().target(), target);
    }
}

fn every_method_is_forwarded(kind: Kind) {
    let upstream = FakeUpstream::always(Reply::json(200, "{}"));
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "PURGE"];
    for method in methods {
        let answer = gateway.send(Call::new(method, "/v1/things/1"));
        assert_eq!((answer.status, answer.text().as_str()), (200, "{}"), "{method}");
    }
    let seen: Vec<String> = upstream.seen().iter().map(|seen| seen.method().to_owned()).collect();
    assert_eq!(seen, methods);
    let recorded: Vec<String> = gateway.records_when(6).iter().rev().map(|r| r.text("method").to_owned()).collect();
    assert_eq!(recorded, methods);
}

#[test]
fn replies_without_a_body_have_none() {
    let upstream = FakeUpstream::with(|seen, _| match seen.target() {
        "/v1/204" => Reply::head(204, &[("X-Request-Id", "r1")]),
        "/v1/304" => Reply::head(304, &[("X-Request-Id", "r1"), ("ETag", "\"e\"")]),
        _ => Reply::head(200, &[("X-Request-Id", "r1"), ("Content-Length", "10"), ("Content-Type", "text/plain")]),
    });
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    for (method, target, status) in [("DELETE", "/v1/204", 204), ("GET", "/v1/304", 304), ("HEAD", "/v1/head", 200)] {
        let mut exchange = Call::new(method, target).open(gateway.address());
        exchange.head();
        // A second request on the same connection: stray bytes after the first answer would show as its head.
        exchange.write(
            format!("GET /v1/204 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", crate::support::KEY)
                .as_bytes(),
        );
        let (first, second) = exchange.finish_and_next();
        assert_eq!((first.status, first.header("x-request-id"), first.body.len()), (status, Some("r1"), 0));
        assert_eq!(second.word(1), "204", "after {method} {target}");
        assert!(first.header("transfer-encoding").is_none(), "{method}: {:?}", first.head.headers);
    }
}

#[test]
fn headers_of_the_request_pass_unless_they_are_the_callers_own_business() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let passing = [
        ("Accept", "application/json"),
        ("Accept-Encoding", "gzip"),
        ("User-Agent", "OpenAI/Python 1.99.0"),
        ("OpenAI-Beta", "assistants=v2"),
        ("Idempotency-Key", "idem-1"),
        ("X-Stainless-Retry-Count", "0"),
        ("X_Under_Score", "1"),
        ("X-Twice", "1"),
        ("X-Twice", "2"),
    ];
    let kept_back = [
        ("Cookie", "session=callers-cookie"),
        ("OpenAI-Organization", "org-callers"),
        ("OpenAI-Project", "proj-callers"),
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Forwarded-Host", "callers.example"),
        ("X-Real-IP", "203.0.113.9"),
        ("Forwarded", "for=203.0.113.9"),
        ("api-key", "client-key-for-tests-0001"),
        ("x-api-key", "client-key-for-tests-0001"),
        ("Connection", "x-only-to-the-gateway"),
        ("X-Only-To-The-Gateway", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Authorization", "Basic cHJveHk="),
        ("TE", "trailers"),
    ];
    let call = passing.iter().chain(&kept_back).fold(Call::chat(CHAT), |call, (name, value)| call.header(name, value));
    assert_eq!(gateway.send(call).status, 200);
    let head = upstream.only().head;
    assert_eq!(head.all("authorization"), ["Bearer sk-secret-of-a"]);
    assert_eq!(head.all("host"), [upstream.address().to_string()]);
    assert_eq!(head.all("content-type"), ["application/json"]);
    assert_eq!(head.all("content-length"), [CHAT.len().to_string()]);
    for (name, _) in passing {
        let sent: Vec<&str> = passing.iter().filter(|(n, _)| *n == name).map(|(_, value)| *value).collect();
        assert_eq!(head.all(name), sent, "{name}");
    }
    for (name, value) in kept_back {
        assert!(!head.all(name).contains(&value), "{name} is kept back");
        assert!(name == "Connection" || head.get(name).is_none(), "{name} is kept back");
    }
}

#[test]
fn nothing_is_asked_of_the_upstream_that_the_caller_did_not_ask() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    assert_eq!(gateway.send(Call::get("/v1/models")).status, 200);
    let head = upstream.only().head;
    for name in ["accept", "user-agent", "content-type", "transfer-encoding", "cookie"] {
        assert_eq!(head.get(name), None, "{:?}", head.headers);
    }
    // Saying that no compression is wished says nothing new.
    assert!([None, Some("identity")].contains(&head.get("accept-encoding")));
    assert!([None, Some("0")].contains(&head.get("content-length")));
}

fn an_upstream_may_be_sent_headers_that_are_kept_back_otherwise(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a").set("keep_header", "OpenAI-Organization,cookie")]);
    let call = Call::chat(CHAT).header("openai-organization", "org-1").header("Cookie", "a=b");
    assert_eq!(gateway.send(call.header("OpenAI-Project", "proj-1")).status, 200);
    let head = upstream.only().head;
    assert_eq!((head.get("openai-organization"), head.get("cookie")), (Some("org-1"), Some("a=b")));
    assert_eq!(head.get("openai-project"), None);
}

fn asis_passes_the_callers_credentials(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::on(kind).args(&["-noauth"]).secret("sk-of-the-caller-9999");
    let gateway = gateway.upstream(upstream.row("a").set("sk", "asis")).start();
    let own = Call::chat(CHAT).without("Authorization").header("Authorization", "Bearer sk-of-the-caller-9999");
    assert_eq!(gateway.send(own).status, 200);
    assert_eq!(upstream.only().head.all("authorization"), ["Bearer sk-of-the-caller-9999"]);
    assert!(!gateway.record().0.to_string().contains("sk-of-the-caller-9999"));
}

#[test]
fn status_and_headers_of_the_reply_reach_the_caller() {
    let headers = [
        ("X-Request-Id", "req_123"),
        ("OpenAI-Processing-Ms", "42"),
        ("X-RateLimit-Remaining-Requests", "59"),
        ("X-RateLimit-Reset-Tokens", "6m0s"),
        ("OpenAI-Version", "2020-10-01"),
        ("X-Twice", "1"),
        ("X-Twice", "2"),
        ("Connection", "X-Only-To-The-Gateway"),
        ("X-Only-To-The-Gateway", "1"),
        ("Keep-Alive", "timeout=5"),
    ];
    let upstream = FakeUpstream::always(Reply::json_with(207, &headers, COMPLETION));
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let answer = gateway.send(Call::chat(CHAT));
    assert_eq!((answer.status, answer.text().as_str()), (207, COMPLETION));
    for (name, value) in &headers[..5] {
        assert_eq!(answer.head.all(name), [*value]);
    }
    assert_eq!(answer.head.all("x-twice"), ["1", "2"]);
    assert_eq!(answer.head.all("content-type"), ["application/json"]);
    assert_eq!(answer.head.all("content-length"), [COMPLETION.len().to_string()]);
    for name in ["x-only-to-the-gateway", "keep-alive"] {
        assert_eq!(answer.header(name), None);
    }
    assert_eq!(answer.head.all("date").len(), 1);
}

#[test]
fn a_redirect_is_the_callers_to_follow() {
    let elsewhere = FakeUpstream::always(good());
    let location = elsewhere.url("/v1/models");
    let upstream = FakeUpstream::always(Reply::sized(307, &[("Location", &location)], ""));
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let answer = gateway.send(Call::get("/v1/models"));
    assert_eq!((answer.status, answer.header("location")), (307, Some(location.as_str())));
    assert_eq!(elsewhere.count(), 0);
}

#[test]
fn a_path_that_climbs_out_of_the_endpoints_is_refused() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    for target in ["/v1/../admin", "/v1/files/%2e%2E/%2e./secret", "/v1/./models"] {
        let answer = gateway.send(Call::get(target));
        assert!([400, 404].contains(&answer.status), "{target}: {}", answer.status);
    }
    assert_eq!(upstream.count(), 0);
}

#[test]
fn connections_to_the_upstream_are_kept_and_used_again() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::on(Kind::Sqlite).args(&["-workers", "1"]).upstream(upstream.row("a")).start();
    for _ in 0..10 {
        assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    }
    assert_eq!((upstream.count(), upstream.connections()), (10, 1));
}

#[test]
fn an_event_stream_tells_proxies_not_to_hold_it_back() {
    let upstream = FakeUpstream::always(good_stream());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let answer = gateway.send(Call::chat(crate::support::samples::CHAT_STREAM));
    assert_eq!(answer.head.all("x-accel-buffering"), ["no"]);
    assert_eq!((answer.header("content-type"), answer.framing), (Some("text/event-stream"), Framing::Chunked));
    assert_eq!(answer.header("content-encoding"), None);
}

#[test]
fn an_upstream_whose_certificate_the_system_trusts_is_spoken_to_in_tls() {
    let identity = tls::self_signed();
    let upstream = FakeUpstream::tls(&identity, good());
    let folder = crate::support::database::Folder::new();
    let trusted = folder.file("trusted.pem");
    std::fs::write(&trusted, &identity.pem).unwrap();
    let plan = Gateway::on(Kind::Sqlite).env("SSL_CERT_FILE", trusted.to_str().unwrap());
    let gateway = plan.upstream(upstream.row("a")).start();
    let answer = gateway.send(Call::chat(CHAT));
    assert_eq!((answer.status, answer.text().as_str()), (200, COMPLETION));
    assert_eq!(upstream.only().text(), CHAT);
}

on_both! {
    v1_is_cut_and_the_rest_appended_to_the_endpoints_own_path,
    every_method_is_forwarded,
    an_upstream_may_be_sent_headers_that_are_kept_back_otherwise,
    asis_passes_the_callers_credentials,
}
