//! What a message means, as bytes: the same for the same message however a client writes it when it sends it back.
//!
//! Start reading at [`meaning`].
//!
//! **Invariant:** the bytes of a message are the same in every version of the program: hashes of them are stored.
//! **May import:** std, serde_json, `openai::dialogue`.

use std::collections::HashSet;

use serde_json::Value;

use crate::openai::dialogue::{Media, Message, Part, Role};

/// Ends a piece; no text holds this byte.
const END: u8 = 0xff;

/// Adds the meaning of a message to `out`. False, and nothing added, when it takes no part in linking: it is only
/// [`Message::aside`], or says nothing (an answer that is all reasoning, or empty).
///
/// - Texts and refusals that follow each other are one text, and white space in it does not count. So a string, its single
///   part, and parts that a client joined, with or without a line end between them, are the same.
/// - Reasoning does not count, nor do ids of calls, annotations, or anything that is `null`.
/// - Arguments of a tool are compared as JSON: keys in order, numbers by value, without `null`; none are `{}`.
/// - A picture, sound or file is its data, else its address or id; sound with an id is that id.
/// - `developer` is `system`, `function` is `tool`. Only a user's `name` counts.
/// - A tool that ran within the service (its result stands in the model's own message) does not count.
pub fn meaning(message: &Message, out: &mut Vec<u8>) -> bool {
    if message.aside {
        return false;
    }
    let start = out.len();
    out.push(match message.role {
        Role::System | Role::Developer => b's',
        Role::User => b'u',
        Role::Assistant => b'a',
        Role::Tool => b't',
        Role::Other => b'o',
    });
    if let (Role::User, Some(name)) = (message.role, &message.name) {
        piece(b'n', name.as_bytes(), out);
    }
    let head = out.len();
    let mut in_text = false;
    let own = run_within(message);
    for part in &message.parts {
        match part {
            Part::Reasoning(_) => continue,
            Part::Text(text) | Part::Refusal(text) => {
                if !in_text && !text.trim_ascii().is_empty() {
                    out.push(b'T');
                    in_text = true;
                }
                dense(text, out);
                continue;
            }
            Part::ToolResult { .. } if message.role == Role::Assistant => continue,
            Part::ToolCall { id: Some(id), .. } if own.contains(id.as_str()) => continue,
            _ => {}
        }
        if std::mem::take(&mut in_text) {
            out.push(END);
        }
        other(part, out);
    }
    if in_text {
        out.push(END);
    }
    let says_something = out.len() > head;
    if !says_something {
        out.truncate(start);
    }
    says_something
}

/// The ids of the calls that the same message of the model answers.
fn run_within(message: &Message) -> HashSet<&str> {
    let answered = message.parts.iter().filter_map(|part| match part {
        Part::ToolResult { id, .. } if message.role == Role::Assistant => id.as_deref(),
        _ => None,
    });
    answered.collect()
}

fn other(part: &Part, out: &mut Vec<u8>) {
    match part {
        Part::Text(_) | Part::Refusal(_) | Part::Reasoning(_) => {}
        Part::ToolCall { name, arguments, .. } => {
            piece(b'C', name.as_bytes(), out);
            match serde_json::from_str(arguments) {
                Ok(value) => canonical(&value, true, out),
                Err(_) if arguments.trim_ascii().is_empty() => out.extend_from_slice(b"{}"),
                Err(_) => dense(arguments, out),
            }
            out.push(END);
        }
        Part::ToolResult { text, is_error, .. } => {
            out.push(if *is_error { b'E' } else { b'R' });
            dense(text, out);
            out.push(END);
        }
        Part::Image { source } => media(b'I', source, out),
        Part::Audio { id: Some(id), .. } => piece(b'A', id.as_bytes(), out),
        Part::Audio { source: Some(source), .. } => media(b'A', source, out),
        Part::Audio { transcript, .. } => piece(b'A', transcript.as_deref().unwrap_or_default().as_bytes(), out),
        Part::File { source: Some(source), .. } => media(b'F', source, out),
        Part::File { name, .. } => piece(b'F', name.as_deref().unwrap_or_default().as_bytes(), out),
        Part::Other(json) => {
            out.push(b'O');
            match serde_json::from_str(json) {
                Ok(value) => canonical(&value, true, out),
                Err(_) => dense(json, out),
            }
            out.push(END);
        }
    }
}

fn piece(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(bytes);
    out.push(END);
}

fn media(tag: u8, media: &Media, out: &mut Vec<u8>) {
    out.push(tag);
    match media {
        Media::Inline { base64, digest, .. } => {
            out.push(b'd');
            out.extend_from_slice(&(base64.len() as u64).to_le_bytes());
            out.extend_from_slice(&digest.to_le_bytes());
        }
        Media::Url(url) => piece(b'u', url.as_bytes(), out),
        Media::Id(id) => piece(b'i', id.as_bytes(), out),
    }
}

/// For each byte, whether it counts: 0 for white space, else 1.
const STEPS: [u8; 256] = {
    let mut steps = [1; 256];
    let mut byte = 0u8;
    while byte <= b' ' {
        steps[byte as usize] = !byte.is_ascii_whitespace() as u8;
        byte += 1;
    }
    steps
};

/// Text without its white space.
fn dense(text: &str, out: &mut Vec<u8>) {
    // Each byte is written, and the next one over it when it was white space: nothing branches or grows for a byte.
    let mut end = out.len();
    out.resize(end + text.len(), 0);
    for byte in text.bytes() {
        out[end] = byte;
        end += usize::from(STEPS[usize::from(byte)]);
    }
    out.truncate(end);
}

/// JSON with its keys in order and without what is `null`. Its depth is bounded by the parser's.
fn canonical(value: &Value, is_top: bool, out: &mut Vec<u8>) {
    match value {
        Value::Null if is_top => out.extend_from_slice(b"{}"),
        Value::Object(object) => {
            // A mark that a client moves from turn to turn (Anthropic's prompt cache).
            let counts = |(key, value): &(&String, &Value)| !value.is_null() && key.as_str() != "cache_control";
            let mut members: Vec<(&String, &Value)> = object.iter().filter(counts).collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            out.push(b'{');
            for (key, value) in members {
                piece(b'k', key.as_bytes(), out);
                canonical(value, false, out);
            }
            out.push(b'}');
        }
        Value::Array(elements) => {
            out.push(b'[');
            for element in elements {
                canonical(element, false, out);
            }
            out.push(b']');
        }
        Value::String(text) => piece(b'"', text.as_bytes(), out),
        Value::Number(number) => piece(b'#', plain(number).as_bytes(), out),
        Value::Null | Value::Bool(_) => piece(b'#', value.to_string().as_bytes(), out),
    }
}

/// `1.0` and `1e0` are `1`.
fn plain(number: &serde_json::Number) -> String {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT => (float as i64).to_string(),
        _ => number.to_string(),
    }
}
