//! Records that come in while something else is measured, and the index that follows them. Start at [`meanwhile`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use openai_api_route::db::index::{advance, behind, tidy};
use openai_api_route::db::records::NewRecord;
use openai_api_route::db::{Connection, Database};

use crate::Result;
use crate::base::Base;
use crate::results::{Goal, Results};

/// In so many batches a second.
const BATCHES: u64 = 25;
/// So many new records are worth a segment, as for the gateway.
const WORTH_A_SEGMENT: usize = 512;
/// How often the index is looked at, in the gateway as well.
const LOOK: Duration = Duration::from_millis(200);
/// Records a second at which the index must not fall behind.
const BUSY: u64 = 1_000;

/// Does `work` while `per_second` of `more` are stored and indexed.
///
/// # Errors
/// The database's.
pub fn meanwhile<T>(
    base: &mut Base,
    more: impl Iterator<Item = NewRecord> + Send,
    per_second: u64,
    work: impl FnOnce(&mut Connection) -> Result<T>,
) -> Result<T> {
    let done = AtomicBool::new(false);
    let database = base.database.clone();
    thread::scope(|scope| {
        let writing = scope.spawn(|| storing(base, more, per_second, &done));
        let indexing = scope.spawn(|| indexing(&database, &done));
        let worked = database.connect().map_err(Into::into).and_then(|mut conn| work(&mut conn));
        done.store(true, Ordering::Relaxed);
        let joined = [writing.join(), indexing.join()].into_iter().all(|ended| matches!(ended, Ok(Ok(()))));
        let worked = worked?;
        if joined { Ok(worked) } else { Err("storing or indexing broke off".into()) }
    })
}

/// Does `work` while what is stored is indexed.
///
/// # Errors
/// The database's.
pub fn indexed(base: &mut Base, work: impl FnOnce(&mut Base) -> Result<()>) -> Result<()> {
    let done = AtomicBool::new(false);
    let database = base.database.clone();
    thread::scope(|scope| {
        let indexing = scope.spawn(|| indexing(&database, &done));
        let worked = work(base);
        done.store(true, Ordering::Relaxed);
        let is_kept = matches!(indexing.join(), Ok(Ok(())));
        worked.and_then(|()| if is_kept { Ok(()) } else { Err("indexing broke off".into()) })
    })
}

fn storing(base: &mut Base, more: impl Iterator<Item = NewRecord>, per_second: u64, done: &AtomicBool) -> Result<()> {
    let mut more = more.peekable();
    let mut due = Instant::now();
    while !done.load(Ordering::Relaxed) && more.peek().is_some() {
        let batch: Vec<NewRecord> = more.by_ref().take((per_second / BATCHES) as usize).collect();
        base.insert(&batch)?;
        due += Duration::from_millis(1000 / BATCHES);
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

fn indexing(database: &Database, done: &AtomicBool) -> Result<()> {
    let conn = &mut database.connect()?;
    while !done.load(Ordering::Relaxed) {
        if advance(conn, WORTH_A_SEGMENT)? == 0 && !tidy(conn, false)? {
            thread::sleep(LOOK);
        }
    }
    Ok(())
}

/// How far the index falls behind while a thousand records come in a second, in seconds of them.
///
/// # Errors
/// The database's.
pub fn lag(
    base: &mut Base,
    more: impl Iterator<Item = NewRecord> + Send,
    seconds: u64,
    results: &mut Results,
) -> Result<()> {
    let most = meanwhile(base, more, BUSY, |conn| {
        let until = Instant::now() + Duration::from_secs(seconds);
        let mut most = 0;
        while Instant::now() < until {
            most = behind(conn)?.max(most);
            thread::sleep(LOOK);
        }
        Ok(most)
    })?;
    let stored = base.records as f64 / seconds as f64;
    results.goals.push(Goal::at_least("records of 4 KiB a second meanwhile", "/s", 0.98 * BUSY as f64, stored));
    results.goals.push(Goal::at_most("the index behind them", "s", 60.0, most as f64 / BUSY as f64));
    Ok(())
}
