//! From a text as typed to a [`Query`]. Start at [`parse`].
//!
//! A text is words between white space; each is one clause, denied by a `-` in front. A word with a colon outside
//! quotes is a filter, every other one is text.
//!
//! **Invariant:** no character is ignored: what has no meaning is an error with its place. **May import:** this room.

use super::error::{Fault, QueryError, shown};
use super::filter::filter;
use super::lexer::{Kind, Letter, place, words};
use super::mistake::Mistake;
use super::print::quoted;
use super::query::{Clause, Query, Side, What};
use super::reserved::{check_value, check_word};
use super::text::Term;

/// How many texts and values a query may have: nobody types more, and a database need not bear more.
pub const MAX_VALUES: usize = 200;

/// Reads a query.
///
/// # Errors
/// The first thing in it that cannot be understood.
pub fn parse(text: &str) -> Result<Query, QueryError> {
    read(text).map_err(|fault| fault.in_text(text))
}

fn read(text: &str) -> Result<Query, Fault> {
    let words = words(text)?;
    let mut query = Query::default();
    let mut values = 0;
    for index in 0..words.len() {
        let clause = clause(text, &words, index)?;
        values += clause.what.len();
        if values > MAX_VALUES {
            return Err(Fault::new(clause.span, Mistake::TooLong(MAX_VALUES)));
        }
        query.clauses.push(clause);
    }
    Ok(query)
}

fn clause(text: &str, words: &[Vec<Letter>], index: usize) -> Result<Clause, Fault> {
    let word = words[index].as_slice();
    if let [minus] = word
        && minus.is('-')
    {
        let fault = Fault::new(place(word), Mistake::LoneMinus);
        let next = words.get(index + 1).filter(|next| !next[0].is('-'));
        return Err(match next {
            Some(next) => fault.fix(minus.start..place(next).start, "-".to_owned()),
            None => fault.fix(place(word), quoted("-")),
        });
    }
    let (negated, rest) = match word {
        [minus, rest @ ..] if minus.is('-') => (true, rest),
        _ => (false, word),
    };
    if negated && rest[0].is('-') {
        let quoted = quoted(&text[place(word)]);
        let fault = Fault::new(place(word), Mistake::Minuses(quoted.clone()));
        return Err(fault.fix(place(word), quoted));
    }
    check_word(text, words, index, rest)?;
    let what = match rest.iter().position(|letter| letter.is(':')) {
        Some(colon) => filter(text, words, index, rest, colon)?,
        None => What::Text { side: Side::Any, terms: vec![term(&atom(text, rest)?)?] },
    };
    Ok(Clause { negated, what, span: place(word) })
}

/// A text or value: the inside of quotes, or a word without any.
pub(super) struct Atom<'a> {
    pub(super) letters: &'a [Letter],
    /// With its quotes, if it has any.
    pub(super) all: &'a [Letter],
}

/// Reads a text or value, which has at least one character.
pub(super) fn atom<'a>(text: &str, all: &'a [Letter]) -> Result<Atom<'a>, Fault> {
    let quote = |from: usize| (from..all.len()).find(|at| all[*at].kind == Kind::Quote);
    match quote(0) {
        None => {
            check_value(text, all)?;
            Ok(Atom { letters: all, all })
        }
        Some(0) => {
            let close = quote(1).unwrap_or(all.len() - 1);
            if let Some(next) = all.get(close + 1) {
                return Err(behind_quote(text, all, next));
            }
            if close < 2 {
                return Err(Fault::new(place(all), Mistake::EmptyQuotes));
            }
            Ok(Atom { letters: &all[1..close], all })
        }
        Some(open) => {
            let whole = quoted(&text[place(all)]);
            let mistake = Mistake::InnerQuote { word: shown(&text[place(all)]), quoted: whole.clone() };
            Err(Fault::new(place(&all[open..=open]), mistake).fix(place(all), whole))
        }
    }
}

/// `next` stands where a quoted text has ended.
fn behind_quote(text: &str, all: &[Letter], next: &Letter) -> Fault {
    let at = next.start..next.end;
    if next.is(',') {
        let list = format!("text:{}", &text[place(all)]);
        return Fault::new(at, Mistake::Comma(list.clone())).fix(place(all), list);
    }
    Fault::new(at.clone(), Mistake::BehindQuote).fix(at.start..at.start, " ".to_owned())
}

/// The term of a text.
pub(super) fn term(atom: &Atom<'_>) -> Result<Term, Fault> {
    let mut text = String::new();
    for letter in atom.letters {
        if letter.kind == Kind::Escaped && letter.c == '*' {
            // A star is nothing special in a text, so the backslash in front of it was meant.
            text.push('\\');
        }
        text.push(letter.c);
    }
    Term::new(&text).ok_or_else(|| Fault::new(place(atom.all), Mistake::BlankQuotes))
}

#[cfg(test)]
mod tests;
