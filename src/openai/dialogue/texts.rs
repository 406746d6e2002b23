//! The texts of what was said, each with its side: for search and for previews.
//!
//! Start reading at [`request_texts`] and [`reply_texts`].
//!
//! **Invariant:** no word that somebody said is left out, and no base64 comes out.
//! **May import:** std, `openai::{dialogue, inline, scan}`.

use std::ops::Range;

use crate::openai::dialogue::layout::opens_like_json;
use crate::openai::dialogue::strings::{literals, mended};
use crate::openai::dialogue::{Layout, Media, Message, Part, Role, layout, message, parts, reply};
use crate::openai::inline;
use crate::openai::scan::{elements, member, string_value};

/// Whose words they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The person, or the program in its place.
    User,
    /// The model, with what it calls tools with.
    Assistant,
    /// Instructions.
    System,
    /// What tools gave.
    Tool,
    /// What went wrong.
    Error,
}

impl Side {
    /// A bit of its own for each side, stable, for sets that are stored.
    pub const fn bit(self) -> u8 {
        match self {
            Side::User => 1,
            Side::Assistant => 2,
            Side::System => 4,
            Side::Tool => 8,
            Side::Error => 16,
        }
    }
}

/// The texts of a message, part by part.
///
/// Of arguments and results that are JSON with escapes in them, each such string also comes alone and decoded, or nobody
/// would find `\u4f60\u597d`.
pub fn texts(message: &Message, each: &mut dyn FnMut(Side, &str)) {
    let side = match message.role {
        Role::System | Role::Developer => Side::System,
        Role::User | Role::Other => Side::User,
        Role::Assistant => Side::Assistant,
        Role::Tool => Side::Tool,
    };
    let mut say = |side: Side, text: &str| {
        if !text.trim_ascii().is_empty() && inline::payload(text.as_bytes()).is_none() {
            each(side, text);
        }
    };
    for part in &message.parts {
        match part {
            Part::Text(text) => say(side, text),
            Part::Refusal(text) | Part::Reasoning(text) => say(Side::Assistant, text),
            Part::ToolCall { name, arguments, .. } => {
                say(Side::Assistant, name);
                say(Side::Assistant, arguments);
                decoded(arguments, &mut |text| say(Side::Assistant, text));
            }
            Part::ToolResult { name, text, .. } => {
                say(Side::Tool, name.as_deref().unwrap_or_default());
                say(Side::Tool, text);
                decoded(text, &mut |text| say(Side::Tool, text));
            }
            Part::Image { source } => address(Some(source), &mut |text| say(side, text)),
            Part::Audio { source, transcript, .. } => {
                say(side, transcript.as_deref().unwrap_or_default());
                address(source.as_ref(), &mut |text| say(side, text));
            }
            Part::File { name, source } => {
                say(side, name.as_deref().unwrap_or_default());
                address(source.as_ref(), &mut |text| say(side, text));
            }
            Part::Other(json) => literals(json.as_bytes(), &mut |literal| {
                if let Some(text) = string_value(literal) {
                    say(side, &text);
                }
            }),
        }
    }
}

fn address(source: Option<&Media>, say: &mut dyn FnMut(&str)) {
    if let Some(Media::Url(url)) = source
        && !url.starts_with("data:")
    {
        say(url);
    }
}

/// The strings with escapes in a text that is JSON.
fn decoded(text: &str, say: &mut dyn FnMut(&str)) {
    if !text.contains('\\') || !opens_like_json(text.as_bytes()) {
        return;
    }
    literals(text.as_bytes(), &mut |literal| {
        if literal.contains(&b'\\')
            && let Some(inner) = string_value(literal)
        {
            say(&inner);
        }
    });
}

/// The texts of a request. Without `fresh` all of them: instructions, prompts, every message. With it only those of the
/// messages that stand in this range of the body; of a request without messages its prompts.
///
/// Of JSON of no known shape every string value, of other text the whole, as the user's. Of a body that was cut off, what
/// is there.
pub fn request_texts(path: &str, body: &[u8], fresh: Option<Range<usize>>, each: &mut dyn FnMut(Side, &str)) {
    let body = &*mended(body);
    if !opens_like_json(body) {
        return whole(body, Side::User, each);
    }
    let layout = layout(path, body);
    if let Some(list) = layout.upload {
        return upload(body, list, &mut |_, text| each(Side::User, text));
    }
    if !is_known(&layout) {
        return strings(body, Side::User, each);
    }
    if fresh.is_none() {
        for range in &layout.system {
            content(Role::System, &body[range.clone()], each);
        }
    }
    if fresh.is_none() || layout.messages.is_none() {
        for range in &layout.prompts {
            content(Role::User, &body[range.clone()], each);
        }
    }
    for range in messages(body, &layout, fresh) {
        texts(&message(&body[range]), each);
    }
}

/// The values of an upload's fields and the names of its files, each with the field's name.
fn upload(body: &[u8], list: Range<usize>, each: &mut dyn FnMut(&str, &str)) {
    for range in elements(body, list) {
        let part = &body[range];
        let name = member(part, b"name").and_then(string_value).unwrap_or_default();
        for key in [&b"value"[..], b"filename"] {
            if let Some(text) = member(part, key).and_then(string_value).filter(|text| !text.trim_ascii().is_empty()) {
                each(&name, &text);
            }
        }
    }
}

