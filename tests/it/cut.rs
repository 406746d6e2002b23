//! An upstream that breaks off in the middle: broken for the caller too, and told so in the record.

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::reply::{Gate, Reply};
use crate::support::samples::{CHAT, CHAT_STREAM, SERVER_ERROR, delta, good, role};
use crate::support::upstream::FakeUpstream;

/// The caller gets these bytes and then a broken transfer; nobody else is asked; the record says `cut` and keeps the text.
fn is_cut(kind: Kind, call: &str, cut: Reply, arrives: &str, kept: &str) {
    let breaking = FakeUpstream::always(cut);
    let spare = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [breaking.row("a"), spare.row("b")]);
    let answer = gateway.send(Call::chat(call));
    assert_eq!((answer.status, answer.text().as_str()), (200, arrives));
    assert!(!answer.whole, "a cut reply never ends as if it were whole: {:?}", answer.framing);
    assert_eq!((breaking.count(), spare.count()), (1, 0), "what the caller has seen is not begun again");
    let record = gateway.record();
    assert_eq!(record.end(), (200, "cut"));
    assert_eq!(record.id("upstream_id"), gateway.upstream_id("a"));
    assert!(record.text("response").contains(kept), "the part that came is kept: {}", record.text("response"));
    assert_ne!(record.text("error"), "");
    assert_eq!(record.number("reply_bytes"), arrives.len() as i64);
}

fn sized() -> Reply {
    Reply::head(200, &[("Content-Type", "application/json"), ("Content-Length", "1000")]).bytes(r#"{"half":"#)
}

fn begun() -> Reply {
    Reply::stream().event(&role()).event(&delta("Hel"))
}

fn begun_text() -> String {
    format!("data: {}\n\ndata: {}\n\n", role(), delta("Hel"))
}

fn a_sized_reply_closed_in_the_middle_is_cut(kind: Kind) {
    is_cut(kind, CHAT, sized().pause(100).close(), r#"{"half":"#, r#"{"half":"#);
}

fn a_sized_reply_reset_in_the_middle_is_cut(kind: Kind) {
    is_cut(kind, CHAT, sized().pause(100).reset(), r#"{"half":"#, r#"{"half":"#);
}

fn a_chunked_reply_closed_in_the_middle_is_cut(kind: Kind) {
    let chunked = Reply::head(200, &[("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")]);
    is_cut(kind, CHAT, chunked.chunk(r#"{"half":"#).pause(100).close(), r#"{"half":"#, r#"{"half":"#);
}

fn a_stream_closed_after_content_is_cut(kind: Kind) {
    is_cut(kind, CHAT_STREAM, begun().pause(100).close(), &begun_text(), "Hel");
}

fn a_stream_reset_after_content_is_cut(kind: Kind) {
    is_cut(kind, CHAT_STREAM, begun().pause(100).reset(), &begun_text(), "Hel");
}

fn a_stream_closed_within_a_chunk_is_cut(kind: Kind) {
    let half = r#"data: {"id":"chatc"#;
    let cut = begun().bytes(format!("ff\r\n{half}")).pause(100).close();
    is_cut(kind, CHAT_STREAM, cut, &format!("{}{half}", begun_text()), "Hel");
}

fn a_stream_that_turns_into_garbage_is_cut(kind: Kind) {
    is_cut(
        kind,
        CHAT_STREAM,
        begun().pause(100).bytes("this is no chunk\r\n").pause(1000).close(),
        &begun_text(),
        "Hel",
    );
}

fn a_body_that_ends_with_its_connection_is_whole(kind: Kind) {
    let upstream = FakeUpstream::always(
        Reply::head(200, &[("Content-Type", "text/plain"), ("Connection", "close")]).bytes("all of it").close(),
    );
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let answer = gateway.send(Call::get("/v1/files/f/content"));
    assert_eq!((answer.text().as_str(), answer.whole), ("all of it", true));
    assert_eq!(gateway.record().end(), (200, "complete"));
}

fn an_error_after_content_passes_through_and_nobody_else_is_asked(kind: Kind) {
    let breaking = FakeUpstream::always(begun().event(SERVER_ERROR).done());
    let spare = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [breaking.row("a"), spare.row("b")]);
    let answer = gateway.send(Call::chat(CHAT_STREAM));
    assert_eq!(
        (answer.text(), answer.whole),
        (format!("{}data: {SERVER_ERROR}\n\ndata: [DONE]\n\n", begun_text()), true)
    );
    assert_eq!(spare.count(), 0);
    assert!(gateway.record().text("response").contains("Hel"));
}

fn what_came_before_the_cut_came_at_once(kind: Kind) {
    let gate = Gate::new();
    let breaking = FakeUpstream::always(begun().wait(&gate).reset());
    let gateway = Gateway::with(kind, [breaking.row("a")]);
    let mut exchange = Call::chat(CHAT_STREAM).open(gateway.address());
    exchange.until_body_has("Hel");
    gate.open();
    assert!(!exchange.finish().whole);
    assert_eq!(gateway.record().end(), (200, "cut"));
}

on_both! {
    a_sized_reply_closed_in_the_middle_is_cut,
    a_sized_reply_reset_in_the_middle_is_cut,
    a_chunked_reply_closed_in_the_middle_is_cut,
    a_stream_closed_after_content_is_cut,
    a_stream_reset_after_content_is_cut,
    a_stream_closed_within_a_chunk_is_cut,
    a_stream_that_turns_into_garbage_is_cut,
    a_body_that_ends_with_its_connection_is_whole,
    an_error_after_content_passes_through_and_nobody_else_is_asked,
    what_came_before_the_cut_came_at_once,
}
