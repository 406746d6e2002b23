//! A message as blocks, one per part: folded, marked, cut. Start at [`Writer::run`].
//!
//! **Invariant:** what is left out is told; there is an end to what is shown. **May import:** `openai`, `search`.

use std::collections::HashMap;

use crate::dashboard::pages::indent::pretty;
use crate::dashboard::pages::requests::block::{Block, Body, Run, Said};
use crate::dashboard::pages::requests::hits::{Failure, Hits, Seeker};
use crate::dashboard::pages::requests::said::beginning;
use crate::dashboard::shown;
use crate::dashboard::words::Key;
use crate::openai::dialogue::{Media, Message, Part, Role};
use crate::search::{Query, Side};

/// Messages shown, their text, and the text of one part, unless everything is asked for.
const MESSAGES: usize = 200;
const BYTES: usize = 256 << 10;
const PART_BYTES: usize = 20 << 10;
/// The same when everything is asked for: a browser must live through it.
const ALL_MESSAGES: usize = 2_000;
const ALL_BYTES: usize = 8 << 20;
/// How much of a tool's result stands in one line.
const PREVIEW_BYTES: usize = 200;
/// Lines of a tool's result, or of JSON, that are not folded.
const LINES: usize = 20;

pub(in crate::dashboard::pages) fn media(part: &Part) -> Option<&Media> {
    match part {
        Part::Image { source } => Some(source),
        Part::Audio { source, .. } | Part::File { source, .. } => source.as_ref(),
        _ => None,
    }
}

/// About how much text there is in a part.
fn text_bytes(part: &Part) -> usize {
    match part {
        Part::Text(text) | Part::Refusal(text) | Part::Reasoning(text) | Part::Other(text) => text.len(),
        Part::ToolCall { arguments, .. } => arguments.len(),
        Part::ToolResult { text, .. } => text.len(),
        Part::Audio { transcript, .. } => transcript.as_ref().map_or(0, String::len),
        Part::Image { .. } | Part::File { .. } => 0,
    }
}

pub(in crate::dashboard::pages) struct Writer<'a> {
    seeker: Seeker<'a>,
    part_bytes: usize,
    left_messages: usize,
    left_bytes: usize,
    /// Bytes of text of the message at hand, shown or not.
    bytes: usize,
    /// Markdown stays as it was written.
    is_plain: bool,
    /// Calls of tools by their ids, in their order: the tool, and the message. Some programs use an id again.
    calls: HashMap<String, Vec<(String, usize)>>,
}

