//! A stream of server-sent events as a table: each event with its place, and what it carries. Start at [`chunks`].
//!
//! **Invariant:** what is no stream of events gives nothing; places are of the stream as it came.
//! **May import:** std, memchr, `openai::{scan, sse}`.

use std::ops::Range;

use memchr::memchr2;

use crate::openai::scan::{elements, is_blank, member, string_value};
use crate::openai::sse::Splitter;

/// What an event carries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carries {
    /// Something that was said, reasoning and refusals included.
    pub text: bool,
    /// A piece of a tool's call.
    pub tool: bool,
    /// Tokens.
    pub usage: bool,
    /// Why the answer ended, or that the stream does.
    pub end: bool,
}

/// One event, or what stands between two blank lines and is none: a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Where it stands, the blank line behind it included.
    pub place: Range<usize>,
    /// What the `event:` line said; empty when there was none.
    pub event: Vec<u8>,
    /// The `data:` lines, joined by line feeds; of a comment the comment.
    pub data: Vec<u8>,
    /// See [`Carries`].
    pub carries: Carries,
}

/// Names that lines of a stream begin with; a comment's is empty (WHATWG HTML, §9.2.6).
const FIELDS: [&[u8]; 5] = [b"data", b"event", b"id", b"retry", b""];
/// The last events of their streams, by the type that their data names: see [`crate::openai::sse::ends_stream`].
const LAST: [&str; 7] = [
    "response.completed",
    "response.failed",
    "response.incomplete",
    "message_stop",
    "speech.audio.done",
    "transcript.text.done",
    "image_generation.completed",
];

/// The first `most` chunks of a stream, and how many there are; `None` when these bytes are no stream of events.
pub fn chunks(stream: &[u8], most: usize) -> Option<(Vec<Chunk>, usize)> {
    let begin = if stream.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let first = stream[begin..].split(|byte| matches!(byte, b'\n' | b'\r')).find(|line| !line.is_empty())?;
    let (name, _) = first.split_at(first.iter().position(|byte| *byte == b':')?);
    if !FIELDS.contains(&name) {
        return None;
    }
    let (mut all, mut count, mut start) = (Vec::new(), 0, begin);
    while start < stream.len() {
        let end = block_end(stream, start);
        let block = &stream[start..end];
        if block.iter().any(|byte| !matches!(byte, b'\n' | b'\r')) {
            count += 1;
            if all.len() < most {
                all.push(chunk(block, start..end));
            }
        }
        start = end;
    }
    Some((all, count))
}

/// Where the block that begins at `start` ends: behind its blank line, or with the stream.
fn block_end(stream: &[u8], start: usize) -> usize {
    let mut line = start;
    while let Some(length) = memchr2(b'\n', b'\r', &stream[line..]) {
        let end = line + length;
        let next = end + if stream[end..].starts_with(b"\r\n") { 2 } else { 1 };
        if length == 0 {
            return next;
        }
        line = next;
    }
    stream.len()
}

fn chunk(block: &[u8], place: Range<usize>) -> Chunk {
    let mut found = None;
    let mut take = |event: crate::openai::sse::Event<'_>| found = Some((event.event.to_vec(), event.data.to_vec()));
    let mut splitter = Splitter::new();
    splitter.push(block, &mut take);
    splitter.finish(&mut take);
    match found {
        Some((event, data)) => Chunk { carries: carried(&event, &data), place, event, data },
        None => {
            let data = block.trim_ascii().to_vec();
            Chunk { place, event: Vec::new(), data, carries: Carries::default() }
        }
    }
}

