//! HTTP/1.1 as the benchmark needs it: finds the end of one message and hands its body on as it comes.
//! Start at [`Decoder::feed`]. Used by the load generator for replies and by the mock upstream for requests.
//! Nothing here reads a socket or keeps a body.

use memchr::memmem;

/// Where in a message the decoder stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Sized(u64),
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailer,
    Done,
}

/// Decodes one message at a time; ready for the next after [`Decoder::reset`].
pub struct Decoder {
    state: State,
    is_reply: bool,
    /// The head while it is incomplete, later the current chunk-size or trailer line.
    pending: Vec<u8>,
    status: u16,
}

impl Decoder {
    /// A decoder of requests: no declared length means no body.
    pub fn of_requests() -> Self {
        Self::new(false)
    }

    /// A decoder of replies: every reply has to declare its length or be chunked.
    pub fn of_replies() -> Self {
        Self::new(true)
    }

    fn new(is_reply: bool) -> Self {
        Self { state: State::Head, is_reply, pending: Vec::with_capacity(1024), status: 0 }
    }

    /// The status of the reply, once its head is there.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// True when the whole message has been seen.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// True when nothing of a message has been seen.
    pub fn is_fresh(&self) -> bool {
        self.state == State::Head && self.pending.is_empty()
    }

    /// Makes the decoder ready for the next message of the connection.
    pub fn reset(&mut self) {
        self.state = State::Head;
        self.pending.clear();
    }

    /// Takes what the socket gave and hands decoded body bytes to `sink`. Returns how many bytes belong to
    /// this message; fewer than given only when it is done.
    ///
    /// # Errors
    /// What is not HTTP/1.1 as the peers of this benchmark should speak it.
    pub fn feed(&mut self, input: &[u8], mut sink: impl FnMut(&[u8])) -> Result<usize, &'static str> {
        let mut rest = input;
        while !rest.is_empty() && self.state != State::Done {
            match self.state {
                State::Head => {
                    let seen = self.pending.len();
                    self.pending.extend_from_slice(rest);
                    let from = seen.saturating_sub(3);
                    let Some(at) = memmem::find(&self.pending[from..], b"\r\n\r\n") else {
                        return Ok(input.len());
                    };
                    let end = from + at + 4;
                    rest = &rest[end - seen..];
                    self.state = self.read_head(end)?;
                    self.pending.clear();
                }
                State::Sized(left) => {
                    let (data, after) = split(rest, left);
                    sink(data);
                    rest = after;
                    self.state = match left - data.len() as u64 {
                        0 => State::Done,
                        left => State::Sized(left),
                    };
                }
                State::ChunkSize => {
                    let Some(line) = self.take_line(&mut rest) else {
                        continue;
                    };
                    self.state = match chunk_size(&line)? {
                        0 => State::Trailer,
                        size => State::ChunkData(size),
                    };
                }
                State::ChunkData(left) => {
                    let (data, after) = split(rest, left);
                    sink(data);
                    rest = after;
                    self.state = match left - data.len() as u64 {
                        0 => State::ChunkEnd,
                        left => State::ChunkData(left),
                    };
                }
                State::ChunkEnd => {
                    let Some(line) = self.take_line(&mut rest) else {
                        continue;
                    };
                    if line != b"\r\n" {
                        return Err("a chunk is longer than its size says");
                    }
                    self.state = State::ChunkSize;
                }
                State::Trailer => {
                    let Some(line) = self.take_line(&mut rest) else {
                        continue;
                    };
                    if line == b"\r\n" {
                        self.state = State::Done;
                    }
                }
                State::Done => break,
            }
        }
        Ok(input.len() - rest.len())
    }

    /// Takes bytes up to and with the next line feed; `None` while the line is incomplete.
    fn take_line(&mut self, rest: &mut &[u8]) -> Option<Vec<u8>> {
        match memchr::memchr(b'\n', rest) {
            Some(at) => {
                self.pending.extend_from_slice(&rest[..=at]);
                *rest = &rest[at + 1..];
                let line = self.pending.clone();
                self.pending.clear();
                Some(line)
            }
            None => {
                self.pending.extend_from_slice(rest);
                *rest = &[];
                None
            }
        }
    }

    fn read_head(&mut self, end: usize) -> Result<State, &'static str> {
        let head = std::str::from_utf8(&self.pending[..end]).map_err(|_| "the head is not text")?;
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or_default();
        if self.is_reply {
            self.status = first
                .strip_prefix("HTTP/1.1 ")
                .and_then(|line| line.get(..3)?.parse().ok())
                .ok_or("no HTTP/1.1 status line")?;
        }
        let mut state = if self.is_reply { Err("the reply declares no length") } else { Ok(State::Done) };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                let length = value.parse().map_err(|_| "content-length is no number")?;
                state = Ok(match length {
                    0 => State::Done,
                    length => State::Sized(length),
                });
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                return Ok(State::ChunkSize);
            }
        }
        state
    }
}

fn split(bytes: &[u8], left: u64) -> (&[u8], &[u8]) {
    let here = usize::try_from(left).unwrap_or(usize::MAX);
    bytes.split_at(here.min(bytes.len()))
}

fn chunk_size(line: &[u8]) -> Result<u64, &'static str> {
    std::str::from_utf8(line)
        .ok()
        .and_then(|line| line.split(';').next())
        .and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok())
        .ok_or("a chunk size is no number")
}
