//! What a search finds in messages: marked where it is shown, counted where it is not. Start at [`Seeker::plain`].
//!
//! **Invariant:** every hit is counted; no more than [`MARKED`] are marked. **May import:** `search`.

use crate::dashboard::pages::requests::said::{Piece, markdown, pieces};
use crate::dashboard::words::Key;
use crate::search::text::{Term, fold};
use crate::search::{Query, Side};

/// Messages with hits that are led to.
const LINKED: usize = 50;
/// Hits that are marked: each is an element of the page.
const MARKED: usize = 5_000;

/// A message in which the search has hits.
pub(in crate::dashboard::pages) struct Place {
    pub(in crate::dashboard::pages) number: usize,
    pub(in crate::dashboard::pages) role: Key,
    pub(in crate::dashboard::pages) hits: usize,
}

/// The hits of a search in messages.
#[derive(Default)]
pub(in crate::dashboard::pages) struct Hits {
    /// Those in what a page shows.
    pub(in crate::dashboard::pages) count: usize,
    /// The first messages that have some, in their order.
    pub(in crate::dashboard::pages) places: Vec<Place>,
    /// Further messages that have some.
    pub(in crate::dashboard::pages) more: usize,
    /// Hits in what it does not show.
    pub(in crate::dashboard::pages) unseen: usize,
}

/// What went wrong, in words, with the hits in them; it stands behind the messages and is counted like one.
pub(in crate::dashboard::pages) struct Failure {
    pub(in crate::dashboard::pages) number: usize,
    pub(in crate::dashboard::pages) pieces: Vec<Piece>,
}

/// What is looked for, and what was found so far.
pub(super) struct Seeker<'q> {
    terms: Vec<(Side, &'q Term)>,
    pub(super) count: usize,
    places: Vec<Place>,
    pub(super) unseen: usize,
}

impl Seeker<'_> {
    pub(super) fn new(query: &Query) -> Seeker<'_> {
        Seeker { terms: query.texts().collect(), count: 0, places: Vec::new(), unseen: 0 }
    }

    /// Whether anything is looked for.
    pub(super) fn seeks(&self) -> bool {
        !self.terms.is_empty()
    }

    /// Plain text with its hits.
    pub(super) fn plain(&mut self, text: &str, side: Side) -> Vec<Piece> {
        let (pieces, hits) = pieces(text, &self.terms_of(side), self.room());
        self.count += hits;
        pieces
    }

    /// The text of an error with its hits.
    pub(super) fn fault(&mut self, text: &str, number: usize) -> Failure {
        let before = self.count;
        let pieces = self.plain(text, Side::Error);
        self.note(number, Key("part.error"), before);
        Failure { number, pieces }
    }

    /// Markdown of a model with its hits.
    pub(super) fn rich(&mut self, text: &str) -> String {
        let (html, hits) = markdown(text, &self.terms_of(Side::Assistant), self.room());
        self.count += hits;
        html
    }

    /// Counts the hits of a text beyond its beginning, which is all that is shown.
    pub(super) fn beyond(&mut self, shown: &str, text: &str, side: Side) {
        if shown.len() < text.len() && self.seeks() {
            let terms = self.terms_of(side);
            // Where they are is not asked: that takes many times the text's own memory.
            let hits = |text: &str| {
                let folded = fold(text);
                terms.iter().map(|term| term.find_in(&folded).len()).sum::<usize>()
            };
            self.unseen += hits(text).saturating_sub(hits(shown));
        }
    }

    /// Takes note that the hits since there were `before` of them are in this message.
    pub(super) fn note(&mut self, number: usize, role: Key, before: usize) {
        if self.count > before {
            self.places.push(Place { number, role, hits: self.count - before });
        }
    }

    /// All that was found.
    pub(super) fn hits(self) -> Hits {
        let Seeker { count, mut places, unseen, .. } = self;
        places.sort_by_key(|place| place.number);
        let more = places.len().saturating_sub(LINKED);
        places.truncate(LINKED);
        Hits { count, places, more, unseen }
    }

    fn room(&self) -> usize {
        MARKED.saturating_sub(self.count)
    }

    fn terms_of(&self, side: Side) -> Vec<&Term> {
        self.terms.iter().filter(|(of, _)| *of == Side::Any || *of == side).map(|(_, term)| *term).collect()
    }
}