/// What an event of chat, completions, Responses or Anthropic's messages carries.
fn carried(event: &[u8], data: &[u8]) -> Carries {
    if data == b"[DONE]" {
        return Carries { end: true, ..Carries::default() };
    }
    let kind = text_of(data, b"type").unwrap_or_else(|| String::from_utf8_lossy(event).into_owned());
    let has = |value: &[u8], name: &[u8]| member(value, name).is_some_and(|value| !is_blank(value));
    let mut carries = Carries {
        usage: has(data, b"usage")
            || [&b"response"[..], b"message"]
                .iter()
                .any(|name| member(data, name).is_some_and(|inner| has(inner, b"usage"))),
        end: LAST.contains(&kind.as_str()),
        ..Carries::default()
    };
    let choices = member(data, b"choices").unwrap_or_default();
    for range in elements(choices, 0..choices.len()) {
        let choice = &choices[range];
        let delta = member(choice, b"delta").unwrap_or_default();
        carries.text |= has(choice, b"text")
            || [&b"content"[..], b"reasoning_content", b"reasoning", b"refusal"].iter().any(|name| has(delta, name));
        carries.tool |= has(delta, b"tool_calls") || has(delta, b"function_call");
        carries.end |= has(choice, b"finish_reason");
    }
    let piece = |name: &[u8]| member(data, name).and_then(|piece| text_of(piece, b"type")).unwrap_or_default();
    match kind.as_str() {
        "content_block_delta" => match piece(b"delta").as_str() {
            "input_json_delta" => carries.tool = true,
            "text_delta" | "thinking_delta" => carries.text = true,
            _ => {}
        },
        "content_block_start" => carries.tool |= piece(b"content_block").ends_with("tool_use"),
        "response.output_item.added" => carries.tool |= piece(b"item").ends_with("_call"),
        "message_delta" => carries.end |= member(data, b"delta").is_some_and(|delta| has(delta, b"stop_reason")),
        kind if kind.contains("_call_arguments.") || kind.contains("_call_input.") => carries.tool = true,
        kind => carries.text |= kind.ends_with(".delta") && has(data, b"delta"),
    }
    carries
}

fn text_of(value: &[u8], name: &[u8]) -> Option<String> {
    member(value, name).and_then(string_value).map(|text| text.into_owned())
}

#[cfg(test)]
mod tests {
    use crate::openai::chunks::chunks;

    fn told(stream: &str) -> Vec<String> {
        let (all, _) = chunks(stream.as_bytes(), 100).unwrap();
        all.iter()
            .map(|chunk| {
                let is = [chunk.carries.text, chunk.carries.tool, chunk.carries.usage, chunk.carries.end];
                let carries: String =
                    is.iter().zip("txue".chars()).filter(|(is, _)| **is).map(|(_, sign)| sign).collect();
                format!("{}+{} {carries}", chunk.place.start, chunk.place.len())
            })
            .collect()
    }

    #[test]
    fn chunks_stand_where_they_came_whatever_ends_their_lines() {
        let stream = ": hello\n\nevent: a\r\ndata: 1\r\n\r\n\n\ndata: 2\rdata: 3\r\rdata: [DONE]";
        let (all, count) = chunks(stream.as_bytes(), 3).unwrap();
        let places: Vec<&str> = all.iter().map(|chunk| &stream[chunk.place.clone()]).collect();
        assert_eq!(places, [": hello\n\n", "event: a\r\ndata: 1\r\n\r\n", "data: 2\rdata: 3\r\r"]);
        let data: Vec<&[u8]> = all.iter().map(|chunk| &chunk.data[..]).collect();
        assert_eq!(data, [&b": hello"[..], b"1", b"2\n3"]);
        assert_eq!((&all[1].event[..], count), (&b"a"[..], 4));
    }

    #[test]
    fn what_events_carry_is_told_for_every_api() {
        let events = [
            (r#"{"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#, ""),
            (r#"{"choices":[{"delta":{"content":"Hi"}}]}"#, "t"),
            (r#"{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#, "x"),
            (r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"total_tokens":1}}"#, "ue"),
            (r#"{"type":"response.output_text.delta","delta":"a"}"#, "t"),
            (r#"{"type":"response.function_call_arguments.delta","delta":"{"}"#, "x"),
            (r#"{"type":"response.completed","response":{"usage":{"input_tokens":1}}}"#, "ue"),
            (r#"{"type":"content_block_delta","delta":{"type":"input_json_delta"}}"#, "x"),
            (r#"{"type":"content_block_delta","delta":{"type":"text_delta"}}"#, "t"),
            (r#"{"type":"message_stop"}"#, "e"),
            ("[DONE]", "e"),
            ("no json", ""),
        ];
        for (data, carries) in events {
            let stream = format!("data: {data}\n\n");
            assert_eq!(told(&stream), [format!("0+{} {carries}", stream.len())], "{data}");
        }
    }

    #[test]
    fn what_is_no_stream_gives_nothing() {
        for bytes in [&b""[..], b"{\"data\": 1}", b"hello", b"\x1f\x8b\x08:", b"\n\n"] {
            assert_eq!(chunks(bytes, 5), None);
        }
        assert_eq!(chunks(b"\xef\xbb\xbfdata: x", 5).unwrap().0[0].place, 3..10);
    }
}
