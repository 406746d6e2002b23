//! An upstream that plays a script over real sockets and remembers every byte it was sent.
//!
//! Start reading at [`FakeUpstream::with`]. One thread per connection; nothing outlives the value.

use std::collections::HashMap;
use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use openssl::ssl::SslAcceptor;
use socket2::SockRef;

use crate::support::http::{Body, Head, Incoming, request_framing};
use crate::support::reply::{Act, Reply};
use crate::support::tls::{Identity, Wire};
use crate::support::until;

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which connection it came on, from 0.
    pub connection: usize,
    /// Its head, raw bytes included.
    pub head: Head,
    /// As much of its body as was read.
    pub body: Vec<u8>,
    /// Whether the body came to its end.
    pub whole: bool,
    /// When its head had come.
    pub at: Instant,
    /// When the peer was found gone before the script was over.
    pub hung_up: Option<Instant>,
}

impl Seen {
    /// The method.
    pub fn method(&self) -> &str {
        self.head.word(0)
    }

    /// Path and query as sent.
    pub fn target(&self) -> &str {
        self.head.word(1)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

type Script = Box<dyn Fn(&Seen, usize) -> Reply + Send + Sync>;

struct Shared {
    script: Mutex<Arc<Script>>,
    before_body: bool,
    tls: Option<SslAcceptor>,
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
    open: Mutex<HashMap<usize, TcpStream>>,
    over: AtomicBool,
}

/// See the module.
pub struct FakeUpstream {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl FakeUpstream {
    /// Answers each request by the function, given the request and how many came before it.
    pub fn with(script: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> FakeUpstream {
        FakeUpstream::build(Box::new(script), false, None)
    }

    /// Answers every request alike.
    pub fn always(reply: Reply) -> FakeUpstream {
        FakeUpstream::with(move |_, _| reply.clone())
    }

    /// Answers the first request with the first reply and so on; the last one repeats.
    pub fn sequence(replies: Vec<Reply>) -> FakeUpstream {
        FakeUpstream::with(move |_, n| replies[n.min(replies.len() - 1)].clone())
    }

    /// Answers as soon as the head has come and never reads the body.
    pub fn before_body(reply: Reply) -> FakeUpstream {
        FakeUpstream::build(Box::new(move |_, _| reply.clone()), true, None)
    }

    /// Answers every request alike, over TLS.
    pub fn tls(identity: &Identity, reply: Reply) -> FakeUpstream {
        FakeUpstream::build(Box::new(move |_, _| reply.clone()), false, Some(identity.acceptor.clone()))
    }

    fn build(script: Script, before_body: bool, tls: Option<SslAcceptor>) -> FakeUpstream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script: Mutex::new(Arc::new(script)),
            before_body,
            tls,
            seen: Mutex::default(),
            connections: AtomicUsize::new(0),
            open: Mutex::default(),
            over: AtomicBool::new(false),
        });
        let accepting = shared.clone();
        thread::spawn(move || accept(&listener, &accepting));
        FakeUpstream { address, shared }
    }

    /// From now on, answers every request like this.
    pub fn now_answers(&self, reply: Reply) {
        *self.shared.script.lock().unwrap() = Arc::new(Box::new(move |_, _| reply.clone()));
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL of it with this path.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.shared.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.address)
    }

    /// Everything it was sent, in the order of the heads.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// How many requests came.
    pub fn count(&self) -> usize {
        self.shared.seen.lock().unwrap().len()
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The only request that came.
    pub fn only(&self) -> Seen {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "exactly one request was to reach the upstream");
        seen.remove(0)
    }

    /// Waits until the peer hung up on the last request and tells when it was found gone.
    pub fn hung_up(&self) -> Instant {
        until("the gateway hangs up on the upstream", || self.seen().last().and_then(|seen| seen.hung_up))
    }

    /// Waits until this many requests have come.
    pub fn reached(&self, requests: usize) {
        until("the request reaches the upstream", || (self.count() >= requests).then_some(()));
    }
}

