//! Who changed what, and who read what: by pages and by the admin API.

use crate::support::client::Call;
use crate::support::database::{Kind, Lock};
use crate::support::gateway::Gateway;
use crate::support::samples::{CHAT, good};
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, browser, encoded, form};
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
    assert_eq!(gateway.send(program("GET", "/admin/requests/export?format=csv&q=conv:1")).status, 200);
    assert_eq!(visitor.get(&format!("/admin/requests/{record}/diff/{record}")).status, 200);
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
        format!("read request {record}"),
    ];
    assert_eq!(deeds(&gateway), wanted);
    let details = details(&gateway);
    assert!(details.contains("upstream main: sk sk-…a8Qz → sk-…9Kd2, weight 1 → 7"), "{details}");
    assert!(details.contains("setting policy: order → round_robin") && details.contains("…5xYz"), "{details}");
    assert!(details.contains("+ price audited: pattern audited, input 1.5, output 2"), "{details}");
    assert!(details.contains("format=csv\nq=conv:1") && details.contains(&format!("↔ {record}")), "{details}");
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

fn what_is_done_to_many_upstreams_at_once_is_told_of_each(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, ["a", "b", "c"].map(|name| upstream.row(name)));
    let visitor = Visitor::log_in(&gateway);
    let id = |name: &str| gateway.upstream_id(name);
    let history = |name: &str| visitor.page(&format!("/admin/upstreams/{}?tab=history", id(name)));
    visitor.send("/admin/upstreams/bulk", &format!("action=weight&value=7&id={}&id={}", id("a"), id("b")));
    visitor.send("/admin/upstreams/order", &format!("move={}:up", id("c")));
    visitor.send("/admin/upstreams/bulk", &format!("action=test&id={}", id("a")));
    assert_eq!(visitor.post("/admin/upstreams/bulk", &format!("action=delete&id={}", id("a"))).status, 200);
    visitor.send("/admin/upstreams/bulk", &format!("action=weight&value=7&id={}", id("a")));
    let noted = ["login session", "edit upstream", "order upstream", "test upstream"];
    assert_eq!(deeds(&gateway), noted, "what changes nothing is no change");
    let (a, b, c) = (history("a"), history("b"), history("c"));
    assert!(a.contains("upstream a: weight 1 → 7") && b.contains("upstream b: weight 1 → 7"), "{a}");
    assert!(!a.contains("upstream b:") && !c.contains("weight 1"), "only what was done to this one: {a}{c}");
    assert!(b.contains("upstream b: position 2 → 3") && c.contains("upstream c: position 3 → 2"), "{b}{c}");
    assert_eq!((a.matches("<tr><td").count(), c.matches("<tr><td").count()), (1, 1), "{a}{c}");
    let own = visitor.page(&format!("/admin/settings?tab=audit&upstream={}", id("c")));
    assert!(own.contains("position 3 → 2") && !own.contains("upstream b:"), "{own}");
    let all = visitor.page("/admin/settings?tab=audit");
    assert!(all.contains("upstream a: weight 1 → 7") && all.contains("upstream b: weight 1 → 7"), "{all}");
}

fn what_is_saved_as_it_was_is_no_change_and_chinese_pages_have_words_for_settings(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let visitor = Visitor::log_in(&gateway);
    visitor.send("/admin/settings/general", "time_zone=UTC&language=en&theme=system");
    visitor.send("/admin/settings/routing", "breaker_open=6&breaker_ratio_percent=60");
    visitor.send("/admin/settings/routing", "breaker_open=6&breaker_ratio_percent=60");
    visitor.send("/admin/keys", "name=team");
    visitor.send("/admin/keys/replace", "name=team&grace=24");
    let page = visitor.page("/admin/settings?tab=audit");
    assert_eq!(deeds(&gateway), ["login session", "edit setting", "add key", "edit key"], "{page}");
    let chinese = browser("GET", "/admin/settings?tab=audit").header("Accept-Language", "zh-CN");
    let cookie = visitor.cookie.clone();
    let page = gateway.send(chinese.header("Cookie", &cookie)).text();
    for told in ["首次冷却（秒）: 6", "或失败比例达到（%）: 60", "旧密钥 "] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(!page.contains("breaker_open_ms") && !page.contains("old_key"), "{page}");
}

on_both!(
    what_is_saved_as_it_was_is_no_change_and_chinese_pages_have_words_for_settings,
    every_change_and_every_reading_is_noted_without_secrets,
    a_wrong_password_is_counted_once_and_noted_never,
    what_is_done_to_many_upstreams_at_once_is_told_of_each,
);

#[test]
fn an_import_is_noted_although_its_browser_left() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    let text = "endpoint=https%3A%2F%2Fa.example%2Fv1&text=sk-a-123456789%0Ask-b-123456789";
    let batch = visitor.post("/admin/upstreams/import", text).header("location").unwrap().to_owned();
    let lock = Lock::on(&gateway.database);
    let body = format!("csrf={}&line=1&line=2", visitor.token);
    let confirmed = form(&batch, &body).header("Cookie", &visitor.cookie).open(gateway.address());
    until("the import has begun", || visitor.get(&batch).text().contains("Importing: 0 of 2 lines").then_some(()));
    confirmed.hang_up();
    lock.release();
    until("the import is noted", || deeds(&gateway).contains(&"add upstream".to_owned()).then_some(()));
    let details = details(&gateway);
    assert_eq!(details.matches("+ upstream https://a.example/v1: ").count(), 2, "{details}");
    assert!(details.contains("sk sk-…6789") && !details.contains("123456789"), "{details}");
    let id = gateway.database.sql("SELECT max(id) FROM openai_upstreams");
    let history = visitor.page(&format!("/admin/upstreams/{id}?tab=history"));
    assert_eq!(history.matches("+ upstream https://a.example/v1: ").count(), 1, "{history}");
}
