//! Walks the top level of a JSON value as byte slices, without parsing what is inside.
//!
//! Start reading at [`members`]. Tolerant by design: brackets are counted, not matched, and the walk ends at the first
//! thing that is no JSON. Who needs certainty parses the slice it got.
//!
//! **Invariant:** nothing here recurses, allocates (but for decoding escapes) or looks at a byte twice; no input makes it panic.
//! **May import:** std, memchr.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr2;

/// The members of a JSON object, in order: the raw key without its quotes, and where in `body` the value stands.
///
/// Nothing comes out when `body` is no object. A member whose value is cut off by the end of `body` does not come out:
/// see [`Members::cut`].
pub fn members(body: &[u8]) -> Members<'_> {
    let at = skip_space(body, 0);
    Members { body, at: at + 1, done: body.get(at) != Some(&b'{'), cut: None }
}

/// See [`members`].
#[derive(Debug, Clone)]
pub struct Members<'a> {
    body: &'a [u8],
    at: usize,
    done: bool,
    cut: Option<(&'a [u8], usize)>,
}

impl<'a> Members<'a> {
    /// After the walk: the key and the start of a value that the end of `body` cut off.
    pub fn cut(&self) -> Option<(&'a [u8], usize)> {
        self.cut
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        self.done = true;
        let body = self.body;
        let key_start = skip_space(body, self.at);
        if body.get(key_start) != Some(&b'"') {
            return None;
        }
        let key_end = skip_string(body, key_start)?;
        let key = &body[key_start + 1..key_end - 1];
        let colon = skip_space(body, key_end);
        if body.get(colon) != Some(&b':') {
            return None;
        }
        let start = skip_space(body, colon + 1);
        let Some(end) = skip_value(body, start) else {
            self.cut = Some((key, start));
            return None;
        };
        let after = skip_space(body, end);
        self.done = body.get(after) != Some(&b',');
        self.at = after + 1;
        Some((key, start..end))
    }
}

/// The elements of the JSON array that stands at `range` in `body`, as ranges of `body`. Nothing when it is no array.
pub fn elements(body: &[u8], range: Range<usize>) -> Elements<'_> {
    let body = &body[..range.end.min(body.len())];
    let at = skip_space(body, range.start);
    Elements { body, at: at + 1, done: body.get(at) != Some(&b'[') }
}

/// See [`elements`].
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    body: &'a [u8],
    at: usize,
    done: bool,
}

impl Iterator for Elements<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        if self.done {
            return None;
        }
        self.done = true;
        let start = skip_space(self.body, self.at);
        let end = skip_value(self.body, start)?;
        let after = skip_space(self.body, end);
        self.done = self.body.get(after) != Some(&b',');
        self.at = after + 1;
        Some(start..end)
    }
}

/// The value of the first member called `key`, as a slice of `body`.
pub fn member<'a>(body: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    members(body).find(|(name, _)| *name == key).map(|(_, range)| &body[range])
}

/// The text of a JSON string literal (with its quotes), or `None` when it is none.
///
/// Bytes that are no UTF-8 and halves of surrogate pairs become U+FFFD.
pub fn string_value(literal: &[u8]) -> Option<Cow<'_, str>> {
    let inside = literal.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if memchr2(b'\\', b'"', inside).is_none() {
        // Mostly it is UTF-8, and to see that is faster than to look for what is not.
        return Some(match std::str::from_utf8(inside) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(inside),
        });
    }
    if skip_string(literal, 0) != Some(literal.len()) {
        return None;
    }
    let mut out = Vec::with_capacity(inside.len());
    let mut at = 0;
    while at < inside.len() {
        let stop = memchr::memchr(b'\\', &inside[at..]).map_or(inside.len(), |i| at + i);
        out.extend_from_slice(&inside[at..stop]);
        at = stop;
        let Some(&escape) = inside.get(at + 1) else {
            break;
        };
        at += 2;
        out.push(match escape {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 8,
            b'f' => 12,
            b'u' => {
                let (decoded, length) = unicode_escape(&inside[at..]);
                let mut room = [0; 4];
                let decoded = decoded.unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(decoded.encode_utf8(&mut room).as_bytes());
                at += length;
                continue;
            }
            other => other,
        });
    }
    Some(Cow::Owned(match String::from_utf8(out) {
        Ok(text) => text,
        Err(bad) => String::from_utf8_lossy(bad.as_bytes()).into_owned(),
    }))
}

/// Reads what follows `\u`: the character (`None` for half a surrogate pair or no hexadecimal) and the bytes it took.
pub fn unicode_escape(after: &[u8]) -> (Option<char>, usize) {
    let Some(unit) = hex4(after) else {
        return (None, 0);
    };
    if !(0xd800..0xdc00).contains(&unit) {
        return (char::from_u32(unit), 4);
    }
    let low = match after.get(4..6) {
        Some(b"\\u") => hex4(&after[6..]).filter(|low| (0xdc00..0xe000).contains(low)),
        _ => None,
    };
    match low {
        Some(low) => (char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)), 10),
        None => (None, 4),
    }
}

fn hex4(bytes: &[u8]) -> Option<u32> {
    bytes.get(..4)?.iter().try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
}

/// Whether a value says nothing: `null`, `""`, `[]`, `{}`.
pub fn is_blank(value: &[u8]) -> bool {
    match value.first() {
        None => true,
        Some(b'n') => true,
        Some(b'"') => value == b"\"\"",
        Some(b'[' | b'{') => skip_space(value, 1) + 1 == value.len(),
        Some(_) => false,
    }
}

/// The first position from `at` on that is no JSON white space.
pub fn skip_space(body: &[u8], mut at: usize) -> usize {
    while matches!(body.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// The end of the value that starts at `at`; `None` when it is no JSON or cut off.
pub fn skip_value(body: &[u8], at: usize) -> Option<usize> {
    match *body.get(at)? {
        b'"' => skip_string(body, at),
        b'{' | b'[' => skip_nested(body, at),
        b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => body[at..]
            .iter()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'E' | b'+' | b'-' | b'.'))
            .map(|length| at + length),
        _ => None,
    }
}

/// The end of the string whose opening quote stands at `at`; `None` when it is cut off.
pub fn skip_string(body: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at += memchr2(b'"', b'\\', body.get(at..)?)?;
        if body[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

fn skip_nested(body: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0usize;
    loop {
        at = next_mark(body, at)?;
        match body[at] {
            b'"' => {
                at = skip_string(body, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            _ => depth -= 1,
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// The next quote, brace or bracket from `start` on. Long runs without one (embeddings are arrays of numbers) go by in blocks,
/// in a form the compiler turns into vector instructions.
pub fn next_mark(body: &[u8], start: usize) -> Option<usize> {
    const NEAR: usize = 16;
    const BLOCK: usize = 32;
    // `[` and `{`, `]` and `}` differ in one bit.
    let is_mark = |byte: u8| byte == b'"' || (byte | 0x20) == b'{' || (byte | 0x20) == b'}';
    let mut at = start;
    let near = body.len().min(at + NEAR);
    while at < near {
        if is_mark(body[at]) {
            return Some(at);
        }
        at += 1;
    }
    for block in body.get(at..)?.chunks_exact(BLOCK) {
        if block.iter().fold(false, |any, byte| any | is_mark(*byte)) {
            break;
        }
        at += BLOCK;
    }
    body[at..].iter().position(|byte| is_mark(*byte)).map(|i| at + i)
}

#[cfg(test)]
mod tests;
