//! What a handler may reach.
//!
//! **May import:** `roster`, `recorder`, `notify`, `metrics`, `db`, `config`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::config::Origin;
use crate::dashboard::Memory;
use crate::db::Database;
use crate::metrics::Metrics;
use crate::notify::Notifier;
use crate::recorder::Recorder;
use crate::roster::Roster;

/// Shared by all workers.
pub struct State {
    /// Upstreams and settings.
    pub roster: Arc<Roster>,
    /// Records.
    pub recorder: Arc<Recorder>,
    /// Notices.
    pub notifier: Notifier,
    /// What is counted of requests.
    pub metrics: Metrics,
    /// For the dashboard only.
    pub database: Database,
    /// For the dashboard only: what it remembers between requests.
    pub memory: Memory,
    /// For the dashboard only: where its static files are, instead of those built in.
    pub static_dir: Option<PathBuf>,
    /// For the dashboard only: what this program was started with, and who said so.
    pub origins: Vec<Origin>,
    /// Requests under way.
    pub running: Running,
    /// `/v1` is open to everyone.
    pub noauth: bool,
    /// Largest request body in bytes.
    pub body_limit_bytes: u64,
}

/// Requests under way, and whether the program is about to end.
#[derive(Default)]
pub struct Running {
    count: AtomicUsize,
    draining: AtomicBool,
}

impl Running {
    /// One more.
    pub fn enter(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// One less.
    pub fn leave(&self) {
        self.count.fetch_sub(1, Ordering::Release);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// From now on connections are closed after their reply.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the program is about to end.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
