//! Whole numbers in as few bytes as they need (LEB128), and zstd around streams of them.
//!
//! **Invariant:** no bytes make reading panic; what is cut off reads as `None`. **May import:** std, zstd.

/// How hard blocks are compressed.
const LEVEL: i32 = 3;
/// A block never grows beyond this when it is read.
const MOST_BYTES: usize = 256 << 20;

/// Appends a number.
pub fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Takes a number off the front.
pub fn take(bytes: &mut &[u8]) -> Option<u64> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        *bytes = rest;
        return Some(u64::from(first));
    }
    let mut number = 0;
    for (at, byte) in bytes.iter().take(10).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            *bytes = &bytes[at + 1..];
            return Some(number);
        }
    }
    None
}

/// Takes `length` bytes off the front.
pub fn take_bytes<'a>(bytes: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (piece, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(piece)
}

/// Signed numbers near zero become small ones.
pub fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

/// Undoes [`zigzag`].
pub fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// Appends a stream: its length, its packed length, its bytes packed.
pub fn put_packed(out: &mut Vec<u8>, stream: &[u8]) {
    let packed = zstd::bulk::compress(stream, LEVEL).unwrap_or_default();
    put(out, stream.len() as u64);
    put(out, packed.len() as u64);
    out.extend_from_slice(&packed);
}

/// Takes a stream of [`put_packed`] off the front.
pub fn take_packed(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let length = usize::try_from(take(bytes)?).ok().filter(|length| *length <= MOST_BYTES)?;
    let packed = take(bytes)?;
    let packed = take_bytes(bytes, packed)?;
    zstd::bulk::decompress(packed, length).ok().filter(|stream| stream.len() == length)
}

#[cfg(test)]
mod tests {
    use crate::search::segment::varint::{put, put_packed, take, take_packed, unzigzag, zigzag};

    #[test]
    fn numbers_and_streams_come_back() {
        for number in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            put(&mut out, number);
            let mut rest = out.as_slice();
            assert_eq!(take(&mut rest), Some(number));
            assert!(rest.is_empty());
            assert_eq!(take(&mut &out[..out.len() - 1]), None);
        }
        for number in [0, -1, 1, i64::MIN, i64::MAX] {
            assert_eq!(unzigzag(zigzag(number)), number);
        }
        let mut out = Vec::new();
        put_packed(&mut out, b"abc");
        put_packed(&mut out, b"");
        let mut rest = out.as_slice();
        assert_eq!(take_packed(&mut rest).as_deref(), Some(b"abc".as_slice()));
        assert_eq!(take_packed(&mut rest).as_deref(), Some(b"".as_slice()));
        assert_eq!(take_packed(&mut rest), None);
    }
}
