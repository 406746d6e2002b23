//! The ways in which a text is no query, as values: whoever shows them puts them into words. Start at [`Mistake`].
//!
//! `Display` is their plain English: what is wrong, and what to write instead.
//! **Invariant:** nothing is said of a query that has no kind here. **May import:** the types of a query.

use std::fmt;

use super::numbers::{called, write};
use super::query::NumberField;

/// What is wrong with a query. Texts out of the query are no longer than a line, `quoted` ones are whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// It has more than so many texts and values.
    TooLong(usize),
    /// More than one `-` stands in front of what would be `quoted` as text.
    Minuses(String),
    /// White space stands behind a `-`.
    LoneMinus,
    /// Nothing stands between quotes.
    EmptyQuotes,
    /// Only white space stands between quotes.
    BlankQuotes,
    /// A quote is never closed.
    OpenQuote,
    /// A quote stands in the middle of `word`.
    InnerQuote {
        /// The word.
        word: String,
        /// All of it as a text.
        quoted: String,
    },
    /// Something stands right behind a closing quote.
    BehindQuote,
    /// A comma stands between texts outside a filter; `list` is the filter.
    Comma(String),
    /// A word or sign that means something in other languages.
    Reserved(String),
    /// A value is denied by `!`; `instead` denies the filter.
    Denied(String),
    /// Nothing stands on one side of a comma.
    Gap,
    /// There is no such field, but others that are written much like it.
    NearField {
        /// What is no field.
        name: String,
        /// The nearest.
        near: Vec<&'static str>,
        /// All of it as a text.
        quoted: String,
    },
    /// There is no such field; there are these.
    UnknownField {
        /// What is no field.
        name: String,
        /// Those there are.
        fields: Vec<&'static str>,
        /// All of it as a text.
        quoted: String,
    },
    /// What stands in front of a colon cannot be a field.
    NoField(String),
    /// Nothing stands behind a field's colon.
    NoValue {
        /// The field.
        field: &'static str,
        /// What it looks like.
        example: &'static str,
    },
    /// A name is compared with `<` or `>`.
    Compared,
    /// A comma stands between the digits of what would be `number`.
    Thousands(String),
    /// No address of the internet.
    Address(String),
    /// A field has no such value; it has these.
    UnknownValue {
        /// The field.
        field: &'static str,
        /// What cannot be used.
        value: String,
        /// Those there are.
        values: Vec<&'static str>,
    },
    /// A figure that cannot be used.
    Figure {
        /// What cannot be used.
        value: String,
        /// Why.
        figure: BadFigure,
    },
    /// No index helps with so short a term: a range of so many days at most is needed.
    ShortTerm {
        /// The term.
        term: String,
        /// The longest range, in days.
        days: i64,
    },
    /// Sums know nothing of what it asks for.
    NotSummed,
    /// Sums by status and host are not told apart further.
    SummedApart,
}

/// What is wrong with a figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadFigure {
    /// It lies between two that can be recorded.
    NeverExact(NumberField),
    /// A range without an end.
    NoEnd,
    /// A range whose first end is the greater one.
    Backwards,
    /// A bound that nothing recorded is within.
    Never(NumberField),
    /// It is less or more than can be recorded.
    Beyond(NumberField),
    /// No number.
    Unwritten {
        /// The field.
        field: NumberField,
        /// What it looks like.
        example: &'static str,
    },
    /// Below zero.
    Negative {
        /// The field.
        field: NumberField,
        /// What it looks like.
        example: &'static str,
    },
    /// It begins with a needless 0, as a thousand does behind a comma.
    Zero,
    /// A time without one of its units.
    NeedsUnit {
        /// Those there are.
        units: Vec<&'static str>,
        /// What has none.
        number: String,
    },
    /// A unit where there is none.
    NoUnit {
        /// The field.
        field: NumberField,
        /// What it looks like.
        example: &'static str,
    },
    /// Another unit than those there are.
    Unit {
        /// The field.
        field: NumberField,
        /// Those there are.
        units: Vec<&'static str>,
        /// What it looks like.
        example: &'static str,
    },
    /// More decimals than are read.
    Decimals,
}

