//! HTTP/1.1 as bytes: heads kept as they came, bodies read by their framing. Both the client and the fake upstream read with this.
//!
//! Nothing here repairs: what is not HTTP is an error.

use std::io::{self, Read};

/// The head of a request or a reply.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// The first line, without its line end.
    pub first: String,
    /// Names as sent, in order.
    pub headers: Vec<(String, String)>,
    /// Everything up to and with the empty line.
    pub raw: Vec<u8>,
}

impl Head {
    /// The value of the first header of this name, whatever its case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// The values of all headers of this name, in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = |(n, _): &&(String, String)| n.eq_ignore_ascii_case(name);
        self.headers.iter().filter(named).map(|(_, v)| v.as_str()).collect()
    }

    /// The n-th word of the first line.
    pub fn word(&self, n: usize) -> &str {
        self.first.split(' ').nth(n).unwrap_or("")
    }

    fn parse(raw: Vec<u8>) -> io::Result<Head> {
        let text = String::from_utf8_lossy(&raw).into_owned();
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        let first = lines.next().unwrap_or("").to_owned();
        let mut headers = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(':').ok_or_else(|| broken(&format!("no header: {line:?}")))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        Ok(Head { first, headers, raw })
    }
}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    Empty,
    /// `Content-Length`, with its value.
    Sized(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// The connection's end is the body's end.
    UntilClose,
}

/// A connection read piece by piece.
pub struct Incoming<S> {
    /// The connection.
    pub stream: S,
    buffer: Vec<u8>,
}

impl<S: Read> Incoming<S> {
    /// Nothing has been read yet.
    pub fn new(stream: S) -> Incoming<S> {
        Incoming { stream, buffer: Vec::new() }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut space = [0_u8; 65536];
        loop {
            match self.stream.read(&mut space) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(read) => {
                    self.buffer.extend_from_slice(&space[..read]);
                    return Ok(read);
                }
            }
        }
    }

    /// The next head; `None` when the peer closed before its first byte.
    pub fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let raw = self.buffer.drain(..end + 4).collect();
                return Head::parse(raw).map(Some);
            }
            if self.fill()? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(broken("closed within a head")) };
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if self.fill()? == 0 {
                return Err(broken("closed within a chunked body"));
            }
        }
    }

    fn take(&mut self, at_most: u64) -> Vec<u8> {
        let length = self.buffer.len().min(usize::try_from(at_most).unwrap_or(usize::MAX));
        self.buffer.drain(..length).collect()
    }
}

/// Reads one body.
pub struct Body {
    framing: Framing,
    left: u64,
    ended: bool,
}

impl Body {
    /// Nothing has been read yet.
    pub fn new(framing: Framing) -> Body {
        let left = if let Framing::Sized(size) = framing { size } else { 0 };
        Body { framing, left, ended: framing == Framing::Empty || framing == Framing::Sized(0) }
    }

    /// What has come next; `None` at the end as the framing tells it, an error when the connection ended before.
    pub fn next<S: Read>(&mut self, from: &mut Incoming<S>) -> io::Result<Option<Vec<u8>>> {
        if self.ended {
            return Ok(None);
        }
        match self.framing {
            Framing::Empty => Ok(None),
            Framing::UntilClose => {
                if from.buffer.is_empty() && from.fill()? == 0 {
                    self.ended = true;
                    return Ok(None);
                }
                Ok(Some(from.take(u64::MAX)))
            }
            Framing::Sized(_) => {
                if from.buffer.is_empty() && from.fill()? == 0 {
                    return Err(broken("closed within a sized body"));
                }
                let piece = from.take(self.left);
                self.left -= piece.len() as u64;
                self.ended = self.left == 0;
                Ok(Some(piece))
            }
            Framing::Chunked => self.next_chunked(from),
        }
    }

    fn next_chunked<S: Read>(&mut self, from: &mut Incoming<S>) -> io::Result<Option<Vec<u8>>> {
        if self.left == 0 {
            let line = from.line()?;
            let size = line.split(';').next().unwrap_or("").trim();
            self.left = u64::from_str_radix(size, 16).map_err(|_| broken(&format!("no chunk size: {line:?}")))?;
            if self.left == 0 {
                while !from.line()?.is_empty() {}
                self.ended = true;
                return Ok(None);
            }
        }
        if from.buffer.is_empty() && from.fill()? == 0 {
            return Err(broken("closed within a chunk"));
        }
        let piece = from.take(self.left);
        self.left -= piece.len() as u64;
        if self.left == 0 && !from.line()?.is_empty() {
            return Err(broken("a chunk longer than its size"));
        }
        Ok(Some(piece))
    }
}

/// How the head of a request frames its body.
pub fn request_framing(head: &Head) -> Framing {
    told(head).unwrap_or(Framing::Empty)
}

/// How the head of a reply frames its body, given the method it answers.
pub fn reply_framing(head: &Head, method: &str) -> Framing {
    let status = head.word(1);
    if method == "HEAD" || status == "204" || status == "304" || status.starts_with('1') {
        return Framing::Empty;
    }
    told(head).unwrap_or(Framing::UntilClose)
}

fn told(head: &Head) -> Option<Framing> {
    if head.get("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        return Some(Framing::Chunked);
    }
    head.get("content-length").and_then(|size| size.parse().ok()).map(Framing::Sized)
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, what.to_owned())
}
