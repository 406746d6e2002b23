//! Times in parameters: moments and ranges.
//!
//! **Invariant:** a time has its offset, and a date is of the zone that its page names: nobody has to guess one.
//! **May import:** chrono, jiff.

use std::borrow::Cow;

use chrono::DateTime;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::dashboard::reply::ApiError;
use crate::dashboard::words::Key;

pub(super) const MINUTE_S: i64 = 60;
pub(super) const DAY_S: i64 = 24 * 60 * MINUTE_S;
/// The longest range, in s.
pub(super) const LONGEST_S: i64 = 400 * DAY_S;

/// RFC 3339 with an offset, in unix µs; the seconds may be left out.
pub(super) fn moment(field: &'static str, text: &str) -> Result<i64, ApiError> {
    // A `+` that was not percent-encoded has become a blank.
    let mut text = text.replace(' ', "+");
    let minute = "2026-11-24T08:30".len();
    if text.get(minute..).is_some_and(|rest| rest.starts_with(['Z', 'z', '+', '-'])) {
        text.insert_str(minute, ":00");
    }
    let time = DateTime::parse_from_rfc3339(&text);
    let wrong = |_| ApiError::field_keyed(field, Key("time.moment"), &[]);
    time.map(|time| time.timestamp_micros()).map_err(wrong)
}

/// What a date (`2026-11-24`) begins at in a zone, as [`moment`] reads it; as the end of a range (`to`) the day is in it.
/// Other texts stay as they are.
pub(super) fn dated<'a>(field: &str, text: &'a str, zone: &TimeZone) -> Cow<'a, str> {
    let begin = || {
        let day: Date = text.parse().ok().filter(|_| text.len() == "2026-11-24".len())?;
        let day = if field == "to" { day.checked_add(1.day()).ok()? } else { day };
        Some(day.to_zoned(zone.clone()).ok()?.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
    };
    begin().map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The zone of this IANA name; none of an empty one.
pub(super) fn zone_named(name: &str) -> Result<Option<TimeZone>, ApiError> {
    if name.is_empty() {
        return Ok(None);
    }
    TimeZone::get(name).map(Some).map_err(|_| ApiError::field_keyed("tz", Key("frame.no_zone"), &[&name]))
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

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use crate::dashboard::times::{dated, moment};

    #[test]
    fn a_moment_needs_its_offset_and_no_seconds() {
        let read = |text| moment("from", text).ok();
        for text in ["2026-11-24T08:30Z", "2026-11-24T08:30:00Z", "2026-11-24T16:30+08:00", "2026-11-24T16:30 08:00"] {
            assert_eq!(read(text), Some(1_795_509_000_000_000), "{text}");
        }
        for text in ["2026-11-24T08:30", "2026-11-24T08:30:00", "2026-11-24T08Z", "Z", "2026-11-24T08:3é:00Z"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_is_a_day_of_the_zone_also_when_clocks_change() {
        let zone = |name| TimeZone::get(name).unwrap();
        assert_eq!(dated("from", "2026-11-22", &zone("Asia/Shanghai")), "2026-11-22T00:00:00+08:00");
        assert_eq!(dated("to", "2026-11-22", &zone("Asia/Shanghai")), "2026-11-23T00:00:00+08:00");
        let berlin = zone("Europe/Berlin");
        assert_eq!(dated("from", "2026-10-25", &berlin), "2026-10-25T00:00:00+02:00");
        assert_eq!(dated("to", "2026-10-25", &berlin), "2026-10-26T00:00:00+01:00");
        for other in ["2026-11-22T08:00:00Z", "2026-11-22T08", "20261122", "yesterday!", ""] {
            assert_eq!(dated("from", other, &berlin), other);
        }
    }
}
