//! The four clocks: connect, first byte, first content, silence between bytes.

use std::time::{Duration, Instant};

use crate::failover::Swallowing;
use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::reply::Reply;
use crate::support::row::Row;
use crate::support::samples::{CHAT, CHAT_STREAM, COMPLETION, delta, good_from, good_stream, role, stop};
use crate::support::upstream::FakeUpstream;

/// With a clock of 300 ms, the first upstream's silence costs the caller 300 ms and no answer.
fn moves_on_in_time(kind: Kind, failing: Row, call: &str, spare: Reply, expected: &str) {
    let spare = FakeUpstream::always(spare);
    let gateway = Gateway::with(kind, [failing, spare.row("b")]);
    let started = Instant::now();
    let answer = gateway.send(Call::chat(call));
    let took = started.elapsed();
    assert!(answer.whole && answer.status == 200 && answer.text().contains(expected), "{}", answer.text());
    assert!(took >= Duration::from_millis(300) && took < Duration::from_millis(2000), "{took:?}");
    let record = gateway.record();
    assert_eq!((record.end(), record.attempts().len()), ((200, "complete"), 2));
    assert_eq!(record.id("upstream_id"), gateway.upstream_id("b"));
    let error = record.attempts()[0]["error"].as_str().unwrap_or("").to_owned();
    assert!(error.contains("300 ms"), "the attempt names the clock that rang: {error:?}");
}

fn the_connect_clock_rings_when_no_connection_comes_about(kind: Kind) {
    let swallowing = Swallowing::new();
    let row = swallowing.row("a").set("connect_timeout_ms", 300);
    moves_on_in_time(kind, row, CHAT, good_from("b"), "Hello from b!");
}

fn the_connect_clock_rings_when_no_handshake_comes_about(kind: Kind) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("https://{}/v1", listener.local_addr().unwrap());
    let row = Row::new("a", &endpoint, "sk-secret-of-a").set("connect_timeout_ms", 300);
    moves_on_in_time(kind, row, CHAT, good_from("b"), "Hello from b!");
}

fn the_first_byte_clock_rings_when_no_head_comes(kind: Kind) {
    let silent = FakeUpstream::always(Reply::new().hang());
    let row = silent.row("a").set("first_byte_timeout_ms", 300);
    moves_on_in_time(kind, row, CHAT, good_from("b"), "Hello from b!");
    silent.hung_up();
}

fn the_first_content_clock_rings_when_a_stream_only_prepares(kind: Kind) {
    let silent = FakeUpstream::always(Reply::stream().event(&role()).hang());
    let row = silent.row("a").set("first_content_timeout_ms", 300);
    moves_on_in_time(kind, row, CHAT_STREAM, good_stream(), "lo!");
    silent.hung_up();
}

fn comments_do_not_count_as_content(kind: Kind) {
    let alive = (0..200).fold(Reply::stream(), |reply, _| reply.chunk(": still thinking\n\n").pause(20));
    let silent = FakeUpstream::always(alive.hang());
    let row = silent.row("a").set("first_content_timeout_ms", 300);
    moves_on_in_time(kind, row, CHAT_STREAM, good_stream(), "lo!");
}

fn the_silence_clock_breaks_a_stream_off_for_the_caller_too(kind: Kind) {
    let silent = FakeUpstream::always(Reply::stream().event(&role()).event(&delta("Hel")).hang());
    let spare = FakeUpstream::always(good_stream());
    let gateway = Gateway::with(kind, [silent.row("a").set("idle_timeout_ms", 300), spare.row("b")]);
    let answer = gateway.send(Call::chat(CHAT_STREAM));
    assert_eq!((answer.status, answer.whole), (200, false));
    assert!(answer.text().ends_with(&format!("data: {}\n\n", delta("Hel"))));
    assert_eq!(spare.count(), 0);
    let record = gateway.record();
    assert_eq!(record.end(), (200, "cut"));
    assert!(record.text("response").contains("Hel"));
    silent.hung_up();
}

fn the_silence_clock_breaks_a_sized_body_off_for_the_caller_too(kind: Kind) {
    let silent = FakeUpstream::always(
        Reply::head(200, &[("Content-Length", "10"), ("Content-Type", "text/plain")]).bytes("12345").hang(),
    );
    let gateway = Gateway::with(kind, [silent.row("a").set("idle_timeout_ms", 300)]);
    let answer = gateway.send(Call::get("/v1/files/f/content"));
    assert_eq!((answer.status, answer.text().as_str(), answer.whole), (200, "12345", false));
    assert_eq!(gateway.record().end(), (200, "cut"));
}

fn the_silence_clock_starts_anew_with_every_byte(kind: Kind) {
    let slow = (0..12).fold(Reply::stream(), |reply, n| reply.event(&delta(&format!("{n},"))).pause(100));
    let upstream = FakeUpstream::always(slow.event(&stop()).done());
    let gateway = Gateway::with(kind, [upstream.row("a").set("idle_timeout_ms", 400)]);
    let answer = gateway.send(Call::chat(CHAT_STREAM));
    assert!(answer.whole && answer.text().ends_with("data: [DONE]\n\n"));
    assert!(gateway.record().text("response").contains("0,1,2,3,4,5,6,7,8,9,10,11,"));
}

fn clocks_are_settings_for_all_and_columns_for_one_and_both_are_live(kind: Kind) {
    let slow = FakeUpstream::always(Reply::new().pause(600).then_head(200, &[("Content-Length", "2")]).bytes("{}"));
    let plan = Gateway::on(kind).setting("first_byte_timeout_ms", "200");
    // The breaker stays out of it: the only upstream is tried whatever its health.
    let gateway = plan.upstream(slow.row("a")).start();
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 504);
    gateway.edit("UPDATE openai_upstreams SET first_byte_timeout_ms = 5000");
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    gateway.edit("UPDATE openai_upstreams SET first_byte_timeout_ms = NULL");
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 504);
    gateway.set("first_byte_timeout_ms", "5000");
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
}

#[test]
fn a_slow_answer_is_waited_for_longer_than_any_clients_default_of_five_seconds() {
    let slow = Reply::new().pause(5600);
    let upstream = FakeUpstream::always(
        slow.then_head(200, &[("Content-Length", &COMPLETION.len().to_string())]).bytes(COMPLETION),
    );
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let answer = gateway.send(Call::chat(CHAT));
    assert_eq!((answer.status, answer.text().as_str()), (200, COMPLETION));
}

on_both! {
    the_connect_clock_rings_when_no_connection_comes_about,
    the_connect_clock_rings_when_no_handshake_comes_about,
    the_first_byte_clock_rings_when_no_head_comes,
    the_first_content_clock_rings_when_a_stream_only_prepares,
    comments_do_not_count_as_content,
    the_silence_clock_breaks_a_stream_off_for_the_caller_too,
    the_silence_clock_breaks_a_sized_body_off_for_the_caller_too,
    the_silence_clock_starts_anew_with_every_byte,
    clocks_are_settings_for_all_and_columns_for_one_and_both_are_live,
}
