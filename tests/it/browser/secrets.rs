//! Secrets: a new key is seen once, and no page, file or stream ever shows one.

use crate::browser::harness::Browser;
use crate::browser::pages::{MORE_SECRETS, SECRET, Stage};
use crate::support::client::{Answer, Call};
use crate::support::samples::CHAT;
use crate::support::visitor::Visitor;
use crate::support::{KEY, PASSWORD};

/// What programs and browsers take away.
const FILES: [&str; 17] = [
    "/admin/requests/export?format=jsonl",
    "/admin/requests/export?format=csv",
    "/admin/requests/export?format=openai",
    "/admin/usage/csv",
    "/admin/requests/1/curl",
    "/admin/requests/1/body",
    "/admin/requests/8/curl",
    "/admin/requests/8/body",
    "/admin/requests/1",
    "/admin/requests/8",
    "/admin/requests",
    "/admin/request_records",
    "/admin/conversations",
    "/admin/upstreams",
    "/admin/overview",
    "/admin/usage",
    "/metrics",
];

/// Fails when an answer holds one of these, or may be kept.
fn clean(place: &str, answer: &Answer, secrets: &[&str]) {
    assert!(place == "/metrics" || answer.header("cache-control") == Some("no-store"), "{place}: {:?}", answer.head);
    for secret in secrets {
        assert!(!answer.text().contains(secret), "{place} shows {secret}");
    }
}

#[test]
fn a_new_key_is_shown_once_and_no_secret_ever() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    browser.go("/admin/keys");
    browser.fill("#name", "mine");
    browser.follow("main button.primary");
    let key = browser.text("return document.getElementById('new-key').textContent");
    assert!(key.starts_with("sk-oar-") && key.len() > 30, "{key}");
    assert_eq!(browser.source().matches(&key).count(), 1, "where it was made");
    browser.go(&browser.path());
    assert_eq!(browser.source().matches(&key).count(), 0, "loaded again");

    let visitor = Visitor::log_in(&stage.gateway);
    let listen = |path: &str| {
        let call = Call::get(path).without("Authorization").header("Cookie", &visitor.cookie);
        let mut stream = call.open(stage.gateway.address());
        assert_eq!(stream.head().get("cache-control"), Some("no-store"), "{path}");
        stream.until_body_has("retry:");
        (path.to_owned(), stream)
    };
    let streams = ["/admin/requests/rows?cols=ua,host,path", "/admin/requests/stream"].map(listen);
    // Asked with the new key, which also stands in other headers.
    let call = Call::chat(CHAT).without("Authorization").header("Authorization", &format!("Bearer {key}"));
    let call = call.header("x-api-key", &key).header("Cookie", &format!("k={key}"));
    assert_eq!(stage.gateway.send(call).status, 200);
    assert_eq!(stage.gateway.records_when(8)[0].text("key_name"), "mine");

    let mut secrets = vec![key.as_str(), SECRET, "sk-secret-of-works", KEY, PASSWORD];
    secrets.extend(MORE_SECRETS);
    for (path, mut stream) in streams {
        stream.until_body_has("id: 8");
        stream.until_body_has("\n\nid: 8\nevent: request\n");
        let told = String::from_utf8(stream.so_far()).unwrap();
        assert!(secrets.iter().all(|secret| !told.contains(secret)), "{path}: {told}");
    }
    let with_key =
        ["", "?view=headers", "?view=json", "?view=raw", "/replay"].map(|view| format!("/admin/requests/8{view}"));
    for page in stage.pages().into_iter().chain(with_key) {
        clean(&page, &stage.answer(&visitor, &page), &secrets);
    }
    let headers = visitor.page("/admin/requests/8?view=headers");
    assert!(headers.contains("authorization") || headers.contains("Authorization"), "{headers}");
    for file in FILES {
        let answer = stage.gateway.admin("GET", file, "");
        assert_eq!(answer.status, 200, "{file}");
        clean(file, &answer, &secrets);
    }
}
