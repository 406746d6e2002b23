//! A message with a role: of chat completions, of Anthropic, and the plain ones of Responses.
//!
//! Start reading at [`read`], which hands what has no role on to `items`.
//!
//! **Invariant:** nothing here depends on the order of a message's members. **May import:** std, `openai::{dialogue, scan}`.

use crate::openai::dialogue::strings::{compact, filled, text};
use crate::openai::dialogue::{Message, Part, Role, items, parts};
use crate::openai::scan::{elements, member, members, string_value};

/// The members of a message that say something.
#[derive(Default)]
struct Fields<'a> {
    role: Option<&'a [u8]>,
    kind: Option<&'a [u8]>,
    name: Option<&'a [u8]>,
    content: Option<&'a [u8]>,
    /// `reasoning_content` of DeepSeek and its relatives, `reasoning` of OpenRouter and vLLM.
    reasoning: Option<&'a [u8]>,
    reasoning_details: Option<&'a [u8]>,
    refusal: Option<&'a [u8]>,
    audio: Option<&'a [u8]>,
    /// Pictures that the model drew (OpenRouter).
    images: Option<&'a [u8]>,
    tool_calls: Option<&'a [u8]>,
    function_call: Option<&'a [u8]>,
    tool_call_id: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn of(element: &'a [u8]) -> Fields<'a> {
        let mut fields = Fields::default();
        for (key, range) in members(element) {
            let value = Some(&element[range]);
            match key {
                b"role" => fields.role = value,
                b"type" => fields.kind = value,
                b"name" => fields.name = value,
                b"content" => fields.content = value,
                b"reasoning_content" => fields.reasoning = filled(value).or(fields.reasoning),
                b"reasoning" => fields.reasoning = fields.reasoning.or(filled(value)),
                b"reasoning_details" => fields.reasoning_details = value,
                b"refusal" => fields.refusal = value,
                b"audio" => fields.audio = value,
                b"images" => fields.images = value,
                b"tool_calls" => fields.tool_calls = value,
                b"function_call" => fields.function_call = value,
                b"tool_call_id" => fields.tool_call_id = value,
                _ => {}
            }
        }
        fields
    }
}

/// Reads an element of an array of messages; places are told as of `whole`, of which it is a slice.
pub(super) fn read(whole: &[u8], element: &[u8]) -> Message {
    if element.first() != Some(&b'{') {
        let mut parts = Vec::new();
        parts::content(whole, element, 0, &mut parts);
        return Message::new(Role::User, parts);
    }
    let fields = Fields::of(element);
    let kind = fields.kind.and_then(text).filter(|kind| kind != "message");
    match (fields.role, kind) {
        (None, Some(kind)) => items::item(whole, element, &kind),
        (None, None) if fields.content.is_none() => Message::new(Role::Other, vec![Part::Other(compact(element))]),
        _ => with_role(whole, &fields),
    }
}

fn with_role(whole: &[u8], fields: &Fields<'_>) -> Message {
    let role = match fields.role {
        Some(b"\"system\"") => Role::System,
        Some(b"\"developer\"") => Role::Developer,
        Some(b"\"user\"") => Role::User,
        Some(b"\"assistant\"") => Role::Assistant,
        Some(b"\"tool\"" | b"\"function\"") => Role::Tool,
        _ => Role::Other,
    };
    let name = fields.name.and_then(text);
    let mut parts = Vec::new();
    if role == Role::Tool {
        let id = fields.tool_call_id.and_then(text);
        parts::result(whole, id, name.clone(), fields.content, false, 0, &mut parts);
        return Message { name, ..Message::new(role, parts) };
    }
    reasoning(fields, &mut parts);
    let spoken = parts.len();
    parts::content(whole, fields.content.unwrap_or_default(), 0, &mut parts);
    if role == Role::Assistant {
        split_thought(&mut parts, spoken);
    }
    if let Some(refusal) = fields.refusal.and_then(text) {
        parts.push(Part::Refusal(refusal));
    }
    parts.extend(fields.audio.and_then(|audio| parts::sound(whole, audio)));
    parts::content(whole, fields.images.unwrap_or_default(), 0, &mut parts);
    if let Some(calls) = fields.tool_calls {
        parts.extend(elements(calls, 0..calls.len()).map(|range| call(&calls[range])));
    }
    if let Some(function) = filled(fields.function_call) {
        parts.push(function_call(None, function, b"arguments"));
    }
    Message { name, ..Message::new(role, parts) }
}

fn reasoning(fields: &Fields<'_>, parts: &mut Vec<Part>) {
    if let Some(reasoning) = fields.reasoning.and_then(text) {
        return parts.push(Part::Reasoning(reasoning));
    }
    let details = fields.reasoning_details.unwrap_or_default();
    for range in elements(details, 0..details.len()) {
        let detail = &details[range];
        let said = member(detail, b"text").or_else(|| member(detail, b"summary")).and_then(text);
        parts.push(Part::Reasoning(said.unwrap_or_default()));
    }
}

/// Open models put their reasoning in front of the answer, between `<think>` and `</think>`; clients tend to cut it off.
fn split_thought(parts: &mut Vec<Part>, first: usize) {
    let Some(Part::Text(said)) = parts.get(first) else {
        return;
    };
    let Some(inside) = said.trim_start().strip_prefix("<think>") else {
        return;
    };
    let (thought, answer) = inside.split_once("</think>").unwrap_or((inside, ""));
    let (thought, answer) = (Part::Reasoning(thought.trim().to_owned()), Part::Text(answer.trim_start().to_owned()));
    parts.splice(first..=first, [thought, answer]);
}

/// One of chat's `tool_calls`: a function's, or a custom tool's, whose input is any text.
fn call(call: &[u8]) -> Part {
    let id = member(call, b"id").and_then(text);
    match (member(call, b"function"), member(call, b"custom")) {
        (Some(function), _) => function_call(id, function, b"arguments"),
        (None, Some(custom)) => function_call(id, custom, b"input"),
        (None, None) => Part::Other(compact(call)),
    }
}

fn function_call(id: Option<String>, function: &[u8], arguments: &[u8]) -> Part {
    let name = member(function, b"name").and_then(text).unwrap_or_default();
    Part::ToolCall { id, name, arguments: member(function, arguments).map_or_else(String::new, text_or_json) }
}

/// Some services give an object where OpenAI gives JSON in a string.
pub(super) fn text_or_json(value: &[u8]) -> String {
    match string_value(value) {
        Some(text) => text.into_owned(),
        None if value == b"null" => String::new(),
        None => compact(value),
    }
}
