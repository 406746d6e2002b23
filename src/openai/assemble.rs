//! Puts a streamed reply together into the JSON object that the same API gives unstreamed.
//!
//! Start reading at [`Assembler`]; each API has a file of its own, `tree` is what they build with.
//!
//! **Invariant:** nothing that came is lost: an event that is not understood stands in the array `unrecognized`, a stream
//! that is not understood comes out as it came. **May import:** std, memchr, serde, serde_json, `openai`.

mod chat;
mod media;
mod messages;
mod responses;
mod tree;

use crate::openai::assemble::chat::Chat;
use crate::openai::assemble::media::Media;
use crate::openai::assemble::messages::Messages;
use crate::openai::assemble::responses::Responses;
use crate::openai::assemble::tree::Node;
use crate::openai::error::{ErrorFacts, error_facts, value_facts};
use crate::openai::facts::{Facts, facts};
use crate::openai::scan::{elements, is_blank, member};
use crate::openai::sse::{Event, Splitter};

/// A streamed reply, put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assembled {
    /// The JSON object, or the stream as it came when `assembled` is false.
    pub reply: Vec<u8>,
    /// Whether the stream was understood.
    pub assembled: bool,
    /// Whether the event came that ends a stream of this API. A stream without it was cut.
    pub ended: bool,
    /// Model, id and tokens.
    pub facts: Facts,
    /// The error that the stream told, the last one if there were several.
    pub error: Option<ErrorFacts>,
}

/// Takes a stream piece by piece.
#[derive(Debug, Default)]
pub struct Assembler {
    splitter: Splitter,
    stream: Stream,
}

/// What one event was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard<'a> {
    Understood,
    /// The last event of its stream.
    Ended,
    /// An error: the value that tells it.
    Failed(&'a [u8]),
    /// The last event of its stream, and an error, which is part of the object already.
    EndedFailed(&'a [u8]),
    Unknown,
}

/// What kind of stream it is, and what has been made of it.
#[derive(Debug, Default)]
enum Api {
    #[default]
    Undecided,
    Chat(Chat),
    Responses(Responses),
    Messages(Messages),
    Media(Media),
}

#[derive(Debug, Default)]
struct Stream {
    api: Api,
    /// The stream as it came, as long as it is undecided.
    raw: Vec<u8>,
    undecided_events: usize,
    unrecognized: Vec<Vec<u8>>,
    ended: bool,
    error: Option<ErrorFacts>,
    /// The value that told the error, unless it is part of the object already.
    error_value: Option<Vec<u8>>,
}

impl Assembler {
    /// An assembler at the beginning of a reply.
    pub fn new() -> Assembler {
        Assembler::default()
    }

    /// Takes the next piece, of any length, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        if let Api::Undecided = self.stream.api {
            self.stream.raw.extend_from_slice(bytes);
        }
        let stream = &mut self.stream;
        self.splitter.push(bytes, |event| stream.take(event));
    }

    /// The reply has ended, properly or not.
    pub fn finish(self) -> Assembled {
        let mut stream = self.stream;
        self.splitter.finish(|event| stream.take(event));
        stream.finish()
    }
}

impl Stream {
    fn take(&mut self, event: Event<'_>) {
        let data = event.data;
        if data == b"[DONE]" {
            self.ended = true;
            return;
        }
        if data.is_empty() {
            return;
        }
        let is_object = data.first() == Some(&b'{') && is_json(data);
        if is_object && let Api::Undecided = self.api {
            self.decide(data);
        }
        let heard = match &mut self.api {
            _ if event.event == b"error" => Heard::Failed(match member(data, b"error") {
                Some(error) if is_object => error,
                _ => data,
            }),
            _ if !is_object => Heard::Unknown,
            Api::Undecided => match member(data, b"error") {
                Some(error) if !is_blank(error) => Heard::Failed(error),
                _ if kind_of(data) == b"error" => Heard::Failed(data),
                _ => Heard::Unknown,
            },
            Api::Chat(chat) => chat.push(data),
            Api::Responses(responses) => responses.push(kind_of(data), data),
            Api::Messages(messages) => messages.push(kind_of(data), data),
            Api::Media(media) => media.push(kind_of(data), data),
        };
        if let Api::Undecided = self.api {
            self.undecided_events += 1;
        } else if heard == Heard::Unknown {
            self.unrecognized.push(data.to_vec());
        }
        match heard {
            Heard::Understood | Heard::Unknown => {}
            Heard::Ended => self.ended = true,
            Heard::EndedFailed(error) => {
                self.ended = true;
                self.error = Some(value_facts(error));
            }
            Heard::Failed(error) => {
                // A flat event has a type of its own; what stands in an `error` member has none to leave out.
                let flat = error_facts(error).filter(|_| kind_of(error) == b"error");
                self.error = Some(flat.unwrap_or_else(|| told(error)));
                if !matches!(self.api, Api::Undecided) {
                    self.error_value = Some(error.to_vec());
                }
            }
        }
    }

