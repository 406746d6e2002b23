//! Requests of every kind, each with a name, as its `User-Agent` tells; what is expected of a search names them.

use serde_json::{Value, json};

use crate::support::KEY;
use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::{Gateway, Plan};
use crate::support::reply::Reply;
use crate::support::samples::{RATE_ERROR, SERVER_ERROR, event, role};
use crate::support::upstream::{FakeUpstream, Seen};

/// The client key called `ops`; [`KEY`] is called `ci`.
pub const OPS_KEY: &str = "ops-key-for-tests-0002";

/// A request, and what the upstream answers.
pub struct Entry {
    pub name: &'static str,
    key: &'static str,
    path: &'static str,
    pub body: Value,
    reply: Reply,
}

fn entry(name: &'static str, path: &'static str, body: Value, reply: Reply) -> Entry {
    Entry { name, key: KEY, path, body, reply }
}

fn chat(name: &'static str, model: &str, messages: Value, reply: Reply) -> Entry {
    entry(name, "/v1/chat/completions", json!({"model": model, "messages": messages}), reply)
}

impl Entry {
    fn by_ops(self) -> Entry {
        Entry { key: OPS_KEY, ..self }
    }

    fn call(&self) -> Call {
        let call = Call::post(self.path, &self.body.to_string()).without("Authorization");
        call.header("Authorization", &format!("Bearer {}", self.key)).header("User-Agent", &agent(self.name))
    }
}

/// What a request of this name is recognised by.
pub fn agent(name: &str) -> String {
    format!("suite/{name}")
}

fn user(text: &str) -> Value {
    json!([{"role": "user", "content": text}])
}

fn told(message: Value, finish: &str, tokens: (u32, u32)) -> Reply {
    let usage = json!({"prompt_tokens": tokens.0, "completion_tokens": tokens.1, "total_tokens": tokens.0 + tokens.1});
    let choices = json!([{"index": 0, "message": message, "finish_reason": finish}]);
    let whole = json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "m", "choices": choices, "usage": usage});
    Reply::json(200, &whole.to_string())
}

fn says(text: &str, tokens: (u32, u32)) -> Reply {
    told(json!({"role": "assistant", "content": text}), "stop", tokens)
}

fn streams(pieces: &[&str], finish: &str) -> Reply {
    let begun = Reply::stream().event(&role());
    let said =
        pieces.iter().fold(begun, |reply, piece| reply.event(&event(&json!({ "content": piece }).to_string(), "null")));
    said.event(&event("{}", &format!("\"{finish}\""))).done()
}

fn complains(status: u16, message: &str) -> Reply {
    let error = json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": null}});
    Reply::json(status, &error.to_string())
}

/// Everything that is answered without anybody being blamed, in the order in which it is sent.
#[rustfmt::skip]
pub fn entries() -> Vec<Entry> {
    let call = json!({"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "read_file", "arguments": "{\"path\":\"/tmp/notes.txt\"}"}}]});
    let tools = json!([{"type": "function", "function": {"name": "read_file"}}]);
    let asked = json!({"role": "user", "content": "Open my notes"});
    let result = json!({"role": "tool", "tool_call_id": "c1", "content": "permission denied for root_owner"});
    let image = json!([{"type": "text", "text": "What is on it?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]);
    vec![
        chat("hello", "gpt-4o-mini", user("Say hello."), says("Hello!", (11, 2))),
        chat("refund", "gpt-4o", json!([{"role": "system", "content": "You are a terse clerk."}, {"role": "user", "content": "Please refund order 4711."}]), says("The money is on its way.", (40_000, 20))),
        chat("fixed", "gpt-4o", user("这个错误修复了吗？"), says("已修复。", (9, 4))),
        chat("sorry", "deepseek-chat", user("明天的天气预报呢"), says("对不起，服务暂时不可用", (5, 600))).by_ops(),
        entry("streamed", "/v1/chat/completions", json!({"model": "gpt-4o-mini", "stream": true, "messages": user("Count up to three")}), streams(&["one t", "wo three"], "stop")),
        entry("long", "/v1/chat/completions", json!({"model": "deepseek-chat", "stream": true, "messages": user("Schreibe über Ärger")}), streams(&["Grün", "lich verärgert"], "length")).by_ops(),
        chat("reason", "deepseek-reasoner", user("What is 17*3?"), told(json!({"role": "assistant", "reasoning_content": "Let me multiply carefully", "content": "51"}), "stop", (7, 30))),
        entry("call", "/v1/chat/completions", json!({"model": "gpt-4o", "tools": tools, "messages": [asked]}), told(call.clone(), "tool_calls", (70, 12))),
        entry("result", "/v1/chat/completions", json!({"model": "gpt-4o", "tools": tools, "messages": [asked, call, result]}), says("I may not read it.", (90, 8))),
        entry("french", "/v1/responses", json!({"model": "gpt-5", "instructions": "Answer in French.", "input": "How is the weather?"}), Reply::json(200, &json!({"id": "resp_1", "object": "response", "status": "completed", "model": "gpt-5", "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Il fait beau."}]}], "usage": {"input_tokens": 21, "output_tokens": 5, "total_tokens": 26}}).to_string())),
        entry("again", "/v1/responses", json!({"model": "gpt-5", "previous_response_id": "resp_1", "input": "And tomorrow?"}), Reply::json(200, &json!({"id": "resp_2", "object": "response", "status": "completed", "model": "gpt-5", "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Il va pleuvoir."}]}], "usage": {"input_tokens": 30, "output_tokens": 6, "total_tokens": 36}}).to_string())),
        entry("pirate", "/v1/messages", json!({"model": "claude-sonnet-4", "max_tokens": 99, "system": "Talk as a pirate.", "messages": user("Where is the treasure?")}), Reply::json(200, &json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4", "content": [{"type": "thinking", "thinking": "A map would help"}, {"type": "text", "text": "Arr, dig here."}, {"type": "tool_use", "id": "t1", "name": "list_dir", "input": {"dir": "/isla/tortuga"}}], "stop_reason": "tool_use", "usage": {"input_tokens": 31, "output_tokens": 7}}).to_string())),
        entry("vectors", "/v1/embeddings", json!({"model": "text-embedding-3-small", "input": "vectors of whales"}), Reply::json(200, &json!({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}], "model": "text-embedding-3-small", "usage": {"prompt_tokens": 4, "total_tokens": 4}}).to_string())).by_ops(),
        chat("image", "gpt-4o", json!([{"role": "user", "content": image}]), says("A red line.", (300, 4))),
        chat("logs", "gpt-4o-mini", user("Terror in the mirror:  read_file\n\tfailed, ERROR_CODE=E42; C++ -rf"), says("Look at the error log", (25, 5))),
        chat("naive", "gpt-4o-mini", user("Is naïve code ok? ２０２６ fooбар"), says("Да, naïveté", (12, 6))),
        chat("quoted", "gpt-4o-mini", user("He said \"status: fine\" (twice)"), says("OR was it AND?", (13, 6))),
        chat("bad", "gpt-4o", user("This is refused"), complains(400, "Invalid value: 'frequency_penalty'")),
        chat("absent", "gpt-nothing", user("Nobody knows it"), complains(404, "The model does not exist")).by_ops(),
    ]
}

