//! What came out. Nothing here measures or prints.

use crate::base::Share;
use crate::measure::Took;

/// How the file has grown.
pub struct Storage {
    /// What was stored.
    pub what: &'static str,
    /// How many records.
    pub records: u64,
    /// Bytes of all bodies and replies.
    pub raw_bytes: u64,
    /// By how much the file has grown, index and free pages included.
    pub grown_bytes: u64,
    /// By how much before anything was indexed.
    pub before_index_bytes: u64,
    /// Who takes how much.
    pub shares: Vec<Share>,
}

impl Storage {
    /// Growth in percent of the raw bytes.
    pub fn share(&self) -> f64 {
        self.percent(self.grown_bytes)
    }

    /// So many bytes in percent of the raw ones.
    pub fn percent(&self, bytes: u64) -> f64 {
        bytes as f64 * 100.0 / self.raw_bytes.max(1) as f64
    }
}

/// How fast something went.
pub struct Speed {
    /// With what.
    pub what: &'static str,
    /// What was done.
    pub how: String,
    /// How many records.
    pub records: u64,
    /// How long that took.
    pub took: Took,
}

/// A figure to be reached.
pub struct Goal {
    /// Of what.
    pub what: &'static str,
    /// In what.
    pub unit: &'static str,
    /// The limit.
    pub limit: f64,
    /// Whether it is the least, not the most.
    pub is_least: bool,
    /// What was measured.
    pub measured: f64,
}

impl Goal {
    /// A figure that must not be above its limit.
    pub fn at_most(what: &'static str, unit: &'static str, limit: f64, measured: f64) -> Goal {
        Goal { what, unit, limit, is_least: false, measured }
    }

    /// A figure that must not be below its limit.
    pub fn at_least(what: &'static str, unit: &'static str, limit: f64, measured: f64) -> Goal {
        Goal { what, unit, limit, is_least: true, measured }
    }

    /// Whether it is reached.
    pub fn is_met(&self) -> bool {
        if self.is_least { self.measured >= self.limit } else { self.measured <= self.limit }
    }
}

/// All that came out.
#[derive(Default)]
pub struct Results {
    /// How fast the generator is, million bytes a second.
    pub generated_mb_per_second: f64,
    /// What was stored.
    pub storages: Vec<Storage>,
    /// What was timed.
    pub speeds: Vec<Speed>,
    /// What should be reached.
    pub goals: Vec<Goal>,
}
