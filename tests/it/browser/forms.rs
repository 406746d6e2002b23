//! Requests, settings and many upstreams at once by links and forms, with script switched off.

use std::fs;

use openai_api_route::db::records::{Facts, NewRecord};
use serde_json::json;

use crate::browser::harness::Browser;
use crate::support::client::Call;
use crate::support::database::{Folder, Kind, text};
use crate::support::gateway::Gateway;
use crate::support::record::store;
use crate::support::samples::good;
use crate::support::until;
use crate::support::upstream::FakeUpstream;

fn chat(text: &str) -> Call {
    Call::chat(&json!({"model": "m", "messages": [{"role": "user", "content": text}]}).to_string())
}

/// A gateway that has answered these, in this order.
fn answered(texts: &[&str]) -> (Gateway, FakeUpstream) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a"), upstream.row("b"), upstream.row("c")]);
    for text in texts {
        assert_eq!(gateway.send(chat(text)).status, 200);
    }
    gateway.records_when(texts.len());
    (gateway, upstream)
}

/// The numbers of the requests that are listed.
fn listed(browser: &Browser) -> String {
    browser.text("return [...document.querySelectorAll('tr[data-id]')].map((row) => row.dataset.id).join()")
}

#[test]
fn the_link_to_a_file_of_what_is_listed_gives_that_file() {
    let (gateway, _upstream) = answered(&["the first", "the second"]);
    let folder = Folder::new();
    let browser = Browser::logged_in(&gateway, false);
    browser.devtools("Browser.setDownloadBehavior", json!({"behavior": "allow", "downloadPath": text(&folder.0)}));
    browser.go("/admin/requests?q=second");
    browser.click("details:has(a[download]) summary");
    for (format, lines) in [("jsonl", 1), ("csv", 2)] {
        browser.click(&format!("a[download][href*='format={format}']"));
        // Its name is taken at once; what is in it comes to that name as a whole.
        let file = until("the file is there", || {
            let files = fs::read_dir(&folder.0).unwrap().map(|file| file.unwrap().path());
            let file = files.into_iter().find(|file| text(file).ends_with(&format!(".{format}")))?;
            fs::read_to_string(file).ok().filter(|file| !file.is_empty())
        });
        assert_eq!(file.lines().count(), lines, "only what was searched: {file}");
        assert_eq!(file.contains("the second"), format == "jsonl", "{file}");
    }
}

#[test]
fn a_request_is_sent_again_and_compared_without_script() {
    let (gateway, _upstream) = answered(&["again"]);
    let browser = Browser::logged_in(&gateway, false);
    browser.go("/admin/requests");
    browser.follow("tr[data-id] a");
    browser.follow("a.button[href*='/replay']");
    browser.fill("#temperature", "0.5");
    browser.follow("main button.primary");
    assert_eq!(browser.path(), "/admin/requests/1/replay/2", "{}", browser.source());
    assert_eq!(browser.script("return document.querySelectorAll('.sides section').length"), 2);
    assert_eq!(
        browser.text("return document.querySelector('.sides + h2 + p').textContent"),
        "Both replies are the same."
    );
    browser.go("/admin/requests/2/diff/1");
    let changed = browser.text("return document.querySelector('main table tbody').innerText");
    assert!(changed.contains("temperature") && changed.contains("0.5"), "{changed}");
}

