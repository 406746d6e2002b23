//! A client that keeps its history as coding agents do: all of it is sent each turn.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::client::{Answer, Call};
use crate::support::gateway::Gateway;
use crate::support::reply::Reply;
use crate::support::upstream::Seen;

/// One client and what it remembers.
#[derive(Clone)]
pub struct Talker {
    name: String,
    key: String,
    pub messages: Vec<Value>,
}

/// An upstream whose every reply is another one, as with a model.
pub fn answers(_: &Seen, n: usize) -> Reply {
    let message = json!({"role": "assistant", "content": format!("Answer number {n}.")});
    let whole = json!({"id": format!("chatcmpl-{n}"), "object": "chat.completion", "created": 1_700_000_000, "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13}});
    Reply::json(200, &whole.to_string())
}

impl Talker {
    /// A client of this name, which its records tell as `User-Agent`.
    pub fn new(name: &str, key: &str) -> Talker {
        Talker { name: name.to_owned(), key: key.to_owned(), messages: Vec::new() }
    }

    /// Begins with instructions.
    pub fn system(mut self, text: &str) -> Talker {
        self.messages.push(json!({"role": "system", "content": text}));
        self
    }

    /// The request with these words behind all that was said.
    pub fn call(&self, text: &str) -> Call {
        let mut messages = self.messages.clone();
        messages.push(json!({"role": "user", "content": text}));
        self.with_body(&json!({"model": "m", "messages": messages}).to_string())
    }

    fn with_body(&self, body: &str) -> Call {
        let call = Call::chat(body).without("Authorization").header("User-Agent", &self.name);
        call.header("Authorization", &format!("Bearer {}", self.key))
    }

    /// Says something and remembers it and the reply.
    pub fn say(&mut self, gateway: &Gateway, text: &str) {
        let answer = self.try_to_say(gateway, text);
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.remember(text, &answer);
    }

    /// Says something and remembers nothing of it.
    pub fn try_to_say(&self, gateway: &Gateway, text: &str) -> Answer {
        gateway.send(self.call(text))
    }

    /// Says something in a request that means the same but is written otherwise throughout.
    pub fn say_reformatted(&mut self, gateway: &Gateway, text: &str) {
        let asked = json!({"role": "user", "content": text});
        let element = |message: &Value| {
            let content = json!([{"text": message["content"], "type": "text"}]);
            let content = serde_json::to_string_pretty(&content).unwrap();
            format!("{{ \"content\" :\n{content}, \"role\":{} }}", message["role"])
        };
        let elements: Vec<String> = self.messages.iter().chain([&asked]).map(element).collect();
        let body = format!("{{\"messages\" : [\n  {}\n], \"model\":\"m\"}}", elements.join(",\n  "));
        let answer = gateway.send(self.with_body(&body));
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.remember(text, &answer);
    }

    fn remember(&mut self, text: &str, answer: &Answer) {
        self.messages.push(json!({"role": "user", "content": text}));
        self.messages.push(answer.json()["choices"][0]["message"].clone());
    }

    /// Forgets so many of the first messages, instructions excepted.
    pub fn forget(&mut self, count: usize) {
        let from = self.messages.iter().take_while(|message| message["role"] == "system").count();
        self.messages.drain(from..from + count);
    }

    /// Forgets the last message.
    pub fn forget_last(&mut self) {
        self.messages.pop();
    }
}

/// The clients of each conversation, as the records tell.
pub fn grouping(gateway: &Gateway) -> Vec<Vec<String>> {
    let mut groups: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for record in gateway.records() {
        groups.entry(record.number("conversation_id")).or_default().push(record.text("user_agent").to_owned());
    }
    groups.into_values().collect()
}
