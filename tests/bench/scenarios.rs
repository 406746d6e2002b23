//! The loads, each driven through every way in turn, and the counting of rows against requests.
//! Start at [`run`]. Rounds of the ways alternate, so that a slow moment of the machine hits all of them; nothing here
//! prints a result.

use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::load::{self, Round, Stop};
use crate::measure::{forget_peak, peak_bytes, resident_bytes};
use crate::payload::Kind;
use crate::process::Folder;
use crate::results::{Count, Load, Results, Row};
use crate::servers::{Mock, Server, Site, Way};
use crate::streams;

/// Callers of a closed loop.
pub const CALLERS: u64 = 64;
/// Callers of the closed loop with large bodies.
pub const LARGE_CALLERS: u64 = 8;
/// Requests per second of the open loop.
pub const RATE: u64 = 1_000;
/// Paced streams at once.
pub const PACED_STREAMS: u64 = 50;
/// Slow streams held open.
pub const SLOW_STREAMS: u64 = 2_000;

/// How long and how often.
pub struct Extent {
    /// Rounds per load and way.
    pub rounds: usize,
    /// Time of a round of a closed loop.
    pub closed: Duration,
    /// Time of a round at the fixed rate.
    pub open: Duration,
    /// Rounds of paced streams, two seconds each.
    pub paced_rounds: usize,
    /// Requests in a round with large bodies.
    pub large: u64,
    /// Requests before SIGTERM.
    pub before_term: u64,
}

impl Extent {
    /// What the README's table is made with: about five minutes.
    pub const FULL: Self = Self {
        rounds: 9,
        closed: Duration::from_millis(1_500),
        open: Duration::from_secs(2),
        paced_rounds: 4,
        large: 120,
        before_term: 20_000,
    };
    /// A look: about a minute.
    pub const QUICK: Self = Self {
        rounds: 3,
        closed: Duration::from_millis(500),
        open: Duration::from_secs(1),
        paced_rounds: 1,
        large: 40,
        before_term: 5_000,
    };
}

/// Runs everything.
///
/// # Errors
/// A server that dies or cannot be reached. Failed requests and missing rows are noted in the results instead.
pub fn run(site: &Site, mock: &Mock, folder: &Folder, extent: &Extent) -> Result<Results> {
    let mut results = Results::default();
    let mut servers = vec![
        Server::direct(mock, site.upstream),
        Server::start(Way::Nginx, site, &folder.within("nginx")?)?,
        Server::start(Way::GatewayOff, site, &folder.within("off")?)?,
        Server::start(Way::GatewayFull, site, &folder.within("full")?)?,
        Server::start(Way::GatewayStrict, site, &folder.within("strict")?)?,
    ];
    let rounds = extent.rounds;
    let closed = |kind| move |server: &Server| load::closed(server.addr, kind, CALLERS, Stop::After(extent.closed));
    compare(&mut results, Load::Small, site, &servers, rounds, closed(Kind::Small))?;
    count(&mut results, site, &servers, "full load, 1 KiB")?;
    // Its price is the wait for commits: one load shows it.
    servers.retain(|server| server.way != Way::GatewayStrict);
    compare(&mut results, Load::Rate, site, &servers, rounds, |server| load::open(server.addr, RATE, extent.open))?;
    count(&mut results, site, &servers, "1,000 requests/s")?;
    compare(&mut results, Load::Burst, site, &servers, rounds, closed(Kind::Burst))?;
    count(&mut results, site, &servers, "full load, streams of 100 chunks")?;
    compare(&mut results, Load::Paced, site, &servers, extent.paced_rounds, |server| {
        streams::paced(server.addr, PACED_STREAMS)
    })?;
    compare(&mut results, Load::Large, site, &servers, rounds, |server| {
        load::closed(server.addr, Kind::Large, LARGE_CALLERS, Stop::Requests(extent.large))
    })?;
    count(&mut results, site, &servers, "paced streams, then full load, 1 MiB")?;
    drop(servers);
    for way in [Way::Nginx, Way::GatewayOff, Way::GatewayFull] {
        hold(&mut results, site, way, folder)?;
    }
    if !site.is_self_check {
        end_after(&mut results, site, folder, extent.before_term)?;
        end_under_load(&mut results, site, folder)?;
    }
    Ok(results)
}

/// Rounds of one load through all ways in turn, beginning with another way each time. Before a full load comes a
/// round to warm up.
fn compare(
    results: &mut Results,
    load: Load,
    site: &Site,
    servers: &[Server],
    rounds: usize,
    work: impl Fn(&Server) -> Result<Round>,
) -> Result<()> {
    let begin = Instant::now();
    let mut rows: Vec<Row> = servers.iter().map(|server| Row::new(load, server.way)).collect();
    for server in servers {
        forget_peak(server.pids())?;
    }
    let is_full_load = match load {
        Load::Small | Load::Burst | Load::Large => true,
        Load::Rate | Load::Paced | Load::Slow => false,
    };
    for round_number in usize::from(!is_full_load)..=rounds {
        for turn in 0..servers.len() {
            // Forwards and backwards, so that no way always follows the same other one.
            let step = if round_number % 2 == 0 { turn } else { servers.len() - turn };
            let index = (round_number + step) % servers.len();
            let server = &servers[index];
            let before = server.cpu(site)?;
            let round = work(server).map_err(|error| {
                let (way, words) = (server.way.label(), server.last_words());
                format!("{load:?}, {way}: {error}\n{words}")
            })?;
            server.settle(site)?;
            let cpu_ns = server.cpu(site)?.ns_since(&before, site.tick_ns);
            server.sent.set(server.sent.get() + round.served + round.failed);
            results.note(&format!("{load:?}"), server.way, &round);
            if round_number > 0 {
                rows[index].add(&round, cpu_ns);
            }
        }
    }
    for (row, server) in rows.iter_mut().zip(servers) {
        row.peak_bytes = peak_bytes(server.pids())?;
    }
    results.rows.extend(rows);
    eprintln!("{load:?}: {:.0} s", begin.elapsed().as_secs_f64());
    Ok(())
}

