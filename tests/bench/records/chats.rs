//! Made-up chats of a given size, one after the other, the same at every run. Start at [`Chats`].
//!
//! A fifth is Chinese. Each has a short system prompt (one of sixteen) and a question, and an answer of OpenAI's shape; a
//! twentieth of the answers calls a tool; errors answer with an error.

use openai_api_route::db::records::{Facts, NewRecord};

use crate::facts::{Figures, record};
use crate::plants::plants;
use crate::words::{Chance, Words};

/// How large a chat is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Bytes of the request's body.
    pub request_bytes: usize,
    /// Bytes of the reply.
    pub reply_bytes: usize,
}

/// So many chats, one after the other; memory holds one.
pub struct Chats<'a> {
    words: &'a Words,
    figures: Figures,
    chance: Chance,
    systems: Vec<String>,
    size: Size,
    at: u64,
    count: u64,
}

impl<'a> Chats<'a> {
    /// `count` chats.
    pub fn new(words: &'a Words, size: Size, count: u64, seed: u64) -> Chats<'a> {
        let mut chance = Chance(seed);
        let mut system = || {
            let mut text = "You are a helpful assistant. ".to_owned();
            let bytes = 40 + chance.below(120);
            words.sentences(&mut chance, false, bytes, &mut text);
            text
        };
        let systems = (0..16).map(|_| system()).collect();
        Chats { words, figures: Figures::new(), chance, systems, size, at: 0, count }
    }

    /// The same, spread over a day.
    pub fn of_a_day(self) -> Chats<'a> {
        Chats { figures: self.figures.of_a_day(self.count), ..self }
    }

    fn request(&mut self, facts: &Facts, is_chinese: bool, planted: &str) -> String {
        let model = facts.model.as_deref().unwrap_or_default();
        let system = &self.systems[self.chance.below(self.systems.len())];
        let stream = if facts.streamed { r#","stream":true,"stream_options":{"include_usage":true}"# } else { "" };
        let tail = format!(r#"{planted}"}}],"temperature":0.7,"max_tokens":1024{stream}}}"#);
        let mut body = String::with_capacity(self.size.request_bytes + 64);
        body.push_str(&format!(
            r#"{{"model":"{model}","messages":[{{"role":"system","content":"{system}"}},{{"role":"user","content":""#
        ));
        self.fill(&mut body, is_chinese, self.size.request_bytes, &tail);
        body
    }

    fn reply(&mut self, facts: &Facts, is_chinese: bool, planted: &str) -> String {
        let mut reply = String::with_capacity(self.size.reply_bytes + 64);
        if facts.status >= 400 && facts.status != 499 {
            reply.push_str(&format!(
                r#"{{"error":{{"message":"The server had an error (request {:016x}){planted}","type":"server_error","param":null,"code":{}}}}}"#,
                self.chance.next(),
                facts.status
            ));
            return reply;
        }
        let model = facts.model_answered.as_deref().unwrap_or("unknown");
        reply.push_str(&format!(
            r#"{{"id":"chatcmpl-{:016x}{:08x}","object":"chat.completion","created":{},"model":"{model}","choices":[{{"index":0,"message":{{"role":"assistant","#,
            self.chance.next(),
            self.chance.next() as u32,
            facts.started_us / 1_000_000,
        ));
        let finish = if self.chance.happens(5.0) {
            reply.push_str(r#""tool_calls":[{"id":"call_"#);
            reply.push_str(&format!("{:016x}", self.chance.next()));
            reply.push_str(r#"","type":"function","function":{"name":"get_"#);
            let tool = ["weather", "orders", "page", "file", "user"][self.chance.below(5)];
            reply.push_str(tool);
            reply.push_str(r#"","arguments":"{\"id\":17}"}}],"#);
            "tool_calls"
        } else {
            "stop"
        };
        reply.push_str(r#""content":""#);
        let (tokens_in, tokens_out) = (facts.tokens_in.unwrap_or_default(), facts.tokens_out.unwrap_or_default());
        let tail = format!(
            r#"{planted}","refusal":null,"annotations":[]}},"logprobs":null,"finish_reason":"{finish}"}}],"usage":{{"prompt_tokens":{tokens_in},"completion_tokens":{tokens_out},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":0,"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0,"audio_tokens":0}}}},"service_tier":"default","system_fingerprint":"fp_560af6e559"}}"#,
            tokens_in + tokens_out
        );
        self.fill(&mut reply, is_chinese, self.size.reply_bytes, &tail);
        reply
    }

    /// Sentences up to the size, then `tail`.
    fn fill(&mut self, text: &mut String, is_chinese: bool, bytes: usize, tail: &str) {
        let room = bytes.saturating_sub(text.len() + tail.len());
        self.words.sentences(&mut self.chance, is_chinese, room, text);
        text.push_str(tail);
    }
}

impl Iterator for Chats<'_> {
    type Item = NewRecord;

    fn next(&mut self) -> Option<NewRecord> {
        if self.at >= self.count {
            return None;
        }
        let (at, count) = (self.at, self.count);
        self.at += 1;
        let mut facts = self.figures.facts(&mut self.chance, at);
        let is_chinese = self.chance.happens(20.0);
        let per_token = if is_chinese { 3 } else { 4 };
        if facts.status < 400 {
            facts.tokens_in = Some((self.size.request_bytes / per_token) as i64);
            facts.tokens_out = Some((self.size.reply_bytes / per_token) as i64);
            facts.cost_nano = Some(self.size.request_bytes as i64 * 40 + self.size.reply_bytes as i64 * 160);
        }
        let planted: String = plants(at, count).flat_map(|text| [" ", text]).collect();
        let (asked, answered) = if at % 2 == 0 { (planted.as_str(), "") } else { ("", planted.as_str()) };
        let body = self.request(&facts, is_chinese, asked);
        let reply = self.reply(&facts, is_chinese, answered);
        Some(record(&mut self.chance, facts, body, reply))
    }
}
