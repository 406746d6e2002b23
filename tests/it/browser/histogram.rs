//! The histogram under a mouse and a finger: a stretch that is dragged over becomes the time that is looked at.

use openai_api_route::db::records::{Ending, Facts, NewRecord};
use serde_json::{Value, json};

use crate::browser::harness::Browser;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::record::store;

const MINUTE_US: i64 = 60_000_000;

fn request(started_us: i64) -> NewRecord {
    let facts = Facts {
        started_us,
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        model: Some("m".to_owned()),
        status: 200,
        attempts: "[]".to_owned(),
        ending: Ending::Complete,
        ..Facts::default()
    };
    NewRecord { facts, ..NewRecord::default() }
}

/// A bar: the middle of it on the screen, its link's two ends, how many requests it counts.
fn bar(browser: &Browser, index: usize) -> ((f64, f64), String, String, i64) {
    let script = format!(
        "const bar = document.querySelectorAll('.hist svg a')[{index}]; bar.scrollIntoView({{block: 'center'}}); \
         const box = bar.querySelector('rect').getBoundingClientRect(), to = new URLSearchParams(bar.getAttribute('href')); \
         const count = parseInt(bar.querySelector('title').textContent.split('Requests ')[1]); \
         return [box.left + box.width / 2, box.top + box.height / 2, to.get('from'), to.get('to'), count]"
    );
    let told = browser.script(&script);
    let text = |at: usize| told[at].as_str().unwrap().to_owned();
    ((told[0].as_f64().unwrap(), told[1].as_f64().unwrap()), text(2), text(3), told[4].as_i64().unwrap())
}

fn asked(browser: &Browser) -> Value {
    browser.script("const to = new URLSearchParams(location.search); return ['q', 'from', 'to', 'range'].map((name) => to.get(name))")
}

#[test]
fn a_stretch_of_the_histogram_is_dragged_over_by_mouse_and_by_finger() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let now_us = chrono::Utc::now().timestamp_micros();
    // Every 40 minutes of the last day: each of 25 bars has one or two.
    let records: Vec<NewRecord> = (1..36).rev().map(|n| request(now_us - n * 40 * MINUTE_US)).collect();
    store(&gateway, &records);
    let browser = Browser::logged_in(&gateway, true);
    for (finger, first, last, backwards) in [(false, 3, 9, false), (false, 12, 15, true), (true, 5, 8, false)] {
        browser.go("/admin/requests?q=model:m&range=24h");
        let ((begin, from, ..), (end, _, to, _)) = (bar(&browser, first), bar(&browser, last));
        let counted: i64 = (first..=last).map(|index| bar(&browser, index).3).sum();
        let (begin, end) = if backwards { (end, begin) } else { (begin, end) };
        browser.drag(finger, begin, end);
        assert_eq!(asked(&browser), json!(["model:m", from, to, null]), "by finger: {finger}");
        let rows = browser.script("return document.querySelectorAll('tr[data-id]').length");
        assert_eq!(rows.as_i64(), Some(counted), "the requests of the bars, by finger: {finger}");
        assert_eq!(browser.script("return window.violations"), json!([]));
    }
    browser.go("/admin/requests?q=model:m&range=24h");
    let (_, from, to, _) = bar(&browser, 4);
    browser.follow(".hist svg a:nth-of-type(5) rect");
    assert_eq!(asked(&browser), json!(["model:m", from, to, null]), "a click is still a link");
}

#[test]
fn the_histogram_fits_a_phone_with_all_its_labels() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let now_us = chrono::Utc::now().timestamp_micros();
    store(&gateway, &(1..36).rev().map(|n| request(now_us - n * 40 * MINUTE_US)).collect::<Vec<_>>());
    let browser = Browser::logged_in(&gateway, true);
    browser.size(360, 800);
    browser.go("/admin/requests?range=24h");
    let outside = "const all = [...document.querySelectorAll('.hist .plot > svg, .hist .xs span, .hist .ys span')]; \
        return [all.length > 3, all.filter((at) => at.checkVisibility()).map((at) => at.getBoundingClientRect()) \
        .filter((at) => at.left < 0 || at.right > innerWidth).length]";
    assert_eq!(browser.script(outside), json!([true, 0]));
}