/// Names as messages list them.
pub fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl BadFigure {
    /// The least and the greatest that can be recorded, as they are written.
    pub fn ends(field: NumberField) -> (String, String) {
        let (least, most) = super::numbers::ends(field);
        (write(field, least), write(field, most))
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mistake::TooLong(most) => {
                write!(f, "The query has more than {most} parts. Leave some out, or use `*` in names.")
            }
            Mistake::Minuses(quoted) => write!(
                f,
                "A term is left out with one `-`, and here are more. To search for it as text write `{quoted}`."
            ),
            Mistake::LoneMinus => f.write_str(
                "A `-` stands right in front of what must not be found. Leave out the space, or write `\"-\"` to \
                 search for the sign.",
            ),
            Mistake::EmptyQuotes => {
                f.write_str("There is nothing between these quotes. Write a text in them, or leave them out.")
            }
            Mistake::BlankQuotes => {
                f.write_str("There is only white space between these quotes. Write a text in them, or leave them out.")
            }
            Mistake::OpenQuote => f.write_str(
                "This quote is never closed. Write another `\"` where the text ends, or `\\\"` inside quotes if a \
                 quote is meant.",
            ),
            Mistake::InnerQuote { word, quoted } => {
                write!(f, "A quote in the middle of `{word}` has no meaning. Put all of it in quotes: `{quoted}`.")
            }
            Mistake::BehindQuote => f.write_str(
                "A closing quote ends a text. Write a space behind it, or `\\\"` if a quote inside quotes is meant.",
            ),
            Mistake::Comma(list) => {
                write!(f, "A comma means any of several only in a filter. Write `{list}`, or a space for both.")
            }
            Mistake::Reserved(sign) => write!(
                f,
                "`{sign}` is not supported, write `-field:x` or `a,b`. To search for it as text put it in quotes."
            ),
            Mistake::Denied(instead) => {
                write!(f, "`!` is not supported, write `-field:x` or `a,b`: here `{instead}`.")
            }
            Mistake::Gap => {
                f.write_str("There is nothing on one side of a comma. Write the values as `a,b`, without spaces.")
            }
            Mistake::NearField { name, near, quoted } => write!(
                f,
                "There is no field `{name}`; the nearest: {}. Write one of these, or `{quoted}` to search for it as text.",
                listed(near)
            ),
            Mistake::UnknownField { name, fields, quoted } => write!(
                f,
                "There is no field `{name}`; the fields are {}. Write one of these, or `{quoted}` to search for it as \
                 text.",
                listed(fields)
            ),
            Mistake::NoField(quoted) => {
                write!(f, "In front of a colon must stand a field. To search for this as text write `{quoted}`.")
            }
            Mistake::NoValue { field, example } => {
                write!(f, "There is nothing behind `{field}:`. Write its value without a space, like `{example}`.")
            }
            Mistake::Compared => {
                f.write_str("Names are not compared. Write the name itself, in quotes if it begins with such a sign.")
            }
            Mistake::Thousands(number) => write!(
                f,
                "A comma stands between values, not between digits. Write `{number}`, or a `=` in front of the other \
                 value."
            ),
            Mistake::Address(value) => {
                write!(f, "`{value}` is no address. Write one like `10.0.0.5`, or a network like `10.0.0.0/8`.")
            }
            Mistake::UnknownValue { field, value, values } => {
                write!(f, "`{field}:` has no value `{value}`. Write one of {}.", listed(values))
            }
            Mistake::Figure { value, figure } => write!(f, "`{value}` cannot be used: {figure}."),
            Mistake::NotSummed => f.write_str("Sums can be narrowed by `model:`, `upstream:` and `key:` alone."),
            Mistake::SummedApart => f.write_str(
                "Status and host cannot be told of single models, upstreams or keys. Group by something else.",
            ),
            Mistake::ShortTerm { term, days } => write!(
                f,
                "`{term}` is too short to search for in so long a time: choose {days} days or less, like range=7d"
            ),
        }
    }
}

impl fmt::Display for BadFigure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadFigure::NeverExact(field) => {
                write!(f, "{} is never exactly that. Write a bound, such as `>` or `<`", called(*field))
            }
            BadFigure::NoEnd => f.write_str("a range needs at least one end. Write `1..2`, `1..` or `..2`"),
            BadFigure::Backwards => f.write_str("nothing is between these ends. Write the smaller one first"),
            BadFigure::Never(field) | BadFigure::Beyond(field) => {
                let before = if matches!(self, BadFigure::Never(_)) { "nothing can match: " } else { "" };
                let (least, most) = BadFigure::ends(*field);
                write!(f, "{before}{} is from {least} to {most}. Write one in between", called(*field))
            }
            BadFigure::Unwritten { field, example } => write!(f, "{} is written like `{example}`", called(*field)),
            BadFigure::Negative { field, example } => {
                write!(f, "{} is written like `{example}` and never negative", called(*field))
            }
            BadFigure::Zero => {
                f.write_str("a number starts with no needless 0, and has no comma in it. Write `1000` for a thousand")
            }
            BadFigure::NeedsUnit { units, number } => write!(
                f,
                "a time needs a unit ({}). Write `{number}s` for seconds or `{number}ms` for milliseconds",
                listed(units)
            ),
            BadFigure::NoUnit { field, example } => {
                write!(f, "{} has no unit. Write it like `{example}`", called(*field))
            }
            BadFigure::Unit { field, units, example } => {
                write!(f, "{} has one of the units {}. Write it like `{example}`", called(*field), listed(units))
            }
            BadFigure::Decimals => f.write_str("this has too many decimals. Write at most 15"),
        }
    }
}
