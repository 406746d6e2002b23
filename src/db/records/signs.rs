//! What a record's texts show at a glance, kept in its row so that filters need not read them.
//!
//! **Invariant:** the bits of [`Marks`] never change their meaning: they are stored. **May import:** `openai`.

use std::ops::Range;

use crate::db::records::NewRecord;
use crate::openai::dialogue::signals;

/// Bits of the column `marks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i64)]
pub enum Marks {
    /// A tool was called, or its result brought back.
    Tool = 1,
    /// There is a picture.
    Image = 2,
    /// The model reasoned.
    Reasoning = 4,
    /// Bodies were recorded.
    Body = 8,
    /// It was sent again from the dashboard.
    Replay = 16,
    /// A body was not kept as a whole.
    Shortened = 32,
}

impl Marks {
    /// Whether it is set among `marks`.
    pub fn is_in(self, marks: i64) -> bool {
        marks & self as i64 != 0
    }
}

/// What the texts of a record show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signs {
    /// Why the reply ended.
    pub finish: Option<String>,
    /// Names of the tools called, separated by line ends.
    pub tools: Option<String>,
    /// Of [`Marks`].
    pub marks: i64,
}

pub(super) fn signs(record: &NewRecord, fresh: Option<Range<usize>>) -> Signs {
    let texts = &record.texts;
    let (body, reply) = (texts.body.as_deref().unwrap_or_default(), texts.response.as_deref().unwrap_or_default());
    let found = signals(&record.facts.path, body, fresh, reply);
    let shortened = [&texts.body_note, &texts.response_note]
        .into_iter()
        .flatten()
        .any(|note| ["cut", "not kept", "lost"].iter().any(|word| note.contains(word)));
    let marks = [
        (found.has_tool, Marks::Tool),
        (found.has_image, Marks::Image),
        (found.has_reasoning, Marks::Reasoning),
        (texts.body.is_some() || texts.response.is_some(), Marks::Body),
        (record.is_replay, Marks::Replay),
        (shortened, Marks::Shortened),
    ];
    let clean = |text: String| text.replace('\0', "\u{fffd}");
    Signs {
        finish: found.finish.map(clean),
        tools: (!found.tool_names.is_empty()).then(|| clean(found.tool_names.join("\n"))),
        marks: marks.into_iter().filter(|(is_set, _)| *is_set).map(|(_, mark)| mark as i64).sum(),
    }
}
