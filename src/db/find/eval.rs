//! A query on one segment. Start at [`evaluate`].
//!
//! **Invariant:** no document that matches is missing from what comes out. **May import:** `error`, `search`, `usage`.

use std::net::IpAddr;

use crate::error::Error;
use crate::openai::dialogue::texts;
use crate::search::segment::bits::Bits;
use crate::search::segment::read::Reader;
use crate::search::segment::{Column, Name};
use crate::search::text::Term;
use crate::search::{Clause, Has, Is, NameField, NumberField, Pattern, Query, Side, What};
use crate::usage::speed::thousandths;

/// The upstreams' ids, each with its names.
pub(super) type Upstreams = [(String, Vec<String>)];

/// The documents of a segment that match.
#[derive(Debug)]
pub(super) struct Matched<'q> {
    /// All that may.
    pub(super) bits: Bits,
    /// Conditions that the index cannot decide, each with the documents that have to be read for it.
    pub(super) unsure: Vec<(Bits, &'q Clause)>,
}

/// Which sides of a text a condition is about, as bits.
pub(super) fn sides(side: Side) -> u8 {
    match side {
        Side::Any => u8::MAX,
        Side::User => texts::Side::User.bit(),
        Side::Assistant => texts::Side::Assistant.bit(),
        Side::System => texts::Side::System.bit(),
        Side::Error => texts::Side::Error.bit(),
    }
}

/// Asks a segment for the documents among `within` that match; what was said in `textless` ones is gone.
pub(super) fn evaluate<'q>(
    query: &'q Query,
    within: Bits,
    textless: &Bits,
    upstreams: &Upstreams,
    reader: &mut Reader<'_, Error>,
) -> Result<Matched<'q>, Error> {
    let mut matched = Matched { bits: within, unsure: Vec::new() };
    for clause in &query.clauses {
        if matched.bits.is_empty() {
            break;
        }
        let (mut candidates, exact) = candidates(&clause.what, upstreams, reader)?;
        if matches!(clause.what, What::Text { .. }) {
            candidates.and_not(textless);
        }
        if let What::Has(values) = &clause.what
            && values.contains(&Has::Body)
            && !textless.is_empty()
        {
            let others: Vec<Has> = values.iter().copied().filter(|value| *value != Has::Body).collect();
            candidates.and_not(textless);
            candidates.or(&having(&others, reader)?);
        }
        match (clause.negated, exact) {
            (false, _) => matched.bits.and(&candidates),
            (true, true) => matched.bits.and_not(&candidates),
            (true, false) => {}
        }
        if !exact {
            matched.unsure.push((candidates, clause));
        }
    }
    Ok(matched)
}

/// The documents that may fulfil a condition, and whether they surely do.
fn candidates(what: &What, upstreams: &Upstreams, reader: &mut Reader<'_, Error>) -> Result<(Bits, bool), Error> {
    let sure = |bits: Result<Bits, Error>| Ok((bits?, true));
    match what {
        What::Text { side, terms } => with_terms(terms, sides(*side), reader),
        What::Name { field, patterns } => sure(named(*field, patterns, upstreams, reader)),
        What::Number { field, ranges } => {
            let values = figures(*field, reader)?;
            let mut bits = Bits::none(reader.docs());
            for (doc, value) in (0..).zip(values) {
                if value.is_some_and(|value| ranges.iter().any(|range| range.contains(value))) {
                    bits.insert(doc);
                }
            }
            Ok((bits, true))
        }
        What::Ip(networks) => sure(reader.name(Name::Ip, "", |text| {
            text.parse::<IpAddr>().is_ok_and(|address| networks.iter().any(|network| network.contains(address)))
        })),
        What::Is(values) => {
            let words: Vec<&str> = values.iter().map(|value| is_word(*value)).collect();
            sure(reader.name(Name::Is, "", |word| words.contains(&word)))
        }
        What::Has(values) => sure(having(values, reader)),
    }
}

fn having(values: &[Has], reader: &mut Reader<'_, Error>) -> Result<Bits, Error> {
    let words: Vec<&str> = values.iter().map(|value| has_word(*value)).collect();
    reader.name(Name::Has, "", |word| words.contains(&word))
}

