//! The tables: conditions, measurements, rows counted, goals. Start at [`print`].
//! Nothing here measures.

use std::fs;
use std::process::Command;

use crate::Result;
use crate::gateway;
use crate::measure::median;
use crate::nginx::workers;
use crate::payload::{LARGE_BYTES, SMALL_BYTES, STREAM_CHUNKS};
use crate::process::version;
use crate::results::{Load, Results, Row};
use crate::scenarios::{CALLERS, Extent, LARGE_CALLERS, PACED_STREAMS, RATE, SLOW_STREAMS};
use crate::servers::{Site, Way};

/// Prints everything as Markdown on standard output; `others_cores` is what other programs took of the machine
/// meanwhile. Returns false when a row is missing or something broke.
///
/// # Errors
/// The system does not tell what it is.
pub fn print(results: &Results, site: &Site, extent: &Extent, seconds: f64, others_cores: f64) -> Result<bool> {
    println!("\n{}", conditions(site, extent, seconds, others_cores)?);
    println!("{}", measurements(results));
    println!("{}", counts(results));
    println!("{}", goals(results));
    if others_cores > 0.1 {
        println!("Other programs kept the machine busy: the p99 and the goals on them say little.\n");
    }
    for trouble in &results.troubles {
        println!("BROKEN: {trouble}");
    }
    Ok(results.troubles.is_empty() && results.counts.iter().all(|count| count.is_right()))
}

fn conditions(site: &Site, extent: &Extent, seconds: f64, others_cores: f64) -> Result<String> {
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let cpu = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("CPU of unknown model", |(_, name)| name);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let day = Command::new("date").args(["-u", "+%Y-%m-%d"]).output()?;
    let day = String::from_utf8_lossy(&day.stdout).trim().to_owned();
    let gateway = if site.is_self_check {
        "a second nginx in its place".to_owned()
    } else {
        version(gateway::path(), "--version")?
    };
    let nginx = version(&site.nginx, "-v")?;
    let (cores, rounds) = (workers()?, extent.rounds);
    let (closed_s, open_s) = (extent.closed.as_secs_f64(), extent.open.as_secs());
    let (chunk_bytes, small, large) = (chunk_bytes(), SMALL_BYTES, LARGE_BYTES);
    let large_requests = extent.large;
    Ok(format!(
        "{day}, {cores} cores ({cpu}), Linux {}, {seconds:.0} s in all. Gateway: {gateway}, SQLite; {nginx}: \
         {cores} workers each, nothing logged or buffered by nginx. Load generator, mock upstream and gateway share \
         the machine over 127.0.0.1; other programs used {others_cores:.2} cores meanwhile.\n\n\
         Full load: {CALLERS} connections that wait for their reply; {rounds} rounds of {closed_s} s for each way in \
         turn, medians. Bodies of {small} bytes each way; streams of {STREAM_CHUNKS} chunks of about {chunk_bytes} \
         bytes, each written by itself; {large} bytes each way over {LARGE_CALLERS} connections, {large_requests} \
         requests a round. Fixed rate: {RATE} requests/s for {open_s} s a round, timed from when each was due. Gaps: \
         {PACED_STREAMS} streams at once. Slow streams: {SLOW_STREAMS}, a chunk each 2 s, in a fresh process; times \
         are to the first chunk. CPU is the whole process's, until its recorder has caught up; × nginx is the median \
         of the rounds' ratios (least–most). Added: above the mock alone. Peak memory: within the load.\n",
        kernel.trim()
    ))
}

fn chunk_bytes() -> usize {
    let reply = crate::payload::reply(crate::payload::Kind::Burst, 0);
    reply.body_bytes as usize / STREAM_CHUNKS
}

