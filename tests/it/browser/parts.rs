//! Requests with every kind of part: tools, pictures, reasoning, the Responses and the Anthropic API, a stream that is left.

use serde_json::json;

use crate::browser::harness::Browser;
use crate::browser::pages::Stage;
use crate::support::client::Call;
use crate::support::gateway::Gateway;
use crate::support::reply::Reply;
use crate::support::samples::{delta, role};
use crate::support::until;
use crate::support::upstream::Seen;

/// One pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const RESPONSE: &str = r#"{"object":"response","status":"completed","output":[{"type":"reasoning","summary":[{"type":"summary_text","text":"41 + 1."}]},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"42 in all."}]}]}"#;
const MESSAGE: &str = r#"{"type":"message","role":"assistant","content":[{"type":"text","text":"43 in all."},{"type":"tool_use","id":"t1","name":"fn_43","input":{"n":43}}]}"#;

/// What an upstream answers to the requests of [`send_all`].
pub fn answer(seen: &Seen) -> Option<Reply> {
    let text = seen.text();
    match seen.target() {
        "/v1/responses" => Some(Reply::json(200, RESPONSE)),
        "/v1/messages" => Some(Reply::json(200, MESSAGE)),
        _ if text.contains("fn_41") => {
            let call =
                json!({"id": "call_9", "type": "function", "function": {"name": "fn_41", "arguments": "{\"n\":41}"}});
            let message = json!({"role": "assistant", "content": "41 in all.", "reasoning_content": "40 + 1.", "tool_calls": [call]});
            let choice = json!({"finish_reason": "tool_calls", "message": message});
            Some(Reply::json(200, &json!({"object": "chat.completion", "model": "m", "choices": [choice]}).to_string()))
        }
        _ if text.contains("44?") => Some(Reply::stream().event(&role()).event(&delta("44 in")).hang()),
        _ => None,
    }
}

/// Sends one of each: of the chat API, of the Responses API, of the Anthropic API, and a stream that its caller leaves. They
/// are recorded in this order.
pub fn send_all(gateway: &Gateway) {
    let before = gateway.records().len();
    let chat = json!({
        "model": "gpt-4o",
        "tools": [{"type": "function", "function": {"name": "fn_41"}}, {"type": "function", "function": {"name": "fn_0"}}],
        "messages": [
            {"role": "system", "content": "40!"},
            {"role": "user", "content": [
                {"type": "text", "text": "41?"},
                {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PNG}")}},
            ]},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "fn_41", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "1\n".repeat(40)},
        ],
    });
    let response = json!({"model": "m", "instructions": "42!", "input": "42?"});
    let message = json!({"model": "m", "system": "43!", "messages": [{"role": "user", "content": "43?"}]});
    for (sent, (path, body)) in
        [("/v1/chat/completions", chat), ("/v1/responses", response), ("/v1/messages", message)].iter().enumerate()
    {
        assert_eq!(gateway.send(Call::post(path, &body.to_string())).status, 200, "{path}");
        gateway.records_when(before + sent + 1);
    }
    let left = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "44?"}]});
    let mut exchange = Call::chat(&left.to_string()).open(gateway.address());
    exchange.until_body_has("44 in");
    exchange.hang_up();
    gateway.records_when(before + 4);
}

/// What is seen of a part that a selector finds: whether it has a size, its label, its text.
const SEEN: &str = "
const part = document.querySelector(SELECTOR);
if (!part) return ['nothing', '', ''];
const { width, height } = part.getBoundingClientRect();
const label = part.querySelector('.meta, summary, h3') ?? part;
const labelled = label.getBoundingClientRect();
const seen = [part, label].every((at) => at.checkVisibility({ visibilityProperty: true, opacityProperty: true }));
return [seen && width > 10 && height > 10 && labelled.width > 10 && labelled.height > 10 ? 'seen' : 'not seen', label.innerText, part.innerText];";

#[test]
fn every_kind_of_part_is_seen_with_its_label_in_the_request_and_in_its_conversation() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    let parts = [
        (4, ".msg.system", "System", ""),
        (4, ".msg.user", "User", "41?"),
        (4, ".part:has(> a img)", "Image", ""),
        (4, ".part.call", "Tool call", "fn_41"),
        (4, ".part.result", "Tool result", ""),
        (4, ".part.reasoning", "Reasoning", ""),
        (4, ".msg.assistant:last-of-type", "Assistant", "41 in all."),
        (5, ".msg.system", "System", ""),
        (5, ".msg.user", "User", "42?"),
        (5, ".part.reasoning", "Reasoning", ""),
        (5, ".msg.assistant:not(:has(.reasoning))", "Assistant", "42 in all."),
        (6, ".msg.system", "System", ""),
        (6, ".msg.user", "User", "43?"),
        (6, ".part.call", "Tool call", "fn_43"),
        (6, ".msg.assistant", "Assistant", "43 in all."),
        (7, ".msg.assistant", "Assistant", "44 in"),
        (7, ".said.warn", "The caller left after", ""),
    ];
    for page in ["requests", "conversations"] {
        for (id, selector, label, text) in parts {
            let path = format!("/admin/{page}/{id}");
            if browser.path() != path {
                browser.go(&path);
            }
            let seen = browser.script(&SEEN.replace("SELECTOR", &json!(selector).to_string()));
            let [state, told, whole] = [0, 1, 2].map(|at| seen[at].as_str().unwrap_or_default());
            let is_there = state == "seen" && told.starts_with(label) && whole.contains(text);
            assert!(is_there, "{selector} on {path}: {seen}");
        }
        browser.go(&format!("/admin/{page}/4"));
        browser.script("document.querySelector('main img').scrollIntoView()");
        until("the picture is drawn", || {
            let drawn = "const at = document.querySelector('main img'); return at.complete && at.naturalWidth === 1 && at.width === 240";
            (browser.script(drawn) == true).then_some(())
        });
        browser.script("for (const folded of document.querySelectorAll('.msg details')) folded.open = true;");
        for (selector, text) in [(".msg.system", "40!"), (".part.reasoning", "40 + 1."), (".part.result", "1\n1\n1")] {
            let seen = browser.script(&SEEN.replace("SELECTOR", &json!(selector).to_string()));
            assert!(seen[2].as_str().unwrap_or_default().contains(text), "{selector} unfolded: {seen}");
        }
    }
}
