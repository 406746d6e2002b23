//! The load generator's loops: how many callers send requests, and when.
//! Start at [`closed`] (as fast as 64 callers can) and [`open`] (at a fixed rate).
//! Nothing here knows which server it talks to.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::task::{LocalSet, spawn_local};

use crate::Result;
use crate::caller::{Caller, call_blocking, next_number};
use crate::payload::{self, Kind};
use crate::wire::Decoder;

/// No load lasts longer than this.
const LIMIT: Duration = Duration::from_secs(120);
/// What one read takes at most.
const INPUT_BYTES: usize = 64 * 1024;

/// When a closed loop ends.
#[derive(Clone, Copy)]
pub enum Stop {
    /// No request begins after this time.
    After(Duration),
    /// So many requests are sent.
    Requests(u64),
    /// The connections are broken from outside: from this moment on, that is no failure.
    BrokenFrom(Instant),
}

/// What a load gave.
#[derive(Default)]
pub struct Round {
    /// Requests answered in full.
    pub served: u64,
    /// Requests that failed.
    pub failed: u64,
    /// How the first of them failed.
    pub failure: Option<String>,
    /// From the first request to the last reply.
    pub seconds: f64,
    /// Times in nanoseconds, sorted: of whole requests, or of gaps between events.
    pub times_ns: Vec<u64>,
    /// Of a fixed rate: each request's number, and when its reply had ended.
    pub ended: Vec<(u64, Instant)>,
}

impl Round {
    /// Counts a request; true when it was served.
    pub fn count(&mut self, outcome: Result<()>) -> bool {
        match outcome {
            Ok(()) => self.served += 1,
            Err(error) => {
                self.failed += 1;
                self.failure.get_or_insert_with(|| error.to_string());
                return false;
            }
        }
        true
    }

    /// Ends what began at `begin`.
    pub fn finish(mut self, begin: Instant) -> Self {
        self.seconds = begin.elapsed().as_secs_f64();
        self.times_ns.sort_unstable();
        self
    }
}

/// Runs `work` on this thread, within [`LIMIT`].
///
/// # Errors
/// What `work` says, or that it has not ended in time.
pub fn run<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        tokio::time::timeout(LIMIT, work).await.map_err(|_| "the load did not end in time")?
    })
}

/// `connections` callers, each sending its next request when its last is answered.
///
/// # Errors
/// No connection, or no end.
pub fn closed(addr: SocketAddr, kind: Kind, connections: u64, stop: Stop) -> Result<Round> {
    run(async {
        let mut callers = Vec::new();
        for seed in 0..connections {
            callers.push(Caller::connect(addr, kind, seed, INPUT_BYTES).await?);
        }
        let round = Rc::new(RefCell::new(Round::default()));
        let left = Rc::new(Cell::new(match stop {
            Stop::Requests(count) => count,
            Stop::After(_) | Stop::BrokenFrom(_) => u64::MAX,
        }));
        let begin = Instant::now();
        let mut tasks = Vec::new();
        for mut caller in callers {
            let (round, left) = (round.clone(), left.clone());
            tasks.push(spawn_local(async move {
                loop {
                    let sent = Instant::now();
                    let is_over = matches!(stop, Stop::After(time) if sent - begin >= time);
                    if is_over || left.get() == 0 {
                        break;
                    }
                    left.set(left.get() - 1);
                    let outcome = caller.call(|_| ()).await;
                    if outcome.is_err() && matches!(stop, Stop::BrokenFrom(term) if Instant::now() >= term) {
                        break;
                    }
                    let mut round = round.borrow_mut();
                    round.times_ns.push(sent.elapsed().as_nanos() as u64);
                    if !round.count(outcome) {
                        break;
                    }
                }
            }));
        }
        for task in tasks {
            task.await?;
        }
        Ok(round.take().finish(begin))
    })
}

/// 1 KiB requests at a fixed rate, whether answers come or not: each is timed from the moment it was due, so that
/// a stall counts for every request it delays (no coordinated omission). Threads, because their clocks are finer.
///
/// # Errors
/// No connection.
pub fn open(addr: SocketAddr, per_second: u64, time: Duration) -> Result<Round> {
    const CALLERS: u64 = 32;
    let mut sockets = Vec::new();
    for _ in 0..CALLERS {
        let socket = std::net::TcpStream::connect(addr)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_secs(20)))?;
        sockets.push(socket);
    }
    let total = per_second * time.as_secs();
    let begin = Instant::now() + Duration::from_millis(20);
    let threads: Vec<_> = (0..CALLERS)
        .zip(sockets)
        .map(|(caller, mut socket)| {
            thread::spawn(move || {
                let mut round = Round::default();
                let mut request = payload::request(Kind::Small, &addr.to_string(), caller);
                let mut decoder = Decoder::of_replies();
                for index in (caller..total).step_by(CALLERS as usize) {
                    let due = begin + Duration::from_micros(index * 1_000_000 / per_second);
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    let number = next_number();
                    request.stamp(number);
                    let outcome = call_blocking(&mut socket, &mut decoder, &request.bytes);
                    round.times_ns.push(due.elapsed().as_nanos() as u64);
                    if outcome.is_ok() {
                        round.ended.push((number, Instant::now()));
                    }
                    if !round.count(outcome) {
                        break;
                    }
                }
                round
            })
        })
        .collect();
    let mut all = Round::default();
    for one in threads {
        let mut round = one.join().map_err(|_| "a caller panicked")?;
        all.served += round.served;
        all.failed += round.failed;
        all.failure = all.failure.or(round.failure);
        all.times_ns.append(&mut round.times_ns);
        all.ended.append(&mut round.ended);
    }
    Ok(all.finish(begin))
}
