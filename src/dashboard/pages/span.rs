//! A stretch of time that a page tells of, and the one before it, as long. Start at [`Span::read`].
//!
//! **Invariant:** a stretch has a beginning, an end after it, and at most [`LONGEST_S`]. **May import:** nothing of the crate.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::dashboard::dress::escaped;
use crate::dashboard::form::Form;
use crate::dashboard::frame::Frame;
use crate::dashboard::reply::ApiError;
use crate::dashboard::times::{DAY_S, LONGEST_S, dated, duration, moment};
use crate::dashboard::words::Key;

/// Ranges offered, with their words.
pub(in crate::dashboard) const RANGES: [(&str, Key); 5] = [
    ("1h", Key("range.1h")),
    ("24h", Key("range.24h")),
    ("7d", Key("range.7d")),
    ("30d", Key("range.30d")),
    ("90d", Key("range.90d")),
];
/// Steps of charts, in s, and how many of them a chart has at most: each is a link in the drawing and a row below it.
const STEPS: [i64; 11] = [60, 120, 300, 900, 1800, 3600, 7200, 14_400, 28_800, DAY_S, 2 * DAY_S];
const MOST_STEPS: i64 = 50;

/// See the module.
pub(in crate::dashboard) struct Span {
    pub(in crate::dashboard) from_us: i64,
    pub(in crate::dashboard) to_us: i64,
    /// `24h`; empty between two moments.
    pub(in crate::dashboard) range: String,
}

impl Span {
    /// Reads `range`, or `from` and `to`; a day when nothing is asked for.
    pub(in crate::dashboard) fn read(query: &Form, (now_us, zone): (i64, &TimeZone)) -> Result<Span, ApiError> {
        let ask = |name: &str| Some(query.text(name)).filter(|text| !text.is_empty());
        let at = |name: &'static str, text: &str| moment(name, &dated(name, text, zone));
        let to_us = ask("to").map_or(Ok(now_us), |to| at("to", to))?;
        let (from_us, range) = match (ask("from"), ask("range").unwrap_or("24h")) {
            (Some(from), _) => (at("from", from)?, String::new()),
            (None, range) => (to_us - duration("range", range)? * 1_000_000, range.to_owned()),
        };
        if from_us >= to_us {
            return Err(ApiError::field_keyed("from", Key("time.order"), &[]));
        }
        if to_us - from_us > LONGEST_S * 1_000_000 {
            return Err(ApiError::field_keyed("from", Key("time.long"), &[&(LONGEST_S / DAY_S)]));
        }
        Ok(Span { from_us, to_us, range })
    }

    /// It is one of [`RANGES`].
    pub(in crate::dashboard) fn is_offered(&self) -> bool {
        RANGES.iter().any(|(name, _)| *name == self.range)
    }

    /// The stretch before, as long.
    pub(in crate::dashboard) fn before(&self) -> Span {
        Span { from_us: 2 * self.from_us - self.to_us, to_us: self.from_us, range: String::new() }
    }

    /// A step, in s, of which a chart can show all.
    pub(in crate::dashboard) fn step_s(&self) -> i64 {
        let length_s = (self.to_us - self.from_us) / 1_000_000;
        STEPS.into_iter().find(|step_s| length_s / step_s <= MOST_STEPS).unwrap_or(7 * DAY_S)
    }

    /// Where its steps begin, s since 1970, as rollups have them.
    pub(in crate::dashboard) fn steps(&self) -> Vec<i64> {
        let step_s = self.step_s();
        let first = (self.from_us / 1_000_000).div_euclid(step_s) * step_s;
        (first..).step_by(step_s as usize).take_while(|at_s| at_s * 1_000_000 < self.to_us).collect()
    }

    /// As parameters: `range=24h`, or `from=…&to=…`.
    pub(in crate::dashboard) fn parameters(&self, f: &Frame) -> String {
        if self.range.is_empty() { between(f, self.from_us, self.to_us) } else { format!("range={}", self.range) }
    }
}

