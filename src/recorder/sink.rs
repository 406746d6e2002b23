//! The database as the writer sees it: it takes rows, refuses one for its own sake, or is away.
//!
//! Start at [`Sink::insert`]. **Invariant:** a connection that failed in the middle of a transaction is not used again, and
//! what became of the transaction is told as unanswered. **May import:** `db`, `error`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use log::{info, warn};

use crate::db::records::{Facts, NewRecord, Progress, Store, Texts};
use crate::db::{Connection, Database, make_durable, marks};
use crate::error::Error;
use crate::recorder::Recorder;

/// How long to leave a database alone that did not answer: at first, and at most.
pub(super) const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// A database that is back so soon is not worth a line in the log.
const HICCUP: Duration = Duration::from_secs(1);

/// The answer to a transaction was lost: it may stand.
#[derive(Clone, Copy)]
pub(super) struct Unanswered {
    pub(super) transaction: i64,
    /// How many rows it held: those that follow the last that are done with.
    pub(super) rows: usize,
}

/// Where rows come from, so that the database can note how far it has taken them, in the same transaction.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    /// The spill file's mark.
    pub(super) mark: Option<&'a str>,
    /// Where each row's frame ends; empty for rows that come from memory.
    pub(super) ends: &'a [u64],
    /// The commit must outlive a crash of the machine.
    pub(super) durable: bool,
}

/// See the module.
pub(super) struct Sink {
    recorder: Arc<Recorder>,
    database: Database,
    connection: Option<Connection>,
    /// The connection's commits outlive a crash of the machine.
    is_durable: bool,
    store: Store,
    transaction: i64,
    /// The last transaction, when its answer was lost.
    pub(super) unanswered: Option<Unanswered>,
    pub(super) away_since: Option<Instant>,
    away_said: bool,
    retry: Duration,
    next_try: Instant,
    /// What a row costs lately, where there are enough of them to tell; at first a guess.
    row_time: Duration,
    /// What a KiB of a large row costs lately beside that.
    kib_time: Duration,
}

/// What a row costs before any has told: some times what it takes on a good day.
const ROW_TIME: Duration = Duration::from_micros(200);

/// So many rows tell what one costs, and are always worth a transaction.
const TELLING_ROWS: usize = 32;

/// The same of a KiB, and how large a row is whose bytes count.
const KIB_TIME: Duration = Duration::from_micros(4);
const LARGE_KIB: usize = 64;

/// So many KiB of large rows tell what one costs.
const TELLING_KIB: usize = 1024;

impl Sink {
    pub(super) fn new(recorder: Arc<Recorder>, database: Database) -> Sink {
        Sink {
            recorder,
            database,
            connection: None,
            is_durable: false,
            store: Store::default(),
            transaction: 0,
            unanswered: None,
            away_since: None,
            away_said: false,
            retry: RETRY.0,
            next_try: Instant::now(),
            row_time: ROW_TIME,
            kib_time: KIB_TIME,
        }
    }

    /// How long to leave it alone; nothing when it may be tried.
    pub(super) fn rest(&self) -> Duration {
        self.next_try.saturating_duration_since(Instant::now())
    }

    /// How many rows it takes within this time, as far as it has shown.
    pub(super) fn rows_within(&self, time: Duration) -> usize {
        let rows = time.as_nanos().checked_div(self.row_time.as_nanos()).unwrap_or(u128::MAX);
        usize::try_from(rows).unwrap_or(usize::MAX).max(TELLING_ROWS)
    }

    /// Whether it takes these within this time, as far as it has shown.
    pub(super) fn takes_within(&self, rows: &[NewRecord], time: Duration) -> bool {
        let large = u32::try_from(large_kib(rows)).unwrap_or(u32::MAX);
        let left = time.saturating_sub(self.kib_time.saturating_mul(large));
        // A row alone goes nowhere faster.
        rows.len() == 1 || !left.is_zero() && rows.len() <= self.rows_within(left)
    }

    /// Leaves it alone for a while for a reason that is not its own.
    pub(super) fn pause(&mut self) {
        self.next_try = Instant::now() + RETRY.1;
    }

    /// What it has noted under this mark; `None` when it does not answer.
    pub(super) fn noted(&mut self, mark: Option<&str>) -> Option<Option<i64>> {
        let Some(mark) = mark else { return Some(None) };
        let asked = self.connected().and_then(|mut connection| {
            let noted = marks::get_alone(&mut connection, mark)?;
            self.connection = Some(connection);
            Ok(noted)
        });
        asked.map_err(|error| self.went_away(&error.to_string())).ok()
    }

    /// Forgets a mark; what stays behind when it cannot is a row that nobody reads.
    pub(super) fn forget(&mut self, mark: Option<&str>) {
        if let (Some(mark), Some(connection)) = (mark, &mut self.connection) {
            let _ = marks::forget(connection, mark);
        }
    }

