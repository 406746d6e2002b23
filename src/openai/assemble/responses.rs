//! Events of the Responses API → the `response` object.
//!
//! Start reading at [`Responses::push`]. A stream that ends properly carries the whole object in its last event; one that
//! was cut off is put together from its pieces, in the shape that the items have when they are whole.
//!
//! **Invariant:** nothing here keeps pieces once the whole has come. **May import:** std, `openai::{assemble, scan}`.

use crate::openai::assemble::Heard;
use crate::openai::assemble::tree::Node;
use crate::openai::scan::{member, members};

/// A response under construction.
#[derive(Debug, Default)]
pub struct Responses {
    response: Node,
    items: Vec<(i64, Node)>,
    is_whole: bool,
}

/// Where a text that comes in pieces belongs.
struct Place {
    /// What the events are called between `response.` and `.delta` or `.done`.
    stem: &'static [u8],
    /// What kind of item it is part of.
    item: &'static [u8],
    /// The item's list of parts, with the kind of part and the name of its position; `None`: the item itself.
    part: Option<(&'static [u8], &'static [u8], &'static [u8])>,
    /// The member that grows, and that a `.done` event tells whole.
    field: &'static [u8],
}

const CONTENT: &[u8] = b"content";
const CONTENT_INDEX: &[u8] = b"content_index";

#[rustfmt::skip]
const PLACES: &[Place] = &[
    Place { stem: b"output_text", item: b"\"message\"", part: Some((CONTENT, b"\"output_text\"", CONTENT_INDEX)), field: b"text" },
    Place { stem: b"refusal", item: b"\"message\"", part: Some((CONTENT, b"\"refusal\"", CONTENT_INDEX)), field: b"refusal" },
    Place { stem: b"reasoning_text", item: b"\"reasoning\"", part: Some((CONTENT, b"\"reasoning_text\"", CONTENT_INDEX)), field: b"text" },
    Place { stem: b"reasoning_summary_text", item: b"\"reasoning\"", part: Some((b"summary", b"\"summary_text\"", b"summary_index")), field: b"text" },
    Place { stem: b"function_call_arguments", item: b"\"function_call\"", part: None, field: b"arguments" },
    Place { stem: b"mcp_call_arguments", item: b"\"mcp_call\"", part: None, field: b"arguments" },
    Place { stem: b"custom_tool_call_input", item: b"\"custom_tool_call\"", part: None, field: b"input" },
    Place { stem: b"code_interpreter_call_code", item: b"\"code_interpreter_call\"", part: None, field: b"code" },
];

/// The members of an event that say where it belongs and what it brings.
#[derive(Default)]
struct Fields<'a> {
    output_index: i64,
    delta: Option<&'a [u8]>,
    logprobs: Option<&'a [u8]>,
    item: Option<&'a [u8]>,
    part: Option<&'a [u8]>,
}

