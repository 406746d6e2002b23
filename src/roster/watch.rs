//! The thread that keeps the roster true: asks every 25 ms whether the database has changed, reads it again if so, and
//! counts calls in it every two seconds.
//!
//! **May import:** `db`, `error`.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use log::{error, info, warn};

use crate::db::{Database, Watcher, client_keys, prices, records, settings, upstreams};
use crate::error::{Error, StartError};
use crate::roster::homes::MOST;
use crate::roster::{Homes, Known, Roster, Rows, snapshot};

/// How often the database is asked whether it has changed.
const POLL: Duration = Duration::from_millis(25);
/// How often calls are counted in the database, and how long to wait after an error.
const COUNT: Duration = Duration::from_secs(2);

/// The watching thread; dropping it ends and joins the thread.
pub struct Watch {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Roster {
    /// Reads the database and starts watching it. `defaults` stand in for settings that have no row.
    ///
    /// # Errors
    /// The database does not answer.
    pub fn start(database: &Database, defaults: Vec<(String, String)>) -> Result<(Arc<Roster>, Watch), StartError> {
        let failed = |error: Error| StartError::new(format!("cannot read the database: {error}"));
        let watcher = database.watch().map_err(failed)?;
        let rows = read(database, &defaults).map_err(failed)?;
        let mut connection = database.get().map_err(failed)?;
        let mut homes = records::resources(&mut connection, MOST as i64).map_err(failed)?;
        homes.reverse();
        drop(connection);
        let (first, known, problems) = snapshot(&rows, None);
        let roster = Arc::new(Roster::new(first, Homes::new(homes)));
        let (stop, stopped) = channel();
        let mut keeper = Keeper {
            database: database.clone(),
            defaults,
            roster: Arc::clone(&roster),
            rows,
            known,
            said: HashSet::new(),
        };
        keeper.report(problems);
        let thread = std::thread::Builder::new()
            .name("roster".into())
            .spawn(move || keeper.run(watcher, &stopped))
            .map_err(|error| StartError::new(format!("cannot start the roster's thread: {error}")))?;
        Ok((roster, Watch { stop: Some(stop), thread: Some(thread) }))
    }
}

fn read(database: &Database, defaults: &[(String, String)]) -> Result<Rows, Error> {
    let mut connection = database.get()?;
    let mut rows = settings::all(&mut connection)?;
    for (key, value) in defaults {
        if !rows.iter().any(|(known, _)| known == key) {
            rows.push((key.clone(), value.clone()));
        }
    }
    Ok(Rows {
        upstreams: upstreams::list(&mut connection)?,
        settings: rows,
        prices: prices::list(&mut connection)?,
        keys: client_keys::list(&mut connection)?,
    })
}

struct Keeper {
    database: Database,
    defaults: Vec<(String, String)>,
    roster: Arc<Roster>,
    rows: Rows,
    known: Known,
    /// Problems that were logged already and still stand.
    said: HashSet<String>,
}

impl Keeper {
    fn run(mut self, watcher: Watcher, stopped: &Receiver<()>) {
        let mut watcher = Some(watcher);
        let mut next_count = Instant::now() + COUNT;
        let mut pause = POLL;
        while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            pause = POLL;
            if let Err(error) = self.look(&mut watcher) {
                if watcher.take().is_some() {
                    warn!("changes to the database are not seen for now: {error}");
                }
                pause = COUNT;
            }
            self.roster.looks.fetch_add(1, Ordering::Release);
            if Instant::now() >= next_count {
                self.count();
                next_count = Instant::now() + COUNT;
            }
        }
        self.count();
    }

    fn look(&mut self, watcher: &mut Option<Watcher>) -> Result<(), Error> {
        match watcher {
            Some(watcher) => {
                if watcher.changed()? {
                    self.reload()?;
                }
            }
            None => {
                // Watch first, read then: a change between the two is seen.
                let fresh = self.database.watch()?;
                self.reload()?;
                *watcher = Some(fresh);
                info!("changes to the database are seen again");
            }
        }
        Ok(())
    }

    fn reload(&mut self) -> Result<(), Error> {
        let rows = read(&self.database, &self.defaults)?;
        if rows == self.rows {
            return Ok(());
        }
        let (next, known, problems) = snapshot(&rows, Some(&self.known));
        if self.known.keys().any(|identity| !known.contains_key(identity)) {
            // What is measured of an edited upstream is forgotten, but not its calls.
            self.count();
        }
        self.roster.current.store(Arc::new(next));
        (self.rows, self.known) = (rows, known);
        self.report(problems);
        Ok(())
    }

    /// Each problem is logged when it appears, not at every reload.
    fn report(&mut self, problems: Vec<String>) {
        for problem in problems.iter().filter(|problem| !self.said.contains(*problem)) {
            warn!("{problem}");
        }
        self.said = problems.into_iter().collect();
    }

    fn count(&self) {
        let taken: Vec<_> = self
            .known
            .iter()
            .map(|(identity, measured)| (identity.id, measured, measured.take_calls()))
            .filter(|(_, _, calls)| calls.successes + calls.failures > 0)
            .collect();
        if taken.is_empty() {
            return;
        }
        let rows: Vec<_> = taken
            .iter()
            .map(|(id, _, calls)| upstreams::Calls {
                upstream_id: *id,
                successes: calls.successes,
                failures: calls.failures,
                last_success_us: Some(calls.last_success_us).filter(|us| *us > 0),
            })
            .collect();
        let result = self.database.get().and_then(|mut connection| upstreams::count_calls(&mut connection, &rows));
        if let Err(error) = result {
            for (_, measured, calls) in taken {
                measured.put_back(calls);
            }
            if !matches!(error, Error::Unavailable(_)) {
                error!("calls cannot be counted: {error}");
            }
        }
    }
}
