//! A query as canonical text: what [`super::parse()`] reads back as the same query. Start at `Display` of [`Query`].
//!
//! Everything that could be read as something else is put in quotes, and more, so that the rule stays short.
//!
//! **Invariant:** no clause is left out. **May import:** the types of a query.

use std::fmt;

use super::fields::{Field, HAS, IS, name_of};
use super::lexer::narrow;
use super::numbers::{is_like_thousands, write_range};
use super::pattern::Pattern;
use super::query::{Clause, NumberField, NumberRange, Query, Side, What};
use super::text::Term;

/// `text` in quotes, to be found as it is.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Can this be written without quotes, wherever a text or a name may stand?
fn is_plain(text: &str) -> bool {
    let plain = |c: char| (c.is_alphanumeric() && narrow(c) == c) || "_-./@#+%".contains(c);
    text.chars().all(plain) && !text.starts_with('-')
}

fn term(term: &Term) -> String {
    if is_plain(term.as_str()) { term.as_str().to_owned() } else { quoted(term.as_str()) }
}

fn pattern(pattern: &Pattern) -> String {
    match pattern.pieces().iter().all(|piece| is_plain(piece)) {
        true => pattern.pieces().join("*"),
        false => {
            let literal = |piece: &String| escaped(piece).replace('*', "\\*");
            format!("\"{}\"", pattern.pieces().iter().map(literal).collect::<Vec<_>>().join("*"))
        }
    }
}

fn figures(field: NumberField, ranges: &[NumberRange]) -> Vec<String> {
    let mut written: Vec<String> = Vec::new();
    for range in ranges {
        let value = write_range(field, *range);
        let equals = written.last().is_some_and(|before| is_like_thousands(field, before, &value));
        written.push(if equals { format!("={value}") } else { value });
    }
    written
}

/// The name that stands for `value` in a table of them.
fn named<T: PartialEq>(table: &[(&'static str, T)], value: &T) -> String {
    table.iter().find(|(_, known)| known == value).map_or_else(String::new, |(name, _)| (*name).to_owned())
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (field, values): (Field, Vec<String>) = match self {
            What::Text { side: Side::Any, terms } if terms.len() == 1 => return f.write_str(&term(&terms[0])),
            What::Text { side, terms } => (Field::Text(*side), terms.iter().map(term).collect()),
            What::Name { field, patterns } => (Field::Name(*field), patterns.iter().map(pattern).collect()),
            What::Number { field, ranges } => (Field::Number(*field), figures(*field, ranges)),
            What::Ip(networks) => (Field::Ip, networks.iter().map(ToString::to_string).collect()),
            What::Is(values) => (Field::Is, values.iter().map(|value| named(&IS, value)).collect()),
            What::Has(values) => (Field::Has, values.iter().map(|value| named(&HAS, value)).collect()),
        };
        write!(f, "{}:{}", name_of(field), values.join(","))
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.negated { "-" } else { "" }, self.what)
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, clause) in self.clauses.iter().enumerate() {
            write!(f, "{}{clause}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}
