//! Records: taken from the hot path without a wait, written by one thread in batches.
//!
//! Start at [`Recorder::file`], what the hot path calls, then `writer`, what the thread does. When the database is slow or
//! away, records go to a file beside it and come back in order (`spill`); when that cannot be written either, they wait in
//! memory. What cannot be kept at all is counted (`counts`) and told (`herald`).
//!
//! **Invariant:** nothing here makes a caller wait: no lock is held over a system call, memory is bounded by one
//! [`Budget`]. A reply that wants its record stored first waits outside, for a [`Hold`] that is dropped in every case.
//! **May import:** `notify`, `db`, `openai`, `error`.

mod batch;
mod budget;
mod counts;
mod draft;
mod finish;
mod herald;
mod indexer;
mod keeper;
mod redact;
mod sink;
mod spill;
mod writer;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use budget::Budget;
pub use counts::Counts;
pub use draft::{AttemptNote, Draft, Ending, Hold, Kept, Side};

use crate::db::Database;
use crate::db::removal::Retention;
use crate::error::StartError;
use crate::notify::Notifier;
use crate::openai::redact::Redaction;
use crate::usage::prices::PriceBook;

/// How long the thread lets records gather before it writes them.
const GATHER: Duration = Duration::from_millis(20);
/// The same while replies wait for their records: what comes during one commit goes with the next.
const GATHER_AWAITED: Duration = Duration::from_millis(1);

/// What the recorder needs of others.
pub struct Needs {
    /// Tells people when recording is interrupted.
    pub notifier: Notifier,
    /// Bounds bodies being captured and records waiting.
    pub memory_bytes: usize,
    /// Gives the prices as they are at the moment.
    pub prices: Box<dyn Fn() -> Arc<PriceBook> + Send>,
    /// Gives what is taken out of bodies before they are stored, as it is at the moment.
    pub redaction: Box<dyn Fn() -> Arc<Redaction> + Send>,
    /// Gives what is kept how long, as it is at the moment.
    pub retention: Box<dyn Fn() -> Retention + Send>,
}

/// The hot path's door to the records.
pub struct Recorder {
    queue: Mutex<Queue>,
    arrived: Condvar,
    stopped: Condvar,
    /// Memory for captures and for the queue.
    pub budget: Budget,
    counts: Counts,
    stopping: AtomicBool,
    /// Somebody asks to remove what has had its time.
    expiring: AtomicBool,
    /// The keeper removes what has had its time.
    removing: AtomicBool,
}

#[derive(Default)]
struct Queue {
    drafts: Vec<Draft>,
    asleep: bool,
    /// A reply waits for one of them.
    awaited: bool,
}

impl Recorder {
    /// Starts the threads of the writer, the indexer and the keeper; join the handles after [`Recorder::stop`].
    ///
    /// # Errors
    /// No connection for the writer, or no thread.
    pub fn start(database: &Database, needs: Needs) -> Result<(Arc<Recorder>, Vec<JoinHandle<()>>), StartError> {
        let recorder = Arc::new(Recorder {
            queue: Mutex::default(),
            arrived: Condvar::new(),
            stopped: Condvar::new(),
            budget: Budget::new(needs.memory_bytes),
            counts: Counts::default(),
            stopping: AtomicBool::new(false),
            expiring: AtomicBool::new(false),
            removing: AtomicBool::new(false),
        });
        recorder.counts.behind_index.store(-1, Ordering::Relaxed);
        let live = writer::Live { prices: needs.prices, redaction: needs.redaction };
        let writer = writer::Writer::new(Arc::clone(&recorder), database.clone(), live, needs.notifier);
        let indexer = indexer::Indexer::new(Arc::clone(&recorder), database.clone());
        let keeper = keeper::Keeper::new(Arc::clone(&recorder), database.clone(), needs.retention);
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let thread = std::thread::Builder::new().name(name.into()).spawn(work);
            thread.map_err(|error| StartError::new(format!("cannot start the {name}'s thread: {error}")))
        };
        let threads = vec![
            spawn("recorder", Box::new(move || writer.run()))?,
            spawn("indexer", Box::new(move || stand_back(|| indexer.run())))?,
            spawn("keeper", Box::new(move || stand_back(|| keeper.run())))?,
        ];
        Ok((recorder, threads))
    }

    /// Takes a finished draft. Costs a push; the thread is woken only when it sleeps.
    pub fn file(&self, mut draft: Draft) {
        // What the capture has not charged yet: the row itself.
        let row_bytes = ROW_BYTES + draft.heads.len();
        if !self.budget.take(row_bytes) {
            self.budget.give_back(draft.charged_bytes);
            self.counts.lose("the recorder's memory is full");
            return;
        }
        draft.charged_bytes += row_bytes;
        if draft.request.cut || draft.reply.cut {
            self.counts.cut.fetch_add(1, Ordering::Relaxed);
        }
        let mut queue = self.lock();
        queue.awaited |= draft.hold.is_some();
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

    /// The same, but also until somebody asks for it.
    fn rest_until_asked(&self, time: Duration) {
        let queue = self.lock();
        let idle = |_: &mut Queue| !self.stopping.load(Ordering::Acquire) && !self.expiring.load(Ordering::Acquire);
        drop(self.stopped.wait_timeout_while(queue, time, idle));
        self.expiring.store(false, Ordering::Release);
    }

    /// What has had its time is removed now, rather than within a minute.
    pub fn expire_now(&self) {
        // With the lock, so that nobody looks before and sleeps after.
        let queue = self.lock();
        self.expiring.store(true, Ordering::Release);
        drop(queue);
        self.stopped.notify_all();
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
            let gather = if queue.awaited { GATHER_AWAITED } else { GATHER };
            drop(queue);
            std::thread::sleep(gather);
            queue = self.lock();
        }
        queue.awaited = false;
        std::mem::take(&mut queue.drafts)
    }
}

/// Does work that nobody waits for: callers and the writer come first where there are few cores.
fn stand_back(work: impl FnOnce()) {
    lower_priority();
    work();
}

/// Of this thread alone, as Linux has it.
#[cfg(target_os = "linux")]
fn lower_priority() {
    if let Err(error) = rustix::process::nice(BACK) {
        log::debug!("the priority of a thread stays: {error}");
    }
}

/// Elsewhere it would be the whole process's.
#[cfg(not(target_os = "linux"))]
fn lower_priority() {}

/// By how much the priority of such work is lower: a tenth of the time when others want all of it.
const BACK: i32 = 10;
/// What a row costs in memory besides its bodies, about.
const ROW_BYTES: usize = 1024;
