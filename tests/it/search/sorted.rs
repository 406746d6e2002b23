//! The greatest first: the same order on both databases, of all that matches and not of the newest.

use openai_api_route::db::records::{Ending, Facts, NewRecord, Texts};

use crate::search::index_everything;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::record::store;
use crate::support::samples::good;
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between, encoded};

/// More than one order holds.
const MANY: i64 = 1_150;

/// The `n`th request: the older it is the longer it took; every third says so.
fn request(n: i64, now_us: i64) -> NewRecord {
    let said = if n % 3 == 0 { "it took rather long" } else { "it took long, rather" };
    let facts = Facts {
        started_us: now_us - (MANY - n) * 1_000_000,
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        model: Some("m".to_owned()),
        status: 200,
        total_us: (MANY - n) * 1_000,
        first_content_us: (n % 2 == 0).then_some(n * 100),
        tokens_in: (n % 5 != 0).then_some(n),
        tokens_out: (n % 5 != 0).then_some((n * 7) % 1_000),
        cost_nano: (n % 4 == 0).then_some((n * 31) % 977 * 1_000_000),
        attempts: "[]".to_owned(),
        ending: Ending::Complete,
        ..Facts::default()
    };
    let body = format!("{{\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":\"Number {n}: {said}\"}}]}}");
    NewRecord { facts, texts: Texts { body: Some(body.into_bytes()), ..Texts::default() }, ..NewRecord::default() }
}

fn figure(record: &NewRecord, sort: &str) -> Option<i64> {
    let facts = &record.facts;
    match sort {
        "-total" => Some(facts.total_us),
        "-ttft" => facts.first_content_us,
        "-cost" => facts.cost_nano,
        _ => Some(facts.tokens_in? + facts.tokens_out.unwrap_or(0)),
    }
}

/// The ids on the pages of an order, from the first to the last, which say whether there are more matches than it holds.
fn pages(visitor: &Visitor<'_>, sort: &str, query: &str, is_cut: bool) -> Vec<i64> {
    let mut target = format!("/admin/requests?q={}&sort={sort}&limit=200", encoded(query));
    let mut ids = Vec::new();
    for _ in 0..10 {
        let page = visitor.page(&target);
        assert_eq!(page.contains("The first 1,000 of all matches in this order."), is_cut, "{page}");
        let rows = page.split("<tr data-id=\"").skip(1);
        ids.extend(rows.map(|row| row.split('"').next().unwrap().parse::<i64>().unwrap()));
        match between(&page, "rel=\"next\" href=\"", "\"").replace("&#38;", "&").as_str() {
            "" => return ids,
            next => target = format!("/admin/requests{next}"),
        }
    }
    panic!("the pages of {sort} do not end");
}

/// The same as JSON.
fn pages_as_json(gateway: &Gateway, sort: &str, query: &str) -> Vec<i64> {
    let (mut ids, mut before) = (Vec::new(), String::new());
    for _ in 0..10 {
        let target = format!("/admin/requests?q={}&sort={sort}&limit=200{before}", encoded(query));
        let page = gateway.admin("GET", &target, "").json();
        assert_eq!(page["stopped"], false);
        ids.extend(page["requests"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()));
        match page["next"].as_i64() {
            None => return ids,
            Some(next) => before = format!("&before={next}"),
        }
    }
    panic!("the pages of {sort} do not end");
}

fn the_greatest_of_all_matches_are_shown_before_and_after_indexing(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let now_us = chrono::Utc::now().timestamp_micros();
    let records: Vec<NewRecord> = (0..MANY).map(|n| request(n, now_us)).collect();
    let ids = store(&gateway, &records);
    let visitor = Visitor::log_in(&gateway);
    for indexed in [false, true] {
        if indexed {
            index_everything(&gateway);
        }
        for query in ["path:/v1/chat/completions", "\"rather long\"", "-\"rather long\" model:m"] {
            for sort in ["-total", "-ttft", "-tokens", "-cost"] {
                let is_wanted = |n: usize| match query {
                    "\"rather long\"" => n.is_multiple_of(3),
                    "path:/v1/chat/completions" => true,
                    _ => !n.is_multiple_of(3),
                };
                let wanted = records.iter().zip(&ids).enumerate().filter(|(n, _)| is_wanted(*n));
                let mut expected: Vec<(Option<i64>, i64)> =
                    wanted.map(|(_, (record, id))| (figure(record, sort), *id)).collect();
                expected.sort_by(|a, b| b.cmp(a));
                let is_cut = expected.len() > 1_000;
                expected.truncate(1_000);
                let expected: Vec<i64> = expected.into_iter().map(|(_, id)| id).collect();
                assert_eq!(pages(&visitor, sort, query, is_cut), expected, "{query} {sort}, indexed: {indexed}");
                assert_eq!(pages_as_json(&gateway, sort, query), expected, "{query} {sort}, as JSON");
            }
        }
    }
}

fn the_time_and_speed_on_the_page_are_those_that_are_searched(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let mut slow = request(0, chrono::Utc::now().timestamp_micros());
    let (first_byte_us, first_content_us) = (Some(40_000), Some(900_000));
    slow.facts = Facts { streamed: true, first_byte_us, first_content_us, total_us: 1_900_000, ..slow.facts };
    slow.facts.tokens_out = Some(50);
    store(&gateway, &[slow]);
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.page(&format!("/admin/requests?q={}", encoded("ttft:900ms tps:50")));
    let cell = |label: &str| between(&page, &format!("data-l=\"{label}\">"), "<").to_owned();
    assert_eq!((cell("TTFT"), cell("Tokens/s")), ("900 ms".to_owned(), "50.0".to_owned()), "{page}");
}

on_both! {
    the_greatest_of_all_matches_are_shown_before_and_after_indexing,
    the_time_and_speed_on_the_page_are_those_that_are_searched,
}