    /// Finds out which API streams like this, by its first event that tells.
    fn decide(&mut self, data: &[u8]) {
        let kind = kind_of(data);
        let api = match kind {
            b"" => match member(data, b"choices") {
                Some(choices) if choices.first() == Some(&b'[') => {
                    let is_choice = |choice: &[u8]| choice.first() == Some(&b'{');
                    let mut all = elements(choices, 0..choices.len());
                    match all.all(|range| is_choice(&choices[range])) {
                        true => Api::Chat(Chat::default()),
                        false => return,
                    }
                }
                _ => return,
            },
            b"ping" | b"message_start" | b"content_block_start" => Api::Messages(Messages::default()),
            _ if kind.starts_with(b"response.") => Api::Responses(Responses::default()),
            _ if [&b"transcript.text."[..], b"speech.audio.", b"image_generation.", b"image_edit."]
                .iter()
                .any(|prefix| kind.starts_with(prefix)) =>
            {
                Api::Media(Media::default())
            }
            _ => return,
        };
        self.api = api;
        // The events before this one were not understood: they are still in the raw stream.
        let raw = std::mem::take(&mut self.raw);
        let (mut earlier, unrecognized) = (self.undecided_events, &mut self.unrecognized);
        if earlier == 0 {
            return;
        }
        Splitter::new().push(&raw, |event| {
            if earlier > 0 && !event.data.is_empty() && event.data != b"[DONE]" {
                earlier -= 1;
                unrecognized.push(event.data.to_vec());
            }
        });
    }

    fn finish(mut self) -> Assembled {
        let mut node = match self.api {
            Api::Undecided => {
                return Assembled {
                    facts: facts(&self.raw),
                    reply: self.raw,
                    assembled: false,
                    ended: self.ended,
                    error: self.error,
                };
            }
            Api::Chat(chat) => chat.finish(),
            Api::Responses(responses) => {
                if responses.is_whole() {
                    // The whole object says what pieces of a new kind said.
                    self.unrecognized.retain(|event| !kind_of(event).starts_with(b"response."));
                }
                responses.finish()
            }
            Api::Messages(messages) => messages.finish(),
            Api::Media(media) => media.finish(),
        };
        if let Some(error) = self.error_value {
            node.field(b"error").replace(&json_or_text(error));
        }
        for event in self.unrecognized {
            node.field(b"unrecognized").push(Node::raw(&json_or_text(event)));
        }
        let mut reply = Vec::new();
        node.write(&mut reply);
        let reply = match String::from_utf8(reply) {
            Ok(reply) => reply.into_bytes(),
            Err(bad) => String::from_utf8_lossy(bad.as_bytes()).into_owned().into_bytes(),
        };
        Assembled { facts: facts(&reply), reply, assembled: true, ended: self.ended, error: self.error }
    }
}

/// The facts in the value that told an error, which may be no JSON at all.
fn told(error: &[u8]) -> ErrorFacts {
    match is_json(error) {
        true => value_facts(error),
        false => ErrorFacts { message: Some(String::from_utf8_lossy(error).into_owned()), ..ErrorFacts::default() },
    }
}

/// The inside of the event's `type`; empty when there is none.
fn kind_of(event: &[u8]) -> &[u8] {
    member(event, b"type").and_then(|kind| kind.strip_prefix(b"\"")?.strip_suffix(b"\"")).unwrap_or_default()
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

/// The bytes as they are when they are JSON, else as a JSON string.
fn json_or_text(bytes: Vec<u8>) -> Vec<u8> {
    match is_json(&bytes) {
        true => bytes,
        false => serde_json::Value::from(String::from_utf8_lossy(&bytes)).to_string().into_bytes(),
    }
}

#[cfg(test)]
mod tests;
