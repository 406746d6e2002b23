//! Loads of streams that take their time: paced ones, whose gaps are measured, and slow ones held open.
//! Start at [`paced`] and [`held`]. Nothing here knows which server it talks to.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::Result;
use crate::caller::Caller;
use crate::load::{Round, run};
use crate::payload::{Kind, PACED_GAP_MS, STREAM_CHUNKS};

/// What one read takes at most; little, as there are thousands of callers.
const INPUT_BYTES: usize = 4 * 1024;

/// `streams` paced streams at once, begun evenly over the time between two chunks; the times are the gaps between
/// the events as they arrive.
///
/// # Errors
/// No connection, or no end.
pub fn paced(addr: SocketAddr, streams: u64) -> Result<Round> {
    run(async {
        let round = Rc::new(RefCell::new(Round::default()));
        let begin = Instant::now();
        let mut tasks = Vec::new();
        for seed in 0..streams {
            let round = round.clone();
            let start = Duration::from_micros(PACED_GAP_MS * 1000 * seed / streams);
            tasks.push(spawn_local(async move {
                sleep(start).await;
                let mut arrivals = Vec::with_capacity(STREAM_CHUNKS);
                let outcome = async {
                    let mut caller = Caller::connect(addr, Kind::Paced, seed, INPUT_BYTES).await?;
                    caller
                        .call(|events| {
                            // `[DONE]` comes with the last chunk.
                            let events = (events as usize).min(STREAM_CHUNKS);
                            arrivals.resize(arrivals.len().max(events), Instant::now());
                        })
                        .await
                }
                .await;
                let mut round = round.borrow_mut();
                let gaps = arrivals.windows(2).map(|two| two[1] - two[0]);
                round.times_ns.extend(gaps.map(|gap| gap.as_nanos() as u64));
                round.count(outcome);
            }));
        }
        for task in tasks {
            task.await?;
        }
        Ok(round.take().finish(begin))
    })
}

/// Opens `streams` slow streams, 1,000 a second, and calls `look` while all of them are open and have given at least
/// three events; then hangs up. The times are those from the request to the first event.
///
/// # Errors
/// No connection, a stream that breaks, no third event in time, or what `look` says.
pub fn held<T>(addr: SocketAddr, streams: u64, look: impl FnOnce() -> Result<T>) -> Result<(Round, T)> {
    run(async {
        let round = Rc::new(RefCell::new(Round::default()));
        let ready = Rc::new(Cell::new(0));
        let begin = Instant::now();
        for seed in 0..streams {
            let (round, ready) = (round.clone(), ready.clone());
            spawn_local(async move {
                sleep(Duration::from_millis(seed)).await;
                let mut last = 0;
                let outcome = async {
                    let mut caller = Caller::connect(addr, Kind::Slow, seed, INPUT_BYTES).await?;
                    let sent = Instant::now();
                    caller
                        .call(|events| {
                            if last == 0 && events > 0 {
                                let first_ns = sent.elapsed().as_nanos() as u64;
                                round.borrow_mut().times_ns.push(first_ns);
                            }
                            if last < 3 && events >= 3 {
                                ready.set(ready.get() + 1);
                            }
                            last = events;
                        })
                        .await
                }
                .await;
                // It lasts longer than it is looked at: any end is an error.
                let ended = outcome.and(Err("a slow stream has ended".into()));
                round.borrow_mut().count(ended);
            });
        }
        while ready.get() < streams && round.borrow().failed == 0 {
            sleep(Duration::from_millis(20)).await;
        }
        let looked = look()?;
        let mut round = round.take();
        round.served = streams - round.failed;
        Ok((round.finish(begin), looked))
    })
}
