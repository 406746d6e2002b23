//! What is counted of requests, and the text in which Prometheus reads it (text format 0.0.4,
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>).
//!
//! Start at [`Meter::count`], what the hot path calls: each worker has a meter of its own, so no two wait for each other.
//! **Invariant:** nothing here knows a model, a key or a path: callers can invent those without end.
//! **May import:** nothing of the crate.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{Display, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::FixedState;

/// Upper ends of the durations' classes, in µs.
const ENDS_US: [u64; 14] = [
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    300_000_000,
];
/// Classes of statuses.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The meters of all workers.
#[derive(Default)]
pub struct Metrics(Mutex<Vec<Arc<Meter>>>);

/// What one worker has counted; `None` stands for replies that no upstream gave.
#[derive(Default)]
pub struct Meter(Mutex<HashMap<Option<i64>, Tally, FixedState>>);

/// Requests answered by one upstream.
#[derive(Clone, Default)]
pub struct Tally {
    classes: [u64; CLASSES.len()],
    /// By duration; the last is what took longer than all.
    took: [u64; ENDS_US.len() + 1],
    took_us: u64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Metrics {
    /// A meter for one more worker.
    pub fn meter(&self) -> Arc<Meter> {
        let meter = Arc::<Meter>::default();
        locked(&self.0).push(Arc::clone(&meter));
        meter
    }

    /// What all workers have counted, by upstream.
    pub fn tallies(&self) -> BTreeMap<Option<i64>, Tally> {
        let mut all = BTreeMap::<Option<i64>, Tally>::new();
        for meter in locked(&self.0).iter() {
            for (upstream_id, tally) in locked(&meter.0).iter() {
                all.entry(*upstream_id).or_default().add(tally);
            }
        }
        all
    }
}

impl Meter {
    /// A request has ended. `upstream_id` is whose reply the caller got.
    pub fn count(&self, upstream_id: Option<i64>, status: u16, took_us: u64) {
        let mut tallies = locked(&self.0);
        let tally = tallies.entry(upstream_id).or_default();
        let class = usize::from(status / 100).clamp(1, CLASSES.len()) - 1;
        tally.classes[class] += 1;
        tally.took[ENDS_US.partition_point(|end| *end < took_us)] += 1;
        tally.took_us += took_us;
    }
}

impl Tally {
    fn add(&mut self, other: &Tally) {
        self.classes.iter_mut().zip(other.classes).for_each(|(all, one)| *all += one);
        self.took.iter_mut().zip(other.took).for_each(|(all, one)| *all += one);
        self.took_us += other.took_us;
    }
}

/// A page of metrics under way.
#[derive(Default)]
pub struct Page(String);

impl Page {
    /// What requests were counted.
    pub fn requests(&mut self, tallies: &BTreeMap<Option<i64>, Tally>) {
        let name = |upstream_id: &Option<i64>| upstream_id.map_or_else(String::new, |id| id.to_string());
        self.begin(
            "requests_total",
            "counter",
            "Requests ended, by the upstream whose reply was passed on and status.",
        );
        for (upstream_id, tally) in tallies {
            for (class, count) in CLASSES.iter().zip(tally.classes).filter(|(_, count)| *count > 0) {
                let labels = format!("{{upstream=\"{}\",status=\"{class}\"}}", name(upstream_id));
                self.line("requests_total", &labels, count);
            }
        }
        self.begin("request_duration_seconds", "histogram", "From a request's arrival to the end of its reply.");
        for (upstream_id, tally) in tallies {
            let (upstream, mut sum) = (name(upstream_id), 0);
            let ends = ENDS_US.iter().map(|end| (*end as f64 / 1e6).to_string()).chain(["+Inf".to_owned()]);
            for (end, count) in ends.zip(tally.took) {
                sum += count;
                let labels = format!("{{upstream=\"{upstream}\",le=\"{end}\"}}");
                self.line("request_duration_seconds_bucket", &labels, sum);
            }
            let labels = format!("{{upstream=\"{upstream}\"}}");
            self.line("request_duration_seconds_sum", &labels, tally.took_us as f64 / 1e6);
            self.line("request_duration_seconds_count", &labels, sum);
        }
    }

    /// One number without labels; nothing when it is unknown.
    pub fn number(&mut self, name: &str, kind: &str, help: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.begin(name, kind, help);
            self.line(name, "", value);
        }
    }

    /// One number per upstream.
    pub fn by_upstream(&mut self, name: &str, help: &str, values: impl Iterator<Item = (i64, u32)>) {
        self.begin(name, "gauge", help);
        for (upstream_id, value) in values {
            self.line(name, &format!("{{upstream=\"{upstream_id}\"}}"), value);
        }
    }

    fn begin(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP openai_api_route_{name} {help}\n# TYPE openai_api_route_{name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.0, "openai_api_route_{name}{labels} {value}");
    }

    /// The page.
    pub fn text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use crate::metrics::{Metrics, Page};

    #[test]
    fn what_all_workers_counted_stands_on_the_page_once() {
        let metrics = Metrics::default();
        let (one, other) = (metrics.meter(), metrics.meter());
        one.count(Some(3), 200, 5_000);
        other.count(Some(3), 200, 5_001);
        other.count(None, 403, 900_000_000);
        other.count(None, 0, 0);
        let mut page = Page::default();
        page.requests(&metrics.tallies());
        page.number("records_lost_total", "counter", "Lost.", Some(2));
        page.number("index_lag_records", "gauge", "Behind.", None::<i64>);
        page.by_upstream("upstream_healthy", "Healthy.", [(3, 1)].into_iter());
        let text = page.text();
        for line in [
            "requests_total{upstream=\"3\",status=\"2xx\"} 2",
            "requests_total{upstream=\"\",status=\"4xx\"} 1",
            "request_duration_seconds_bucket{upstream=\"3\",le=\"0.005\"} 1",
            "request_duration_seconds_bucket{upstream=\"3\",le=\"0.01\"} 2",
            "request_duration_seconds_bucket{upstream=\"\",le=\"300\"} 1",
            "request_duration_seconds_bucket{upstream=\"\",le=\"+Inf\"} 2",
            "request_duration_seconds_sum{upstream=\"3\"} 0.010001",
            "records_lost_total 2",
            "upstream_healthy{upstream=\"3\"} 1",
        ] {
            assert!(text.contains(&format!("\nopenai_api_route_{line}\n")), "{line} in\n{text}");
        }
        assert!(!text.contains("index_lag"));
    }
}
