//! Figures with their units, exactly: read by [`range`], written by [`write`].
//!
//! **Invariant:** nothing is rounded: a figure between two that can be recorded makes a bound, or is refused.
//! **May import:** the types of a query.

use super::mistake::BadFigure;
use super::query::{NumberField, NumberRange};

/// What is wrong with a figure, and what to write in its place if that is clear.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) figure: BadFigure,
    pub(super) instead: Option<String>,
}

impl Wrong {
    fn new(figure: BadFigure) -> Wrong {
        Wrong { figure, instead: None }
    }

    fn instead(self, text: String) -> Wrong {
        Wrong { instead: Some(text), ..self }
    }

    fn with(self, change: impl Fn(String) -> String) -> Wrong {
        Wrong { instead: self.instead.map(change), ..self }
    }
}

/// What figures of a field look like.
struct Figures {
    /// The units from the smallest, each with how many of the recorded unit it has. An empty one may be left out.
    units: &'static [(&'static str, i64)],
    /// The least and the greatest, in the recorded unit.
    ends: (i64, i64),
    /// What they are called.
    called: &'static str,
    /// One of them.
    example: &'static str,
}

const TIMES: &[(&str, i64)] = &[
    ("µs", 1),
    ("μs", 1),
    ("us", 1),
    ("ms", 1_000),
    ("s", 1_000_000),
    ("m", 60_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
];
const COUNTS: &[(&str, i64)] = &[("", 1), ("k", 1_000), ("m", 1_000_000), ("g", 1_000_000_000)];

fn figures(field: NumberField) -> Figures {
    let (units, ends, called, example): (&[(&str, i64)], _, _, _) = match field {
        NumberField::Status => (&[("", 1)], (100, 999), "a status", "502"),
        NumberField::FirstContent | NumberField::Total => (TIMES, (0, 86_400_000_000_000), "a time", "10s"),
        NumberField::Tokens | NumberField::In | NumberField::Out => {
            (COUNTS, (0, 1_000_000_000_000), "a number of tokens", "32k")
        }
        NumberField::TokensPerSecond => (&[("", 1_000)], (0, 1_000_000_000_000), "a number of tokens per second", "20"),
        NumberField::Cost => (&[("", 1_000_000_000)], (0, 1_000_000_000_000_000_000), "a cost", "0.05"),
        NumberField::Attempts => (&[("", 1)], (0, 1_000_000), "a number of attempts", "2"),
        NumberField::Id | NumberField::Conv => (&[("", 1)], (0, i64::MAX), "an id", "12345"),
    };
    Figures { units, ends, called, example }
}

/// What figures of a field are called.
pub(super) fn called(field: NumberField) -> &'static str {
    figures(field).called
}

/// The least and the greatest figure that can be recorded, in the recorded unit.
pub(super) fn ends(field: NumberField) -> (i64, i64) {
    figures(field).ends
}

/// A figure in the recorded unit: `part / of`.
struct Exact {
    part: i128,
    of: i128,
}

impl Exact {
    fn floor(&self) -> i128 {
        self.part / self.of
    }

    fn ceil(&self) -> i128 {
        self.floor() + i128::from(self.part % self.of != 0)
    }
}

/// Reads `502`, `4xx`, `>=400`, `<300ms`, `500..599`, `..10s`.
pub(super) fn range(field: NumberField, text: &str) -> Result<NumberRange, Wrong> {
    let (least, most) = ends(field);
    if let (NumberField::Status, [digit @ b'1'..=b'9', b'x' | b'X', b'x' | b'X']) = (field, text.as_bytes()) {
        let low = i64::from(digit - b'0') * 100;
        return Ok(NumberRange { low: Some(low), high: Some(low + 99) });
    }
    // What is proposed instead of a figure at the end, or at the start, is proposed with the rest of the text.
    let read = |figure: &str| {
        let before = &text[..text.len() - figure.len()];
        exact(field, figure).map_err(|wrong| wrong.with(|new| format!("{before}{new}")))
    };
    let read_first = |figure: &str| {
        let behind = &text[figure.len()..];
        exact(field, figure).map_err(|wrong| wrong.with(|new| format!("{new}{behind}")))
    };
    // The bounds as written, which may lie outside what can be recorded.
    let (low, high) = if let Some((low, high)) = text.split_once("..") {
        let low = if low.is_empty() { None } else { Some(read_first(low)?.ceil()) };
        (low, if high.is_empty() { None } else { Some(read(high)?.floor()) })
    } else if let Some(figure) = text.strip_prefix(">=") {
        (Some(read(figure)?.ceil()), None)
    } else if let Some(figure) = text.strip_prefix("<=") {
        (None, Some(read(figure)?.floor()))
    } else if let Some(figure) = text.strip_prefix('>') {
        (Some(read(figure)?.floor() + 1), None)
    } else if let Some(figure) = text.strip_prefix('<') {
        (None, Some(read(figure)?.ceil() - 1))
    } else {
        let figure = read(text.strip_prefix('=').unwrap_or(text))?;
        if figure.floor() != figure.ceil() {
            return Err(Wrong::new(BadFigure::NeverExact(field)));
        }
        (Some(figure.floor()), Some(figure.floor()))
    };
    match (low, high) {
        (None, None) => return Err(Wrong::new(BadFigure::NoEnd)),
        (Some(low), Some(high)) if low > high => {
            let backwards = text.split_once("..").map(|(low, high)| format!("{high}..{low}"));
            return Err(Wrong { figure: BadFigure::Backwards, instead: backwards });
        }
        _ => {}
    }
    let bound = |bound: Option<i128>, fits: bool| match bound {
        Some(bound) if fits => i64::try_from(bound).ok().map(Some).ok_or(()),
        Some(_) => Err(()),
        None => Ok(None),
    };
    let low = bound(low, low.is_some_and(|low| low <= most.into()));
    let high = bound(high, high.is_some_and(|high| high >= least.into()));
    match (low, high) {
        (Ok(low), Ok(high)) => Ok(NumberRange { low, high }),
        _ => Err(Wrong::new(BadFigure::Never(field))),
    }
}

