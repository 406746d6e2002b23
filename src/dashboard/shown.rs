//! How times, durations, counts and money are written on pages (the style guide's "Numbers").
//!
//! **Invariant:** nothing here reads a clock or a browser's zone: now and zone are arguments. **May import:** nothing of the crate.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A moment for a `<time>` element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// `20:04:09` today, `11-21 20:04:09` this year, else `2025-11-21 20:04:09`.
    pub text: String,
    /// RFC 3339, with the zone's offset.
    pub rfc3339: String,
}

/// A moment (µs since 1970) as seen in `zone` at `now_us`. What no calendar has is shown as nothing.
pub fn moment(us: i64, now_us: i64, zone: &TimeZone) -> Moment {
    let at = |us: i64| Timestamp::from_microsecond(us).ok().map(|time| time.to_zoned(zone.clone()));
    let (Some(time), Some(now)) = (at(us), at(now_us)) else {
        return Moment { text: String::new(), rfc3339: String::new() };
    };
    let pattern = if time.date() == now.date() {
        "%H:%M:%S"
    } else if time.year() == now.year() {
        "%m-%d %H:%M:%S"
    } else {
        "%Y-%m-%d %H:%M:%S"
    };
    Moment { text: time.strftime(pattern).to_string(), rfc3339: time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string() }
}

/// `< 1 ms`, `499 ms`, `1.31 s`, `18.2 s`, `2 m 04 s`, `3 h 07 m`.
pub fn duration(us: i64) -> String {
    match us.max(0) {
        0..1_000 => "< 1 ms".to_owned(),
        us @ 1_000..1_000_000 => format!("{} ms", us / 1_000),
        us @ 1_000_000..10_000_000 => format!("{}.{:02} s", us / 1_000_000, us / 10_000 % 100),
        us @ 10_000_000..60_000_000 => format!("{}.{} s", us / 1_000_000, us / 100_000 % 10),
        us @ 60_000_000..3_600_000_000 => format!("{} m {:02} s", us / 60_000_000, us / 1_000_000 % 60),
        us => format!("{} h {:02} m", us / 3_600_000_000, us / 60_000_000 % 60),
    }
}

/// `44,740`; above a million `38.2 M`, whose exact figure belongs into `title` ([`exact`]).
pub fn count(number: i64) -> String {
    match number {
        1_000_000.. => format!("{}.{} M", number / 1_000_000, number / 100_000 % 10),
        number => exact(number),
    }
}

/// Every digit, in groups of three.
pub fn exact(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `44,740 → 1,290`; a side that nobody counted is `?`, and nothing counted at all is `—`.
pub fn tokens(tokens_in: Option<i64>, tokens_out: Option<i64>) -> String {
    let side = |tokens: Option<i64>| tokens.map_or_else(|| "?".to_owned(), count);
    match (tokens_in, tokens_out) {
        (None, None) => "—".to_owned(),
        (tokens_in, tokens_out) => format!("{} → {}", side(tokens_in), side(tokens_out)),
    }
}

/// The badge's class of a status: 4xx is the caller's doing, 0 is no answer at all.
pub fn status_class(status: i32) -> &'static str {
    match status {
        200..300 => "ok",
        300..400 => "info",
        400..500 => "warn",
        _ => "err",
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use crate::dashboard::shown::{count, duration, exact, moment, tokens};

    #[test]
    fn a_moment_is_shown_in_the_named_zone_whatever_day_that_makes_it() {
        let us = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_microsecond();
        let (then, now) = (us("2026-11-21T16:30:00Z"), us("2026-11-21T17:00:00Z"));
        let shanghai = TimeZone::get("Asia/Shanghai").unwrap();
        assert_eq!(moment(then, now, &TimeZone::UTC).text, "16:30:00");
        assert_eq!(moment(then, now, &shanghai).text, "00:30:00");
        assert_eq!(moment(then, now, &shanghai).rfc3339, "2026-11-22T00:30:00+08:00");
        assert_eq!(moment(then, us("2026-11-23T00:00:00Z"), &shanghai).text, "11-22 00:30:00");
        assert_eq!(moment(us("2025-01-02T03:04:05Z"), now, &TimeZone::UTC).text, "2025-01-02 03:04:05");
    }

    #[test]
    fn durations_have_three_figures_and_their_unit() {
        for (us, text) in [
            (12, "< 1 ms"),
            (499_000, "499 ms"),
            (1_314_000, "1.31 s"),
            (18_250_000, "18.2 s"),
            (124_000_000, "2 m 04 s"),
            (11_220_000_000, "3 h 07 m"),
        ] {
            assert_eq!(duration(us), text);
        }
    }

    #[test]
    fn counts_are_grouped_and_large_ones_shortened() {
        assert_eq!((exact(38_214_991).as_str(), count(38_214_991).as_str()), ("38,214,991", "38.2 M"));
        assert_eq!((count(999), count(44_740), exact(-1_000)), ("999".into(), "44,740".into(), "-1,000".into()));
        assert_eq!(tokens(Some(44_740), Some(1_290)), "44,740 → 1,290");
        assert_eq!((tokens(None, None).as_str(), tokens(Some(1), None).as_str()), ("—", "1 → ?"));
    }
}
