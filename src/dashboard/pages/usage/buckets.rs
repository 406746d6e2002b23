//! Steps of time: as rollups have them, or days of the page's zone put together from hours. Start at [`Buckets::named`].
//!
//! **Invariant:** a request belongs to the day that its local date says. **May import:** nothing of the crate.

use jiff::{Timestamp, ToSpan, Zoned, tz::TimeZone};

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::span::{Span, clock};
use crate::dashboard::reply::ApiError;
use crate::dashboard::words::Key;

const DAY_S: i64 = 86_400;
/// Steps of a chart of bars, and of one of lines, at most.
pub(super) const BARS: usize = 120;
pub(super) const POINTS: usize = 240;
/// A range longer than this has days by itself, or weeks.
const DAYS_FROM_S: i64 = 14 * DAY_S;
const WEEKS_FROM_S: i64 = 60 * DAY_S;

/// What can be asked for.
pub(super) const BUCKETS: [(&str, Key); 6] = [
    ("auto", Key("bucket.auto")),
    ("1m", Key("bucket.1m")),
    ("5m", Key("bucket.5m")),
    ("1h", Key("bucket.1h")),
    ("1d", Key("bucket.1d")),
    ("7d", Key("bucket.7d")),
];

/// What takes the place of steps that would be too many, in order.
const WIDER: [(&str, Step); 5] = [
    ("1m", Step::Seconds(60)),
    ("5m", Step::Seconds(300)),
    ("1h", Step::Seconds(3600)),
    ("1d", Step::Days(1)),
    ("7d", Step::Days(7)),
];

/// See the module.
pub(super) struct Buckets {
    /// As asked for, unless those would be too many.
    pub(super) name: &'static str,
    /// The words of what was asked for instead, which would be too many.
    pub(super) instead_of: Option<Key>,
    step: Step,
    zone: TimeZone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Seconds(i64),
    /// Days of the zone.
    Days(i64),
}

impl Step {
    /// How long it is, in s, when no clock changes.
    fn seconds(self) -> i64 {
        match self {
            Step::Seconds(seconds) => seconds,
            Step::Days(days) => days * DAY_S,
        }
    }
}

impl Buckets {
    /// The steps of this name for a chart with so many at most; wider ones where there would be more.
    ///
    /// # Errors
    /// 400 when there is no such name.
    pub(super) fn named(f: &Frame, name: &str, span: &Span, most: usize) -> Result<Buckets, ApiError> {
        let length_s = (span.to_us - span.from_us) / 1_000_000;
        let step = match name {
            "auto" if length_s > WEEKS_FROM_S => Step::Days(7),
            "auto" if length_s >= DAYS_FROM_S => Step::Days(1),
            "auto" => Step::Seconds(span.step_s()),
            "1m" => Step::Seconds(60),
            "5m" => Step::Seconds(300),
            "1h" => Step::Seconds(3600),
            "1d" => Step::Days(1),
            "7d" => Step::Days(7),
            _ => {
                let there = BUCKETS.map(|(name, _)| name).join(", ");
                return Err(ApiError::field_keyed("bucket", Key("field.one_of"), &[&there]));
            }
        };
        let name = BUCKETS.into_iter().map(|(name, _)| name).find(|known| *known == name).unwrap_or("auto");
        let asked = Buckets { name, step, zone: f.zone.clone(), instead_of: None };
        Ok(asked.with_at_most(most, span))
    }

    fn with_at_most(mut self, most: usize, span: &Span) -> Buckets {
        let asked = (self.name != "auto").then(|| self.key());
        let asked_s = self.step.seconds();
        for (name, step) in WIDER.into_iter().filter(|(_, step)| step.seconds() > asked_s) {
            if self.starts(span).len() <= most {
                break;
            }
            // What fits by itself goes on being called so.
            let name = if asked.is_none() { self.name } else { name };
            self = Buckets { name, step, zone: self.zone, instead_of: asked };
        }
        self
    }

    /// Days of a zone.
    #[cfg(test)]
    pub(super) fn days(zone: TimeZone) -> Buckets {
        Buckets { name: "1d", step: Step::Days(1), zone, instead_of: None }
    }

    /// What the rollups are to be asked for, in s: whole hours, unless the zone's days begin within one.
    pub(super) fn step_s(&self) -> i64 {
        match self.step {
            Step::Seconds(step_s) => step_s,
            Step::Days(_) if self.zone.to_offset(Timestamp::now()).seconds() % 3600 == 0 => 3600,
            Step::Days(_) => 900,
        }
    }

    /// The beginning of the step that this second is in.
    pub(super) fn start(&self, at_s: i64) -> i64 {
        match self.step {
            Step::Seconds(step_s) => at_s.div_euclid(step_s) * step_s,
            Step::Days(days) => self.day(at_s, days).map_or(at_s, |day| day.timestamp().as_second()),
        }
    }

