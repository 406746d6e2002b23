//! Where a picture, a sound or a file is: inline, at an address, or known to the service by an id.
//!
//! **Invariant:** nothing here copies base64. **May import:** std, `openai::{dialogue, inline, scan}`.

use std::ops::Range;

use crate::openai::dialogue::Media;
use crate::openai::dialogue::strings::{filled, text};
use crate::openai::inline::{data_url, digest};
use crate::openai::scan::member;

/// Where `part`, which is a slice of `whole`, stands in it.
fn range_in(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len());
    start..(start + part.len()).min(whole.len())
}

/// The value of a `url`: an address, or a `data:` URL.
pub(super) fn address(whole: &[u8], value: &[u8]) -> Option<Media> {
    let inside = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    match data_url(inside) {
        Some((mime, base64)) => Some(inline(whole, &inside[base64], &String::from_utf8_lossy(mime).replace('\\', ""))),
        None => text(value).map(Media::Url),
    }
}

/// A string that is base64, or a `data:` URL all the same.
pub(super) fn data(whole: &[u8], value: &[u8], mime: Option<&[u8]>) -> Option<Media> {
    let inside = filled(Some(value))?.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if data_url(inside).is_some() {
        return address(whole, value);
    }
    Some(inline(whole, inside, &mime.and_then(text).unwrap_or_default()))
}

fn inline(whole: &[u8], base64: &[u8], mime: &str) -> Media {
    Media::Inline { mime: mime.to_owned(), base64: range_in(whole, base64), digest: digest(base64) }
}

/// Anthropic's `source`: `base64`, `url` or `file`.
pub(super) fn source(whole: &[u8], source: &[u8]) -> Option<Media> {
    if let Some(value) = filled(member(source, b"data")) {
        return data(whole, value, member(source, b"media_type"));
    }
    if let Some(value) = filled(member(source, b"url")) {
        return address(whole, value);
    }
    member(source, b"file_id").and_then(text).map(Media::Id)
}

/// The first of the members that tells where something is: `data`, then an address, then an id.
pub(super) fn first(whole: &[u8], object: &[u8], inline: &[u8], url: &[u8]) -> Option<Media> {
    if let Some(value) = filled(member(object, inline)) {
        return data(whole, value, None);
    }
    if let Some(value) = filled(member(object, url)) {
        // Chat has `{"url": …}` where Responses has the address itself.
        return address(whole, member(value, b"url").unwrap_or(value));
    }
    member(object, b"file_id").and_then(text).map(Media::Id)
}
