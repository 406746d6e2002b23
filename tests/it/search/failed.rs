//! A stream that tells of an error after a good status: it counts as one wherever errors are counted.

use crate::search::{encoded, index_everything, names, page};
use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::reply::Reply;
use crate::support::samples::{CHAT_STREAM, delta, role, stop};
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between};

fn an_error_inside_of_a_stream_is_an_error(kind: Kind) {
    let begun = || Reply::stream().event(&role()).event(&delta("It rains"));
    let upstream = FakeUpstream::with(move |seen, _| match seen.head.get("user-agent") {
        Some("suite/broke") => begun().event(r#"{"error":{"message":"overloaded","type":"server_error"}}"#).done(),
        Some("suite/fine") => begun().event(&stop()).done(),
        _ => Reply::json(200, "{}"),
    });
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    for agent in ["suite/broke", "suite/fine"] {
        let body = CHAT_STREAM.replace("Say hello.", agent);
        assert_eq!(gateway.send(Call::chat(&body).header("User-Agent", agent)).status, 200);
    }
    let records = gateway.records_when(2);
    let broke = records.iter().find(|record| record.text("user_agent") == "suite/broke").unwrap();
    assert_eq!((broke.end(), broke.text("error")), ((200, "complete"), "overloaded"));
    let found = |without: &str| {
        let errors = page(&gateway, &format!("is:error{without}"), "");
        let others = page(&gateway, &format!("-is:error{without}"), "");
        let bars =
            gateway.admin("GET", &format!("/admin/requests/histogram?range=1h&q={}", encoded(without)), "").json();
        let counted: i64 = bars["buckets"].as_array().unwrap().iter().map(|bar| bar["errors"].as_i64().unwrap()).sum();
        (names(&errors), names(&others), counted)
    };
    let expected = (vec!["broke".to_owned()], vec!["fine".to_owned()], 1);
    assert_eq!(found(""), expected);
    let usage = gateway.admin("GET", "/admin/usage?range=1h&by=model", "").json();
    assert_eq!(usage["totals"]["errors"], 1, "{usage}");
    let talks = gateway.admin("GET", "/admin/conversations?q=rains", "").json();
    let errors: Vec<i64> =
        talks["conversations"].as_array().unwrap().iter().map(|talk| talk["errors"].as_i64().unwrap()).collect();
    assert_eq!(errors.iter().sum::<i64>(), 1, "{talks}");
    let list = Visitor::log_in(&gateway).page("/admin/requests");
    let row = between(&list, &format!("data-id=\"{}\"", broke.number("id")), "</tr>");
    assert!(row.contains("badge err\">200") && row.contains("error in the reply"), "{row}");
    let page = Visitor::log_in(&gateway).page(&format!("/admin/requests/{}", broke.number("id")));
    assert!(between(&page, "<ol class=\"tries\">", "</ol>").contains("badge err\">200"), "the attempt as well: {page}");
    let examples = gateway.admin("GET", "/admin/requests/export?format=openai", "").text();
    assert!(examples.lines().count() == 1 && examples.contains("suite/fine"), "no model learns from it: {examples}");
    index_everything(&gateway);
    assert_eq!(found(" -ua:suite/filler"), expected, "indexed as well");
}

on_both!(an_error_inside_of_a_stream_is_an_error);
