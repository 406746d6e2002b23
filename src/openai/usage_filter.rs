//! Takes the chunk out of a stream that only tells the usage: it came because we asked for it, not the caller.
//!
//! Start reading at [`UsageFilter::push`], then [`judge`], which says what such a chunk is: an event whose data is an
//! object with `"choices":[]` and an object `usage`. Every other byte passes unchanged, at once: an event is held back
//! only while what has come of it could still become that chunk. (`"usage":null`, which OpenAI then adds to the other
//! chunks, stays: taking it out would mean to write them anew.)
//!
//! **Invariant:** what passes is what came, in order, without that chunk; however it was cut into pieces.
//! **May import:** std, memchr, `openai::scan`.

use std::borrow::Cow;

use memchr::memchr2;

use crate::openai::scan::{members, skip_space};

/// No usage chunk is longer; an event that is still undecided here passes.
const LONGEST_BYTES: usize = 8 << 10;

/// A part of the stream that passes.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// Bytes of earlier pieces that were held back.
    Held(Vec<u8>),
    /// Bytes of the piece that was pushed.
    Piece(&'a [u8]),
}

/// The state between two pieces of a stream.
#[derive(Debug, Default)]
pub struct UsageFilter {
    /// The event under way, as long as it is undecided.
    held: Vec<u8>,
    /// The event under way passes: only its end is looked for.
    passing: bool,
    /// The line under way has a character.
    in_line: bool,
    /// The last byte was a carriage return: a line feed after it belongs to it.
    after_cr: bool,
    /// That carriage return ended an event: whether it passed, as the line feed then does.
    ended: Option<bool>,
}

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judgement {
    /// Too little has come.
    Undecided,
    /// It only tells the usage.
    UsageOnly,
    /// Anything else.
    Other,
}

impl UsageFilter {
    /// A filter at the beginning of a stream.
    pub fn new() -> UsageFilter {
        UsageFilter::default()
    }

    /// Takes the next piece of the stream and hands out what passes, in order.
    pub fn push<'a>(&mut self, piece: &'a [u8], mut pass: impl FnMut(Part<'a>)) {
        // Bytes from `from` up to `at` pass and are not handed out yet.
        let (mut from, mut at) = (0, 0);
        if !piece.is_empty()
            && let Some(passed) = self.ended.take()
            && piece[0] == b'\n'
        {
            self.after_cr = false;
            (from, at) = (usize::from(!passed), 1);
        }
        while at < piece.len() {
            let end = self.event_end(piece, at);
            let upto = end.unwrap_or(piece.len());
            let judgement = if self.passing {
                Judgement::Other
            } else if self.held.is_empty() {
                judge(&piece[at..upto], end.is_some())
            } else {
                self.held.extend_from_slice(&piece[at..upto]);
                judge(&self.held, end.is_some())
            };
            match judgement {
                Judgement::Undecided => {
                    if at > from {
                        pass(Part::Piece(&piece[from..at]));
                    }
                    if self.held.is_empty() {
                        self.held.extend_from_slice(&piece[at..upto]);
                    }
                    from = upto;
                    if self.held.len() > LONGEST_BYTES {
                        self.passing = true;
                        pass(Part::Held(std::mem::take(&mut self.held)));
                    }
                }
                Judgement::UsageOnly => {
                    if at > from {
                        pass(Part::Piece(&piece[from..at]));
                    }
                    self.held.clear();
                    from = upto;
                }
                Judgement::Other => {
                    if !self.held.is_empty() {
                        pass(Part::Held(std::mem::take(&mut self.held)));
                        from = upto;
                    }
                    self.passing = end.is_none();
                }
            }
            if end.is_some() && self.after_cr {
                self.ended = Some(judgement != Judgement::UsageOnly);
            }
            at = upto;
        }
        if at > from {
            pass(Part::Piece(&piece[from..at]));
        }
    }

    /// The stream is over: what is still held back, unless it is that chunk without the empty line at its end.
    pub fn finish(&mut self) -> Vec<u8> {
        match judge(&self.held, true) {
            Judgement::UsageOnly => Vec::new(),
            Judgement::Undecided | Judgement::Other => std::mem::take(&mut self.held),
        }
    }