    /// The end of the step that begins there.
    pub(super) fn end(&self, start_s: i64) -> i64 {
        match self.step {
            Step::Seconds(step_s) => start_s + step_s,
            Step::Days(days) => {
                let next = self.zoned(start_s).and_then(|day| day.checked_add(days.days()).ok());
                next.map_or(start_s + days * DAY_S, |next| next.timestamp().as_second())
            }
        }
    }

    /// Midnight of the day, or of its week's Monday.
    fn day(&self, at_s: i64, days: i64) -> Option<Zoned> {
        let time = self.zoned(at_s)?;
        let back = if days == 7 { i64::from(time.weekday().to_monday_zero_offset()) } else { 0 };
        time.checked_sub(back.days()).ok()?.start_of_day().ok()
    }

    fn zoned(&self, at_s: i64) -> Option<Zoned> {
        Some(Timestamp::from_second(at_s).ok()?.to_zoned(self.zone.clone()))
    }

    /// Where the steps of a range begin.
    pub(super) fn starts(&self, span: &Span) -> Vec<i64> {
        let (mut starts, mut at) = (Vec::new(), self.start(span.from_us / 1_000_000));
        while at * 1_000_000 < span.to_us && starts.len() <= POINTS {
            starts.push(at);
            at = self.end(at);
        }
        starts
    }

    /// A step's name in the page's zone.
    pub(super) fn label(&self, f: &Frame, span: &Span, start_s: i64) -> String {
        match self.step {
            Step::Seconds(_) => clock(f, span, start_s),
            Step::Days(_) => self.zoned(start_s).map(|day| day.date().to_string()).unwrap_or_default(),
        }
    }

    /// How wide the steps are, in words.
    pub(super) fn key(&self) -> Key {
        match self.step {
            Step::Seconds(60) => Key("bucket.1m"),
            Step::Seconds(300) => Key("bucket.5m"),
            Step::Seconds(3600) => Key("bucket.1h"),
            Step::Seconds(_) => Key("bucket.auto"),
            Step::Days(1) => Key("bucket.1d"),
            Step::Days(_) => Key("bucket.7d"),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use crate::dashboard::pages::span::Span;
    use crate::dashboard::pages::usage::buckets::{Buckets, Step};

    fn second(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_second()
    }

    fn days(zone: &str, days: i64) -> Buckets {
        Buckets { name: "1d", step: Step::Days(days), zone: TimeZone::get(zone).unwrap(), instead_of: None }
    }

    #[test]
    fn a_day_is_the_zones_day() {
        let at = second("2026-11-21T16:30:00Z");
        assert_eq!(days("Asia/Shanghai", 1).start(at), second("2026-11-21T16:00:00Z"), "the 22nd there");
        assert_eq!(days("UTC", 1).start(at), second("2026-11-21T00:00:00Z"));
        assert_eq!(days("Asia/Kolkata", 1).start(at), second("2026-11-20T18:30:00Z"));
        assert_eq!((days("Asia/Shanghai", 1).step_s(), days("Asia/Kolkata", 1).step_s()), (3600, 900));
        assert_eq!(days("UTC", 7).start(at), second("2026-11-16T00:00:00Z"), "a Monday");
    }

    #[test]
    fn what_would_be_too_many_steps_becomes_wider_ones() {
        let to = second("2026-11-21T10:30:00Z");
        let with = |step, name, days: i64, most| {
            let span = Span { from_us: (to - days * 86_400) * 1_000_000, to_us: to * 1_000_000, range: String::new() };
            let buckets = Buckets { name, step, zone: TimeZone::UTC, instead_of: None }.with_at_most(most, &span);
            (buckets.name, buckets.instead_of.map(|key| key.0), buckets.starts(&span).len())
        };
        assert_eq!(with(Step::Seconds(3600), "1h", 4, 120), ("1h", None, 97));
        assert_eq!(with(Step::Seconds(3600), "1h", 7, 240), ("1h", None, 169));
        assert_eq!(with(Step::Seconds(3600), "1h", 7, 120), ("1d", Some("bucket.1h"), 8));
        assert_eq!(with(Step::Seconds(60), "1m", 1, 240), ("1h", Some("bucket.1m"), 25));
        assert_eq!(with(Step::Days(1), "auto", 120, 120), ("auto", None, 18), "weeks");
        assert_eq!(with(Step::Days(1), "auto", 119, 120), ("auto", None, 120));
    }

    #[test]
    fn steps_follow_each_other_also_when_clocks_change() {
        let berlin = days("Europe/Berlin", 1);
        let (from, to) = (second("2026-10-24T10:00:00Z"), second("2026-10-26T10:00:00Z"));
        let span = Span { from_us: from * 1_000_000, to_us: to * 1_000_000, range: String::new() };
        let starts = berlin.starts(&span);
        assert_eq!(
            starts,
            [second("2026-10-23T22:00:00Z"), second("2026-10-24T22:00:00Z"), second("2026-10-25T23:00:00Z")]
        );
        for at in (from..to).step_by(900) {
            let start = berlin.start(at);
            assert!(starts.contains(&start) && start <= at && at < berlin.end(start), "{at}");
        }
    }
}
