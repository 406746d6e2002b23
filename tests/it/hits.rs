//! Where a word was said: in the prompt or in the reply, each found and marked there and nowhere else.

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::reply::Reply;
use crate::support::samples::COMPLETION;
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between, encoded};

/// The first is said in a prompt only, the second in its reply only.
const SAID: [(&str, &str); 2] = [("怎么修复数据库", "请重启连接池"), ("重启之后呢", "数据库会恢复")];

/// An upstream that repeats nothing of what it is asked.
fn upstream() -> FakeUpstream {
    FakeUpstream::with(|seen, _| {
        let reply = SAID.iter().rev().find(|(asked, _)| seen.text().contains(asked)).map_or("", |(_, reply)| *reply);
        Reply::json(200, &COMPLETION.replace("Hello!", reply))
    })
}

fn ids(page: &str) -> Vec<i64> {
    page.split("<tr data-id=\"").skip(1).map(|row| row.split('"').next().unwrap().parse().unwrap()).collect()
}

fn marked(page: &str) -> Vec<&str> {
    page.split("<mark>").skip(1).map(|rest| rest.split("</mark>").next().unwrap()).collect()
}

fn words_are_found_where_they_were_said_and_marked_there(kind: Kind) {
    let upstream = upstream();
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let mut asked = Vec::new();
    for (number, (prompt, _)) in SAID.iter().enumerate() {
        let body = serde_json::json!({"model": "m", "messages": [{"role": "user", "content": prompt}]});
        assert_eq!(gateway.send(Call::chat(&body.to_string())).status, 200);
        asked.push(gateway.records_when(number + 1)[0].number("id"));
    }
    let (first, second) = (asked[0], asked[1]);
    let visitor = Visitor::log_in(&gateway);
    for (query, wanted, marks) in [
        ("修复", vec![first], 1),
        ("user:修复", vec![first], 1),
        ("assistant:修复", vec![], 0),
        ("连接池", vec![first], 1),
        ("assistant:连接池", vec![first], 1),
        ("user:连接池", vec![], 0),
        ("数据库", vec![second, first], 1),
        ("user:数据库", vec![first], 1),
        ("assistant:数据库", vec![second], 1),
        ("user:重启", vec![second], 1),
        ("assistant:重启", vec![first], 1),
        ("修复 恢复", vec![], 0),
        ("修复 连接池", vec![first], 2),
    ] {
        let found = ids(&visitor.page(&format!("/admin/requests?range=all&q={}", encoded(query))));
        assert_eq!(found, wanted, "{query}");
        for id in found {
            let word = query.split(':').next_back().unwrap();
            let request = visitor.page(&format!("/admin/requests/{id}?q={}", encoded(query)));
            let record = gateway.records().into_iter().find(|record| record.number("id") == id).unwrap();
            let talk = record.number("conversation_id");
            let talk = visitor.page(&format!("/admin/conversations/{talk}?q={}", encoded(query)));
            for (place, page) in [("request", request), ("conversation", talk)] {
                let said = marked(between(&page, "<article class=\"msg", "</main>"));
                assert_eq!(said.len(), marks, "{query}: the {place}'s marks: {said:?}");
                assert!(said.iter().all(|mark| word.contains(mark)), "{query}: {said:?}");
            }
        }
    }
}

on_both!(words_are_found_where_they_were_said_and_marked_there);
