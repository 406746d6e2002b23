//! The recorder's thread: drafts → rows → batches → the database, or the spill file while the database is away.
//!
//! Rows reach the database in the order in which they ended: while the spill file holds anything, everything goes
//! through it. A row that the database refuses for its own sake is set apart by halving its batch, and stored without
//! its bodies as the last resort. **May import:** `db`, `openai`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use log::{error, info, warn};

use crate::db::records::{NewRecord, Progress, Store, Texts};
use crate::db::{Connection, Database, marks};
use crate::error::Error;
use crate::recorder::finish::finish;
use crate::recorder::spill::Spill;
use crate::recorder::{Draft, Recorder};
use crate::usage::prices::PriceBook;

/// Rows in one transaction, at most.
const BATCH_ROWS: usize = 1000;
/// Bytes of bodies in one transaction, about.
const BATCH_BYTES: usize = 16 << 20;
/// How long to leave a database alone that did not answer.
const RETRY: Duration = Duration::from_secs(1);
/// How long the last attempts at a stop may take before what is left goes to the spill file.
const LAST_ATTEMPTS: Duration = Duration::from_secs(10);

/// Gives the prices as they are at the moment.
type Prices = Box<dyn Fn() -> Arc<PriceBook> + Send>;

pub(super) struct Writer {
    recorder: Arc<Recorder>,
    database: Database,
    prices: Prices,
    connection: Option<Connection>,
    store: Store,
    spill: Spill,
    /// The spill file may have been taken in part before the program ended.
    spill_unsure: bool,
    away_since: Option<Instant>,
    next_try: Instant,
}

impl Writer {
    pub(super) fn new(recorder: Arc<Recorder>, database: Database, prices: Prices) -> Writer {
        let spill = Spill::open(&database.spill_path());
        if !spill.is_empty() {
            info!("{} bytes of records wait in the spill file; storing them now", spill.waiting_bytes());
        }
        Writer {
            recorder,
            database,
            prices,
            connection: None,
            store: Store::default(),
            spill_unsure: !spill.is_empty(),
            spill,
            away_since: None,
            next_try: Instant::now(),
        }
    }

    pub(super) fn run(mut self) {
        loop {
            let idle = if self.spill.is_empty() { Duration::from_secs(3600) } else { RETRY };
            let stopping = self.recorder.stopping.load(Ordering::Acquire);
            let drafts = self.recorder.take(if stopping { Duration::ZERO } else { idle });
            let nothing_came = drafts.is_empty();
            self.store(drafts);
            self.catch_up();
            self.recorder.counts.spilled_bytes.store(self.spill.waiting_bytes(), Ordering::Relaxed);
            if stopping && nothing_came {
                break;
            }
        }
        self.last_attempts();
    }

    /// Rows go to the database, or behind those that already wait for it.
    fn store(&mut self, drafts: Vec<Draft>) {
        let prices = (self.prices)();
        let mut drafts = drafts.into_iter().peekable();
        while drafts.peek().is_some() {
            let (mut rows, mut bytes, mut charged) = (Vec::new(), 0, 0);
            while rows.len() < BATCH_ROWS && bytes < BATCH_BYTES {
                let Some(draft) = drafts.next() else { break };
                charged += draft.charged_bytes;
                // A body that our own reading of it stumbles over must not end the recording of all others.
                let Ok(row) = catch_unwind(AssertUnwindSafe(|| finish(draft, &prices))) else {
                    self.recorder.lost("it cannot be read");
                    continue;
                };
                bytes += row.texts.body.as_ref().map_or(0, Vec::len) + row.texts.response.as_ref().map_or(0, Vec::len);
                rows.push(row);
            }
            if !self.spill.is_empty() || !self.insert(&rows, &[]) {
                self.spill(&rows);
            }
            self.recorder.budget.give_back(charged);
        }
    }

    fn spill(&mut self, rows: &[NewRecord]) {
        if let Err(error) = self.spill.append(rows) {
            // Neither place takes them. One by one, so that one giant does not take the others along.
            for row in rows {
                if self.spill.append(std::slice::from_ref(row)).is_err() && !self.insert(std::slice::from_ref(row), &[])
                {
                    self.recorder.lost(&format!("the database does not answer and the spill file says {error}"));
                }
            }
        }
    }

    fn catch_up(&mut self) {
        while !self.spill.is_empty() && Instant::now() >= self.next_try {
            if self.spill_unsure && !self.ask_how_far() {
                return;
            }
            match self.spill.read(BATCH_ROWS, BATCH_BYTES) {
                Ok((rows, ends)) if !rows.is_empty() => {
                    if !self.insert(&rows, &ends) {
                        return;
                    }
                    let mark = self.spill.mark();
                    if self.spill.advance(ends.last().copied().unwrap_or_default())
                        && let (Some(mark), Some(connection)) = (mark, &mut self.connection)
                    {
                        // What stays behind is a row that nobody reads.
                        let _ = marks::forget(connection, &mark);
                    }
                }
                unreadable => {
                    let error = unreadable.err().map_or_else(|| "it ends early".to_owned(), |error| error.to_string());
                    match self.spill.set_aside(chrono::Utc::now().timestamp()) {
                        Ok(aside) => error!("the spill file is damaged ({error}); kept as {}", aside.display()),
                        Err(rename) => error!("the spill file is damaged ({error}) and cannot be renamed ({rename})"),
                    }
                    return;
                }
            }
        }
    }

