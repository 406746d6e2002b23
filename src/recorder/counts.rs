//! What has become of the records, for the overview, `/metrics`, and whoever is told when recording is interrupted.
//!
//! **Invariant:** nobody waits here. **May import:** nothing of the crate.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use log::error;

/// How often a loss is said in the log, at most.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// What has become of the records since the start.
#[derive(Default)]
pub struct Counts {
    /// Lost: nothing could keep them.
    pub lost: AtomicU64,
    /// Kept without a body, or with a part of one only.
    pub cut: AtomicU64,
    /// Bytes waiting in the spill file.
    pub spilled_bytes: AtomicU64,
    /// Since when the database takes no records, unix µs; 0 when it takes them.
    pub away_since_us: AtomicI64,
    /// The index cannot reach the database.
    pub index_is_away: AtomicBool,
    /// Records in the batch that came last: many mean that they queue up.
    pub(super) last_batch: AtomicUsize,
    /// Records that the index has not reached yet; below 0 when nobody knows.
    pub behind_index: AtomicI64,
    said: Mutex<Option<Instant>>,
}

impl Counts {
    /// A record cannot be kept anywhere: counted, and said in the log now and then.
    pub(super) fn lose(&self, why: &str) {
        let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            *said = Some(Instant::now());
            drop(said);
            error!("a record is lost, {lost} so far: {why}");
        }
    }

    /// Since when the database takes no records, unix µs, as far as anybody has tried.
    pub fn away_since_us(&self) -> Option<i64> {
        Some(self.away_since_us.load(Ordering::Relaxed)).filter(|since| *since != 0)
    }

    /// The database does not answer the recorder.
    pub fn is_away(&self) -> bool {
        self.away_since_us().is_some() || self.index_is_away.load(Ordering::Relaxed)
    }

    /// Records that the index has not reached yet, if that is known.
    pub fn behind_index(&self) -> Option<i64> {
        Some(self.behind_index.load(Ordering::Relaxed)).filter(|behind| *behind >= 0)
    }
}
