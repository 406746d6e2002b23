//! Where a new upstream stands: behind those that there are, however it was added.

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::program::Program;
use crate::support::samples::{CHAT, good};
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between, encoded};

fn whoever_is_added_stands_last(kind: Kind) {
    let first = FakeUpstream::always(good());
    let gateway = Gateway::on(kind).setting("policy", "order").upstream(first.row("first").set("position", 7)).start();
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.page("/admin/upstreams/new");
    assert_eq!(between(&page, "id=\"position\" name=\"position\"", ">").matches("value=\"8\"").count(), 1, "{page}");
    visitor.send(
        "/admin/upstreams",
        "name=form&endpoint=http%3A%2F%2Fa.example&sk=sk-form-1&priority=0&position=8&weight=1",
    );
    let added = r#"{"name":"json","sk":"sk-json-1","endpoint":"http://b.example/v1"}"#;
    assert_eq!(gateway.admin("POST", "/admin/upstreams", added).status, 201);
    let text = encoded("name,key\none,sk-one-1\ntwo,sk-two-1\nthree,sk-three-1");
    let answer = visitor.post("/admin/upstreams/import", &format!("endpoint=http%3A%2F%2Fc.example&text={text}"));
    visitor.send(answer.header("location").unwrap(), "line=2&line=3&line=4");
    let args =
        ["-add", "-sk", "sk-last-1", "-endpoint", "http://d.example/v1", "-database", &gateway.database.location];
    assert_eq!(Program::run(gateway.folder(), &args, &[]).code, Some(0));
    gateway.edit(
        "INSERT INTO openai_upstreams (sk, endpoint, name) VALUES ('sk-hand-1', 'http://127.0.0.1:1/v1', 'hand')",
    );
    let order = gateway.database.sql("SELECT sk, position FROM openai_upstreams ORDER BY position, id");
    let order: Vec<String> = order.lines().map(|line| line.replace('|', " ").replace("sk-", "")).collect();
    assert_eq!(order[0], "hand-1 0", "who writes a row keeps the column's default");
    assert_eq!(order[2..], ["form-1 8", "json-1 9", "one-1 10", "two-1 11", "three-1 12", "last-1 13"]);
    gateway.edit("UPDATE openai_upstreams SET enabled = FALSE WHERE name = 'hand'");
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    assert_eq!(first.count(), 1, "the first is asked first");
}

on_both!(whoever_is_added_stands_last);
