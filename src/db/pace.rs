//! Long work in small steps: where there are few cores, callers' threads run between them instead of after all of it.
//!
//! A thread says how much time it can spare ([`gently`]); loops say where a step ends ([`step`]). A kernel lets whoever computes
//! go on for a millisecond or more before a thread that was woken gets its turn.
//! **Invariant:** a thread never gives away more time than it said: on a machine that has none left, it works on.
//! **May import:** nothing of the crate.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Whoever waits for a turn waits no longer than this; to give it away more often costs more than it helps.
const TURN: Duration = Duration::from_micros(100);

thread_local! {
    static SPARE: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static LAST: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// From now on this thread lets others run at its [`step`]s, until that has taken so much time.
pub fn gently(spare: Duration) {
    SPARE.set(spare);
}

/// A step of some ten microseconds is done; others run if the last time is [`TURN`] ago.
pub fn step() {
    let spare = SPARE.get();
    if spare.is_zero() {
        return;
    }
    let began = Instant::now();
    if LAST.get().is_none_or(|last| began.duration_since(last) >= TURN) {
        std::thread::yield_now();
        let now = Instant::now();
        SPARE.set(spare.saturating_sub(now.duration_since(began)));
        LAST.set(Some(now));
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use crate::db::pace::{SPARE, TURN, gently, step};

    #[test]
    fn what_is_given_away_comes_to_an_end() {
        gently(Duration::from_nanos(1));
        step();
        assert_eq!(SPARE.get(), Duration::ZERO);
        let hour = Duration::from_secs(3600);
        gently(hour);
        let began = Instant::now();
        while began.elapsed() < TURN {
            step();
        }
        step();
        assert!((Duration::from_secs(1)..hour).contains(&SPARE.get()));
    }
}
