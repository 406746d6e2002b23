//! A record as an example to train on: a conversation in chat's shape, the model's answer last.
//!
//! Start reading at [`example`].
//!
//! **Invariant:** a chat's own messages stay as they were sent; nothing is made up. **May import:** std, serde_json, `openai`.

use serde_json::{Map, Value, json};

use crate::openai::dialogue::layout::{Api, layout};
use crate::openai::dialogue::{Message, Part, Role, message, reply};
use crate::openai::scan::elements;

/// One line of a fine-tuning file: `messages`, and `tools` where there were any; `None` when there is no conversation or no answer.
pub fn example(path: &str, body: &[u8], answer: &[u8]) -> Option<Vec<u8>> {
    let found = layout(path, body);
    let answers: Vec<Value> = reply(answer).into_iter().next()?.iter().filter_map(as_chat).collect();
    if answers.is_empty() {
        return None;
    }
    let range = found.messages.clone().unwrap_or_default();
    let mut messages: Vec<Value> = Vec::new();
    for system in found.system {
        let text = string_or_parts(&body[system])?;
        messages.push(json!({"role": "system", "content": text}));
    }
    for prompt in found.prompts.into_iter().take(1) {
        messages.push(json!({"role": "user", "content": string_or_parts(&body[prompt])?}));
    }
    for element in elements(body, range) {
        let element = &body[element];
        match found.api {
            Api::Chat => messages.push(serde_json::from_slice(element).ok()?),
            _ => messages.extend(as_chat(&message(element))),
        }
    }
    if messages.is_empty() {
        return None;
    }
    messages.extend(answers);
    let mut line = Map::new();
    line.insert("messages".to_owned(), Value::Array(messages));
    if let (Api::Chat, Some(tools)) = (found.api, found.tools)
        && let Ok(tools) = serde_json::from_slice(&body[tools])
    {
        line.insert("tools".to_owned(), tools);
    }
    serde_json::to_vec(&line).ok()
}

/// A string, or the text parts of an array.
fn string_or_parts(value: &[u8]) -> Option<String> {
    match serde_json::from_slice(value).ok()? {
        Value::String(text) => Some(text),
        Value::Array(parts) => {
            let text = |part: &Value| part.as_str().or_else(|| part.get("text")?.as_str()).map(str::to_owned);
            Some(parts.iter().filter_map(text).collect::<Vec<_>>().join("\n"))
        }
        _ => None,
    }
}

/// A message in chat's shape; `None` when it says nothing that chat could.
fn as_chat(message: &Message) -> Option<Value> {
    let (mut texts, mut calls, mut result) = (Vec::new(), Vec::new(), None);
    for part in &message.parts {
        match part {
            Part::Text(text) | Part::Refusal(text) => texts.push(text.as_str()),
            Part::ToolCall { id, name, arguments } => calls.push(json!({
                "id": id.clone().unwrap_or_else(|| format!("call_{}", calls.len() + 1)),
                "type": "function",
                "function": {"name": name, "arguments": arguments},
            })),
            Part::ToolResult { id, text, .. } => result = Some((id.clone(), text.clone())),
            _ => {}
        }
    }
    if let Some((id, text)) = result {
        return Some(json!({"role": "tool", "tool_call_id": id.unwrap_or_default(), "content": text}));
    }
    let role = match message.role {
        Role::System | Role::Developer => "system",
        Role::Assistant => "assistant",
        Role::User | Role::Tool | Role::Other => "user",
    };
    if texts.is_empty() && calls.is_empty() {
        return None;
    }
    let mut value = json!({"role": role, "content": texts.join("\n")});
    if let (Value::Object(members), false) = (&mut value, calls.is_empty()) {
        if texts.is_empty() {
            members.insert("content".to_owned(), Value::Null);
        }
        members.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use crate::openai::dialogue::example::example;

    #[test]
    fn a_chat_keeps_its_messages_and_gets_its_answer() {
        let body =
            br#"{"model":"m","messages":[{"role":"user","content":"hi","name":"Ann"}],"tools":[{"type":"function"}]}"#;
        let reply = br#"{"choices":[{"message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]}}]}"#;
        let line = String::from_utf8(example("/v1/chat/completions", body, reply).unwrap()).unwrap();
        assert_eq!(
            line,
            r#"{"messages":[{"content":"hi","name":"Ann","role":"user"},{"content":null,"role":"assistant","tool_calls":[{"function":{"arguments":"{}","name":"f"},"id":"c1","type":"function"}]}],"tools":[{"type":"function"}]}"#
        );
    }

    #[test]
    fn a_response_becomes_a_chat() {
        let body = br#"{"instructions":"Be brief.","input":"hi"}"#;
        let reply =
            br#"{"output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Hello."}]}]}"#;
        let line = String::from_utf8(example("/v1/responses", body, reply).unwrap()).unwrap();
        assert_eq!(
            line,
            r#"{"messages":[{"content":"Be brief.","role":"system"},{"content":"hi","role":"user"},{"content":"Hello.","role":"assistant"}]}"#
        );
    }

    #[test]
    fn what_is_no_conversation_is_no_example() {
        assert_eq!(example("/v1/embeddings", br#"{"input":"x"}"#, br#"{"data":[]}"#), None);
        assert_eq!(example("/v1/chat/completions", br#"{"messages":[]}"#, br#"{"choices":[]}"#), None);
        assert_eq!(example("", b"\xff", b"\xff"), None);
    }
}
