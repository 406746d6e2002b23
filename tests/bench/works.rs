//! Works that are large: what they cost in memory, and whether callers feel them. Nothing here breaks.

use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Result;
use crate::caller::call_blocking;
use crate::load::{self, Round, Stop};
use crate::measure::{forget_peak, peak_bytes, resident_bytes};
use crate::outages::{LATE, Row, ended, load_for};
use crate::payload::Kind;
use crate::stand::Stand;
use crate::wire::Decoder;

const GIANT_BYTES: usize = 300_000_000;

/// How far the index falls behind.
///
/// # Errors
/// The gateway or its database does not answer.
pub fn lag(stand: &Stand<'_>, time: Duration) -> Result<Row> {
    let load = load_for(stand.addr, 1_000, time);
    let mut most = 0;
    while !load.is_finished() {
        sleep(Duration::from_secs(1));
        let behind =
            "SELECT coalesce(max(id), 0) - coalesce((SELECT value FROM marks WHERE name = 'indexed'), 0) FROM records";
        most = most.max(stand.number(behind)?);
    }
    let round = ended(load)?;
    let (rows, _) = stand.wait_for_rows(round.served, LATE)?;
    let what = format!("1,000 requests/s for {} s", time.as_secs());
    let note = format!("the index is at most {most} records behind: {:.1} s", most as f64 / 1e3);
    let missing = round.served.saturating_sub(rows);
    Ok(Row { missing, peak_bytes: peak_bytes(&[stand.pid()])?, ..Row::of(what, &round, note) })
}

/// A body beyond what is recorded whole.
///
/// # Errors
/// The gateway or its database does not answer.
pub fn giant(stand: &Stand<'_>) -> Result<Row> {
    let (before, after) = (r#"{"model":"bench-small","messages":[{"role":"user","content":""#, r#""}]}"#);
    let length = GIANT_BYTES + before.len() + after.len();
    let mut request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer bench-key\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{before}"
    )
    .into_bytes();
    let words = b"All work and no play makes Jack a dull boy. ";
    request.extend(words.iter().copied().cycle().take(GIANT_BYTES));
    request.extend(after.as_bytes());
    let mut socket = TcpStream::connect(stand.addr)?;
    socket.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut round = Round::default();
    round.count(call_blocking(&mut socket, &mut Decoder::of_replies(), &request));
    let (rows, took) = stand.wait_for_rows(1, LATE)?;
    let told = stand.sql(
        "SELECT request_bytes || ' bytes came; ' || body_note FROM records JOIN record_bodies ON record_id = id",
    )?;
    let note = format!("{told}; stored after {:.1} s", took.as_secs_f64());
    let what = "a request of 300 MB".to_owned();
    Ok(Row { missing: 1 - rows.min(1), peak_bytes: peak_bytes(&[stand.pid()])?, ..Row::of(what, &round, note) })
}

/// Everything as one file.
///
/// # Errors
/// The gateway or its database does not answer.
pub fn export(stand: &Stand<'_>, large: u64) -> Result<Row> {
    let (mut round, mut rows) = (Round::default(), 0);
    // What matters is reading them: they come no faster than they are stored.
    while round.served + round.failed < large {
        let some = load::closed(stand.addr, Kind::Large, 1, Stop::Requests(25))?;
        round.served += some.served;
        round.failed += some.failed;
        round.times_ns.extend(some.times_ns);
        rows = stand.wait_for_rows(round.served, LATE)?.0;
    }
    round.times_ns.sort_unstable();
    sleep(Duration::from_secs(2));
    let pids = [stand.pid()];
    forget_peak(&pids)?;
    let (before, begin) = (resident_bytes(&pids)?, Instant::now());
    let mut lines = 0;
    let bytes = stand.get("/admin/requests/export?format=jsonl", |piece| {
        lines += memchr::memchr_iter(b'\n', piece).count() as u64;
    })?;
    let peak = peak_bytes(&pids)?;
    let note = format!(
        "{} MB in {:.1} s; {:.0} MiB more than before it",
        bytes / 1_000_000,
        begin.elapsed().as_secs_f64(),
        peak.saturating_sub(before) as f64 / 1024.0 / 1024.0
    );
    let missing = round.served.saturating_sub(rows.min(lines));
    Ok(Row { missing, peak_bytes: peak, ..Row::of("export of bodies of 1 MiB each way".to_owned(), &round, note) })
}

/// Many records have had their time while others come.
///
/// # Errors
/// The gateway or its database does not answer.
pub fn retention(stand: &Stand<'_>, many: u64) -> Result<Row> {
    let old = load::closed(stand.addr, Kind::Small, 16, Stop::Requests(many))?;
    stand.wait_for_rows(old.served, LATE)?;
    let last = stand.number("SELECT max(id) FROM records")?;
    stand.sql("UPDATE records SET started_us = started_us - 864000000000")?;
    stand.sql("INSERT INTO config_kvs (key, value) VALUES ('retain_records_days', '5')")?;
    let left = format!("SELECT count(*) FROM records WHERE id <= {last}");
    let (limit, mut begun, mut now) = (Instant::now() + Duration::from_secs(600), None, old.served);
    let (mut all, mut done_after) = (Round::default(), 0.0);
    // The keeper looks once a minute.
    while now > 0 && Instant::now() < limit {
        let round = load::open(stand.addr, 500, Duration::from_secs(1))?;
        all.served += round.served;
        all.failed += round.failed;
        now = stand.number(&left)?;
        if now < old.served {
            let begun = *begun.get_or_insert_with(Instant::now);
            all.times_ns.extend(round.times_ns);
            done_after = begun.elapsed().as_secs_f64();
        }
    }
    all.times_ns.sort_unstable();
    let (rows, _) = stand.wait_for_rows(all.served, LATE)?;
    let told = stand.told("have had their time", Duration::from_secs(180))?;
    let note = format!("{:.0} records a second; the log: {told}", old.served as f64 / done_after.max(1.0));
    let what = format!("retention of {} records at 500 requests/s", old.served);
    let missing = all.served.saturating_sub(rows) + now;
    Ok(Row { missing, peak_bytes: peak_bytes(&[stand.pid()])?, ..Row::of(what, &all, note) })
}
