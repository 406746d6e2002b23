//! One number that bounds the memory of recording: bytes being captured and bytes waiting for the database together.
//!
//! **Invariant:** nobody waits here. **May import:** nothing of the crate.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes are in use, and how many may be.
pub struct Budget {
    used: AtomicUsize,
    limit_bytes: usize,
}

impl Budget {
    /// An empty budget of this size.
    pub fn new(limit_bytes: usize) -> Budget {
        Budget { used: AtomicUsize::new(0), limit_bytes }
    }

    /// Takes `bytes`, or nothing and `false` when there is no room.
    pub fn take(&self, bytes: usize) -> bool {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= self.limit_bytes {
            return true;
        }
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        false
    }

    /// Bytes in use.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether most of it is free.
    pub fn is_roomy(&self) -> bool {
        self.used() < self.limit_bytes / 8
    }

    /// Gives `bytes` back that were taken before.
    pub fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use crate::recorder::budget::Budget;

    #[test]
    fn what_does_not_fit_is_not_taken() {
        let budget = Budget::new(10);
        assert!(budget.take(7));
        assert!(!budget.take(4));
        assert!(budget.take(3) && !budget.is_roomy());
        budget.give_back(7);
        assert!(budget.take(7));
        budget.give_back(10);
        assert!(budget.is_roomy());
    }
}
