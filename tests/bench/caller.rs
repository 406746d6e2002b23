//! One caller on one connection: sends a chat request, reads the reply to its end, checks it.
//! Start at [`Caller::call`]; [`call_blocking`] is the same for threads. Each reply's status, length and number of
//! events is checked; nothing here decides when a request is sent.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Result;
use crate::payload::{self, Kind, LARGE_BYTES, SLOW_CHUNKS, SMALL_BYTES, STREAM_CHUNKS};
use crate::wire::Decoder;

/// What has been seen of a reply's body.
#[derive(Default)]
struct Seen {
    bytes: u64,
    line_feeds: u64,
}

impl Seen {
    fn take(&mut self, body: &[u8]) {
        self.bytes += body.len() as u64;
        self.line_feeds += memchr::memchr_iter(b'\n', body).count() as u64;
    }

    /// Complete events: each ends with the only two line feeds it has.
    fn events(&self) -> u64 {
        self.line_feeds / 2
    }

    fn check(&self, kind: Kind, status: u16) -> Result<()> {
        let is_whole = match kind {
            Kind::Small => self.bytes == SMALL_BYTES as u64,
            Kind::Large => self.bytes == LARGE_BYTES as u64,
            // One more for `[DONE]`.
            Kind::Burst | Kind::Paced => self.events() == STREAM_CHUNKS as u64 + 1,
            Kind::Slow => self.events() == SLOW_CHUNKS as u64 + 1,
        };
        if status != 200 || !is_whole {
            let (bytes, events) = (self.bytes, self.events());
            return Err(format!("{}: status {status}, {bytes} bytes, {events} events", kind.model()).into());
        }
        Ok(())
    }
}

/// An asynchronous connection.
pub struct Caller {
    socket: TcpStream,
    decoder: Decoder,
    input: Vec<u8>,
    request: payload::Template,
    kind: Kind,
}

impl Caller {
    /// Connects, to send requests of this kind; `seed` varies their words, `input_bytes` is what one read takes at most.
    ///
    /// # Errors
    /// No connection.
    pub async fn connect(addr: SocketAddr, kind: Kind, seed: u64, input_bytes: usize) -> Result<Self> {
        let socket = TcpStream::connect(addr).await?;
        socket.set_nodelay(true)?;
        Ok(Self {
            socket,
            decoder: Decoder::of_replies(),
            input: vec![0; input_bytes],
            request: payload::request(kind, &addr.to_string(), seed),
            kind,
        })
    }

    /// One request and its whole reply; `on_data` hears how many events are complete after each read.
    ///
    /// # Errors
    /// A broken connection, or a reply that is not what was asked for.
    pub async fn call(&mut self, mut on_data: impl FnMut(u64)) -> Result<()> {
        self.request.stamp(next_number());
        self.socket.write_all(&self.request.bytes).await?;
        self.decoder.reset();
        let mut seen = Seen::default();
        while !self.decoder.is_done() {
            let read = self.socket.read(&mut self.input).await?;
            if read == 0 {
                return Err(ended_early(&self.decoder));
            }
            let used = self.decoder.feed(&self.input[..read], |body| seen.take(body))?;
            if used < read {
                return Err("bytes behind the end of the reply".into());
            }
            on_data(seen.events());
        }
        seen.check(self.kind, self.decoder.status())
    }
}

fn ended_early(decoder: &Decoder) -> crate::Failure {
    if decoder.is_fresh() {
        "the connection was closed before the reply".into()
    } else {
        "the connection was closed in the middle of the reply".into()
    }
}

/// A number no other request of this run has.
pub fn next_number() -> u64 {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// One request for [`Kind::Small`] and its whole reply, on a blocking socket.
///
/// # Errors
/// A broken connection, or a reply that is not what was asked for.
pub fn call_blocking(socket: &mut std::net::TcpStream, decoder: &mut Decoder, request: &[u8]) -> Result<()> {
    let mut input = [0; 8 * 1024];
    socket.write_all(request)?;
    decoder.reset();
    let mut seen = Seen::default();
    while !decoder.is_done() {
        let read = socket.read(&mut input)?;
        if read == 0 {
            return Err(ended_early(decoder));
        }
        decoder.feed(&input[..read], |body| seen.take(body))?;
    }
    seen.check(Kind::Small, decoder.status())
}
