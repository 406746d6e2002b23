//! JSON without its structure: all strings of it, all of it without white space, a cut one closed again.
//!
//! **Invariant:** nothing here recurses. **May import:** std, memchr, `openai::{inline, scan}`.

use std::borrow::Cow;

use memchr::memchr;

use crate::openai::inline;
use crate::openai::scan::{is_blank, next_mark, skip_space, skip_string, skip_value, string_value};

/// The text of a JSON string that says something.
pub(super) fn text(value: &[u8]) -> Option<String> {
    string_value(value).filter(|text| !text.is_empty()).map(Cow::into_owned)
}

/// The value unless it is `null`, `""`, `[]` or `{}`.
pub(super) fn filled(value: Option<&[u8]>) -> Option<&[u8]> {
    value.filter(|value| !is_blank(value))
}

/// Every string literal that is a value (keys are not), with its quotes, in order, however deep it stands.
pub(super) fn literals(json: &[u8], each: &mut dyn FnMut(&[u8])) {
    let mut at = 0;
    while let Some(found) = json.get(at..).and_then(|rest| memchr(b'"', rest)) {
        let start = at + found;
        let Some(end) = skip_string(json, start) else {
            return;
        };
        if json.get(skip_space(json, end)) != Some(&b':') {
            each(&json[start..end]);
        }
        at = end;
    }
}

/// The value without white space between its tokens, and without long base64: `base64:` stands for it with its length and
/// its number.
pub fn compact(json: &[u8]) -> String {
    let mut out = Vec::with_capacity(json.len().min(4096));
    let mut at = 0;
    while at < json.len() {
        if json[at] != b'"' {
            if !json[at].is_ascii_whitespace() {
                out.push(json[at]);
            }
            at += 1;
            continue;
        }
        let end = skip_string(json, at).unwrap_or(json.len());
        let literal = &json[at..end];
        match literal.get(1..literal.len().max(2) - 1).and_then(|inside| Some((inside, inline::payload(inside)?))) {
            Some((inside, range)) => {
                let (length, number) = (range.len(), inline::digest(&inside[range]));
                out.extend_from_slice(format!("\"base64:{length}:{number:016x}\"").as_bytes());
            }
            None => out.extend_from_slice(literal),
        }
        at = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// JSON that was cut off somewhere, with its open string and brackets closed, so that what is there can be read.
/// All other bytes as they are.
pub(super) fn mended(body: &[u8]) -> Cow<'_, [u8]> {
    let start = skip_space(body, 0);
    if !matches!(body.get(start), Some(b'{' | b'[')) || skip_value(body, start).is_some() {
        return Cow::Borrowed(body);
    }
    let mut open = Vec::new();
    let mut at = start;
    let mut end = body.len();
    let mut in_string = false;
    while let Some(mark) = next_mark(body, at) {
        at = mark + 1;
        match body[mark] {
            b'{' => open.push(b'}'),
            b'[' => open.push(b']'),
            b'"' => match skip_string(body, mark) {
                Some(after) => at = after,
                None => {
                    end = last_whole_character(body, mark + 1);
                    in_string = true;
                    break;
                }
            },
            _ => {
                open.pop();
            }
        }
    }
    let mut whole = body[..end].to_vec();
    if in_string {
        whole.push(b'"');
    }
    whole.extend(open.iter().rev());
    Cow::Owned(whole)
}

/// The end of the last character that is whole, in a string whose inside starts at `start` and that never ends.
fn last_whole_character(body: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(found) = body.get(at..).and_then(|rest| memchr(b'\\', rest)) {
        let escape = at + found;
        let length = if body.get(escape + 1) == Some(&b'u') { 6 } else { 2 };
        if escape + length > body.len() {
            return escape;
        }
        at = escape + length;
    }
    match std::str::from_utf8(body.get(at..).unwrap_or_default()) {
        Err(bad) if bad.error_len().is_none() => at + bad.valid_up_to(),
        _ => body.len(),
    }
}
