//! Bodies both ways, byte for byte: sizes, framings, encodings, streams.

use std::io::Write;

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::http::Framing;
use crate::support::reply::{Gate, Reply};
use crate::support::samples::{CHAT_STREAM, SERVER_ERROR, delta, good};
use crate::support::upstream::FakeUpstream;
use crate::support::{noise, on_both};

const TEN_MB: usize = 10_000_000;

#[test]
fn ten_megabytes_up_and_down_arrive_byte_for_byte_in_every_framing() {
    let body = noise(TEN_MB);
    let sent = body.clone();
    let upstream = FakeUpstream::with(move |_, n| match n % 3 {
        0 => Reply::sized(200, &[("Content-Type", "application/octet-stream")], &sent),
        1 => {
            let head =
                Reply::head(200, &[("Transfer-Encoding", "chunked"), ("Content-Type", "application/octet-stream")]);
            sent.chunks(100_003).fold(head, |reply, piece| reply.chunk(piece)).last_chunk()
        }
        _ => Reply::head(200, &[("Connection", "close"), ("Content-Type", "application/octet-stream")])
            .bytes(&sent)
            .close(),
    });
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let call = || Call::new("POST", "/v1/files").header("Content-Type", "application/octet-stream").body(&body);
    for (call, framings) in [
        (call(), [Framing::Sized(TEN_MB as u64); 2]),
        (call().chunked(), [Framing::Chunked; 2]),
        (call().header("Connection", "close"), [Framing::UntilClose, Framing::Chunked]),
    ] {
        let answer = gateway.send(call);
        assert!(answer.body == body, "{} bytes came", answer.body.len());
        assert!(answer.whole && framings.contains(&answer.framing), "{:?}", answer.framing);
    }
    assert!(upstream.seen().iter().all(|seen| seen.whole && seen.body == body));
    assert_eq!(upstream.seen()[0].head.get("content-length"), Some("10000000"), "a known size stays known");
}

#[test]
fn a_compressed_reply_passes_untouched() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(crate::support::samples::COMPLETION.as_bytes()).unwrap();
    let packed = gzip.finish().unwrap();
    let headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")];
    let upstream = FakeUpstream::always(Reply::sized(200, &headers, &packed));
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let answer = gateway.send(Call::get("/v1/models").header("Accept-Encoding", "gzip"));
    assert_eq!(
        (answer.header("content-encoding"), answer.framing),
        (Some("gzip"), Framing::Sized(packed.len() as u64))
    );
    assert!(answer.body == packed);
    assert_eq!(gateway.record().text("response"), crate::support::samples::COMPLETION);
}

#[test]
fn each_of_a_hundred_chunks_arrives_before_the_next_is_sent() {
    let gate = Gate::new();
    let stream = (0..100).fold(Reply::stream(), |reply, n| reply.event(&delta(&format!("<{n}>"))).wait(&gate));
    let upstream = FakeUpstream::always(stream.done());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let mut exchange = Call::chat(CHAT_STREAM).open(gateway.address());
    for n in 0..100 {
        exchange.until_body_has(&format!("<{n}>"));
        assert!(!String::from_utf8_lossy(&exchange.so_far()).contains(&format!("<{}>", n + 1)));
        gate.open();
    }
    let answer = exchange.finish();
    assert!(answer.whole && answer.text().ends_with("data: [DONE]\n\n"));
    let whole: String = (0..100).map(|n| format!("<{n}>")).collect();
    assert!(gateway.record().text("response").contains(&whole));
}

#[test]
fn chunks_sent_at_a_pace_arrive_at_that_pace() {
    let stream = (0..60).fold(Reply::stream(), |reply, n| reply.event(&delta(&n.to_string())).pause(20));
    let upstream = FakeUpstream::always(stream.done());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let answer = gateway.send(Call::chat(CHAT_STREAM));
    let mut gaps: Vec<_> = answer.pieces.windows(2).map(|two| two[1].0.duration_since(two[0].0)).collect();
    gaps.sort_unstable();
    // Without TCP_NODELAY two arrive together every 41 ms: half of the gaps would be none.
    assert!(gaps[gaps.len() / 4].as_millis() >= 10, "most gaps are about 20 ms: {gaps:?}");
}

fn a_stream_cut_into_single_bytes_arrives_and_is_recorded_like_any_other(kind: Kind) {
    let text = format!(
        ": a comment\r\ndata: {}\r\n\r\nevent: x\ndata: {}\n\ndata: {}\n\ndata: [DONE]\n\n",
        crate::support::samples::role(),
        delta("你好, "),
        delta("wörld 😀"),
    );
    let bytes = text.clone().into_bytes();
    let upstream = FakeUpstream::with(move |_, n| match n {
        0 => bytes.chunks(1).fold(Reply::stream(), |reply, byte| reply.chunk(byte)).last_chunk(),
        _ => bytes.chunks(61).fold(Reply::stream(), |reply, piece| reply.chunk(piece)).last_chunk(),
    });
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    for _ in 0..2 {
        let answer = gateway.send(Call::chat(CHAT_STREAM));
        assert_eq!((answer.text(), answer.whole), (text.clone(), true));
    }
    for record in gateway.records_when(2) {
        assert!(record.text("response").contains("你好, wörld 😀"), "{}", record.text("response"));
    }
}

