//! The round trip from text to query to text, and the parser on any input. **May import:** this room.

use std::net::IpAddr;

use crate::search::chance::Chance;
use crate::search::fields::{FIELDS, Field, HAS, IS};
use crate::search::numbers::range;
use crate::search::text::Term;
use crate::search::{Clause, Network, NumberField, NumberRange, Pattern, Query, Side, What, parse};

/// What tells good queries from bad ones, and whole pieces of both.
const PIECES: [&str; 84] = [
    " ",
    " ",
    " ",
    "\t",
    "\u{3000}",
    "-",
    "－",
    ":",
    "：",
    ",",
    "，",
    "\"",
    "\"",
    "“",
    "”",
    "＂",
    "\\",
    "*",
    "＊",
    "(",
    ")",
    "（",
    "!",
    "！",
    "|",
    "&&",
    ">",
    ">=",
    "<",
    "＜",
    "=",
    "..",
    ".",
    "$",
    "%",
    "/",
    "a",
    "B",
    "é",
    "İ",
    "ß",
    "修",
    "复",
    "错误",
    "🙂",
    "\u{301}",
    "\0",
    "0",
    "1",
    "42",
    "１",
    "4xx",
    "10s",
    "5ms",
    "32k",
    "1.5",
    "OR",
    "AND",
    "NOT",
    "or",
    "model:",
    "MODEL：",
    "user:",
    "text:",
    "status:",
    "total:",
    "in:",
    "cost:",
    "tps:",
    "id:",
    "ip:",
    "is:",
    "has:",
    "error",
    "tool",
    "10.0.0.0/8",
    "::1",
    "foo",
    "\"a b\"",
    "“c，d”",
    "nope:",
    "http://x",
    "model:a*,b",
    "-is:cut",
];

/// Characters of names and texts that want care when they are written.
const CHARS: &str = "abzAZ09 修复。éİΣ🙂-_.:：,，\"“”＂\\*＊()（|!！<>=&ＡａO R\u{3000}\u{301}\t";

fn random_text(chance: &mut Chance) -> String {
    let alphabet: Vec<char> = CHARS.chars().collect();
    match chance.below(6) {
        0 => {
            (*chance.pick(&["OR", "and", "NOT", "-", "--x", "!", "model:x", "\\", "\\*", "\"", "http://x"])).to_owned()
        }
        _ => chance.text(&alphabet, 8),
    }
}

fn several<T>(chance: &mut Chance, mut one: impl FnMut(&mut Chance) -> T) -> Vec<T> {
    (0..1 + chance.below(3)).map(|_| one(chance)).collect()
}

fn random_term(chance: &mut Chance) -> Term {
    Term::new(&random_text(chance)).unwrap_or_else(|| Term::new("x").unwrap())
}

fn random_pattern(chance: &mut Chance) -> Pattern {
    match (random_text(chance), chance.below(2)) {
        (text, _) if text.is_empty() => Pattern::new("*"),
        (text, 0) => Pattern::literal(&text),
        (text, _) => Pattern::new(&text),
    }
}

/// A range of figures that are recorded.
fn random_range(chance: &mut Chance, field: NumberField) -> NumberRange {
    let (least, most) = if field == NumberField::Status { (100, 999) } else { (0, 1_000_000) };
    let figure = |chance: &mut Chance| {
        let below = *chance.pick(&[1_000, most, most]);
        let round = *chance.pick(&[1, 1, 10, 100, 1_000, 100_000]);
        (chance.below(below) / round * round).clamp(least, most) as i64
    };
    let (a, b) = (figure(chance), figure(chance));
    match chance.below(4) {
        0 => NumberRange { low: Some(a), high: None },
        1 => NumberRange { low: None, high: Some(a) },
        2 => NumberRange { low: Some(a), high: Some(a) },
        _ => NumberRange { low: Some(a.min(b)), high: Some(a.max(b)) },
    }
}

fn random_network(chance: &mut Chance) -> Network {
    let bits = (chance.below(1 << 20) as u128) << chance.below(108);
    let address = if chance.below(2) == 0 { IpAddr::V4((bits as u32).into()) } else { IpAddr::V6(bits.into()) };
    Network::new(address, chance.below(129) as u8)
}

