//! Says when a streamed reply has begun to have content. Until then another upstream can still be tried.
//!
//! Start reading at `judge`, the table of what is a mere start-up event.
//!
//! **Invariant:** nothing here holds a stream back longer than it must: what is not known counts as content.
//! **May import:** std, `openai::{error, scan, sse}`.

use crate::openai::error::{ErrorFacts, error_facts, value_facts};
use crate::openai::scan::{elements, is_blank, member, members, skip_space};
use crate::openai::sse::{Event, Splitter};

/// What a stream has shown so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// Nothing but start-up events.
    Undecided,
    /// Something that the caller must get from this upstream and no other.
    Content,
    /// The first thing said is that the request failed.
    Error(ErrorFacts),
}

/// A body that is plain JSON in spite of its content type is watched up to this length for being an error.
const MAX_PLAIN_BYTES: usize = 64 << 10;

/// Watches the beginning of a stream.
#[derive(Debug)]
pub struct OpeningScan {
    splitter: Splitter,
    seen: Opening,
    /// The body so far, when it opens like JSON instead of like events.
    plain: Option<Vec<u8>>,
    begun: bool,
}

impl Default for OpeningScan {
    fn default() -> OpeningScan {
        OpeningScan::new()
    }
}

impl OpeningScan {
    /// A scan at the beginning of a reply.
    pub fn new() -> OpeningScan {
        OpeningScan { splitter: Splitter::new(), seen: Opening::Undecided, plain: None, begun: false }
    }

    /// Takes the next piece of the reply. Once decided, the answer stays the same.
    pub fn push(&mut self, bytes: &[u8]) -> Opening {
        if self.seen != Opening::Undecided {
            return self.seen.clone();
        }
        if !self.begun {
            let Some(first) = bytes.get(skip_space(bytes, 0)) else {
                self.splitter.push(bytes, |_| {});
                return Opening::Undecided;
            };
            self.begun = true;
            self.plain = matches!(first, b'{' | b'[').then(Vec::new);
        }
        if let Some(plain) = &mut self.plain {
            plain.extend_from_slice(bytes);
            self.seen = judge_plain(plain);
            return self.seen.clone();
        }
        let seen = &mut self.seen;
        self.splitter.push(bytes, |event| {
            if *seen == Opening::Undecided {
                *seen = judge(event);
            }
        });
        self.seen.clone()
    }

    /// The reply has ended: an event that no empty line closed counts too.
    pub fn finish(self) -> Opening {
        let mut seen = self.seen;
        self.splitter.finish(|event| {
            if seen == Opening::Undecided {
                seen = judge(event);
            }
        });
        seen
    }
}

/// JSON where events were promised: an error, or content once it cannot be one.
fn judge_plain(body: &[u8]) -> Opening {
    let may_be_whole = matches!(body.trim_ascii_end().last(), Some(b'}' | b']'));
    let is_whole = may_be_whole && serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
    match error_facts(body) {
        Some(error) if is_whole => Opening::Error(error),
        _ if is_whole || body.len() > MAX_PLAIN_BYTES => Opening::Content,
        _ => Opening::Undecided,
    }
}

/// What one event says. The event types are those of OpenAI's API description and of Anthropic's messages API.
fn judge(event: Event<'_>) -> Opening {
    let data = event.data;
    if event.event == b"error" {
        return failed(data);
    }
    if data.is_empty() {
        return Opening::Undecided;
    }
    let mut kind: &[u8] = b"";
    let (mut choices, mut error, mut response, mut block) = (None, None, None, None);
    for (key, range) in members(data) {
        match key {
            b"type" => kind = &data[range],
            b"choices" => choices = Some(range),
            b"error" => error = Some(&data[range]),
            b"response" => response = Some(&data[range]),
            b"item" | b"part" | b"content_block" => block = Some(&data[range]),
            _ => {}
        }
    }
    if let Some(error) = error.filter(|error| !is_blank(error)) {
        return Opening::Error(value_facts(error));
    }
    let has_begun = match kind {
        b"\"error\"" => return failed(data),
        b"\"response.failed\"" => {
            let error = response.and_then(|response| member(response, b"error"));
            return Opening::Error(error.map(value_facts).unwrap_or_default());
        }
        b"\"response.created\"" | b"\"response.in_progress\"" | b"\"response.queued\"" => false,
        b"\"message_start\"" | b"\"ping\"" => false,
        b"\"response.output_item.added\""
        | b"\"response.content_part.added\""
        | b"\"response.reasoning_summary_part.added\""
        | b"\"content_block_start\"" => block.is_none_or(block_has_content),
        _ => match choices {
            Some(range) => elements(data, range).any(|range| choice_has_content(&data[range])),
            None => true,
        },
    };
    match has_begun {
        true => Opening::Content,
        false => Opening::Undecided,
    }
}

fn failed(data: &[u8]) -> Opening {
    Opening::Error(error_facts(data).unwrap_or_else(|| ErrorFacts {
        message: Some(String::from_utf8_lossy(data).into_owned()),
        ..ErrorFacts::default()
    }))
}

/// An output item, content part or content block as it is announced: has any of its texts begun?
fn block_has_content(block: &[u8]) -> bool {
    members(block).any(|(key, range)| {
        matches!(
            key,
            b"content"
                | b"summary"
                | b"text"
                | b"thinking"
                | b"refusal"
                | b"arguments"
                | b"input"
                | b"code"
                | b"result"
                | b"output"
                | b"transcript"
        ) && !is_blank(&block[range])
    })
}

/// A chunk's choice: anything but a role, blanks and its index is content, and so is its end.
fn choice_has_content(choice: &[u8]) -> bool {
    members(choice).any(|(key, range)| {
        let value = &choice[range];
        match key {
            b"delta" => members(value).any(|(key, range)| key != b"role" && !is_blank(&value[range])),
            b"text" | b"message" | b"finish_reason" => !is_blank(value),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests;
