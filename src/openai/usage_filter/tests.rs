//! What passes, however the stream is cut into pieces. **May import:** the room.

use crate::openai::chance::Chance;
use crate::openai::usage_filter::{Part, UsageFilter};

const CONTENT: &str =
    r#"{"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"hi"}}],"usage":null}"#;
const USAGE: &str =
    r#"{"id":"c","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;

/// What passes of a stream that comes in these pieces.
fn passed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let (mut filter, mut out) = (UsageFilter::new(), Vec::new());
    for piece in pieces {
        filter.push(piece, |part| match part {
            Part::Held(held) => out.extend(held),
            Part::Piece(piece) => out.extend_from_slice(piece),
        });
    }
    out.extend(filter.finish());
    out
}

fn whole(stream: &str) -> String {
    String::from_utf8(passed([stream.as_bytes()])).unwrap()
}

/// The same with the whole stream at hand and a parser of JSON: events are cut at their empty lines, those go that
/// only tell the usage and hold no line but fields of an event.
fn by_a_parser(stream: &[u8]) -> Vec<u8> {
    let (mut out, mut event, mut line_at, mut at) = (Vec::new(), 0, 0, 0);
    let keep = |event: &[u8]| {
        let text = String::from_utf8_lossy(event).replace("\r\n", "\n").replace('\r', "\n");
        let data: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data:")).collect();
        let value: serde_json::Value = serde_json::from_str(&data.join("\n")).unwrap_or_default();
        let fields = ["data:", "event:", "id:", "retry:", ":"];
        let known = |line: &str| fields.iter().any(|field| line.starts_with(field) || field.starts_with(line));
        !(text.lines().all(known)
            && value["choices"].as_array().is_some_and(Vec::is_empty)
            && value["usage"].is_object())
    };
    while at < stream.len() {
        let length = match &stream[at..] {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            _ => 0,
        };
        if length == 0 {
            at += 1;
            continue;
        }
        let empty = at == line_at;
        at += length;
        line_at = at;
        if empty {
            if keep(&stream[event..at]) {
                out.extend_from_slice(&stream[event..at]);
            }
            event = at;
        }
    }
    if keep(&stream[event..]) {
        out.extend_from_slice(&stream[event..]);
    }
    out
}

#[test]
fn only_the_chunk_that_only_tells_the_usage_goes() {
    for end in ["\n\n", "\r\n\r\n", "\r\r", "\n\r\n"] {
        let stream = format!(": hello{end}data: {CONTENT}{end}data: {USAGE}{end}data: [DONE]{end}");
        assert_eq!(whole(&stream), format!(": hello{end}data: {CONTENT}{end}data: [DONE]{end}"), "{end:?}");
    }
    for other in [
        r#"{"choices":[],"prompt_filter_results":[]}"#,
        r#"{"choices":[],"usage":null}"#,
        r#"{"usage":{"prompt_tokens":1}}"#,
        r#"{"choices":[],"usage":{"a":1},"error":{"message":"x"}}"#,
        r#"{"choices":[{}],"usage":{"a":1}}"#,
        r#"{"choices":[],"usage":{"a":1}"#,
        "[DONE]",
    ] {
        let stream = format!("data: {other}\n\ndata:{other}\n\n");
        assert_eq!(whole(&stream), stream);
    }
    for same in [
        r#"{"usage":{},"choices":[ ]}"#,
        "{\"choices\":[],\ndata:\"usage\":{}}",
        r#"{"choices":[],"usage":{"a":"]"},"error":null}"#,
    ] {
        assert_eq!(whole(&format!("event: x\ndata:{same}\nid: 7\n\n: end\n\n")), ": end\n\n", "{same}");
    }
}

#[test]
fn the_end_of_the_stream_ends_an_event_too() {
    assert_eq!(whole(&format!("data: {CONTENT}\n\ndata: {USAGE}")), format!("data: {CONTENT}\n\n"));
    let cut = format!("data: {}", &USAGE[..USAGE.len() - 1]);
    assert_eq!(whole(&cut), cut);
}

#[test]
fn it_makes_no_difference_where_the_stream_is_cut() {
    for end in ["\n\n", "\r\n\r\n", "\r\r"] {
        let stream = format!("data: {CONTENT}{end}data: {USAGE}{end}\n\ndata: {CONTENT}{end}data: [DONE]{end}");
        let bytes = stream.as_bytes();
        let expected = by_a_parser(bytes);
        assert_eq!(passed(bytes.chunks(1)), expected);
        for cut in 0..=bytes.len() {
            assert_eq!(passed([&bytes[..cut], &bytes[cut..]]), expected, "{end:?} cut at {cut}");
        }
    }
}

#[test]
fn content_is_never_held_back_once_it_is_known_to_be_content() {
    let (mut filter, mut out) = (UsageFilter::new(), 0);
    let mut push = |bytes: &[u8]| {
        filter.push(bytes, |part| match part {
            Part::Held(held) => out += held.len(),
            Part::Piece(piece) => out += piece.len(),
        });
        out
    };
    let opening = br#"data: {"id":"c","choices":["#;
    assert_eq!(push(opening), 0, "it could still be the usage");
    assert_eq!(push(b"{"), opening.len() + 1, "now it cannot");
    assert_eq!(push(b"\"delta\""), opening.len() + 8);
    assert_eq!(push(b":{}}]}\n"), opening.len() + 15);
    assert_eq!(push(b"\ndata: [D"), opening.len() + 24);
    let before = opening.len() + 24;
    assert_eq!(push(b"ONE]\n\ndata: {\"choices\":[]"), before + 6);
    let long = format!(",\"x\":\"{}", "y".repeat(9000));
    assert_eq!(push(long.as_bytes()), before + 25 + long.len(), "no usage is that long");
    assert_eq!(push(b"\",\"usage\":{}}\n\n{\"plain\""), before + 25 + long.len() + 23, "no event stream at all");
}

#[test]
fn any_stream_in_any_pieces_passes_as_a_parser_of_the_whole_says() {
    let mut chance = Chance::new(21);
    let parts = [
        CONTENT,
        USAGE,
        r#"{"choices":[],"usage":{}}"#,
        r#"{"choices":[],"usage":null}"#,
        r#"{"usage":{},"choices":["#,
        "]}",
        "[DONE]",
        ": note",
        "event: x",
        "data",
        "id:",
        " ",
        "{",
    ];
    let ends = ["\n", "\n\n", "\r\n", "\r\n\r\n", "\r", "\r\r", ""];
    let mut taken = 0;
    for round in 0..20_000 {
        let mut stream = Vec::new();
        for _ in 0..chance.below(8) {
            if chance.below(4) > 0 {
                stream.extend_from_slice([&b"data: "[..], b"data:"][chance.below(2)]);
            }
            stream.extend_from_slice(parts[chance.below(parts.len())].as_bytes());
            stream.extend_from_slice(ends[chance.below(ends.len())].as_bytes());
        }
        let expected = by_a_parser(&stream);
        taken += usize::from(expected.len() < stream.len());
        let longest = 1 + chance.below(40);
        assert_eq!(
            passed(chance.pieces(&stream, longest)),
            expected,
            "round {round}: {:?}",
            String::from_utf8_lossy(&stream)
        );
    }
    assert!(taken > 1_000, "{taken}");
}
