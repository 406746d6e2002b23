//! Times in parameters: moments and ranges.
//!
//! **Invariant:** no time without an offset is understood: nobody has to guess a zone. **May import:** chrono.

use chrono::DateTime;

use crate::dashboard::reply::ApiError;
use crate::dashboard::words::Key;

pub(super) const MINUTE_S: i64 = 60;
pub(super) const DAY_S: i64 = 24 * 60 * MINUTE_S;
/// The longest range, in s.
pub(super) const LONGEST_S: i64 = 400 * DAY_S;

/// RFC 3339 with an offset, in unix µs.
pub(super) fn moment(field: &'static str, text: &str) -> Result<i64, ApiError> {
    // A `+` that was not percent-encoded has become a blank.
    let time = DateTime::parse_from_rfc3339(&text.replace(' ', "+"));
    let wrong = |_| ApiError::field_keyed(field, Key("time.moment"), &[]);
    time.map(|time| time.timestamp_micros()).map_err(wrong)
}

/// `15m`, `6h`, `7d`, in seconds.
pub(super) fn duration(field: &'static str, text: &str) -> Result<i64, ApiError> {
    let wrong = || ApiError::field_keyed(field, Key("time.range"), &[]);
    let unit_at = text.len().saturating_sub(1);
    let (number, unit) = text.split_at_checked(unit_at).ok_or_else(wrong)?;
    let unit_s = match unit {
        "m" => MINUTE_S,
        "h" => 3600,
        "d" => DAY_S,
        _ => return Err(wrong()),
    };
    let number = number.parse::<i64>().ok().filter(|number| (1..=LONGEST_S / MINUTE_S).contains(number));
    Ok(number.ok_or_else(wrong)? * unit_s)
}
