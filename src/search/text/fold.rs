//! Folding: what is compared instead of a text as it was written. Start at [`fold_into`].
//!
//! **Invariant:** a character's fold depends on no other character; nothing is normalised but case and white space.
//! **May import:** std.

/// `text` with every character lower-cased by [`char::to_lowercase`], whatever stands around it, and every run of
/// [`char::is_whitespace`] made one space (U+0020). To fold twice changes nothing.
pub fn fold(text: &str) -> String {
    let mut folded = String::new();
    fold_into(text, &mut folded);
    folded
}

/// Appends the [`fold`] of `text`; what is in `folded` already has no influence on it.
pub fn fold_into(text: &str, folded: &mut String) {
    folded.reserve(text.len());
    let mut rest = text;
    let mut after_space = false;
    loop {
        let plain = plain_bytes(rest.as_bytes(), after_space);
        let start = folded.len();
        folded.push_str(&rest[..plain]);
        folded[start..].make_ascii_lowercase();
        if plain > 0 {
            after_space = rest.as_bytes()[plain - 1] == b' ';
        }
        let mut chars = rest[plain..].chars();
        let Some(next) = chars.next() else {
            return;
        };
        if !next.is_whitespace() {
            folded.extend(next.to_lowercase());
        } else if !after_space {
            folded.push(' ');
        }
        after_space = next.is_whitespace();
        rest = chars.as_str();
    }
}

/// How many bytes at the start of `text` fold to themselves but for ASCII case: ASCII with single spaces, and U+3001 to
/// U+9FFF (kana and Han), where nothing has case and nothing is white space. This runs over gigabytes.
fn plain_bytes(text: &[u8], mut after_space: bool) -> usize {
    let mut at = 0;
    loop {
        while let Some(ends_in_space) = text[at..].first_chunk().and_then(|block| plain_block(block, after_space)) {
            after_space = ends_in_space;
            at += BLOCK;
        }
        let Some(&byte) = text.get(at) else { return at };
        at += match byte {
            b' ' if after_space => return at,
            b'\t'..=b'\r' => return at,
            0..=0x7f => 1,
            0xe3 if text[at..].starts_with("\u{3000}".as_bytes()) => return at,
            0xe3..=0xe9 => 3,
            _ => return at,
        };
        after_space = byte == b' ';
    }
}

/// Bytes that are looked at together: without a branch for each, whose outcome a space decides and no processor can guess.
const BLOCK: usize = 16;

/// Whether the block ends in a space; `None` if it is not all ASCII with single spaces.
fn plain_block(block: &[u8; BLOCK], after_space: bool) -> Option<bool> {
    let (mut others, mut spaces) = (0, 0u16);
    for (at, byte) in block.iter().enumerate() {
        others |= (byte & 0x80) | u8::from((b'\t'..=b'\r').contains(byte));
        spaces |= u16::from(*byte == b' ') << at;
    }
    let pairs = spaces & (spaces << 1 | u16::from(after_space));
    (others == 0 && pairs == 0).then_some(spaces >> (BLOCK - 1) != 0)
}
