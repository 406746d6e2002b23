//! What [`crate::openai::sse`] promises. **Invariant:** every expectation is literal. **May import:** the room.

use crate::openai::chance::Chance;
use crate::openai::sse::Splitter;
use crate::openai::sse::ends_stream;

fn split<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<(String, String)> {
    let mut events = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut splitter = Splitter::new();
    for piece in pieces {
        splitter.push(piece, |event| events.push((text(event.event), text(event.data))));
    }
    splitter.finish(|event| events.push((text(event.event), text(event.data))));
    events
}

fn data(stream: &str) -> Vec<String> {
    split([stream.as_bytes()]).into_iter().map(|(_, data)| data).collect()
}

#[test]
fn an_event_ends_at_an_empty_line_whatever_the_line_ends() {
    assert_eq!(data("data: a\n\ndata: b\r\n\r\ndata: c\r\rdata: d\n\r\n"), ["a", "b", "c", "d"]);
}

#[test]
fn one_space_after_the_colon_is_left_out_and_no_more() {
    assert_eq!(data("data:a\n\ndata:  b\n\ndata\n\ndata:\n\n"), ["a", " b", "", ""]);
}

#[test]
fn several_data_lines_are_joined_by_line_feeds() {
    assert_eq!(data("data: a\ndata\ndata: c\n\n"), ["a\n\nc"]);
}

#[test]
fn comments_other_fields_and_events_without_data_say_nothing() {
    assert_eq!(data(": keep\n\nid: 1\nretry: 5\ndatax: 1\n\nevent: ping\n\ndata: a\n\n"), ["a"]);
}

#[test]
fn the_event_name_belongs_to_its_own_event() {
    assert_eq!(
        split([&b"event: error\ndata: {}\n\ndata: x\n\n"[..]]),
        [("error".to_owned(), "{}".to_owned()), (String::new(), "x".to_owned())]
    );
}

#[test]
fn an_event_cut_off_by_the_end_is_handed_out_as_far_as_it_came() {
    assert_eq!(data("data: a\n\ndata: {\"ch"), ["a", "{\"ch"]);
    assert_eq!(data("data: [DONE]\n"), ["[DONE]"]);
    assert_eq!(data("data: [DONE]"), ["[DONE]"]);
    assert_eq!(data(": bye"), [] as [&str; 0]);
}

#[test]
fn a_byte_order_mark_is_left_out_at_the_beginning_only() {
    assert_eq!(data("\u{feff}data: a\n\n\u{feff}data: b\n\n"), ["a"]);
    assert_eq!(split([&b"\xef"[..], b"\xbb", b"\xbfdata: a\n\n"]).len(), 1);
    assert_eq!(split([&b"\xef"[..], b"\xbbdata: a\n\n"]), []);
}

#[test]
fn every_way_of_cutting_gives_the_same_events() {
    let stream =
        "\u{feff}: hi\r\ndata: 你好\r\n\r\nevent: e\rdata: a\rdata: 😀\r\rdata:x\n\n\r\n\ndata: [DONE]\n\n".as_bytes();
    let whole = split([stream]);
    assert_eq!(
        whole,
        [("", "你好"), ("e", "a\n😀"), ("", "x"), ("", "[DONE]")].map(|(e, d)| (e.to_owned(), d.to_owned()))
    );
    assert_eq!(split(stream.chunks(1)), whole);
    for first in 0..stream.len() {
        for second in first..stream.len() {
            let pieces = [&stream[..first], &stream[first..second], &stream[second..]];
            assert_eq!(split(pieces), whole, "cut at {first} and {second}");
        }
    }
}

#[test]
fn random_streams_give_the_same_events_in_any_pieces() {
    let mut chance = Chance::new(2);
    for _ in 0..5_000 {
        let stream = chance.bytes(b"data:: \n\r\n\rxevent\xef\xbb\xbf", 80);
        let whole = split([&stream[..]]);
        let pieces = chance.pieces(&stream, 7);
        assert_eq!(split(pieces), whole, "{stream:?}");
    }
}

#[test]
fn a_last_event_is_seen_when_it_stands_at_the_end_of_a_piece() {
    for last in [
        &b"data: [DONE]\n\n"[..],
        b"data: {\"x\":1}\n\ndata: [DONE]\n\n",
        b"data: 1\r\n\r\ndata: [DONE]\r\n\r\n",
        b"event: response.completed\ndata: {\"type\":\"response.completed\"}\n\n",
        b"event: message_stop\ndata: {}\n\n",
    ] {
        assert!(ends_stream(last), "{}", String::from_utf8_lossy(last));
    }
    for other in [
        &b""[..],
        b"\n\n",
        b"data: [DONE]\n",
        b"data: {\"content\":\"data: [DONE]\"}\n\n",
        b"data: [DONE]\n\ndata: 1\n\n",
        b"event: response.output_text.delta\ndata: {}\n\n",
    ] {
        assert!(!ends_stream(other), "{}", String::from_utf8_lossy(other));
    }
}