impl Responses {
    /// Whether the event that carries the whole response has come.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Takes one event of type `response.…` or `error`, which is a JSON object.
    pub fn push<'a>(&mut self, kind: &[u8], event: &'a [u8]) -> Heard<'a> {
        if kind == b"error" {
            return Heard::Failed(event);
        }
        let Some(name) = kind.strip_prefix(b"response.") else {
            return Heard::Unknown;
        };
        if let b"completed" | b"incomplete" | b"failed" = name {
            let Some(response) = member(event, b"response") else {
                return Heard::Unknown;
            };
            self.is_whole = true;
            self.items = Vec::new();
            self.response.set(response);
            return match member(response, b"error") {
                Some(error) if name == b"failed" => Heard::EndedFailed(error),
                _ => Heard::Ended,
            };
        }
        if self.is_whole {
            return Heard::Understood;
        }
        if let b"created" | b"in_progress" | b"queued" = name {
            if let Some(response) = member(event, b"response") {
                self.response.set(response);
            }
            return Heard::Understood;
        }
        match self.piece(name, event) {
            Some(()) => Heard::Understood,
            None => Heard::Unknown,
        }
    }

    /// An event about a part of the response; `None` when it is not known.
    fn piece(&mut self, name: &[u8], event: &[u8]) -> Option<()> {
        let (stem, ending) = name.split_at(memchr::memrchr(b'.', name)?);
        let ending = &ending[1..];
        let mut fields = Fields::default();
        for (key, range) in members(event) {
            let value = &event[range];
            match key {
                b"output_index" => fields.output_index = number(value)?,
                b"delta" => fields.delta = Some(value),
                b"logprobs" => fields.logprobs = Some(value),
                b"item" => fields.item = Some(value),
                b"part" => fields.part = Some(value),
                _ => {}
            }
        }
        if let Some(place) = PLACES.iter().find(|place| place.stem == stem) {
            return self.text(place, ending, &fields, event);
        }
        match (stem, ending) {
            (b"output_item", b"done") => self.item(&fields).set(fields.item?),
            (b"output_item", b"added") => self.item(&fields).replace(fields.item?),
            (b"content_part", b"done" | b"added") => {
                let index = member(event, CONTENT_INDEX)?;
                part(self.item(&fields), CONTENT, index)?.replace(fields.part?);
            }
            (b"reasoning_summary_part", b"done" | b"added") => {
                let index = member(event, b"summary_index")?;
                part(self.item(&fields), b"summary", index)?.replace(fields.part?);
            }
            (b"output_text.annotation", b"added") => {
                let index = member(event, CONTENT_INDEX)?;
                let annotation = Node::raw(member(event, b"annotation")?);
                let part = part(self.item(&fields), CONTENT, index)?;
                part.field(b"annotations").push(annotation);
            }
            (b"image_generation_call", b"partial_image") => {
                let image = member(event, b"partial_image_b64")?;
                self.item(&fields).field(b"partial_image_b64").set(image);
            }
            (b"audio", b"delta") => {
                let audio = self.response.field(b"audio");
                audio.field(b"data").append(fields.delta?);
            }
            (b"audio.transcript", b"delta") => {
                let audio = self.response.field(b"audio");
                audio.field(b"transcript").append(fields.delta?);
            }
            (b"audio" | b"audio.transcript", b"done") => {}
            (_, b"in_progress" | b"searching" | b"interpreting" | b"generating" | b"completed" | b"failed") => {
                let status = [b"\"", ending, b"\""].concat();
                self.item(&fields).field(b"status").set(&status);
            }
            _ => return None,
        }
        Some(())
    }

    fn text(&mut self, place: &Place, ending: &[u8], fields: &Fields<'_>, event: &[u8]) -> Option<()> {
        let item = self.item(fields);
        if item.is_blank() {
            item.field(b"type").set(place.item);
        }
        let target = match place.part {
            None => item,
            Some((list, kind, position)) => {
                let index = member(event, position).unwrap_or(b"0");
                let target = part(item, list, index)?;
                if target.is_blank() {
                    target.field(b"type").set(kind);
                }
                if let (b"delta", Some(logprobs)) = (ending, fields.logprobs) {
                    target.field(b"logprobs").extend(logprobs);
                }
                target
            }
        };
        match ending {
            b"delta" => target.field(place.field).append(fields.delta?),
            b"done" => target.field(place.field).set(member(event, place.field)?),
            _ => return None,
        }
        Some(())
    }

    fn item(&mut self, fields: &Fields<'_>) -> &mut Node {
        let index = fields.output_index;
        let known = self.items.iter().rposition(|(known, _)| *known == index);
        let at = known.unwrap_or_else(|| {
            self.items.push((index, Node::default()));
            self.items.len() - 1
        });
        &mut self.items[at].1
    }

    /// The response, whole or as far as it came.
    pub fn finish(mut self) -> Node {
        if self.is_whole {
            return self.response;
        }
        if self.response.is_blank() {
            self.response.set(br#"{"object":"response","status":"in_progress"}"#);
        }
        if !self.items.is_empty() {
            self.items.sort_by_key(|(index, _)| *index);
            let items = self.items.into_iter().map(|(_, item)| item);
            *self.response.field(b"output") = Node::list_of(items);
        }
        self.response
    }
}

fn part<'a>(item: &'a mut Node, list: &[u8], index: &[u8]) -> Option<&'a mut Node> {
    item.field(list).element(usize::try_from(number(index)?).ok()?)
}

fn number(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
