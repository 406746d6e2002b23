//! The benchmark of the gateway: against nginx in the same run, in front of a mock upstream.
//!
//! `cargo bench --bench gateway` takes about five minutes, `-- --quick` one; `-- --self-check` puts a second nginx in the
//! gateway's place, which shows how exact the ratios are (they should be 1). `-- --outages` does something else: it kills the
//! gateway, takes its database and its disk away, and counts what is left (ten minutes, with `--quick` two).
//! Start at [`bench`], then `scenarios`; or at [`outages::run`].
//! A missed goal is told, not an error; a missing row or a failed request is one (exit code 1).
//! Nothing here listens beyond 127.0.0.1, and nothing outlives the run.

mod caller;
mod gateway;
mod load;
mod measure;
mod mock;
mod nginx;
mod outages;
mod payload;
#[path = "../it/support/postgres.rs"]
#[expect(clippy::unwrap_used, clippy::expect_used, reason = "the tests' own: it panics with what is missing")]
mod postgres;
mod process;
mod report;
mod results;
mod scenarios;
mod servers;
mod stand;
mod streams;
mod wire;
mod works;

use std::process::ExitCode;
use std::time::Instant;

use process::{Folder, raise_open_files, tool};
use scenarios::Extent;
use servers::{Mock, Site};

/// Whatever went wrong, told once at the end.
type Failure = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Failure>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let known = ["mock", "--bench", "--quick", "--self-check", "--outages"];
    if let Some(unknown) = arguments.iter().find(|argument| !known.contains(&argument.as_str())) {
        eprintln!("unknown argument {unknown}; there are --quick, --self-check and --outages");
        return ExitCode::FAILURE;
    }
    let outcome = if has("mock") {
        mock::run().map(|()| true)
    } else if has("--bench") && has("--outages") {
        outages::run(has("--quick"))
    } else if has("--bench") {
        bench(has("--quick"), has("--self-check"))
    } else {
        // `cargo test --all-targets` comes by here.
        println!("a benchmark: run it with cargo bench");
        Ok(true)
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("the benchmark broke: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench(is_quick: bool, is_self_check: bool) -> Result<bool> {
    raise_open_files()?;
    let (begin, machine) = (Instant::now(), measure::machine_ticks()?);
    let own = measure::own_ticks()?;
    let extent = if is_quick { Extent::QUICK } else { Extent::FULL };
    let (nginx, sqlite) = (tool("nginx", "nginx-light")?, tool("sqlite3", "sqlite3")?);
    let folder = Folder::make()?;
    let (mock, upstream) = Mock::start()?;
    let site = Site { nginx, sqlite, tick_ns: measure::tick_ns()?, upstream, is_self_check };
    let results = scenarios::run(&site, &mock, &folder, &extent)?;
    drop(mock);
    let own_ticks = measure::own_ticks()? - own;
    let others_ticks = (measure::machine_ticks()? - machine).saturating_sub(own_ticks);
    let seconds = begin.elapsed().as_secs_f64();
    let others_cores = (others_ticks * site.tick_ns) as f64 / 1e9 / seconds;
    report::print(&results, &site, &extent, seconds, others_cores)
}