    /// How far the database has taken the spill file of an earlier run; false when it does not answer.
    fn ask_how_far(&mut self) -> bool {
        let asked = self.spill.mark().map_or(Ok(None), |mark| {
            let mut connection = self.database.writer()?;
            let taken = marks::get(&mut connection, &mark);
            self.connection = Some(connection);
            taken
        });
        match asked {
            Ok(taken) => {
                self.spill.taken_up_to(taken.and_then(|taken| u64::try_from(taken).ok()).unwrap_or(0));
                self.spill_unsure = false;
                if self.spill.is_empty() {
                    self.spill.advance(u64::MAX);
                }
                true
            }
            Err(error) => {
                self.went_away(&error.to_string());
                false
            }
        }
    }

    /// Whether the database has taken these rows. A refusal of single rows counts as taken: they are stored poorer. Rows from the
    /// spill file come with the ends of their frames, which are stored along with them: a crash between the two cannot be.
    fn insert(&mut self, rows: &[NewRecord], ends: &[u64]) -> bool {
        if rows.is_empty() {
            return true;
        }
        if Instant::now() < self.next_try {
            return false;
        }
        match self.try_insert(rows, ends) {
            Ok(()) => {
                self.came_back();
                true
            }
            Err(Error::Unavailable(what)) => {
                self.went_away(&what);
                false
            }
            Err(Error::Database(what)) if rows.len() == 1 => self.store_poorer(&rows[0], ends, &what),
            Err(Error::Database(_)) => {
                let (left, right) = rows.split_at(rows.len() / 2);
                let (left_ends, right_ends) = ends.split_at(ends.len() / 2);
                // The left half stands already when the right one finds the database away; what is then spilled
                // is the right half only.
                if !self.insert(left, left_ends) {
                    return false;
                }
                if self.insert(right, right_ends) {
                    return true;
                }
                // From the spill file they are read again; all others must go there.
                if ends.is_empty() {
                    self.spill(right);
                } else if let Some(end) = left_ends.last() {
                    self.spill.advance(*end);
                }
                ends.is_empty()
            }
            Err(other @ (Error::NotFound | Error::Duplicate | Error::Invalid { .. })) => {
                self.went_away(&other.to_string());
                false
            }
        }
    }

    fn try_insert(&mut self, rows: &[NewRecord], ends: &[u64]) -> Result<(), Error> {
        let mark = self.spill.mark();
        let end = ends.last().and_then(|end| i64::try_from(*end).ok());
        let progress = mark.as_ref().zip(end).map(|(name, value)| Progress { name, value });
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.database.writer()?,
        };
        let result = self.store.insert(&mut connection, rows, progress);
        // After a failure of the database itself a fresh connection is the only one to trust.
        if !matches!(result, Err(Error::Unavailable(_))) {
            self.connection = Some(connection);
        }
        result.map(drop)
    }

    fn store_poorer(&mut self, row: &NewRecord, ends: &[u64], what: &str) -> bool {
        warn!("a record's bodies cannot be stored ({what}); its row is kept");
        let note = Some("lost: the database refused it".to_owned());
        let texts = Texts { body: None, body_note: note.clone(), response: None, response_note: note };
        let poorer = NewRecord { texts, ..row.clone() };
        match self.try_insert(std::slice::from_ref(&poorer), ends) {
            Ok(()) => self.came_back(),
            Err(error) => {
                self.recorder.lost(&error.to_string());
            }
        }
        true
    }

    fn came_back(&mut self) {
        if let Some(since) = self.away_since.take() {
            info!("the database takes records again after {} s", since.elapsed().as_secs());
        }
    }

    fn went_away(&mut self, what: &str) {
        self.next_try = Instant::now() + RETRY;
        if self.away_since.is_none() {
            self.away_since = Some(Instant::now());
            warn!("the database does not take records ({what}); they wait in {}", self.database.spill_path().display());
        }
    }

    fn last_attempts(&mut self) {
        let until = Instant::now() + LAST_ATTEMPTS;
        while !self.spill.is_empty() && Instant::now() < until {
            std::thread::sleep(self.next_try.saturating_duration_since(Instant::now()));
            self.catch_up();
        }
        if !self.spill.is_empty() {
            warn!("{} bytes of records stay in the spill file until the next start", self.spill.waiting_bytes());
        }
    }
}
