//! Who changed what, and who read what: by pages and by the admin API.

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::samples::{CHAT, good};
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, browser, encoded};
use crate::support::{PASSWORD, on_both, until};

/// Verb and noun of every entry, the oldest first.
fn deeds(gateway: &Gateway) -> Vec<String> {
    let all = gateway
        .database
        .sql("SELECT verb || ' ' || noun || ' ' || coalesce(CAST(noun_id AS TEXT), '') FROM audit ORDER BY id");
    all.lines().map(|line| line.trim().to_owned()).collect()
}

fn details(gateway: &Gateway) -> String {
    gateway.database.sql("SELECT detail FROM audit ORDER BY id")
}

fn every_change_and_every_reading_is_noted_without_secrets(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("main").set("sk", "sk-before-0123456789a8Qz")]);
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    until("the request is recorded", || (!gateway.records().is_empty()).then_some(()));
    let id = gateway.upstream_id("main");
    let record = gateway.database.sql("SELECT id FROM records");
    let talk = gateway.database.sql("SELECT conversation_id FROM records");
    let program = |method: &str, target: &str| {
        Call::new(method, target).without("Authorization").header("Authorization", &format!("Bearer {PASSWORD}"))
    };
    let body = r#"{"sk": "sk-after-00123456789-9Kd2", "weight": 7}"#;
    let edited = gateway
        .send(program("PUT", &format!("/admin/upstreams/{id}")).header("Content-Type", "application/json").body(body));
    assert_eq!(edited.status, 200, "{}", edited.text());
    let visitor = Visitor::log_in(&gateway);
    visitor.send("/admin/settings/routing", "policy=round_robin");
    visitor.send(
        "/admin/settings/notices",
        &format!("feishu_webhook={}", encoded("https://example.com/hook-secret-5xYz")),
    );
    visitor.send("/admin/settings/prices", "pattern=audited&input=1.5&cached=&output=2");
    assert_eq!(visitor.get(&format!("/admin/conversations/{talk}")).status, 200);
    assert_eq!(gateway.send(program("GET", &format!("/admin/requests/{record}"))).status, 200);
    assert_eq!(gateway.send(program("GET", "/admin/requests/export")).status, 200);
    // What is refused or only looked at is nothing to note.
    assert_eq!(visitor.post("/admin/settings/routing", "policy=nonsense").status, 422);
    assert_eq!(gateway.send(browser("POST", "/admin/settings/routing").body("policy=order")).status, 401);
    assert_eq!(gateway.send(program("DELETE", "/admin/upstreams/99")).status, 404);
    assert_eq!(visitor.get("/admin/conversations/99").status, 404);
    visitor.page("/admin/upstreams");
    let wanted = [
        format!("edit upstream {id}"),
        "login session".to_owned(),
        "edit setting".to_owned(),
        "edit setting".to_owned(),
        "edit price".to_owned(),
        format!("read conversation {talk}"),
        format!("read request {record}"),
        "export request".to_owned(),
    ];
    assert_eq!(deeds(&gateway), wanted);
    let details = details(&gateway);
    assert!(details.contains("upstream main: sk sk-…a8Qz → sk-…9Kd2, weight 1 → 7"), "{details}");
    assert!(details.contains("setting policy: order → round_robin") && details.contains("…5xYz"), "{details}");
    assert!(details.contains("+ price audited: pattern audited, input 1.5, output 2"), "{details}");
    for secret in ["before-0123", "after-0012", "hook-secret", PASSWORD] {
        assert!(!details.contains(secret), "{details}");
    }
    let who = gateway.database.sql("SELECT who FROM audit ORDER BY id");
    assert!(who.starts_with("password, 127.0.0.1") && who.contains("session "), "{who}");
    let page = visitor.page("/admin/settings?tab=audit");
    let own = visitor.page(&format!("/admin/settings?tab=audit&upstream={id}"));
    assert!(own.contains("weight 1 → 7") && !own.contains("round_robin"), "{own}");
    assert!(page.contains("sk-…a8Qz → sk-…9Kd2") && page.contains(&format!("/admin/requests/{record}\"")), "{page}");
}

fn a_wrong_password_is_counted_once_and_noted_never(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let wrong = |method: &str, target: &str| {
        let call = Call::new(method, target).without("Authorization").header("Authorization", "Bearer guess");
        gateway.send(call).status
    };
    let statuses: Vec<u16> = (0..4).map(|_| wrong("DELETE", "/admin/upstreams/1")).collect();
    assert!(statuses.iter().all(|status| *status == 401), "{statuses:?}");
    assert_eq!(deeds(&gateway), Vec::<String>::new());
}

on_both!(every_change_and_every_reading_is_noted_without_secrets, a_wrong_password_is_counted_once_and_noted_never);
