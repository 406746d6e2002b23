//! What came out: a row per load and way, counts of records, troubles. Start at [`Results`].
//! Nothing here measures or prints.

use crate::load::Round;
use crate::measure::quantile;
use crate::servers::Way;

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Load {
    /// 1 KiB, no stream, as fast as it goes.
    Small,
    /// 1 KiB, no stream, 1,000 a second.
    Rate,
    /// Streams of 100 chunks, as fast as it goes.
    Burst,
    /// 50 streams with a chunk each 20 ms; times are gaps.
    Paced,
    /// 2,000 slow streams held open; times are to the first event.
    Slow,
    /// 1 MiB, no stream, as fast as it goes.
    Large,
}

impl Load {
    /// All loads, in the order of the table.
    pub const ALL: [Load; 6] = [Load::Small, Load::Burst, Load::Large, Load::Slow, Load::Paced, Load::Rate];

    /// Its name in the table.
    pub fn label(self) -> &'static str {
        match self {
            Load::Small => "1 KiB",
            Load::Rate => "1 KiB at 1,000/s",
            Load::Burst => "stream of 100 chunks",
            Load::Paced => "gap of 20 ms in a stream",
            Load::Slow => "2,000 slow streams held open",
            Load::Large => "1 MiB",
        }
    }
}

/// One load through one way: a value per round.
pub struct Row {
    /// What was sent.
    pub load: Load,
    /// Through what.
    pub way: Way,
    /// Requests served.
    pub per_second: Vec<f64>,
    /// CPU time per request.
    pub cpu_us: Vec<f64>,
    /// Median time.
    pub p50_ms: Vec<f64>,
    /// Time that one in a hundred exceeds.
    pub p99_ms: Vec<f64>,
    /// Most memory in RAM within the load.
    pub peak_bytes: u64,
    /// Memory each held stream has cost, in bytes.
    pub per_stream_bytes: Option<f64>,
}

impl Row {
    /// A row without values.
    pub fn new(load: Load, way: Way) -> Self {
        Self {
            load,
            way,
            per_second: Vec::new(),
            cpu_us: Vec::new(),
            p50_ms: Vec::new(),
            p99_ms: Vec::new(),
            peak_bytes: 0,
            per_stream_bytes: None,
        }
    }

    /// Adds what a round gave and cost.
    pub fn add(&mut self, round: &Round, cpu_ns: u64) {
        let requests = (round.served + round.failed).max(1) as f64;
        self.per_second.push(round.served as f64 / round.seconds);
        self.cpu_us.push(cpu_ns as f64 / 1e3 / requests);
        self.p50_ms.push(quantile(&round.times_ns, 0.50) as f64 / 1e6);
        self.p99_ms.push(quantile(&round.times_ns, 0.99) as f64 / 1e6);
    }
}

/// Rows counted against requests served.
pub struct Count {
    /// After what.
    pub when: &'static str,
    /// Requests answered in full.
    pub served: u64,
    /// Rows in the database.
    pub rows: u64,
    /// Rows beyond the served requests that are not wrong: requests cut off by the end of the process.
    pub may_exceed: u64,
}

impl Count {
    /// True when each request has its row and no row is there twice.
    pub fn is_right(&self) -> bool {
        (self.served..=self.served + self.may_exceed).contains(&self.rows)
    }
}

/// All that came out.
#[derive(Default)]
pub struct Results {
    /// All loads through all ways.
    pub rows: Vec<Row>,
    /// All counts.
    pub counts: Vec<Count>,
    /// What should not have happened.
    pub troubles: Vec<String>,
}

impl Results {
    /// The row of this load and way.
    pub fn row(&self, load: Load, way: Way) -> Option<&Row> {
        self.rows.iter().find(|row| row.load == load && row.way == way)
    }

    /// Keeps in mind that requests have failed, if any have.
    pub fn note(&mut self, load: &str, way: Way, round: &Round) {
        if round.failed > 0 {
            let why = round.failure.as_deref().unwrap_or_default();
            let (way, failed) = (way.label(), round.failed);
            self.troubles.push(format!("{load}, {way}: {failed} failed, first: {why}"));
        }
    }
}
