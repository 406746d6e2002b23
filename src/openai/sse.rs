//! Cuts a stream of server-sent events into events, whatever pieces it arrives in.
//!
//! Start reading at [`Splitter::push`]. The rules are those of the WHATWG (HTML standard, §9.2.6 "Interpreting an event
//! stream"), with one difference: an event that the end of the stream cut off is handed out by [`Splitter::finish`],
//! because a record must not lose it.
//!
//! **Invariant:** nothing here looks at a byte twice, and an event that arrives in one piece is not copied.
//! **May import:** std, memchr.

use memchr::memchr2;

/// One event, borrowed from the bytes it came in wherever possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// What the `event:` line said; empty when there was none.
    pub event: &'a [u8],
    /// The `data:` lines, joined by line feeds.
    pub data: &'a [u8],
}

const BOM: &[u8] = b"\xef\xbb\xbf";

/// The state between two pieces of a stream.
#[derive(Debug, Clone, Default)]
pub struct Splitter {
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    event: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// The last piece ended with a carriage return: a line feed at the start of the next one belongs to it.
    after_cr: bool,
    /// The stream proper has begun: no byte order mark can come any more.
    begun: bool,
    /// How many bytes of a byte order mark have gone by.
    bom_seen: usize,
}

impl Splitter {
    /// A splitter at the beginning of a stream.
    pub fn new() -> Splitter {
        Splitter::default()
    }

    /// Takes the next piece of the stream and hands out each event that it completes.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Event<'_>)) {
        let mut rest = self.past_bom(bytes);
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        // The data of the event under way while it is still one line of this very piece.
        let mut borrowed: Option<&[u8]> = None;
        while let Some(end) = memchr2(b'\n', b'\r', rest) {
            let (line, ending) = rest.split_at(end);
            rest = match ending {
                [b'\r', b'\n', after @ ..] => after,
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                _ => &ending[1..],
            };
            if self.line.is_empty() {
                self.take_line(line, &mut borrowed, &mut each);
            } else {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                self.settle(borrowed.take());
                self.take_carried(&whole, &mut each);
                whole.clear();
                self.line = whole;
            }
        }
        self.settle(borrowed);
        self.line.extend_from_slice(rest);
    }

    /// Ends the stream: an event that no empty line closed is handed out as far as it came.
    pub fn finish(mut self, mut each: impl FnMut(Event<'_>)) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.take_carried(&line, &mut each);
        }
        self.dispatch(None, &mut each);
    }

    /// One whole line of the piece under work. `borrowed` is the data so far when it is one line of the same piece.
    fn take_line<'a>(&mut self, line: &'a [u8], borrowed: &mut Option<&'a [u8]>, each: &mut impl FnMut(Event<'_>)) {
        if line.is_empty() {
            self.dispatch(borrowed.take(), each);
        } else if let Some(value) = value_of(line, b"data") {
            self.settle(borrowed.take());
            if self.has_data {
                self.settle(Some(value));
            } else {
                *borrowed = Some(value);
            }
        } else if let Some(value) = value_of(line, b"event") {
            self.event.clear();
            self.event.extend_from_slice(value);
        }
    }

    /// One whole line that was put together from several pieces and does not outlive this call.
    fn take_carried(&mut self, line: &[u8], each: &mut impl FnMut(Event<'_>)) {
        let mut borrowed = None;
        self.take_line(line, &mut borrowed, each);
        self.settle(borrowed);
    }

    /// Copies a line of data that has to wait for what follows it.
    fn settle(&mut self, data: Option<&[u8]>) {
        let Some(data) = data else { return };
        if self.has_data {
            self.data.push(b'\n');
        }
        self.data.extend_from_slice(data);
        self.has_data = true;
    }

    fn dispatch(&mut self, borrowed: Option<&[u8]>, each: &mut impl FnMut(Event<'_>)) {
        if let Some(data) = borrowed {
            each(Event { event: &self.event, data });
        } else if self.has_data {
            each(Event { event: &self.event, data: &self.data });
        }
        self.event.clear();
        self.data.clear();
        self.has_data = false;
    }

    /// Leaves out a byte order mark at the very beginning, which may itself arrive in pieces.
    fn past_bom<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let mut rest = bytes;
        while !self.begun {
            let Some((first, after)) = rest.split_first() else {
                break;
            };
            if *first == BOM[self.bom_seen] {
                self.bom_seen += 1;
                self.begun = self.bom_seen == BOM.len();
                rest = after;
            } else {
                self.begun = true;
                self.line.extend_from_slice(&BOM[..self.bom_seen]);
            }
        }
        rest
    }
}

fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let after = line.strip_prefix(name)?;
    match after {
        [] => Some(after),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

/// What the last event of a stream begins with: chat and completions; responses; messages; speech, transcriptions, images.
const LAST_EVENTS: [&[u8]; 8] = [
    b"data: [DONE]",
    b"event: response.completed",
    b"event: response.failed",
    b"event: response.incomplete",
    b"event: message_stop",
    b"event: speech.audio.done",
    b"event: transcript.text.done",
    b"event: image_generation.completed",
];

/// Whether this piece ends with a stream's last event, as far as that can be seen cheaply: the event must stand in the piece as
/// a whole, written the way the usual servers write it.
pub fn ends_stream(piece: &[u8]) -> bool {
    let Some(piece) = piece.strip_suffix(b"\n\n").or_else(|| piece.strip_suffix(b"\r\n\r\n")) else { return false };
    let blank_lines = memchr::memmem::rfind(piece, b"\n\n").map(|at| at + 2);
    let begin = blank_lines.max(memchr::memmem::rfind(piece, b"\r\n\r\n").map(|at| at + 4)).unwrap_or(0);
    LAST_EVENTS.iter().any(|last| piece[begin..].starts_with(last))
}

#[cfg(test)]
mod tests;