    fn connected(&mut self) -> Result<Connection, Error> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => {
                self.is_durable = false;
                self.database.writer()
            }
        }
    }

    /// How many of these rows are done with, from the front: stored, or, those that the database refuses, stored poorer.
    pub(super) fn insert(&mut self, rows: &[NewRecord], origin: Origin<'_>) -> usize {
        if rows.is_empty() || Instant::now() < self.next_try {
            return 0;
        }
        match self.try_insert(rows, origin) {
            Ok(()) => {
                self.came_back();
                rows.len()
            }
            Err(Error::Database(what)) if rows.len() == 1 => self.store_poorer(&rows[0], origin, &what),
            Err(Error::Database(_)) => {
                let (left, right) = rows.split_at(rows.len() / 2);
                let (left_ends, right_ends) = origin.ends.split_at(origin.ends.len() / 2);
                let done = self.insert(left, Origin { ends: left_ends, ..origin });
                if done < left.len() {
                    return done;
                }
                done + self.insert(right, Origin { ends: right_ends, ..origin })
            }
            Err(other) => {
                self.went_away(&other.to_string());
                0
            }
        }
    }

    fn try_insert(&mut self, rows: &[NewRecord], origin: Origin<'_>) -> Result<(), Error> {
        let Origin { mark, ends, durable } = origin;
        let mut connection = self.connected()?;
        if durable != self.is_durable {
            make_durable(&mut connection, durable)?;
            self.is_durable = durable;
        }
        self.transaction += 1;
        let value = ends.last().map_or(-self.transaction, |end| i64::try_from(*end).unwrap_or(i64::MAX));
        let progress = mark.map(|name| Progress { name, value });
        let began = Instant::now();
        let result = self.store.insert(&mut connection, rows, progress);
        if result.is_ok() {
            self.learn(rows, began.elapsed());
        }
        // After a failure of the database itself a fresh connection is the only one to trust, and what it says of this
        // transaction the only answer.
        if !matches!(result, Err(Error::Unavailable(_))) {
            self.connection = Some(connection);
        } else {
            self.unanswered = Some(Unanswered { transaction: self.transaction, rows: rows.len() });
        }
        result.map(drop)
    }

    fn learn(&mut self, rows: &[NewRecord], took: Duration) {
        let whole = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let large = large_kib(rows);
        if large >= TELLING_KIB {
            let kib_time = took.saturating_sub(self.row_time * whole(rows.len())) / whole(large);
            self.kib_time = (self.kib_time * 3 + kib_time) / 4;
        } else if rows.len() >= TELLING_ROWS {
            self.row_time = (self.row_time * 3 + took / whole(rows.len())) / 4;
        }
    }

    /// Stores a row that the database refuses without its bodies, or, when that is refused too, as its bare numbers. Who refuses
    /// even those refuses everything: it is away for as long as that lasts.
    fn store_poorer(&mut self, row: &NewRecord, origin: Origin<'_>, what: &str) -> usize {
        let mut refusal = what.to_owned();
        for (poorer, left) in [(without_bodies(row), "its row is kept"), (bare(row), "its numbers are kept")] {
            match self.try_insert(std::slice::from_ref(&poorer), origin) {
                Ok(()) => {
                    warn!("a record cannot be stored whole ({what}); {left}");
                    self.came_back();
                    return 1;
                }
                Err(error) => refusal = error.to_string(),
            }
        }
        self.went_away(&refusal);
        0
    }

    /// It has taken rows.
    pub(super) fn came_back(&mut self) {
        self.retry = RETRY.0;
        self.recorder.counts.away_since_us.store(0, Ordering::Relaxed);
        if let Some(since) = self.away_since.take()
            && std::mem::take(&mut self.away_said)
        {
            info!("the database takes records again after {} s", since.elapsed().as_secs());
        }
    }

    fn went_away(&mut self, what: &str) {
        self.next_try = Instant::now() + self.retry;
        self.retry = (self.retry * 2).min(RETRY.1);
        let counts = &self.recorder.counts;
        let since = *self.away_since.get_or_insert_with(|| {
            counts.away_since_us.store(chrono::Utc::now().timestamp_micros(), Ordering::Relaxed);
            Instant::now()
        });
        if since.elapsed() >= HICCUP && !std::mem::replace(&mut self.away_said, true) {
            warn!("the database does not take records ({what}); they wait in {}", self.database.spill_path().display());
        }
    }
}

/// KiB of the rows that are large.
fn large_kib(rows: &[NewRecord]) -> usize {
    let kib = |row: &NewRecord| {
        [&row.texts.body, &row.texts.response].into_iter().flatten().map(Vec::len).sum::<usize>() / 1024
    };
    rows.iter().map(kib).filter(|kib| *kib >= LARGE_KIB).sum()
}

fn without_bodies(row: &NewRecord) -> NewRecord {
    let note = Some("lost: the database refused it".to_owned());
    let texts = Texts { body: None, body_note: note.clone(), response: None, response_note: note, headers: None };
    NewRecord { texts, ..row.clone() }
}

/// What no database can take for wrong: numbers, and whose request it was.
fn bare(row: &NewRecord) -> NewRecord {
    let facts = Facts {
        ip: String::new(),
        user_agent: String::new(),
        host: String::new(),
        path: String::new(),
        model: None,
        model_sent: None,
        model_answered: None,
        attempts: "[]".to_owned(),
        error: None,
        resource_id: None,
        ..row.facts.clone()
    };
    NewRecord { facts, texts: without_bodies(row).texts, ..NewRecord::default() }
}
