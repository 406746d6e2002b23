//! A caller that leaves: the upstream is told within a second in every phase, nobody is blamed, the record says so.

use std::time::Instant;

use crate::failover::Swallowing;
use crate::support::client::{Call, Exchange};
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::reply::{Gate, Reply};
use crate::support::samples::{CHAT, CHAT_STREAM, delta, good, role};
use crate::support::upstream::FakeUpstream;
use crate::support::{CANCELLED_WITHIN, noise, on_both};

/// Leaves once `ready`, in order and with a reset.
fn leaves(kind: Kind, call: &str, reply: Reply, ready: impl Fn(&mut Exchange)) {
    for leave in [Exchange::hang_up, Exchange::reset] {
        let upstream = FakeUpstream::always(reply.clone());
        let spare = FakeUpstream::always(good());
        let gateway = Gateway::with(kind, [upstream.row("a"), spare.row("b")]);
        let mut exchange = Call::chat(call).open(gateway.address());
        upstream.reached(1);
        ready(&mut exchange);
        let left = Instant::now();
        leave(exchange);
        let told = upstream.hung_up().duration_since(left);
        assert!(told < CANCELLED_WITHIN, "the upstream is told after {told:?}");
        assert_blameless(&gateway, &spare);
    }
}

fn assert_blameless(gateway: &Gateway, spare: &FakeUpstream) {
    let record = gateway.record();
    assert_eq!(record.end(), (499, "left"));
    assert_eq!(spare.count(), 0, "nobody else is asked for a caller who left");
    assert_eq!(gateway.upstream_column("a", "failed_count"), "0");
}

fn a_caller_may_leave_before_the_head(kind: Kind) {
    leaves(kind, CHAT, Reply::new().hang(), |_| {});
}

fn a_caller_may_leave_while_a_stream_prepares(kind: Kind) {
    let gate = Gate::new();
    leaves(kind, CHAT_STREAM, Reply::stream().event(&role()).wait(&gate), |_| {});
}

fn a_caller_may_leave_within_a_silent_stream(kind: Kind) {
    let stream = Reply::stream().event(&role()).event(&delta("Hel")).hang();
    leaves(kind, CHAT_STREAM, stream, |exchange| exchange.until_body_has("Hel"));
}

fn a_caller_may_leave_within_a_lively_stream(kind: Kind) {
    let stream = (0..2000).fold(Reply::stream(), |reply, n| reply.event(&delta(&format!("<{n}>"))).pause(10));
    leaves(kind, CHAT_STREAM, stream.done(), |exchange| exchange.until_body_has("<5>"));
}

fn a_caller_may_leave_within_a_sized_reply(kind: Kind) {
    let sized =
        Reply::head(200, &[("Content-Type", "text/plain"), ("Content-Length", "1000")]).bytes("beginning").hang();
    leaves(kind, CHAT, sized, |exchange| exchange.until_body_has("beginning"));
}

fn a_caller_may_leave_within_a_large_reply_it_does_not_read(kind: Kind) {
    let sized = Reply::sized(200, &[("Content-Type", "application/octet-stream")], noise(40_000_000)).hang();
    leaves(kind, CHAT, sized, |exchange| {
        exchange.head();
    });
}

fn what_was_said_before_the_caller_left_is_kept(kind: Kind) {
    let upstream = FakeUpstream::always(Reply::stream().event(&role()).event(&delta("Hel")).hang());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let mut exchange = Call::chat(CHAT_STREAM).open(gateway.address());
    exchange.until_body_has("Hel");
    exchange.hang_up();
    let record = gateway.record();
    assert_eq!((record.end(), record.text("body")), ((499, "left"), CHAT_STREAM));
    assert!(record.text("response").contains("Hel"));
    assert_eq!(record.id("upstream_id"), gateway.upstream_id("a"));
}

fn a_caller_may_leave_within_its_own_upload(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let exchange = Call::chat(CHAT).open_partly(gateway.address(), 20);
    exchange.hang_up();
    let record = gateway.record();
    assert_eq!(record.end(), (499, "left"));
    assert_eq!(gateway.upstream_column("a", "failed_count"), "0");
    assert!(upstream.seen().iter().all(|seen| !seen.whole), "half a request is never whole for the upstream");
}

fn a_caller_may_leave_within_a_large_upload(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let plan = Gateway::on(kind).setting("replay_buffer_bytes", "100000");
    let gateway = plan.upstream(upstream.row("a")).start();
    let call = Call::new("POST", "/v1/files").header("Content-Type", "application/octet-stream").body(noise(8_000_000));
    let exchange = call.open_partly(gateway.address(), 4_000_000);
    upstream.reached(1);
    let left = Instant::now();
    exchange.hang_up();
    assert!(upstream.hung_up().duration_since(left) < CANCELLED_WITHIN);
    assert!(!upstream.only().whole);
    assert_eq!(gateway.record().end(), (499, "left"));
    assert_eq!(gateway.upstream_column("a", "failed_count"), "0");
}

fn a_caller_may_leave_while_the_upstream_is_being_connected(kind: Kind) {
    let swallowing = Swallowing::new();
    let spare = FakeUpstream::always(good());
    let row = swallowing.row("a").set("connect_timeout_ms", 60_000);
    let gateway = Gateway::with(kind, [row, spare.row("b")]);
    let exchange = Call::chat(CHAT).open(gateway.address());
    // Nothing tells from outside that the connecting has begun; the record tells that it had.
    std::thread::sleep(std::time::Duration::from_millis(100));
    exchange.hang_up();
    assert_blameless(&gateway, &spare);
}

fn a_hang_up_closes_no_door_for_the_next_caller(kind: Kind) {
    let upstream = FakeUpstream::sequence(vec![Reply::new().hang(), Reply::new().hang(), good()]);
    let plan = Gateway::on(kind).setting("breaker_failures", "1");
    let gateway = plan.upstream(upstream.row("a")).upstream(FakeUpstream::always(good()).row("b")).start();
    for n in 1..=2 {
        let exchange = Call::chat(CHAT).open(gateway.address());
        upstream.reached(n);
        exchange.hang_up();
        upstream.hung_up();
    }
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    assert_eq!(upstream.count(), 3);
}

on_both! {
    a_caller_may_leave_before_the_head,
    a_caller_may_leave_while_a_stream_prepares,
    a_caller_may_leave_within_a_silent_stream,
    a_caller_may_leave_within_a_lively_stream,
    a_caller_may_leave_within_a_sized_reply,
    a_caller_may_leave_within_a_large_reply_it_does_not_read,
    what_was_said_before_the_caller_left_is_kept,
    a_caller_may_leave_within_its_own_upload,
    a_caller_may_leave_within_a_large_upload,
    a_caller_may_leave_while_the_upstream_is_being_connected,
    a_hang_up_closes_no_door_for_the_next_caller,
}