impl Writer<'_> {
    /// A writer that marks the hits of `query`, and has room for all or for what is good for a page; `plain` leaves
    /// Markdown as it was written.
    pub(in crate::dashboard::pages) fn new<'q>(query: &'q Query, all: bool, plain: bool) -> Writer<'q> {
        Writer {
            seeker: Seeker::new(query),
            part_bytes: if all { ALL_BYTES } else { PART_BYTES },
            left_messages: if all { ALL_MESSAGES } else { MESSAGES },
            left_bytes: if all { ALL_BYTES } else { BYTES },
            bytes: 0,
            is_plain: plain,
            calls: HashMap::new(),
        }
    }

    /// The hits of the search in all that was written.
    pub(in crate::dashboard::pages) fn hits(self) -> Hits {
        self.seeker.hits()
    }

    /// What went wrong, see [`Seeker::fault`].
    pub(in crate::dashboard::pages) fn fault(&mut self, text: &str, number: usize) -> Failure {
        self.seeker.fault(text, number)
    }

    /// Hits so far in what is not shown.
    pub(in crate::dashboard::pages) fn unseen(&self) -> usize {
        self.seeker.unseen
    }

    /// Takes note of every call of a tool in messages from number `first` on, so that results find them.
    pub(in crate::dashboard::pages) fn note_calls<'m>(
        &mut self,
        messages: impl Iterator<Item = &'m Message>,
        first: usize,
    ) {
        for (number, said) in (first..).zip(messages) {
            for part in &said.parts {
                if let Part::ToolCall { id: Some(id), name, .. } = part {
                    self.calls.entry(id.clone()).or_default().push((name.clone(), number));
                }
            }
        }
    }

    /// The call that a result in message `number` answers: the nearest one before it.
    fn call(&self, id: Option<&String>, number: usize) -> Option<&(String, usize)> {
        let calls = self.calls.get(id?)?;
        calls.iter().rfind(|(_, called)| *called <= number).or(calls.first())
    }

    /// What tools gave in messages from number `first` on, for one line: their names where the calls are known, and the
    /// first words.
    pub(in crate::dashboard::pages) fn results(&self, messages: &[Message], first: usize) -> Option<String> {
        let (mut names, mut words) = (Vec::new(), "");
        let parts =
            (first..).zip(messages).flat_map(|(number, said)| said.parts.iter().map(move |part| (number, part)));
        for (number, part) in parts {
            if let Part::ToolResult { id, name, text, .. } = part {
                let known = self.call(id.as_ref(), number).map(|(name, _)| name);
                names.extend(name.as_ref().or(known).filter(|name| !names.contains(name)));
                words = if words.is_empty() { text.trim() } else { words };
            }
        }
        let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
        let words: Vec<&str> = beginning(words, PREVIEW_BYTES).split_whitespace().collect();
        let told: Vec<String> =
            [names.join(", "), words.join(" ")].into_iter().filter(|told| !told.is_empty()).collect();
        Some(told.join(": ")).filter(|told| !told.is_empty())
    }

    /// Messages from number `first` on; when there is no room for all, as many of the last as of the first. `blobs` are
    /// the numbers of their first contents that are not text.
    pub(in crate::dashboard::pages) fn run(&mut self, messages: &[Message], first: usize, blobs: &[usize]) -> Run {
        let aside = if self.fits(messages) { (0, 0) } else { (self.left_messages / 2, self.left_bytes / 2) };
        (self.left_messages, self.left_bytes) = (self.left_messages - aside.0, self.left_bytes - aside.1);
        let mut run = Run::default();
        let mut numbered = (first..).zip(messages).zip(blobs).map(|((number, said), blob)| (said, number, *blob));
        let mut rest: Vec<(&Message, usize, usize)> = Vec::new();
        while self.has_room()
            && let Some((said, number, blob)) = numbered.next()
        {
            run.begin.push(self.said(said, number, blob));
        }
        rest.extend(numbered);
        (self.left_messages, self.left_bytes) = (self.left_messages + aside.0, self.left_bytes + aside.1);
        while self.has_room()
            && let Some((said, number, blob)) = rest.pop()
        {
            run.end.push(self.said(said, number, blob));
        }
        run.end.reverse();
        run.hidden = rest.len();
        if self.seeker.seeks() {
            let left = std::mem::take(&mut self.left_bytes);
            // Without room nothing is shown of them, and their hits are counted.
            rest.iter().for_each(|(said, number, blob)| drop(self.said(said, *number, *blob)));
            self.left_bytes = left;
        }
        run
    }

    fn has_room(&self) -> bool {
        self.left_messages > 0 && self.left_bytes > 0
    }

    /// Whether there is room for all of these.
    fn fits(&self, messages: &[Message]) -> bool {
        let bytes = messages.iter().flat_map(|said| &said.parts).map(|part| text_bytes(part).min(self.part_bytes));
        messages.len() <= self.left_messages && bytes.sum::<usize>() <= self.left_bytes
    }

    /// A message. `blob` is the number of its first content that is not text.
    fn said(&mut self, said: &Message, number: usize, mut blob: usize) -> Said {
        self.left_messages = self.left_messages.saturating_sub(1);
        let (class, role, side) = match said.role {
            Role::System => ("system", Key("role.system"), Side::System),
            Role::Developer => ("system", Key("role.developer"), Side::System),
            Role::User => ("user", Key("role.user"), Side::User),
            Role::Assistant => ("assistant", Key("role.assistant"), Side::Assistant),
            Role::Tool => ("tool", Key("role.tool"), Side::User),
            Role::Other => ("other", Key("role.other"), Side::User),
        };
        let hits = self.seeker.count;
        self.bytes = 0;
        let blocks = said.parts.iter().map(|part| self.block(part, number, (said.role, side), &mut blob)).collect();
        self.seeker.note(number, role, hits);
        Said { number, class, role, name: said.name.clone().unwrap_or_default(), bytes: self.bytes, blocks }
    }

    fn block(&mut self, part: &Part, number: usize, (role, side): (Role, Side), blob: &mut usize) -> Block {
        let mut block = Block {
            class: "text",
            label: None,
            detail: String::new(),
            link: String::new(),
            folded: matches!(role, Role::System | Role::Developer),
            open: false,
            body: Body::Nothing,
            pair: None,
            rest: 0,
        };
        let before = self.seeker.count;
        match part {
            Part::Text(text) if role == Role::Assistant && !self.is_plain => self.rich(&mut block, text),
            Part::Text(text) => self.plain(&mut block, text, side),
            Part::Refusal(text) => {
                (block.class, block.label) = ("refusal", Some(Key("part.refusal")));
                self.plain(&mut block, text, side);
            }
            Part::Reasoning(text) => {
                (block.class, block.label, block.folded) = ("reasoning", Some(Key("part.reasoning")), true);
                if text.is_empty() {
                    (block.label, block.folded) = (Some(Key("part.reasoning_secret")), false);
                } else {
                    self.plain(&mut block, text, side);
                }
            }
            Part::ToolCall { id, name, arguments } => {
                (block.class, block.label) = ("call", Some(Key("part.call")));
                block.detail = format!("{name} {}", id.as_deref().unwrap_or_default());
                self.plain(&mut block, &pretty(arguments), Side::Assistant);
            }
            Part::ToolResult { id, name, text, is_error } => {
                let known = self.call(id.as_ref(), number).cloned();
                (block.class, block.label) = ("result", Some(Key("part.result")));
                if *is_error {
                    (block.class, block.label) = ("result failed", Some(Key("part.result_error")));
                }
                let name = name.clone().or_else(|| known.as_ref().map(|(name, _)| name.clone()));
                block.detail = format!("{} {}", name.unwrap_or_default(), id.as_deref().unwrap_or_default());
                block.pair = known.map(|(_, number)| number);
                block.folded = text.lines().count() > LINES;
                self.plain(&mut block, text, side);
            }
            Part::Image { source } => self.media(&mut block, Key("part.image"), Some(source), String::new(), blob),
            Part::Audio { id, source, transcript } => {
                let detail = id.clone().unwrap_or_default();
                self.media(&mut block, Key("part.audio"), source.as_ref(), detail, blob);
                if let Some(transcript) = transcript {
                    self.plain(&mut block, transcript, side);
                }
            }
            Part::File { name, source } => {
                self.media(&mut block, Key("part.file"), source.as_ref(), name.clone().unwrap_or_default(), blob);
            }
            Part::Other(json) => {
                let json = pretty(json);
                (block.class, block.label) = ("other", Some(Key("part.other")));
                block.folded = json.lines().count() > LINES;
                self.plain(&mut block, &json, side);
            }
        }
        block.open = self.seeker.count > before;
        block
    }

    /// Text as far as there is room, and how many bytes are left out.
    fn cut<'t>(&mut self, text: &'t str, side: Side) -> (&'t str, usize) {
        let shown = beginning(text, self.part_bytes.min(self.left_bytes));
        self.left_bytes -= shown.len();
        self.bytes += text.len();
        self.seeker.beyond(shown, text, side);
        (shown, text.len() - shown.len())
    }

    fn plain(&mut self, block: &mut Block, text: &str, side: Side) {
        let (shown, rest) = self.cut(text, side);
        (block.body, block.rest) = (Body::Plain(self.seeker.plain(shown, side)), rest);
    }

    fn rich(&mut self, block: &mut Block, text: &str) {
        let (shown, rest) = self.cut(text, Side::Assistant);
        (block.body, block.rest) = (Body::Html(self.seeker.rich(shown)), rest);
    }

    fn media(&mut self, block: &mut Block, label: Key, source: Option<&Media>, detail: String, blob: &mut usize) {
        (block.class, block.label, block.detail) = ("media", Some(label), detail);
        match source {
            Some(Media::Inline { mime, base64, .. }) => {
                let size = shown::bytes((base64.len() * 3 / 4) as i64);
                block.detail = format!("{} {mime} {size}", block.detail).trim().to_owned();
                if label == Key("part.image") {
                    block.body = Body::Picture(*blob);
                }
                *blob += 1;
            }
            Some(Media::Url(address)) if address.starts_with("https://") || address.starts_with("http://") => {
                block.link = beginning(address, 2_000).to_owned();
            }
            Some(Media::Url(address)) => block.detail = format!("{} {}", block.detail, beginning(address, 2_000)),
            Some(Media::Id(id)) => block.detail = format!("{} {id}", block.detail),
            None => {}
        }
    }
}
