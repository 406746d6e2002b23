//! What matches over the whole range, as bars that lead to their stretch of time. Start at [`steps`].
//!
//! **Invariant:** steps are as long as people count time, never more than [`MOST`]. **May import:** `db`.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::charts::{Chart, Place, Series, whole};
use crate::dashboard::pages::query::scope::Scope;
use crate::dashboard::shown;
use crate::db::find::Bucket;

/// Bars of a chart.
const MOST: i64 = 31;
const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 60 * MINUTE_S;
const DAY_S: i64 = 24 * HOUR_S;
/// Lengths of a step, in s; weeks begin on Monday.
const LENGTHS: [i64; 20] = [
    1,
    5,
    10,
    30,
    MINUTE_S,
    5 * MINUTE_S,
    10 * MINUTE_S,
    15 * MINUTE_S,
    30 * MINUTE_S,
    HOUR_S,
    2 * HOUR_S,
    3 * HOUR_S,
    6 * HOUR_S,
    12 * HOUR_S,
    DAY_S,
    2 * DAY_S,
    7 * DAY_S,
    14 * DAY_S,
    28 * DAY_S,
    91 * DAY_S,
];
/// The first Monday after 1970 began.
const MONDAY_S: i64 = 4 * DAY_S;

/// Steps of the same length, the first of which holds the beginning of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Steps {
    /// Where the first begins, µs since 1970.
    pub(super) from_us: i64,
    /// How long one is, in µs.
    pub(super) step_us: i64,
    pub(super) count: i64,
}

/// The steps of a range: they begin where the zone's hours or days begin, as they are at the range's beginning.
pub(super) fn steps(from_us: i64, to_us: i64, zone: &TimeZone) -> Steps {
    let offset_s = Timestamp::from_microsecond(from_us).map_or(0, |at| zone.to_offset(at).seconds());
    let of = |step_s: i64| {
        let step_us = step_s * 1_000_000;
        let shift_us = (MONDAY_S - i64::from(offset_s)) * 1_000_000;
        let first_us = (from_us - shift_us).div_euclid(step_us) * step_us + shift_us;
        let length_us = (to_us - first_us).max(1);
        Steps { from_us: first_us, step_us, count: (length_us + step_us - 1) / step_us }
    };
    let fitting = LENGTHS.into_iter().map(of).find(|steps| steps.count <= MOST);
    fitting.unwrap_or_else(|| of(((to_us - from_us) / 1_000_000 / (MOST - 1) / DAY_S + 1) * DAY_S))
}

impl Steps {
    /// `20:30`, with the day where a time comes twice, or the day alone.
    fn label(&self, f: &Frame, at_us: i64) -> String {
        let is_short = self.step_us < MINUTE_S * 1_000_000;
        let pattern = match self.step_us * self.count {
            _ if self.step_us >= DAY_S * 1_000_000 => "%Y-%m-%d",
            length_us if length_us >= DAY_S * 1_000_000 => "%m-%d %H:%M",
            _ if is_short => "%H:%M:%S",
            _ => "%H:%M",
        };
        let time = Timestamp::from_microsecond(at_us).unwrap_or(Timestamp::UNIX_EPOCH);
        time.to_zoned(f.zone.clone()).strftime(pattern).to_string()
    }
}

/// The chart; none where there is nothing. The range ends at `to_us`, or now when the scope names no end.
pub(super) fn chart(f: &Frame, scope: &Scope, (from_us, to_us): (i64, i64), buckets: &[Bucket]) -> Option<Chart> {
    if buckets.is_empty() {
        return None;
    }
    let steps = steps(from_us, to_us, &f.zone);
    let moment = |us: i64| Timestamp::from_microsecond(us).map(|time| time.to_string()).unwrap_or_default();
    // What comes after now is in the last step all the same.
    let last_us = if scope.get("to").is_empty() { i64::MAX } else { to_us };
    let starts: Vec<i64> = (0..steps.count).map(|index| steps.from_us + index * steps.step_us).collect();
    let place = |at_us: &i64| {
        let (from, to) = (moment((*at_us).max(from_us)), moment((at_us + steps.step_us).min(last_us)));
        Place { label: steps.label(f, *at_us), href: scope.with(&[("range", ""), ("from", &from), ("to", &to)]) }
    };
    let values = |count: &dyn Fn(&Bucket) -> u32| -> Vec<Option<f64>> {
        let mut values = vec![Some(0.0); starts.len()];
        for bucket in buckets {
            let index = (bucket.from_us - steps.from_us) / steps.step_us;
            if let Some(value) = usize::try_from(index).ok().and_then(|index| values.get_mut(index)) {
                *value = Some(f64::from(count(bucket)));
            }
        }
        values
    };
    let series = |name: &'static str, class, count: &dyn Fn(&Bucket) -> u32| Series {
        name: name.to_owned(),
        class,
        values: values(count),
        told: Vec::new(),
    };
    let all = [
        series(f.t("overview.requests"), "s1", &|bucket| bucket.count),
        series(f.t("overview.errors"), "s6", &|bucket| bucket.errors),
    ];
    let sum =
        |count: &dyn Fn(&Bucket) -> u32| shown::exact(buckets.iter().map(|bucket| i64::from(count(bucket))).sum());
    let told = f.tf("overview.requests.told", &[&sum(&|bucket| bucket.count), &sum(&|bucket| bucket.errors)]);
    let places = starts.iter().map(place).collect();
    Some(Chart::new(f.t("chart.requests").to_owned(), told, places, &all, true, &whole))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use crate::dashboard::pages::requests::chart::{MOST, Steps, steps};

    #[test]
    fn steps_are_round_and_few_whatever_the_range() {
        let us = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_microsecond();
        let now = us("2026-11-29T09:19:23.456789Z");
        let kolkata = TimeZone::get("Asia/Kolkata").unwrap();
        for (range_s, zone, first, step_s, count) in [
            (900, &TimeZone::UTC, "2026-11-29T09:04:00Z", 30, 31),
            (3600, &TimeZone::UTC, "2026-11-29T08:15:00Z", 300, 13),
            (6 * 3600, &TimeZone::UTC, "2026-11-29T03:15:00Z", 900, 25),
            (86_400, &TimeZone::UTC, "2026-11-28T09:00:00Z", 3600, 25),
            (86_400, &kolkata, "2026-11-28T08:30:00Z", 3600, 25),
            (7 * 86_400, &kolkata, "2026-11-22T06:30:00Z", 21_600, 29),
            (30 * 86_400, &TimeZone::UTC, "2026-10-30T00:00:00Z", 86_400, 31),
            (100 * 86_400, &TimeZone::UTC, "2026-08-17T00:00:00Z", 604_800, 15),
        ] {
            let told = steps(now - range_s * 1_000_000, now, zone);
            assert_eq!(told, Steps { from_us: us(first), step_us: step_s * 1_000_000, count }, "{range_s}");
        }
        for range_us in (0..45).map(|power| 1_i64 << power) {
            let told = steps(now - range_us, now, &kolkata);
            assert!(told.count <= MOST && told.from_us <= now - range_us, "{range_us}: {told:?}");
            assert!(told.from_us + told.count * told.step_us >= now, "{range_us}: {told:?}");
        }
        assert!(steps(0, now, &TimeZone::UTC).count <= MOST, "longer than the longest length");
    }
}
