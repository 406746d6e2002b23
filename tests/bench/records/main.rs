//! The benchmark of records: what storing and indexing them costs, in time and on the disk.
//!
//! `cargo bench --bench records` takes some minutes, `-- --quick` less, `-- --million large` a quarter of an hour; `-- session`, `chats`, `writer`, `lag`,
//! `large` or `pages` does one part alone. Start at [`bench`], then `parts`. A missed goal is told, not an error.
//! Everything is made up by `chats` and `agent` with numbers that are the same at every run but for the day; the file is gone afterwards.

mod agent;
mod base;
mod chats;
mod facts;
mod incoming;
mod indexer;
mod measure;
mod pages;
mod parts;
mod plants;
mod report;
mod results;
mod search;
mod words;

use std::process::ExitCode;
use std::time::Instant;

use parts::{Extent, PARTS};

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Whatever went wrong, told once at the end.
type Failure = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Failure>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let known = |name: &str| ["--bench", "--quick", "--million"].contains(&name) || PARTS.contains(&name);
    if let Some(unknown) = arguments.iter().find(|argument| !known(argument)) {
        eprintln!("unknown argument {unknown}; there are --quick, --million and {}", PARTS.join(", "));
        return ExitCode::FAILURE;
    }
    if !has("--bench") {
        // `cargo test --all-targets` comes by here.
        println!("a benchmark: run it with cargo bench --bench records");
        return ExitCode::SUCCESS;
    }
    let all = !PARTS.iter().any(|part| has(part));
    let extent = match (has("--quick"), has("--million")) {
        (true, _) => Extent::QUICK,
        (false, true) => Extent::MILLION,
        (false, false) => Extent::FULL,
    };
    match bench(&extent, &|part| all || has(part)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the benchmark broke: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench(extent: &Extent, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    let begin = Instant::now();
    let results = parts::run(extent, wanted)?;
    report::print(&results, begin.elapsed().as_secs_f64())
}
