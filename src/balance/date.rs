//! Points in time as they stand in HTTP headers → Unix milliseconds. Start at [`parse_ms`].
//!
//! **Invariant:** nothing here knows a time zone but by its offset, and no field out of range is bent into another date.
//! **May import:** std.

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The Unix milliseconds of a date in one of the three forms of RFC 9110 §5.6.7, or of RFC 3339. The weekday is not
/// checked: it adds nothing.
pub fn parse_ms(text: &str) -> Option<i64> {
    rfc_3339(text).or_else(|| http_date(text))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` or `Sun Nov  6 08:49:37 1994`.
fn http_date(text: &str) -> Option<i64> {
    let mut words = text.split([' ', ',', '-']).filter(|word| !word.is_empty());
    let mut next = || words.next();
    let (_weekday, second, third) = (next()?, next()?, next()?);
    let (year, month, day, clock);
    if second.starts_with(|first: char| first.is_ascii_digit()) {
        (day, month, year, clock) = (second, third, next()?, next()?);
        if next()? != "GMT" {
            return None;
        }
    } else {
        (month, day, clock, year) = (second, third, next()?, next()?);
    }
    if next().is_some() {
        return None;
    }
    let month = MONTHS.iter().position(|name| *name == month)? as i64 + 1;
    let year = match (year.len(), number(year)?) {
        (4, year) => year,
        // Two digits that seem more than 50 years ahead mean the past (RFC 9110 §5.6.7). Seen from 2020 to 2069,
        // when these programs run, 70 and above are of the last century.
        (2, year) => year + if year < 70 { 2_000 } else { 1_900 },
        _ => return None,
    };
    Some((days_since_1970(year, month, number(day)?)? * 86_400 + seconds_of_day(clock)?) * 1_000)
}

/// `1994-11-06T08:49:37Z`, with any fraction and offset, and with a blank for the `T`.
fn rfc_3339(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let zone_at = rest.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = rest.split_at(zone_at);
    let mut fields = date.split('-');
    let (year, month, day) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() || year.len() != 4 {
        return None;
    }
    let offset_s = match zone {
        "Z" | "z" => 0,
        _ => {
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let (hours, minutes) = (in_range(number(hours)?, 0, 23)?, in_range(number(minutes)?, 0, 59)?);
            (hours * 3_600 + minutes * 60) * if zone.starts_with('-') { -1 } else { 1 }
        }
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    number(fraction.get(..fraction.len().min(9))?)?;
    let fraction_ms = number(&format!("{fraction:0<3}")[..3])?;
    let days = days_since_1970(number(year)?, number(month)?, number(day)?)?;
    Some((days * 86_400 + seconds_of_day(clock)? - offset_s) * 1_000 + fraction_ms)
}

/// `08:49:37`; second 60 is a leap second and counts as the next one.
fn seconds_of_day(clock: &str) -> Option<i64> {
    let mut fields = clock.split(':');
    let (hour, minute, second) = (number(fields.next()?)?, number(fields.next()?)?, number(fields.next()?)?);
    if fields.next().is_some() {
        return None;
    }
    Some(in_range(hour, 0, 23)? * 3_600 + in_range(minute, 0, 59)? * 60 + in_range(second, 0, 60)?)
}

/// Days of the proleptic Gregorian calendar, by counting years from March on, so that the leap day is the last of its
/// year (Howard Hinnant, "chrono-compatible low-level date algorithms", for years from 0 on).
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of_month = match in_range(month, 1, 12)? {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    in_range(day, 1, days_of_month)?;
    let (year, month_from_march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(year * 365 + leap_days + day_of_year - 719_468)
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok().filter(|_| text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn in_range(number: i64, least: i64, most: i64) -> Option<i64> {
    (least..=most).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use crate::balance::date::parse_ms;

    #[test]
    fn the_three_forms_of_http_are_one_moment() {
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(parse_ms(text), Some(784_111_777_000), "{text}");
        }
        assert_eq!(parse_ms("Wednesday, 01-Jan-25 00:00:00 GMT"), Some(1_735_689_600_000));
    }

    #[test]
    fn rfc_3339_is_read_with_fraction_and_offset() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2024-02-29T23:59:59z", 1_709_251_199_000),
            ("2024-02-29 23:59:60Z", 1_709_251_200_000),
            ("2023-08-10T13:32:51.123456789+08:00", 1_691_645_571_123),
            ("1994-11-06T08:49:37.5-00:30", 784_113_577_500),
            ("0001-01-01T00:00:00+00:00", -62_135_596_800_000),
            ("2000-03-01T00:00:00Z", 951_868_800_000),
            ("2100-03-01T00:00:00Z", 4_107_542_400_000),
        ] {
            assert_eq!(parse_ms(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "tomorrow",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:37 GMT x",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-01-01T00:00:00",
            "2023-01-01T00:00:00+25:00",
            "2023-01-01T00:00:00.Z",
            "2023-01-01T00:00:00.1€Z",
            "2023-01-01-01T00:00:00Z",
            "+023-01-01T00:00:00Z",
        ] {
            assert_eq!(parse_ms(text), None, "{text:?}");
        }
    }
}
