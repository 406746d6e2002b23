//! What the strips of upstreams tell and where they lead, and what an upstream's share is of when a model is out there.

use openai_api_route::db::records::{Ending, Facts, NewRecord};

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::record::store;
use crate::support::reply::Reply;
use crate::support::row::Row;
use crate::support::samples::{CHAT, RATE_ERROR, SERVER_ERROR, good};
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between, encoded};

/// Half an hour, in µs.
const CELL_US: i64 = 1_800_000_000;

fn record(upstream_id: i64, started_us: i64, status: i32) -> NewRecord {
    let facts = Facts {
        started_us,
        upstream_id: Some(upstream_id),
        status,
        model: Some("m".to_owned()),
        ending: Ending::Complete,
        attempts: "[]".to_owned(),
        ..Facts::default()
    };
    NewRecord { facts, ..NewRecord::default() }
}

/// Titles of the first strip of a page, with the numbers they tell.
fn titles(page: &str) -> Vec<String> {
    let strip = between(page, "<svg class=\"strip\"", "</svg>");
    strip.split("<title>").skip(1).map(|rest| rest.split("</title>").next().unwrap().to_owned()).collect()
}

#[test]
fn each_cell_of_the_list_tells_of_itself_as_long_as_the_page_stays_small() {
    let gateway = Gateway::with(
        Kind::Sqlite,
        (0..8).map(|n| Row::new(&format!("up-{n}"), "http://x.example", &format!("sk-{n}-1234567890"))),
    );
    let now_us = chrono::Utc::now().timestamp_micros();
    store(&gateway, &(0..384).rev().map(|n| record(1 + n % 8, now_us - n / 8 * CELL_US, 200)).collect::<Vec<_>>());
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.page("/admin/upstreams");
    assert_eq!((titles(&page).len(), page.matches("<title>").count()), (48, 8 * 48 + 1));
    assert!(page.len() <= 80 << 10, "{}", page.len());
    gateway.edit(&Row::new("more", "http://x.example", "sk-more").insert());
    assert!(titles(&visitor.page("/admin/upstreams")).len() < 48, "of more they stand for several");
}

#[test]
fn many_upstreams_are_shown_a_page_at_a_time_and_keep_their_places() {
    let name = |n: i64| format!("a provider with a long name, no. {n}");
    let row = |n: i64| Row::new(&name(n), "https://api.provider.example.com/openai/v1", &format!("sk-{n}-1234567890"));
    let gateway = Gateway::with(Kind::Sqlite, (1..61).map(|n| row(n).set("allow_models", "gpt-4o,gpt-4o-mini")));
    let now_us = chrono::Utc::now().timestamp_micros();
    let status = |n: i64| [200, 200, 500, 200, 502, 500, 503][(n % 7) as usize];
    let asked = (0..60 * 48).rev().map(|n| record(1 + n % 60, now_us - n / 60 * CELL_US, status(n)));
    store(&gateway, &asked.collect::<Vec<_>>());
    let visitor = Visitor::log_in(&gateway);
    let names = |page: &str| -> Vec<String> {
        let rows = page.split("<tr data-id=").skip(1).map(|row| between(row, "<a title=\"", "\"").to_owned());
        rows.collect()
    };
    let first = visitor.page("/admin/upstreams");
    assert_eq!(names(&first), (1..26).map(name).collect::<Vec<_>>());
    assert!(first.len() <= 80 << 10, "{}", first.len());
    assert!(
        first.contains("Page 1 of 3 (60 upstreams)") && first.contains("href=\"/admin/upstreams?page=2\""),
        "{first}"
    );
    let last = visitor.page("/admin/upstreams?page=99");
    assert_eq!(names(&last), (51..61).map(name).collect::<Vec<_>>(), "the last of those there are");
    assert_eq!(visitor.get("/admin/upstreams?page=two").status, 400);
    assert!(visitor.page("/admin/upstreams?q=no.+59").contains(&name(59)), "all are looked through");

    // A row dragged on the second page, and one sent to another page by its number.
    let ids: Vec<i64> = (26..51).rev().collect();
    let order = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let back = encoded("/admin/upstreams?page=2");
    let page = visitor.send("/admin/upstreams/order", &format!("order={order}&back={back}"));
    assert_eq!(names(&page), (26..51).rev().map(name).collect::<Vec<_>>());
    assert_eq!(names(&visitor.page("/admin/upstreams")), names(&first), "other pages are as before");
    let page = visitor.send("/admin/upstreams/order", "place-60=1");
    assert_eq!(names(&page)[..2], [name(60), name(1)]);
}

