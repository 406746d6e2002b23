//! The query box: what was typed, its clauses as links that take them away, what is wrong, and the help beside it.
//!
//! **Invariant:** the text stays as typed; nothing of it is left out in silence. **May import:** `db`, `search`.

use std::ops::Range;

use crate::dashboard::frame::Frame;
use crate::dashboard::mistake::said;
use crate::dashboard::pages::query::scope::{self, Scope};
use crate::dashboard::words::Key;
use crate::db::find::{Search, facets};
use crate::db::{PooledConnection, upstreams};
use crate::error::Error;
use crate::search::segment::Name;
use crate::search::{Clause, FIELDS, NameField, NumberField, NumberRange, Pattern, Query, QueryError, What, parse};

/// Names offered while one types, of each kind.
const OFFERED: usize = 12;

/// What each field narrows, in the order of [`FIELDS`].
const MEANINGS: [(&str, Key); 28] = [
    ("model", Key("field.model")),
    ("upstream", Key("field.upstream")),
    ("tried", Key("field.tried")),
    ("key", Key("field.key")),
    ("path", Key("field.path")),
    ("host", Key("field.host")),
    ("ua", Key("field.ua")),
    ("tool", Key("field.tool")),
    ("finish", Key("field.finish")),
    ("status", Key("field.status")),
    ("ttft", Key("field.ttft")),
    ("total", Key("field.total")),
    ("tokens", Key("field.tokens")),
    ("in", Key("field.in")),
    ("out", Key("field.out")),
    ("tps", Key("field.tps")),
    ("cost", Key("field.cost")),
    ("attempts", Key("field.attempts")),
    ("ip", Key("field.ip")),
    ("is", Key("field.is")),
    ("has", Key("field.has")),
    ("user", Key("field.user")),
    ("assistant", Key("field.assistant")),
    ("system", Key("field.system")),
    ("error", Key("field.error")),
    ("text", Key("field.text")),
    ("id", Key("field.id")),
    ("conv", Key("field.conv")),
];

/// A clause of the query, and where it is not.
pub(in crate::dashboard::pages) struct Chip {
    pub(in crate::dashboard::pages) text: String,
    pub(in crate::dashboard::pages) without: String,
}

/// What is wrong with the query.
pub(in crate::dashboard::pages) struct Wrong {
    pub(in crate::dashboard::pages) message: String,
    /// The character at which it begins, from 1.
    pub(in crate::dashboard::pages) place: usize,
    pub(in crate::dashboard::pages) before: String,
    pub(in crate::dashboard::pages) marked: String,
    pub(in crate::dashboard::pages) after: String,
    /// The query put right, and its address.
    pub(in crate::dashboard::pages) better: Option<(String, String)>,
}

impl Wrong {
    /// Of a query as typed; `with` is where another one is asked.
    pub(in crate::dashboard::pages) fn of(
        f: &Frame,
        text: &str,
        error: &QueryError,
        with: impl Fn(&str) -> String,
    ) -> Wrong {
        let at = error.at.clone();
        let part = |range: Range<usize>| text.get(range).unwrap_or_default().to_owned();
        Wrong {
            message: said(f.lang, &error.mistake),
            place: error.at_chars.start + 1,
            before: part(0..at.start),
            marked: part(at.clone()),
            after: part(at.end..text.len()),
            better: error.suggestion.clone().map(|better| (better.clone(), with(&better))),
        }
    }
}

/// A line of the help.
pub(in crate::dashboard::pages) struct Help {
    pub(in crate::dashboard::pages) name: &'static str,
    pub(in crate::dashboard::pages) what: &'static str,
    pub(in crate::dashboard::pages) examples: &'static [&'static str],
}

