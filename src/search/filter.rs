//! Filters: a field, a colon, and values of which any one is enough. Start at [`filter`].
//!
//! **Invariant:** a value that the field cannot have is an error. **May import:** this room.

use super::error::{Fault, shown};
use super::fields::{FIELDS, Field, HAS, IS, field_called};
use super::lexer::{Kind, Letter, meaning, place};
use super::mistake::Mistake;
use super::network::Network;
use super::numbers::{is_like_thousands, range};
use super::parse::{Atom, atom, term};
use super::pattern::Pattern;
use super::print::quoted;
use super::query::{NumberField, What};
use super::suggest::nearest;

/// Reads the filter `rest`, of the word at `index`, whose first colon is at `colon`.
pub(super) fn filter(
    text: &str,
    words: &[Vec<Letter>],
    index: usize,
    rest: &[Letter],
    colon: usize,
) -> Result<What, Fault> {
    let (name, value) = (&rest[..colon], &rest[colon + 1..]);
    let help = field_called(&meaning(name)).filter(|_| name.iter().all(|letter| letter.kind == Kind::Bare));
    let Some(help) = help else {
        return Err(no_field(text, rest, colon));
    };
    if value.is_empty() {
        return Err(no_value(text, rest, words.get(index + 1), help.name));
    }
    if value[0].is('!') && rest.len() == words[index].len() && value.len() > 1 {
        let denied = format!("-{}:", help.name);
        let instead = format!("{denied}{}", &text[place(&value[1..])]);
        return Err(Fault::new(place(&value[..1]), Mistake::Denied(instead)).fix(place(&rest[..colon + 2]), denied));
    }
    let parts: Vec<&[Letter]> = value.split(|letter| letter.is(',')).collect();
    if parts.iter().any(|part| part.is_empty()) {
        let kept: Vec<&str> = parts.iter().filter(|part| !part.is_empty()).map(|part| &text[place(part)]).collect();
        let fault = Fault::new(place(value), Mistake::Gap);
        return Err(if kept.is_empty() { fault } else { fault.fix(place(value), kept.join(",")) });
    }
    let atoms_read = parts.into_iter().map(|part| atom(text, part)).collect::<Result<Vec<Atom<'_>>, Fault>>()?;
    let atoms = atoms_read.iter();
    Ok(match help.field {
        Field::Text(side) => What::Text { side, terms: atoms.map(term).collect::<Result<_, _>>()? },
        Field::Name(field) => What::Name { field, patterns: atoms.map(pattern).collect::<Result<_, _>>()? },
        Field::Number(field) => {
            no_thousands(field, value, &atoms_read)?;
            let read = |atom: &Atom<'_>| {
                range(field, &meaning(atom.letters)).map_err(|wrong| {
                    let mistake = Mistake::Figure { value: shown(&text[place(atom.all)]), figure: wrong.figure };
                    let fault = Fault::new(place(atom.all), mistake);
                    match wrong.instead {
                        Some(new) => fault.fix(place(atom.all), new),
                        None => fault,
                    }
                })
            };
            What::Number { field, ranges: atoms.map(read).collect::<Result<_, _>>()? }
        }
        Field::Ip => What::Ip(atoms.map(network).collect::<Result<_, _>>()?),
        Field::Is => What::Is(atoms.map(|atom| one_of("is", &IS, atom)).collect::<Result<_, _>>()?),
        Field::Has => What::Has(atoms.map(|atom| one_of("has", &HAS, atom)).collect::<Result<_, _>>()?),
    })
}

/// Refuses `>32,768`, which means more than 32 or exactly 768, and was hardly meant so; `>32,=768` says it.
fn no_thousands(field: NumberField, value: &[Letter], atoms: &[Atom<'_>]) -> Result<(), Fault> {
    let texts: Vec<String> = atoms.iter().map(|atom| meaning(atom.letters)).collect();
    match texts.windows(2).any(|pair| is_like_thousands(field, &pair[0], &pair[1])) {
        false => Ok(()),
        true => {
            let mistake = Mistake::Thousands(texts.concat());
            Err(Fault::new(place(value), mistake).fix(place(value), texts.concat()))
        }
    }
}

/// What stands in front of the colon is no field.
fn no_field(text: &str, rest: &[Letter], colon: usize) -> Fault {
    let (name, value) = (meaning(&rest[..colon]), &rest[colon + 1..]);
    let all = quoted(&text[place(rest)]);
    let is_word = name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        && !value.first().is_some_and(|first| first.is('/') || first.is('\\'));
    let near = if is_word { nearest(&name, FIELDS.iter().map(|help| help.name)) } else { Vec::new() };
    let at = place(&rest[..=colon]);
    let (name, quoted) = (shown(&name), all.clone());
    if let Some(first) = near.first().copied() {
        let mistake = Mistake::NearField { name, near, quoted };
        return Fault::new(at, mistake).fix(place(&rest[..colon]), first.to_owned());
    }
    let fields = || FIELDS.iter().map(|help| help.name).collect();
    let mistake = match is_word {
        true => Mistake::UnknownField { name, fields: fields(), quoted },
        false => Mistake::NoField(quoted),
    };
    Fault::new(at, mistake).fix(place(rest), all)
}

/// Nothing stands behind the colon.
fn no_value(text: &str, rest: &[Letter], next: Option<&Vec<Letter>>, field: &'static str) -> Fault {
    let example = field_called(field).and_then(|help| help.examples.first()).copied().unwrap_or_default();
    let fault = Fault::new(place(rest), Mistake::NoValue { field, example });
    match next {
        // The value may have been meant that stands behind a space.
        Some(next) if !next.iter().any(|letter| letter.is(':')) && !next[0].is('-') => {
            fault.fix(place(rest).end..place(next).start, String::new())
        }
        _ => fault.fix(place(rest), quoted(&text[place(rest)])),
    }
}

fn pattern(atom: &Atom<'_>) -> Result<Pattern, Fault> {
    let mut letters = atom.letters;
    if letters[0].is('=') {
        letters = &letters[1..];
    }
    let wrong = match letters.first() {
        None => true,
        Some(first) => ['<', '>', '='].into_iter().any(|sign| first.is(sign)),
    };
    if wrong {
        return Err(Fault::new(place(atom.all), Mistake::Compared));
    }
    let star = |letter: &Letter| letter.meaning() == '*' && letter.kind != Kind::Escaped;
    Ok(Pattern::of(letters.iter().map(|letter| (letter.meaning(), star(letter)))))
}

fn network(atom: &Atom<'_>) -> Result<Network, Fault> {
    let text = meaning(atom.letters);
    Network::parse(&text).ok_or_else(|| Fault::new(place(atom.all), Mistake::Address(shown(&text))))
}

fn one_of<T: Copy>(field: &'static str, table: &[(&'static str, T)], atom: &Atom<'_>) -> Result<T, Fault> {
    let text = meaning(atom.letters);
    if let Some((_, value)) = table.iter().find(|(name, _)| name.eq_ignore_ascii_case(&text)) {
        return Ok(*value);
    }
    let names = || table.iter().map(|(name, _)| *name);
    let mistake = Mistake::UnknownValue { field, value: shown(&text), values: names().collect() };
    let fault = Fault::new(place(atom.all), mistake);
    Err(match nearest(&text, names()).first() {
        Some(near) => fault.fix(place(atom.all), (*near).to_owned()),
        None => fault,
    })
}
