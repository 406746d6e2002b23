//! The recorder's thread: drafts → rows → batches → the database, or the spill file while the database is away, or memory
//! while neither takes them.
//!
//! Start at [`Writer::run`]. Rows reach the database in the order in which they ended: while the spill file holds anything,
//! everything goes through it. A row that the database refuses for its own sake is set apart by halving its batch, and
//! stored without its bodies as the last resort. An answer that was lost with its connection is asked for again (`mark`),
//! so that no row is stored twice. **May import:** `notify`, `db`, `openai`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use log::{error, info, warn};

use crate::db::Database;
use crate::db::pace::gently;
use crate::notify::Notifier;
use crate::openai::redact::Redaction;
use crate::recorder::batch::Batch;
use crate::recorder::herald::Herald;
use crate::recorder::indexer::CROWD;
use crate::recorder::sink::{Origin, RETRY, Sink, Unanswered};
use crate::recorder::spill::Spill;
use crate::recorder::{Draft, Recorder};
use crate::usage::prices::PriceBook;

/// How often to look at things when no record comes.
const IDLE: Duration = Duration::from_secs(5);
/// Rows and bytes from the spill file in one transaction, at most: new rows wait in memory meanwhile, where a crash finds them.
const CATCH_UP: (usize, usize) = (1000, 4 << 20);
/// A batch that would take longer goes to the spill file, which is faster: until it is stored, a crash finds it in memory, and
/// with it what comes meanwhile.
const IN_TIME: Duration = Duration::from_millis(60);
/// How much time a batch may leave to callers: what is not stored yet is only in memory.
const SPARE: Duration = Duration::from_millis(5);
/// How long to catch up before new rows are looked for.
const CATCH_UP_SLICE: Duration = Duration::from_millis(30);
/// How long the last attempts at a stop may take before what is left stays in the spill file.
const LAST_ATTEMPTS: Duration = Duration::from_secs(10);

/// What the recorder asks for anew for each batch.
pub(super) struct Live {
    pub(super) prices: Box<dyn Fn() -> Arc<PriceBook> + Send>,
    pub(super) redaction: Box<dyn Fn() -> Arc<Redaction> + Send>,
}

pub(super) struct Writer {
    recorder: Arc<Recorder>,
    live: Live,
    sink: Sink,
    spill: Spill,
    /// What the database has noted about the spill file is to be asked before any more is read.
    spill_unsure: bool,
    drafts: VecDeque<Draft>,
    batch: Batch,
    /// The batch's first rows may stand in the database already.
    doubt: Option<Unanswered>,
    next_spill: Instant,
    stuck: bool,
    herald: Herald,
}

impl Writer {
    pub(super) fn new(recorder: Arc<Recorder>, database: Database, live: Live, notifier: Notifier) -> Writer {
        let spill = Spill::open(&database.spill_path());
        if !spill.is_empty() {
            info!("{} bytes of records wait in the spill file; storing them now", spill.waiting_bytes());
        }
        Writer {
            sink: Sink::new(Arc::clone(&recorder), database),
            recorder,
            live,
            spill_unsure: !spill.is_empty(),
            spill,
            drafts: VecDeque::new(),
            batch: Batch::default(),
            doubt: None,
            next_spill: Instant::now(),
            stuck: false,
            herald: Herald::new(notifier),
        }
    }

    pub(super) fn run(mut self) {
        loop {
            let stopping = self.recorder.stopping.load(Ordering::Acquire);
            let came = self.recorder.take(if stopping { Duration::ZERO } else { self.idle() });
            let nothing_came = came.is_empty();
            self.recorder.counts.last_batch.store(came.len(), Ordering::Relaxed);
            let has_time = came.len() < CROWD && self.spill.is_empty() && self.recorder.budget.is_roomy();
            gently(if has_time { SPARE } else { Duration::ZERO });
            self.drafts.extend(came);
            self.flush();
            self.catch_up();
            self.publish();
            if stopping && nothing_came {
                break;
            }
        }
        self.last_attempts();
    }

    /// How long to wait for new records: until what waits already may be tried again.
    fn idle(&self) -> Duration {
        if self.spill.is_empty() && !self.stuck {
            return if self.sink.away_since.is_some() { RETRY.1 } else { IDLE };
        }
        self.sink.rest().min(RETRY.1)
    }

    fn publish(&mut self) {
        let counts = &self.recorder.counts;
        counts.spilled_bytes.store(self.spill.waiting_bytes(), Ordering::Relaxed);
        let waiting = self.stuck || !self.spill.is_empty();
        self.herald.look(self.sink.away_since, waiting, counts.lost.load(Ordering::Relaxed));
    }

    /// Places what has come: in the database, or behind what already waits for it.
    fn flush(&mut self) {
        loop {
            if self.batch.is_empty() {
                let (prices, redaction) = ((self.live.prices)(), (self.live.redaction)());
                self.batch.fill(&mut self.drafts, &self.recorder, &prices, &redaction);
            }
            if self.batch.is_empty() {
                break;
            }
            if !self.place() {
                // Memory is all that is left. Whoever waits for a record need not wait for the end of that.
                self.batch.release();
                self.drafts.iter_mut().for_each(|draft| draft.hold = None);
                return;
            }
        }
        if std::mem::take(&mut self.stuck) {
            info!("no records wait in memory any more");
        }
    }

