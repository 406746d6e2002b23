//! Until when an upstream that refuses wants to be left alone: all forms of Retry-After. Start at [`cool_until_ms`].
//!
//! **Invariant:** nothing here decides whether to wait: it only reads. Garbage is as good as absent.
//! **May import:** std, and this room's `date`.

use crate::balance::date;

/// No reply is believed further into the future, in ms: 24 hours.
const CAP_MS: i64 = 86_400_000;

/// Headers that say when a limit is lifted, with the one that says how much of it is left.
///
/// OpenAI sends the pairs for requests and for tokens with every reply
/// (<https://platform.openai.com/docs/guides/rate-limits>); the one that has something left is not why it refused.
const RESETS: [(&str, &str); 3] = [
    ("x-ratelimit-reset-requests", "x-ratelimit-remaining-requests"),
    ("x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens"),
    ("x-ratelimit-reset", "x-ratelimit-remaining"),
];

/// The latest time, in Unix milliseconds, that a refusal's headers name: `retry-after` (RFC 9110 §10.2.3; fractions
/// occur), `retry-after-ms` (Azure; obeyed by OpenAI's clients), `x-ms-retry-after-ms`, and the `x-ratelimit-reset*` of every limit
/// that is used up. `header` gets names in lower case. `None` if nothing in the future is named.
pub fn cool_until_ms<'a>(header: impl Fn(&str) -> Option<&'a str>, now_ms: i64) -> Option<i64> {
    let mut latest_ms = header("retry-after").and_then(|text| time_ms(text, now_ms));
    for name in ["retry-after-ms", "x-ms-retry-after-ms"] {
        let until_ms = header(name).and_then(decimal).map(|delay_ms| later(now_ms, delay_ms));
        latest_ms = latest_ms.max(until_ms);
    }
    for (reset, remaining) in RESETS {
        let is_left = header(remaining).and_then(decimal).is_some_and(|remaining| remaining > 0.0);
        if !is_left {
            latest_ms = latest_ms.max(header(reset).and_then(|text| time_ms(text, now_ms)));
        }
    }
    latest_ms.filter(|until_ms| *until_ms > now_ms).map(|until_ms| until_ms.min(now_ms.saturating_add(CAP_MS)))
}

/// A time as seconds from now, as a duration (`6m0s`), as Unix seconds or milliseconds, or as a date.
fn time_ms(text: &str, now_ms: i64) -> Option<i64> {
    let text = text.trim();
    if let Some(number) = decimal(text) {
        // A delay of more than thirty years is a point in time.
        return Some(if number >= 1e12 {
            number as i64
        } else if number >= 1e9 {
            (number * 1_000.0) as i64
        } else {
            later(now_ms, number * 1_000.0)
        });
    }
    duration_ms(text).map(|delay_ms| later(now_ms, delay_ms)).or_else(|| date::parse_ms(text))
}

/// `delay_ms` after `now_ms`, rounded up: a moment too early is refused again.
fn later(now_ms: i64, delay_ms: f64) -> i64 {
    now_ms.saturating_add(delay_ms.ceil() as i64)
}

/// A number of digits with at most one point: no sign, no exponent, no `inf`.
fn decimal(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|_| plain)
}

/// A duration as Go prints it (`time.Duration.String`): `1h2m3.5s`, `6m0s`, `20ms`.
fn duration_ms(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut sum_ms = 0.0;
    while !rest.is_empty() {
        let unit_at = rest.find(|found: char| !found.is_ascii_digit() && found != '.')?;
        let (number, unit_on) = rest.split_at(unit_at);
        let unit_end = unit_on.find(|found: char| found.is_ascii_digit()).unwrap_or(unit_on.len());
        let (unit, after) = unit_on.split_at(unit_end);
        let unit_ms = match unit {
            "d" => 86_400_000.0,
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1_000.0,
            "ms" => 1.0,
            "us" | "µs" | "μs" => 0.001,
            "ns" => 0.000_001,
            _ => return None,
        };
        sum_ms += decimal(number)? * unit_ms;
        rest = after;
    }
    (!text.is_empty()).then_some(sum_ms)
}

#[cfg(test)]
mod tests {
    use crate::balance::retry_after::cool_until_ms;

    /// Sun, 06 Nov 1994 08:49:00 GMT, 37 seconds before the example of RFC 9110.
    const NOW_MS: i64 = 784_111_740_000;

