//! What a record's texts show at a glance, kept in its row so that filters need not read them.
//!
//! **Invariant:** the bits of [`Marks`] never change their meaning: they are stored. **May import:** `openai`.

use std::ops::Range;

use crate::db::records::{Ending, Facts, NewRecord};
use crate::openai::dialogue::{Signals, signals};

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
    /// Something was taken out of a body.
    Redacted = 64,
}

impl Facts {
    /// Whether it went wrong: replies of 400 and above, what was cut, and a stream that told of an error after a good
    /// status. A caller that left is nobody's error. `IS_ERROR` says the same.
    pub fn is_error(&self) -> bool {
        let told = self.error.as_ref().is_some_and(|error| !error.is_empty());
        self.ending != Ending::Left && (self.status >= 400 || self.ending == Ending::Cut || told)
    }
}

/// [`Facts::is_error`] in SQL.
pub(super) const IS_ERROR: &str = "ending <> 'left' AND (status >= 400 OR ending = 'cut' OR coalesce(error, '') <> '')";

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

/// The signs of a record whose messages nobody has read yet; of its request only the messages in `fresh`, or all.
pub(super) fn read(record: &NewRecord, fresh: Option<Range<usize>>) -> Signs {
    let texts = &record.texts;
    let (body, reply) = (texts.body.as_deref().unwrap_or_default(), texts.response.as_deref().unwrap_or_default());
    signs(record, signals(&record.facts.path, body, fresh, reply))
}

/// The signs of a record of which it is known what it shows.
pub(super) fn signs(record: &NewRecord, found: Signals) -> Signs {
    let texts = &record.texts;
    let shortened = [&texts.body_note, &texts.response_note]
        .into_iter()
        .flatten()
        .any(|note| ["cut", "not kept", "lost"].iter().any(|word| note.contains(word)));
    let notes = [&texts.body_note, &texts.response_note].into_iter().flatten();
    let redacted = notes.flat_map(|note| note.split(", ")).any(|note| note == "redacted");
    let marks = [
        (found.has_tool, Marks::Tool),
        (found.has_image, Marks::Image),
        (found.has_reasoning, Marks::Reasoning),
        (texts.body.is_some() || texts.response.is_some(), Marks::Body),
        (record.replay_of.is_some(), Marks::Replay),
        (shortened, Marks::Shortened),
        (redacted, Marks::Redacted),
    ];
    let clean = |text: String| text.replace('\0', "\u{fffd}");
    Signs {
        finish: found.finish.map(clean),
        tools: (!found.tool_names.is_empty()).then(|| clean(found.tool_names.join("\n"))),
        marks: marks.into_iter().filter(|(is_set, _)| *is_set).map(|(_, mark)| mark as i64).sum(),
    }
}

#[cfg(test)]
mod tests {
    use crate::db::records::thread::{Meanings, Seen, Thread};
    use crate::openai::dialogue::signals;

    #[test]
    fn a_thread_shows_what_its_record_shows_wherever_it_is_cut() {
        let bodies = [
            r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]},{"role":"assistant","content":"a"},{"role":"tool","tool_call_id":"1","content":"r"},{"role":"user","content":"b"}],"model":"m"}"#,
            r#"{"input":[{"type":"function_call_output","call_id":"1","output":"r"},{"role":"user","content":[{"type":"input_image","image_url":"https://x/y.png"}]}],"model":"m"}"#,
            r#"{"prompt":["a","b"],"model":"m"}"#,
            r#"{"model":"m"}"#,
        ];
        let replies = [
            r#"{"choices":[{"message":{"role":"assistant","content":"a","reasoning_content":"b","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#,
            r#"{"error":{"message":"no"}}"#,
        ];
        let (mut told, mut with_tool, mut with_image) = (0, 0, 0);
        for (body, reply) in bodies.iter().flat_map(|body| replies.map(|reply| (body.as_bytes(), reply.as_bytes()))) {
            for body in (0..=body.len()).map(|end| &body[..end]) {
                let seen = Seen { key: ("", ""), path: "", body, reply, session: None, answered: true };
                let thread = Thread::read(&seen, &mut Meanings::default());
                for fresh in (0..=thread.len()).map(|known| thread.fresh(known)).chain([None]) {
                    if let Some(found) = thread.signals(fresh.as_ref()) {
                        (told, with_image) = (told + 1, with_image + u32::from(found.has_image));
                        with_tool += u32::from(found.has_tool);
                        assert_eq!(found, signals("", body, fresh, reply), "{}", String::from_utf8_lossy(body));
                    }
                }
            }
        }
        assert!(with_image > 20 && with_tool > with_image && told > with_tool, "{told} {with_tool} {with_image}");
    }
}
