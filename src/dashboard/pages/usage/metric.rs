//! Metrics: their names, what they make of figures, how they are written. Start at [`Metric`].
//!
//! **Invariant:** what is not known is no number. **May import:** `db` (its figures).

use crate::dashboard::pages::overview::first;
use crate::dashboard::reply::ApiError;
use crate::dashboard::shown;
use crate::dashboard::words::Key;
use crate::db::rollups::{By, Figures};
use crate::usage::histogram::Histogram;

/// The 99th percentile of fewer samples says nothing.
const SAMPLES_P99: u64 = 100;

/// Names and words of the metrics.
pub(super) const METRICS: [(&str, Key); 8] = [
    ("requests", Key("overview.requests")),
    ("errors", Key("overview.error_share")),
    ("tokens_in", Key("usage.tokens_in")),
    ("tokens_out", Key("usage.tokens_out")),
    ("cost", Key("overview.cost")),
    ("ttft", Key("overview.first.title")),
    ("total", Key("col.total")),
    ("speed", Key("req.tps")),
];
/// What can be told apart.
pub(super) const GROUPS: [(&str, Key); 6] = [
    ("model", Key("col.model")),
    ("upstream", Key("col.upstream")),
    ("key", Key("col.key")),
    ("status", Key("col.status")),
    ("host", Key("req.host")),
    ("none", Key("usage.everything")),
];
/// Percentiles of times.
pub(super) const PERCENTILES: [&str; 3] = ["p50", "p95", "p99"];

/// One of [`METRICS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Metric(usize);

impl Metric {
    /// The metric of this name.
    pub(super) fn named(name: &str) -> Result<Metric, ApiError> {
        let there = METRICS.map(|(name, _)| name).join(", ");
        let index = METRICS.iter().position(|(known, _)| *known == name);
        index.map(Metric).ok_or_else(|| ApiError::field_keyed("metric", Key("field.one_of"), &[&there]))
    }

    pub(super) fn name(self) -> &'static str {
        METRICS[self.0].0
    }

    pub(super) fn key(self) -> Key {
        METRICS[self.0].1
    }

    /// It is a percentile.
    pub(super) fn is_percentile(self) -> bool {
        matches!(self.name(), "ttft" | "total" | "speed")
    }

    /// What finds the requests that count.
    pub(super) fn term(self) -> &'static str {
        match self.name() {
            "errors" => "is:error",
            "speed" => "is:stream",
            _ => "",
        }
    }

    /// Its parts add up to the whole.
    pub(super) fn adds_up(self) -> bool {
        !self.is_percentile() && self.name() != "errors"
    }

    /// Its value, if it is known: in µs, nano-dollars, percent, pieces, or thousandths of a token per second.
    pub(super) fn value(self, figures: &Figures, percentile: &str) -> Option<f64> {
        let known = |sum: i64, silent: i64| (sum > 0 || silent == 0).then_some(sum as f64);
        match self.name() {
            "requests" => Some(figures.requests as f64),
            "errors" => (figures.requests > 0).then(|| figures.errors as f64 / figures.requests as f64 * 100.0),
            "tokens_in" => known(figures.tokens_in, figures.unknown_tokens),
            "tokens_out" => known(figures.tokens_out, figures.unknown_tokens),
            "cost" => known(figures.cost_nano, figures.unpriced),
            _ => quantile(self.times(figures), percentile),
        }
    }

    fn times(self, figures: &Figures) -> &Histogram {
        match self.name() {
            "total" => &figures.total,
            "speed" => &figures.speed,
            _ => first(figures),
        }
    }

    /// How many requests its value is made of.
    pub(super) fn samples(self, figures: &Figures) -> i64 {
        if self.is_percentile() { self.times(figures).count() as i64 } else { figures.requests }
    }

    /// A value in words.
    pub(super) fn written(self, value: f64) -> String {
        match self.name() {
            "errors" => format!("{value:.1} %"),
            "cost" => shown::money(value as i64),
            "ttft" | "total" => shown::duration(value as i64),
            "speed" => format!("{:.1}", value / 1000.0),
            _ if value.fract() != 0.0 => format!("{value:.1}"),
            _ => shown::count(value as i64),
        }
    }
}

/// A percentile, if there are samples enough for it.
pub(in crate::dashboard) fn quantile(times: &Histogram, percentile: &str) -> Option<f64> {
    let q = match percentile {
        "p50" => 0.5,
        "p95" => 0.95,
        _ if times.count() < SAMPLES_P99 => return None,
        _ => 0.99,
    };
    times.quantile(q).map(|us| us as f64)
}

/// What is told apart by this name.
pub(super) fn group(name: &str) -> Result<Option<By>, ApiError> {
    match name {
        "model" => Ok(Some(By::Model)),
        "upstream" => Ok(Some(By::Upstream)),
        "key" => Ok(Some(By::Key)),
        "status" => Ok(Some(By::Status)),
        "host" => Ok(Some(By::Host)),
        "none" => Ok(None),
        _ => {
            let there = GROUPS.map(|(name, _)| name).join(", ");
            Err(ApiError::field_keyed("by", Key("field.one_of"), &[&there]))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::usage::metric::{Metric, quantile};
    use crate::db::rollups::Figures;
    use crate::usage::histogram::Histogram;

    #[test]
    fn what_nobody_told_is_no_number() {
        let value = |name: &str, figures: &Figures| Metric::named(name).unwrap().value(figures, "p95");
        let silent = Figures { requests: 2, errors: 1, unknown_tokens: 1, unpriced: 1, ..Figures::default() };
        assert_eq!((value("cost", &silent), value("tokens_in", &silent)), (None, None));
        assert_eq!((value("errors", &silent), value("total", &silent)), (Some(50.0), None));
        assert_eq!(value("cost", &Figures { cost_nano: 5, unpriced: 9, ..Figures::default() }), Some(5.0));
        assert!(Metric::named("colour").is_err());
    }

    #[test]
    fn the_99th_percentile_needs_a_hundred_samples() {
        let mut times = Histogram::new();
        (0..99).for_each(|us| times.add(us));
        assert_eq!(quantile(&times, "p99"), None);
        assert!(quantile(&times, "p95").is_some());
        times.add(99);
        assert!(quantile(&times, "p99").is_some());
    }
}