/// Reads one figure.
fn exact(field: NumberField, text: &str) -> Result<Exact, Wrong> {
    let Figures { units, ends: (least, most), called: _, example } = figures(field);
    let number = if field == NumberField::Cost { text.strip_prefix('$').unwrap_or(text) } else { text };
    let digits = number.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(number.len());
    let (number, unit) = number.split_at(digits);
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() && !fraction.contains('.') => (whole, fraction),
        Some(_) => ("", ""),
        None => (number, ""),
    };
    if whole.is_empty() {
        let is_negative = text.starts_with('-');
        return Err(Wrong::new(match is_negative {
            true => BadFigure::Negative { field, example },
            false => BadFigure::Unwritten { field, example },
        }));
    }
    if whole.len() > 1 && whole.starts_with('0') {
        return Err(Wrong::new(BadFigure::Zero));
    }
    let Some((_, factor)) = units.iter().find(|(name, _)| *name == unit.to_lowercase()) else {
        let units: Vec<&'static str> =
            units.iter().map(|(name, _)| *name).filter(|name| name.is_ascii() && !name.is_empty()).collect();
        return Err(match unit {
            "" => Wrong::new(BadFigure::NeedsUnit { units, number: number.to_owned() }).instead(format!("{number}s")),
            _ if units.is_empty() => Wrong::new(BadFigure::NoUnit { field, example }).instead(number.to_owned()),
            _ => Wrong::new(BadFigure::Unit { field, units, example }),
        });
    };
    let too_large = || Wrong::new(BadFigure::Beyond(field));
    if fraction.len() > 15 {
        return Err(Wrong::new(BadFigure::Decimals));
    }
    let part: i128 = format!("{whole}{fraction}").parse().map_err(|_| too_large())?;
    let part = part.checked_mul(i128::from(*factor)).ok_or_else(too_large)?;
    let exact = Exact { part, of: 10i128.pow(fraction.len() as u32) };
    if exact.ceil() > most.into() || exact.floor() < least.into() {
        return Err(too_large());
    }
    Ok(exact)
}

/// Writes a figure as [`range`] reads it, in the largest unit in which it is whole.
pub(super) fn write(field: NumberField, number: i64) -> String {
    match figures(field).units {
        [(_, parts)] => {
            let decimals = format!("{:0width$}", number % parts, width = parts.ilog10() as usize);
            match decimals.trim_end_matches('0') {
                _ if *parts == 1 => number.to_string(),
                "" => (number / parts).to_string(),
                decimals => format!("{}.{decimals}", number / parts),
            }
        }
        units if number == 0 => if units[0].0.is_empty() { "0" } else { "0s" }.to_owned(),
        units => {
            let fits = units.iter().rev().find(|(_, parts)| number % parts == 0);
            fits.map_or_else(|| number.to_string(), |(name, parts)| format!("{}{name}", number / parts))
        }
    }
}

/// Writes a range as [`range`] reads it; with `>` and `<` where that is shorter, as in `>10s`.
pub(super) fn write_range(field: NumberField, range: NumberRange) -> String {
    let write = |number: i64| write(field, number);
    let (least, most) = figures(field).ends;
    match (range.low, range.high) {
        (Some(low), Some(high)) if low == high => write(low),
        (Some(low), Some(high)) if field == NumberField::Status && low % 100 == 0 && high == low + 99 => {
            format!("{}xx", low / 100)
        }
        (Some(low), Some(high)) => format!("{}..{}", write(low), write(high)),
        (Some(low), None) => {
            let before = (low > least).then(|| write(low - 1)).filter(|before| before.len() < write(low).len());
            before.map_or_else(|| format!(">={}", write(low)), |before| format!(">{before}"))
        }
        (None, Some(high)) => {
            let after = (high < most).then(|| write(high + 1)).filter(|after| after.len() < write(high).len());
            after.map_or_else(|| format!("<={}", write(high)), |after| format!("<{after}"))
        }
        (None, None) => format!(">={}", write(least)),
    }
}

/// Do two values with a comma between them look like one number with a thousands separator, as in `>32,768`?
/// A bound alone is looked at, for `1,234` may well be two values; and no status has four digits.
pub(super) fn is_like_thousands(field: NumberField, before: &str, value: &str) -> bool {
    let bound = before.trim_start_matches(['<', '>', '=']);
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    field != NumberField::Status
        && before.starts_with(['<', '>'])
        && (1..=3).contains(&bound.len())
        && digits(bound)
        && value.len() == 3
        && digits(value)
}

#[cfg(test)]
mod tests;
