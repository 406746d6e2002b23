//! What the dashboard remembers between requests and loses at a restart.
//!
//! **Invariant:** bounded in number and time; a secret that waits here is given out once. **May import:** nothing of the crate.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::dashboard::login::Passwords;
use crate::dashboard::pages::upstreams::import::Batch;
use crate::dashboard::probe::Tests;

/// How long something waits to be fetched.
const WAIT: Duration = Duration::from_secs(15 * 60);
/// How many things wait at most; the oldest goes first.
const MOST: usize = 20;

/// Shared by all workers.
#[derive(Default)]
pub struct Memory {
    /// Passwords lately tried.
    pub(super) passwords: Passwords,
    /// What tests of upstreams gave.
    pub(super) tests: Tests,
    /// Lists of upstreams between preview and confirmation.
    pub(super) imports: Waiting<Batch>,
    /// New client keys until they are shown.
    pub(super) new_keys: Waiting<String>,
}

/// Holds a lock even after somebody panicked with it: what these locks guard is whole after every statement.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A few things that wait under names nobody can guess.
pub(super) struct Waiting<T>(Mutex<VecDeque<(String, Instant, T)>>);

impl<T> Default for Waiting<T> {
    fn default() -> Waiting<T> {
        Waiting(Mutex::default())
    }
}

impl<T> Waiting<T> {
    /// Keeps a thing for a while.
    pub(super) fn put(&self, name: String, thing: T) {
        let mut waiting = self.fresh();
        if waiting.len() >= MOST {
            waiting.pop_front();
        }
        waiting.push_back((name, Instant::now(), thing));
    }

    /// Gives a thing out and forgets it.
    pub(super) fn take(&self, name: &str) -> Option<T> {
        let mut waiting = self.fresh();
        let place = waiting.iter().position(|(known, ..)| known == name)?;
        waiting.remove(place).map(|(_, _, thing)| thing)
    }

    /// Looks at a thing, or changes it.
    pub(super) fn with<R>(&self, name: &str, look: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.fresh().iter_mut().find(|(known, ..)| known == name).map(|(_, _, thing)| look(thing))
    }

    fn fresh(&self) -> MutexGuard<'_, VecDeque<(String, Instant, T)>> {
        let mut waiting = locked(&self.0);
        waiting.retain(|(_, since, _)| since.elapsed() < WAIT);
        waiting
    }
}

#[cfg(test)]
mod tests {
    use crate::dashboard::memory::{MOST, Waiting};

    #[test]
    fn a_thing_is_given_out_once_and_the_oldest_makes_room() {
        let waiting = Waiting::default();
        waiting.put("a".to_owned(), 1);
        assert_eq!(waiting.with("a", |thing| *thing), Some(1));
        assert_eq!((waiting.take("a"), waiting.take("a")), (Some(1), None));
        for number in 0..=MOST {
            waiting.put(number.to_string(), number);
        }
        assert_eq!((waiting.take("0"), waiting.take("1")), (None, Some(1)));
    }
}
