//! The end of the process: in order, in a hurry, and by accident; and what stands in the database afterwards.

use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::support::client::{Call, Exchange};
use crate::support::database::Kind;
use crate::support::gateway::{Gateway, Plan};
use crate::support::reply::{Gate, Reply};
use crate::support::samples::{BAD_REQUEST, CHAT, CHAT_STREAM, SERVER_ERROR, delta, good, good_stream, role, stop};
use crate::support::upstream::FakeUpstream;
use crate::support::{on_both, until};

/// A gateway with one stream under way that ends when the gate is opened.
fn streaming(plan: Plan, gate: &Gate) -> (Gateway, FakeUpstream, Exchange) {
    let stream =
        Reply::stream().event(&role()).event(&delta("Hel")).wait(gate).event(&delta("lo!")).event(&stop()).done();
    let upstream = FakeUpstream::always(stream);
    let gateway = plan.upstream(upstream.row("a")).start();
    let mut exchange = Call::chat(CHAT_STREAM).open(gateway.address());
    exchange.until_body_has("Hel");
    (gateway, upstream, exchange)
}

fn stops_accepting(gateway: &Gateway) {
    until("it stops accepting", || TcpStream::connect(gateway.address()).is_err().then_some(()));
}

fn a_running_stream_ends_whole_after_sigterm_and_is_recorded(kind: Kind) {
    for signal in ["TERM", "INT"] {
        let gate = Gate::new();
        let (mut gateway, _upstream, exchange) = streaming(Gateway::on(kind), &gate);
        gateway.signal(signal);
        stops_accepting(&gateway);
        gate.open();
        let answer = exchange.finish();
        assert!(answer.whole && answer.text().contains("lo!") && answer.text().ends_with("data: [DONE]\n\n"));
        let said = gateway.ended();
        assert_eq!(said.code, Some(0), "SIG{signal}: {}", said.err);
        gateway.start_again();
        let record = gateway.record();
        assert_eq!(record.end(), (200, "complete"));
        assert!(record.text("response").contains("Hello!"));
    }
}

fn a_second_signal_ends_at_once_and_the_record_is_kept(kind: Kind) {
    let gate = Gate::new();
    let (mut gateway, _upstream, exchange) = streaming(Gateway::on(kind), &gate);
    gateway.signal("TERM");
    stops_accepting(&gateway);
    gateway.signal("TERM");
    assert!(gateway.time_to_end() < Duration::from_secs(3));
    assert!(!exchange.finish().whole, "a stream that is ended is not ended as if whole");
    gateway.ended();
    gateway.start_again();
    let record = gateway.record();
    assert_ne!(record.text("ending"), "complete");
    assert!(record.text("response").contains("Hel"));
}

fn streams_are_waited_for_no_longer_than_the_setting_says(kind: Kind) {
    let gate = Gate::new();
    let (mut gateway, _upstream, exchange) = streaming(Gateway::on(kind).args(&["-shutdown-timeout", "1"]), &gate);
    gateway.signal("TERM");
    let took = gateway.time_to_end();
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(4), "{took:?}");
    assert!(!exchange.finish().whole);
    gateway.ended();
    gateway.start_again();
    assert_ne!(gateway.record().text("ending"), "complete");
}

fn everything_served_before_sigterm_is_recorded(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let mut gateway = Gateway::with(kind, [upstream.row("a")]);
    let address = gateway.address();
    let callers: Vec<_> = (0..4)
        .map(|_| thread::spawn(move || (0..50).filter(|_| Call::chat(CHAT).send(address).status == 200).count()))
        .collect();
    let served: usize = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
    gateway.signal("TERM");
    assert_eq!(gateway.ended().code, Some(0));
    gateway.start_again();
    assert_eq!((served, gateway.records_when(200).len()), (200, 200));
}

fn each_call_is_counted_once(kind: Kind) {
    let upstream = FakeUpstream::with(|seen, _| match seen.target() {
        "/v1/stream" => good_stream(),
        "/v1/broken" => Reply::json(500, SERVER_ERROR),
        "/v1/bad" => Reply::json(400, BAD_REQUEST),
        "/v1/cut" => Reply::stream().event(&delta("Hel")).pause(50).reset(),
        _ => good(),
    });
    let plan = Gateway::on(kind).setting("breaker_failures", "100");
    let spare = FakeUpstream::always(good());
    let mut gateway = plan.upstream(upstream.row("a")).upstream(spare.row("b")).start();
    for path in ["chat/completions", "stream", "models", "broken", "bad", "cut"] {
        gateway.send(Call::post(&format!("/v1/{path}"), CHAT));
    }
    gateway.signal("TERM");
    gateway.ended();
    let counts = |name| (gateway.upstream_column(name, "success_count"), gateway.upstream_column(name, "failed_count"));
    assert_eq!((counts("a"), counts("b")), (("3".into(), "2".into()), ("1".into(), "0".into())));
    assert_ne!(gateway.upstream_column("a", "last_call_success_time"), "");
}

fn a_crash_loses_nothing_that_ended_two_hundred_milliseconds_before(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let mut gateway = Gateway::with(kind, [upstream.row("a")]);
    for _ in 0..20 {
        assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    }
    thread::sleep(Duration::from_millis(200));
    gateway.crash();
    gateway.start_again();
    assert_eq!(gateway.records_when(20).len(), 20);
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    assert_eq!(gateway.records_when(21)[0].end(), (200, "complete"));
}

fn a_crash_under_load_leaves_a_database_that_works(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let mut gateway = Gateway::with(kind, [upstream.row("a")]);
    let address = gateway.address();
    let callers: Vec<_> = (0..4)
        .map(|_| {
            thread::spawn(move || {
                while let Ok(tcp) = TcpStream::connect(address) {
                    drop(tcp);
                    let called = std::panic::catch_unwind(|| Call::chat(CHAT).send(address));
                    if called.is_err() {
                        break;
                    }
                }
            })
        })
        .collect();
    upstream.reached(50);
    gateway.crash();
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    gateway.start_again();
    let kept = gateway.records().len();
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    assert_eq!(gateway.records_when(kept + 1)[0].text("response"), crate::support::samples::COMPLETION);
}

#[test]
fn a_locked_database_keeps_nobody_waiting_and_loses_no_record() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let lock = crate::support::database::Lock::on(&gateway.database);
    let started = std::time::Instant::now();
    for _ in 0..20 {
        assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    lock.release();
    assert_eq!(gateway.records_when(20).len(), 20);
}

#[test]
fn a_database_that_goes_away_keeps_nobody_waiting_and_gets_its_records_later() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Postgres, [upstream.row("a")]);
    gateway.database.refuse_everybody();
    for _ in 0..20 {
        assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    }
    gateway.database.admit_everybody();
    assert_eq!(gateway.records_when(20).len(), 20);
    gateway.set("policy", "round_robin");
    gateway.edit("UPDATE openai_upstreams SET sk = 'sk-after-the-outage'");
    until("edits act again after the outage", || {
        assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
        let seen = upstream.seen();
        (seen.last()?.head.get("authorization") == Some("Bearer sk-after-the-outage")).then_some(())
    });
}

on_both! {
    a_running_stream_ends_whole_after_sigterm_and_is_recorded,
    a_second_signal_ends_at_once_and_the_record_is_kept,
    streams_are_waited_for_no_longer_than_the_setting_says,
    everything_served_before_sigterm_is_recorded,
    each_call_is_counted_once,
    a_crash_loses_nothing_that_ended_two_hundred_milliseconds_before,
    a_crash_under_load_leaves_a_database_that_works,
}
