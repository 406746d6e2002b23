//! What an index over texts holds. Start at [`tokens`].
//!
//! **Invariant:** no token is left out for being common, long or short. **May import:** std, the classes of characters.

use std::ops::Range;

use super::script::{Class, class_of};

/// A word longer than this is cut in the index, in characters: nobody types more, and base64 has no end.
pub const MAX_TOKEN_CHARS: usize = 32;

/// Gives the byte ranges of the tokens of a folded text, in order and as often as they occur:
/// - each maximal run of [`Class::Spaced`] characters, cut to its first [`MAX_TOKEN_CHARS`];
/// - of each maximal run of [`Class::Unspaced`] characters every overlapping pair, and at last its last character
///   alone, so that every one of them is the start of some token.
pub fn tokens(folded: &str, mut each: impl FnMut(Range<usize>)) {
    let bytes = folded.as_bytes();
    let (mut at, mut others_until) = (0, 0);
    // Where the word begins that has not ended yet.
    let mut open = None;
    while let Some((class, width)) = class_at(folded, at) {
        if at >= others_until
            && let Some(block) = bytes[at..].first_chunk()
        {
            if let Some(letters) = letters_of(block) {
                words(folded, at, letters, &mut open, &mut each);
                at += BLOCK;
                continue;
            }
            others_until = at + BLOCK;
        }
        if class == Class::Spaced {
            open.get_or_insert(at);
            at += width;
            continue;
        }
        if let Some(start) = open.take() {
            each(start..cut(folded, start, at));
        }
        at = if class == Class::Sign { at + width } else { pairs(folded, at, width, &mut each) };
    }
    if let Some(start) = open {
        each(start..cut(folded, start, at));
    }
}

/// Bytes that are looked at together: without a branch for each, whose outcome no processor can guess.
const BLOCK: usize = 64;

/// A bit for each byte that is a letter or a digit; `None` if not all are ASCII.
fn letters_of(block: &[u8; BLOCK]) -> Option<u64> {
    const LANES: usize = 16;
    let mut letters = 0;
    for (place, lanes) in block.chunks_exact(LANES).enumerate() {
        let bits = lanes
            .iter()
            .enumerate()
            .fold(0u16, |bits, (at, byte)| bits | u16::from(byte.is_ascii_alphanumeric()) << at);
        letters |= u64::from(bits) << (place * LANES);
    }
    block.is_ascii().then_some(letters)
}

/// The words that end in the block at `at`; one that may go on behind it stays open.
fn words(text: &str, at: usize, letters: u64, open: &mut Option<usize>, each: &mut impl FnMut(Range<usize>)) {
    let mut place = 0;
    while place < BLOCK {
        let rest = letters >> place;
        match *open {
            None if rest == 0 => return,
            None => {
                place += rest.trailing_zeros() as usize;
                *open = Some(at + place);
            }
            Some(start) => {
                place += rest.trailing_ones() as usize;
                if place < BLOCK {
                    each(start..cut(text, start, at + place));
                    *open = None;
                }
            }
        }
    }
}

/// Where a word ends in the index.
#[inline]
fn cut(text: &str, start: usize, end: usize) -> usize {
    if end - start <= MAX_TOKEN_CHARS {
        return end;
    }
    text[start..end].char_indices().nth(MAX_TOKEN_CHARS).map_or(end, |(at, _)| start + at)
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
