//! Numbers and times of forms. Start at [`number`].
//!
//! **Invariant:** what is no number is told at its field. **May import:** nothing of the crate.

use std::ops::RangeInclusive;

use crate::dashboard::form::Field;
use crate::dashboard::frame::Frame;

/// A whole number within these bounds; `None`, with a problem, when it is none.
pub(super) fn number(f: &Frame, field: &mut Field, bounds: RangeInclusive<i64>) -> Option<i64> {
    let number = field.value.parse().ok().filter(|number| bounds.contains(number));
    if number.is_none() {
        field.problem = match (*bounds.start(), *bounds.end()) {
            (i64::MIN, _) => f.t("field.whole").to_owned(),
            (least, most) => f.tf("field.between", &[&least, &most]),
        };
    }
    number
}

/// A time in ms as forms have it.
pub(in crate::dashboard) fn seconds(ms: Option<i64>) -> String {
    ms.map(|ms| (ms as f64 / 1000.0).to_string()).unwrap_or_default()
}

/// Seconds as typed, in ms.
pub(in crate::dashboard) fn milliseconds(typed: &str) -> Option<i64> {
    let seconds = typed.parse::<f64>().ok().filter(|seconds| (0.001..1e9).contains(seconds))?;
    Some((seconds * 1000.0).round() as i64)
}

/// A clock as typed, in ms; `None` when blank or, with a problem, when wrong.
pub(super) fn clock(f: &Frame, field: &mut Field) -> Option<i64> {
    let ms = milliseconds(&field.value);
    if ms.is_none() && !field.value.is_empty() {
        field.problem = f.t("field.seconds").to_owned();
    }
    ms
}