impl Drop for FakeUpstream {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        for (_, connection) in self.shared.open.lock().unwrap().drain() {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for connection in listener.incoming() {
        if shared.over.load(Ordering::SeqCst) {
            return;
        }
        let Ok(tcp) = connection else { continue };
        let number = shared.connections.fetch_add(1, Ordering::SeqCst);
        tcp.set_nodelay(true).unwrap();
        shared.open.lock().unwrap().insert(number, tcp.try_clone().unwrap());
        let shared = shared.clone();
        thread::spawn(move || {
            let wire = match &shared.tls {
                None => Some(Wire::Plain(tcp)),
                Some(acceptor) => acceptor.accept(tcp).ok().map(|tls| Wire::Tls(Box::new(tls))),
            };
            let mut incoming = wire.map(Incoming::new);
            if let Some(incoming) = &mut incoming {
                serve(incoming, number, &shared);
            }
            // The socket closes, or is reset, when its last holder lets go.
            shared.open.lock().unwrap().remove(&number);
            drop(incoming);
        });
    }
}

/// One request's place in the memory.
struct Memory<'a> {
    shared: &'a Shared,
    number: usize,
}

impl Memory<'_> {
    fn of(shared: &Shared, seen: Seen) -> Memory<'_> {
        let mut all = shared.seen.lock().unwrap();
        all.push(seen);
        Memory { shared, number: all.len() - 1 }
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.shared.seen.lock().unwrap()[self.number]);
    }

    fn hung_up(&self) {
        self.change(|seen| seen.hung_up = Some(Instant::now()));
    }
}

fn serve(incoming: &mut Incoming<Wire>, connection: usize, shared: &Shared) {
    while let Ok(Some(head)) = incoming.head() {
        let framing = request_framing(&head);
        let continues = head.get("expect").is_some();
        let seen = Seen { connection, head, body: Vec::new(), whole: false, at: Instant::now(), hung_up: None };
        let memory = Memory::of(shared, seen);
        if continues {
            let _ = incoming.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        if !shared.before_body && !read_body(incoming, Body::new(framing), &memory) {
            memory.hung_up();
            return;
        }
        let asked = shared.seen.lock().unwrap()[memory.number].clone();
        let script = shared.script.lock().unwrap().clone();
        let reply = script(&asked, memory.number);
        match play(&mut incoming.stream, &reply, shared) {
            Played::Whole => {}
            Played::Ended => return,
            Played::HungUp => return memory.hung_up(),
        }
    }
}

/// Whether the body came to its end; what came is remembered as it comes.
fn read_body(from: &mut Incoming<Wire>, mut body: Body, memory: &Memory<'_>) -> bool {
    loop {
        match body.next(from) {
            Ok(Some(piece)) => memory.change(|seen| seen.body.extend_from_slice(&piece)),
            Ok(None) => {
                memory.change(|seen| seen.whole = true);
                return true;
            }
            Err(_) => return false,
        }
    }
}

enum Played {
    Whole,
    Ended,
    HungUp,
}

fn play(wire: &mut Wire, reply: &Reply, shared: &Shared) -> Played {
    for act in &reply.acts {
        match act {
            Act::Send(bytes) => {
                if wire.write_all(bytes).and_then(|()| wire.flush()).is_err() {
                    return Played::HungUp;
                }
            }
            Act::Pause(time) => {
                let end = Instant::now() + *time;
                if !idle(wire, shared, || Instant::now() >= end) {
                    return Played::HungUp;
                }
            }
            Act::Wait(gate) => {
                if !idle(wire, shared, || gate.take()) {
                    return Played::HungUp;
                }
            }
            Act::Hang => {
                idle(wire, shared, || false);
                return Played::HungUp;
            }
            Act::Close => {
                let _ = wire.tcp().shutdown(Shutdown::Both);
                return Played::Ended;
            }
            Act::Reset => {
                reset(wire.tcp());
                return Played::Ended;
            }
        }
    }
    Played::Whole
}

/// Does nothing until `over`; false when the peer was gone first.
fn idle(wire: &Wire, shared: &Shared, mut over: impl FnMut() -> bool) -> bool {
    let tcp = wire.tcp();
    let step = Duration::from_millis(2);
    tcp.set_read_timeout(Some(step)).unwrap();
    let present = loop {
        if over() {
            break true;
        }
        if shared.over.load(Ordering::SeqCst) {
            break false;
        }
        match tcp.peek(&mut [0]) {
            Ok(0) => break false,
            Ok(_) => thread::sleep(step),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => break false,
        }
    };
    tcp.set_read_timeout(None).unwrap();
    present
}

/// Ends the connection so that the peer gets a reset instead of an end.
pub fn reset(tcp: &TcpStream) {
    let socket = SockRef::from(tcp);
    let _ = socket.set_linger(Some(Duration::ZERO));
}
