//! What a reply says, choice by choice, whole or put together from a stream.
//!
//! Start reading at [`read`]. The members of the body tell which API it is of.
//!
//! **Invariant:** a message in a reply means the same as the same message in the next request.
//! **May import:** std, `openai::{dialogue, error, scan}`.

use crate::openai::dialogue::strings::{filled, mended, text};
use crate::openai::dialogue::{Message, Part, Role, media, role_message};
use crate::openai::error::{error_facts, value_facts};
use crate::openai::scan::{elements, member, members, string_value};

/// A reply as far as it is understood.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// The messages of each choice.
    pub choices: Vec<Vec<Message>>,
    /// Whether it is a reply of a known API, even if it says nothing (embeddings).
    pub is_known: bool,
    /// Why the model stopped.
    pub finish: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
}

/// The messages of a reply, one list per choice: chat's choices have one message each, a response has one per output item,
/// Anthropic's reply is one, a transcription or a text completion is one text, an image is its prompt and its place.
/// Embeddings, moderations, errors and what is not known give nothing.
///
/// Of a body that was cut off, what is there. Places in [`super::Media::Inline`] are of `body`.
pub fn reply(body: &[u8]) -> Vec<Vec<Message>> {
    read(body).choices
}

/// What went wrong, in the words of the body: of an error's body, or of the `error` in a reply that broke off.
pub fn error_text(body: &[u8]) -> Option<String> {
    read(body).error
}

#[derive(Default)]
struct Fields<'a> {
    choices: Option<&'a [u8]>,
    output: Option<&'a [u8]>,
    content: Option<&'a [u8]>,
    data: Option<&'a [u8]>,
    text: Option<&'a [u8]>,
    audio: Option<&'a [u8]>,
    results: Option<&'a [u8]>,
    /// Of Anthropic's first API.
    completion: Option<&'a [u8]>,
    error: Option<&'a [u8]>,
    role: Option<&'a [u8]>,
    finish: Option<&'a [u8]>,
    incomplete: Option<&'a [u8]>,
    has_name: bool,
}

pub(super) fn read(body: &[u8]) -> Reading {
    let body = &*mended(body);
    let mut fields = Fields::default();
    for (key, range) in members(body) {
        let value = Some(&body[range]);
        match key {
            b"choices" => fields.choices = value,
            b"output" => fields.output = value,
            b"content" => fields.content = value,
            b"data" => fields.data = value,
            b"text" => fields.text = value,
            b"audio" => fields.audio = value,
            b"results" => fields.results = value,
            b"completion" => fields.completion = value,
            b"error" => fields.error = filled(value),
            b"role" => fields.role = value,
            b"stop_reason" | b"status" => fields.finish = value,
            b"incomplete_details" => fields.incomplete = value,
            b"id" | b"object" => fields.has_name = true,
            _ => {}
        }
    }
    let mut reading = fields.read(body).unwrap_or_default();
    reading.error = match fields.error {
        Some(error) => value_facts(error).message,
        // Many objects have a `message`; an error has nothing that names it.
        None if reading.is_known || fields.has_name => None,
        None => error_facts(body).and_then(|error| error.message),
    };
    reading
}

impl Fields<'_> {
    fn read(&self, body: &[u8]) -> Option<Reading> {
        let mut reading = Reading { is_known: true, ..Reading::default() };
        let list = |value: Option<&[u8]>| value.is_some_and(|value| value.first() == Some(&b'['));
        let said = |text: String| vec![vec![Message::new(Role::Assistant, vec![Part::Text(text)])]];
        if let Some(choices) = self.choices.filter(|_| list(self.choices)) {
            for range in elements(choices, 0..choices.len()) {
                let choice = &choices[range];
                reading.choices.push(self::choice(body, choice));
                let finish = member(choice, b"finish_reason").and_then(text);
                reading.finish = reading.finish.or(finish);
            }
        } else if let Some(output) = self.output.filter(|_| list(self.output)) {
            let items = elements(output, 0..output.len()).map(|range| spoken(body, &output[range]));
            reading.choices.push(items.collect());
            reading.finish = self.incomplete.and_then(|details| member(details, b"reason")).and_then(text);
            reading.finish = reading.finish.or_else(|| self.finish.and_then(text));
        } else if self.content.is_some() && self.role == Some(b"\"assistant\"") {
            reading.choices.push(vec![role_message::read(body, body)]);
            reading.finish = self.finish.and_then(text);
        } else if let Some(text) = self.text.or(self.completion).and_then(string_value) {
            reading.choices = said(text.into_owned());
            reading.finish = self.finish.and_then(super::strings::text);
        } else if let Some(audio) = self.audio.filter(|audio| audio.first() == Some(&b'"')) {
            let source = media::data(body, audio, None);
            let part = Part::Audio { id: None, source, transcript: None };
            reading.choices = vec![vec![Message::new(Role::Assistant, vec![part])]];
        } else if let Some(data) = self.data.filter(|_| list(self.data)) {
            return data_list(body, data, reading);
        } else if !list(self.results) {
            return None;
        }
        Some(reading)
    }
}

/// A message of the model, also when it does not say so: a stream may be cut before its role came.
fn spoken(body: &[u8], element: &[u8]) -> Message {
    let mut message = role_message::read(body, element);
    if message.role == Role::Other {
        message.role = Role::Assistant;
    }
    message
}

/// A choice of a chat, or of a text completion.
fn choice(body: &[u8], choice: &[u8]) -> Vec<Message> {
    match (filled(member(choice, b"message")), member(choice, b"text").and_then(string_value)) {
        (Some(message), _) => vec![spoken(body, message)],
        (None, Some(text)) => vec![Message::new(Role::Assistant, vec![Part::Text(text.into_owned())])],
        (None, None) => Vec::new(),
    }
}

/// Images are told with what they were drawn from; embeddings say nothing; any other list is not known.
fn data_list(body: &[u8], data: &[u8], mut reading: Reading) -> Option<Reading> {
    let mut parts = Vec::new();
    for range in elements(data, 0..data.len()) {
        let element = &data[range];
        if member(element, b"embedding").is_some() {
            return Some(reading);
        }
        // An image has no name of its own; many other things that lists are made of have an address.
        let named = [&b"id"[..], b"object", b"file_id"].iter().any(|name| member(element, name).is_some());
        let source = media::first(body, element, b"b64_json", b"url").filter(|_| !named);
        let prompt = member(element, b"revised_prompt").and_then(text);
        if source.is_none() && prompt.is_none() {
            return None;
        }
        parts.extend(prompt.map(Part::Text));
        parts.extend(source.map(|source| Part::Image { source }));
    }
    if !parts.is_empty() {
        reading.choices.push(vec![Message::new(Role::Assistant, parts)]);
    }
    Some(reading)
}
