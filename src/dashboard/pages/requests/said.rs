//! Text that others wrote, ready for a page: with search hits marked, cut where it is too long, Markdown made harmless.
//!
//! Start at [`pieces`] for plain text and [`markdown`] for a model's.
//!
//! **Invariant:** HTML comes from [`crate::dashboard::markdown`] only. **May import:** `search`, `markdown`.

use std::cell::Cell;

use crate::dashboard::markdown::{html, runs};
use crate::search::marks;
use crate::search::text::Term;

/// A piece of plain text; a hit of the search is marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dashboard::pages) struct Piece {
    pub(in crate::dashboard::pages) text: String,
    pub(in crate::dashboard::pages) hit: bool,
}

impl Piece {
    /// Its text in runs, see [`runs`].
    pub(in crate::dashboard::pages) fn runs(&self) -> impl Iterator<Item = &str> {
        runs(&self.text)
    }
}

/// A text in pieces with the first `most` hits marked, and how many are in it.
pub(super) fn pieces(text: &str, terms: &[&Term], most: usize) -> (Vec<Piece>, usize) {
    let hits = marks(text, terms.iter().copied());
    let mut pieces = Vec::new();
    let mut at = 0;
    let mut push = |range: std::ops::Range<usize>, hit: bool| {
        if let Some(text) = text.get(range).filter(|text| !text.is_empty()) {
            pieces.push(Piece { text: text.to_owned(), hit });
        }
    };
    for hit in hits.iter().take(most) {
        push(at..hit.start, false);
        push(hit.clone(), true);
        at = hit.end;
    }
    push(at..text.len(), false);
    (pieces, hits.len())
}

/// A model's Markdown as harmless HTML with the first `most` hits marked, and how many are in it.
pub(super) fn markdown(text: &str, terms: &[&Term], most: usize) -> (String, usize) {
    let hits = Cell::new(0);
    let html = html(text, &|text| {
        let mut found = marks(text, terms.iter().copied());
        let room = most.saturating_sub(hits.get());
        hits.set(hits.get() + found.len());
        found.truncate(room);
        found
    });
    (html, hits.get())
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
    fn hits_are_marked_in_prose_and_in_code() {
        let term = Term::new("pool").unwrap();
        let (html, hits) = markdown("The **Pool** and `pool <x>`", &[&term], 9);
        assert_eq!(hits, 2);
        assert!(html.contains("<strong><mark>Pool</mark></strong>"), "{html}");
        assert!(html.contains("<code><mark>pool</mark> &lt;x&gt;</code>"), "{html}");
        let (all, hits) = pieces("a pool, a POOL", &[&term], 9);
        assert_eq!((hits, all.iter().filter(|piece| piece.hit).count()), (2, 2));
        assert_eq!(all.iter().map(|piece| piece.text.as_str()).collect::<String>(), "a pool, a POOL");
        let (few, hits) = pieces("a pool, a POOL, a pool", &[&term], 1);
        assert_eq!((hits, few.iter().filter(|piece| piece.hit).count(), few.len()), (3, 1, 3));
        let (html, hits) = markdown("Pool `pool` pool", &[&term], 2);
        assert_eq!((hits, html.matches("<mark>").count()), (3, 2), "{html}");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!((beginning("修复", 4), beginning("修复", 6)), ("修", "修复"));
    }
}
