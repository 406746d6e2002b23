//! What was said in a request and its reply, in the order in which it was said, ready for a page. Start at [`Talk::of`].
//!
//! Everything is read first, so that pictures have the same numbers on every page; what is shown is bounded: the reply and
//! what is new come before what was said earlier.
//!
//! **Invariant:** every part is a block of its own; what is left out is told. **May import:** `openai`, `search`, `db`.

use std::ops::Range;

use crate::dashboard::pages::requests::block::Run;
use crate::dashboard::pages::requests::card::Card;
use crate::dashboard::pages::requests::hits::{Failure, Hits};
use crate::dashboard::pages::requests::kinds::{is_picture, told};
use crate::dashboard::pages::requests::parts::{Writer, media};
use crate::db::records::Record;
use crate::openai::dialogue::texts::{Side, reply_texts, request_texts};
use crate::openai::dialogue::{Media, Message, Part, Role, compact, error_text, layout, message, reply};
use crate::openai::scan::{elements, member, skip_space, string_value};
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
    pub(super) card: Option<Card>,
    is_unread: bool,
    pub(super) known: usize,
    pub(super) hits: Hits,
    /// Some of the hits are in what was said earlier.
    pub(super) earlier_hits: bool,
    /// Tools offered, and whether each was called.
    pub(super) tools: Vec<(String, bool)>,
    /// The response that this request goes on from; what was said before it is not in the record.
    pub(super) continues: Option<String>,
    /// What the reply tells of an error, and what the record does.
    pub(super) error: Option<Failure>,
    pub(super) noted: Option<Failure>,
}

/// The messages of a record, and its contents that are not text.
pub(in crate::dashboard::pages) struct Reading {
    pub(in crate::dashboard::pages) messages: Vec<Message>,
    pub(in crate::dashboard::pages) reply: Vec<Message>,
    /// What a reply says that has no words.
    card: Option<Card>,
    /// Neither the request nor the reply is of a known shape.
    is_unread: bool,
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
        said.parts.iter_mut().for_each(|part| no_picture(part, &body[range.clone()]));
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
    for said in &mut answers {
        said.parts.iter_mut().for_each(|part| no_picture(part, answer));
        note_blobs(said, 0, true, &mut blobs);
    }
    let mut is_unread = true;
    if messages.is_empty() {
        let parts = match &shape.upload {
            Some(list) => uploaded(&body[list.clone()]),
            None => otherwise(body, |each| request_texts(path, body, None, each)),
        };
        messages.extend((!parts.is_empty()).then(|| of(Role::User, parts)));
    } else {
        is_unread = false;
    }
    let error = error_text(answer);
    let card = Card::of(answer).filter(|_| answers.is_empty());
    is_unread &= answers.is_empty() && error.is_none() && card.is_none() && shape.upload.is_none();
    if answers.is_empty() && error.is_none() && card.is_none() {
        let parts = otherwise(answer, |each| reply_texts(answer, each));
        answers.extend((!parts.is_empty()).then(|| of(Role::Assistant, parts)));
    }
    let name = |range: Range<usize>| {
        let tool = &body[range];
        let tool = member(tool, b"function").unwrap_or(tool);
        let name = member(tool, b"name").or_else(|| member(tool, b"type")).and_then(string_value)?;
        Some(name.into_owned())
    };
    let tools = shape.tools.map(|list| elements(body, list).filter_map(name).take(TOOLS).collect()).unwrap_or_default();
    let continues = shape.previous_response;
    Reading { messages, reply: answers, card, is_unread, blobs, tools, continues, error, beside }
}

fn of(role: Role, parts: Vec<Part>) -> Message {
    Message { role, name: None, parts, aside: false }
}

/// What a body of no known shape says: JSON as it is, or its text.
fn otherwise(body: &[u8], text: impl FnOnce(&mut dyn FnMut(Side, &str))) -> Vec<Part> {
    let start = skip_space(body, 0);
    if matches!(body.get(start), Some(b'{' | b'[')) {
        return vec![Part::Other(compact(&body[start..]))];
    }
    let mut parts = Vec::new();
    text(&mut |_, text| parts.push(Part::Text(text.to_owned())));
    parts
}

/// An upload: what is said in it, its files by name, and the other fields together.
fn uploaded(list: &[u8]) -> Vec<Part> {
    let (mut said, mut files, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for range in elements(list, 0..list.len()) {
        let field = &list[range];
        let text = |name: &[u8]| member(field, name).and_then(string_value).map(|text| text.into_owned());
        match (text(b"name").unwrap_or_default(), text(b"filename")) {
            (_, Some(file)) => files.push(Part::File { name: Some(file), source: None }),
            (name, None) if matches!(name.as_str(), "prompt" | "input") => said.extend(text(b"value").map(Part::Text)),
            (name, None) => others.extend(text(b"value").map(|value| format!("{name}: {value}"))),
        }
    }
    let others = (!others.is_empty()).then(|| Part::Other(others.join("\n")));
    said.into_iter().chain(files).chain(others).collect()
}

/// What is called a picture and is none that a page may show is a file.
fn no_picture(part: &mut Part, whole: &[u8]) {
    if let Part::Image { source } = &*part
        && let Media::Inline { base64, .. } = source
        && !whole.get(base64.clone()).is_some_and(is_picture)
    {
        *part = Part::File { name: None, source: Some(source.clone()) };
    }
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

/// Whether a record goes on from a response that the service keeps, and so holds nothing of what was said before.
pub(super) fn continues(record: &Record) -> bool {
    layout(&record.row.facts.path, bytes(record)[0]).previous_response.is_some()
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
        let size = record.row.facts.reply_bytes;
        let bytes = || told(answer, record.texts.headers.as_deref(), 1).map(|kind| Card::bytes(kind, size));
        let called: Vec<&str> = record.row.signs.tools.as_deref().unwrap_or_default().lines().collect();
        let after = count + reading.reply.len();
        let error = reading.error.map(|error| writer.fault(&error, after));
        let noted = record.row.facts.error.as_deref().map(|error| writer.fault(error, after + 1));
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
            card: reading.card.or_else(bytes),
            is_unread: reading.is_unread,
            continues: reading.continues,
            error,
            noted,
            earlier,
            fresh,
            reply,
            known,
        }
    }

    /// Whether there is nothing to show.
    pub(super) fn is_empty(&self) -> bool {
        let said = !self.fresh.is_empty() || !self.reply.is_empty();
        !said && self.error.is_none() && self.continues.is_none() && self.card.is_none()
    }

    /// Whether the JSON tells more than this does.
    pub(super) fn is_unread(&self) -> bool {
        self.is_empty() || (self.is_unread && self.card.is_none())
    }
}
