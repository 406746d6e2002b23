//! What was said, as blocks that a page prints: every part of every message, folded where it is long or beside the point.
//!
//! Start at [`request`] and [`reply`], which give messages, then [`Speaker::said`].
//! **Invariant:** no part is left out without a word about it; only Markdown is printed as HTML. **May import:** `openai`.

use std::ops::Range;

use crate::dashboard::frame::Frame;
use crate::dashboard::markdown;
use crate::dashboard::pages::indent::pretty;
use crate::dashboard::shown;
use crate::dashboard::words::Key;
use crate::openai::dialogue::{self, Media, Message, Part, Role, layout, message};
use crate::openai::scan::elements;
use crate::search::marks;
use crate::search::text::Term;

/// A text is shown up to here, until somebody asks for all of it.
const TEXT_BYTES: usize = 20 << 10;
/// All of it is this much; more is for the download.
const WHOLE_BYTES: usize = 1 << 20;
/// A page's texts and messages, at most.
const PAGE_BYTES: usize = 256 << 10;
const PAGE_MESSAGES: usize = 200;
/// The result of a tool is folded when it has more lines.
const OPEN_LINES: usize = 20;

/// A message as a page shows it.
pub(in crate::dashboard) struct Said {
    /// Class of its edge.
    pub(in crate::dashboard) class: &'static str,
    /// Who speaks, and under which name.
    pub(in crate::dashboard) who: String,
    pub(in crate::dashboard) blocks: Vec<Block>,
}

/// A part as a page shows it.
pub(in crate::dashboard) struct Block {
    /// What stands above it; of what is folded, all that is seen.
    pub(in crate::dashboard) title: String,
    pub(in crate::dashboard) folded: bool,
    /// Code, arguments, results.
    pub(in crate::dashboard) is_code: bool,
    /// Safe HTML, made of Markdown; else the pieces are shown.
    pub(in crate::dashboard) html: Option<String>,
    /// Text, and whether it was searched for.
    pub(in crate::dashboard) pieces: Vec<(String, bool)>,
    /// `20.0 KB of 3.1 MB`, when it is not all of it.
    pub(in crate::dashboard) cut: String,
}

/// The messages of a request's body, its instructions first. Empty when it has none.
pub(in crate::dashboard) fn request(path: &str, body: &[u8]) -> Vec<Message> {
    let places = layout(path, body);
    let mut all = Vec::new();
    let mut alone = |role: &str, value: &[u8]| {
        all.push(message(&[b"{\"role\":\"", role.as_bytes(), b"\",\"content\":", value, b"}"].concat()));
    };
    for place in &places.system {
        alone("system", &body[place.clone()]);
    }
    for place in &places.prompts {
        match body[place.clone()].first() {
            Some(b'[') => elements(body, place.clone()).for_each(|element| alone("user", &body[element])),
            _ => alone("user", &body[place.clone()]),
        }
    }
    if let Some(place) = &places.messages {
        all.extend(elements(body, place.clone()).map(|element| message(&body[element])));
    }
    if let Some(place) = &places.upload {
        let text = String::from_utf8_lossy(&body[place.clone()]).into_owned();
        all.push(Message { role: Role::User, name: None, parts: vec![Part::Other(text)], aside: false });
    }
    all
}

/// The messages of a reply; of several choices all, one after the other.
pub(in crate::dashboard) fn reply(body: &[u8]) -> Vec<Message> {
    dialogue::reply(body).into_iter().flatten().collect()
}

/// Puts messages of one page into words, up to the page's limits.
pub(in crate::dashboard) struct Speaker<'a> {
    f: &'a Frame,
    terms: Vec<&'a Term>,
    whole: bool,
    bytes_left: usize,
    messages_left: usize,
}

