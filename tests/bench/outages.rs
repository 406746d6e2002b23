//! What becomes of the records when something breaks, and what the gateway's large works cost in memory.
//!
//! Start at [`run`]. Callers ask at a fixed rate all the while; each must be answered, and each must have its record afterwards.

use std::net::SocketAddr;
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use crate::Result;
use crate::load::{self, Round};
use crate::measure::{self, peak_bytes, quantile};
use crate::postgres::Cluster;
use crate::process::{Folder, raise_open_files, tool};
use crate::servers::{Mock, Site};
use crate::stand::{Lock, Stand, Store};
use crate::works;

/// Replies that had ended so long before a kill have their record.
const PROMISED: Duration = Duration::from_millis(100);
/// How long to wait for records that come late.
pub const LATE: Duration = Duration::from_secs(120);

/// How long and how often.
struct Extent {
    kills: usize,
    before_kill: Duration,
    outage: Duration,
    lag: Duration,
    large: u64,
    old: u64,
}

const FULL: Extent = Extent {
    kills: 10,
    before_kill: Duration::from_secs(4),
    outage: Duration::from_secs(60),
    lag: Duration::from_secs(90),
    large: 500,
    old: 30_000,
};
const QUICK: Extent = Extent {
    kills: 3,
    before_kill: Duration::from_secs(2),
    outage: Duration::from_secs(5),
    lag: Duration::from_secs(10),
    large: 50,
    old: 3_000,
};

/// Does it all and prints a table; false when a record is missing or a request failed.
///
/// # Errors
/// A gateway that cannot be started or does not answer.
pub fn run(is_quick: bool) -> Result<bool> {
    raise_open_files()?;
    let extent = if is_quick { QUICK } else { FULL };
    let folder = Folder::make()?;
    let (mock, upstream) = Mock::start()?;
    // nginx has no part in this.
    let site = Site {
        nginx: "nginx".into(),
        sqlite: tool("sqlite3", "sqlite3")?,
        tick_ns: measure::tick_ns()?,
        upstream,
        is_self_check: false,
    };
    println!("| What happens | served | failed | missing | twice | peak MiB | p99 ms | |");
    println!("|---|--:|--:|--:|--:|--:|--:|---|");
    let stand = |name: &str| {
        let folder = folder.within(name)?;
        let database = folder.join("db.sqlite");
        Stand::new(&site, folder, Store::Sqlite(database))
    };
    let mut is_right = true;
    let mut tell = |row: Row| {
        is_right &= row.failed == 0 && row.missing == 0 && row.twice == 0;
        println!("{}", row.line());
    };
    tell(killed("", stand("kill")?, &extent)?);
    let on_postgres = |name: &str| Stand::new(&site, folder.within(name)?, Store::Postgres(Cluster::start("on")));
    tell(killed(", on Postgres", on_postgres("kill-postgres")?, &extent)?);
    tell(outage("SQLite locked by another program", stand("lock")?, &extent, |stand, hold| {
        let lock = Lock::on(&site, stand.file()?)?;
        hold();
        lock.release()
    })?);
    tell(outage("disk full: neither database nor spill file", stand("full")?, &extent, |stand, hold| {
        stand.limit_files("1")?;
        hold();
        stand.limit_files("unlimited")
    })?);
    tell(outage("Postgres stopped and started again", on_postgres("postgres")?, &extent, |stand, hold| {
        let Store::Postgres(cluster) = &stand.store else { return Ok(()) };
        cluster.stop();
        hold();
        cluster.start_again();
        Ok(())
    })?);
    tell(works::lag(&stand("lag")?, extent.lag)?);
    tell(works::giant(&stand("giant")?)?);
    tell(works::export(&stand("export")?, extent.large)?);
    tell(works::retention(&stand("retention")?, extent.old)?);
    drop(mock);
    Ok(is_right)
}

/// What came of one of them.
#[derive(Default)]
pub struct Row {
    /// What happened.
    pub what: String,
    /// Requests answered in full.
    pub served: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Requests without a record.
    pub missing: u64,
    /// Records too many.
    pub twice: u64,
    /// Most memory in RAM.
    pub peak_bytes: u64,
    /// Time that one request in a hundred exceeds.
    pub p99_ms: f64,
    /// What else is to be told.
    pub note: String,
}