    /// Where the event under way ends in `piece`, looked for from `at` on: behind its empty line.
    fn event_end(&mut self, piece: &[u8], mut at: usize) -> Option<usize> {
        loop {
            if std::mem::take(&mut self.after_cr) && piece.get(at) == Some(&b'\n') {
                at += 1;
            }
            let Some(length) = memchr2(b'\n', b'\r', &piece[at..]) else {
                self.in_line |= at < piece.len();
                return None;
            };
            let was_empty = length == 0 && !self.in_line;
            at += length + 1;
            self.in_line = false;
            if piece[at - 1] == b'\r' {
                match piece.get(at) {
                    Some(b'\n') => at += 1,
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
            if was_empty {
                return Some(at);
            }
            if at == piece.len() {
                return None;
            }
        }
    }
}

/// What an event is, as far as it has come; `whole` when nothing more of it will.
fn judge(event: &[u8], whole: bool) -> Judgement {
    if is_plainly_content(event) {
        return Judgement::Other;
    }
    let Some(data) = data(event) else { return Judgement::Other };
    let start = skip_space(&data, 0);
    match data.get(start) {
        None if whole => return Judgement::Other,
        None => return Judgement::Undecided,
        Some(b'{') => {}
        Some(_) => return Judgement::Other,
    }
    let object = &data[start..];
    let (mut no_choices, mut has_usage, mut after) = (false, false, 1);
    let mut walk = members(object);
    for (key, range) in walk.by_ref() {
        after = range.end;
        let value = &object[range];
        match key {
            b"choices" => no_choices = is_empty_array(value),
            b"usage" => has_usage = value.first() == Some(&b'{'),
            b"error" if value != b"null" => return Judgement::Other,
            _ => {}
        }
        if key == b"choices" && !no_choices {
            return Judgement::Other;
        }
    }
    if !whole {
        return match walk.cut() {
            Some((b"choices", start)) if !may_be_empty_array(&object[start..]) => Judgement::Other,
            _ => Judgement::Undecided,
        };
    }
    let end = skip_space(object, after);
    let complete = object.get(end) == Some(&b'}') && skip_space(object, end + 1) == object.len();
    if complete && no_choices && has_usage { Judgement::UsageOnly } else { Judgement::Other }
}

/// The usual chunk, known without a walk: its first bracket opens `choices`, and something is in there. (Within a string no
/// `"choices":` can stand, because its quotes would be escaped.)
fn is_plainly_content(event: &[u8]) -> bool {
    let Some(data) = event.strip_prefix(b"data:") else { return false };
    let opening = skip_space(data, 0);
    if data.get(opening) != Some(&b'{') {
        return false;
    }
    let Some(length) = memchr2(b'{', b'[', &data[opening + 1..]) else { return false };
    let (before, bracket) = data.split_at(opening + 1 + length);
    let named = before.ends_with(br#""choices":"#) || before.ends_with(br#""choices": "#);
    named && matches!(bracket, [b'[', next, ..] if !matches!(next, b']' | b' ' | b'\n' | b'\r' | b'\t'))
}

fn is_empty_array(value: &[u8]) -> bool {
    value.first() == Some(&b'[') && skip_space(value, 1) + 1 == value.len()
}

/// The beginning of a value: could it become `[]`?
fn may_be_empty_array(beginning: &[u8]) -> bool {
    match beginning.first() {
        None => true,
        Some(b'[') => skip_space(beginning, 1) >= beginning.len(),
        Some(_) => false,
    }
}

/// The data of an event as far as it has come; `None` when a line is none of an event stream's (WHATWG HTML, §9.2.6).
fn data(event: &[u8]) -> Option<Cow<'_, [u8]>> {
    const FIELDS: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];
    let mut data: Option<Cow<'_, [u8]>> = None;
    let mut rest = event;
    while !rest.is_empty() {
        let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or_default();
        if let Some(value) = line.strip_prefix(b"data:") {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            data = Some(match data {
                None => Cow::Borrowed(value),
                Some(before) => {
                    let mut joined = before.into_owned();
                    joined.push(b'\n');
                    joined.extend_from_slice(value);
                    Cow::Owned(joined)
                }
            });
        } else if !FIELDS.iter().any(|field| line.starts_with(field) || field.starts_with(line)) {
            return None;
        }
    }
    Some(data.unwrap_or_default())
}

#[cfg(test)]
mod tests;
