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
    while let Some(&byte) = text.get(at) {
        match KINDS[usize::from(byte)] {
            Kind::Plain => {
                at += 1;
                after_space = false;
                continue;
            }
            Kind::Space if after_space => break,
            Kind::Space => at += 1,
            Kind::Han if text[at..].starts_with("\u{3000}".as_bytes()) => break,
            Kind::Han => at += 3,
            Kind::Other => break,
        }
        after_space = byte == b' ';
    }
    at
}

/// What a byte is at the start of a character.
#[derive(Clone, Copy)]
enum Kind {
    /// ASCII but white space.
    Plain,
    Space,
    /// The first of three of a character from U+3000 to U+9FFF.
    Han,
    Other,
}

const KINDS: [Kind; 256] = {
    let mut kinds = [Kind::Other; 256];
    let mut byte = 0;
    while byte < 256 {
        kinds[byte] = match byte as u8 {
            b' ' => Kind::Space,
            b'\t'..=b'\r' => Kind::Other,
            0..=0x7f => Kind::Plain,
            0xe3..=0xe9 => Kind::Han,
            _ => Kind::Other,
        };
        byte += 1;
    }
    kinds
};
