//! The mock upstream: a process of its own that answers chat requests from memory, by the model's name.
//! Start at [`run`]. It keeps connections alive, reads sized and chunked requests, and writes each chunk of a stream
//! by itself, as upstreams do. Nothing here parses JSON.

use std::cell::Cell;
use std::io::{Read, Write};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::Result;
use crate::payload::{self, Kind, PACED_GAP_MS, SLOW_GAP_MS, Template};
use crate::wire::Decoder;

/// Different wordings kept of each reply.
const VARIANTS: usize = 4;
/// The model's name stands within so many bytes of the body's beginning.
const PEEK_BYTES: usize = 64;

/// Listens on a free port, prints the address as the only line on standard output, serves until standard input ends.
///
/// # Errors
/// No socket to listen on.
pub fn run() -> Result<()> {
    thread::spawn(|| {
        let mut nothing = [0; 16];
        while matches!(std::io::stdin().read(&mut nothing), Ok(read) if read > 0) {}
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut out = std::io::stdout();
        writeln!(out, "{}", listener.local_addr()?)?;
        out.flush()?;
        let shelf = Rc::new(Shelf::new());
        loop {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            let shelf = shelf.clone();
            // A proxy that hangs up ends the connection's task; there is nobody to tell.
            tokio::task::spawn_local(async move { drop(serve(socket, &shelf).await) });
        }
    })
}

/// All replies, ready to be stamped and sent.
struct Shelf {
    replies: Vec<Vec<Template>>,
    served: Cell<u64>,
}

impl Shelf {
    fn new() -> Self {
        let variants = |kind| (0..VARIANTS as u64).map(|seed| payload::reply(kind, seed)).collect();
        Self { replies: Kind::ALL.into_iter().map(variants).collect(), served: Cell::new(0) }
    }
}

async fn serve(mut socket: TcpStream, shelf: &Shelf) -> Result<()> {
    let mut input = vec![0; 64 * 1024];
    let mut decoder = Decoder::of_requests();
    let mut beginning = Vec::with_capacity(PEEK_BYTES);
    // This connection's own copies, made when first asked for.
    let mut own: Vec<Option<Template>> = vec![None; Kind::ALL.len()];
    loop {
        decoder.reset();
        beginning.clear();
        while !decoder.is_done() {
            let read = socket.read(&mut input).await?;
            if read == 0 {
                return Ok(());
            }
            decoder.feed(&input[..read], |body| {
                let room = PEEK_BYTES - beginning.len();
                beginning.extend_from_slice(&body[..room.min(body.len())]);
            })?;
        }
        let Some(kind) = kind_of(&beginning) else {
            socket.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await?;
            continue;
        };
        let number = shelf.served.get() + 1;
        shelf.served.set(number);
        let variants = &shelf.replies[kind as usize];
        let reply = own[kind as usize].get_or_insert_with(|| variants[number as usize % VARIANTS].clone());
        reply.stamp(number);
        socket = send(socket, reply, kind).await?;
    }
}

fn kind_of(beginning: &[u8]) -> Option<Kind> {
    let at = memmem::find(beginning, br#""model":""#)? + 9;
    Kind::ALL.into_iter().find(|kind| beginning[at..].starts_with(kind.model().as_bytes()))
}

async fn send(mut socket: TcpStream, reply: &Template, kind: Kind) -> Result<TcpStream> {
    let gap = match kind {
        Kind::Small | Kind::Large | Kind::Burst => Duration::ZERO,
        Kind::Paced => return send_paced(socket, reply.clone()).await,
        Kind::Slow => Duration::from_millis(SLOW_GAP_MS),
    };
    let mut from = 0;
    for (index, &to) in reply.cuts.iter().enumerate() {
        // The first piece is the head: it and the first chunk are not waited for.
        if index > 1 && !gap.is_zero() {
            sleep(gap).await;
        }
        socket.write_all(&reply.bytes[from..to]).await?;
        from = to;
    }
    Ok(socket)
}

/// Writes from a thread: tokio's timers are a millisecond wide, and their error would be taken for the proxy's.
async fn send_paced(socket: TcpStream, reply: Template) -> Result<TcpStream> {
    let mut socket = socket.into_std()?;
    let written = tokio::task::spawn_blocking(move || -> Result<_> {
        socket.set_nonblocking(false)?;
        let mut due = Instant::now();
        let mut from = 0;
        for (index, &to) in reply.cuts.iter().enumerate() {
            if index > 1 {
                due += Duration::from_millis(PACED_GAP_MS);
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            socket.write_all(&reply.bytes[from..to])?;
            from = to;
        }
        socket.set_nonblocking(true)?;
        Ok(socket)
    });
    Ok(TcpStream::from_std(written.await??)?)
}