fn random_what(chance: &mut Chance) -> What {
    match chance.pick(FIELDS).field {
        Field::Text(Side::Any) if chance.below(2) == 0 => {
            What::Text { side: Side::Any, terms: vec![random_term(chance)] }
        }
        Field::Text(side) => What::Text { side, terms: several(chance, random_term) },
        Field::Name(field) => What::Name { field, patterns: several(chance, random_pattern) },
        Field::Number(field) => What::Number { field, ranges: several(chance, |chance| random_range(chance, field)) },
        Field::Ip => What::Ip(several(chance, random_network)),
        Field::Is => What::Is(several(chance, |chance| chance.pick(&IS).1)),
        Field::Has => What::Has(several(chance, |chance| chance.pick(&HAS).1)),
    }
}

#[test]
fn every_query_that_can_be_meant_can_be_written_and_read_back() {
    let mut chance = Chance::new(3);
    for _ in 0..20_000 {
        let clauses = (0..chance.below(4))
            .map(|_| Clause { negated: chance.below(3) == 0, ..Clause::new(random_what(&mut chance)) });
        let query = Query { clauses: clauses.collect() };
        let text = query.to_string();
        assert_eq!(parse(&text).as_ref(), Ok(&query), "{text}");
    }
}

/// What must hold of the answer to any text; says whether it is a query.
fn check(text: &str) -> bool {
    match parse(text) {
        Ok(query) => {
            let written = query.to_string();
            let again = parse(&written).unwrap_or_else(|error| panic!("{text:?} is written {written:?}: {error}"));
            assert_eq!(again, query, "{text:?} is written {written:?}");
            assert_eq!(again.to_string(), written);
            // Every character belongs to a clause or is white space between two.
            let mut end = 0;
            for clause in &query.clauses {
                assert!(text[end..clause.span.start].trim().is_empty(), "{text:?}");
                assert!(!text[clause.span.clone()].trim().is_empty(), "{text:?}");
                end = clause.span.end;
            }
            assert!(text[end..].trim().is_empty(), "{text:?}");
            true
        }
        Err(error) => {
            let marked = text.get(error.at.clone()).unwrap_or_else(|| panic!("{text:?}: {:?}", error.at));
            assert!(!marked.is_empty(), "{text:?}: {error}");
            assert_eq!(marked.chars().count(), error.at_chars.len(), "{text:?}");
            assert_eq!(text[..error.at.start].chars().count(), error.at_chars.start, "{text:?}");
            assert!(error.mistake.to_string().ends_with('.'), "{error}");
            assert_ne!(error.suggestion.as_deref(), Some(text));
            false
        }
    }
}

#[test]
fn any_text_is_a_query_or_an_error_with_a_place() {
    let mut chance = Chance::new(4);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..30_000 {
        let text: String = (0..chance.below(9)).map(|_| *chance.pick(&PIECES)).collect();
        *if check(&text) { &mut good } else { &mut bad } += 1;
    }
    assert!(good > 5_000 && bad > 5_000, "{good} good, {bad} bad");
    for _ in 0..10_000 {
        let bytes: Vec<u8> = (0..chance.below(24)).map(|_| chance.below(256) as u8).collect();
        check(&String::from_utf8_lossy(&bytes));
        let any = |chance: &mut Chance| char::from_u32(chance.below(0x11_0000) as u32).unwrap_or(':');
        check(&(0..chance.below(8)).map(|_| any(&mut chance)).collect::<String>());
    }
}

#[test]
fn what_is_put_right_is_never_worse_for_long() {
    // Taking every suggestion leads to a query or to an error without one, and not in circles.
    let mut chance = Chance::new(6);
    for _ in 0..20_000 {
        let typed: String = (0..chance.below(9)).map(|_| *chance.pick(&PIECES)).collect();
        let mut text = typed.clone();
        let mut steps = 0;
        while let Err(error) = parse(&text) {
            let Some(better) = error.suggestion else {
                break;
            };
            text = better;
            steps += 1;
            assert!(steps < 20, "{typed:?} leads to {text:?}");
        }
    }
}

#[test]
fn random_figures_are_read_or_refused() {
    let mut chance = Chance::new(7);
    let alphabet: Vec<char> = "0123456789.<>=$-kmsgxhdµ ".chars().collect();
    for _ in 0..4_000 {
        let text = chance.text(&alphabet, 8);
        let fields = FIELDS.iter().filter_map(|help| match help.field {
            Field::Number(field) => Some(field),
            _ => None,
        });
        for field in fields {
            if let Ok(NumberRange { low: Some(low), high: Some(high) }) = range(field, &text) {
                assert!(low <= high, "{text}");
            }
        }
    }
}
