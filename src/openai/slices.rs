//! Cuts a request's body where parts of it come again in other requests, so that each part can be stored once.
//!
//! Start reading at [`slices`]. A conversation's next turn repeats all messages and appends some: cuts stand at the ends of
//! elements and depend on nothing that comes later. Pictures come again in other messages: long base64 is cut out.
//!
//! **Invariant:** the slices joined are the body, whatever bytes it has; nothing is allocated for a slice.
//! **May import:** std, memchr, `openai::{inline, scan}`.

use std::ops::Range;

use memchr::memchr;

use crate::openai::inline;
use crate::openai::scan::{members, skip_space, skip_string, skip_value};

/// What is shorter is not worth looking up; small elements are put together until they are as long. Each piece that may come
/// again costs a row at a place of its own: measured, a fifth of the time of storing a chat of 1 KiB when few are stored at once.
pub const SMALL_BYTES: usize = 1 << 10;
/// An element as long may hold base64, and instructions as long are worth storing once.
pub const LARGE_BYTES: usize = 1 << 10;
/// An element as long is also cut at the ends of its parts.
pub const PARTS_BYTES: usize = 16 << 10;
/// Longer slices are cut at multiples of this.
pub const MAX_SLICE_BYTES: usize = 1 << 20;

/// A piece of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Where it stands.
    pub range: Range<usize>,
    /// Whether it may come again: worth looking up, and storing once.
    pub shared: bool,
}

/// Cuts `body` into consecutive slices, none empty, that are all of it.
///
/// Of the arrays `messages`, `input`, `tools` and `system` at the top level, each element is a slice, with what stands
/// between it and the one before; small ones are taken together. What lies outside, what is too small, and all behind a
/// place where the body is no JSON any more, is not shared.
pub fn slices(body: &[u8], each: &mut dyn FnMut(Slice)) {
    let mut cutter = Cutter { body, told: 0, each };
    cutter.top();
    cutter.not_shared_up_to(body.len());
}

struct Cutter<'a> {
    body: &'a [u8],
    /// How far slices have been given out.
    told: usize,
    each: &'a mut dyn FnMut(Slice),
}

/// How far an array was walked.
struct Walked {
    /// The end of the last element that was given out.
    done: usize,
    /// The end of the array, when it has one.
    end: Option<usize>,
}

impl Cutter<'_> {
    fn not_shared_up_to(&mut self, end: usize) {
        if self.told < end {
            (self.each)(Slice { range: self.told..end, shared: false });
            self.told = end;
        }
    }

    fn shared(&mut self, range: Range<usize>) {
        self.not_shared_up_to(range.start);
        for start in range.clone().step_by(MAX_SLICE_BYTES) {
            (self.each)(Slice { range: start..range.end.min(start + MAX_SLICE_BYTES), shared: true });
        }
        self.told = range.end;
    }

    fn shared_if_worth_it(&mut self, range: Range<usize>) {
        if range.len() >= SMALL_BYTES {
            self.shared(range);
        }
    }

    /// Walks over the members of the body; ends early where it is no JSON.
    fn top(&mut self) -> Option<()> {
        let body = self.body;
        let mut at = skip_space(body, 0);
        let mut before = b'{';
        while body.get(at) == Some(&before) {
            let start = skip_space(body, at + 1);
            if body.get(start) != Some(&b'"') {
                return None;
            }
            let key_end = skip_string(body, start)?;
            let colon = skip_space(body, key_end);
            if body.get(colon) != Some(&b':') {
                return None;
            }
            let value = skip_space(body, colon + 1);
            let end = match (&body[start + 1..key_end - 1], body.get(value)?) {
                (b"messages" | b"input" | b"tools" | b"system", b'[') => self.array(value, Cutter::element).end?,
                (b"system" | b"instructions", b'"') => {
                    let end = skip_string(body, value)?;
                    if end - value >= LARGE_BYTES {
                        self.shared(value..end);
                    }
                    end
                }
                _ => skip_value(body, value)?,
            };
            at = skip_space(body, end);
            before = b',';
        }
        None
    }

    /// Gives out the elements of the array that opens at `open`, large ones by `large`, which gets the slice and where in
    /// it the element starts.
    fn array(&mut self, open: usize, large: fn(&mut Self, Range<usize>, usize)) -> Walked {
        let body = self.body;
        let mut walked = Walked { done: open + 1, end: None };
        let mut at = skip_space(body, open + 1);
        if body.get(at) == Some(&b']') {
            walked.end = Some(at + 1);
            return walked;
        }
        let mut last = walked.done;
        while let Some(end) = skip_value(body, at) {
            if end - at >= SMALL_BYTES {
                large(self, last..end, at);
                walked.done = end;
            } else if end - walked.done >= SMALL_BYTES {
                self.shared(walked.done..end);
                walked.done = end;
            }
            last = end;
            let after = skip_space(body, end);
            match body.get(after) {
                Some(b',') => at = skip_space(body, after + 1),
                Some(b']') => {
                    walked.end = Some(after + 1);
                    break;
                }
                _ => break,
            }
        }
        walked
    }

    /// A large element of one of the arrays at the top.
    fn element(&mut self, slice: Range<usize>, start: usize) {
        let body = self.body;
        let parts = match slice.end - start >= PARTS_BYTES {
            true => members(&body[start..slice.end])
                .find(|(key, value)| matches!(*key, b"content" | b"output") && body[start + value.start] == b'['),
            false => None,
        };
        let Some((_, value)) = parts else {
            return self.piece(slice, start);
        };
        let open = start + value.start;
        self.piece(slice.start..open + 1, start);
        let walked = self.array(open, Cutter::piece);
        self.piece(walked.done..slice.end, walked.done);
    }

    /// A piece that is cut at nothing but base64.
    fn piece(&mut self, slice: Range<usize>, _start: usize) {
        let body = self.body;
        let mut from = slice.start;
        let mut at = slice.start;
        while slice.end - at >= LARGE_BYTES
            && let Some(found) = memchr(b'"', &body[at..slice.end])
        {
            let inside = at + found + 1;
            let end = match skip_string(&body[..slice.end], inside - 1) {
                Some(end) => end,
                None => break,
            };
            if let Some(payload) = inline::payload(&body[inside..end - 1]) {
                self.shared_if_worth_it(from..inside + payload.start);
                self.shared(inside + payload.start..inside + payload.end);
                from = inside + payload.end;
            }
            at = end;
        }
        self.shared_if_worth_it(from..slice.end);
    }
}

#[cfg(test)]
mod tests;
