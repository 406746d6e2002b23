//! Which characters make words. Start at [`class_of`].
//!
//! **Invariant:** a character's class depends on no other character. **May import:** std.

/// What a character is to a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A letter or digit of a script that puts spaces between words.
    Spaced,
    /// A character of a script that is written without spaces, or searched as if it were: Han, kana, Hangul, Thai …
    Unspaced,
    /// Everything else: white space, punctuation, `_`, symbols, emoji, combining marks of spaced scripts.
    Sign,
}

/// The unspaced characters by code point, first and last, in order: letters, digits and marks, but no punctuation
/// (<https://www.unicode.org/Public/UCD/latest/ucd/Scripts.txt>). Planes 2 and 3 are Han altogether.
const UNSPACED: [(u32, u32); 65] = [
    // Thai, Lao, Tibetan, Myanmar
    (0x0e01, 0x0e3a),
    (0x0e40, 0x0e4e),
    (0x0e50, 0x0e59),
    (0x0e80, 0x0eff),
    (0x0f00, 0x0f00),
    (0x0f18, 0x0f19),
    (0x0f20, 0x0f33),
    (0x0f35, 0x0f35),
    (0x0f37, 0x0f37),
    (0x0f39, 0x0f39),
    (0x0f3e, 0x0f6c),
    (0x0f71, 0x0f84),
    (0x0f86, 0x0fbc),
    (0x1000, 0x1049),
    (0x1050, 0x109d),
    // Hangul Jamo, Khmer, Tai, Javanese and Balinese
    (0x1100, 0x11ff),
    (0x1780, 0x17d3),
    (0x17d7, 0x17d7),
    (0x17dc, 0x17dd),
    (0x17e0, 0x17e9),
    (0x17f0, 0x17f9),
    (0x1950, 0x1974),
    (0x1980, 0x19da),
    (0x1a20, 0x1a99),
    (0x1aa7, 0x1aa7),
    (0x1b00, 0x1b4c),
    (0x1b50, 0x1b59),
    // Radicals, iteration marks, kana, Bopomofo, Hangul, squared words
    (0x2e80, 0x2fdf),
    (0x3005, 0x3007),
    (0x3021, 0x302f),
    (0x3031, 0x3035),
    (0x3038, 0x303c),
    (0x3041, 0x3096),
    (0x3099, 0x309f),
    (0x30a1, 0x30fa),
    (0x30fc, 0x30ff),
    (0x3105, 0x312f),
    (0x3131, 0x318e),
    (0x3192, 0x319f),
    (0x31a0, 0x31bf),
    (0x31f0, 0x31ff),
    (0x3200, 0x33ff),
    // Han
    (0x3400, 0x4dbf),
    (0x4e00, 0x9fff),
    // Yi, Hangul, Javanese, Myanmar, Tai Viet
    (0xa000, 0xa4c6),
    (0xa960, 0xa97c),
    (0xa980, 0xa9c0),
    (0xa9d0, 0xa9d9),
    (0xa9e0, 0xa9fe),
    (0xaa60, 0xaa76),
    (0xaa7a, 0xaadd),
    (0xac00, 0xd7a3),
    (0xd7b0, 0xd7fb),
    // Compatibility Han, half-width kana and Hangul
    (0xf900, 0xfaff),
    (0xff66, 0xff9f),
    (0xffa0, 0xffdc),
    // Ideographic marks, Tangut, Khitan, kana, Nushu, Han
    (0x16fe0, 0x16fe1),
    (0x16fe3, 0x16fe4),
    (0x16ff0, 0x16ff1),
    (0x17000, 0x18cff),
    (0x18d00, 0x18d7f),
    (0x1aff0, 0x1afff),
    (0x1b000, 0x1b16f),
    (0x1b170, 0x1b2ff),
    (0x20000, 0x3ffff),
];

/// What `c` is to a search.
#[inline]
pub fn class_of(c: char) -> Class {
    if c.is_ascii() {
        if c.is_ascii_alphanumeric() { Class::Spaced } else { Class::Sign }
    } else if is_unspaced(u32::from(c)) {
        Class::Unspaced
    } else if c.is_alphanumeric() {
        Class::Spaced
    } else {
        Class::Sign
    }
}

fn is_unspaced(code: u32) -> bool {
    // Most of them, and what has none of them, without a search.
    if (0x4e00..=0x9fff).contains(&code) {
        return true;
    }
    let after = UNSPACED.partition_point(|&(first, _)| first <= code);
    code >= UNSPACED[0].0 && after > 0 && code <= UNSPACED[after - 1].1
}

#[cfg(test)]
mod tests {
    use super::{Class, UNSPACED, class_of};

    #[test]
    fn the_ranges_are_in_order_and_apart() {
        assert!(UNSPACED.iter().all(|(first, last)| first <= last));
        assert!(UNSPACED.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }

    #[test]
    fn every_script_is_in_its_class() {
        for (class, chars) in [
            (Class::Spaced, "azAZ09éßñΣςяЖאעةहक２Ａｚİı½²ⅷ𝐀ა"),
            (Class::Unspaced, "修复一龥㐀𠀀豈〇々あんゔァヶーｱﾟ가힣ㄱㅎᄀㄅㆠꀀกะ่๙ລ၁မកཀ㍿㈠𗀀"),
            (Class::Sign, " \t\n\u{3000}_-.,!?。，、「」・～（）！：“”🙂€฿་។၊\u{301}\u{307}\u{0}\u{200d}✓"),
        ] {
            for c in chars.chars() {
                assert_eq!(class_of(c), class, "{c:?} {:x}", u32::from(c));
            }
        }
    }
}
