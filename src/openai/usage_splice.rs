//! Asks an upstream for the usage of a stream on behalf of a caller that did not: `stream_options.include_usage` is
//! spliced into the request's bytes.
//!
//! Start reading at [`ask_for_usage`]. What comes back for it is taken out of the stream again by
//! [`crate::openai::usage_filter`]. The member is OpenAI's
//! (<https://platform.openai.com/docs/api-reference/chat/create#chat_create-stream_options>).
//!
//! **Invariant:** no byte of the caller's is written anew: a body that is not plainly understood is left alone.
//! **May import:** std, `openai::{scan, splice}`.

use std::ops::Range;

use crate::openai::scan::{members, skip_space};
use crate::openai::splice::Splice;

/// Where to ask for the usage in the JSON body of a chat or completion request.
///
/// `None` when there is nothing to ask: no stream is wanted, the caller asks itself, or the body is no whole JSON object or
/// says something odd. `false` and `null` count as not having asked. The last of several members of one name counts,
/// as it does for the parsers upstream.
pub fn ask_for_usage(body: &[u8]) -> Option<Splice<'static>> {
    let opening = skip_space(body, 0);
    let (mut stream, mut options) = (false, None);
    let end = walk(body, 0, |key, value| {
        match key {
            b"stream" => stream = &body[value] == b"true",
            b"stream_options" => options = Some(value),
            _ => {}
        };
    })?;
    if !stream || skip_space(body, end) != body.len() {
        return None;
    }
    let Some(options) = options else {
        return Some(Splice { at: opening + 1..opening + 1, text: br#""stream_options":{"include_usage":true},"# });
    };
    match &body[options.clone()] {
        b"null" => Some(Splice { at: options, text: br#"{"include_usage":true}"# }),
        [b'{', ..] => within_options(body, options),
        _ => None,
    }
}

fn within_options(body: &[u8], options: Range<usize>) -> Option<Splice<'static>> {
    let (mut asked, mut any) = (None, false);
    let end = walk(&body[..options.end], options.start, |key, value| {
        any = true;
        if key == b"include_usage" {
            asked = Some(value);
        }
    })?;
    if end != options.end {
        return None;
    }
    let start = options.start + 1;
    match asked {
        Some(value) => match &body[value.clone()] {
            b"false" | b"null" => Some(Splice { at: value, text: b"true" }),
            _ => None,
        },
        None if any => Some(Splice { at: start..start, text: br#""include_usage":true,"# }),
        None => Some(Splice { at: start..start, text: br#""include_usage":true"# }),
    }
}

/// Walks the object that begins at `from`, and gives its end; `None` when it is no whole object or a name in it is
/// written with escapes, which could hide one that matters.
fn walk(body: &[u8], from: usize, mut each: impl FnMut(&[u8], Range<usize>)) -> Option<usize> {
    let opening = skip_space(body, from);
    if body.get(opening) != Some(&b'{') {
        return None;
    }
    let (mut after, mut plain) = (opening + 1, true);
    for (key, value) in members(&body[opening..]) {
        let value = value.start + opening..value.end + opening;
        after = value.end;
        plain &= !key.contains(&b'\\');
        each(key, value);
    }
    let end = skip_space(body, after);
    (plain && body.get(end) == Some(&b'}')).then_some(end + 1)
}

#[cfg(test)]
mod tests;
