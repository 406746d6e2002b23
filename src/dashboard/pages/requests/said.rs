//! Text that others wrote, ready for a page: with search hits marked, cut where it is too long, Markdown made harmless.
//!
//! Start at [`pieces`] for plain text and [`markdown`] for a model's. Raw HTML is shown as text, pictures become links, and
//! what is left goes through a sanitiser with a short list of tags and no attribute but a link's address.
//!
//! **Invariant:** only [`markdown`] makes HTML, and only of these tags. **May import:** `search`.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, TextMergeStream, html};

use crate::search::marks;
use crate::search::text::Term;

/// What is left of Markdown.
const TAGS: [&str; 25] = [
    "a",
    "blockquote",
    "br",
    "code",
    "del",
    "em",
    "h3",
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
];

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    builder
        .tags(HashSet::from(TAGS))
        .clean_content_tags(HashSet::from(["script", "style"]))
        .tag_attributes(HashMap::from([("a", HashSet::from(["href"])), ("ol", HashSet::from(["start"]))]))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"));
    builder
});

/// A piece of plain text; a hit of the search is marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) hit: bool,
}

/// A text in pieces, and how many hits are in it.
pub(super) fn pieces(text: &str, terms: &[&Term]) -> (Vec<Piece>, usize) {
    let hits = marks(text, terms.iter().copied());
    let mut pieces = Vec::with_capacity(2 * hits.len() + 1);
    let mut at = 0;
    let mut push = |range: std::ops::Range<usize>, hit: bool| {
        if let Some(text) = text.get(range).filter(|text| !text.is_empty()) {
            pieces.push(Piece { text: text.to_owned(), hit });
        }
    };
    for hit in &hits {
        push(at..hit.start, false);
        push(hit.clone(), true);
        at = hit.end;
    }
    push(at..text.len(), false);
    (pieces, hits.len())
}

/// A model's Markdown as harmless HTML, and how many hits are marked in it.
pub(super) fn markdown(text: &str, terms: &[&Term]) -> (String, usize) {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut events: Vec<Event<'_>> = Vec::new();
    let mut hits = 0;
    let mut pictures: Vec<String> = Vec::new();
    for event in TextMergeStream::new(Parser::new_ext(text, options).map(plain)) {
        match event {
            Event::Start(Tag::Image { dest_url, .. }) => pictures.push(dest_url.into_string()),
            Event::End(TagEnd::Image) => {
                if let Some(address) = pictures.pop() {
                    events.push(Event::Text(CowStr::from(format!(" [{address}]"))));
                }
            }
            Event::Start(Tag::Heading { level, .. }) => {
                events.push(Event::Start(Tag::Heading {
                    level: lower(level),
                    id: None,
                    classes: vec![],
                    attrs: vec![],
                }));
            }
            Event::End(TagEnd::Heading(level)) => events.push(Event::End(TagEnd::Heading(lower(level)))),
            Event::Text(said) => hits += marked(&said, terms, &mut events),
            Event::Code(said) if terms.is_empty() => events.push(Event::Code(said)),
            Event::Code(said) => {
                events.push(Event::InlineHtml("<code>".into()));
                hits += marked(&said, terms, &mut events);
                events.push(Event::InlineHtml("</code>".into()));
            }
            other => events.push(other),
        }
    }
    let mut out = String::with_capacity(text.len() * 5 / 4);
    html::push_html(&mut out, events.into_iter());
    (SANITISER.clean(&out).to_string(), hits)
}

/// Raw HTML is what its author typed, nothing more.
fn plain(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        other => other,
    }
}

/// The page's own headings stay above those of a message.
fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H3,
        HeadingLevel::H2 => HeadingLevel::H4,
        HeadingLevel::H3 => HeadingLevel::H5,
        _ => HeadingLevel::H6,
    }
}

/// Adds a text with its hits marked; how many there are.
fn marked(text: &str, terms: &[&Term], events: &mut Vec<Event<'_>>) -> usize {
    let (pieces, hits) = pieces(text, terms);
    for piece in pieces {
        let text = Event::Text(CowStr::from(piece.text));
        if piece.hit {
            events.extend([Event::InlineHtml("<mark>".into()), text, Event::InlineHtml("</mark>".into())]);
        } else {
            events.push(text);
        }
    }
    hits
}

/// The beginning of a text, on the border of a character.
pub(super) fn beginning(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::requests::said::{beginning, markdown, pieces};
    use crate::search::text::Term;

    #[test]
    fn markdown_of_a_model_can_do_no_harm() {
        for (text, wanted) in [
            ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"),
            ("a <b style='x'>bold</b>", "<p>a &lt;b style='x'&gt;bold&lt;/b&gt;</p>\n"),
            ("<script>alert(2)</script>", "&lt;script&gt;alert(2)&lt;/script&gt;"),
            ("![pic](https://evil.example/p.png)", "<p>pic [https://evil.example/p.png]</p>\n"),
            ("[x](javascript:alert(1))", "<p><a rel=\"noopener noreferrer nofollow\">x</a></p>\n"),
            ("[x](/admin/logout)", "<p><a rel=\"noopener noreferrer nofollow\">x</a></p>\n"),
            (
                "[x](https://a.example/?b&c)",
                "<p><a href=\"https://a.example/?b&amp;c\" rel=\"noopener noreferrer nofollow\">x</a></p>\n",
            ),
            ("# Title", "<h3>Title</h3>\n"),
            ("```js\n<script>\n```", "<pre><code>&lt;script&gt;\n</code></pre>\n"),
        ] {
            assert_eq!(markdown(text, &[]).0, wanted, "{text}");
        }
    }

    #[test]
    fn hits_are_marked_in_prose_and_in_code() {
        let term = Term::new("pool").unwrap();
        let (html, hits) = markdown("The **Pool** and `pool <x>`", &[&term]);
        assert_eq!(hits, 2);
        assert!(html.contains("<strong><mark>Pool</mark></strong>"), "{html}");
        assert!(html.contains("<code><mark>pool</mark> &lt;x&gt;</code>"), "{html}");
        let (all, hits) = pieces("a pool, a POOL", &[&term]);
        assert_eq!((hits, all.iter().filter(|piece| piece.hit).count()), (2, 2));
        assert_eq!(all.iter().map(|piece| piece.text.as_str()).collect::<String>(), "a pool, a POOL");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!((beginning("修复", 4), beginning("修复", 6)), ("修", "修复"));
    }
}
