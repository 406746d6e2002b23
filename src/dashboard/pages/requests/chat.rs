//! What was said in a request and its reply, in the order in which it was said, ready for a page. Start at [`Talk::of`].
//!
//! Everything is read first, so that pictures have the same numbers on every page; what is shown is bounded: the reply and
//! what is new come before what was said earlier.
//!
//! **Invariant:** every part is a block of its own; what is left out is told. **May import:** `openai`, `search`, `db`.

use std::ops::Range;

use crate::dashboard::pages::requests::block::Run;
use crate::dashboard::pages::requests::hits::Hits;
use crate::dashboard::pages::requests::parts::{Writer, media};
use crate::db::records::Record;
use crate::openai::dialogue::texts::{reply_texts, request_texts};
use crate::openai::dialogue::{Media, Message, Part, Role, error_text, layout, message, reply};
use crate::openai::scan::{elements, member, string_value};
use crate::search::Query;

/// What stands before the number of a picture that is counted among what is new to the conversation, and the reply.
pub(in crate::dashboard::pages) const NEW: &str = "new-";
/// Tools named.
const TOOLS: usize = 200;

/// Content that is not text, in the body or the reply.
struct Blob {
    /// Where its base64 stands.
    base64: Range<usize>,
    in_reply: bool,
}

/// Everything that was said.
#[derive(Default)]
pub(super) struct Talk {
    pub(super) earlier: Run,
    pub(super) fresh: Run,
    pub(super) reply: Run,
    pub(super) known: usize,
    pub(super) hits: Hits,
    /// Some of the hits are in what was said earlier.
    pub(super) earlier_hits: bool,
    /// Tools offered, and whether each was called.
    pub(super) tools: Vec<(String, bool)>,
    /// The response that this request goes on from; what was said before it is not in the record.
    pub(super) continues: Option<String>,
    pub(super) error: Option<String>,
}

/// The messages of a record, and its contents that are not text.
pub(in crate::dashboard::pages) struct Reading {
    pub(in crate::dashboard::pages) messages: Vec<Message>,
    pub(in crate::dashboard::pages) reply: Vec<Message>,
    blobs: Vec<Blob>,
    tools: Vec<String>,
    continues: Option<String>,
    pub(in crate::dashboard::pages) error: Option<String>,
    /// Messages beside the list of them, which come first.
    beside: usize,
}

/// What a request to `path` and its reply say.
pub(in crate::dashboard::pages) fn read(path: &str, body: &[u8], answer: &[u8]) -> Reading {
    let shape = layout(path, body);
    let (mut messages, mut blobs) = (Vec::new(), Vec::new());
    let mut take = |range: Range<usize>, role: Option<Role>| {
        let mut said = message(&body[range.clone()]);
        said.role = role.unwrap_or(said.role);
        note_blobs(&said, range.start, false, &mut blobs);
        messages.push(said);
    };
    shape.system.iter().for_each(|range| take(range.clone(), Some(Role::System)));
    shape.prompts.iter().for_each(|range| take(range.clone(), Some(Role::User)));
    let beside = shape.system.len() + shape.prompts.len();
    if let Some(list) = shape.messages.clone() {
        elements(body, list).for_each(|range| take(range, None));
    }
    let mut answers: Vec<Message> = reply(answer).into_iter().flatten().collect();
    for said in &answers {
        note_blobs(said, 0, true, &mut blobs);
    }
    if messages.is_empty() {
        let mut parts = Vec::new();
        request_texts(path, body, None, &mut |_, text| parts.push(Part::Text(text.to_owned())));
        messages.extend((!parts.is_empty()).then(|| of(Role::User, parts)));
    }
    let error = error_text(answer);
    if answers.is_empty() && error.is_none() {
        let mut parts = Vec::new();
        reply_texts(answer, &mut |_, text| parts.push(Part::Other(text.to_owned())));
        answers.extend((!parts.is_empty()).then(|| of(Role::Assistant, parts)));
    }
    let name = |range: Range<usize>| {
        let tool = &body[range];
        let tool = member(tool, b"function").unwrap_or(tool);
        let name = member(tool, b"name").or_else(|| member(tool, b"type")).and_then(string_value)?;
        Some(name.into_owned())
    };
    let tools = shape.tools.map(|list| elements(body, list).filter_map(name).take(TOOLS).collect()).unwrap_or_default();
    Reading { messages, reply: answers, blobs, tools, continues: shape.previous_response, error, beside }
}

