//! What an index over [`super::tokens`] is to be asked for, to find a term. Start at [`Probes`].
//!
//! **Invariant:** no text that contains the term fails a lookup. **May import:** std, the classes of characters, tokens.

use super::script::{Class, class_of};
use super::tokens::{MAX_TOKEN_CHARS, tokens};

/// More lookups than this make a search slower, not surer.
pub const MAX_LOOKUPS: usize = 32;

/// A question to the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The token, or what a token starts with.
    pub token: String,
    /// Any token that starts so will do.
    pub prefix: bool,
}

/// All that an index is to be asked for; a text that contains the term satisfies every lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probes {
    /// At most [`MAX_LOOKUPS`], no two the same; none for a term of signs alone.
    pub lookups: Vec<Lookup>,
    /// A text that satisfies every lookup contains the term: it need not be read.
    pub exact: bool,
}

impl Probes {
    /// The probes of a folded term.
    ///
    /// Every run of the term that is followed by something ends in the text where it ends in the term, and so does its
    /// last token. A run of spaced characters also starts there where it starts in the term: at the term's start by the
    /// rule of [`super::Term`], elsewhere because something else stands before it. A run of unspaced characters may
    /// start earlier in the text, which changes none of its pairs.
    pub(super) fn of(term: &str) -> Probes {
        let mut lookups: Vec<Lookup> = Vec::new();
        tokens(term, |range| {
            let is_last = range.end == term.len();
            let token = &term[range.clone()];
            let chars = token.chars().count();
            let of_pairs = token.chars().next().is_some_and(is_unspaced);
            if is_last && of_pairs && chars == 1 && term[..range.start].chars().next_back().is_some_and(is_unspaced) {
                // The text may go on behind it; the pair that it ends has been asked for.
                return;
            }
            let prefix = is_last && !(of_pairs && chars == 2);
            let lookup = Lookup { token: token.to_owned(), prefix };
            if lookups.len() < MAX_LOOKUPS && !lookups.contains(&lookup) {
                lookups.push(lookup);
            }
        });
        let chars = term.chars().count();
        let all = |class: Class| term.chars().all(|c| class_of(c) == class);
        let exact = (chars <= MAX_TOKEN_CHARS && all(Class::Spaced)) || (chars <= 2 && all(Class::Unspaced));
        Probes { lookups, exact }
    }
}

fn is_unspaced(c: char) -> bool {
    class_of(c) == Class::Unspaced
}