/// The box.
pub(in crate::dashboard::pages) struct Ask {
    /// Where it leads.
    pub(in crate::dashboard::pages) path: &'static str,
    /// What it searches for.
    pub(in crate::dashboard::pages) label: Key,
    pub(in crate::dashboard::pages) text: String,
    pub(in crate::dashboard::pages) chips: Vec<Chip>,
    pub(in crate::dashboard::pages) wrong: Option<Wrong>,
    pub(in crate::dashboard::pages) help: Vec<Help>,
    /// What is offered while one types.
    pub(in crate::dashboard::pages) offers: Vec<String>,
    pub(in crate::dashboard::pages) carried: Vec<(&'static str, String)>,
    /// What a form carries that adds a term.
    pub(in crate::dashboard::pages) all: Vec<(&'static str, String)>,
    pub(in crate::dashboard::pages) ranges: Vec<scope::Range>,
    /// A time that no range names.
    pub(in crate::dashboard::pages) span: Option<(String, String)>,
}

impl Ask {
    /// The box of the page at `path` with this scope.
    pub(in crate::dashboard::pages) fn of(f: &Frame, scope: &Scope, path: &'static str, label: Key) -> Ask {
        let text = scope.get("q").to_owned();
        let chips = parse(&text).map(|query| chips(&query, &text, scope)).unwrap_or_default();
        Ask {
            path,
            label,
            ranges: scope.ranges(f),
            span: None,
            chips,
            wrong: None,
            help: help(f),
            offers: offers(),
            carried: scope.carried("q"),
            all: scope.carried("add"),
            text,
        }
    }

    /// The same, with the time from one moment to another, µs since 1970, if no range names it.
    pub(in crate::dashboard::pages) fn between(mut self, f: &Frame, scope: &Scope, from_us: i64, to_us: i64) -> Ask {
        self.span = scope.is_of_own_times().then(|| (f.time(&from_us).text, f.time(&to_us).text));
        self
    }

    /// The same, with what is wrong.
    pub(in crate::dashboard::pages) fn wrong(mut self, f: &Frame, scope: &Scope, error: &QueryError) -> Ask {
        self.wrong = Some(Wrong::of(f, &self.text, error, |better| scope.with(&[("q", better)])));
        self
    }
}

/// Names that are known in this time, as terms: what is offered while one types.
///
/// # Errors
/// The database's.
pub(in crate::dashboard::pages) fn names_in(
    connection: &mut PooledConnection,
    search: &Search,
) -> Result<Vec<String>, Error> {
    let mut offers = Vec::new();
    let everything = Search { query: Query::default(), ..search.clone() };
    for (field, kind) in [(NameField::Model, Name::Model), (NameField::Key, Name::Key), (NameField::Tool, Name::Tool)] {
        let known = facets(connection, &everything, kind, OFFERED)?.into_iter().filter(|facet| !facet.value.is_empty());
        offers.extend(known.map(|facet| named(field, &facet.value).to_string()));
    }
    let names = upstreams::names(connection)?.into_iter().map(|(_, name, _)| name).filter(|name| !name.is_empty());
    offers.extend(names.take(OFFERED).map(|name| named(NameField::Upstream, &name).to_string()));
    Ok(offers)
}

/// The fields, and the values of those that have a few.
fn offers() -> Vec<String> {
    let fields = FIELDS.iter().map(|field| format!("{}:", field.name));
    let few =
        FIELDS.iter().filter(|field| matches!(field.name, "is" | "has" | "status")).flat_map(|field| field.examples);
    fields.chain(few.map(|example| (*example).to_owned())).collect()
}

fn chips(query: &Query, text: &str, scope: &Scope) -> Vec<Chip> {
    let chip = |clause: &Clause| Chip {
        text: text.get(clause.span.clone()).unwrap_or_default().to_owned(),
        without: scope.link(&[("q", &without(text, &clause.span))]),
    };
    query.clauses.iter().map(chip).collect()
}

/// A query without one of its terms, the others as they were typed.
fn without(text: &str, span: &Range<usize>) -> String {
    let (before, after) = (text.get(..span.start).unwrap_or_default(), text.get(span.end..).unwrap_or_default());
    format!("{} {}", before.trim_end(), after.trim_start()).trim().to_owned()
}

fn help(f: &Frame) -> Vec<Help> {
    let line = |field: &'static crate::search::FieldHelp| Help {
        name: field.name,
        what: MEANINGS.iter().find(|(name, _)| *name == field.name).map_or(field.what, |(_, key)| f.k(key)),
        examples: field.examples,
    };
    FIELDS.iter().map(line).collect()
}

/// `model:gpt-4o` as the query writes it.
pub(in crate::dashboard::pages) fn named(field: NameField, name: &str) -> Clause {
    Clause::new(What::Name { field, patterns: vec![Pattern::literal(name)] })
}

/// `status:502` as the query writes it.
pub(in crate::dashboard::pages) fn numbered(field: NumberField, number: i64) -> Clause {
    Clause::new(What::Number { field, ranges: vec![NumberRange { low: Some(number), high: Some(number) }] })
}

/// The text with a term more, if it does not say so already.
pub(in crate::dashboard::pages) fn narrowed(text: &str, term: &str) -> String {
    let clauses = |text| parse(text).map(|query| query.clauses);
    let is_known = match (clauses(text), clauses(term)) {
        (Ok(all), Ok(more)) => more.iter().all(|clause| all.contains(clause)),
        _ => false,
    };
    if is_known { text.trim().to_owned() } else { format!("{text} {term}").trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::query::ask::{MEANINGS, named, narrowed, numbered};
    use crate::search::{FIELDS, NameField, NumberField};

    #[test]
    fn every_field_is_explained_in_both_languages() {
        let names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
        assert_eq!(names, MEANINGS.map(|(name, _)| name));
    }

    #[test]
    fn a_filter_is_added_once_and_in_quotes_where_it_must_be() {
        let model = named(NameField::Model, "a b*").to_string();
        let text = narrowed("\"x\"", &model);
        assert_eq!(text, "\"x\" model:\"a b\\*\"");
        assert_eq!(narrowed(&text, &model), text);
        assert_eq!(narrowed(" ", &numbered(NumberField::Status, 502).to_string()), "status:502");
        assert_eq!(narrowed("modle:x", "status:502"), "modle:x status:502", "what is wrong is told, not lost");
    }
}