fn of(role: Role, parts: Vec<Part>) -> Message {
    Message { role, name: None, parts, aside: false }
}

/// How many of a message's contents that are not text stand in the message itself.
pub(in crate::dashboard::pages) fn inline_parts(said: &Message) -> usize {
    said.parts.iter().filter(|part| matches!(media(part), Some(Media::Inline { .. }))).count()
}

fn note_blobs(said: &Message, start: usize, in_reply: bool, blobs: &mut Vec<Blob>) {
    for part in &said.parts {
        if let Some(Media::Inline { base64, .. }) = media(part) {
            let base64 = base64.start + start..base64.end + start;
            blobs.push(Blob { base64, in_reply });
        }
    }
}

/// A content of a request or its reply that is not text, by its number, as base64.
pub(super) fn content<'a>(path: &str, body: &'a [u8], answer: &'a [u8], number: usize) -> Option<&'a [u8]> {
    let Blob { base64, in_reply } = read(path, body, answer).blobs.into_iter().nth(number)?;
    if in_reply { answer } else { body }.get(base64)
}

/// Every message of a record, the request's and the reply's.
pub(super) fn all_messages(record: &Record) -> (Vec<Message>, Vec<Message>) {
    let [body, answer] = bytes(record);
    let reading = read(&record.row.facts.path, body, answer);
    (reading.messages, reading.reply)
}

fn bytes(record: &Record) -> [&[u8]; 2] {
    let texts = &record.texts;
    [texts.body.as_deref().unwrap_or_default(), texts.response.as_deref().unwrap_or_default()]
}

impl Talk {
    /// What a record says, with the hits of `query` marked; all of it, or as much as is good for a page.
    pub(super) fn of(record: &Record, query: &Query, all: bool, plain: bool) -> Talk {
        let [body, answer] = bytes(record);
        let reading = read(&record.row.facts.path, body, answer);
        let mut writer = Writer::new(query, all, plain);
        writer.note_calls(reading.messages.iter().chain(&reading.reply), 0);
        let count = reading.messages.len();
        // The last message was asked anew even when all are known.
        let known = record.row.placed.known_messages.and_then(|known| usize::try_from(known).ok()).unwrap_or(0);
        let known = if known == 0 { 0 } else { (known + reading.beside).min(count.saturating_sub(1)) };
        let mut numbers = Vec::with_capacity(count + reading.reply.len());
        let mut blob = 0;
        for said in reading.messages.iter().chain(&reading.reply) {
            numbers.push(blob);
            blob += inline_parts(said);
        }
        let reply = writer.run(&reading.reply, count, &numbers[count..]);
        let fresh = writer.run(&reading.messages[known..], known, &numbers[known..count]);
        let earlier = writer.run(&reading.messages[..known], 0, &numbers[..known]);
        let called: Vec<&str> = record.row.signs.tools.as_deref().unwrap_or_default().lines().collect();
        let hits = writer.hits();
        Talk {
            earlier_hits: hits.places.iter().any(|place| place.number < known),
            hits,
            tools: reading
                .tools
                .into_iter()
                .map(|name| (called.contains(&name.as_str()), name))
                .map(|(is, name)| (name, is))
                .collect(),
            continues: reading.continues,
            error: reading.error,
            earlier,
            fresh,
            reply,
            known,
        }
    }

    /// Whether there is anything to show.
    pub(super) fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.reply.is_empty() && self.error.is_none() && self.continues.is_none()
    }
}
