//! How an upstream is told who asks: which header holds its key, or none.

use serde_json::json;

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::reply::Reply;
use crate::support::samples::{CHAT, good};
use crate::support::upstream::{FakeUpstream, Seen};
use crate::support::visitor::{Visitor, between, encoded, upstream_form};

/// Every header of a request that could prove who somebody is.
fn credentials(seen: &Seen) -> Vec<(&'static str, String)> {
    let names = ["authorization", "api-key", "x-api-key"];
    names
        .into_iter()
        .flat_map(|name| seen.head.all(name).into_iter().map(move |value| (name, value.to_owned())))
        .collect()
}

fn each_upstream_gets_its_key_as_it_wants_it_and_nobody_gets_the_callers(kind: Kind) {
    let cases = [
        ("bearer", vec![("authorization", "Bearer sk-secret-of-a")]),
        ("", vec![("authorization", "Bearer sk-secret-of-a")]),
        ("api-key", vec![("api-key", "sk-secret-of-a")]),
        ("x-api-key", vec![("x-api-key", "sk-secret-of-a")]),
        ("none", vec![]),
    ];
    let upstream = FakeUpstream::with(|seen, _| match (seen.target(), seen.text().contains("refuse")) {
        ("/v1/models", _) => Reply::json(200, r#"{"data":[{"id":"m"}]}"#),
        (_, true) => Reply::json(401, r#"{"error":{"message":"wrong key sk-secret-of-a, none at all"}}"#),
        _ => good(),
    });
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let visitor = Visitor::log_in(&gateway);
    let target = format!("/admin/upstreams/{}", gateway.upstream_id("a"));
    let mut count = 0;
    for (auth, wanted) in cases {
        gateway.edit(&format!("UPDATE openai_upstreams SET auth = '{auth}'"));
        let call = Call::chat(CHAT).header("api-key", "callers-own").header("x-api-key", "callers-own");
        assert_eq!(gateway.send(call).status, 200, "{auth}");
        count += 1;
        let record = gateway.records_when(count)[0].id("id");
        visitor.send(&format!("{target}/test"), "back=/admin/upstreams");
        visitor.send(&format!("{target}/test"), "models=m&back=/admin/upstreams");
        visitor.send(&format!("{target}/models"), "");
        assert_eq!(visitor.post(&format!("/admin/requests/{record}/replay"), "upstream=auto").status, 303);
        count += 1;
        gateway.records_when(count);
        let refused = gateway.send(Call::chat(&CHAT.replace("Say hello.", "refuse")));
        count += 1;
        assert!(refused.text().contains("wrong key sk-…of-a, none at all"), "{auth}: {}", refused.text());
        gateway.records_when(count);
        let seen = upstream.seen();
        let seen = &seen[seen.len() - 6..];
        for one in seen {
            let wanted: Vec<_> = wanted.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            assert_eq!(credentials(one), wanted, "{auth}: {}", one.head.first);
            let version = one.head.get("anthropic-version");
            assert_eq!(version, (auth == "x-api-key").then_some("2023-06-01"), "{auth}");
        }
        let asked = if auth == "x-api-key" { "/v1/messages" } else { "/v1/chat/completions" };
        assert_eq!(seen[2].target(), asked, "{auth}: how a model is tested");
        let heads = gateway.admin("GET", &format!("/admin/requests/{record}"), "").json()["headers"].to_string();
        assert!(!heads.contains("callers-own") && heads.contains("[redacted]"), "{heads}");
    }
    gateway.edit("UPDATE openai_upstreams SET sk = 'asis', auth = 'x-api-key'");
    let call = Call::chat(CHAT).header("x-api-key", "callers-own").header("anthropic-version", "2024-01-01");
    assert_eq!(gateway.send(call).status, 200);
    let seen = upstream.seen().pop().unwrap();
    assert_eq!(
        (seen.head.all("x-api-key"), seen.head.all("anthropic-version")),
        (vec!["callers-own"], vec!["2024-01-01"])
    );
}

fn the_way_is_chosen_in_the_form_and_a_key_is_needed_where_one_is_sent(kind: Kind) {
    let gateway = Gateway::on(kind).secret("0123456789").start();
    let visitor = Visitor::log_in(&gateway);
    let form = |name: &str, sk: &str, auth: &str| {
        format!("{}&auth={auth}", upstream_form(name, &format!("https://{name}.example/v1"), sk))
    };
    let wrong = |body: &str, field: &str| {
        let answer = visitor.post("/admin/upstreams", body);
        assert_eq!(answer.status, 422, "{body}");
        between(&answer.text(), &format!("id=\"{field}-wrong\">"), "<").to_owned()
    };
    assert!(wrong(&form("a", "", "api-key"), "sk").contains("missing"));
    assert!(wrong(&form("a", "sk-0123456789", "basic"), "auth").contains("x-api-key"));
    let page = visitor.send("/admin/upstreams", &form("local", "", "none"));
    assert!(page.contains("<code>no key</code>"), "{page}");
    visitor.send("/admin/upstreams", &form("azure", "sk-0123456789", "api-key"));
    assert_eq!(
        (gateway.upstream_column("local", "auth"), gateway.upstream_column("local", "sk")),
        ("none".into(), String::new())
    );
    let target = |name: &str| format!("/admin/upstreams/{}", gateway.upstream_id(name));
    let page = visitor.page(&target("azure"));
    assert!(page.contains(r#"<option value="api-key" selected>"#), "{page}");
    let version = between(&page, "name=\"version\" value=\"", "\"").to_owned();
    visitor.send(&target("azure"), &format!("version={version}&{}", form("azure", "", "none")));
    assert_eq!(gateway.upstream_column("azure", "auth"), "none");
    let history = visitor.page(&format!("{}?tab=history", target("azure")));
    assert!(history.contains("auth api-key → none"), "{history}");
    let late = visitor.post(&target("azure"), &format!("version={version}&{}", form("azure", "", "bearer")));
    assert_eq!(late.status, 409, "an edit of it is an edit");
    let page = visitor.page(&target("local"));
    let version = between(&page, "name=\"version\" value=\"", "\"").to_owned();
    let bare = visitor.post(&target("local"), &format!("version={version}&{}", form("local", "", "bearer")));
    assert_eq!(bare.status, 422, "there is no key to send");
    let copy = visitor.page(&format!("/admin/upstreams/new?from={}", gateway.upstream_id("azure")));
    assert!(copy.contains(r#"<option value="none" selected>"#), "{copy}");

    let text = encoded("sk-0123456789-one\nsk-0123456789-two");
    let endpoint = encoded("https://many.example/v1");
    let answer = visitor.post("/admin/upstreams/import", &format!("endpoint={endpoint}&auth=x-api-key&text={text}"));
    visitor.send(answer.header("location").unwrap(), "line=1&line=2");
    let sql = "SELECT count(*) FROM openai_upstreams WHERE auth = 'x-api-key'";
    assert_eq!(gateway.database.sql(sql), "2");
    assert_eq!(visitor.post("/admin/upstreams/import", "endpoint=x&auth=basic&text=sk-1").status, 422);
}

fn the_admin_api_knows_it_too(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let send = |method: &str, target: &str, body: serde_json::Value| {
        let answer = gateway.admin(method, target, &body.to_string());
        (answer.status, answer.json())
    };
    let all = "/admin/upstreams";
    assert_eq!(send("POST", all, json!({"endpoint": "http://l.example/v1", "auth": "basic"})).0, 400);
    assert_eq!(send("POST", all, json!({"endpoint": "http://l.example/v1", "auth": "api-key"})).0, 400);
    let (status, local) = send("POST", all, json!({"endpoint": "http://l.example/v1", "auth": "NONE"}));
    assert_eq!((status, &local["auth"], &local["sk"]), (201, &json!("none"), &json!("")), "{local}");
    let one = format!("{all}/{}", local["id"]);
    assert_eq!(send("PUT", &one, local.clone()).0, 200, "what is shown may be sent back");
    assert_eq!(send("PUT", &one, json!({"auth": "bearer"})).0, 400);
    assert_eq!(send("PUT", &one, json!({"auth": "bearer", "sk": "asis"})).1["auth"], "bearer");
    assert_eq!(send("PUT", &one, json!({"sk": ""})).0, 400);
}

on_both!(
    each_upstream_gets_its_key_as_it_wants_it_and_nobody_gets_the_callers,
    the_way_is_chosen_in_the_form_and_a_key_is_needed_where_one_is_sent,
    the_admin_api_knows_it_too,
);
