//! What matches over the whole range, as bars that lead to their stretch of time.
//!
//! **Invariant:** never more bars than [`BARS`], each wide enough for a finger. **May import:** `db`.

use jiff::Timestamp;

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::query::scope::Scope;
use crate::dashboard::shown::{self, Moment};
use crate::db::find::Bucket;

/// Stretches of a range.
pub(super) const BARS: i64 = 30;
/// Width of one, and the height of all, in units of the drawing.
const BAR: i64 = 24;
const HEIGHT: i64 = 60;

/// A bar.
pub(super) struct Bar {
    pub(super) x: i64,
    pub(super) y: i64,
    pub(super) height: i64,
    /// The part of it that failed.
    pub(super) bad_y: i64,
    pub(super) bad_height: i64,
    pub(super) href: String,
    pub(super) time: Moment,
    pub(super) count: String,
    pub(super) errors: String,
}

/// What stands at the drawing's edges: beginning, middle and end of its time, and the most that a bar has.
pub(super) struct Axis {
    pub(super) times: [Moment; 3],
    pub(super) most: String,
}

/// The drawing's edges; none where nothing is drawn.
pub(super) fn axis(f: &Frame, from_us: i64, to_us: i64, buckets: &[Bucket]) -> Option<Axis> {
    let most = buckets.iter().map(|bucket| i64::from(bucket.count)).max()?;
    let times = [from_us, from_us + (to_us - from_us) / 2, to_us].map(|us| f.time(&us));
    Some(Axis { times, most: shown::exact(most) })
}

/// How long a stretch is, in µs.
pub(super) fn step_us(from_us: i64, to_us: i64) -> i64 {
    // Rounded up, so that what came in last is in the last bar.
    ((to_us - from_us).max(BARS) + BARS - 1) / BARS
}

/// The bars of stretches in which there was something.
pub(super) fn bars(f: &Frame, scope: &Scope, from_us: i64, to_us: i64, buckets: &[Bucket]) -> Vec<Bar> {
    let step_us = step_us(from_us, to_us);
    let most = buckets.iter().map(|bucket| i64::from(bucket.count)).max().unwrap_or(0).max(1);
    let height = |count: u32| if count == 0 { 0 } else { (i64::from(count) * HEIGHT / most).max(2) };
    let moment = |us: i64| Timestamp::from_microsecond(us).map(|time| time.to_string()).unwrap_or_default();
    let bar = |bucket: &Bucket| {
        let (all, bad) = (height(bucket.count), height(bucket.errors));
        let (from, to) = (moment(bucket.from_us), moment((bucket.from_us + step_us).min(to_us)));
        Bar {
            x: (bucket.from_us - from_us) / step_us * BAR,
            y: HEIGHT - all,
            height: all,
            bad_y: HEIGHT - bad,
            bad_height: bad,
            href: scope.with(&[("range", ""), ("from", &from), ("to", &to)]),
            time: f.time(&bucket.from_us),
            count: shown::exact(i64::from(bucket.count)),
            errors: shown::exact(i64::from(bucket.errors)),
        }
    };
    buckets.iter().map(bar).collect()
}
