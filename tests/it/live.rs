//! What another program writes into the database acts within 100 ms, under load, and nonsense hurts nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::samples::{CHAT, good};
use crate::support::upstream::FakeUpstream;
use crate::support::{LIVE, on_both, until};

/// Callers that never stop asking; each answer must be a good one.
struct Load {
    over: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    callers: Vec<JoinHandle<Vec<u16>>>,
}

impl Load {
    fn on(gateway: &Gateway) -> Load {
        let (over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let address = gateway.address();
        let callers = (0..4)
            .map(|_| {
                let (over, answered) = (over.clone(), answered.clone());
                thread::spawn(move || {
                    let mut bad = Vec::new();
                    while !over.load(Ordering::SeqCst) {
                        let status = Call::chat(CHAT).send(address).status;
                        answered.fetch_add(1, Ordering::SeqCst);
                        bad.extend((status != 200).then_some(status));
                    }
                    bad
                })
            })
            .collect();
        Load { over, answered, callers }
    }

    fn goes_on(&self) {
        let now = self.answered.load(Ordering::SeqCst);
        until("the load goes on", || (self.answered.load(Ordering::SeqCst) >= now + 20).then_some(()));
    }

    fn end(self) -> usize {
        self.over.store(true, Ordering::SeqCst);
        for caller in self.callers {
            assert_eq!(caller.join().unwrap(), [] as [u16; 0], "no caller notices an edit");
        }
        self.answered.load(Ordering::SeqCst)
    }
}

fn an_edit_acts_on_requests_that_arrive_a_hundred_milliseconds_later(kind: Kind) {
    let (first, second) = (FakeUpstream::always(good()), FakeUpstream::always(good()));
    let gateway = Gateway::with(kind, [first.row("a")]);
    let mut took: Vec<Duration> = (0..10)
        .map(|n| {
            let there = [&second, &first][n % 2];
            gateway.database.sql(&format!("UPDATE openai_upstreams SET endpoint = '{}'", there.url("/v1")));
            let edited = Instant::now();
            let before = there.count();
            until("the edit acts", || {
                let asked = edited.elapsed();
                assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
                (there.count() > before).then_some(asked)
            })
        })
        .collect();
    took.sort_unstable();
    // The median: on a busy machine a single one may be late for want of a core.
    assert!(took[5] <= LIVE, "{took:?}");
}

fn rows_edited_under_load_act(kind: Kind) {
    let (first, second, third) =
        (FakeUpstream::always(good()), FakeUpstream::always(good()), FakeUpstream::always(good()));
    let gateway = Gateway::with(kind, [first.row("a")]);
    let load = Load::on(&gateway);
    load.goes_on();

    gateway.edit(&second.row("b").set("position", 0).insert());
    let before = first.count();
    load.goes_on();
    assert!(second.count() >= 16, "an inserted upstream takes its place: {}", second.count());
    // Whoever was under way at the moment of the edit may still arrive.
    assert!(first.count() <= before + 4, "{} after {before}", first.count());

    gateway.edit(&format!("UPDATE openai_upstreams SET endpoint = '{}' WHERE name = 'b'", third.url("/v1")));
    let before = second.count();
    load.goes_on();
    assert!(third.count() >= 16 && second.count() <= before + 4);

    gateway.edit("DELETE FROM openai_upstreams WHERE name = 'b'");
    let before = third.count();
    load.goes_on();
    assert!(third.count() <= before + 4, "a deleted upstream is left alone");

    let answered = load.end();
    assert_eq!(first.count() + second.count() + third.count(), answered, "each call reached one upstream once");
}

fn rows_removed_the_originals_way_are_gone(kind: Kind) {
    let (first, second) = (FakeUpstream::always(good()), FakeUpstream::always(good()));
    let gateway = Gateway::with(kind, [first.row("a"), second.row("b")]);
    gateway.edit("UPDATE openai_upstreams SET deleted_at = CURRENT_TIMESTAMP WHERE name = 'a'");
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    assert_eq!((first.count(), second.count()), (0, 1));
}

fn an_insert_of_key_and_endpoint_is_a_whole_upstream(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, []);
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 503);
    gateway
        .edit(&format!("INSERT INTO openai_upstreams (sk, endpoint) VALUES ('sk-by-hand', '{}')", upstream.url("/v1")));
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    assert_eq!(upstream.only().head.get("authorization"), Some("Bearer sk-by-hand"));
}

fn a_row_that_makes_no_sense_is_reported_and_the_rest_keeps_working(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    for (name, endpoint) in
        [("no-url", "not a url"), ("no-http", "ftp://example.com/v1"), ("no-host", "http://"), ("nothing", "")]
    {
        let sql = format!(
            "INSERT INTO openai_upstreams (sk, endpoint, name, position) VALUES ('sk-{name}', '{endpoint}', '{name}', 0)"
        );
        gateway.edit(&sql);
        let id = gateway.upstream_id(name);
        until("the row is reported", || gateway.log().contains(&format!("upstream {id}")).then_some(()));
        assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
        assert!(!gateway.log().contains(&format!("sk-{name}")));
    }
    gateway.set("policy", "wisest-first");
    until("the policy is reported", || gateway.log().contains("policy").then_some(()));
    gateway.set("first_byte_timeout_ms", "soon-enough");
    until("the clock is reported", || gateway.log().contains("first_byte_timeout_ms").then_some(()));
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    assert_eq!(upstream.count(), 5);
    assert!(gateway.records_when(5).iter().all(|record| record.attempts().len() == 1));
}

fn an_edit_that_rolls_back_changes_nothing(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    gateway.edit("BEGIN; DELETE FROM openai_upstreams; ROLLBACK");
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
}

on_both! {
    an_edit_acts_on_requests_that_arrive_a_hundred_milliseconds_later,
    rows_edited_under_load_act,
    rows_removed_the_originals_way_are_gone,
    an_insert_of_key_and_endpoint_is_a_whole_upstream,
    a_row_that_makes_no_sense_is_reported_and_the_rest_keeps_working,
    an_edit_that_rolls_back_changes_nothing,
}
