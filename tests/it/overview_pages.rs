//! The overview's alert lines and numbers when something is wrong with recording or its disk; that every number is a link.

use std::process::Command;

use openai_api_route::db::records::{Ending, Facts, NewRecord};

use crate::support::client::Call;
use crate::support::database::{Kind, Lock};
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::record::store;
use crate::support::row::Row;
use crate::support::samples::{CHAT, good};
use crate::support::until;
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between, browser};

/// How full the disk of a folder is, as `df` tells it in whole percent.
fn df_percent(folder: &std::path::Path) -> u64 {
    let told = Command::new("df").arg("-Pk").arg(folder).output().expect("df is there");
    let told = String::from_utf8(told.stdout).unwrap();
    let cell = told.lines().nth(1).unwrap().split_whitespace().nth(4).unwrap();
    cell.trim_end_matches('%').parse().unwrap()
}

#[test]
fn a_disk_that_is_nearly_full_is_told_as_df_tells_it() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    let (before, page, after) = (df_percent(gateway.folder()), visitor.page("/admin"), df_percent(gateway.folder()));
    let told = page.contains("The disk that holds the database is");
    // Others write to the same disk meanwhile.
    assert!(told == (before >= 80) || told == (after >= 80), "{before} % to {after} %: {page}");
    if told {
        let percent = |percent: u64| page.contains(&format!("is {percent} % full; "));
        assert!((before.min(after)..=before.max(after)).any(percent), "{before} % to {after} %: {page}");
    }
}

fn while_records_wait_the_numbers_say_until_when_they_are_whole(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    gateway.records_when(1);
    let visitor = Visitor::log_in(&gateway);
    assert!(!visitor.page("/admin").contains("Numbers as of"));
    let lock = Lock::on(&gateway.database);
    until("the records wait", || {
        assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
        let told = gateway.admin("GET", "/admin/overview", "").json();
        (told["database"] == "away" && told["spilled_bytes"].as_u64()? > 0).then_some(())
    });
    // Under an exclusive lock SQLite can still be read; so can Postgres.
    let page = until("the page is there", || {
        let answer = gateway.send(browser("GET", "/admin").header("Cookie", &visitor.cookie));
        (answer.status == 200).then(|| answer.text())
    });
    lock.release();
    assert!(page.contains("The database has taken no records since"), "{page}");
    assert!(page.contains("wait in the spill file") && page.contains("Numbers as of <time"), "{page}");
    until("everything is stored", || (!visitor.page("/admin").contains("Numbers as of")).then_some(()));
}

fn every_number_and_name_leads_to_its_requests_and_the_page_can_load_itself_again(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let visitor = Visitor::log_in(&gateway);
    let new = visitor.page("/admin");
    let steps: Vec<bool> = (1..=3).map(|n| new.contains(&format!("✓ {n}"))).collect();
    assert_eq!(steps, [true, true, false], "an upstream and a key are there: {new}");
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    gateway.records_when(1);
    let answer = visitor.get("/admin?range=1h");
    assert_eq!(answer.header("refresh"), None);
    let page = answer.text();
    let cards: Vec<&str> =
        page.split("<div class=\"card\">").skip(1).map(|card| card.split("</div>").next().unwrap()).collect();
    assert_eq!(cards.len(), 6);
    for card in cards {
        assert_eq!(card.matches("href=\"/admin/requests?").count(), 2, "label and number: {card}");
    }
    let id = gateway.upstream_id("a");
    assert!(page.contains(&format!("/admin/requests?q=tried%3A{id}&#38;range=24h")), "{page}");
    assert!(page.contains("/admin/requests?q=model%3Agpt-4o-mini&#38;range=1h"), "{page}");
    assert!(page.contains("href=\"/admin?range=1h&#38;refresh=10\""), "{page}");
    assert_eq!(visitor.get("/admin?range=1h&refresh=10").header("refresh"), Some("10"));
    assert_eq!(visitor.get("/admin?refresh=11").status, 400);
    for most in ["ttft", "total", "tokens", "cost"] {
        assert!(page.contains(&format!("sort=-{most}")), "the requests with most of it: {most}");
    }
}

