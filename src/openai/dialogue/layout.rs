//! Where a request keeps what it says.
//!
//! Start reading at [`layout`].
//!
//! **Invariant:** nothing here looks into a message. **May import:** std, memchr, `openai::scan`.

use std::ops::Range;

use crate::openai::scan::{elements, is_blank, member, members, skip_space, string_value};

/// The API that a request speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Api {
    /// `/chat/completions`
    Chat,
    /// `/responses`, and `/conversations`, which hold the same items.
    Responses,
    /// Anthropic's `/messages`
    Messages,
    /// `/completions`
    Completions,
    /// `/embeddings`
    Embeddings,
    /// `/images/…`
    Images,
    /// `/audio/…`
    Audio,
    /// `/moderations`
    Moderations,
    /// Any other, or no JSON object.
    #[default]
    Other,
}

/// Which member of a request's body holds its messages, and what stands beside it. All ranges are of the body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// The API.
    pub api: Api,
    /// The array of messages: `messages`, or `input` when its elements are objects. Of a body that was cut off inside it,
    /// the range goes to the body's end.
    pub messages: Option<Range<usize>>,
    /// Instructions beside the messages: a string, or an array of parts.
    pub system: Vec<Range<usize>>,
    /// Prompts that are no messages: a string, or an array of strings (or of tokens).
    pub prompts: Vec<Range<usize>>,
    /// The array of tools offered.
    pub tools: Option<Range<usize>>,
    /// The id of the response that this request continues (`previous_response_id`).
    pub previous_response: Option<String>,
    /// The id of the conversation kept by the service.
    pub conversation: Option<String>,
    /// The list of fields and files, when this is our own record of an upload
    /// ([`crate::openai::multipart::Summary::finish`]).
    pub upload: Option<Range<usize>>,
}

/// Reads the layout of a request's body. `path` may have a query, any prefix, or be empty: what it does not tell is told
/// by the body's members.
pub fn layout(path: &str, body: &[u8]) -> Layout {
    let mut layout = Layout::default();
    let mut input = None;
    let mut hints = Hints::default();
    let mut all = members(body);
    let mut found: Vec<(&[u8], Range<usize>)> = all.by_ref().collect();
    found.extend(all.cut().map(|(key, start)| (key, start..body.len())));
    for (key, range) in found {
        let value = &body[range.clone()];
        let is_array = value.first() == Some(&b'[');
        match key {
            b"messages" if is_array => layout.messages = Some(range),
            b"input" | b"items" => input = Some((key, range)),
            b"system" | b"instructions" if !is_blank(value) => {
                hints.has_system = key == b"system";
                layout.system.push(range);
            }
            b"prompt" | b"suffix" if !is_blank(value) => {
                // A prompt kept by the service, with its variables.
                hints.is_response |= value.first() == Some(&b'{');
                layout.prompts.push(range);
            }
            b"tools" | b"functions" if is_array => layout.tools = Some(range),
            b"previous_response_id" => layout.previous_response = text(value),
            b"conversation" => layout.conversation = member(value, b"id").map_or_else(|| text(value), text),
            b"multipart" if is_array => layout.upload = Some(range),
            b"encoding_format" | b"dimensions" => hints.is_embedding = true,
            b"voice" => hints.is_speech = true,
            b"size" | b"quality" => hints.is_image = true,
            b"model" => {
                let model = value.to_ascii_lowercase();
                let named = |word: &[u8]| memchr::memmem::find(&model, word).is_some();
                hints.is_embedding |= named(b"embed");
                hints.is_moderation = named(b"moderation");
                hints.is_image |= named(b"dall-e") || named(b"gpt-image");
            }
            _ => {}
        }
    }
    let by_path = named_by(path);
    if let Some((key, range)) = input {
        let is_list = elements(body, range.clone()).next().is_some_and(|first| body[first.start] == b'{');
        if key == b"items" && by_path != Some(Api::Responses) {
            // Some other API's list.
        } else if is_list && by_path != Some(Api::Moderations) {
            layout.messages = Some(range);
            hints.is_response = true;
        } else if key == b"input" && !is_blank(&body[range.clone()]) {
            layout.prompts.push(range);
            hints.has_input = true;
        }
    }
    layout.api = by_path.unwrap_or_else(|| hints.api(&layout));
    layout
}

/// What tells an API when the path does not.
#[derive(Default)]
struct Hints {
    has_system: bool,
    is_response: bool,
    has_input: bool,
    is_embedding: bool,
    is_moderation: bool,
    is_speech: bool,
    is_image: bool,
}

impl Hints {
    fn api(&self, layout: &Layout) -> Api {
        if layout.messages.is_some() && !self.is_response {
            return if self.has_system { Api::Messages } else { Api::Chat };
        }
        let responses = self.is_response || layout.previous_response.is_some() || layout.conversation.is_some();
        match (self.has_input, layout.prompts.is_empty()) {
            _ if responses => Api::Responses,
            (true, _) if self.is_embedding => Api::Embeddings,
            (true, _) if self.is_moderation => Api::Moderations,
            (true, _) if self.is_speech => Api::Audio,
            (true, _) => Api::Responses,
            (false, false) if self.is_image => Api::Images,
            (false, false) => Api::Completions,
            (false, true) => Api::Other,
        }
    }
}

/// The API that a path names.
fn named_by(path: &str) -> Option<Api> {
    let path = path.split('?').next().unwrap_or_default().trim_end_matches('/');
    let has = |part: &str| path.contains(part);
    let ends = |part: &str| path.ends_with(part);
    let known = [
        // The messages of a thread are of an API that is gone.
        (has("/threads"), None),
        (has("/chat/completions"), Some(Api::Chat)),
        (has("/responses") || has("/conversations"), Some(Api::Responses)),
        (ends("/messages") || ends("/messages/count_tokens"), Some(Api::Messages)),
        (ends("/completions"), Some(Api::Completions)),
        (ends("/embeddings"), Some(Api::Embeddings)),
        (has("/images/"), Some(Api::Images)),
        (has("/audio/"), Some(Api::Audio)),
        (ends("/moderations"), Some(Api::Moderations)),
    ];
    known.into_iter().find(|(is, _)| *is).and_then(|(_, api)| api)
}

fn text(value: &[u8]) -> Option<String> {
    string_value(value).filter(|text| !text.is_empty()).map(|text| text.into_owned())
}

/// Whether the bytes open like JSON with something in it.
pub(super) fn opens_like_json(body: &[u8]) -> bool {
    let start = skip_space(body, 0);
    let inner = body.get(skip_space(body, start + 1));
    match body.get(start) {
        Some(b'{') => matches!(inner, None | Some(b'"' | b'}')),
        Some(b'[') => matches!(inner, None | Some(b'"' | b'{' | b'[' | b']' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n')),
        _ => false,
    }
}
