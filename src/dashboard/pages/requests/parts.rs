//! A message as blocks, one per part: folded, marked, cut. Start at [`Writer::said`].
//!
//! **Invariant:** what is left out is told; there is an end to what is shown. **May import:** `openai`, `search`.

use std::collections::HashMap;

use crate::dashboard::pages::indent::pretty;
use crate::dashboard::pages::requests::said::{Piece, beginning, markdown, pieces};
use crate::dashboard::words::Key;
use crate::openai::dialogue::{Media, Message, Part, Role};
use crate::search::text::Term;
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
/// Messages with hits that are led to.
const LINKED: usize = 50;
/// Lines of a tool's result that are not folded.
const LINES: usize = 20;

/// What stands in a block.
pub(in crate::dashboard::pages) enum Body {
    Plain(Vec<Piece>),
    Html(String),
    /// A picture in the record, by its number.
    Picture(usize),
    Nothing,
}

/// A part of a message.
pub(in crate::dashboard::pages) struct Block {
    pub(in crate::dashboard::pages) class: &'static str,
    pub(in crate::dashboard::pages) label: Option<Key>,
    /// What belongs to the label: a tool's name, an address, an id.
    pub(in crate::dashboard::pages) detail: String,
    /// An address elsewhere: a link to be clicked, never loaded.
    pub(in crate::dashboard::pages) link: String,
    pub(in crate::dashboard::pages) folded: bool,
    pub(in crate::dashboard::pages) open: bool,
    pub(in crate::dashboard::pages) body: Body,
    /// The message of the tool's call or result.
    pub(in crate::dashboard::pages) pair: Option<usize>,
    /// Bytes that are not shown.
    pub(in crate::dashboard::pages) rest: usize,
}

/// A message.
pub(in crate::dashboard::pages) struct Said {
    pub(in crate::dashboard::pages) number: usize,
    pub(in crate::dashboard::pages) class: &'static str,
    pub(in crate::dashboard::pages) role: Key,
    pub(in crate::dashboard::pages) name: String,
    pub(in crate::dashboard::pages) bytes: usize,
    pub(in crate::dashboard::pages) blocks: Vec<Block>,
}

/// A message in which the search has hits.
pub(in crate::dashboard::pages) struct Place {
    pub(in crate::dashboard::pages) number: usize,
    pub(in crate::dashboard::pages) role: Key,
    pub(in crate::dashboard::pages) hits: usize,
}

/// The hits of a search in what a page shows.
#[derive(Default)]
pub(in crate::dashboard::pages) struct Hits {
    pub(in crate::dashboard::pages) count: usize,
    /// The first messages that have some, in their order.
    pub(in crate::dashboard::pages) places: Vec<Place>,
    /// Further messages that have some.
    pub(in crate::dashboard::pages) more: usize,
}

pub(in crate::dashboard::pages) fn media(part: &Part) -> Option<&Media> {
    match part {
        Part::Image { source } => Some(source),
        Part::Audio { source, .. } | Part::File { source, .. } => source.as_ref(),
        _ => None,
    }
}

pub(in crate::dashboard::pages) struct Writer<'a> {
    terms: Vec<(Side, &'a Term)>,
    part_bytes: usize,
    left_messages: usize,
    left_bytes: usize,
    /// Markdown stays as it was written.
    is_plain: bool,
    /// Calls of tools by their ids: the tool, and the message.
    calls: HashMap<String, (String, usize)>,
    hits: usize,
    places: Vec<Place>,
}

