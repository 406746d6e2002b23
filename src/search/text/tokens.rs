//! What an index over texts holds. Start at [`tokens`].
//!
//! **Invariant:** no token is left out for being common, long or short. **May import:** std, the classes of characters.

use std::ops::Range;

use super::script::{Class, class_of};

/// A word longer than this is cut in the index, in characters: nobody types more, and base64 has no end.
pub const MAX_TOKEN_CHARS: usize = 32;

/// Gives the tokens of a folded text, in order and as often as they occur:
/// - each maximal run of [`Class::Spaced`] characters, cut to its first [`MAX_TOKEN_CHARS`];
/// - of each maximal run of [`Class::Unspaced`] characters every overlapping pair, and at last its last character
///   alone, so that every one of them is the start of some token.
pub fn tokens<'a>(folded: &'a str, mut each: impl FnMut(&'a str)) {
    token_ranges(folded, |range| each(&folded[range]));
}

/// The byte ranges of the [`tokens`] of a folded text.
pub fn token_ranges(folded: &str, mut each: impl FnMut(Range<usize>)) {
    let mut at = 0;
    while let Some((class, width)) = class_at(folded, at) {
        at = match class {
            Class::Sign => at + width,
            Class::Spaced => word(folded, at, &mut each),
            Class::Unspaced => pairs(folded, at, width, &mut each),
        };
    }
}

/// The class and the bytes of the character at the byte `at`; `None` at the end.
#[inline]
fn class_at(text: &str, at: usize) -> Option<(Class, usize)> {
    let byte = *text.as_bytes().get(at)?;
    if byte.is_ascii() {
        return Some((class_of(char::from(byte)), 1));
    }
    let c = text.get(at..)?.chars().next()?;
    Some((class_of(c), c.len_utf8()))
}

/// The run of spaced characters that starts at `start`; gives back its end.
#[inline]
fn word(text: &str, start: usize, each: &mut impl FnMut(Range<usize>)) -> usize {
    let (mut end, mut cut, mut chars) = (start, start, 0);
    while let Some((Class::Spaced, width)) = class_at(text, end) {
        end += width;
        chars += 1;
        if chars <= MAX_TOKEN_CHARS {
            cut = end;
        }
    }
    each(start..cut);
    end
}

/// The run of unspaced characters that starts at `start` with one of `width` bytes; gives back its end.
fn pairs(text: &str, mut start: usize, mut width: usize, each: &mut impl FnMut(Range<usize>)) -> usize {
    while let Some((Class::Unspaced, next)) = class_at(text, start + width) {
        each(start..start + width + next);
        start += width;
        width = next;
    }
    each(start..start + width);
    start + width
}
