//! The parts that a message's content is made of, of every API: their `type` tells which.
//!
//! Start reading at [`content`].
//!
//! **Invariant:** nothing that a part says is left out: what is not known becomes [`Part::Other`].
//! **May import:** std, `openai::{dialogue, scan}`.

use crate::openai::dialogue::strings::{compact, filled, text};
use crate::openai::dialogue::{MAX_DEPTH, Part, media};
use crate::openai::scan::{elements, member, string_value};

/// Reads a content, a string or an array of parts or a single part, and adds its parts to `out`. Tokens in the place of
/// text are no parts.
pub(super) fn content(whole: &[u8], value: &[u8], depth: usize, out: &mut Vec<Part>) {
    match value.first() {
        Some(b'[') => {
            for range in elements(value, 0..value.len()) {
                if matches!(value[range.start], b'"' | b'{') {
                    part(whole, &value[range], depth, out);
                }
            }
        }
        Some(b'"' | b'{') => part(whole, value, depth, out),
        _ => {}
    }
}

/// Reads one part. A single one may become several: a result and the pictures in it.
fn part(whole: &[u8], value: &[u8], depth: usize, out: &mut Vec<Part>) {
    if let Some(text) = string_value(value) {
        return out.push(Part::Text(text.into_owned()));
    }
    let known = match depth < MAX_DEPTH {
        true => object(whole, value, depth, out),
        false => None,
    };
    if known.is_none() {
        out.push(Part::Other(compact(value)));
    }
}

/// `None` when it is not known; then nothing has been added.
fn object(whole: &[u8], value: &[u8], depth: usize, out: &mut Vec<Part>) -> Option<()> {
    let of = |name: &str| member(value, name.as_bytes());
    let said = |name: &str| of(name).and_then(text);
    let string = |name: &str| of(name).and_then(string_value).map(|text| text.into_owned());
    let kind = string("type").unwrap_or_default();
    let part = match kind.as_str() {
        "text" | "input_text" | "output_text" | "summary_text" => Part::Text(string("text")?),
        "refusal" => Part::Refusal(string("refusal")?),
        "thinking" => Part::Reasoning(string("thinking").unwrap_or_default()),
        "redacted_thinking" => Part::Reasoning(String::new()),
        "reasoning_text" | "reasoning" => Part::Reasoning(string("text")?),
        "image_url" | "input_image" | "computer_screenshot" => {
            Part::Image { source: media::first(whole, value, b"image_data", b"image_url")? }
        }
        "image" => {
            let source = match of("source") {
                Some(source) => media::source(whole, source),
                // The Model Context Protocol's form, which some clients pass on.
                None => media::data(whole, of("data")?, of("mimeType")),
            };
            Part::Image { source: source? }
        }
        "input_audio" | "audio" => {
            let audio = of("input_audio").or(of("audio")).unwrap_or(value);
            sound(whole, audio)?
        }
        "file" => {
            let file = of("file").unwrap_or(value);
            let name = member(file, b"filename").and_then(text);
            document(name, media::first(whole, file, b"file_data", b"file_url"))?
        }
        "input_file" => document(said("filename"), media::first(whole, value, b"file_data", b"file_url"))?,
        "container_upload" => document(None, media::first(whole, value, b"data", b"url"))?,
        "document" => return anthropic_document(whole, value, depth, out),
        "search_result" => {
            out.extend([said("title"), said("source")].into_iter().flatten().map(Part::Text));
            content(whole, of("content").unwrap_or_default(), depth + 1, out);
            return Some(());
        }
        "tool_use" | "server_tool_use" | "mcp_tool_use" => Part::ToolCall {
            id: said("id"),
            name: said("name")?,
            arguments: of("input").map_or_else(String::new, compact),
        },
        _ if kind.ends_with("tool_result") => {
            let is_error = of("is_error") == Some(b"true");
            result(whole, said("tool_use_id"), None, of("content"), is_error, depth, out);
            return Some(());
        }
        "" if of("text").is_some() => Part::Text(string("text")?),
        _ => return None,
    };
    out.push(part);
    Some(())
}

fn document(name: Option<String>, source: Option<super::Media>) -> Option<Part> {
    (name.is_some() || source.is_some()).then_some(Part::File { name, source })
}

/// `{"data","format"}` of a request, `{"id","data","transcript"}` of a reply, `{"id"}` of a later request.
pub(super) fn sound(whole: &[u8], audio: &[u8]) -> Option<Part> {
    let said = |name: &[u8]| member(audio, name).and_then(text);
    let source = member(audio, b"data").and_then(|data| media::data(whole, data, member(audio, b"format")));
    let (id, transcript) = (said(b"id"), said(b"transcript"));
    (id.is_some() || source.is_some() || transcript.is_some()).then_some(Part::Audio { id, source, transcript })
}

/// A document whose source may be text or parts.
fn anthropic_document(whole: &[u8], value: &[u8], depth: usize, out: &mut Vec<Part>) -> Option<()> {
    let source = member(value, b"source")?;
    let name = member(value, b"title").and_then(text);
    match member(source, b"type")? {
        b"\"text\"" => {
            let text = text(member(source, b"data")?)?;
            out.extend([Part::File { name, source: None }, Part::Text(text)]);
        }
        b"\"content\"" => {
            out.push(Part::File { name, source: None });
            content(whole, member(source, b"content")?, depth + 1, out);
        }
        _ => out.push(Part::File { name, source: Some(media::source(whole, source)?) }),
    }
    if let Some(context) = member(value, b"context").and_then(text) {
        out.push(Part::Text(context));
    }
    Some(())
}

/// What a tool gave: its texts become one, its pictures and files follow.
pub(super) fn result(
    whole: &[u8],
    id: Option<String>,
    name: Option<String>,
    value: Option<&[u8]>,
    is_error: bool,
    depth: usize,
    out: &mut Vec<Part>,
) {
    let mut parts = Vec::new();
    match filled(value) {
        Some(value) if matches!(value[0], b'[' | b'{' | b'"') => content(whole, value, depth + 1, &mut parts),
        Some(value) => parts.push(Part::Text(compact(value))),
        None => {}
    }
    let mut lines = Vec::new();
    let mut others = Vec::new();
    for part in parts {
        match part {
            Part::Text(text) | Part::Refusal(text) | Part::Reasoning(text) | Part::Other(text) => lines.push(text),
            Part::ToolResult { text, .. } => lines.push(text),
            other => others.push(other),
        }
    }
    out.push(Part::ToolResult { id, name, text: lines.join("\n"), is_error });
    out.append(&mut others);
}
