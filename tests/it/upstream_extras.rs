//! What single upstreams get: headers of their own, other names for models, connections through a proxy.

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::proxy::FakeProxy;
use crate::support::reply::Reply;
use crate::support::row::Row;
use crate::support::samples::{CHAT, good, good_from};
use crate::support::tls;
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between, encoded, upstream_form};

/// The model of [`CHAT`].
const MODEL: &str = "gpt-4o-mini";

fn extra_headers_replace_the_callers_on_every_request(kind: Kind) {
    let upstream = FakeUpstream::with(|seen, before| match (seen.target(), before) {
        ("/v1/models", _) => Reply::json(200, r#"{"data":[{"id":"m"}]}"#),
        (_, 0) => good(),
        _ => Reply::json(403, r#"{"error":{"message":"no access for extra-secret-0001"}}"#),
    });
    let row = upstream.row("a").set("extra_headers", "api-key: extra-secret-0001\nX-Team:  blue");
    let gateway = Gateway::on(kind).upstream(row).secret("extra-secret-0001").start();
    let call = || Call::chat(CHAT).header("X-Team", "red").header("X-Team", "green").header("api-key", "callers");
    assert_eq!(gateway.send(call()).status, 200);
    let refused = gateway.send(call());
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("no access for …0001"), "{}", refused.text());
    let visitor = Visitor::log_in(&gateway);
    let target = format!("/admin/upstreams/{}", gateway.upstream_id("a"));
    visitor.send(&format!("{target}/test"), "back=/admin/upstreams");
    let page = visitor.send(&format!("{target}/test"), &format!("models=m&back={target}"));
    assert!(page.contains("no access for …0001") && !page.contains("extra-secret"), "{page}");
    visitor.send(&format!("{target}/models"), "");
    let seen = upstream.seen();
    assert_eq!(seen.len(), 5);
    for seen in &seen {
        assert_eq!(seen.head.all("api-key"), ["extra-secret-0001"], "{}", seen.head.first);
        assert_eq!(seen.head.all("x-team"), ["blue"], "{}", seen.head.first);
        assert_eq!(seen.head.all("authorization"), ["Bearer sk-secret-of-a"]);
    }
    let records = gateway.records_when(2);
    assert!(records.iter().all(|record| !record.0.to_string().contains("extra-secret")), "{records:?}");
}

fn headers_are_edited_without_their_values_ever_being_shown(kind: Kind) {
    let gateway = Gateway::on(kind).secret("team-secret-4321").start();
    let visitor = Visitor::log_in(&gateway);
    let form = |headers: &str| {
        format!(
            "{}&extra_headers={}",
            upstream_form("one", "https://one.example/v1", "sk-one-123456789"),
            encoded(headers)
        )
    };
    for (headers, problem) in [
        ("x-a: 1\nHost: evil", "line 2: host cannot be set"),
        ("Content-Length: 3", "line 1: content-length cannot be set"),
        ("authorization: Bearer x", "line 1: authorization cannot be set"),
        ("Connection: close", "line 1: connection cannot be set"),
        ("x-a: 1\nX-A: 2", "line 2: x-a stands there twice"),
        ("x-a:", "line 1: x-a has no value"),
        ("only a value", "line 1 is not Name: value"),
    ] {
        let answer = visitor.post("/admin/upstreams", &form(headers));
        assert_eq!(answer.status, 422, "{headers}");
        let page = answer.text();
        assert!(between(&page, "id=\"extra_headers-wrong\">", "<").contains(problem), "{headers}: {page}");
    }
    visitor.send("/admin/upstreams", &form("api-key: team-secret-4321\r\nX-Team: blue-and-green"));
    let stored = || gateway.upstream_column("one", "extra_headers");
    assert_eq!(stored(), "api-key: team-secret-4321\nX-Team: blue-and-green");
    let target = format!("/admin/upstreams/{}", gateway.upstream_id("one"));
    let edit = |headers: &str| {
        let page = visitor.page(&target);
        assert!(page.contains("…") && !page.contains("team-secret"), "{page}");
        let version = between(&page, "name=\"version\" value=\"", "\"");
        visitor.send(&target, &format!("version={version}&{}", form(headers)))
    };
    assert!(visitor.page(&target).contains("api-key: …4321\nX-Team: …reen</textarea>"));
    edit("api-key: …4321\nX-Team: red\nX-New: a-new-value");
    assert_eq!(stored(), "api-key: team-secret-4321\nX-Team: red\nX-New: a-new-value");
    edit("api-key:");
    assert_eq!(stored(), "api-key: team-secret-4321", "a blank value is the stored one, a line that is gone is gone");
    let shown = gateway.admin("GET", &target, "");
    assert_eq!(shown.json()["extra_headers"], "api-key: …4321");
    let sent_back = gateway.admin("PUT", &target, &shown.text());
    assert_eq!((sent_back.status, stored().as_str()), (200, "api-key: team-secret-4321"), "{}", sent_back.text());
    let wrong = gateway.admin("PUT", &target, r#"{"extra_headers":["host: x"]}"#);
    assert_eq!(wrong.status, 400, "{}", wrong.text());
    let copy = visitor.page(&format!("/admin/upstreams/new?from={}", gateway.upstream_id("one")));
    assert!(copy.contains("api-key: …4321") && !copy.contains("team-secret"), "{copy}");
    let audit = visitor.page("/admin/settings?tab=audit");
    assert!(audit.contains("X-Team: …reen → ") || audit.contains("extra_headers api-key: …4321"), "{audit}");
    assert!(
        !audit.contains("team-secret") && !audit.contains("blue-and-green") && !audit.contains("a-new-value"),
        "{audit}"
    );
}

fn a_model_goes_by_another_name_at_one_upstream_only(kind: Kind) {
    let first = FakeUpstream::always(Reply::json(503, r#"{"error":{"message":"busy"}}"#));
    let second = FakeUpstream::always(good());
    let gateway = Gateway::with(
        kind,
        [
            first.row("a").set("model_map", "gpt-4o-mini = my \"mini\"\nother = x").set("allow_models", "gpt-4o"),
            second.row("b"),
        ],
    );
    let body = " {\"n\": 1.0e0,\n\t\"model\" : \"gpt-4o-mini\",\"messages\":[ {\"role\":\"user\",\"content\":\"\\u4f60 \\\"model\\\":\\\"gpt-4o-mini\\\"\"} ] }\n";
    assert_eq!(gateway.send(Call::post("/v1/chat/completions", body)).status, 200);
    let sent = first.only();
    assert_eq!(sent.text(), body.replacen("\"gpt-4o-mini\"", r#""my \"mini\"""#, 1), "no other byte changes");
    assert_eq!(sent.head.get("content-length"), Some(sent.body.len().to_string().as_str()));
    assert_eq!(second.only().text(), body);
    let record = gateway.records_when(1).remove(0);
    assert_eq!((record.text("model"), record.text("model_sent")), (MODEL, MODEL), "the one that answered");

    first.now_answers(good());
    gateway.edit("UPDATE openai_upstreams SET enabled = true, weight = 2");
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    assert_eq!(gateway.send(Call::post("/v1/chat/completions", r#"{"model":"gpt-5"}"#)).status, 200);
    let records = gateway.records_when(3);
    assert_eq!((records[1].text("model"), records[1].text("model_sent")), (MODEL, "my \"mini\""));
    assert_eq!(records[1].text("body"), CHAT, "the record keeps what the caller sent");
    assert_eq!(records[0].text("model_sent"), "gpt-5");
    assert_eq!((first.count(), second.count()), (2, 2), "what is mapped is allowed, and gpt-5 is not");
}

on_both!(
    extra_headers_replace_the_callers_on_every_request,
    headers_are_edited_without_their_values_ever_being_shown,
    a_model_goes_by_another_name_at_one_upstream_only,
);

#[test]
fn a_body_too_large_to_hold_is_renamed_as_it_passes_and_uploads_are_left_alone() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::on(Kind::Sqlite)
        .upstream(upstream.row("a").set("model_map", "m = a-much-longer-name"))
        .setting("replay_buffer_bytes", "1000")
        .start();
    let body = format!(r#"{{"model":"m","input":"{}"}}"#, "x".repeat(200_000));
    let expected = body.replacen("\"m\"", "\"a-much-longer-name\"", 1);
    assert_eq!(gateway.send(Call::post("/v1/embeddings", &body)).status, 200);
    assert_eq!(gateway.send(Call::post("/v1/embeddings", &body).chunked()).status, 200);
    let upload = "--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--B--\r\n";
    let call = Call::new("POST", "/v1/audio/transcriptions").header("Content-Type", "multipart/form-data; boundary=B");
    assert_eq!(gateway.send(call.body(upload)).status, 200);
    let digest = Call::post("/v1/embeddings", r#"{"model":"m"}"#).header("Content-Digest", "sha-256=:x:");
    assert_eq!(gateway.send(digest).status, 200);
    let seen = upstream.seen();
    assert_eq!((seen[0].text() == expected, seen[1].text() == expected), (true, true));
    assert_eq!(seen[0].head.get("content-length"), Some(expected.len().to_string().as_str()));
    assert_eq!(seen[2].text(), upload);
    assert_eq!(
        (seen[3].text().as_str(), seen[3].head.get("content-digest")),
        (r#"{"model":"a-much-longer-name"}"#, None)
    );
    let records = gateway.records_when(4);
    let told: Vec<_> = records.iter().map(|record| record.text("model_sent")).collect();
    assert_eq!(told, ["a-much-longer-name", "m", "a-much-longer-name", "a-much-longer-name"]);
    assert_eq!(records[3].text("body"), body, "the record keeps what the caller sent");
}

#[test]
fn a_test_asks_for_a_model_by_the_name_it_has_there() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a").set("model_map", "m = there")]);
    let visitor = Visitor::log_in(&gateway);
    let target = format!("/admin/upstreams/{}/test", gateway.upstream_id("a"));
    visitor.send(&target, "models=m&back=/admin/upstreams");
    assert!(upstream.only().text().contains(r#""model":"there""#), "{}", upstream.only().text());
    let wrong = upstream_form("b", "https://b.example/v1", "sk-b-123456789");
    for (map, told) in [("a = b\nc", "c is not asked = sent"), ("a=b,a=c", "a=c maps a name that is mapped already")] {
        let answer = visitor.post("/admin/upstreams", &format!("{wrong}&model_map={}", encoded(map)));
        assert_eq!(answer.status, 422);
        assert!(between(&answer.text(), "id=\"model_map-wrong\">", "<").contains(told), "{}", answer.text());
    }
}

/// An upstream under a name that only proxies know.
fn hidden(name: &str, scheme: &str, host: &str, upstream: &FakeUpstream, proxy: &str) -> Row {
    let endpoint = format!("{scheme}://{host}:{}/v1", upstream.address().port());
    upstream.row(name).set("endpoint", endpoint).set("proxy", proxy)
}

#[test]
fn connections_go_through_a_proxy_and_are_pooled_behind_it() {
    for (proxy, login) in [
        (FakeProxy::http(None), ""),
        (FakeProxy::http(Some(("me", "p@ss:word"))), "me:p%40ss%3Aword@"),
        (FakeProxy::socks5(None), ""),
        (FakeProxy::socks5(Some(("me", "p@ss:word"))), "me:p%40ss%3Aword@"),
        (FakeProxy::socks5(None), "me:never-asked-for@"),
    ] {
        let url = proxy.url(login);
        let upstream = FakeUpstream::always(good());
        let row = hidden("a", "http", "only-the-proxy-knows.test", &upstream, &url);
        let gateway =
            Gateway::on(Kind::Sqlite).args(&["-workers", "1"]).upstream(row).secret("p%40ss").secret("p@ss").start();
        for _ in 0..3 {
            let answer = gateway.send(Call::chat(CHAT));
            assert_eq!(answer.status, 200, "{url}: {}", answer.text());
        }
        let port = upstream.address().port();
        assert_eq!(proxy.asked(), [format!("only-the-proxy-knows.test:{port}")], "{url}");
        assert_eq!((upstream.count(), upstream.connections()), (3, 1));
        assert_eq!(upstream.seen()[0].head.get("host"), Some(format!("only-the-proxy-knows.test:{port}").as_str()));
        assert!(upstream.seen()[0].head.get("proxy-authorization").is_none());
        gateway.edit("UPDATE openai_upstreams SET proxy = '', endpoint = replace(endpoint, 'only-the-proxy-knows.test', '127.0.0.1')");
        assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
        assert_eq!((proxy.asked().len(), upstream.connections()), (1, 2), "directly it is another connection");
    }
}

#[test]
fn tls_is_spoken_with_the_upstream_itself_through_either_kind_of_proxy() {
    let identity = tls::self_signed();
    let upstream = FakeUpstream::tls(&identity, good());
    let trusted =
        std::env::temp_dir().join(format!("trusted-{}-{}.pem", std::process::id(), upstream.address().port()));
    std::fs::write(&trusted, &identity.pem).unwrap();
    for (proxy, host) in [(FakeProxy::http(None), "localhost"), (FakeProxy::socks5(None), "127.0.0.1")] {
        let row = hidden("a", "https", host, &upstream, &proxy.url(""));
        let plan = Gateway::on(Kind::Sqlite).env("SSL_CERT_FILE", trusted.to_str().unwrap());
        let gateway = plan.upstream(row).start();
        let answer = gateway.send(Call::chat(CHAT));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(proxy.asked(), [format!("{host}:{}", upstream.address().port())]);
    }
    std::fs::remove_file(&trusted).unwrap();
}

fn a_proxy_that_fails_is_its_upstreams_failure_and_the_next_one_is_asked(kind: Kind) {
    let good = FakeUpstream::always(good_from("b"));
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unreachable = Row::new("a", &format!("http://{nobody}/v1"), "sk-secret-of-a");
    let (http, socks) = (FakeProxy::http(Some(("me", "right"))), FakeProxy::socks5(Some(("me", "right"))));
    let rows = [
        (format!("http://me:right@{nobody}"), "connection refused"),
        (http.url("me:wrong-secret@"), "(407)"),
        (http.url("me:right@"), "answered CONNECT with 502"),
        (socks.url(""), "wants to be logged in to in another way"),
        (socks.url("me:wrong-secret@"), "refuses the user name or password"),
        (socks.url("me:right@"), "the target refuses connections"),
        (socks.url("").replace("socks5", "http"), "closed without an answer to CONNECT"),
    ];
    let plan = Gateway::on(kind).secret("wrong-secret").secret("me:right");
    let plan = rows.iter().fold(plan, |plan, (proxy, _)| {
        plan.upstream(
            unreachable.clone().set("proxy", proxy).set("sk", format!("sk-secret-{proxy}").replace("me:", "")),
        )
    });
    let gateway = plan.upstream(good.row("b")).start();
    let answer = gateway.send(Call::chat(CHAT));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let attempts = gateway.record().attempts();
    assert_eq!(attempts.len(), rows.len() + 1);
    for (attempt, (proxy, words)) in attempts.iter().zip(&rows) {
        let error = attempt["error"].as_str().unwrap();
        assert!(error.contains("the proxy 127.0.0.1:") && error.contains(words), "{proxy}: {error}");
        assert!(!error.contains("secret") && !error.contains("right"), "{error}");
    }
}

fn a_proxys_login_is_never_shown(kind: Kind) {
    let gateway = Gateway::on(kind).secret("proxy-secret").start();
    let visitor = Visitor::log_in(&gateway);
    let form = |proxy: &str| {
        format!("{}&proxy={}", upstream_form("one", "https://one.example/v1", "sk-one-123456789"), encoded(proxy))
    };
    for (proxy, problem) in [
        ("https://h:1", "must be like"),
        ("http://h", "must be like"),
        ("socks5://me@h:1", "cannot be sent"),
        ("http://…@h:1", "type user name and password again"),
    ] {
        let answer = visitor.post("/admin/upstreams", &form(proxy));
        assert_eq!(answer.status, 422, "{proxy}");
        assert!(between(&answer.text(), "id=\"proxy-wrong\">", "<").contains(problem), "{proxy}: {}", answer.text());
    }
    visitor.send("/admin/upstreams", &form("http://me:proxy-secret@proxy.example:3128"));
    let target = format!("/admin/upstreams/{}", gateway.upstream_id("one"));
    let page = visitor.page(&target);
    assert!(page.contains(r#"value="http://…@proxy.example:3128""#) && !page.contains("proxy-secret"), "{page}");
    let version = between(&page, "name=\"version\" value=\"", "\"");
    visitor.send(&target, &format!("version={version}&{}", form("http://…@proxy.example:3128")));
    let stored = || gateway.upstream_column("one", "proxy");
    assert_eq!(stored(), "http://me:proxy-secret@proxy.example:3128");
    let shown = gateway.admin("GET", &target, "").text();
    assert!(shown.contains("http://…@proxy.example:3128") && !shown.contains("proxy-secret"), "{shown}");
    assert_eq!(gateway.admin("PUT", &target, &shown).status, 200);
    assert_eq!(stored(), "http://me:proxy-secret@proxy.example:3128");
    assert_eq!(gateway.admin("PUT", &target, r#"{"proxy":"socks5://other.example:1080"}"#).status, 200);
    let audit = visitor.page("/admin/settings?tab=audit");
    assert!(audit.contains("http://…@proxy.example:3128 → socks5://other.example:1080"), "{audit}");
    assert!(!audit.contains("proxy-secret"), "{audit}");
    gateway.edit("UPDATE openai_upstreams SET proxy = 'me:proxy-secret'");
    assert!(gateway.log().contains("proxy must be like"), "{}", gateway.log());
    assert!(!visitor.page(&target).contains("proxy-secret"));
}

on_both!(a_proxy_that_fails_is_its_upstreams_failure_and_the_next_one_is_asked, a_proxys_login_is_never_shown,);
