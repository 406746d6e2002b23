//! Looking for a text in what a page of JSON shows: hits are marked and numbered. Start at [`Finder::look`].
//!
//! **Invariant:** the pieces of a text are the text; no more than [`MARKED`] hits are marked, all are counted.
//! **May import:** `search`.

use crate::dashboard::pages::requests::said::{beginning, pieces};
use crate::search::text::{Term, fold};

/// Hits that are led to.
const LINKED: usize = 50;
/// Hits that are marked: each makes the page longer.
const MARKED: usize = 1_000;
/// How much of the name of what a hit stands in its link tells, in bytes.
const NAME_BYTES: usize = 40;

/// A piece of a text; a hit has a number from 1 on.
pub(super) struct Bit {
    pub(super) text: String,
    pub(super) hit: usize,
}

/// What is looked for, and what was found.
#[derive(Default)]
pub(super) struct Finder {
    term: Option<Term>,
    /// Hits so far, those that are not shown included.
    pub(super) hits: usize,
    marked: usize,
    /// The first hits that are marked: their numbers, and the names of what they stand in.
    pub(super) links: Vec<(usize, String)>,
}

impl Finder {
    /// Looks for a text in any case, inside words too; for nothing when it is empty.
    pub(super) fn new(text: &str) -> Finder {
        Finder { term: Term::anywhere(text), ..Finder::default() }
    }

    /// As much of a text as is to be shown, and how many hits are in the rest. `name` is what the text is the value of.
    pub(super) fn look(&mut self, text: &str, shown_bytes: usize, name: &str) -> (Vec<Bit>, usize) {
        let shown = beginning(text, shown_bytes);
        let Some(term) = &self.term else {
            return (vec![Bit { text: shown.to_owned(), hit: 0 }], 0);
        };
        let (pieces, hits) = pieces(shown, &[term], MARKED - self.marked);
        let hidden = if shown.len() < text.len() { term.find_in(&fold(text)).len().saturating_sub(hits) } else { 0 };
        self.hits += hits + hidden;
        let mut bits = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let mut hit = 0;
            if piece.hit {
                self.marked += 1;
                hit = self.marked;
                if self.links.len() < LINKED {
                    self.links.push((hit, beginning(name, NAME_BYTES).to_owned()));
                }
            }
            bits.push(Bit { text: piece.text, hit });
        }
        (bits, hidden)
    }
}
