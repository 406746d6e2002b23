//! What models write, as HTML: Markdown becomes elements, everything else stays text. Start at [`html`].
//!
//! Two walls: HTML in the text is turned into text before any is made, and what was made passes a list of elements and
//! attributes. A picture becomes a link to it, so that reading a message calls nobody.
//!
//! **Invariant:** the result holds no element that loads, runs, styles or frames anything, and no link that is not `http`, `https`
//! or `mailto`; templates may print it as it is. **May import:** nothing of the crate.

use std::ops::Range;
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};
use pulldown_cmark::html::push_html;
use pulldown_cmark::{CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, TextMergeStream};

/// Elements inside of elements; what is deeper keeps its text only. Browsers slow down on thousands.
const MOST_DEPTH: usize = 24;
/// Of a picture without words, this much of its address is shown.
const ADDRESS_CHARS: usize = 80;
/// Text without an element in it, in bytes: the time in which a browser lays out a line grows with its square.
const RUN_BYTES: usize = 4 << 10;

const TAGS: [&str; 25] = [
    "a",
    "blockquote",
    "br",
    "code",
    "del",
    "em",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "strong",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
    "wbr",
];

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = Builder::empty();
    cleaner
        .tags(TAGS.into())
        .tag_attributes([("a", ["href", "title"].into()), ("ol", ["start"].into())].into())
        .generic_attributes([].into())
        .url_schemes(["http", "https", "mailto"].into())
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"));
    cleaner
});

/// Markdown (CommonMark with tables, strike-through and task lists) as safe HTML. `find` gives the ranges of a text that are to
/// be marked, in order and not overlapping, like [`crate::search::marks()`] does.
pub(super) fn html(text: &str, find: &dyn Fn(&str) -> Vec<Range<usize>>) -> String {
    let parser =
        Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS);
    let mut events = Vec::new();
    let mut walk = Walk::default();
    for event in parser {
        walk.take(event, &mut events);
    }
    let marked = TextMergeStream::new(events.into_iter()).flat_map(|event| match event {
        Event::Text(text) => with_marks(text, find),
        Event::Code(text) => with_marks_in_code(text, find),
        other => vec![other],
    });
    let mut out = String::with_capacity(text.len() * 2);
    push_html(&mut out, marked);
    CLEANER.clean(&out).to_string()
}

/// What is open, and whether it is kept.
#[derive(Default)]
struct Walk<'a> {
    kept: Vec<bool>,
    depth: usize,
    links: usize,
    /// The address of the picture that is open, while it has no words.
    wordless: Option<CowStr<'a>>,
}

impl<'a> Walk<'a> {
    fn take(&mut self, event: Event<'a>, out: &mut Vec<Event<'a>>) {
        match event {
            Event::Start(tag) => self.open(tag, out),
            Event::End(tag) => self.close(tag, out),
            // The first wall: HTML is text.
            Event::Html(text) | Event::InlineHtml(text) => self.say(Event::Text(text), out),
            Event::TaskListMarker(done) => self.say(Event::Text(if done { "☑ " } else { "☐ " }.into()), out),
            other => self.say(other, out),
        }
    }

    fn say(&mut self, event: Event<'a>, out: &mut Vec<Event<'a>>) {
        self.wordless = None;
        out.push(event);
    }

    fn open(&mut self, tag: Tag<'a>, out: &mut Vec<Event<'a>>) {
        let is_link = matches!(tag, Tag::Link { .. } | Tag::Image { .. });
        let tag = match tag {
            Tag::HtmlBlock => Some(Tag::Paragraph),
            Tag::Image { dest_url, .. } => {
                self.wordless = Some(dest_url.clone());
                Some(Tag::Link { link_type: LinkType::Inline, dest_url, title: "".into(), id: "".into() })
            }
            // The page has headings of its own above these.
            Tag::Heading { level, .. } => {
                Some(Tag::Heading { level: lowered(level), id: None, classes: Vec::new(), attrs: Vec::new() })
            }
            other => Some(other),
        };
        // No link inside of a link; a table cannot lose one of its rows.
        let fits = self.depth < MOST_DEPTH || matches!(tag, Some(Tag::TableHead | Tag::TableRow | Tag::TableCell));
        let is_kept = fits && !(is_link && self.links > 0);
        self.kept.push(is_kept);
        self.links += usize::from(is_link);
        if is_kept {
            self.depth += 1;
            out.extend(tag.map(Event::Start));
        }
    }

    fn close(&mut self, tag: TagEnd, out: &mut Vec<Event<'a>>) {
        if matches!(tag, TagEnd::Image)
            && let Some(address) = self.wordless.take()
        {
            let address: String = address.chars().take(ADDRESS_CHARS).collect();
            out.push(Event::Text(address.into()));
        }
        let is_link = matches!(tag, TagEnd::Link | TagEnd::Image);
        self.links = self.links.saturating_sub(usize::from(is_link));
        if self.kept.pop() == Some(true) {
            self.depth -= 1;
            out.push(Event::End(match tag {
                TagEnd::HtmlBlock => TagEnd::Paragraph,
                TagEnd::Image => TagEnd::Link,
                TagEnd::Heading(level) => TagEnd::Heading(lowered(level)),
                other => other,
            }));
        }
    }
}

fn lowered(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 | HeadingLevel::H2 => HeadingLevel::H4,
        HeadingLevel::H3 => HeadingLevel::H5,
        HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H6,
    }
}

/// A text in runs that a browser lays out in no time, parted at white space where there is some. Between them belongs a
/// `<wbr>`, which is neither seen nor copied.
pub(super) fn runs(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let mut end = text.len();
        if end > RUN_BYTES {
            end = (1..=RUN_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(end);
            let space = text[..end].char_indices().rev().take(RUN_BYTES / 4).find(|(_, c)| c.is_whitespace());
            end = space.map_or(end, |(at, c)| at + c.len_utf8());
        }
        let (run, rest) = text.split_at(end);
        text = rest;
        (!run.is_empty()).then_some(run)
    })
}

/// A text in runs, with `<mark>` around what was searched for.
fn with_marks<'a>(text: CowStr<'a>, find: &dyn Fn(&str) -> Vec<Range<usize>>) -> Vec<Event<'a>> {
    let marks = find(&text);
    if marks.is_empty() && text.len() <= RUN_BYTES {
        return vec![Event::Text(text)];
    }
    let mut events = Vec::new();
    let push = |range: Range<usize>, events: &mut Vec<Event<'a>>| {
        for (at, run) in runs(text.get(range).unwrap_or_default()).enumerate() {
            events.extend((at > 0).then(|| Event::InlineHtml("<wbr>".into())));
            events.push(Event::Text(run.to_owned().into()));
        }
    };
    let mut at = 0;
    for mark in marks {
        push(at..mark.start, &mut events);
        events.push(Event::InlineHtml("<mark>".into()));
        push(mark.clone(), &mut events);
        events.push(Event::InlineHtml("</mark>".into()));
        at = mark.end;
    }
    push(at..text.len(), &mut events);
    events
}

/// The same inside of code, which the writer of HTML takes as one text only.
fn with_marks_in_code<'a>(text: CowStr<'a>, find: &dyn Fn(&str) -> Vec<Range<usize>>) -> Vec<Event<'a>> {
    let mut events = with_marks(text, find);
    events.insert(0, Event::InlineHtml("<code>".into()));
    events.push(Event::InlineHtml("</code>".into()));
    events
}

#[cfg(test)]
mod tests;