fn is_known(layout: &Layout) -> bool {
    layout.messages.is_some() || !layout.prompts.is_empty() || !layout.system.is_empty()
}

/// The messages of a request that lie in `fresh`, or all.
pub(super) fn messages(
    body: &[u8],
    layout: &Layout,
    fresh: Option<Range<usize>>,
) -> impl Iterator<Item = Range<usize>> {
    let all = layout.messages.clone().map(|range| elements(body, range)).into_iter().flatten();
    let fresh = fresh.unwrap_or(0..body.len());
    let end = fresh.end;
    // The last message of a body that was cut off has been closed behind the body's end.
    all.skip_while(move |range| range.start < fresh.start).take_while(move |range| range.start < end)
}

fn content(role: Role, value: &[u8], each: &mut dyn FnMut(Side, &str)) {
    let mut parts = Vec::new();
    parts::content(value, value, 0, &mut parts);
    texts(&Message::new(role, parts), each);
}

/// The texts of a reply: the model's, and the words of an error. Of JSON of no known shape every string value, of other
/// text the whole, as the model's.
pub fn reply_texts(body: &[u8], each: &mut dyn FnMut(Side, &str)) {
    if !opens_like_json(body) {
        return whole(body, Side::Assistant, each);
    }
    let reading = reply::read(body);
    for message in reading.choices.iter().flatten() {
        texts(message, each);
    }
    match &reading.error {
        Some(error) => each(Side::Error, error),
        None if !reading.is_known => strings(&mended(body), Side::Assistant, each),
        None => {}
    }
}

/// Every string value but base64.
fn strings(json: &[u8], side: Side, each: &mut dyn FnMut(Side, &str)) {
    literals(json, &mut |literal| {
        if inline::payload(&literal[1..literal.len() - 1]).is_some() {
            return;
        }
        if let Some(text) = string_value(literal).filter(|text| !text.trim_ascii().is_empty()) {
            each(side, &text);
        }
    });
}

/// Text that is no JSON, down to where it stops being text at its end.
fn whole(body: &[u8], side: Side, each: &mut dyn FnMut(Side, &str)) {
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        Err(bad) if bad.error_len().is_none() => std::str::from_utf8(&body[..bad.valid_up_to()]).unwrap_or_default(),
        Err(_) => return,
    };
    if !text.trim_ascii().is_empty() {
        each(side, text);
    }
}

/// The most characters of a preview.
const PREVIEW_CHARACTERS: usize = 80;

/// What coding agents put beside a person's words, in a text of its own.
const NOT_THE_PERSON: &[&str] = &["<system-reminder>", "<environment_context>", "<user_instructions>"];

/// The last words of the user, in one line: of the messages in `fresh` when there are any, else of all. Of a request
/// without messages the beginning of its prompt.
pub fn preview(path: &str, body: &[u8], fresh: Option<Range<usize>>) -> Option<String> {
    let body = &*mended(body);
    let layout = layout(path, body);
    if layout.messages.is_some() {
        let last_of = |fresh| {
            let ranges: Vec<Range<usize>> = messages(body, &layout, fresh).collect();
            ranges.into_iter().rev().find_map(|range| words(&message(&body[range])))
        };
        return fresh.and_then(|fresh| last_of(Some(fresh))).or_else(|| last_of(None));
    }
    let mut found = None;
    if let Some(list) = layout.upload {
        let mut prompt = None;
        upload(body, list, &mut |name, text| {
            let place = if matches!(name, "prompt" | "input") { &mut prompt } else { &mut found };
            *place = line(text).or(place.take());
        });
        return prompt.or(found);
    }
    let mut first = |side: Side, text: &str| {
        if side == Side::User && found.is_none() {
            found = line(text);
        }
    };
    match layout.prompts.first() {
        Some(range) => content(Role::User, &body[range.clone()], &mut first),
        None => request_texts(path, body, None, &mut first),
    }
    found
}

/// The last text of a user's message, rather the person's than an agent's.
fn words(message: &Message) -> Option<String> {
    if message.role != Role::User {
        return None;
    }
    let texts = || {
        message.parts.iter().rev().filter_map(|part| match part {
            Part::Text(text) => Some(text.trim_ascii_start()),
            _ => None,
        })
    };
    let person = texts().filter(|text| !NOT_THE_PERSON.iter().any(|mark| text.starts_with(mark))).find_map(line);
    person.or_else(|| texts().find_map(line))
}

/// The beginning of a text in one line, as long as previews are; `None` when there is nothing.
pub(super) fn line(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut characters = 0;
    for word in text.split_whitespace() {
        if characters > 0 {
            out.push(' ');
            characters += 1;
        }
        for character in word.chars() {
            if characters >= PREVIEW_CHARACTERS {
                return Some(out.trim_end().to_owned());
            }
            out.push(character);
            characters += 1;
        }
    }
    (!out.is_empty()).then_some(out)
}
