//! Pictures, sound and files that stand as base64 inside JSON strings: where they are, and how to tell them apart.
//!
//! Start reading at [`payload`].
//!
//! **Invariant:** nothing here decodes or copies. **May import:** std, memchr.

use std::ops::Range;

use memchr::{memchr, memmem};

/// A shorter string may well be a word or an id.
pub const MIN_PAYLOAD_BYTES: usize = 1024;

/// Where the base64 stands in `inside`, the inside of a JSON string: behind the comma of a `data:` URL, or all of it when
/// nothing but base64 (or its form for URLs) is there. `None` when it is shorter than [`MIN_PAYLOAD_BYTES`] or no base64.
pub fn payload(inside: &[u8]) -> Option<Range<usize>> {
    if inside.len() < MIN_PAYLOAD_BYTES {
        return None;
    }
    let range = match data_url(inside) {
        Some((_, range)) => range,
        None if is_base64(inside) => 0..inside.len(),
        None => return None,
    };
    (range.len() >= MIN_PAYLOAD_BYTES).then_some(range)
}

/// The media type of a `data:…;base64,…` URL, as it stands there, and where its base64 is.
pub fn data_url(inside: &[u8]) -> Option<(&[u8], Range<usize>)> {
    // Media types are short; what has no comma for long is no such URL.
    const MAX_HEAD_BYTES: usize = 256;
    if !inside.get(..5)?.eq_ignore_ascii_case(b"data:") {
        return None;
    }
    let head = &inside[..inside.len().min(MAX_HEAD_BYTES)];
    let mark = memmem::find(head, b";base64,")?;
    let kind = &inside[5..mark];
    Some((&kind[..memchr(b';', kind).unwrap_or(kind.len())], mark + b";base64,".len()..inside.len()))
}

/// Whether there is nothing but base64. PHP writes `/` as `\/`.
fn is_base64(inside: &[u8]) -> bool {
    const BLOCK: usize = 64;
    let fits =
        |byte: &u8| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'/' | b'=' | b'_' | b'-' | b'\\');
    // Block by block: text gives itself away at once, and a whole block is checked without a branch.
    let fit = inside.chunks(BLOCK).all(|block| block.iter().fold(true, |all, byte| all & fits(byte)));
    fit && memchr::memchr_iter(b'\\', inside).all(|at| inside.get(at + 1) == Some(&b'/'))
}

/// A number that tells contents apart. The same in every version of the program and on every machine; not made to
/// withstand someone who looks for two contents with the same number.
pub fn digest(bytes: &[u8]) -> u64 {
    const FIRST: u64 = 0x9e37_79b9_7f4a_7c15;
    const SECOND: u64 = 0xd6e8_feb8_6659_fd93;
    let step =
        |hash: u64, word: u64| (hash ^ word.wrapping_mul(FIRST).rotate_left(31)).rotate_left(27).wrapping_mul(SECOND);
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let (words, rest) = bytes.as_chunks::<8>();
    let hash = words.iter().fold(bytes.len() as u64, |hash, bytes| step(hash, u64::from_le_bytes(*bytes)));
    let hash = step(hash, word(rest));
    (hash ^ (hash >> 32)).wrapping_mul(FIRST)
}

#[cfg(test)]
mod tests {
    use crate::openai::inline::{data_url, digest, payload};

    #[test]
    fn base64_is_found_with_and_without_its_url() {
        let long = "iVBORw0KGgo+/_-=".repeat(64);
        assert_eq!(payload(long.as_bytes()), Some(0..1024));
        assert_eq!(payload(format!("data:image/png;base64,{long}").as_bytes()), Some(22..1046));
        assert_eq!(payload(long.replace('/', "\\/").as_bytes()), Some(0..1088), "as PHP writes it");
        for other in [&long[1..], &long.replace('+', " "), &long.replace('+', "\\n"), &"中".repeat(900)] {
            assert_eq!(payload(other.as_bytes()), None);
        }
    }

    #[test]
    fn a_data_url_tells_its_media_type() {
        assert_eq!(data_url(b"data:audio/wav;codecs=1;base64,AA"), Some((&b"audio/wav"[..], 31..33)));
        for other in ["data:text/plain,hello", "https://x/data:image/png;base64,AA", "data:", ""] {
            assert_eq!(data_url(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn contents_that_differ_anywhere_have_different_numbers() {
        let bytes: Vec<u8> = (0..100).collect();
        let mut seen = vec![digest(&bytes), digest(&bytes[1..]), digest(&bytes[..99]), digest(b"")];
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            seen.push(digest(&other));
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
        assert_eq!(digest(b"a conversation"), 17_318_537_556_995_192_726, "stored numbers must keep their meaning");
    }
}