impl Writer<'_> {
    /// A writer that marks the hits of `query`, and has room for all or for what is good for a page; `plain` leaves
    /// Markdown as it was written.
    pub(in crate::dashboard::pages) fn new<'q>(query: &'q Query, all: bool, plain: bool) -> Writer<'q> {
        Writer {
            terms: query.texts().collect(),
            part_bytes: if all { ALL_BYTES } else { PART_BYTES },
            left_messages: if all { ALL_MESSAGES } else { MESSAGES },
            left_bytes: if all { ALL_BYTES } else { BYTES },
            is_plain: plain,
            calls: HashMap::new(),
            hits: 0,
            places: Vec::new(),
        }
    }

    /// The hits of the search in all that was written.
    pub(in crate::dashboard::pages) fn hits(self) -> Hits {
        let Writer { hits: count, mut places, .. } = self;
        places.sort_by_key(|place| place.number);
        let more = places.len().saturating_sub(LINKED);
        places.truncate(LINKED);
        Hits { count, places, more }
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
                    self.calls.insert(id.clone(), (name.clone(), number));
                }
            }
        }
    }

    /// What tools gave, for one line: their names where the calls are known, and the first words.
    pub(in crate::dashboard::pages) fn results(&self, messages: &[Message]) -> Option<String> {
        let (mut names, mut words) = (Vec::new(), "");
        for part in messages.iter().flat_map(|message| &message.parts) {
            if let Part::ToolResult { id, name, text, .. } = part {
                let known = id.as_ref().and_then(|id| self.calls.get(id)).map(|(name, _)| name);
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

    /// A message; nothing when there is no room for more. `blob` is the number of its first content that is not text.
    pub(in crate::dashboard::pages) fn said(&mut self, said: &Message, number: usize, mut blob: usize) -> Option<Said> {
        if self.left_messages == 0 || self.left_bytes == 0 {
            return None;
        }
        self.left_messages -= 1;
        let (class, role, side) = match said.role {
            Role::System => ("system", Key("role.system"), Side::System),
            Role::Developer => ("system", Key("role.developer"), Side::System),
            Role::User => ("user", Key("role.user"), Side::User),
            Role::Assistant => ("assistant", Key("role.assistant"), Side::Assistant),
            Role::Tool => ("tool", Key("role.tool"), Side::User),
            Role::Other => ("other", Key("role.other"), Side::User),
        };
        let (hits, left) = (self.hits, self.left_bytes);
        let blocks = said.parts.iter().map(|part| self.block(part, said.role, side, &mut blob)).collect();
        if self.hits > hits {
            self.places.push(Place { number, role, hits: self.hits - hits });
        }
        Some(Said {
            number,
            class,
            role,
            name: said.name.clone().unwrap_or_default(),
            bytes: left - self.left_bytes,
            blocks,
        })
    }

    fn block(&mut self, part: &Part, role: Role, side: Side, blob: &mut usize) -> Block {
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
        let before = self.hits;
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
                let known = id.as_ref().and_then(|id| self.calls.get(id)).cloned();
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
                (block.class, block.label) = ("other", Some(Key("part.other")));
                self.plain(&mut block, &pretty(json), side);
            }
        }
        block.open = self.hits > before;
        block
    }

    /// Text as far as there is room, and how many bytes are left out.
    fn cut<'t>(&mut self, text: &'t str) -> (&'t str, usize) {
        let shown = beginning(text, self.part_bytes.min(self.left_bytes));
        self.left_bytes -= shown.len();
        (shown, text.len() - shown.len())
    }

    fn terms_of(&self, side: Side) -> Vec<&Term> {
        self.terms.iter().filter(|(of, _)| *of == Side::Any || *of == side).map(|(_, term)| *term).collect()
    }

    fn plain(&mut self, block: &mut Block, text: &str, side: Side) {
        let (shown, rest) = self.cut(text);
        let (pieces, hits) = pieces(shown, &self.terms_of(side));
        self.hits += hits;
        (block.body, block.rest) = (Body::Plain(pieces), rest);
    }

    fn rich(&mut self, block: &mut Block, text: &str) {
        let (shown, rest) = self.cut(text);
        let (html, hits) = markdown(shown, &self.terms_of(Side::Assistant));
        self.hits += hits;
        (block.body, block.rest) = (Body::Html(html), rest);
    }

    fn media(&mut self, block: &mut Block, label: Key, source: Option<&Media>, detail: String, blob: &mut usize) {
        (block.class, block.label, block.detail) = ("media", Some(label), detail);
        match source {
            Some(Media::Inline { mime, base64, .. }) => {
                let kib = (base64.len() * 3 / 4).div_ceil(1024);
                block.detail = format!("{} {mime} {kib} KiB", block.detail).trim().to_owned();
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
