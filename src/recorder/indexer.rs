//! The indexer's thread: follows the writer and keeps the search index, some steps behind.
//!
//! **Invariant:** nobody waits for it: what it has not reached yet is searched without it. **May import:** `db`, `error`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use log::{error, info, warn};

use crate::db::index::{DAMAGED, advance, alone, behind, start_anew, tidy};
use crate::db::pace::gently;
use crate::db::{Connection, Database, marks};
use crate::error::Error;
use crate::recorder::Recorder;

/// How often it looks for new records.
const LOOK: Duration = Duration::from_millis(200);
/// So many new records are worth a segment at once; fewer wait, and are searched without.
const WORTH_A_SEGMENT: usize = 512;
/// How long fewer wait.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to leave a database alone that did not answer, or whose index another replica keeps.
const RETRY: Duration = Duration::from_secs(1);
/// How much time a step may leave to others.
const SPARE: Duration = Duration::from_millis(500);
/// While so many records come in one batch the writer has the machine to itself …
pub(super) const CROWD: usize = 200;
/// … but for one step in this time.
const CROWDED_STEP: Duration = Duration::from_secs(5);

pub(super) struct Indexer {
    recorder: Arc<Recorder>,
    database: Database,
    connection: Option<Connection>,
    last_step: Instant,
    /// The database does not answer; said once.
    is_away: bool,
}

impl Indexer {
    pub(super) fn new(recorder: Arc<Recorder>, database: Database) -> Indexer {
        Indexer { recorder, database, connection: None, last_step: Instant::now(), is_away: false }
    }

    pub(super) fn run(mut self) {
        while !self.recorder.stopping.load(Ordering::Acquire) {
            let crowded = self.recorder.counts.last_batch.load(Ordering::Relaxed) >= CROWD;
            if crowded && self.last_step.elapsed() < CROWDED_STEP {
                self.recorder.rest(LOOK);
                continue;
            }
            match self.step() {
                Ok(true) => {}
                Ok(false) => self.recorder.rest(LOOK),
                Err(error) => {
                    self.failed(&error);
                    self.recorder.rest(RETRY);
                }
            }
        }
    }

    /// Does the next thing; false when there is nothing to do.
    fn step(&mut self) -> Result<bool, Error> {
        gently(SPARE);
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let mut connection = self.database.connect()?;
                self.publish(&mut connection)?;
                if !alone(&mut connection)? {
                    self.recorder.rest(RETRY);
                    return Ok(false);
                }
                connection
            }
        };
        if marks::get(&mut connection, DAMAGED)?.is_some() {
            error!("the search index is damaged; it is made anew, searches read the records meanwhile");
            start_anew(&mut connection)?;
            marks::forget(&mut connection, DAMAGED)?;
        }
        let patient = self.last_step.elapsed() < PATIENCE;
        let taken = advance(&mut connection, if patient { WORTH_A_SEGMENT } else { 1 })?;
        if taken > 0 || !patient {
            self.last_step = Instant::now();
        }
        let busy = tidy(&mut connection, self.recorder.removing.load(Ordering::Acquire))? || taken > 0;
        self.publish(&mut connection)?;
        self.connection = Some(connection);
        // A database that is locked can be read: only a whole step says that it takes the index again.
        if std::mem::take(&mut self.is_away) {
            info!("the search index is kept again");
        }
        Ok(busy)
    }

    /// How far the index is behind, for whoever looks; the database answers.
    fn publish(&self, connection: &mut Connection) -> Result<(), Error> {
        let counts = &self.recorder.counts;
        counts.behind_index.store(behind(connection)?, Ordering::Relaxed);
        counts.index_is_away.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn failed(&mut self, error: &Error) {
        match error {
            Error::Unavailable(what) => {
                self.recorder.counts.index_is_away.store(true, Ordering::Relaxed);
                if !std::mem::replace(&mut self.is_away, true) {
                    warn!("the search index is not kept meanwhile: {what}");
                }
            }
            other => error!("the search index cannot be kept: {other}"),
        }
    }
}