fn with_terms(terms: &[Term], sides: u8, reader: &mut Reader<'_, Error>) -> Result<(Bits, bool), Error> {
    let (mut any, mut exact) = (Bits::none(reader.docs()), true);
    for term in terms {
        let probes = term.probes();
        exact &= probes.exact;
        let mut all = Bits::all(reader.docs());
        for lookup in probes.lookups {
            if all.is_empty() {
                break;
            }
            all.and(&reader.token(&lookup.token, lookup.prefix, sides)?);
        }
        any.or(&all);
    }
    Ok((any, exact))
}

fn named(
    field: NameField,
    patterns: &[Pattern],
    upstreams: &Upstreams,
    reader: &mut Reader<'_, Error>,
) -> Result<Bits, Error> {
    let matches = |value: &str| {
        let value = value.to_ascii_lowercase();
        patterns.iter().any(|pattern| pattern.matches(&value))
    };
    let name = match field {
        NameField::Model => Name::Model,
        NameField::Key => Name::Key,
        NameField::Path => Name::Path,
        NameField::Host => Name::Host,
        NameField::Ua => Name::UserAgent,
        NameField::Tool => Name::Tool,
        NameField::Finish => Name::Finish,
        NameField::Upstream | NameField::Tried => {
            let of_names = upstreams.iter().filter(|(_, names)| names.iter().any(|name| matches(name)));
            let ids: Vec<&String> = of_names.map(|(id, _)| id).collect();
            let is_it = |id: &str| matches(id) || ids.iter().any(|of_name| *of_name == id);
            let mut bits = reader.name(Name::Upstream, "", is_it)?;
            if field == NameField::Tried {
                bits.or(&reader.name(Name::Tried, "", is_it)?);
            }
            return Ok(bits);
        }
    };
    reader.name(name, "", matches)
}

/// A figure of each document.
pub(super) fn figures(field: NumberField, reader: &mut Reader<'_, Error>) -> Result<Vec<Option<i64>>, Error> {
    let column = match field {
        NumberField::Status => Column::Status,
        NumberField::FirstContent => Column::FirstContent,
        NumberField::Total => Column::Total,
        NumberField::In => Column::TokensIn,
        NumberField::Out => Column::TokensOut,
        NumberField::Cost => Column::Cost,
        NumberField::Attempts => Column::Attempts,
        NumberField::Id => Column::Id,
        NumberField::Conv => Column::Conversation,
        NumberField::Tokens => {
            let (tokens_in, tokens_out) = (reader.column(Column::TokensIn)?, reader.column(Column::TokensOut)?);
            let both = tokens_in.into_iter().zip(tokens_out);
            return Ok(both.map(|(a, b)| a.map_or(b, |a| Some(a.saturating_add(b.unwrap_or(0))))).collect());
        }
        NumberField::TokensPerSecond => return speeds(reader),
    };
    reader.column(column)
}

/// Output tokens per second of streams, in thousandths: what came after the first content, by the time it took.
fn speeds(reader: &mut Reader<'_, Error>) -> Result<Vec<Option<i64>>, Error> {
    let streams = reader.name(Name::Is, "", |word| word == is_word(Is::Stream))?;
    let (tokens, first, total) =
        (reader.column(Column::TokensOut)?, reader.column(Column::FirstContent)?, reader.column(Column::Total)?);
    let speed = |doc: u32| {
        let at = doc as usize;
        thousandths(tokens[at]?, first[at]?, total[at]?).filter(|_| streams.contains(doc))
    };
    Ok((0..reader.docs()).map(speed).collect())
}

fn is_word(is: Is) -> &'static str {
    match is {
        Is::Error => "error",
        Is::Stream => "stream",
        Is::Replay => "replay",
        Is::Cut => "cut",
        Is::Aborted => "aborted",
    }
}

fn has_word(has: Has) -> &'static str {
    match has {
        Has::Tool => "tool",
        Has::Image => "image",
        Has::Reasoning => "reasoning",
        Has::Body => "body",
    }
}
