//! What a record can be filtered by: tools, pictures, reasoning, and why the model stopped.
//!
//! Start reading at [`signals`].
//!
//! **Invariant:** nothing here guesses from words. **May import:** std, `openai::dialogue`.

use std::collections::HashSet;
use std::ops::Range;

use crate::openai::dialogue::strings::mended;
use crate::openai::dialogue::texts::messages;
use crate::openai::dialogue::{Part, layout, message, parts, reply};

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

/// Reads the signals of a request and its reply. Of the request only the messages in `fresh`, or all.
pub fn signals(path: &str, body: &[u8], fresh: Option<Range<usize>>, reply_body: &[u8]) -> Signals {
    let mut signals = Signals::default();
    let body = &*mended(body);
    let layout = layout(path, body);
    let mut asked = Vec::new();
    for range in &layout.prompts {
        parts::content(body, &body[range.clone()], 0, &mut asked);
    }
    asked.extend(messages(body, &layout, fresh).flat_map(|range| message(&body[range]).parts));
    for part in &asked {
        signals.has_tool |= matches!(part, Part::ToolResult { .. });
        signals.has_image |= matches!(part, Part::Image { .. });
    }
    let reading = reply::read(reply_body);
    let mut seen = HashSet::new();
    signals.finish = reading.finish;
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
    signals
}
