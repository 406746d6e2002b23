//! What [`crate::openai::assemble`] promises of every stream. **Invariant:** every expectation is literal.
//! **May import:** the room.

use crate::openai::assemble::{Assembled, Assembler};
use crate::openai::chance::Chance;

/// The stream of these events' data, put together.
pub(super) fn assembled(data: &[&str]) -> Assembled {
    let stream: String = data.iter().map(|data| format!("data: {data}\n\n")).collect();
    streamed([stream.as_bytes()])
}

/// The same, as the text of the object.
pub(super) fn reply(data: &[&str]) -> String {
    let whole = assembled(data);
    assert!(whole.assembled);
    let text = String::from_utf8(whole.reply).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap();
    text
}

fn streamed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Assembled {
    let mut assembler = Assembler::new();
    for piece in pieces {
        assembler.push(piece);
    }
    assembler.finish()
}

#[test]
fn a_stream_of_no_known_kind_comes_out_as_it_came() {
    for stream in [
        "event: thread.run.created\ndata: {\"id\":\"run_1\",\"object\":\"thread.run\"}\n\ndata: [DONE]\n\n",
        ": only a comment\n\n",
        "plain text",
        "",
        "data: {\"type\":\"something.new\"}\r\n\r\n",
        "data: not json\n\n",
    ] {
        let whole = streamed([stream.as_bytes()]);
        assert_eq!((whole.assembled, whole.reply.as_slice()), (false, stream.as_bytes()));
        assert_eq!(whole.ended, stream.contains("[DONE]"));
        assert_eq!(whole.error, None);
    }
}

#[test]
fn plain_json_in_place_of_a_stream_still_tells_its_facts() {
    let whole = streamed([&br#"{"id":"c","model":"m","usage":{"prompt_tokens":3}}"#[..]]);
    assert!(!whole.assembled);
    assert_eq!(whole.facts.model.as_deref(), Some("m"));
    assert_eq!(whole.facts.usage.input, Some(3));
}

#[test]
fn a_stream_that_is_only_an_error_is_kept_as_it_came_and_told() {
    for (stream, message, code) in [
        ("data: {\"error\":{\"message\":\"m\",\"code\":\"c\"}}\n\n", "m", Some("c")),
        ("event: error\ndata: out of memory\n\n", "out of memory", None),
        ("event: error\ndata: {\"error\":\"m\"}\n\n", "m", None),
        ("data: {\"type\":\"error\",\"message\":\"m\",\"code\":\"c\"}", "m", Some("c")),
    ] {
        let whole = streamed([stream.as_bytes()]);
        assert_eq!((whole.assembled, whole.reply.as_slice()), (false, stream.as_bytes()));
        let error = whole.error.unwrap();
        assert_eq!((error.message.as_deref(), error.code.as_deref()), (Some(message), code), "{stream}");
    }
}

#[test]
fn events_that_are_not_understood_are_kept_beside_the_object() {
    assert_eq!(
        reply(&[
            r#"{"hello":"first"}"#,
            "",
            r#"{"id":"c","choices":[{"index":0,"delta":{"content":"你"}}]}"#,
            r#"{"something":"else"}"#,
            "not \"json\"",
            r#"{"id":"c","choices":[{"index":0,"del"#,
        ]),
        r#"{"id":"c","choices":[{"index":0,"message":{"content":"你","role":"assistant"},"finish_reason":null}],"object":"chat.completion","unrecognized":[{"hello":"first"},{"something":"else"},"not \"json\"","{\"id\":\"c\",\"choices\":[{\"index\":0,\"del"]}"#
    );
}

#[test]
fn bytes_that_are_no_utf8_do_not_spoil_the_object() {
    let whole = streamed([&b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\xffb\"}}]}\n\n"[..]]);
    let text = String::from_utf8(whole.reply).unwrap();
    assert!(text.contains("a\u{fffd}b"));
}

const STREAMS: &[&str] = &[
    "\u{feff}: hi\r\n\r\ndata: {\"x\":1}\r\n\r\ndata: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"你好\"}}]}\r\n\r\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"😀\"},\"finish_reason\":\"stop\"}]}\r\n\r\ndata: [DONE]\r\n\r\n",
    "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"output\":[]}}\n\nevent: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"content_index\":0,\"delta\":\"你\"}\n\ndata: {\"type\":\"res",
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}\n\ndata: {\"type\":\"message_stop\"}",
    "event: unknown\ndata: {}\n\n",
];

#[test]
fn the_pieces_that_a_stream_arrives_in_do_not_matter() {
    let mut chance = Chance::new(10);
    for stream in STREAMS {
        let whole = streamed([stream.as_bytes()]);
        assert_eq!(streamed(stream.as_bytes().chunks(1)), whole);
        for _ in 0..300 {
            assert_eq!(streamed(chance.pieces(stream.as_bytes(), 40)), whole, "{stream}");
        }
    }
}

#[test]
fn a_damaged_stream_never_panics_and_stays_json_or_as_it_came() {
    let mut chance = Chance::new(11);
    for round in 0..4_000 {
        let mut stream = STREAMS[round % STREAMS.len()].as_bytes().to_vec();
        for _ in 0..chance.below(6) {
            let (at, with) = (chance.below(stream.len()), chance.below(stream.len()));
            stream[at] = stream[with];
        }
        stream.truncate(stream.len().saturating_sub(chance.below(60)));
        let whole = streamed([&stream[..]]);
        match whole.assembled {
            true => assert!(serde_json::from_slice::<serde_json::Value>(&whole.reply).is_ok()),
            false => assert_eq!(whole.reply, stream),
        }
    }
}
