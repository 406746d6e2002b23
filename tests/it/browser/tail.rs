//! The live tail under load, as an operator meets it: fifty requests a second, a pointer that rests, a tab that is left.
//!
//! The load is paced by a clock; everything else waits for what it expects.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use openai_api_route::db::records::{Facts, NewRecord};
use serde_json::json;

use crate::browser::harness::Browser;
use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::record::store;
use crate::support::reply::Reply;
use crate::support::samples::{BAD_REQUEST, good};
use crate::support::until;
use crate::support::upstream::FakeUpstream;

/// A request each so often, and one of so many fails.
const PACE: Duration = Duration::from_millis(20);
const ONE_OF: u32 = 10;
/// Rows that the table may have.
const MOST: usize = 200;

/// Notes each stream that a page opens, and each row that is put into the table.
const WATCH: &str = "window.streams = [];
window.EventSource = class extends EventSource { constructor(url) { super(url); streams.push(this); } };
window.came = [];
addEventListener('DOMContentLoaded', () => new MutationObserver((changes) => {
  for (const change of changes) for (const row of change.addedNodes) came.push(Number(row.dataset.id));
}).observe(document.querySelector('[data-live-box] tbody') ?? document.body, { childList: true }));";
/// What is at the pointer: its row, where that is, all rows in order.
const UNDER: &str = "const row = document.elementFromPoint(X, Y).closest('tr');
return JSON.stringify([row.dataset.id, row.getBoundingClientRect().top, [...document.querySelectorAll('tr[data-id]')].map((row) => row.dataset.id)]);";

/// Failures of an earlier day: the table is full from the beginning.
fn earlier() -> Vec<NewRecord> {
    let facts = |at: usize| Facts {
        started_us: 1_700_000_000_000_000 + at as i64,
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        status: 429,
        total_us: 1_000,
        attempts: "[]".to_owned(),
        ..Facts::default()
    };
    (0..MOST).map(|at| NewRecord { facts: facts(at), ..NewRecord::default() }).collect()
}

/// Sends at its pace until told to stop; how many were sent.
fn load(gateway: &Gateway, stop: &AtomicBool) -> u32 {
    let began = Instant::now();
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep((began + PACE * sent).saturating_duration_since(Instant::now()));
        let word = if sent % ONE_OF == 0 { "refuse" } else { "fine" };
        let messages = json!([{"role": "user", "content": format!("{word} {sent}")}]);
        gateway.send(Call::chat(&json!({"model": "m", "messages": messages}).to_string()));
        sent += 1;
    }
    sent
}

#[test]
fn the_live_tail_shows_what_matches_under_load_and_neither_moves_nor_loses_a_row() {
    let upstream = FakeUpstream::with(|seen, _| match seen.text().contains("refuse") {
        true => Reply::json(400, BAD_REQUEST),
        false => good(),
    });
    let gateway = &Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    store(gateway, &earlier());
    let browser = Browser::logged_in(gateway, true);
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH }));
    browser.go("/admin/requests?q=status:%3E=400&range=all&limit=200");
    let number = |script: &str| browser.script(&format!("return {script}")).as_u64().expect("a number") as usize;
    let rows = || number("document.querySelectorAll('tr[data-id]').length");
    let came = || number("came.length");
    let waiting = || {
        let text = browser
            .text("const at = document.querySelector('[data-live-new]'); return at.hidden ? '' : at.textContent");
        text.strip_suffix(" new").and_then(|count| count.parse::<usize>().ok()).unwrap_or(0)
    };
    assert_eq!(rows(), MOST);
    let stop = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| load(gateway, stop));
        let _stopped = Stop(stop);
        browser.click("[data-live]");
        until("rows come", || (came() >= 10).then_some(()));
        let statuses = "return [...new Set([...document.querySelectorAll('tr[data-id] .badge')].map((at) => at.textContent))].sort().join()";
        assert_eq!(browser.text(statuses), "400,429", "only what was asked for");

        let (x, y) = (300.0, 500.0);
        browser.point(x, y);
        let under = UNDER.replace('X', &x.to_string()).replace('Y', &y.to_string());
        until("the pointer rests on the table", || {
            (browser.script("return document.querySelector('[data-live-box]').matches(':hover')") == true).then_some(())
        });
        let before = browser.text(&under);
        until("ten rows wait", || (waiting() >= 10).then_some(()));
        assert_eq!(browser.text(&under), before, "nothing moves under the pointer");
        browser.point(5.0, 5.0);
        until("what waited is shown", || (waiting() == 0 && came() >= 20).then_some(()));
        assert_eq!(rows(), MOST);

        browser.behind(|| {
            assert_eq!(browser.text("return streams.map((stream) => stream.readyState).join()"), "2", "it is closed");
            let (seen, failures) = (came(), || gateway.database.sql("SELECT count(*) FROM records WHERE status = 400"));
            let known: usize = failures().parse().unwrap();
            until("more have failed meanwhile", || (failures().parse::<usize>().unwrap() >= known + 10).then_some(()));
            assert_eq!(came(), seen, "nobody looks");
        });
        let seen = came();
        until("rows come again", || (came() >= seen + 20).then_some(()));
        stop.store(true, Ordering::Relaxed);
        let sent = sending.join().unwrap();
        let all = until("every request is recorded", || {
            let all = gateway.database.sql("SELECT id FROM records WHERE status = 400 ORDER BY id");
            (all.lines().count() as u32 == sent.div_ceil(ONE_OF)).then_some(all)
        });
        let all = all.lines().map(str::trim).collect::<Vec<_>>().join(",");
        let shown = "return came.join(',')";
        until("the last failure is shown", || (came() >= all.split(',').count()).then_some(()));
        assert_eq!(browser.text(shown), all, "each once, in order, without a gap");
        assert_eq!(rows(), MOST);
        assert_eq!(browser.text("return streams.map((stream) => stream.readyState).join()"), "2,1");
        assert_eq!(browser.script("return window.violations"), json!([]));
    });
}

/// Lets the load end when the test has, however it ends.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