    /// How many ms from now these headers name.
    fn delay(headers: &[(&str, &'static str)]) -> Option<i64> {
        let find = |name: &str| headers.iter().find(|header| header.0 == name).map(|header| header.1);
        cool_until_ms(find, NOW_MS).map(|until_ms| until_ms - NOW_MS)
    }

    #[test]
    fn every_form_of_retry_after_is_read() {
        for (value, expected) in [
            ("20", 20_000),
            (" 1.5 ", 1_500),
            ("0.0001", 1),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 37_000),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 37_000),
            ("Sun Nov  6 08:49:37 1994", 37_000),
            ("1994-11-06T08:49:37Z", 37_000),
            ("1h2m3.5s", 3_723_500),
            ("90000", 86_400_000),
            ("99999999999999999999999", 86_400_000),
        ] {
            assert_eq!(delay(&[("retry-after", value)]), Some(expected), "{value}");
        }
    }

    #[test]
    fn milliseconds_are_read_in_both_spellings() {
        assert_eq!(delay(&[("retry-after-ms", "1234")]), Some(1_234));
        assert_eq!(delay(&[("x-ms-retry-after-ms", "250.5")]), Some(251));
    }

    #[test]
    fn resets_are_read_as_durations_seconds_or_points_in_time() {
        for (value, expected) in [
            ("1s", 1_000),
            ("6m0s", 360_000),
            ("20ms", 20),
            ("8.64s", 8_640),
            ("1m12.5s", 72_500),
            ("500µs", 1),
            ("1d", 86_400_000),
            ("7", 7_000),
            ("784111750", 86_400_000),
            ("1994-11-06T09:49:37.250+01:00", 37_250),
        ] {
            assert_eq!(delay(&[("x-ratelimit-reset-tokens", value)]), Some(expected), "{value}");
        }
        // Of our days, both Unix seconds and milliseconds.
        let header = |value| move |name: &str| (name == "x-ratelimit-reset").then_some(value);
        assert_eq!(cool_until_ms(header("1700000060"), 1_700_000_000_000), Some(1_700_000_060_000));
        assert_eq!(cool_until_ms(header("1700000060500"), 1_700_000_000_000), Some(1_700_000_060_500));
    }

    #[test]
    fn a_reset_counts_only_when_its_limit_is_used_up() {
        let requests = [("x-ratelimit-reset-requests", "1s"), ("x-ratelimit-remaining-requests", "0")];
        let tokens = ("x-ratelimit-reset-tokens", "6m0s");
        assert_eq!(delay(&[requests[0], requests[1], tokens, ("x-ratelimit-remaining-tokens", "149984")]), Some(1_000));
        assert_eq!(delay(&[requests[0], requests[1], tokens, ("x-ratelimit-remaining-tokens", "0")]), Some(360_000));
        assert_eq!(delay(&[requests[0], requests[1], tokens]), Some(360_000));
        assert_eq!(delay(&[tokens, ("x-ratelimit-remaining-tokens", "1")]), None);
        assert_eq!(delay(&[tokens, ("x-ratelimit-remaining-tokens", "n/a")]), Some(360_000));
    }

    #[test]
    fn the_latest_of_all_forms_wins() {
        let short = ("retry-after", "2");
        assert_eq!(delay(&[short, ("retry-after-ms", "1500")]), Some(2_000));
        assert_eq!(delay(&[short, ("retry-after-ms", "2500")]), Some(2_500));
        assert_eq!(delay(&[short, ("x-ratelimit-reset", "9")]), Some(9_000));
    }

    #[test]
    fn garbage_and_times_gone_by_are_as_good_as_absent() {
        for value in [
            "",
            " ",
            "soon",
            "-5",
            "1e9",
            "inf",
            "NaN",
            "1..2",
            ".",
            "5 s",
            "5x",
            "s",
            "1h-3m",
            "1.2.3s",
            "0",
            "0s",
            "Sun, 06 Nov 1994 08:48:59 GMT",
            "²",
        ] {
            assert_eq!(delay(&[("retry-after", value)]), None, "{value:?}");
            assert_eq!(delay(&[("retry-after", value), ("x-ratelimit-reset", "3")]), Some(3_000), "{value:?}");
        }
        assert_eq!(delay(&[]), None);
    }
}
