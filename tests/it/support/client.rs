//! A caller that sees every byte: status, headers in order, framing, when each piece came, and whether the transfer ended or broke.
//!
//! Nothing here follows, retries, decodes or waits longer than the harness's patience.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Instant;

use serde_json::Value;

use crate::support::http::{Body, Framing, Head, Incoming, reply_framing};
use crate::support::upstream::reset;
use crate::support::{KEY, PATIENCE};

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Call {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    chunked: bool,
}

impl Call {
    /// A request with the client key and without a body.
    pub fn new(method: &str, target: &str) -> Call {
        let headers = vec![("Authorization".to_owned(), format!("Bearer {KEY}"))];
        Call { method: method.to_owned(), target: target.to_owned(), headers, body: None, chunked: false }
    }

    /// A GET with the client key.
    pub fn get(target: &str) -> Call {
        Call::new("GET", target)
    }

    /// A POST of JSON with the client key.
    pub fn post(target: &str, json: &str) -> Call {
        Call::new("POST", target).json(json)
    }

    /// A chat completion request with the client key.
    pub fn chat(json: &str) -> Call {
        Call::post("/v1/chat/completions", json)
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Call {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Removes a header.
    pub fn without(mut self, name: &str) -> Call {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self
    }

    /// Sends this body as JSON.
    pub fn json(self, body: &str) -> Call {
        self.header("Content-Type", "application/json").body(body)
    }

    /// Sends this body.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Call {
        self.body = Some(body.as_ref().to_vec());
        self
    }

    /// Sends the body in chunks instead of with its size.
    pub fn chunked(mut self) -> Call {
        self.chunked = true;
        self
    }

    /// Sends the request and reads the whole answer.
    pub fn send(self, to: SocketAddr) -> Answer {
        self.open(to).finish()
    }

    /// Sends the request and reads nothing yet.
    pub fn open(self, to: SocketAddr) -> Exchange {
        let method = self.method.clone();
        let mut exchange = Exchange::connect(to, &method);
        exchange.write(&self.head(to));
        let Some(body) = self.body else {
            return exchange;
        };
        if self.chunked {
            for piece in body.chunks(7919) {
                exchange.write(format!("{:x}\r\n", piece.len()).as_bytes());
                exchange.write(piece);
                exchange.write(b"\r\n");
            }
            exchange.write(b"0\r\n\r\n");
        } else {
            exchange.write(&body);
        }
        exchange
    }

    /// Sends the head and only the beginning of the body.
    pub fn open_partly(self, to: SocketAddr, bytes: usize) -> Exchange {
        let mut exchange = Exchange::connect(to, &self.method);
        exchange.write(&self.head(to));
        exchange.write(&self.body.as_deref().unwrap_or_default()[..bytes]);
        exchange
    }

    fn head(&self, to: SocketAddr) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        // A host of one's own takes the place of the address.
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("Host: {to}\r\n"));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match &self.body {
            Some(_) if self.chunked => head.push_str("Transfer-Encoding: chunked\r\n"),
            Some(body) => head.push_str(&format!("Content-Length: {}\r\n", body.len())),
            None => {}
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

/// A call whose answer is being read.
pub struct Exchange {
    incoming: Incoming<TcpStream>,
    method: String,
    head: Option<(Head, Body, Framing)>,
    pieces: Vec<(Instant, Vec<u8>)>,
}

impl Exchange {
    fn connect(to: SocketAddr, method: &str) -> Exchange {
        let tcp = TcpStream::connect(to).unwrap();
        tcp.set_nodelay(true).unwrap();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        tcp.set_write_timeout(Some(PATIENCE)).unwrap();
        Exchange { incoming: Incoming::new(tcp), method: method.to_owned(), head: None, pieces: Vec::new() }
    }

    /// Writes; that the other side no longer listens shows in what it answered.
    pub fn write(&mut self, bytes: &[u8]) {
        let _ = self.incoming.stream.write_all(bytes);
    }

    /// Waits for an answer before the answer, such as 100.
    pub fn interim(&mut self) -> Head {
        self.incoming.head().expect("a head of an interim answer").expect("an interim answer before the end")
    }

    /// Waits for the head of the answer.
    pub fn head(&mut self) -> &Head {
        if self.head.is_none() {
            let head = loop {
                let head = self.incoming.head().expect("a head of an answer").expect("an answer before the end");
                if head.word(1) != "100" {
                    break head;
                }
            };
            let framing = reply_framing(&head, &self.method);
            self.head = Some((head, Body::new(framing), framing));
        }
        &self.head.as_ref().unwrap().0
    }

    fn piece(&mut self) -> std::io::Result<bool> {
        self.head();
        let (_, body, _) = self.head.as_mut().unwrap();
        let piece = body.next(&mut self.incoming)?;
        if let Some(piece) = &piece {
            self.pieces.push((Instant::now(), piece.clone()));
        }
        Ok(piece.is_some())
    }

    /// The body as far as it was read.
    pub fn so_far(&self) -> Vec<u8> {
        self.pieces.iter().flat_map(|(_, piece)| piece.clone()).collect()
    }

    /// Reads until the body holds this text.
    pub fn until_body_has(&mut self, text: &str) {
        while !String::from_utf8_lossy(&self.so_far()).contains(text) {
            assert!(self.piece().expect("the transfer goes on"), "the body ended before it held {text:?}");
        }
    }

    /// Leaves in order.
    pub fn hang_up(self) {
        let _ = self.incoming.stream.shutdown(Shutdown::Both);
    }

    /// Leaves with a reset.
    pub fn reset(self) {
        reset(&self.incoming.stream);
    }

    /// Reads the rest.
    pub fn finish(mut self) -> Answer {
        self.rest()
    }

    /// Reads the rest and the head of the next answer on the same connection.
    pub fn finish_and_next(mut self) -> (Answer, Head) {
        let answer = self.rest();
        let next = self.incoming.head().expect("a head of the next answer").expect("a next answer before the end");
        (answer, next)
    }

    fn rest(&mut self) -> Answer {
        self.head();
        let broke = loop {
            match self.piece() {
                Ok(true) => {}
                Ok(false) => break None,
                Err(error) => break Some(error),
            }
        };
        let timed_out = broke
            .as_ref()
            .is_some_and(|e| matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut));
        assert!(!timed_out, "the answer neither went on nor ended: {:?}", self.so_far().len());
        let body = self.so_far();
        let (head, _, framing) = self.head.take().unwrap();
        let pieces = std::mem::take(&mut self.pieces);
        Answer { status: head.word(1).parse().unwrap(), head, framing, body, pieces, whole: broke.is_none() }
    }
}

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The head.
    pub head: Head,
    /// How the body's end was told.
    pub framing: Framing,
    /// The body, without its framing.
    pub body: Vec<u8>,
    /// When each piece of it came.
    pub pieces: Vec<(Instant, Vec<u8>)>,
    /// Whether the transfer came to the end its framing tells; false when it broke.
    pub whole: bool,
}

impl Answer {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.get(name)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("JSON, {error}: {}", self.text()))
    }

    /// The message of an error in OpenAI's shape; fails when the shape is another.
    pub fn error(&self) -> String {
        let json = self.json();
        let error = json["error"].as_object().unwrap_or_else(|| panic!("an error in OpenAI's shape: {json}"));
        let mut names: Vec<&str> = error.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["code", "message", "param", "type"], "the four fields of OpenAI's errors: {json}");
        assert!(error["type"].is_string(), "an error has a type: {json}");
        assert_eq!(self.header("content-type").map(|kind| kind.split(';').next().unwrap()), Some("application/json"));
        error["message"].as_str().expect("an error has a message").to_owned()
    }
}