    /// Places the batch, or its beginning; false when nothing takes it.
    fn place(&mut self) -> bool {
        let in_time = self.sink.takes_within(&self.batch.rows, IN_TIME);
        // There is no hurry when the spill file cannot be written either.
        let direct = in_time || self.stuck || Instant::now() < self.next_spill;
        if self.spill.is_empty() && direct && self.resolve_doubt() {
            let rows = std::mem::take(&mut self.batch.rows);
            let mark = self.spill.mark();
            let origin = Origin { mark: mark.as_deref(), ends: &[], durable: self.batch.is_awaited() };
            let done = self.sink.insert(&rows, origin);
            self.doubt = self.sink.unanswered.take();
            self.batch.rows = rows;
            self.batch.settle(done, &self.recorder.budget);
            if self.batch.is_empty() {
                return true;
            }
        }
        self.spill_batch()
    }

    fn spill_batch(&mut self) -> bool {
        if Instant::now() < self.next_spill {
            return false;
        }
        let durable = self.batch.is_awaited();
        if let Some(Unanswered { transaction, rows }) = self.doubt {
            if let Err(error) = self.spill.append(&self.batch.rows[..rows], Some(transaction), durable) {
                return self.cannot_spill(&error);
            }
            (self.doubt, self.spill_unsure) = (None, true);
            self.batch.settle(rows, &self.recorder.budget);
        }
        if self.spill.append(&self.batch.rows, None, durable).is_ok() {
            let rows = self.batch.settle(self.batch.rows.len(), &self.recorder.budget);
            self.spill.keep(rows);
            return true;
        }
        // One by one, as far as there is room.
        while let Some(row) = self.batch.rows.first() {
            if let Err(error) = self.spill.append(std::slice::from_ref(row), None, durable) {
                return self.cannot_spill(&error);
            }
            self.batch.settle(1, &self.recorder.budget);
        }
        true
    }

    fn cannot_spill(&mut self, error: &std::io::Error) -> bool {
        self.next_spill = Instant::now() + RETRY.1;
        if !std::mem::replace(&mut self.stuck, true) {
            error!("the spill file cannot be written ({error}); records wait in memory as long as there is room");
        }
        false
    }

    fn catch_up(&mut self) {
        let until = Instant::now() + CATCH_UP_SLICE;
        while !self.spill.is_empty() && self.sink.rest().is_zero() && Instant::now() < until {
            if self.spill_unsure && !self.ask_how_far() {
                return;
            }
            if self.spill.is_empty() {
                self.taken_up_to(u64::MAX);
                return;
            }
            match self.spill.read(CATCH_UP.0.min(self.sink.rows_within(CATCH_UP_SLICE)), CATCH_UP.1) {
                Ok((rows, ends)) if !rows.is_empty() => {
                    // When the file goes afterwards, the database must not lose its records to a crash of the machine: to
                    // make the last ones durable makes those before them so.
                    let durable = ends.last().is_some_and(|end| self.spill.ends_by(*end));
                    let mark = self.spill.mark();
                    let origin = Origin { mark: mark.as_deref(), ends: &ends, durable };
                    let done = self.sink.insert(&rows, origin);
                    self.spill_unsure = self.sink.unanswered.take().is_some();
                    if done > 0 {
                        self.taken_up_to(ends[done - 1]);
                    }
                    if done < rows.len() {
                        return;
                    }
                }
                Err(error) if error.kind() != std::io::ErrorKind::InvalidData => {
                    warn!("the spill file cannot be read yet: {error}");
                    self.sink.pause();
                    return;
                }
                unreadable => {
                    let error = unreadable.err().map_or_else(|| "it ends early".to_owned(), |error| error.to_string());
                    match self.spill.set_aside(chrono::Utc::now().timestamp()) {
                        Ok(aside) => error!("the spill file is damaged ({error}); kept as {}", aside.display()),
                        Err(rename) => {
                            error!("the spill file is damaged ({error}) and cannot be renamed ({rename})");
                            self.sink.pause();
                        }
                    }
                    return;
                }
            }
        }
    }

    /// The spill file's beginning stands in the database.
    fn taken_up_to(&mut self, end: u64) {
        let mark = self.spill.mark();
        if self.spill.advance(end) {
            self.sink.forget(mark.as_deref());
        }
    }

    /// How far the database has taken the spill file; false when it does not answer.
    fn ask_how_far(&mut self) -> bool {
        let Some(noted) = self.sink.noted(self.spill.mark().as_deref()) else { return false };
        self.spill.taken(noted);
        self.spill_unsure = false;
        true
    }

    /// Whether the batch's beginning stands in the database already; false when it does not answer.
    fn resolve_doubt(&mut self) -> bool {
        let Some(Unanswered { transaction, rows }) = self.doubt else { return true };
        if !self.sink.rest().is_zero() {
            return false;
        }
        let Some(noted) = self.sink.noted(self.spill.mark().as_deref()) else { return false };
        self.doubt = None;
        if noted == Some(-transaction) {
            self.batch.settle(rows, &self.recorder.budget);
            self.sink.came_back();
        }
        true
    }

    fn last_attempts(&mut self) {
        let until = Instant::now() + LAST_ATTEMPTS;
        while !(self.spill.is_empty() && self.batch.is_empty() && self.drafts.is_empty()) && Instant::now() < until {
            std::thread::sleep(self.sink.rest().min(RETRY.1));
            self.flush();
            self.catch_up();
        }
        let lost = self.batch.rows.len() + self.drafts.len();
        if lost > 0 {
            error!("{lost} records are lost: neither the database nor the spill file took them before the end");
        }
        if !self.spill.is_empty() {
            warn!("{} bytes of records stay in the spill file until the next start", self.spill.waiting_bytes());
        } else {
            self.sink.forget(self.spill.mark().as_deref());
        }
    }
}