/// What a corpus was sent through.
pub struct Sent {
    pub gateway: Gateway,
    _upstreams: [FakeUpstream; 2],
}

fn answers() -> impl Fn(&Seen, usize) -> Reply {
    |seen, _| {
        let agent = seen.head.get("user-agent").unwrap_or_default();
        let known = entries().into_iter().find(|entry| self::agent(entry.name) == agent);
        match (known, agent.strip_prefix("suite/").unwrap_or_default()) {
            (Some(entry), _) => entry.reply,
            (None, "saved") if seen.head.get("authorization").is_some_and(|key| key.ends_with("alpha")) => {
                Reply::json(500, SERVER_ERROR)
            }
            (None, "saved") => says("Saved by the second", (10, 3)),
            (None, "cut") => {
                Reply::stream().event(&role()).event(&event(r#"{"content":"half a sen"}"#, "null")).close()
            }
            (None, "left") => Reply::stream().event(&role()).event(&event(r#"{"content":"Once upon"}"#, "null")).hang(),
            (None, "down") => Reply::json(502, SERVER_ERROR),
            (None, "limited") => Reply::json_with(429, &[("Retry-After", "1")], RATE_ERROR),
            (None, _) => says("filler", (1, 1)),
        }
    }
}

/// A gateway with both keys in front of `alpha`, for OpenAI's models, and `beta`, for all others; `shared` goes to both.
pub fn plan(kind: Kind, upstreams: [&FakeUpstream; 2]) -> Plan {
    let keys = format!("ci={KEY},ops={OPS_KEY}");
    let [alpha, beta] = upstreams;
    let plan = Gateway::on(kind).setting("authorization", &keys).secret(OPS_KEY);
    let plan = plan.upstream(alpha.row("alpha").set("allow_models", "gpt-*,text-*,shared"));
    plan.upstream(beta.row("beta").set("allow_models", "deepseek-*,claude-*,shared"))
}

/// Sends everything, and what ends badly after it.
pub fn send_all(kind: Kind) -> Sent {
    let upstreams = [FakeUpstream::with(answers()), FakeUpstream::with(answers())];
    let gateway = plan(kind, [&upstreams[0], &upstreams[1]]).start();
    for entry in entries() {
        gateway.send(entry.call());
    }
    let shared = |name, text| chat(name, "shared", user(text), Reply::new()).call();
    gateway.send(shared("nokey", "Let me in").without("Authorization").header("Authorization", "Bearer wrong-key"));
    assert_eq!(gateway.send(shared("saved", "Somebody will answer")).status, 200);
    let stream = |name, text| {
        let body = json!({"model": "shared", "stream": true, "messages": user(text)});
        entry(name, "/v1/chat/completions?beta=true", body, Reply::new()).call()
    };
    let mut left = stream("left", "Tell me a story").open(gateway.address());
    left.until_body_has("Once upon");
    left.hang_up();
    assert!(!gateway.send(stream("cut", "Break in the middle")).whole);
    assert_eq!(gateway.send(shared("down", "Everything is down")).status, 502);
    assert_eq!(gateway.send(shared("limited", "Not so fast")).status, 429);
    gateway.records_when(entries().len() + 6);
    Sent { gateway, _upstreams: upstreams }
}
