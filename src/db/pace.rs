//! Long work in small steps: where there are few cores, callers' threads run between them instead of after all of it.
//!
//! A thread says once whether there is time ([`gently`]); loops say where a step ends ([`step`]). A kernel lets whoever computes
//! go on for a millisecond or more before a thread that was woken gets its turn.
//! **Invariant:** a thread that never said that there is time never gives any away. **May import:** nothing of the crate.

use std::cell::Cell;

thread_local! {
    static GENTLE: Cell<bool> = const { Cell::new(false) };
}

/// From now on this thread lets others run at each [`step`], or not.
pub fn gently(there_is_time: bool) {
    GENTLE.set(there_is_time);
}

/// A step of some ten microseconds is done.
pub fn step() {
    if GENTLE.get() {
        std::thread::yield_now();
    }
}