/// Hours of the day are told apart without the day in spans up to this, in µs; a step of an hour may begin before them.
const WITHOUT_DAY_US: i64 = 23 * 3_600_000_000;

/// A step's beginning on a chart, in the page's zone: `20:30`, or with its day where an hour may come twice.
pub(in crate::dashboard) fn clock(f: &Frame, span: &Span, at_s: i64) -> String {
    let pattern = if span.to_us - span.from_us <= WITHOUT_DAY_US { "%H:%M" } else { "%m-%d %H:%M" };
    let time = Timestamp::from_second(at_s).unwrap_or(Timestamp::UNIX_EPOCH);
    time.to_zoned(f.zone.clone()).strftime(pattern).to_string()
}

/// Two moments as parameters.
pub(in crate::dashboard) fn between(f: &Frame, from_us: i64, to_us: i64) -> String {
    // Pages have hundreds of these, so they are short: whole minutes without seconds, and of an offset only the `+` encoded.
    let time = |us: i64| {
        let text = f.time(&us).rfc3339.replace("+00:00", "Z").replace('+', "%2B");
        match text.split_at_checked("2026-11-24T08:30".len()) {
            Some((minute, rest)) if us % 60_000_000 == 0 => format!("{minute}{}", rest.trim_start_matches(":00")),
            _ => text,
        }
    };
    format!("from={}&to={}", time(from_us), time(to_us))
}

/// Requests that a query finds in a stretch of time.
pub(in crate::dashboard) fn requests(f: &Frame, query: &str, time: &str) -> String {
    match query {
        "" => f.keep(&format!("/admin/requests?{time}")),
        query => f.keep(&format!("/admin/requests?q={}&{time}", escaped(query))),
    }
}

/// A filter of the query language that finds exactly this name.
pub(in crate::dashboard) fn filter(field: &str, name: &str) -> String {
    any_of(field, [name])
}

/// A filter that finds exactly these names.
pub(in crate::dashboard) fn any_of<'a>(field: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let value = |name: &str| {
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
        if plain && !name.starts_with('-') {
            return name.to_owned();
        }
        let escaped = name.replace('\\', "\\\\").replace('"', "\\\"").replace('*', "\\*");
        format!("\"{escaped}\"")
    };
    format!("{field}:{}", names.into_iter().map(value).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use crate::dashboard::form::Form;
    use crate::dashboard::pages::span::{Span, any_of, filter};
    use crate::search::parse;

    #[test]
    fn a_stretch_has_one_before_it_and_a_step_that_fits() {
        let now = 1_790_000_000_000_000;
        let read = |text: &str| Span::read(&Form::parse(text.as_bytes()), (now, &TimeZone::UTC));
        for (text, length_s, step_s) in [
            ("", 86_400, 1800),
            ("range=1h", 3600, 120),
            ("range=7d&by=x", 604_800, 14_400),
            ("range=30d", 2_592_000, 86_400),
            ("range=90d", 7_776_000, 172_800),
            ("range=400d", 34_560_000, 604_800),
        ] {
            let span = read(text).unwrap();
            assert_eq!(((span.to_us - span.from_us) / 1_000_000, span.step_s()), (length_s, step_s), "{text}");
            assert_eq!(span.before().to_us - span.before().from_us, length_s * 1_000_000);
        }
        for wrong in ["range=5x", "range=401d", "from=2026-09-21T00:00:00Z&to=2026-09-20T00:00:00Z"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_filter_is_understood_and_finds_only_that_name() {
        for name in ["gpt-4o", "千问 \"plus\"", "a*b", "c:\\d", "-x", "a,b"] {
            let query = filter("model", name);
            assert_eq!(parse(&query).unwrap().clauses.len(), 1, "{query}");
        }
        let query = format!("-{} model:*", any_of("model", ["gpt-4o", "千问 \"plus\"", "a,b"]));
        assert_eq!(parse(&query).unwrap().clauses.len(), 2, "{query}");
        assert_eq!(parse("status:100..999 -status:200,404").unwrap().clauses.len(), 2);
    }
}
