//! What a record can be filtered by: tools, pictures, reasoning, and why the model stopped.
//!
//! Start reading at [`signals`].
//!
//! **Invariant:** nothing here guesses from words. **May import:** std, `openai::dialogue`.

use std::collections::HashSet;
use std::ops::Range;

use crate::openai::dialogue::strings::mended;
use crate::openai::dialogue::texts::messages;
use crate::openai::dialogue::{Layout, Message, Part, layout, message, parts, reply};

/// What happened in a request and its reply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signals {
    /// The tools that the reply calls, each once, in order.
    pub tool_names: Vec<String>,
    /// Why the model stopped: `finish_reason`, `stop_reason`, or of a response its `status`, and what made it incomplete.
    pub finish: Option<String>,
    /// The reply calls tools, or the messages looked at hold results of tools.
    pub has_tool: bool,
    /// The messages looked at, or the reply, hold a picture.
    pub has_image: bool,
    /// The reply shows that the model reasoned.
    pub has_reasoning: bool,
}

/// What a message of a request shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shown {
    /// It holds the result of a tool.
    pub has_tool: bool,
    /// It holds a picture.
    pub has_image: bool,
}

impl Shown {
    /// What a message shows.
    pub fn by(message: &Message) -> Shown {
        Shown::in_parts(&message.parts)
    }

    /// What the prompts of a request show that are no messages.
    pub fn by_prompts(body: &[u8], layout: &Layout) -> Shown {
        let mut asked = Vec::new();
        for range in &layout.prompts {
            parts::content(body, &body[range.clone()], 0, &mut asked);
        }
        Shown::in_parts(&asked)
    }

    fn in_parts(parts: &[Part]) -> Shown {
        Shown {
            has_tool: parts.iter().any(|part| matches!(part, Part::ToolResult { .. })),
            has_image: parts.iter().any(|part| matches!(part, Part::Image { .. })),
        }
    }
}

impl Signals {
    /// Adds what a part of the request shows.
    pub fn add(&mut self, shown: Shown) {
        self.has_tool |= shown.has_tool;
        self.has_image |= shown.has_image;
    }
}

/// Reads the signals of a request and its reply. Of the request only the messages in `fresh`, or all.
pub fn signals(path: &str, body: &[u8], fresh: Option<Range<usize>>, reply_body: &[u8]) -> Signals {
    let (mut signals, _) = reply_signals(reply_body);
    let body = &*mended(body);
    let layout = layout(path, body);
    signals.add(Shown::by_prompts(body, &layout));
    for range in messages(body, &layout, fresh) {
        signals.add(Shown::by(&message(&body[range])));
    }
    signals
}

/// The signals of a reply alone, with its messages as [`super::reply()`] gives them: read once for both.
pub fn reply_signals(reply_body: &[u8]) -> (Signals, Vec<Vec<Message>>) {
    let reading = reply::read(reply_body);
    let mut signals = Signals { finish: reading.finish, ..Signals::default() };
    let mut seen = HashSet::new();
    for part in reading.choices.iter().flatten().flat_map(|message| &message.parts) {
        match part {
            Part::ToolCall { name, .. } => {
                signals.has_tool = true;
                if seen.insert(name) {
                    signals.tool_names.push(name.clone());
                }
            }
            Part::Image { .. } => signals.has_image = true,
            Part::Reasoning(_) => signals.has_reasoning = true,
            _ => {}
        }
    }
    (signals, reading.choices)
}
