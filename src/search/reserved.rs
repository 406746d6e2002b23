//! Words and signs that mean something in other query languages. Start at [`check_word`].
//!
//! **Invariant:** none of them is taken for text without being put in quotes. **May import:** std, the words and errors.

use super::error::{Fault, shown};
use super::lexer::{Letter, meaning, place};
use super::mistake::Mistake;
use super::print::quoted;

/// How an error begins that names what is reserved.
fn not_supported(letters: &[Letter]) -> Fault {
    Fault::new(place(letters), Mistake::Reserved(shown(&meaning(letters))))
}

/// Refuses the word at `index`, whose text behind its `-` is `rest`, if it is reserved as a whole or by its first sign.
pub(super) fn check_word(text: &str, words: &[Vec<Letter>], index: usize, rest: &[Letter]) -> Result<(), Fault> {
    let own = place(rest);
    let before = index.checked_sub(1).and_then(|before| words.get(before));
    let next = words.get(index + 1);
    let quote = || (own.clone(), quoted(&text[own.clone()]));
    let fix = match meaning(rest).as_str() {
        "AND" | "&&" => next.map(|next| (own.start..place(next).start, String::new())),
        "NOT" => next.map(|next| (own.start..place(next).start, "-".to_owned())),
        "OR" | "||" | "|" => match (before.and_then(|word| filter(word)), next.and_then(|word| filter(word))) {
            (Some((field, left)), Some((same, right))) if field == same => {
                Some((place(left).end..place(right).start, ",".to_owned()))
            }
            _ => None,
        },
        "!" | "(" | ")" => Some(quote()),
        _ if rest.first().is_some_and(|first| first.is('!')) => {
            // Behind a `-` of its own it would be denied twice.
            let alone = words[index].len() == rest.len() && !rest[1].is('-');
            Some(if alone { (place(&rest[..1]), "-".to_owned()) } else { quote() })
        }
        _ if rest.first().is_some_and(|first| ['(', ')', '|'].into_iter().any(|sign| first.is(sign))) => {
            rest.iter().any(|letter| letter.is(')')).then(quote)
        }
        _ => return Ok(()),
    };
    let is_whole = matches!(meaning(rest).as_str(), "AND" | "&&" | "NOT" | "OR" | "||");
    let fault = not_supported(if is_whole { rest } else { &rest[..1] });
    Err(match fix {
        Some((place, new)) => fault.fix(place, new),
        None => fault,
    })
}

/// Field and value of a word that is a filter and not denied.
fn filter(word: &[Letter]) -> Option<(String, &[Letter])> {
    let colon = word.iter().position(|letter| letter.is(':'))?;
    let value = &word[colon + 1..];
    (!word[0].is('-') && !value.is_empty()).then(|| (meaning(&word[..colon]).to_lowercase(), value))
}

/// Refuses reserved signs in a text or value without quotes.
pub(super) fn check_value(text: &str, value: &[Letter]) -> Result<(), Fault> {
    let reserved = |(index, letter): (usize, &Letter)| {
        let anywhere = ['(', ')', '|'].into_iter().any(|sign| letter.is(sign));
        (anywhere || (index == 0 && letter.is('!'))).then_some(index)
    };
    match value.iter().enumerate().find_map(reserved) {
        Some(index) => Err(not_supported(&value[index..=index]).fix(place(value), quoted(&text[place(value)]))),
        None => Ok(()),
    }
}
