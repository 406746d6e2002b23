//! What the kernel tells about a process, and the arithmetic on samples.
//! Start at [`Cpu::of`]. Reads `/proc` only; nothing here sends a request or waits.

use std::collections::HashMap;
use std::fs;
use std::process::Command;

use crate::Result;

/// CPU time used so far by some processes.
pub struct Cpu {
    /// Nanoseconds on a CPU, by process and thread; exact, but a thread that ends takes its count along.
    threads: HashMap<(u32, u32), u64>,
    /// Nanoseconds counted in clock ticks for the whole processes, ended threads included.
    whole_ns: u64,
}

impl Cpu {
    /// Reads the clocks of all threads of `pids`.
    ///
    /// # Errors
    /// A process is gone.
    pub fn of(pids: &[u32], tick_ns: u64) -> Result<Self> {
        let mut threads = HashMap::new();
        let mut ticks = 0;
        for &pid in pids {
            for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
                let tid: u32 = thread?.file_name().to_string_lossy().parse()?;
                // A thread may end between the listing and the reading.
                let Ok(text) = fs::read_to_string(format!("/proc/{pid}/task/{tid}/schedstat")) else {
                    continue;
                };
                let on_cpu_ns = text.split(' ').next().and_then(|number| number.parse().ok());
                threads.insert((pid, tid), on_cpu_ns.ok_or("schedstat without a first field")?);
            }
            let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
            // Fields 14 and 15 (utime, stime), counted behind the name, which may hold spaces.
            let fields = stat.rsplit(") ").next().unwrap_or_default();
            for field in fields.split(' ').skip(11).take(2) {
                ticks += field.parse::<u64>()?;
            }
        }
        Ok(Self { threads, whole_ns: ticks * tick_ns })
    }

    /// Nanoseconds used since `earlier`: the exact clocks of the threads, or the coarse clock of the whole process
    /// when threads have ended in between and taken more than its error along.
    pub fn ns_since(&self, earlier: &Cpu, tick_ns: u64) -> u64 {
        let exact: u64 = self
            .threads
            .iter()
            .map(|(thread, now)| now.saturating_sub(earlier.threads.get(thread).copied().unwrap_or(0)))
            .sum();
        let coarse = self.whole_ns.saturating_sub(earlier.whole_ns);
        let processes = self.threads.keys().filter(|(pid, tid)| pid == tid).count() as u64;
        if coarse > exact + 4 * processes * tick_ns { coarse } else { exact }
    }
}

/// Length of the kernel's clock tick in nanoseconds.
///
/// # Errors
/// `getconf` is missing.
pub fn tick_ns() -> Result<u64> {
    let output = Command::new("getconf").arg("CLK_TCK").output()?;
    let per_second: u64 = String::from_utf8_lossy(&output.stdout).trim().parse()?;
    Ok(1_000_000_000 / per_second)
}

/// Memory in RAM now, in bytes, summed over `pids` (exact, unlike `VmRSS`).
///
/// # Errors
/// A process is gone.
pub fn resident_bytes(pids: &[u32]) -> Result<u64> {
    sum_kib(pids, "smaps_rollup", "Rss:")
}

/// Most memory in RAM since the start or since [`forget_peak`], in bytes, summed over `pids`.
///
/// # Errors
/// A process is gone.
pub fn peak_bytes(pids: &[u32]) -> Result<u64> {
    sum_kib(pids, "status", "VmHWM:")
}

/// Lets the peak begin anew at what is used now.
///
/// # Errors
/// A process is gone.
pub fn forget_peak(pids: &[u32]) -> Result<()> {
    for pid in pids {
        fs::write(format!("/proc/{pid}/clear_refs"), "5")?;
    }
    Ok(())
}

fn sum_kib(pids: &[u32], file: &str, field: &str) -> Result<u64> {
    let mut kib = 0;
    for pid in pids {
        let text = fs::read_to_string(format!("/proc/{pid}/{file}"))?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .and_then(|rest| rest.split_whitespace().next())
            .ok_or("a field of /proc is missing")?;
        kib += value.parse::<u64>()?;
    }
    Ok(kib * 1024)
}

/// The value below which the share `q` of the samples lies; 0 without samples.
pub fn quantile(sorted: &[u64], q: f64) -> u64 {
    let rank = (sorted.len() as f64 * q).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// The middle value; 0 without values.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => (sorted[even / 2 - 1] + sorted[even / 2]) / 2.0,
    }
}