fn each_stretch_of_a_strip_tells_its_time_and_numbers_and_leads_to_its_requests(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let id: i64 = gateway.upstream_id("a").to_string().parse().unwrap();
    let now_us = chrono::Utc::now().timestamp_micros();
    // The middle of the cell before the last but one.
    let then_us = now_us.div_euclid(CELL_US) * CELL_US - 2 * CELL_US + CELL_US / 2;
    store(&gateway, &[200, 200, 500].map(|status| record(id, then_us, status)));
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    gateway.records_when(4);
    let visitor = Visitor::log_in(&gateway);
    for page in ["/admin", "/admin/upstreams"] {
        let page = visitor.page(page);
        let told = titles(&page);
        assert_eq!(told.len(), 48, "{told:?}");
        let begins = [":00 – ", ":30 – "].iter().any(|begin| told[45].contains(begin));
        assert!(begins && told[45].ends_with(": attempts 3, failed 1"), "{}", told[45]);
        assert!(told[0].ends_with(": attempts 0, failed 0"), "{}", told[0]);
        let whole = format!("<a class=\"strip\" href=\"/admin/requests?q=tried%3A{id}&#38;range=24h\"");
        assert!(page.contains(&whole), "{page}");
        assert!(page.contains("attempts 4, went well 75.0 %, failed 1; last request"), "{page}");
        assert!(page.contains(" s ago"), "{page}");
    }
    let page = visitor.page(&format!("/admin/upstreams/{id}"));
    let strip = between(&page, "<svg class=\"strip\"", "</svg>");
    assert_eq!((titles(&page).len(), strip.matches("<g><title>").count() > 50), (56, true), "{strip}");
    // The record may stand in this cell of three hours or in the one before.
    let links: Vec<String> =
        strip.split("<a href=\"").skip(1).map(|rest| rest.split('"').next().unwrap().replace("&#38;", "&")).collect();
    assert!((1..=2).contains(&links.len()), "only what has requests leads to them: {links:?}");
    let found: usize = links.iter().map(|link| visitor.page(link).matches("<tr data-id=").count()).sum();
    assert_eq!(found, 4, "{links:?}");
    assert!(
        page.contains(&format!("<a href=\"/admin/requests?q=tried%3A{id}&#38;range=7d\">7 days: attempts 4")),
        "{page}"
    );
}

fn where_nothing_but_tests_asked_the_strip_is_hatched(kind: Kind) {
    let (works, fails) = (FakeUpstream::always(good()), FakeUpstream::always(Reply::json(500, SERVER_ERROR)));
    let mut gateway = Gateway::with(kind, [works.row("works"), fails.row("fails")]);
    let ids = ["works", "fails"].map(|name| gateway.upstream_id(name).to_string());
    for id in &ids {
        Visitor::log_in(&gateway).send(&format!("/admin/upstreams/{id}/test"), "back=/admin/upstreams");
    }
    // They outlive a restart.
    gateway.crash();
    gateway.start_again();
    let visitor = Visitor::log_in(&gateway);
    for (id, told, class) in
        [(&ids[0], "; 1 tests, 0 in vain", "hatch"), (&ids[1], "; 1 tests, 1 in vain", "err hatch")]
    {
        let page = visitor.page(&format!("/admin/upstreams/{id}"));
        assert!(titles(&page).iter().any(|title| title.ends_with(told)), "{:?}", titles(&page));
        let strip = between(&page, "<svg class=\"strip\"", "</svg>");
        assert!(strip.contains(&format!("<path class=\"{class}\" d=\"M")) && strip.contains("v-2h4v2zm0-4"), "{strip}");
        assert!(page.contains("7 days: attempts 0"), "tests are no traffic: {page}");
    }
    // What callers ask counts for more.
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    gateway.records_when(1);
    let strip = visitor.page(&format!("/admin/upstreams/{}", ids[0]));
    let strip = between(&strip, "<svg class=\"strip\"", "</svg>");
    assert!(strip.contains("<path class=\"ok\" d=\"M"), "{strip}");
}

fn a_model_that_is_out_is_named_with_its_time_and_the_share_of_its_requests(kind: Kind) {
    let limited = FakeUpstream::with(|seen, _| match seen.text().contains("\"busy\"") {
        true => Reply::json_with(429, &[("retry-after", "120")], RATE_ERROR),
        false => good(),
    });
    let spare = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [limited.row("limited"), spare.row("spare")]);
    assert_eq!(gateway.send(Call::chat(&CHAT.replace("gpt-4o-mini", "busy"))).status, 200);
    let page = Visitor::log_in(&gateway).page("/admin/upstreams");
    let rows: Vec<&str> = page.split("<tr data-id=").skip(1).collect();
    assert_eq!(rows.len(), 2);
    let told = between(rows[0], "data-l=\"State\"", "</td>");
    assert!(told.contains("Out for busy: too many requests (429); ") && told.contains(" left, until "), "{told}");
    let share = |row: &str| between(row, "data-l=\"Share\"", "</td>").to_owned();
    assert!(share(rows[0]).contains("100 %<span class=\"hint\">0 % of busy</span>"), "{}", share(rows[0]));
    assert!(share(rows[1]).contains("0 %") && !share(rows[1]).contains("of busy"), "{}", share(rows[1]));
    assert!(page.contains("of those for a model that is out nowhere"), "{page}");
}

on_both! {
    each_stretch_of_a_strip_tells_its_time_and_numbers_and_leads_to_its_requests,
    where_nothing_but_tests_asked_the_strip_is_hatched,
    a_model_that_is_out_is_named_with_its_time_and_the_share_of_its_requests,
}
