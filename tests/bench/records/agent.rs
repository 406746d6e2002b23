//! A coding agent's session: each turn sends the whole history again, a call of a tool and its result longer.
//! Start at [`Session`].

use openai_api_route::db::records::NewRecord;

use crate::facts::{Figures, record};
use crate::words::{Chance, Words};

/// Bytes of the instructions.
const SYSTEM_BYTES: usize = 20_000;
/// Tools offered.
const TOOLS: usize = 16;
/// New bytes in each turn, about.
const TURN_BYTES: usize = 10_000;

/// The turns of one session; memory holds its history once, and one request.
pub struct Session<'a> {
    words: &'a Words,
    figures: Figures,
    chance: Chance,
    /// The elements of `messages` so far.
    history: String,
    tools: String,
    at: u64,
    turns: u64,
}

impl<'a> Session<'a> {
    /// A session of so many turns.
    pub fn new(words: &'a Words, turns: u64) -> Session<'a> {
        let mut chance = Chance(7);
        let mut history = r#"{"role":"system","content":""#.to_owned();
        words.sentences(&mut chance, false, SYSTEM_BYTES, &mut history);
        history.push_str(r#""},{"role":"user","content":""#);
        words.sentences(&mut chance, false, 600, &mut history);
        history.push_str(r#""}"#);
        let mut tools = String::new();
        for at in 0..TOOLS {
            tools.push_str(if at > 0 {
                r#",{"type":"function","function":{"name":""#
            } else {
                r#"{"type":"function","function":{"name":""#
            });
            words.name(&mut chance, &mut tools);
            tools.push_str(r#"","description":""#);
            words.sentences(&mut chance, false, 700, &mut tools);
            tools.push_str(r#"","parameters":{"type":"object","properties":{"path":{"type":"string"},"limit":{"type":"integer"}},"required":["path"]}}}"#);
        }
        Session { words, figures: Figures::new(), chance, history, tools, at: 0, turns }
    }

    /// Text like a program's, as it stands in a JSON string.
    fn code(&mut self, bytes: usize, out: &mut String) {
        let end = out.len() + bytes;
        while out.len() < end {
            let line = self.chance.below(6);
            out.push_str(["", "    ", "    ", "        ", "        ", "            "][line]);
            out.push_str(["pub fn ", "let ", "if ", "return ", "self.", "match "][self.chance.below(6)]);
            self.words.name(&mut self.chance, out);
            out.push_str([" = ", "(", ".get(", " == ", "::new("][self.chance.below(5)]);
            self.words.name(&mut self.chance, out);
            out.push_str([");\\n", " {\\n", ")?;\\n", ";\\n", "}\\n\\n", ", \\\"a\\\");\\n"][self.chance.below(6)]);
        }
    }
}

impl Iterator for Session<'_> {
    type Item = NewRecord;

    fn next(&mut self) -> Option<NewRecord> {
        if self.at >= self.turns {
            return None;
        }
        let at = self.at;
        self.at += 1;
        let mut facts = self.figures.facts(&mut self.chance, at);
        (facts.status, facts.ending, facts.streamed) = (200, Default::default(), at.is_multiple_of(2));
        (facts.key_name, facts.key_last4) = ("agent".to_owned(), "c0de".to_owned());
        facts.model = Some("gpt-5".to_owned());
        let (history, tools) = (&self.history, &self.tools);
        let stream = if facts.streamed { r#","stream":true"# } else { "" };
        let body = format!(r#"{{"messages":[{history}],"model":"gpt-5","tools":[{tools}]{stream}}}"#);

        let call = self.chance.next();
        let mut said = String::from(r#"{"role":"assistant","content":""#);
        self.words.sentences(&mut self.chance, false, 300, &mut said);
        said.push_str(&format!(
            r#"","tool_calls":[{{"id":"call_{call:016x}","type":"function","function":{{"name":"read_file","arguments":"{{\"path\":\""#
        ));
        self.words.name(&mut self.chance, &mut said);
        said.push_str(r#".rs\",\"new\":\""#);
        let mut patch = String::new();
        self.code(TURN_BYTES / 5, &mut patch);
        said.push_str(&patch.replace('\\', r"\\").replace('"', "\\\""));
        said.push_str(r#"\"}"}}]}"#);
        let reply = format!(
            r#"{{"id":"chatcmpl-{call:016x}","object":"chat.completion","created":{},"model":"gpt-5-2026-08-07","choices":[{{"index":0,"message":{said},"finish_reason":"tool_calls"}}],"usage":{{"prompt_tokens":{},"completion_tokens":620,"total_tokens":{}}}}}"#,
            facts.started_us / 1_000_000,
            body.len() / 4,
            body.len() / 4 + 620,
        );
        self.history.push(',');
        self.history.push_str(&said);
        let mut result = format!(r#",{{"role":"tool","tool_call_id":"call_{call:016x}","content":""#);
        self.code(TURN_BYTES - said.len().min(TURN_BYTES), &mut result);
        self.history.push_str(&result);
        self.history.push_str(r#""}"#);

        Some(record(&mut self.chance, facts, body, reply))
    }
}
