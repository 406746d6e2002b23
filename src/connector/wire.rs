//! The connection itself, wrapped so that awc cannot mistake an accident for an ending.
//!
//! Facts of awc 3 that this mends, each at the only place where it can be seen:
//! - a peer that closes in the middle of a chunked or sized body looks to awc like a clean end: here an end of input is
//!   always an error ([`closed_by_peer`]); who reads a body that ends by closing knows that it is none;
//! - a pooled connection may be dead: an end before the first byte of a reply on a connection that has served before is
//!   told apart ([`went_stale`]), so that the request can be sent again without blaming anybody;
//! - a body that ends by closing its connection is dropped in silence under HTTP/1.1, and an interim reply (1xx) is taken
//!   for the reply itself: heads are looked at as they come in, see [`head`](super::head);
//! - awc writes the whole request before it reads: when a reply with a status of 400 or more comes early, or the peer stops
//!   reading, the rest of the request is swallowed here, so that the reply is read instead of a broken pipe.
//!
//! **May import:** `head`.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_rt::net::{ActixStream, Ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use crate::connector::head::{self, Head};

/// How much of an early reply is read before the rest of the request has gone out.
const EARLY_BYTES: usize = 4096;

/// Plain or TLS.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<SslStream<TcpStream>>),
}

/// A connection under awc's HTTP/1 codec.
#[derive(Debug)]
pub struct Wire {
    stream: Stream,
    /// Requests begun on this connection.
    exchanges: u32,
    /// Whether any byte of the current exchange's reply was read.
    answered: bool,
    /// The peer does not want the rest of the request: what is written is dropped.
    muted: bool,
    /// The head of the current exchange's reply has not been looked at yet.
    head_pending: bool,
    /// Bytes of a reply that were read but not handed on: they came before the request had gone out, or their head was
    /// not complete.
    early: Vec<u8>,
}

/// The peer ended the connection.
#[derive(Debug)]
struct Closed {
    stale: bool,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection closed by the peer")
    }
}

impl std::error::Error for Closed {}

/// Whether this error says that the peer ended the connection in an orderly way (the end of a body that ends by closing).
pub fn closed_by_peer(error: &io::Error) -> bool {
    closed(error).is_some()
}

/// Whether this error says that a pooled connection was dead before the first byte of a reply.
pub fn went_stale(error: &io::Error) -> bool {
    closed(error).is_some_and(|closed| closed.stale)
}

fn closed(error: &io::Error) -> Option<&Closed> {
    error.get_ref()?.downcast_ref::<Closed>()
}

impl Wire {
    pub(super) fn new(stream: Stream) -> Wire {
        Wire { stream, exchanges: 0, answered: true, muted: false, head_pending: false, early: Vec::new() }
    }

    fn is_stale(&self) -> bool {
        self.exchanges > 1 && !self.answered
    }

    /// Looks for a reply while the request is still on its way out.
    fn poll_early(&mut self, cx: &mut Context<'_>) {
        if self.early.len() >= EARLY_BYTES {
            return;
        }
        let mut space = [0u8; EARLY_BYTES];
        let mut buf = ReadBuf::new(&mut space);
        match poll_read(&mut self.stream, cx, &mut buf) {
            Poll::Ready(Ok(())) if buf.filled().is_empty() => self.muted = true,
            Poll::Ready(Ok(())) => {
                self.early.extend_from_slice(buf.filled());
                self.muted = refuses(&self.early);
            }
            Poll::Ready(Err(_)) => self.muted = true,
            Poll::Pending => {}
        }
    }
}

/// Whether these first bytes of a reply are a status line with 4xx or 5xx.
fn refuses(reply: &[u8]) -> bool {
    reply.len() > 9 && reply.starts_with(b"HTTP/1.") && matches!(reply[9], b'4' | b'5')
}

fn poll_read(stream: &mut Stream, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
    match stream {
        Stream::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
        Stream::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
    }
}

impl Wire {
    /// Reads from the peer; an end of input is an error.
    fn poll_fill(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = ready!(poll_read(&mut self.stream, cx, buf));
        let stale = self.is_stale();
        Poll::Ready(match result {
            Ok(()) if buf.filled().len() > before || buf.remaining() == 0 => {
                self.answered = true;
                Ok(())
            }
            Ok(()) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, Closed { stale })),
            Err(error) if stale => Err(io::Error::new(error.kind(), Closed { stale })),
            Err(error) => Err(error),
        })
    }

    /// Gathers a head that did not come in one piece, or came behind interim ones.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match head::look_at(&self.early) {
                Head::Interim { length } => drop(self.early.drain(..length)),
                Head::Final { unframed } => {
                    if unframed {
                        head::declare_unframed(&mut self.early);
                    }
                    return Poll::Ready(Ok(()));
                }
                Head::Partial => {
                    let mut space = [0u8; EARLY_BYTES];
                    let mut buf = ReadBuf::new(&mut space);
                    ready!(self.poll_fill(cx, &mut buf))?;
                    self.early.extend_from_slice(buf.filled());
                }
            }
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.head_pending && this.early.is_empty() {
            let before = buf.filled().len();
            ready!(this.poll_fill(cx, buf))?;
            let came = &mut buf.filled_mut()[before..];
            match head::look_at(came) {
                Head::Final { unframed } => {
                    if unframed {
                        head::declare_unframed(came);
                    }
                    this.head_pending = false;
                    return Poll::Ready(Ok(()));
                }
                Head::Interim { .. } | Head::Partial => {
                    this.early.extend_from_slice(came);
                    buf.set_filled(before);
                }
            }
        }
        if this.head_pending {
            ready!(this.poll_head(cx))?;
            this.head_pending = false;
        }
        if this.early.is_empty() {
            return this.poll_fill(cx, buf);
        }
        let n = this.early.len().min(buf.remaining());
        buf.put_slice(&this.early[..n]);
        this.early.drain(..n);
        this.answered = true;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.answered && this.muted {
            // The peer did not want the last request's end: it is not asked again, and who tries is told to go elsewhere.
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionReset, Closed { stale: true })));
        }
        if this.answered {
            this.answered = false;
            this.head_pending = true;
            this.exchanges += 1;
        }
        if this.muted {
            return Poll::Ready(Ok(bytes.len()));
        }
        let result = match &mut this.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Stream::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        };
        match result {
            Poll::Ready(Err(_)) => this.muted = true,
            Poll::Pending => this.poll_early(cx),
            Poll::Ready(Ok(_)) => return result,
        }
        if this.muted { Poll::Ready(Ok(bytes.len())) } else { Poll::Pending }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.muted {
            return Poll::Ready(Ok(()));
        }
        match &mut this.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Stream::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Stream::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}

impl ActixStream for Wire {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        self.tcp().poll_read_ready(cx).map_ok(|()| Ready::READABLE)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        self.tcp().poll_write_ready(cx).map_ok(|()| Ready::WRITABLE)
    }
}

impl Wire {
    fn tcp(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => tls.get_ref(),
        }
    }
}
