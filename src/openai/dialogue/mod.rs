//! What was said, in one shape for every API: chat completions, Responses, Anthropic's messages, and the rest.
//!
//! Start reading at [`Message`]. [`layout()`] says where a request keeps its messages, [`message()`] reads one of them,
//! [`reply()`] those of a reply. On top of these: [`meaning()`] for linking requests into conversations, [`texts`] for search
//! and previews, [`signals()`] for filters.
//!
//! Which API an element belongs to is told by the element itself: the names of parts and items differ everywhere.
//!
//! **Invariant:** nothing here changes a body, panics on any bytes, or goes deeper than [`MAX_DEPTH`].
//! **May import:** std, memchr, serde_json, `openai`.

mod example;
mod items;
mod layout;
mod meaning;
mod media;
mod parts;
mod reply;
mod results;
mod role_message;
mod signals;
mod strings;
pub mod texts;

use std::ops::Range;

pub use example::example;
pub use layout::{Api, Layout, layout};
pub use meaning::meaning;
pub use reply::{error_text, reply};
pub use results::results;
pub use signals::{Shown, Signals, reply_signals, signals};
pub use strings::compact;

/// Parts inside of parts (results of tools hold parts) are read down to here; what is deeper is [`Part::Other`].
pub const MAX_DEPTH: usize = 4;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Instructions of the application.
    System,
    /// The same under its newer name.
    Developer,
    /// The person, or the program in its place.
    User,
    /// The model.
    Assistant,
    /// A tool that the model called.
    Tool,
    /// A name that no API gives.
    Other,
}

/// Contents that are not text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    /// Base64 in the body itself.
    Inline {
        /// The media type as the body tells it, or only a format's name (`wav`); empty when it does not.
        mime: String,
        /// Where the base64 stands in the bytes that were given to [`message()`] or [`reply()`]. A JSON string may hold
        /// `\/` for `/`.
        base64: Range<usize>,
        /// Tells contents apart without their bytes, see [`crate::openai::inline::digest`].
        digest: u64,
    },
    /// An address; never a `data:` URL with base64.
    Url(String),
    /// The service's id of it.
    Id(String),
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Plain text.
    Text(String),
    /// The model declines.
    Refusal(String),
    /// The model thinks; empty when it does so in secret.
    Reasoning(String),
    /// A tool is called, by the model or within the service.
    ToolCall {
        /// What the result refers to.
        id: Option<String>,
        /// The function's name, or the kind of tool.
        name: String,
        /// As the model wrote them, mostly JSON.
        arguments: String,
    },
    /// What a tool gave. Pictures in it follow as parts of their own.
    ToolResult {
        /// Which call it answers.
        id: Option<String>,
        /// The tool's name, where it is told.
        name: Option<String>,
        /// Its texts, one per line.
        text: String,
        /// Whether the tool failed.
        is_error: bool,
    },
    /// A picture.
    Image {
        /// Where it is.
        source: Media,
    },
    /// Sound.
    Audio {
        /// The service's id, by which a later request refers to it.
        id: Option<String>,
        /// Where it is, when that is told.
        source: Option<Media>,
        /// What is said in it.
        transcript: Option<String>,
    },
    /// A document.
    File {
        /// Its name.
        name: Option<String>,
        /// Where it is, when that is told.
        source: Option<Media>,
    },
    /// Anything else as compact JSON, with `base64:…` in the place of long base64.
    Other(String),
}

/// One element of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// A speaker's own name.
    pub name: Option<String>,
    /// What is said, in order.
    pub parts: Vec<Part>,
    /// Something that clients may send back or leave out: reasoning, references, tools that the service runs itself.
    /// It takes no part in linking.
    pub aside: bool,
}

impl Message {
    fn new(role: Role, parts: Vec<Part>) -> Message {
        Message { role, name: None, parts, aside: false }
    }
}

/// Reads one element of a request's array of messages, of any API. What is no message becomes [`Part::Other`].
pub fn message(element: &[u8]) -> Message {
    role_message::read(element, element)
}

#[cfg(test)]
mod tests;