impl Row {
    /// What a load gave.
    pub fn of(what: String, round: &Round, note: String) -> Row {
        let p99_ms = quantile(&round.times_ns, 0.99) as f64 / 1e6;
        Row { what, served: round.served, failed: round.failed, p99_ms, note, ..Row::default() }
    }

    fn line(&self) -> String {
        let Row { what, served, failed, missing, twice, peak_bytes, p99_ms, note } = self;
        let peak_mib = *peak_bytes as f64 / 1024.0 / 1024.0;
        format!("| {what} | {served} | {failed} | {missing} | {twice} | {peak_mib:.0} | {p99_ms:.2} | {note} |")
    }
}

/// Requests of 1 KiB at this rate, on threads of their own.
pub fn load_for(addr: SocketAddr, per_second: u64, time: Duration) -> JoinHandle<Result<Round>> {
    thread::spawn(move || load::open(addr, per_second, time))
}

/// What such a load gave.
///
/// # Errors
/// No connection.
pub fn ended(load: JoinHandle<Result<Round>>) -> Result<Round> {
    load.join().map_err(|_| "the load panicked")?
}

/// How many of these are not among the recorded ones, and how many of those stand there more than once.
fn compare(wanted: impl Iterator<Item = u64>, recorded: &[u64]) -> (u64, u64) {
    let missing = wanted.filter(|number| recorded.binary_search(number).is_err()).count() as u64;
    (missing, recorded.windows(2).filter(|two| two[0] == two[1]).count() as u64)
}

fn killed(on: &str, mut stand: Stand<'_>, extent: &Extent) -> Result<Row> {
    let (mut all, mut promised, mut late) = (Round::default(), Vec::new(), Vec::new());
    let mut slowest = Duration::ZERO;
    for _ in 0..extent.kills {
        let load = load_for(stand.addr, 1_000, extent.before_kill * 2);
        sleep(extent.before_kill);
        stand.crash()?;
        let killed = Instant::now();
        let round = ended(load)?;
        all.served += round.served;
        all.times_ns.extend(round.times_ns);
        for (number, at) in round.ended {
            if at + PROMISED <= killed { promised.push(number) } else { late.push(number) }
        }
        slowest = slowest.max(stand.start_again()?);
        if stand.file().is_ok() && stand.sql("PRAGMA integrity_check")? != "ok" {
            all.failed += 1;
        }
    }
    all.times_ns.sort_unstable();
    // What waited in the spill file comes after the start.
    stand.wait_for_rows(promised.len() as u64, Duration::from_secs(5))?;
    let recorded = stand.recorded()?;
    let (missing, twice) = compare(promised.iter().copied(), &recorded);
    let (young, _) = compare(late.iter().copied(), &recorded);
    let note = format!(
        "{} replies had ended more than 100 ms before; of {} younger ones {young} are not there; listens again after {} ms at most",
        promised.len(),
        late.len(),
        slowest.as_millis()
    );
    let what = format!("`kill -9` at 1,000 requests/s, {} times{on}", extent.kills);
    Ok(Row { missing, twice, peak_bytes: peak_bytes(&[stand.pid()])?, ..Row::of(what, &all, note) })
}

fn outage<'s>(
    what: &str,
    stand: Stand<'s>,
    extent: &Extent,
    happens: impl FnOnce(&Stand<'s>, &dyn Fn()) -> Result<()>,
) -> Result<Row> {
    let lead = Duration::from_secs(5);
    let load = load_for(stand.addr, 400, extent.outage + lead * 2);
    sleep(lead);
    happens(&stand, &|| sleep(extent.outage))?;
    let round = ended(load)?;
    let (_, after) = stand.wait_for_rows(round.served, LATE)?;
    let (missing, twice) = compare(round.ended.iter().map(|(number, _)| *number), &stand.recorded()?);
    let what = format!("{what} for {} s at 400 requests/s", extent.outage.as_secs());
    let note = format!("all there {:.1} s after the load", after.as_secs_f64());
    Ok(Row { missing, twice, peak_bytes: peak_bytes(&[stand.pid()])?, ..Row::of(what, &round, note) })
}
