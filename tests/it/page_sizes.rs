//! How large a page of requests is, as it goes over the wire without compression.

use openai_api_route::db::records::{Ending, Facts, NewRecord, Texts};
use serde_json::json;

use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::record::store;
use crate::support::samples::good;
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between, browser, encoded};

/// What a page of 50 rows may take.
const BUDGET: usize = 80 << 10;

/// An ordinary request: every column has something to show, the last words are as long as a row shows.
fn request(n: i64, started_us: i64) -> NewRecord {
    let words = ["Explain why the connection pool runs dry every night at two, and what", "请说明数据库连接池为什么"];
    let said = format!("{} {n} {}", words[0], words[1]);
    let body = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": said}]}).to_string();
    let facts = Facts {
        started_us,
        key_name: ["web-app", "research", "ci"][n as usize % 3].to_owned(),
        ip: format!("10.20.30.{}", n % 200),
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        model: Some("gpt-4o-mini".to_owned()),
        status: [200, 200, 429][n as usize % 3],
        upstream_id: Some(1),
        first_byte_us: Some(412_000),
        first_content_us: Some(450_000),
        total_us: 2_870_000 + n,
        tokens_in: Some(44_740 + n),
        tokens_out: Some(1_290),
        streamed: true,
        attempts: json!([{"upstream_id": 1, "status": 200}]).to_string(),
        ending: Ending::Complete,
        ..Facts::default()
    };
    NewRecord { facts, texts: Texts { body: Some(body.into_bytes()), ..Texts::default() }, ..NewRecord::default() }
}

#[test]
fn fifty_rows_between_two_times_stay_within_the_budget() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("openai-main")]);
    let now_us = chrono::Utc::now().timestamp_micros();
    let records: Vec<NewRecord> = (1..200).rev().map(|n| request(n, now_us - n * 430_123_457)).collect();
    store(&gateway, &records);
    let visitor = Visitor::log_in(&gateway);
    let at = |us: i64| {
        let time = chrono::DateTime::from_timestamp_micros(us).unwrap();
        let there = time.with_timezone(&chrono::FixedOffset::east_opt(8 * 3600).unwrap());
        encoded(&there.to_rfc3339_opts(chrono::SecondsFormat::Micros, false))
    };
    let span = format!("from={}&to={}", at(now_us - 86_400_000_000), at(now_us));
    for (more, lang) in [("", "en"), ("", "zh-CN"), ("&q=model%3Agpt-4o*", "en")] {
        let call = browser("GET", &format!("/admin/requests?{span}{more}"));
        let answer = gateway.send(call.header("Cookie", &format!("{}; oar_lang={lang}", visitor.cookie)));
        let page = answer.text();
        assert_eq!((answer.status, page.matches("<tr data-id=").count()), (200, 50));
        let drawn = between(&page, "data-stretches>", "</svg></div>");
        assert!(drawn.matches("<rect").count() >= 24, "a whole histogram: {drawn}");
        assert!(page.len() <= BUDGET, "{lang}{more}: {} bytes", page.len());
    }
}
