//! What bytes are: a picture, sound, no text at all. Start at [`told`].
//!
//! **Invariant:** a picture is only what its first bytes say is one; SVG, which may hold scripts, never is.
//! **May import:** `db`.

use openssl::base64::decode_block;

use crate::dashboard::pages::requests::said::beginning;
use crate::db::records::header_pairs;

/// How much is looked at to tell text, in bytes.
const LOOK_BYTES: usize = 256 << 10;
/// How much base64 is looked at to tell a picture, in bytes; a multiple of four.
const HEAD_BYTES: usize = 16;
/// How much of a media type is told, in bytes.
const TYPE_BYTES: usize = 100;

/// Base64 in a JSON string, which may hold `\/` for `/`, as bytes.
pub(super) fn decoded(base64: &[u8]) -> Option<Vec<u8>> {
    let mut base64: Vec<u8> = base64.iter().copied().filter(|byte| *byte != b'\\').collect();
    while !base64.len().is_multiple_of(4) {
        base64.push(b'=');
    }
    decode_block(std::str::from_utf8(&base64).ok()?).ok()
}

/// Whether base64 is that of a picture that a browser may show.
pub(super) fn is_picture(base64: &[u8]) -> bool {
    let head: Vec<u8> = base64.iter().copied().filter(|byte| *byte != b'\\').take(HEAD_BYTES).collect();
    decoded(&head).is_some_and(|head| picture(&head).is_some())
}

/// What the first bytes of a picture say.
pub(super) fn picture(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

fn sound(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [b'I', b'D', b'3', ..] | [0xff, 0xf2 | 0xf3 | 0xfa | 0xfb, ..] => Some("audio/mpeg"),
        [0xff, 0xf0 | 0xf1 | 0xf8 | 0xf9, ..] => Some("audio/aac"),
        [b'O', b'g', b'g', b'S', ..] => Some("audio/ogg"),
        [b'f', b'L', b'a', b'C', ..] => Some("audio/flac"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some("audio/wav"),
        _ => None,
    }
}

/// The type of a body that is no text: by its first bytes, by the header of its side (0 the request's, 1 the reply's),
/// or unknown. Nothing for text.
pub(super) fn told(body: &[u8], headers: Option<&[u8]>, side: usize) -> Option<String> {
    let looked = &body[..body.len().min(LOOK_BYTES)];
    let is_text = std::str::from_utf8(looked).map_or_else(|bad| bad.error_len().is_none(), |_| true);
    if is_text && !looked.contains(&0) {
        return None;
    }
    if let Some(kind) = picture(body).or_else(|| sound(body)) {
        return Some(kind.to_owned());
    }
    let pairs = &header_pairs(headers.unwrap_or_default())[side];
    let said = pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    Some(said.map_or("application/octet-stream", |(_, value)| beginning(value, TYPE_BYTES)).to_owned())
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::requests::kinds::{is_picture, picture, told};

    #[test]
    fn only_pictures_are_pictures() {
        assert_eq!(picture(b"\x89PNG\r\n\x1a\nrest"), Some("image/png"));
        assert_eq!(
            (picture(b"<svg onload=alert(1)>"), picture(b""), picture(b"GIF89a")),
            (None, None, Some("image/gif"))
        );
        assert!(
            is_picture(b"iVBORw0KGgoAAAANSUhEUg") && is_picture(br"\/9j\/4AAQSkZJRgABAQ") && is_picture(b"R0lGODlh")
        );
        assert!(!is_picture(b"PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+") && !is_picture(b"") && !is_picture(b"!!!!"));
    }

    #[test]
    fn bytes_are_told_from_text() {
        assert_eq!(told("修复 {\"a\"".as_bytes(), None, 1), None);
        assert_eq!(told(&"修".as_bytes()[..2], None, 1), None, "cut inside of a character");
        assert_eq!(told(b"ID3\x04\x00\xff\xff", None, 1).as_deref(), Some("audio/mpeg"));
        assert_eq!(told(b"\x00\x01\xfe", None, 1).as_deref(), Some("application/octet-stream"));
    }
}
