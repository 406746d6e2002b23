//! The overview and usage: days of the page's zone whatever the browser's, and an upstream that dies.

use std::time::Duration;

use openai_api_route::db::records::{Facts, NewRecord};
use serde_json::json;

use crate::browser::harness::Browser;
use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::record::store;
use crate::support::row::refused;
use crate::support::samples::{CHAT, good};
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::Visitor;
use crate::support::{until, within};

/// Usage of all requests around 2026-11-21, in days.
const DAYS: &str = "/admin/usage?by=none&bucket=1d&from=2026-11-19T00:00:00Z&to=2026-11-24T00:00:00Z";
/// 2026-11-21T16:30:00Z, which is the 22nd in Shanghai.
const AT_S: i64 = 1_795_278_600;

fn counted_once(gateway: &Gateway) {
    for (span_s, bucket_s) in [(60, AT_S), (3600, AT_S - 1800)] {
        gateway.database.sql(&format!(
            "INSERT INTO rollups (span_s, bucket_s, upstream_id, model, key_name, requests, errors, streams, tokens_in, \
             tokens_out, tokens_cached, tokens_reasoning, unknown_tokens, cost_nano, unpriced, first_byte, first_content, total) \
             VALUES ({span_s}, {bucket_s}, 1, 'm', 'k', 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, x'', x'', x'')"
        ));
        // Of all, the upstream, the model and the key.
        for (kind, name) in [(5, ""), (6, "1"), (7, "m"), (8, "k")] {
            gateway.database.sql(&format!(
                "INSERT INTO rollups_by SELECT span_s, bucket_s, {kind}, '{name}', requests, errors, streams, tokens_in, tokens_out, \
                 tokens_cached, tokens_reasoning, unknown_tokens, cost_nano, unpriced, first_byte, first_content, total, x'' \
                 FROM rollups WHERE span_s = {span_s}"
            ));
        }
    }
}

#[test]
fn a_request_counts_on_the_day_of_the_pages_zone_whatever_the_browsers() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    counted_once(&gateway);
    let visitor = Visitor::log_in(&gateway);
    let browser = Browser::logged_in(&gateway, true);
    // The days that have a request, as the chart's table tells them.
    let days = |browser: &Browser| {
        browser.go(DAYS);
        browser.text("return [...document.querySelectorAll('figure tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent).join(' ')).join('|')")
    };
    assert_eq!(days(&browser), "2026-11-21 1");
    for (zone, day) in [("Asia/Shanghai", "2026-11-22 1"), ("UTC", "2026-11-21 1")] {
        visitor.send(
            "/admin/settings/general",
            &format!("time_zone={}&language=en&theme=system&shortcuts=1", zone.replace('/', "%2F")),
        );
        assert_eq!(days(&browser), day, "{zone}");
        assert!(browser.text("return document.body.innerText").contains(&format!("zone {zone}")));
        for own in ["America/New_York", "Pacific/Auckland"] {
            browser.devtools("Emulation.setTimezoneOverride", json!({"timezoneId": own}));
            assert_eq!(days(&browser), day, "{zone} seen from {own}");
        }
    }
    browser.go(&format!("{DAYS}&metric=total&p=p99"));
    assert!(browser.text("return document.body.innerText").contains("A p99 needs 100 samples"));
}

#[test]
fn the_steps_of_a_chart_lead_to_their_requests_and_the_table_to_the_same() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("main")]);
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    until("the request is recorded", || (!gateway.records().is_empty()).then_some(()));
    let browser = Browser::logged_in(&gateway, true);
    let links = browser.script(
        "const of = (where) => [...document.querySelectorAll(where)].map((at) => at.getAttribute('href'));
         return [of('figure:first-of-type svg a'), of('figure:first-of-type tbody a')];",
    );
    let (drawn, told) = (links[0].as_array().expect("links"), links[1].as_array().expect("links"));
    assert!(!drawn.is_empty() && drawn == told, "{links}");
    let first = drawn[0].as_str().expect("a link");
    assert!(first.starts_with("/admin/requests?from=") && first.contains("&to="), "{first}");
    let wrong = Visitor::log_in(&gateway).get("/admin?colour=red");
    assert!(wrong.status == 400 && wrong.text().contains("colour"), "{}", wrong.text());
}

