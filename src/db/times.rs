//! Times as text, the way any program may have written them, to and from microseconds since 1970 (UTC).
//!
//! Start at [`micros`]. **Invariant:** no text makes it fail: what is no time is `None`, and so is Go's zero time, which means never.
//! **May import:** chrono, diesel.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use diesel::deserialize::{self, FromSql, Queryable};
use diesel::sql_types::{Nullable, Text};

/// `2023-08-10 13:32:51.123456789+08:00` and its kin: `T` or a space between date and time, any number of digits of fraction, an offset
/// `+08:00`, `+0800`, `+08` or `Z` or none (UTC), and anything behind it (Go's `time.String` adds a zone name and a clock reading).
pub(super) fn micros(text: &str) -> Option<i64> {
    let text = text.trim();
    let date = NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok()?;
    let rest = text.get(10..)?;
    let (seconds, rest) = match rest.strip_prefix(['T', 't', ' ']) {
        Some(clock) => (clock_seconds(clock)?, clock.get(8..)?),
        None if rest.is_empty() => (0, ""),
        None => return None,
    };
    let (fraction_us, rest) = match rest.strip_prefix(['.', ',']) {
        Some(rest) => {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let six: String = rest[..digits].chars().chain("000000".chars()).take(6).collect();
            (six.parse::<i64>().ok()?, &rest[digits..])
        }
        None => (0, rest),
    };
    let midnight = date.and_hms_opt(0, 0, 0)?.and_utc().timestamp();
    let us = (midnight + seconds - offset_seconds(rest.trim_start())?) * 1_000_000 + fraction_us;
    let never = NaiveDate::from_ymd_opt(1, 1, 2)?;
    (date > never).then_some(us)
}

/// `13:32:51` at the beginning of the text.
fn clock_seconds(clock: &str) -> Option<i64> {
    let part = |from: usize, most: i64| {
        let value =
            clock.get(from..from + 2).filter(|two| two.bytes().all(|b| b.is_ascii_digit()))?.parse::<i64>().ok()?;
        (value <= most).then_some(value)
    };
    let colons = clock.get(2..3)? == ":" && clock.get(5..6)? == ":";
    colons.then_some(part(0, 23)? * 3600 + part(3, 59)? * 60 + part(6, 60)?)
}

/// The offset at the beginning of the text; none means UTC.
fn offset_seconds(text: &str) -> Option<i64> {
    let (sign, digits) = match text.as_bytes().first() {
        Some(b'+') => (1, &text[1..]),
        Some(b'-') => (-1, &text[1..]),
        _ => return Some(0),
    };
    let digits: String = digits.chars().take_while(|c| c.is_ascii_digit() || *c == ':').filter(|c| *c != ':').collect();
    let part = |from: usize| digits.get(from..from + 2).map_or(Some(0), |two| two.parse::<i64>().ok());
    (digits.len() >= 2).then_some(sign * (part(0)? * 3600 + part(2)? * 60 + part(4)?))
}

/// The same moment as the databases' `TIMESTAMP` takes it.
pub(super) fn timestamp(us: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(us).map(|moment| moment.naive_utc())
}

/// A `TIMESTAMP` column read as text, because a hand-written row may hold any.
pub struct AnyTime(Option<i64>);

impl<DB: diesel::backend::Backend> Queryable<Nullable<Text>, DB> for AnyTime
where
    Option<String>: FromSql<Nullable<Text>, DB>,
{
    type Row = Option<String>;

    fn build(row: Option<String>) -> deserialize::Result<AnyTime> {
        Ok(AnyTime(row.as_deref().and_then(micros)))
    }
}

impl From<AnyTime> for Option<i64> {
    fn from(time: AnyTime) -> Option<i64> {
        time.0
    }
}

#[cfg(test)]
mod tests {
    use super::{micros, timestamp};

    #[test]
    fn times_with_any_offset_and_fraction_are_one_moment() {
        let moment = Some(1_691_645_571_123_456);
        for text in [
            "2023-08-10 13:32:51.123456789+08:00",
            "2023-08-10T05:32:51.123456Z",
            "2023-08-10 05:32:51.123456",
            "2023-08-10 13:32:51.123456789 +0800 CST m=+0.000100",
            "2023-08-10 00:02:51.1234569-05:30",
        ] {
            assert_eq!(micros(text), moment, "{text}");
        }
        assert_eq!(micros("2023-08-10 13:32:51+08"), Some(1_691_645_571_000_000));
        assert_eq!(micros("2023-08-10 13:32:51.5+08:00"), Some(1_691_645_571_500_000));
        assert_eq!(micros("2023-08-10"), Some(1_691_625_600_000_000));
    }

    #[test]
    fn never_and_nonsense_are_no_time() {
        for text in [
            "0001-01-01 00:00:00+00:00",
            "0001-01-01 00:00:00",
            "0001-01-01T08:05:43+08:05",
            "",
            "soon",
            "2023-13-01 00:00:00",
            "1691645571",
            "2023-08-10 25:00:00",
            "2023-08-10x",
            "2023-08-10 1:2:3",
            "二〇二三年八月十日十三时",
        ] {
            assert_eq!(micros(text), None, "{text}");
        }
    }

    #[test]
    fn a_moment_survives_the_way_into_a_timestamp_and_back() {
        let text = timestamp(1_691_645_571_123_456).unwrap().to_string();
        assert_eq!(text, "2023-08-10 05:32:51.123456");
        assert_eq!(micros(&text), Some(1_691_645_571_123_456));
    }
}
