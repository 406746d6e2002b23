//! What a fake upstream does with one request: bytes, waits and accidents in order.
//!
//! Nothing here touches a socket; `upstream.rs` plays it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One step of a reply.
#[derive(Clone)]
pub enum Act {
    /// Writes these bytes at once.
    Send(Vec<u8>),
    /// Does nothing for this long.
    Pause(Duration),
    /// Does nothing until the test lets it pass once.
    Wait(Gate),
    /// Ends the connection in order.
    Close,
    /// Ends the connection with a reset.
    Reset,
    /// Does nothing until the peer hangs up.
    Hang,
}

/// Lets a script pass as many times as the test says.
#[derive(Clone, Default)]
pub struct Gate(Arc<Mutex<usize>>);

impl Gate {
    /// A closed gate.
    pub fn new() -> Gate {
        Gate::default()
    }

    /// Lets one more step pass.
    pub fn open(&self) {
        *self.0.lock().unwrap() += 1;
    }

    /// Takes one pass when there is one.
    pub fn take(&self) -> bool {
        let mut passes = self.0.lock().unwrap();
        let granted = *passes > 0;
        *passes -= usize::from(granted);
        granted
    }
}

/// The whole script for one request.
#[derive(Clone, Default)]
pub struct Reply {
    /// The steps, in order; afterwards the connection waits for the next request.
    pub acts: Vec<Act>,
}

impl Reply {
    /// No step yet.
    pub fn new() -> Reply {
        Reply::default()
    }

    /// A head with exactly these headers.
    pub fn head(status: u16, headers: &[(&str, &str)]) -> Reply {
        Reply::new().then_head(status, headers)
    }

    /// A reply of known size.
    pub fn sized(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Reply {
        let length = body.as_ref().len().to_string();
        let mut all = headers.to_vec();
        all.push(("Content-Length", &length));
        Reply::head(status, &all).bytes(body)
    }

    /// JSON of known size.
    pub fn json(status: u16, body: &str) -> Reply {
        Reply::sized(status, &[("Content-Type", "application/json")], body)
    }

    /// JSON of known size with further headers.
    pub fn json_with(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut all = vec![("Content-Type", "application/json")];
        all.extend_from_slice(headers);
        Reply::sized(status, &all, body)
    }

    /// The head of an event stream; events follow.
    pub fn stream() -> Reply {
        Reply::head(200, &[("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")])
    }

    /// Something that is not HTTP.
    pub fn garbage() -> Reply {
        Reply::new().bytes("SSH-2.0-OpenSSH_9.9\r\n\u{0}\u{1}\u{2}\r\n\r\n").close()
    }

    /// Adds a head.
    pub fn then_head(self, status: u16, headers: &[(&str, &str)]) -> Reply {
        let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.bytes(head)
    }

    /// Writes bytes as they are.
    pub fn bytes(self, bytes: impl AsRef<[u8]>) -> Reply {
        self.act(Act::Send(bytes.as_ref().to_vec()))
    }

    /// Writes one chunk of a chunked body.
    pub fn chunk(self, bytes: impl AsRef<[u8]>) -> Reply {
        let bytes = bytes.as_ref();
        let mut framed = format!("{:x}\r\n", bytes.len()).into_bytes();
        framed.extend_from_slice(bytes);
        framed.extend_from_slice(b"\r\n");
        self.act(Act::Send(framed))
    }

    /// Ends a chunked body.
    pub fn last_chunk(self) -> Reply {
        self.bytes("0\r\n\r\n")
    }

    /// Writes one server-sent event as one chunk.
    pub fn event(self, data: &str) -> Reply {
        self.chunk(format!("data: {data}\n\n"))
    }

    /// Writes `[DONE]` and ends the chunked body.
    pub fn done(self) -> Reply {
        self.event("[DONE]").last_chunk()
    }

    /// Says nothing for a while.
    pub fn pause(self, ms: u64) -> Reply {
        self.act(Act::Pause(Duration::from_millis(ms)))
    }

    /// Says nothing until the test opens the gate once more.
    pub fn wait(self, gate: &Gate) -> Reply {
        self.act(Act::Wait(gate.clone()))
    }

    /// Closes the connection in order.
    pub fn close(self) -> Reply {
        self.act(Act::Close)
    }

    /// Resets the connection.
    pub fn reset(self) -> Reply {
        self.act(Act::Reset)
    }

    /// Says nothing more, ever.
    pub fn hang(self) -> Reply {
        self.act(Act::Hang)
    }

    fn act(mut self, act: Act) -> Reply {
        self.acts.push(act);
        self
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        304 => "Not Modified",
        400 => "Bad Request",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    }
}
