//! The items of the Responses API that have no role: calls of tools and their results, reasoning, references.
//!
//! Start reading at [`item`].
//!
//! **Invariant:** nothing but what the client itself must answer takes part in linking: some clients send the rest back
//! and others do not. **May import:** std, `openai::{dialogue, scan}`.

use crate::openai::dialogue::role_message::text_or_json;
use crate::openai::dialogue::strings::{compact, filled, text};
use crate::openai::dialogue::{Message, Part, Role, media, parts};
use crate::openai::scan::{is_blank, member};

/// Calls that the client runs: what it answers them with comes with the next request, and so do they.
const RUN_BY_CLIENTS: &[&str] =
    &["function_call", "custom_tool_call", "computer_call", "local_shell_call", "shell_call", "apply_patch_call"];

/// Where an item keeps what its tool was called with, and what that gave. The first one present counts.
const CALLED_WITH: &[&str] = &["arguments", "input", "action", "actions", "operation", "code", "queries"];
const GAVE: &[&str] = &["output", "outputs", "results", "error"];

/// Reads an item of this type; places are told as of `whole`, of which it is a slice.
pub(super) fn item(whole: &[u8], item: &[u8], kind: &str) -> Message {
    let said = |name: &[u8]| member(item, name).and_then(text);
    let first = |names: &[&str]| names.iter().find_map(|name| filled(member(item, name.as_bytes())));
    let mut parts = Vec::new();
    if let Some(call) = kind.strip_suffix("_output") {
        let name = said(b"name").or_else(|| (call != "function_call").then(|| tool_name(call).to_owned()));
        let aside = !RUN_BY_CLIENTS.contains(&call);
        parts::result(whole, said(b"call_id").or_else(|| said(b"id")), name, first(GAVE), false, 0, &mut parts);
        return Message { aside, ..Message::new(Role::Tool, parts) };
    }
    if kind.ends_with("_call") {
        let id = said(b"call_id").or_else(|| said(b"id"));
        let name = said(b"name").unwrap_or_else(|| tool_name(kind).to_owned());
        let arguments = first(CALLED_WITH).map_or_else(String::new, text_or_json);
        parts.push(Part::ToolCall { id: id.clone(), name, arguments });
        if let Some(gave) = first(GAVE) {
            let is_error = member(item, b"error").is_some_and(|error| !is_blank(error));
            parts::result(whole, id, None, Some(gave), is_error, 0, &mut parts);
        }
        if kind == "image_generation_call" {
            parts.extend(said(b"revised_prompt").map(Part::Text));
            let drawn = filled(member(item, b"result")).or_else(|| filled(member(item, b"partial_image_b64")));
            let source = drawn.and_then(|drawn| media::data(whole, drawn, member(item, b"output_format")));
            parts.extend(source.map(|source| Part::Image { source }));
        }
        return Message { aside: !RUN_BY_CLIENTS.contains(&kind), ..Message::new(Role::Assistant, parts) };
    }
    match kind {
        "reasoning" => {
            for list in [&b"summary"[..], b"content"] {
                parts::content(whole, member(item, list).unwrap_or_default(), 0, &mut parts);
            }
            let mut parts: Vec<Part> = parts.into_iter().map(thought).collect();
            if parts.is_empty() {
                parts.push(Part::Reasoning(String::new()));
            }
            Message { aside: true, ..Message::new(Role::Assistant, parts) }
        }
        "item_reference" => Message { aside: true, ..Message::new(Role::Other, vec![Part::Other(compact(item))]) },
        _ => {
            parts::content(whole, item, 0, &mut parts);
            let aside = matches!(parts[..], [Part::Other(_)]);
            let role = if aside { Role::Other } else { Role::User };
            Message { aside, ..Message::new(role, parts) }
        }
    }
}

fn thought(part: Part) -> Part {
    match part {
        Part::Text(text) => Part::Reasoning(text),
        other => other,
    }
}

/// `web_search` of `web_search_call`.
fn tool_name(kind: &str) -> &str {
    kind.strip_suffix("_call").unwrap_or(kind)
}
