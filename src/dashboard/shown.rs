//! How times, durations, counts and money are written on pages (the style guide's "Numbers").
//!
//! **Invariant:** nothing here reads a clock or a browser's zone: now and zone are arguments. **May import:** `db`.

use std::fmt;

use askama::filters::HtmlSafe;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::db::records::Facts;

/// Numbers from here on are shown short, and what stands behind them.
const SHORT_FROM: i64 = 1_000_000;
const MILLIONS: &str = " M";

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
        SHORT_FROM.. => {
            let tenths = number / 100_000 + i64::from(number % 100_000 >= 50_000);
            format!("{}.{}{MILLIONS}", tenths / 10, tenths % 10)
        }
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

/// Numbers as pages show them: short above a million, with every digit in the title.
///
/// As HTML it is safe: nothing but numbers and what stands between them is ever in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figure {
    text: String,
    exact: String,
}

impl Figure {
    /// One number.
    pub fn of(number: i64) -> Figure {
        Figure { text: count(number), exact: title(&[Some(number)]) }
    }

    /// Tokens in and out, as [`tokens`] writes them.
    pub fn of_tokens(tokens_in: Option<i64>, tokens_out: Option<i64>) -> Figure {
        Figure { text: tokens(tokens_in, tokens_out), exact: title(&[tokens_in, tokens_out]) }
    }

    /// What is shown, without HTML.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Every digit of what is shown short; empty when nothing is.
    pub fn exact(&self) -> &str {
        &self.exact
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.exact.as_str() {
            "" => f.write_str(&self.text),
            exact => write!(f, "<span title=\"{exact}\">{}</span>", self.text),
        }
    }
}

impl HtmlSafe for Figure {}

/// Every digit of numbers of which one is shown short by [`count`]; else nothing.
pub fn title(numbers: &[Option<i64>]) -> String {
    if numbers.iter().flatten().all(|number| *number < SHORT_FROM) {
        return String::new();
    }
    let side = |number: &Option<i64>| number.map_or_else(|| "?".to_owned(), exact);
    numbers.iter().map(side).collect::<Vec<_>>().join(" → ")
}

/// The same for a number that has been written as `text` already, in whatever unit.
pub fn title_of(number: f64, text: &str) -> String {
    if text.ends_with(MILLIONS) { exact(number as i64) } else { String::new() }
}

/// `44,740 → 1,290`; a side that nobody counted is `?`, and nothing counted at all is `—`.
pub fn tokens(tokens_in: Option<i64>, tokens_out: Option<i64>) -> String {
    let side = |tokens: Option<i64>| tokens.map_or_else(|| "?".to_owned(), count);
    match (tokens_in, tokens_out) {
        (None, None) => "—".to_owned(),
        (tokens_in, tokens_out) => format!("{} → {}", side(tokens_in), side(tokens_out)),
    }
}

/// `$12.34`; under a dollar four digits, `$0.0412`, and of what is less than that seven, as a single request often costs.
pub fn money(nano: i64) -> String {
    match nano.max(0) {
        0 => "$0".to_owned(),
        1..100 => "< $0.0000001".to_owned(),
        nano @ 100..100_000 => format!("$0.{:07}", nano / 100),
        nano @ 100_000..1_000_000_000 => format!("$0.{:04}", nano / 100_000),
        nano => format!("${}.{:02}", exact(nano / 1_000_000_000), nano / 10_000_000 % 100),
    }
}

/// `512 B`, `20.3 KB`, `1.2 GB`, in steps of 1,024.
pub fn bytes(number: i64) -> String {
    let (mut scaled, mut unit) = (number.max(0) as f64, 0);
    while scaled >= 1024.0 && unit < 4 {
        (scaled, unit) = (scaled / 1024.0, unit + 1);
    }
    let name = ["B", "KB", "MB", "GB", "TB"][unit];
    if unit == 0 { format!("{} B", number.max(0)) } else { format!("{scaled:.1} {name}") }
}

/// `99.8 %` of a part in a whole; what is not all or nothing is never rounded to it, and of nothing it is
/// `—`.
pub fn percent(part: i64, whole: i64) -> String {
    match whole {
        0 => "—".to_owned(),
        _ if part == whole => "100 %".to_owned(),
        _ if part == 0 => "0 %".to_owned(),
        _ => format!("{:.1} %", (part as f64 / whole as f64 * 100.0).clamp(0.1, 99.9)),
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

/// The class of a request's status: that of an error where the status alone does not tell it.
pub fn outcome_class(facts: &Facts) -> &'static str {
    if facts.status < 400 && facts.is_error() { "err" } else { status_class(facts.status) }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use crate::dashboard::shown::{Figure, bytes, count, duration, exact, moment, money, percent, title_of, tokens};

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
    fn money_and_sizes_are_short_and_never_a_false_nothing() {
        for (nano, text) in [
            (0, "$0"),
            (1, "< $0.0000001"),
            (6_360, "$0.0000063"),
            (41_250_000, "$0.0412"),
            (1_234_567_890_000, "$1,234.56"),
            (999_999_999, "$0.9999"),
        ] {
            assert_eq!(money(nano), text);
        }
        assert_eq!((bytes(512), bytes(20 << 10), bytes(3 << 29)), ("512 B".into(), "20.0 KB".into(), "1.5 GB".into()));
        assert_eq!(
            [(0, 0), (5, 5), (0, 5), (99_999, 100_000), (1, 100_000), (3, 7)].map(|(part, whole)| percent(part, whole)),
            ["—", "100 %", "0 %", "99.9 %", "0.1 %", "42.9 %"]
        );
    }

    #[test]
    fn counts_are_grouped_and_large_ones_shortened() {
        assert_eq!((exact(38_214_991).as_str(), count(38_214_991).as_str()), ("38,214,991", "38.2 M"));
        assert_eq!(
            (count(1_470_000), count(1_949_999), count(1_999_999)),
            ("1.5 M".into(), "1.9 M".into(), "2.0 M".into())
        );
        assert_eq!((count(999), count(44_740), exact(-1_000)), ("999".into(), "44,740".into(), "-1,000".into()));
        assert_eq!(tokens(Some(44_740), Some(1_290)), "44,740 → 1,290");
        assert_eq!(Figure::of(38_214_991).to_string(), "<span title=\"38,214,991\">38.2 M</span>");
        assert_eq!(Figure::of(999_999).to_string(), "999,999");
        assert_eq!(
            Figure::of_tokens(Some(1_000_000), None).to_string(),
            "<span title=\"1,000,000 → ?\">1.0 M → ?</span>"
        );
        assert_eq!(Figure::of_tokens(Some(7), None).to_string(), "7 → ?");
        assert_eq!((title_of(2.5e6, "2.5 M"), title_of(2.5e6, "2.50 s")), ("2,500,000".into(), String::new()));
        assert_eq!((tokens(None, None).as_str(), tokens(Some(1), None).as_str()), ("—", "1 → ?"));
    }
}