#[test]
fn a_search_is_kept_and_used_and_columns_are_chosen_without_script() {
    let (gateway, _upstream) = answered(&["apples", "pears", "apples and pears"]);
    let browser = Browser::logged_in(&gateway, false);
    browser.go("/admin/requests?q=apples");
    browser.click("details:has(#save-name) summary");
    browser.fill("#save-name", "Fruit");
    browser.follow("form[action='/admin/saved'] button");
    browser.go("/admin/requests");
    assert_eq!(listed(&browser), "3,2,1");
    browser.click("details:has(a[href='/admin/saved']) summary");
    browser.follow("details[open] .chips a");
    assert_eq!((listed(&browser).as_str(), browser.path().as_str()), ("3,1", "/admin/requests?q=apples"));

    let heads = "return [...document.querySelectorAll('.requests th')].map((at) => at.textContent).join()";
    assert!(!browser.text(heads).contains("Path"));
    browser.click("details:has(input[name=cols]) summary");
    browser.click("input[name=cols][value=path]");
    browser.follow("form:has(input[name=cols]) button");
    assert!(browser.text(heads).contains("Path"), "{}", browser.path());
    assert!(browser.path().contains("q=apples") && browser.path().contains("cols=path"), "{}", browser.path());
    assert!(browser.text("return document.querySelector('tr[data-id]').innerText").contains("/v1/chat/completions"));
}

#[test]
fn a_list_may_load_itself_again_without_script() {
    let (gateway, _upstream) = answered(&["one"]);
    let browser = Browser::logged_in(&gateway, false);
    browser.go("/admin/requests");
    browser.follow("a[href*='refresh=10']");
    assert_eq!((browser.path().as_str(), listed(&browser).as_str()), ("/admin/requests?refresh=10", "1"));
    gateway.send(chat("two"));
    until("the list has loaded itself again", || (listed(&browser) == "2,1").then_some(()));
    browser.follow(".bar > a.button[href^='/admin/requests'], .bar > a.button[href^='?']");
    assert!(!browser.path().contains("refresh"), "{}", browser.path());
}

#[test]
fn older_and_newer_requests_are_a_link_away_without_script() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let now_us = chrono::Utc::now().timestamp_micros();
    let facts = |at: i64| Facts {
        started_us: now_us - 60_000_000 + at,
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        status: 200,
        attempts: "[]".to_owned(),
        ..Facts::default()
    };
    store(&gateway, &(0..60).map(|at| NewRecord { facts: facts(at), ..NewRecord::default() }).collect::<Vec<_>>());
    let browser = Browser::logged_in(&gateway, false);
    browser.go("/admin/requests?q=status:200");
    let page = |from: i64, to: i64| (from..=to).rev().map(|id| id.to_string()).collect::<Vec<_>>().join(",");
    assert_eq!(listed(&browser), page(11, 60));
    browser.follow("a[rel=next]");
    assert_eq!(listed(&browser), page(1, 10));
    assert_eq!(browser.script("return document.querySelectorAll('a[rel=next]').length"), 0, "there is nothing older");
    browser.follow("a[rel=prev]");
    assert_eq!(listed(&browser), page(11, 60));
    assert!(browser.path().contains("q=status:200"), "{}", browser.path());
}

#[test]
fn several_upstreams_at_once_and_a_setting_are_changed_without_script() {
    let (gateway, _upstream) = answered(&[]);
    let browser = Browser::logged_in(&gateway, false);
    browser.go("/admin/upstreams");
    browser.click("tr[data-id='1'] input[name=id]");
    browser.click("tr[data-id='3'] input[name=id]");
    browser.click("details:has(#bulk) summary");
    browser.click("#action option[value=weight]");
    browser.fill("#value", "7");
    browser.follow("#bulk button");
    assert_eq!(gateway.database.sql("SELECT weight FROM openai_upstreams ORDER BY id"), "7\n1\n7");
    let weights =
        "return [...document.querySelectorAll('tr[data-id] td[data-l=Weight]')].map((at) => at.textContent).join()";
    assert_eq!(browser.text(weights), "7,1,7");

    browser.go("/admin/settings?tab=routing");
    browser.click("#policy option[value=weighted]");
    browser.follow("main button.primary");
    assert_eq!(browser.path(), "/admin/settings?tab=routing");
    assert_eq!(browser.text("return document.querySelector('#policy').value"), "weighted");
    assert_eq!(gateway.database.sql("SELECT value FROM config_kvs WHERE key = 'policy'"), "weighted");
}
