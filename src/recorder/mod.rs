//! Records: taken from the hot path without a wait, written by one thread in batches.
//!
//! Start at [`Recorder::file`], what the hot path calls, then `writer`, what the thread does. When the database is slow or
//! away, records go to a file beside it and come back in order (`spill`). What cannot be kept at all is counted.
//!
//! **Invariant:** nothing here makes a caller wait: no lock is held over a system call, memory is bounded by one
//! [`Budget`]. **May import:** `db`, `openai`, `error`.

mod budget;
mod draft;
mod finish;
mod indexer;
mod keeper;
mod spill;
mod writer;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use budget::Budget;
pub use draft::{AttemptNote, Draft, Ending, Kept, Side};
use log::error;

use crate::db::Database;
use crate::db::removal::Retention;
use crate::error::StartError;
use crate::usage::prices::PriceBook;

/// Memory for bodies being captured and records waiting, in bytes.
const MEMORY_BYTES: usize = 512 << 20;
/// How long the thread lets records gather before it writes them.
pub(crate) const GATHER: Duration = Duration::from_millis(20);

/// The hot path's door to the records.
pub struct Recorder {
    queue: Mutex<Queue>,
    arrived: Condvar,
    stopped: Condvar,
    /// Memory for captures and for the queue.
    pub budget: Budget,
    counts: Counts,
    stopping: AtomicBool,
}

/// What has become of the records so far.
#[derive(Default)]
pub struct Counts {
    /// Lost: neither the database nor the spill file took them.
    pub lost: AtomicU64,
    /// Bytes waiting in the spill file.
    pub spilled_bytes: AtomicU64,
}

#[derive(Default)]
struct Queue {
    drafts: Vec<Draft>,
    asleep: bool,
}

impl Recorder {
    /// `prices` and `retention` give what holds at the moment.
    ///
    /// Starts the threads of the writer, the indexer and the keeper; join the handles after [`Recorder::stop`].
    ///
    /// # Errors
    /// No connection for the writer, or no thread.
    pub fn start(
        database: &Database,
        prices: impl Fn() -> Arc<PriceBook> + Send + 'static,
        retention: impl Fn() -> Retention + Send + 'static,
    ) -> Result<(Arc<Recorder>, Vec<JoinHandle<()>>), StartError> {
        let recorder = Arc::new(Recorder {
            queue: Mutex::default(),
            arrived: Condvar::new(),
            stopped: Condvar::new(),
            budget: Budget::new(MEMORY_BYTES),
            counts: Counts::default(),
            stopping: AtomicBool::new(false),
        });
        let writer = writer::Writer::new(Arc::clone(&recorder), database.clone(), Box::new(prices));
        let indexer = indexer::Indexer::new(Arc::clone(&recorder), database.clone());
        let keeper = keeper::Keeper::new(Arc::clone(&recorder), database.clone(), Box::new(retention));
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let thread = std::thread::Builder::new().name(name.into()).spawn(work);
            thread.map_err(|error| StartError::new(format!("cannot start the {name}'s thread: {error}")))
        };
        let threads = vec![
            spawn("recorder", Box::new(move || writer.run()))?,
            spawn("indexer", Box::new(move || indexer.run()))?,
            spawn("keeper", Box::new(move || keeper.run()))?,
        ];
        Ok((recorder, threads))
    }

    /// Takes a finished draft. Costs a push; the thread is woken only when it sleeps.
    pub fn file(&self, mut draft: Draft) {
        // What the capture has not charged yet: the row itself.
        if !self.budget.take(ROW_BYTES) {
            self.budget.give_back(draft.charged_bytes);
            self.lost("the recorder's memory is full");
            return;
        }
        draft.charged_bytes += ROW_BYTES;
        let mut queue = self.lock();
        queue.drafts.push(draft);
        if queue.asleep {
            queue.asleep = false;
            drop(queue);
            self.arrived.notify_one();
        }
    }

    /// Asks the thread to write everything and end.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.lock().asleep = false;
        self.arrived.notify_all();
        self.stopped.notify_all();
    }

    /// Waits, or until the stop.
    fn rest(&self, time: Duration) {
        let queue = self.lock();
        let stopping = |_: &mut Queue| !self.stopping.load(Ordering::Acquire);
        drop(self.stopped.wait_timeout_while(queue, time, stopping));
    }

    /// A record cannot be kept anywhere: counted, and said in the log.
    fn lost(&self, why: &str) {
        let lost = self.counts.lost.fetch_add(1, Ordering::Relaxed) + 1;
        error!("a record is lost, {lost} so far: {why}");
    }

    /// What has become of the records so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there are drafts, lets more gather, and takes them all. Empty when `idle` has passed or at a stop.
    fn take(&self, idle: Duration) -> Vec<Draft> {
        let mut queue = self.lock();
        if queue.drafts.is_empty() && !self.stopping.load(Ordering::Acquire) {
            queue.asleep = true;
            let woken = self.arrived.wait_timeout(queue, idle).unwrap_or_else(PoisonError::into_inner);
            queue = woken.0;
            queue.asleep = false;
        }
        if !queue.drafts.is_empty() && !self.stopping.load(Ordering::Acquire) {
            drop(queue);
            std::thread::sleep(GATHER);
            queue = self.lock();
        }
        std::mem::take(&mut queue.drafts)
    }
}

/// What a row costs in memory besides its bodies, about.
const ROW_BYTES: usize = 1024;
