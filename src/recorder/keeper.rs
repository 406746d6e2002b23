//! The keeper's thread: takes out what has had its time, and gives the room back.
//!
//! **Invariant:** it works in small steps with rests between: the writer never waits long for it. **May import:** `db`, `error`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::Utc;
use log::{info, warn};

use crate::db::index::{removals_pending, segments};
use crate::db::removal::{Depth, Retention, expired, give_back, oldest, remove_groups, size};
use crate::db::{Connection, Database, rollups};
use crate::error::Error;
use crate::recorder::Recorder;

/// How often it looks unasked.
const LOOK: Duration = Duration::from_secs(60);
/// Between two steps.
const REST: Duration = Duration::from_millis(20);
/// Records of one step.
const STEP: usize = 64;
/// How often, and how many times at most, to look whether the index is through with what was removed.
const INDEX_LOOK: Duration = Duration::from_millis(200);
const INDEX_LOOKS: usize = 600;
/// Pages given back in one step: 16 KiB each.
const PAGES: i64 = 256;
/// How long the sums of single minutes are kept; those of hours stay.
const MINUTES_KEPT_DAYS: i64 = 32;
const DAY_US: i64 = 24 * 3600 * 1_000_000;

/// Gives what is kept how long, as it is at the moment.
pub(super) type Kept = Box<dyn Fn() -> Retention + Send>;

pub(super) struct Keeper {
    recorder: Arc<Recorder>,
    database: Database,
    retention: Kept,
}

impl Keeper {
    pub(super) fn new(recorder: Arc<Recorder>, database: Database, retention: Kept) -> Keeper {
        Keeper { recorder, database, retention }
    }

    pub(super) fn run(self) {
        while !self.recorder.stopping.load(Ordering::Acquire) {
            self.recorder.rest_until_asked(LOOK);
            let done = self.round();
            self.recorder.removing.store(false, Ordering::Release);
            match done {
                Ok(()) | Err(Error::Unavailable(_)) => {}
                Err(error) => warn!("what has had its time cannot be removed: {error}"),
            }
        }
    }

    fn round(&self) -> Result<(), Error> {
        let Retention { bodies_days, records_days, bytes } = (self.retention)();
        let mut connection = self.database.connect()?;
        let now_us = Utc::now().timestamp_micros();
        while !self.stops() && rollups::forget_minutes(&mut connection, now_us - MINUTES_KEPT_DAYS * DAY_US)? > 0 {
            self.recorder.rest(REST);
        }
        let before = size(&mut connection)?;
        let mut gone = 0;
        for (days, depth) in [(records_days, Depth::Record), (bodies_days, Depth::Bodies)] {
            if days > 0 {
                let before_us = now_us.saturating_sub(i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(DAY_US));
                gone += self.expire(&mut connection, before_us, depth)?;
            }
        }
        let most = i64::try_from(bytes).unwrap_or(i64::MAX);
        while bytes > 0 && !self.stops() {
            let now = size(&mut connection)?;
            if now <= most {
                break;
            }
            let groups = oldest(&mut connection, (now - most) as f64 / now as f64)?;
            if groups.is_empty() {
                break;
            }
            gone += self.remove(&mut connection, &groups, Depth::Record)?;
        }
        if gone > 0 {
            self.await_index(&mut connection)?;
            self.give_back(&mut connection)?;
            let after = size(&mut connection)?;
            info!("{gone} records have had their time; the database holds {after} bytes now, {} less", before - after);
        }
        Ok(())
    }

    fn expire(&self, connection: &mut Connection, before_us: i64, depth: Depth) -> Result<usize, Error> {
        let (mut after, mut gone) = (Some(0), 0);
        while let Some(looked_to) = after.filter(|_| !self.stops()) {
            let found = expired(connection, before_us, depth, looked_to)?;
            gone += self.remove(connection, &found.groups, depth)?;
            after = found.looked_to;
        }
        Ok(gone)
    }

    fn remove(&self, connection: &mut Connection, groups: &[Vec<i64>], depth: Depth) -> Result<usize, Error> {
        let mut gone = 0;
        // The newest first: what is left is always the beginning of a conversation.
        let mut pieces = groups.iter().flat_map(|ids| ids.rchunks(STEP)).peekable();
        self.recorder.removing.store(true, Ordering::Release);
        while pieces.peek().is_some() && !self.stops() {
            let (mut step, mut records) = (Vec::new(), 0);
            // A piece of a large conversation goes alone, many small conversations go together.
            while let Some(piece) = pieces.next_if(|piece| step.is_empty() || records + piece.len() <= STEP) {
                records += piece.len();
                step.push(piece);
            }
            gone += remove_groups(connection, &step, depth)?.records;
            self.recorder.rest(REST);
        }
        Ok(gone)
    }

    /// Waits until the index is written without what is gone, two minutes at most: its old pages are to be given back too.
    fn await_index(&self, connection: &mut Connection) -> Result<(), Error> {
        self.recorder.removing.store(false, Ordering::Release);
        for _ in 0..INDEX_LOOKS {
            if self.stops() || !removals_pending(&segments(connection)?) {
                break;
            }
            self.recorder.rest(INDEX_LOOK);
        }
        Ok(())
    }

    fn give_back(&self, connection: &mut Connection) -> Result<(), Error> {
        for _ in 0..10_000 {
            if self.stops() || !give_back(connection, PAGES)? {
                break;
            }
            self.recorder.rest(REST);
        }
        Ok(())
    }

    fn stops(&self) -> bool {
        self.recorder.stopping.load(Ordering::Acquire)
    }
}