fn failures_are_counted_over_the_whole_range_and_lead_to_what_they_say(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let now_us = chrono::Utc::now().timestamp_micros();
    let failure = |n: i64, status, error: &str| NewRecord {
        facts: Facts {
            started_us: now_us - n * 1_000_000,
            status,
            error: Some(error.to_owned()),
            ending: Ending::Complete,
            attempts: "[]".to_owned(),
            ..Facts::default()
        },
        ..NewRecord::default()
    };
    // More than are looked at for their words, and older ones that are not.
    let oldest = (210..215).map(|n| failure(n, 429, "too fast"));
    let newest =
        (0..210).rev().map(|n| failure(n, 502, if n % 3 == 0 { "name not known" } else { "the \"peer\" hung up" }));
    // What upstreams answered themselves stands in their replies alone.
    let answered = |n| {
        let mut record = failure(n, 400, "");
        record.facts.error = None;
        record.texts.response = Some(br#"{"error":{"message":"max_tokens is too large","type":"x"}}"#.to_vec());
        record
    };
    let records: Vec<NewRecord> = oldest.chain(newest).chain((0..3).map(answered)).collect();
    store(&gateway, &records);
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.page("/admin?range=1h");
    let (_, section) = page.split_once("<h2>Failures by status</h2>").expect("the section");
    let section = section.split("</section>").next().unwrap();
    assert!(section.contains(">210</a>") && section.contains(">5</a>"), "{section}");
    assert!(section.contains(">max_tokens is too large</a>"), "{section}");
    assert!(
        section.contains("Counted over the whole range; beside each what the newest 200 failures say"),
        "{section}"
    );
    assert!(!section.contains("too fast"), "nobody looked that far back: {section}");
    let links: Vec<String> =
        section.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap().replace("&#38;", "&")).collect();
    let count = |link: &str| {
        let found = gateway.admin("GET", &format!("{}&limit=1000", link.replace("range=1h", "range=24h")), "").json();
        found["count"].as_i64().unwrap_or_else(|| panic!("{link}: {found}"))
    };
    let counts: Vec<i64> = links.iter().map(|link| count(link)).collect();
    assert_eq!(counts, [210, 140, 210, 5, 5, 3, 3, 3], "status, words and number of each: {links:?}");
}

#[test]
fn no_two_labels_of_an_axis_are_the_same() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let quick = |started_us| {
        let facts = Facts {
            started_us,
            path: "/v1/models".to_owned(),
            status: 200,
            first_byte_us: Some(300),
            first_content_us: Some(350),
            total_us: 400,
            attempts: "[]".to_owned(),
            ending: Ending::Complete,
            ..Facts::default()
        };
        NewRecord { facts, ..NewRecord::default() }
    };
    let now_us = chrono::Utc::now().timestamp_micros();
    store(&gateway, &[quick(now_us - 86_000_000_000), quick(now_us - 60_000_000)]);
    let visitor = Visitor::log_in(&gateway);
    for page in
        ["/admin?range=24h", "/admin?range=1h", "/admin/usage?metric=ttft&range=24h", "/admin/usage?metric=total"]
    {
        let text = visitor.page(page);
        let charts: Vec<&str> = text.split("<div class=\"plot\">").skip(1).collect();
        assert!(!charts.is_empty(), "{page}: {text}");
        for chart in charts {
            for axis in ["ys", "xs"] {
                let labels = between(chart, &format!("<div class=\"{axis} hint\">"), "</div>");
                let mut told: Vec<&str> = labels.split("<span>").skip(1).collect();
                told.retain(|label| !label.starts_with("</span>"));
                let count = told.len();
                told.sort_unstable();
                told.dedup();
                assert!(count >= 2 && told.len() == count, "{page}: {labels}");
            }
        }
    }
}

#[test]
fn pages_of_any_range_with_something_in_every_step_are_small() {
    let plan = Gateway::on(Kind::Sqlite).setting("time_zone", "Asia/Shanghai");
    let row = |n| Row::new(&format!("upstream-{n}"), "http://x.example", &format!("sk-{n}-123456789"));
    let gateway = (0..10).fold(plan, |plan, n| plan.upstream(row(n))).start();
    let now_us = chrono::Utc::now().timestamp_micros();
    let request = |(n, ago_s): (i64, i64)| {
        let facts = Facts {
            started_us: now_us - ago_s * 1_000_000,
            path: "/v1/chat/completions".to_owned(),
            model: Some(format!("a-model-with-a-name-{}", n % 12)),
            key_name: format!("program-{}", n % 12),
            upstream_id: Some(1 + n % 10),
            status: if n % 5 == 0 { 502 } else { 200 },
            first_byte_us: Some(300_000 + n),
            first_content_us: Some(350_000 + n),
            total_us: 2_400_000 + n,
            tokens_in: Some(1000 + n),
            tokens_out: Some(300 + n),
            cost_nano: Some(1_234_567 + n),
            attempts: "[]".to_owned(),
            ending: Ending::Complete,
            ..Facts::default()
        };
        NewRecord { facts, ..NewRecord::default() }
    };
    // In each range every step has all models and keys, and failures.
    let (hour, day) = (3600, 86_400);
    let ranges = [(4, hour), (120, day), (1000, 7 * day), (3000, 30 * day), (7000, 90 * day)];
    let times = ranges.into_iter().flat_map(|(each_s, upto_s)| (1..upto_s / each_s).map(move |n| (n, n * each_s)));
    store(&gateway, &times.map(request).collect::<Vec<_>>());
    let visitor = Visitor::log_in(&gateway);
    for range in ["1h", "24h", "7d", "30d", "90d"] {
        for page in ["/admin?", "/admin/usage?", "/admin/usage?metric=ttft&by=model&top=4&"] {
            let page = format!("{page}range={range}");
            let bytes = visitor.get(&page).body.len();
            assert!(bytes <= 80 * 1024, "{page}: {bytes} bytes");
        }
    }
}

on_both! {
    failures_are_counted_over_the_whole_range_and_lead_to_what_they_say,
    while_records_wait_the_numbers_say_until_when_they_are_whole,
    every_number_and_name_leads_to_its_requests_and_the_page_can_load_itself_again,
}
