//! What a stretch of work took: wall clock and this thread's time on a CPU. Start at [`Watch`].

use std::fs;
use std::time::Instant;

use crate::Result;

/// Begins to measure.
pub struct Watch {
    began: Instant,
    cpu_ns: u64,
}

/// What was measured, added up.
#[derive(Debug, Clone, Copy, Default)]
pub struct Took {
    /// Wall clock.
    pub seconds: f64,
    /// On a CPU.
    pub cpu_seconds: f64,
}

impl Watch {
    /// Begins now.
    ///
    /// # Errors
    /// The kernel does not count.
    pub fn start() -> Result<Watch> {
        Ok(Watch { cpu_ns: thread_cpu_ns()?, began: Instant::now() })
    }

    /// Adds what it took since the start.
    ///
    /// # Errors
    /// The kernel does not count.
    pub fn stop(self, took: &mut Took) -> Result<()> {
        took.seconds += self.began.elapsed().as_secs_f64();
        took.cpu_seconds += (thread_cpu_ns()? - self.cpu_ns) as f64 / 1e9;
        Ok(())
    }
}

/// Exact, unlike the ticks of `/proc/self/stat`.
fn thread_cpu_ns() -> Result<u64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let on_cpu_ns = text.split(' ').next().and_then(|number| number.parse().ok());
    on_cpu_ns.ok_or_else(|| "schedstat without a first field".into())
}