fn measurements(results: &Results) -> String {
    let mut table = String::from(
        "| Load | Way | requests/s | CPU-µs per request | × nginx | p50 ms | p99 ms | added p50 | added p99 | peak MiB | KiB per open stream |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let rows = Load::ALL.into_iter().flat_map(|load| results.rows.iter().filter(move |row| row.load == load));
    for row in rows {
        let direct = results.row(row.load, Way::Direct).filter(|_| row.way != Way::Direct);
        let per_second = match row.per_second.as_slice() {
            [] => "–".to_owned(),
            values => format!("{:.0}", median(values)),
        };
        let ratio = match row.way {
            Way::Direct | Way::Nginx => "–".to_owned(),
            Way::GatewayOff | Way::GatewayFull | Way::GatewayStrict => ratio(results, row.load, row.way)
                .map_or("–".to_owned(), |ratio| {
                    format!("{:.2} ({:.2}–{:.2})", ratio.middle, ratio.least, ratio.most)
                }),
        };
        let added = |of: fn(&Row) -> &Vec<f64>| {
            direct.map_or("–".to_owned(), |direct| format!("{:.3}", median(of(row)) - median(of(direct))))
        };
        table.push_str(&format!(
            "| {} | {} | {per_second} | {:.1} | {ratio} | {:.3} | {:.3} | {} | {} | {:.1} | {} |\n",
            row.load.label(),
            row.way.label(),
            median(&row.cpu_us),
            median(&row.p50_ms),
            median(&row.p99_ms),
            added(|row| &row.p50_ms),
            added(|row| &row.p99_ms),
            row.peak_bytes as f64 / 1024.0 / 1024.0,
            row.per_stream_bytes.map_or("–".to_owned(), |bytes| format!("{:.1}", bytes / 1024.0)),
        ));
    }
    table
}

fn counts(results: &Results) -> String {
    if results.counts.is_empty() {
        return String::new();
    }
    let mut table = String::from("| Rows in the database after | requests served | rows | |\n|---|--:|--:|---|\n");
    for count in &results.counts {
        let verdict = match count.is_right() {
            true => "complete".to_owned(),
            false if count.rows < count.served => {
                format!("**{} missing**", count.served - count.rows)
            }
            false => format!("**{} too many**", count.rows - count.served),
        };
        let (when, served, rows) = (count.when, count.served, count.rows);
        table.push_str(&format!("| {when} | {served} | {rows} | {verdict} |\n"));
    }
    table
}

struct Ratio {
    middle: f64,
    least: f64,
    most: f64,
}

/// CPU per request against nginx's in the same round.
fn ratio(results: &Results, load: Load, way: Way) -> Option<Ratio> {
    let (row, nginx) = (results.row(load, way)?, results.row(load, Way::Nginx)?);
    let ratios: Vec<f64> = row.cpu_us.iter().zip(&nginx.cpu_us).map(|(ours, theirs)| ours / theirs).collect();
    Some(Ratio {
        middle: median(&ratios),
        least: ratios.iter().copied().fold(f64::INFINITY, f64::min),
        most: ratios.iter().copied().fold(0.0, f64::max),
    })
}

fn goals(results: &Results) -> String {
    let cpu = |load, way| ratio(results, load, way).map(|ratio| ratio.middle);
    let p99 = |load, way| results.row(load, way).map(|row| median(&row.p99_ms));
    let full = Way::GatewayFull;
    let per_stream_kib = results.row(Load::Slow, full).and_then(|row| row.per_stream_bytes).map(|bytes| bytes / 1024.0);
    let above_nginx = p99(Load::Rate, full).zip(p99(Load::Rate, Way::Nginx)).map(|(ours, theirs)| ours - theirs);
    let goals = [
        ("CPU per request of 1 KiB, recording off", "× nginx", 1.7, cpu(Load::Small, Way::GatewayOff)),
        ("CPU per request of 1 KiB, recording full", "× nginx", 4.0, cpu(Load::Small, full)),
        ("CPU per stream of 100 chunks, recording off", "× nginx", 1.3, cpu(Load::Burst, Way::GatewayOff)),
        ("CPU per stream of 100 chunks, recording full", "× nginx", 2.5, cpu(Load::Burst, full)),
        ("gap p99 of chunks paced at 20 ms, recording full", "ms", 23.0, p99(Load::Paced, full)),
        ("memory per open stream, recording full", "KiB", 48.0, per_stream_kib),
        ("p99 at 1,000 requests/s above nginx's, recording full", "ms", 0.5, above_nginx),
    ];
    let mut table = String::from("| Goal | at most | measured | met |\n|---|--:|--:|---|\n");
    for (what, unit, limit, measured) in goals {
        let (measured, met) = match measured {
            Some(value) => (format!("{value:.2} {unit}"), if value <= limit { "yes" } else { "**no**" }),
            None => ("not measured".to_owned(), "**no**"),
        };
        table.push_str(&format!("| {what} | {limit} {unit} | {measured} | {met} |\n"));
    }
    if !results.counts.is_empty() {
        let missing: u64 = results.counts.iter().map(|count| count.served.saturating_sub(count.rows)).sum();
        let met = if missing == 0 { "yes" } else { "**no**" };
        table.push_str(&format!("| rows missing | 0 | {missing} | {met} |\n"));
    }
    table
}