/// Compares the rows of the recording gateway with the requests sent to it since the last comparison.
fn count(results: &mut Results, site: &Site, servers: &[Server], when: &'static str) -> Result<()> {
    for server in servers.iter().filter(|server| server.is_recording()) {
        let served = server.sent.get();
        // Rows that come late are not missing: wait while they come, and 5 s more.
        let mut rows = server.rows(site)?;
        let mut changed = Instant::now();
        while rows < served && changed.elapsed() < Duration::from_secs(5) {
            thread::sleep(Duration::from_millis(200));
            let now = server.rows(site)?;
            if now != rows {
                (rows, changed) = (now, Instant::now());
            }
        }
        let (served_before, rows_before) = server.counted.replace((served, rows));
        results.counts.push(Count {
            when,
            served: served - served_before,
            rows: rows.saturating_sub(rows_before),
            may_exceed: 0,
        });
    }
    Ok(())
}

/// Memory and CPU of slow streams held open, in a process that has done nothing else but warm up.
fn hold(results: &mut Results, site: &Site, way: Way, folder: &Folder) -> Result<()> {
    let begin = Instant::now();
    let server = Server::start(way, site, &folder.within(&format!("hold-{way:?}"))?)?;
    let warm_up = load::closed(server.addr, Kind::Burst, 8, Stop::Requests(200))?;
    results.note("warming up", way, &warm_up);
    server.settle(site)?;
    forget_peak(server.pids())?;
    let (before, cpu) = (resident_bytes(server.pids())?, server.cpu(site)?);
    let look = || Ok((resident_bytes(server.pids())?, server.cpu(site)?));
    let (round, (held_bytes, held_cpu)) = streams::held(server.addr, SLOW_STREAMS, look)?;
    results.note("held streams", way, &round);
    let mut row = Row::new(Load::Slow, way);
    row.add(&round, held_cpu.ns_since(&cpu, site.tick_ns));
    row.per_second.clear();
    row.per_stream_bytes = Some(held_bytes.saturating_sub(before) as f64 / SLOW_STREAMS as f64);
    row.peak_bytes = peak_bytes(server.pids())?;
    results.rows.push(row);
    server.settle(site)?;
    server.sent.set(warm_up.served + SLOW_STREAMS);
    count(results, site, &[server], "2,000 streams left by their callers, and 200 more")?;
    eprintln!("{:?}, {way:?}: {:.0} s", Load::Slow, begin.elapsed().as_secs_f64());
    Ok(())
}

/// SIGTERM at the moment of the last reply.
fn end_after(results: &mut Results, site: &Site, folder: &Folder, requests: u64) -> Result<()> {
    let way = Way::GatewayFull;
    let mut server = Server::start(way, site, &folder.within("term-after")?)?;
    let round = load::closed(server.addr, Kind::Small, CALLERS, Stop::Requests(requests))?;
    server.process()?.send_term()?;
    results.note("before SIGTERM", way, &round);
    let when = "SIGTERM right after the last reply of a full load";
    expect_end(results, site, &mut server, when, round.served, 0)
}

/// SIGTERM in the middle of a full load: what was answered in full has its row, what was not may have one.
fn end_under_load(results: &mut Results, site: &Site, folder: &Folder) -> Result<()> {
    let mut server = Server::start(Way::GatewayFull, site, &folder.within("term-under")?)?;
    let addr = server.addr;
    let term = Instant::now() + Duration::from_secs(1);
    let round = thread::scope(|scope| {
        let load = scope.spawn(move || load::closed(addr, Kind::Small, CALLERS, Stop::BrokenFrom(term)));
        thread::sleep(term.saturating_duration_since(Instant::now()));
        server.process()?.send_term()?;
        load.join().map_err(|_| "the load panicked")?
    })?;
    let when = "SIGTERM in the middle of a full load";
    results.note(when, Way::GatewayFull, &round);
    expect_end(results, site, &mut server, when, round.served, CALLERS)
}

fn expect_end(
    results: &mut Results,
    site: &Site,
    server: &mut Server,
    when: &'static str,
    served: u64,
    may_exceed: u64,
) -> Result<()> {
    let status = server.process()?.wait_end(Duration::from_secs(60))?;
    match status {
        Some(status) if status.success() => {}
        Some(status) => results.troubles.push(format!("{when}: ended with {status}")),
        None => results.troubles.push(format!("{when}: not ended within 60 s")),
    }
    results.counts.push(Count { when, served, rows: server.rows(site)?, may_exceed });
    eprintln!("{when}: done");
    Ok(())
}