#[test]
fn an_upstream_that_dies_turns_badge_strip_title_and_text() {
    let gateway = Gateway::with(Kind::Sqlite, [refused("gone")]);
    let browser = Browser::logged_in(&gateway, false);
    assert!(browser.source().contains("untested") && !browser.source().contains("class=\"err\" d="));
    until("the upstream counts as down", || {
        assert_ne!(gateway.send(Call::chat(CHAT)).status, 200);
        browser.go("/admin");
        browser.text("return document.title").starts_with("(1 down)").then_some(())
    });
    let source = browser.source();
    assert!(source.contains("Upstreams that do not work: 1") && source.contains("class=\"err\" d="), "{source}");
    let badge = browser.text("return document.querySelector('td .badge').textContent");
    assert!(badge.starts_with('✕') || badge.starts_with('◔'), "{badge}");
    browser.go("/admin/upstreams");
    assert!(browser.text("return document.title").starts_with("(1 down)"));
}

#[test]
fn the_day_that_is_filtered_is_the_pages_whatever_the_browsers() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let facts = |hours: i64| Facts {
        started_us: (AT_S + hours * 3600) * 1_000_000,
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        status: 200,
        attempts: "[]".to_owned(),
        ..Facts::default()
    };
    // 23:30, 00:30 and 23:30 in Shanghai, the 22nd in between.
    store(&gateway, &[-1, 0, 23].map(|hours| NewRecord { facts: facts(hours), ..NewRecord::default() }));
    let visitor = Visitor::log_in(&gateway);
    let browser = Browser::logged_in(&gateway, true);
    browser.devtools("Emulation.setTimezoneOverride", json!({"timezoneId": "America/New_York"}));
    assert_eq!(browser.text("return Intl.DateTimeFormat().resolvedOptions().timeZone"), "America/New_York");
    let listed = "return [...document.querySelectorAll('tr[data-id]')].map((row) => row.dataset.id + ' ' + row.querySelector('time').textContent).join('|')";
    for (zone, day, found) in [
        ("Asia/Shanghai", "2026-11-22", "3 11-22 23:30:00|2 11-22 00:30:00"),
        ("UTC", "2026-11-21", "2 11-21 16:30:00|1 11-21 15:30:00"),
    ] {
        visitor.send(
            "/admin/settings/general",
            &format!("time_zone={}&language=en&theme=system&shortcuts=1", zone.replace('/', "%2F")),
        );
        browser.go(&format!("/admin/requests?from={day}&to={day}"));
        assert_eq!(browser.text(listed), found, "{day} in {zone}");
        // The day's step of the chart leads to the same.
        browser.go(DAYS);
        browser.script("for (const details of document.querySelectorAll('details')) details.open = true;");
        browser.script(&format!(
            "[...document.querySelectorAll('figure tbody a')].find((at) => at.textContent === '{day}').id = 'day'"
        ));
        browser.follow("#day");
        assert_eq!(browser.text(listed), found, "{} in {zone}", browser.path());
    }
}

#[test]
fn an_upstream_that_worked_and_stops_turns_badge_strip_title_and_text() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("main")]);
    for _ in 0..3 {
        assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    }
    let browser = Browser::logged_in(&gateway, false);
    let seen = |page: &str| {
        browser.go(page);
        let badge = browser.text("return document.querySelector('main td .badge').textContent");
        let strip = browser.script("return document.querySelectorAll('td .strip .err').length > 0");
        (browser.text("return document.title"), badge, strip == true, browser.text("return document.body.innerText"))
    };
    let pages = ["/admin", "/admin/upstreams"];
    for page in pages {
        until("the success is counted", || {
            let (title, badge, strip, text) = seen(page);
            (!title.contains("down") && badge == "● healthy" && !strip && text.contains("100 %")).then_some(())
        });
    }
    drop(upstream);
    for page in pages {
        within(Duration::from_secs(60), "badge, strip, title and text turn", || {
            assert_ne!(gateway.send(Call::chat(CHAT)).status, 200);
            let (title, badge, strip, text) = seen(page);
            let badge = badge.starts_with('✕') || badge.starts_with('◔');
            let text = page != "/admin" || text.contains("Upstreams that do not work: 1");
            (title.starts_with("(1 down)") && badge && strip && text).then_some(())
        });
    }
}
