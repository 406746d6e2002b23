//! Headers in the record: what the caller and the upstream sent, secrets masked, no more than the level allows.

use serde_json::{Value, json};

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::{Gateway, Plan};
use crate::support::reply::Reply;
use crate::support::samples::{CHAT, COMPLETION};
use crate::support::upstream::FakeUpstream;
use crate::support::{KEY, PASSWORD, on_both};

/// Secrets that callers and upstreams send in headers.
const SECRETS: [&str; 5] = [KEY, "azure-secret-4711", "cookie-secret-4712", "reply-secret-4713", "address-secret-4714"];

fn plan(kind: Kind, upstream: &FakeUpstream) -> Plan {
    SECRETS.iter().fold(Gateway::on(kind), |plan, secret| plan.secret(secret)).upstream(upstream.row("a"))
}

fn upstream() -> FakeUpstream {
    let headers = [
        ("X-Request-Id", "req_0815"),
        ("X-RateLimit-Remaining-Tokens", "149984"),
        ("Location", "/v1/files?access_token=address-secret-4714"),
        ("Set-Cookie", "session=reply-secret-4713; HttpOnly"),
    ];
    FakeUpstream::always(Reply::json_with(200, &headers, COMPLETION))
}

fn call() -> Call {
    Call::chat(CHAT)
        .header("User-Agent", "OpenAI/Python 1.99.0")
        .header("X-Stainless-Lang", "python")
        .header("Idempotency-Key", "retry-4")
        .header("X-Api-Key", "azure-secret-4711")
        .header("Cookie", "a=cookie-secret-4712")
        .header("Referer", "https://app.example/chat?theme=dark&key=address-secret-4714&tab=2")
}

fn heads(gateway: &Gateway, id: &str) -> Value {
    gateway.admin("GET", &format!("/admin/requests/{id}"), "").json()["headers"].clone()
}

/// The values of a header.
fn values(side: &Value, name: &str) -> Vec<String> {
    let pairs = side.as_array().unwrap().iter().filter(|pair| pair[0] == name);
    pairs.map(|pair| pair[1].as_str().unwrap().to_owned()).collect()
}

fn headers_of_both_sides_are_recorded_without_their_secrets(kind: Kind) {
    let upstream = upstream();
    let gateway = plan(kind, &upstream).start();
    assert_eq!(gateway.send(call()).status, 200);
    let id = gateway.record().id("id");
    let heads = heads(&gateway, &id);
    for (name, value) in [
        ("user-agent", "OpenAI/Python 1.99.0"),
        ("x-stainless-lang", "python"),
        ("idempotency-key", "retry-4"),
        ("authorization", "[redacted]"),
        ("x-api-key", "[redacted]"),
        ("cookie", "[redacted]"),
        ("referer", "https://app.example/chat?theme=dark&key=…&tab=2"),
    ] {
        assert_eq!(values(&heads["request"], name), [value], "{name}");
    }
    for (name, value) in [
        ("x-request-id", "req_0815"),
        ("x-ratelimit-remaining-tokens", "149984"),
        ("content-type", "application/json"),
        ("set-cookie", "[redacted]"),
        ("location", "/v1/files?access_token=…"),
    ] {
        assert_eq!(values(&heads["reply"], name), [value], "{name}");
    }
    let page = gateway.send(
        Call::get(&format!("/admin/requests/{id}?view=headers"))
            .without("Authorization")
            .header("Authorization", &format!("Bearer {PASSWORD}"))
            .header("Accept", "text/html"),
    );
    assert_eq!(page.status, 200);
    for shown in ["x-stainless-lang", "req_0815", "[redacted]"] {
        assert!(page.text().contains(shown), "{shown} in {}", page.text());
    }
    let file = gateway.admin("GET", "/admin/requests/export?format=jsonl", "").text();
    assert!(file.contains("req_0815"), "{file}");
    for secret in SECRETS {
        for told in [heads.to_string(), page.text(), file.clone()] {
            assert!(!told.contains(secret), "{secret} in {told}");
        }
    }
}

fn headers_go_with_the_bodies(kind: Kind) {
    let upstream = upstream();
    let gateway = plan(kind, &upstream).start();
    assert_eq!(gateway.send(call().header("X-Record", "metadata")).status, 200);
    let record = gateway.record();
    assert_eq!(heads(&gateway, &record.id("id")), json!(null), "only metadata was to be recorded");
    gateway.edit("UPDATE openai_upstreams SET recording = 'metadata'");
    assert_eq!(gateway.send(call()).status, 200);
    assert_eq!(heads(&gateway, &gateway.records_when(2)[0].id("id")), json!(null));
}

fn a_refusal_keeps_the_callers_headers(kind: Kind) {
    let upstream = upstream();
    let gateway = plan(kind, &upstream).secret("nobody-knows-this-key").start();
    let stranger = call().without("Authorization").header("Authorization", "Bearer nobody-knows-this-key");
    assert_eq!(gateway.send(stranger).status, 403);
    let heads = heads(&gateway, &gateway.record().id("id"));
    assert_eq!(values(&heads["request"], "x-stainless-lang"), ["python"]);
    assert_eq!(
        (values(&heads["request"], "authorization"), &heads["reply"]),
        (vec!["[redacted]".to_owned()], &json!([]))
    );
}

on_both! {
    headers_of_both_sides_are_recorded_without_their_secrets,
    headers_go_with_the_bodies,
    a_refusal_keeps_the_callers_headers,
}
