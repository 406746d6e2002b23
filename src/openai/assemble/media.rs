//! Streams of transcriptions, of images and of speech → the object that the same API gives unstreamed.
//!
//! Start reading at [`Media::push`]. Speech has no unstreamed JSON: its object is `{"audio": base64, "usage": …}`.
//!
//! **Invariant:** nothing here decodes sound or pictures. **May import:** std, `openai::{assemble, scan}`.

use crate::openai::assemble::Heard;
use crate::openai::assemble::tree::Node;
use crate::openai::scan::{member, members};

/// A transcription, images or speech under construction.
#[derive(Debug, Default)]
pub struct Media {
    whole: Node,
    /// The last preview of an image that has not come yet.
    preview: Option<Node>,
}

impl Media {
    /// Takes one event of this type, which is a JSON object.
    pub fn push<'a>(&mut self, kind: &[u8], event: &'a [u8]) -> Heard<'a> {
        match kind {
            b"error" => return Heard::Failed(event),
            b"transcript.text.delta" => {
                self.append(b"text", event, b"delta");
                if let Some(logprobs) = member(event, b"logprobs") {
                    self.whole.field(b"logprobs").extend(logprobs);
                }
            }
            b"transcript.text.segment" => self.whole.field(b"segments").push(Node::raw(event)),
            b"speech.audio.delta" => self.append(b"audio", event, b"audio"),
            b"transcript.text.done" | b"speech.audio.done" => {
                self.last(event);
                return Heard::Ended;
            }
            b"image_generation.partial_image" | b"image_edit.partial_image" => {
                self.preview = self.last(event);
            }
            b"image_generation.completed" | b"image_edit.completed" => {
                self.preview = None;
                if let Some(image) = self.last(event) {
                    self.whole.field(b"data").push(image);
                }
                return Heard::Ended;
            }
            _ => return Heard::Unknown,
        }
        Heard::Understood
    }

    fn append(&mut self, field: &[u8], event: &[u8], name: &[u8]) {
        if let Some(piece) = member(event, name) {
            self.whole.field(field).append(piece);
        }
    }

    /// Takes over what an event says about the whole, and gives back the image in it.
    fn last(&mut self, event: &[u8]) -> Option<Node> {
        let mut image = None;
        for (key, range) in members(event) {
            let value = &event[range];
            match key {
                b"type" | b"partial_image_index" => {}
                b"b64_json" | b"url" => image.get_or_insert_with(Node::default).field(key).set(value),
                b"created_at" => self.whole.field(b"created").set(value),
                _ => self.whole.field(key).replace(value),
            }
        }
        image
    }

    /// The whole, as far as it came.
    pub fn finish(mut self) -> Node {
        if let Some(preview) = self.preview {
            self.whole.field(b"data").push(preview);
        }
        self.whole
    }
}

#[cfg(test)]
mod tests;