fn an_upload_larger_than_the_replay_buffer_streams_through_once(kind: Kind) {
    const SIZE: usize = 64 << 20;
    let body = noise(SIZE);
    let failing = FakeUpstream::sequence(vec![good(), Reply::json(500, SERVER_ERROR)]);
    let spare = FakeUpstream::always(good());
    let plan = Gateway::on(kind).setting("replay_buffer_bytes", "1000000");
    let gateway = plan.upstream(failing.row("a")).upstream(spare.row("b")).start();
    let before = gateway.peak_memory_kib();
    let upload = || Call::new("POST", "/v1/files").header("Content-Type", "application/octet-stream").body(&body);
    let sized = gateway.send(upload());
    assert_eq!(sized.status, 200);
    assert!(failing.only().whole && failing.only().body == body);
    let chunked = gateway.send(upload().chunked());
    assert_eq!((chunked.status, chunked.text().as_str()), (500, SERVER_ERROR));
    assert!(failing.seen()[1].body == body);
    assert_eq!(spare.count(), 0, "what was not kept cannot be sent again");
    let grown = gateway.peak_memory_kib() - before;
    assert!(grown < 40 << 10, "64 MiB pass in bounded memory, not in {grown} KiB");
    let records = gateway.records_when(2);
    assert_eq!((records[0].number("request_bytes"), records[1].number("request_bytes")), (64 << 20, 64 << 20));
    assert_eq!(records[0].attempts().len(), 1);
    assert!(records[0].0.to_string().contains("replay"), "the record says why nobody else was asked: {}", records[0].0);
}

fn a_request_within_the_replay_buffer_is_sent_again_byte_for_byte(kind: Kind) {
    let body = noise(900_000);
    let failing = FakeUpstream::always(Reply::json(500, SERVER_ERROR));
    let spare = FakeUpstream::always(good());
    let plan = Gateway::on(kind).setting("replay_buffer_bytes", "1000000");
    let gateway = plan.upstream(failing.row("a")).upstream(spare.row("b")).start();
    let upload = Call::new("POST", "/v1/files").header("Content-Type", "application/octet-stream").body(&body);
    assert_eq!(gateway.send(upload.chunked()).status, 200);
    assert!(failing.only().body == body && spare.only().body == body);
}

#[test]
fn a_caller_that_asks_before_it_sends_is_told_to_go_on() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let body = noise(100_000);
    let call = Call::new("POST", "/v1/files").header("Expect", "100-continue").body(&body);
    let mut exchange = call.open_partly(gateway.address(), 0);
    assert_eq!(exchange.interim().word(1), "100");
    exchange.write(&body);
    assert_eq!(exchange.finish().status, 200);
    assert!(upstream.only().body == body);
}

#[test]
fn one_worker_holds_hundreds_of_streams_open() {
    let gate = Gate::new();
    let stream = Reply::stream().event(&delta("begun")).wait(&gate).event(&delta("ended")).done();
    let upstream = FakeUpstream::always(stream);
    let gateway = Gateway::on(Kind::Sqlite).args(&["-workers", "1"]).upstream(upstream.row("a")).start();
    let mut streams: Vec<_> = (0..250).map(|_| Call::chat(CHAT_STREAM).open(gateway.address())).collect();
    streams.iter_mut().for_each(|stream| stream.until_body_has("begun"));
    streams.iter().for_each(|_| gate.open());
    for stream in streams {
        let answer = stream.finish();
        assert!(answer.whole && answer.text().contains("ended"));
    }
    assert_eq!(gateway.records_when(250).iter().filter(|record| record.end() == (200, "complete")).count(), 250);
}

#[test]
fn an_answer_that_comes_before_the_upload_ended_reaches_the_caller() {
    let upstream = FakeUpstream::before_body(Reply::json(413, SERVER_ERROR).pause(300).close());
    let plan = Gateway::on(Kind::Sqlite).setting("replay_buffer_bytes", "100000");
    let gateway = plan.upstream(upstream.row("a")).start();
    let answer = gateway.send(Call::new("POST", "/v1/files").body(noise(20 << 20)));
    assert_eq!((answer.status, answer.text().as_str()), (413, SERVER_ERROR));
}

#[test]
fn a_reused_connection_that_the_upstream_closed_is_nobodys_fault() {
    let upstream = FakeUpstream::with(|_, n| if n % 2 == 0 { good() } else { Reply::new().close() });
    let gateway = Gateway::on(Kind::Sqlite).args(&["-workers", "1"]).upstream(upstream.row("a")).start();
    // The second request finds the kept connection closed; a fresh one works.
    for _ in 0..2 {
        assert_eq!(gateway.send(Call::chat(crate::support::samples::CHAT)).status, 200);
    }
    let connections: Vec<usize> = upstream.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!((connections, upstream.connections()), (vec![0, 0, 1], 2));
    for record in gateway.records_when(2) {
        assert_eq!(record.end(), (200, "complete"));
    }
    assert_eq!(gateway.upstream_column("a", "failed_count"), "0");
}

on_both! {
    a_stream_cut_into_single_bytes_arrives_and_is_recorded_like_any_other,
    an_upload_larger_than_the_replay_buffer_streams_through_once,
    a_request_within_the_replay_buffer_is_sent_again_byte_for_byte,
}
