//! What pages of single requests tell: hits in errors, why something is missing, what only a service keeps, results of tools.

use serde_json::json;

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::reply::Reply;
use crate::support::samples::{CHAT, good};
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, encoded};

fn hits_in_errors_are_marked_and_counted(kind: Kind) {
    let upstream = FakeUpstream::always(Reply::json(400, r#"{"error":{"message":"boom: 数据库错误"}}"#));
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    gateway.send(Call::chat(CHAT));
    let id = gateway.record().id("id");
    let visitor = Visitor::log_in(&gateway);
    let talk = gateway.database.sql("SELECT conversation_id FROM records").trim().to_owned();
    for (query, mark) in [("boom", "boom"), ("error:boom", "boom"), ("数据库错误", "数据库错误")] {
        let query = encoded(query);
        for target in [format!("/admin/requests/{id}?q={query}"), format!("/admin/conversations/{talk}?q={query}")] {
            let page = visitor.page(&target);
            let link = page.split("<a href=\"#m").find(|rest| rest.contains("\">Error: 1</a>")).expect(&target);
            let anchor = format!("id=\"m{}\"", link.split('"').next().unwrap());
            assert!(page.contains(&anchor), "{target}: the link leads to it: {page}");
            assert!(page.contains(&format!("<mark>{mark}</mark>")), "{target}: {page}");
        }
        assert!(!visitor.page(&format!("/admin/requests/{id}?q=user:boom")).contains("<mark>"), "another side");
    }
}

on_both!(hits_in_errors_are_marked_and_counted);

#[test]
fn a_request_that_was_refused_unread_says_so() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let refused = gateway.send(Call::chat(CHAT).without("authorization").header("Authorization", "Bearer sk-wrong"));
    assert_eq!(refused.status, 403, "{}", refused.text());
    let id = gateway.record().id("id");
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.page(&format!("/admin/requests/{id}"));
    assert!(page.contains("refused before its body was read") && !page.contains("Request size"), "{page}");
    assert!(visitor.page(&format!("/admin/requests/{id}/curl")).contains("Its body is not recorded"));

    let quiet = gateway.send(Call::chat(CHAT).header("X-Record", "metadata"));
    assert_eq!(quiet.status, 200);
    let id = gateway.records_when(2)[0].id("id");
    let page = visitor.page(&format!("/admin/requests/{id}"));
    assert!(page.contains("or the caller asked for less (X-Record)"), "{page}");
}

#[test]
fn a_turn_whose_history_the_service_keeps_is_compared_as_what_it_adds() {
    let upstream = FakeUpstream::with(|_, n| {
        let output = json!([{"type": "message", "role": "assistant",
            "content": [{"type": "output_text", "text": format!("Answer number {n}.")}]}]);
        Reply::json(200, &json!({"id": format!("resp_{n}"), "object": "response", "output": output}).to_string())
    });
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let ask = |body: serde_json::Value| {
        let call = Call::post("/v1/responses", &body.to_string());
        assert_eq!(gateway.send(call).status, 200);
    };
    ask(json!({"model": "m", "instructions": "Be brief.", "input": "Weather in Beijing?"}));
    gateway.records_when(1);
    ask(json!({"model": "m", "previous_response_id": "resp_0", "input": "And tomorrow?"}));
    let id = gateway.records_when(2)[0].id("id");
    let page = Visitor::log_in(&gateway).page(&format!("/admin/requests/{id}/diff/prev"));
    assert!(page.contains("the service keeps what was said before"), "{page}");
    assert!(page.contains("3 earlier messages are the same") || page.contains("<summary>3 "), "{page}");
    let changes = page.split("</details>").last().unwrap();
    assert!(changes.contains("And tomorrow?") && changes.contains("Answer number 1."), "{changes}");
    assert!(!changes.contains("Weather in Beijing?") && !changes.contains("removed"), "{changes}");
}

#[test]
fn a_turn_of_tool_results_is_called_by_them() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let user = json!({"role": "user", "content": "Read the file."});
    gateway.send(Call::chat(&json!({"model": "m", "messages": [user]}).to_string()));
    gateway.records_when(1);
    let call = json!({"role": "assistant", "content": "Hello!"});
    let result = json!({"role": "tool", "tool_call_id": "c1", "name": "read_file", "content": "line one\nline two"});
    gateway.send(Call::chat(&json!({"model": "m", "messages": [user, call, result]}).to_string()));
    gateway.records_when(2);
    let page = Visitor::log_in(&gateway).page("/admin/requests?range=1h");
    assert!(page.contains("→ read_file: line one line two") && page.contains(">Read the file.<"), "{page}");
}
