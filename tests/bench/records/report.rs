//! The tables. Start at [`print`]. Nothing here measures.

use std::fs;
use std::process::Command;

use crate::Result;
use crate::measure::Took;
use crate::results::{Results, Storage};

/// Prints everything as Markdown on standard output.
///
/// # Errors
/// The system does not tell what it is.
pub fn print(results: &Results, seconds: f64) -> Result<()> {
    println!("\n{}", conditions(results, seconds)?);
    if !results.speeds.is_empty() {
        println!("{}", speeds(results));
    }
    for storage in &results.storages {
        println!("{}", shares(storage));
    }
    if !results.goals.is_empty() {
        println!("{}", goals(results));
    }
    let took = |of: fn(&Took) -> f64| results.speeds.iter().map(|speed| of(&speed.took)).sum::<f64>();
    if took(|took| took.cpu_seconds) < 0.7 * took(|took| took.seconds) {
        println!(
            "Other programs kept the machine busy: the records/s and the goals on them say little, the CPU-µs more.\n"
        );
    }
    Ok(())
}

fn conditions(results: &Results, seconds: f64) -> Result<String> {
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let cpu = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("CPU of unknown model", |(_, name)| name);
    let cores = std::thread::available_parallelism()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    let day = Command::new("date").args(["-u", "+%Y-%m-%d"]).output()?;
    let day = String::from_utf8_lossy(&day.stdout).trim().to_owned();
    Ok(format!(
        "{day}, {cores} cores ({cpu}), Linux {}, {seconds:.0} s in all, load average {load} at the end. SQLite on the \
         disk that holds the build. One thread stores, then the same indexes; making up the records is not counted \
         ({:.0} MB/s). Words by Zipf's law out of 30,000 English-like ones, each with its usual followers; a fifth of the chats Chinese. Growth is that \
         of the database's file after a checkpoint, free pages included; raw bytes are those of all request bodies and \
         replies.\n",
        kernel.trim(),
        results.generated_mb_per_second
    ))
}

fn speeds(results: &Results) -> String {
    let mut table = String::from(
        "| Records | What | count | records/s | CPU-µs per record | CPU share of the time |\n|---|---|--:|--:|--:|--:|\n",
    );
    for speed in &results.speeds {
        let records = speed.records.max(1) as f64;
        table.push_str(&format!(
            "| {} | {} | {} | {:.0} | {:.1} | {:.0} % |\n",
            speed.what,
            speed.how,
            speed.records,
            records / speed.took.seconds,
            speed.took.cpu_seconds * 1e6 / records,
            speed.took.cpu_seconds * 100.0 / speed.took.seconds,
        ));
    }
    table
}

fn shares(storage: &Storage) -> String {
    let kib = |bytes: u64| bytes as f64 / 1024.0;
    let mut table = format!(
        "| {}: {} records, {:.1} MiB raw | KiB | % of raw | bytes per record | unused |\n|---|--:|--:|--:|--:|\n",
        storage.what,
        storage.records,
        kib(storage.raw_bytes) / 1024.0
    );
    let mut row = |name: &str, bytes: u64, unused: String| {
        table.push_str(&format!(
            "| {name} | {:.0} | {:.3} | {:.0} | {unused} |\n",
            kib(bytes),
            storage.percent(bytes),
            bytes as f64 / storage.records.max(1) as f64
        ));
    };
    row("**growth of the file**", storage.grown_bytes, String::new());
    row("growth before it was indexed", storage.before_index_bytes, String::new());
    for share in storage.shares.iter().filter(|share| share.bytes > 64 << 10) {
        let unused = format!("{:.0} %", share.unused as f64 * 100.0 / share.bytes as f64);
        row(&share.name, share.bytes.unsigned_abs(), unused);
    }
    table
}

fn goals(results: &Results) -> String {
    let mut table = String::from("| Goal | at most / at least | measured | met |\n|---|--:|--:|---|\n");
    for goal in &results.goals {
        let (sign, unit) = (if goal.is_least { "≥" } else { "≤" }, goal.unit);
        let digits = if goal.measured < 100.0 { 2 } else { 0 };
        table.push_str(&format!(
            "| {} | {sign} {} {unit} | {:.digits$} {unit} | {} |\n",
            goal.what,
            goal.limit,
            goal.measured,
            if goal.is_met() { "yes" } else { "**no**" }
        ));
    }
    table
}