impl<'a> Speaker<'a> {
    /// `terms` are marked; `whole` shows texts of any length.
    pub(in crate::dashboard) fn new(f: &'a Frame, terms: Vec<&'a Term>, whole: bool) -> Speaker<'a> {
        let bytes_left = if whole { WHOLE_BYTES } else { PAGE_BYTES };
        Speaker { f, terms, whole, bytes_left, messages_left: PAGE_MESSAGES }
    }

    /// The messages as the page shows them, and how many it does not.
    pub(in crate::dashboard) fn said(&mut self, messages: &[Message]) -> (Vec<Said>, usize) {
        let mut all = Vec::new();
        for message in messages {
            if self.messages_left == 0 || self.bytes_left == 0 {
                break;
            }
            self.messages_left -= 1;
            all.push(self.one(message));
        }
        let left = messages.len() - all.len();
        (all, left)
    }

    /// What went wrong, in its own words.
    pub(in crate::dashboard) fn error(&mut self, text: &str) -> Said {
        let block = self.block(text, String::new());
        Said { class: "failed", who: self.f.t("said.error").to_owned(), blocks: vec![block] }
    }

    fn one(&mut self, message: &Message) -> Said {
        let (class, word) = match message.role {
            Role::System => ("system", Key("said.system")),
            Role::Developer => ("system", Key("said.developer")),
            Role::User => ("user", Key("said.user")),
            Role::Assistant => ("assistant", Key("said.assistant")),
            Role::Tool => ("tool", Key("said.tool")),
            Role::Other => ("tool", Key("said.other")),
        };
        let who = match &message.name {
            Some(name) => format!("{} · {name}", self.f.k(&word)),
            None => self.f.k(&word).to_owned(),
        };
        let blocks = message.parts.iter().map(|part| self.part(message.role, part)).collect();
        Said { class, who, blocks }
    }

    fn part(&mut self, role: Role, part: &Part) -> Block {
        let f = self.f;
        match part {
            Part::Text(text) if role == Role::Assistant => self.markdown(text),
            Part::Text(text) if matches!(role, Role::System | Role::Developer) => {
                Block { folded: true, ..self.block(text, f.tf("said.instructions", &[&size(text)])) }
            }
            Part::Text(text) => self.block(text, String::new()),
            Part::Refusal(text) => self.block(text, f.t("said.refusal").to_owned()),
            Part::Reasoning(text) if text.is_empty() => self.block("", f.t("said.secret").to_owned()),
            Part::Reasoning(text) => Block { folded: true, ..self.block(text, f.tf("said.reasoning", &[&size(text)])) },
            Part::ToolCall { id, name, arguments } => {
                let title = f.tf("said.call", &[name, &id.as_deref().unwrap_or("—")]);
                Block { is_code: true, ..self.block(&pretty(arguments), title) }
            }
            Part::ToolResult { id, name, text, is_error } => {
                let key = if *is_error { Key("said.result_failed") } else { Key("said.result") };
                let title =
                    f.tf(key.0, &[&name.as_deref().unwrap_or_default(), &id.as_deref().unwrap_or("—"), &size(text)]);
                let folded = text.lines().nth(OPEN_LINES).is_some();
                Block { is_code: true, folded, ..self.block(text, title) }
            }
            Part::Image { source } => self.block("", f.tf("said.image", &[&place(f, Some(source))])),
            Part::Audio { source, transcript, .. } => {
                let title = f.tf("said.audio", &[&place(f, source.as_ref())]);
                self.block(transcript.as_deref().unwrap_or_default(), title)
            }
            Part::File { name, source } => {
                let title = f.tf("said.file", &[&name.as_deref().unwrap_or_default(), &place(f, source.as_ref())]);
                self.block("", title)
            }
            Part::Other(json) => {
                Block { is_code: true, folded: true, ..self.block(&pretty(json), f.tf("said.part", &[&size(json)])) }
            }
        }
    }

    fn markdown(&mut self, text: &str) -> Block {
        let (text, cut) = self.bounded(text);
        let html = markdown::html(text, &|text| self.hits(text));
        Block { title: String::new(), folded: false, is_code: false, html: Some(html), pieces: Vec::new(), cut }
    }

    fn block(&mut self, text: &str, title: String) -> Block {
        let (text, cut) = self.bounded(text);
        let (mut pieces, mut at) = (Vec::new(), 0);
        let piece = |range: Range<usize>| text.get(range).unwrap_or_default().to_owned();
        for hit in self.hits(text) {
            pieces.push((piece(at..hit.start), false));
            at = hit.end;
            pieces.push((piece(hit), true));
        }
        pieces.push((piece(at..text.len()), false));
        Block { title, folded: false, is_code: false, html: None, pieces, cut }
    }

    fn hits(&self, text: &str) -> Vec<Range<usize>> {
        marks(text, self.terms.iter().copied())
    }

    /// As much of a text as may be shown, and what to say when that is not all.
    fn bounded<'t>(&mut self, text: &'t str) -> (&'t str, String) {
        let most = if self.whole { WHOLE_BYTES } else { TEXT_BYTES }.min(self.bytes_left);
        let end = if text.len() <= most {
            text.len()
        } else {
            (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
        };
        self.bytes_left -= end;
        let cut = if end < text.len() {
            self.f.tf("said.cut", &[&shown::bytes(end as i64), &size(text)])
        } else {
            String::new()
        };
        (&text[..end], cut)
    }
}

fn size(text: &str) -> String {
    shown::bytes(text.len() as i64)
}

/// Where a picture, sound or file is. An address is only told: nothing is loaded.
fn place(f: &Frame, source: Option<&Media>) -> String {
    const ADDRESS_CHARS: usize = 200;
    match source {
        Some(Media::Inline { mime, base64, .. }) => {
            format!("{mime} {}", shown::bytes(base64.len() as i64 / 4 * 3)).trim_start().to_owned()
        }
        Some(Media::Url(address)) => address.chars().take(ADDRESS_CHARS).collect(),
        Some(Media::Id(id)) => id.chars().take(ADDRESS_CHARS).collect(),
        None => f.t("said.elsewhere").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::said::{reply, request};
    use crate::openai::dialogue::{Part, Role};

    #[test]
    fn every_shape_of_request_becomes_messages_in_order() {
        let roles = |path: &str, body: &str| request(path, body.as_bytes()).iter().map(|m| m.role).collect::<Vec<_>>();
        let chat =
            r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"a"}]}]}"#;
        assert_eq!(roles("/v1/chat/completions", chat), [Role::System, Role::User]);
        let responses = r#"{"instructions":"be kind","input":"你好"}"#;
        assert_eq!(roles("/v1/responses", responses), [Role::System, Role::User]);
        let claude = r#"{"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":"u"}]}"#;
        assert_eq!(roles("/v1/messages", claude), [Role::System, Role::User]);
        let embedded = r#"{"model":"e","input":["one","two"]}"#;
        let texts = request("/v1/embeddings", embedded.as_bytes());
        assert_eq!(texts[1].parts, [Part::Text("two".to_owned())]);
        assert!(roles("/v1/x", "not json").is_empty());
    }

    #[test]
    fn every_choice_of_a_reply_is_there() {
        let body = r#"{"choices":[{"message":{"role":"assistant","content":"a"}},{"message":{"role":"assistant","content":"b"}}]}"#;
        assert_eq!(reply(body.as_bytes()).len(), 2);
    }
}
