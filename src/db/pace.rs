//! Long work in small steps: where there are few cores, callers' threads run between them instead of after all of it.
//!
//! A thread says how much time it can spare ([`gently`]); loops say where a step ends ([`step`]). A kernel lets whoever computes
//! go on for a millisecond or more before a thread that was woken gets its turn.
//! **Invariant:** a thread never gives away more time than it said: on a machine that has none left, it works on.
//! **May import:** nothing of the crate.

use std::cell::Cell;
use std::time::{Duration, Instant};

thread_local! {
    static SPARE: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// From now on this thread lets others run at each [`step`], until that has taken so much time.
pub fn gently(spare: Duration) {
    SPARE.set(spare);
}

/// A step of some ten microseconds is done.
pub fn step() {
    let spare = SPARE.get();
    if !spare.is_zero() {
        let began = Instant::now();
        std::thread::yield_now();
        SPARE.set(spare.saturating_sub(began.elapsed()));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::db::pace::{SPARE, gently, step};

    #[test]
    fn what_is_given_away_comes_to_an_end() {
        gently(Duration::from_nanos(1));
        step();
        assert_eq!(SPARE.get(), Duration::ZERO);
        gently(Duration::from_secs(3600));
        step();
        assert!((Duration::from_secs(1)..Duration::from_secs(3600)).contains(&SPARE.get()));
    }
}
