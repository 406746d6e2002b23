//! Chunks of chat completions and of text completions → the one object that the same API gives unstreamed.
//!
//! Start reading at [`Chat::push`].
//!
//! **Invariant:** nothing a chunk says is left out but its padding (`obfuscation`) and its object name.
//! **May import:** std, `openai::{assemble, scan}`.

use crate::openai::assemble::Heard;
use crate::openai::assemble::tree::Node;
use crate::openai::scan::{elements, is_blank, member, members};

/// A completion under construction.
#[derive(Debug, Default)]
pub struct Chat {
    top: Node,
    choices: Vec<Choice>,
    /// Text completions: the choices have a `text` instead of a message.
    is_text: bool,
}

#[derive(Debug, Default)]
struct Choice {
    index: i64,
    message: Node,
    /// Tool calls with the position that the chunks call them by.
    calls: Vec<(Option<i64>, Node)>,
    /// Everything beside the message.
    rest: Node,
}

impl Chat {
    /// Takes one chunk, which is a JSON object.
    pub fn push<'a>(&mut self, chunk: &'a [u8]) -> Heard<'a> {
        let tells = |key: &[u8]| matches!(key, b"choices" | b"usage" | b"error");
        if !members(chunk).any(|(key, _)| tells(key)) {
            return Heard::Unknown;
        }
        let mut heard = Heard::Understood;
        for (key, range) in members(chunk) {
            let value = &chunk[range];
            match key {
                b"choices" => {
                    self.top.field(b"choices");
                    for range in elements(value, 0..value.len()) {
                        self.choice(&value[range]);
                    }
                }
                b"object" => {
                    self.top.field(b"object");
                    self.is_text |= value == b"\"text_completion\"";
                }
                b"error" if !is_blank(value) => heard = Heard::Failed(value),
                b"error" | b"obfuscation" => {}
                _ => self.top.field(key).replace(value),
            }
        }
        heard
    }

    fn choice(&mut self, chunk: &[u8]) {
        let index = member(chunk, b"index").and_then(number).unwrap_or(0);
        let known = self.choices.iter().position(|choice| choice.index == index);
        let at = known.unwrap_or_else(|| {
            self.choices.push(Choice { index, ..Choice::default() });
            self.choices.len() - 1
        });
        let choice = &mut self.choices[at];
        for (key, range) in members(chunk) {
            let value = &chunk[range];
            match key {
                b"index" => {}
                b"delta" => choice.delta(value),
                // A whole message at the end repeats the deltas, unless there were none.
                b"message" if choice.message.is_blank() && choice.calls.is_empty() => {
                    choice.delta(value);
                }
                b"message" => choice.rest.field(b"unrecognized").push(Node::raw(value)),
                b"text" => {
                    self.is_text = true;
                    choice.rest.field(b"text").append(value);
                }
                b"logprobs" => choice.logprobs(value),
                _ => choice.rest.field(key).replace(value),
            }
        }
    }

    /// The whole completion.
    pub fn finish(mut self) -> Node {
        self.choices.sort_by_key(|choice| choice.index);
        let is_text = self.is_text;
        let name: &[u8] = match is_text {
            true => b"\"text_completion\"",
            false => b"\"chat.completion\"",
        };
        self.top.field(b"object").set(name);
        let choices = self.choices.into_iter().map(|choice| choice.finish(is_text));
        *self.top.field(b"choices") = Node::list_of(choices);
        self.top
    }
}

impl Choice {
    fn delta(&mut self, delta: &[u8]) {
        for (key, range) in members(delta) {
            let value = &delta[range];
            if key == b"tool_calls" && value.first() == Some(&b'[') {
                self.message.field(key);
                for range in elements(value, 0..value.len()) {
                    self.call(&value[range]);
                }
            } else {
                self.message.field(key).merge(key, value);
            }
        }
    }

    /// A piece of a tool call. It belongs to the last one with its `index`; services that leave the index out, or count
    /// each call as 0, begin a new one with a new id and a name.
    fn call(&mut self, delta: &[u8]) {
        let index = member(delta, b"index").and_then(number);
        let id = member(delta, b"id").filter(|id| !is_blank(id));
        let has_name = member(delta, b"function")
            .and_then(|function| member(function, b"name"))
            .is_some_and(|name| !is_blank(name));
        let known = match index {
            Some(_) => self.calls.iter().rposition(|(known, _)| *known == index),
            None => self.calls.len().checked_sub(1),
        };
        let known = known.filter(|at| {
            let theirs = &mut self.calls[*at].1;
            let is_other = match id {
                Some(id) => !theirs.field(b"id").is_blank() && !theirs.field(b"id").is(id),
                None => index.is_none(),
            };
            !(is_other && has_name)
        });
        let at = known.unwrap_or_else(|| {
            self.calls.push((index, Node::default()));
            self.calls.len() - 1
        });
        let call = &mut self.calls[at].1;
        for (key, range) in members(delta) {
            if key != b"index" {
                call.field(key).merge(key, &delta[range]);
            }
        }
    }

    /// Lists of tokens are joined, in a chat (`content`, `refusal`) and in a text completion (`tokens` …).
    fn logprobs(&mut self, delta: &[u8]) {
        let logprobs = self.rest.field(b"logprobs");
        if delta.first() != Some(&b'{') {
            return logprobs.replace(delta);
        }
        for (key, range) in members(delta) {
            let value = &delta[range];
            match value.first() {
                Some(b'[') => logprobs.field(key).extend(value),
                _ => logprobs.field(key).replace(value),
            }
        }
    }

    fn finish(mut self, is_text: bool) -> Node {
        let mut whole = Node::default();
        whole.field(b"index").set(self.index.to_string().as_bytes());
        if is_text && self.message.is_blank() && self.calls.is_empty() {
            whole.field(b"text").append(b"\"\"");
        } else {
            if !self.calls.is_empty() {
                let calls = self.calls.into_iter().map(|(_, call)| call);
                *self.message.field(b"tool_calls") = Node::list_of(calls);
            }
            if self.message.field(b"role").is_blank() {
                self.message.field(b"role").set(b"\"assistant\"");
            }
            self.message.field(b"content");
            *whole.field(b"message") = self.message;
        }
        for (key, node) in self.rest.members_mut() {
            *whole.field(key) = std::mem::take(node);
        }
        whole.field(b"finish_reason");
        whole
    }
}

fn number(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
