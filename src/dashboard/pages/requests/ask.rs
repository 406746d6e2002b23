//! The query box: what was typed, its clauses as links that take them away, what is wrong, and the help beside it.
//!
//! **Invariant:** the text stays as typed; nothing of it is left out in silence. **May import:** `search`.

use std::ops::Range;

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::requests::scope::Scope;
use crate::dashboard::words::Key;
use crate::search::{Clause, FIELDS, NameField, NumberField, NumberRange, Pattern, Query, What, parse};

/// Names offered while one types, of each kind.
pub(super) const OFFERED: usize = 12;

/// What each field narrows, in the order of [`FIELDS`].
const MEANINGS: [(&str, Key); 27] = [
    ("model", Key("field.model")),
    ("upstream", Key("field.upstream")),
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
pub(super) struct Chip {
    pub(super) text: String,
    pub(super) without: String,
}

/// What is wrong with the query.
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) before: String,
    pub(super) marked: String,
    pub(super) after: String,
    /// The query put right, and its address.
    pub(super) better: Option<(String, String)>,
}

/// A line of the help.
pub(super) struct Help {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) examples: Vec<(&'static str, String)>,
}

/// The box.
pub(super) struct Ask {
    pub(super) text: String,
    pub(super) chips: Vec<Chip>,
    pub(super) wrong: Option<Wrong>,
    pub(super) help: Vec<Help>,
    /// What is offered while one types.
    pub(super) offers: Vec<String>,
    pub(super) carried: Vec<(&'static str, String)>,
}

impl Ask {
    /// The box of a page with this scope.
    pub(super) fn of(f: &Frame, scope: &Scope) -> Ask {
        let text = scope.get("q").to_owned();
        let chips = parse(&text).map(|query| chips(&query, &text, scope)).unwrap_or_default();
        Ask {
            chips,
            wrong: None,
            help: help(f, scope),
            offers: FIELDS.iter().map(|field| format!("{}:", field.name)).collect(),
            carried: scope.carried("q"),
            text,
        }
    }

    /// The same, with what is wrong.
    pub(super) fn wrong(mut self, scope: &Scope, message: &str, at: Range<usize>, better: Option<&str>) -> Ask {
        let at = at.start.min(self.text.len())..at.end.min(self.text.len());
        let part = |range: Range<usize>| self.text.get(range).unwrap_or_default().to_owned();
        self.wrong = Some(Wrong {
            message: message.to_owned(),
            before: part(0..at.start),
            marked: part(at.clone()),
            after: part(at.end..self.text.len()),
            better: better.map(|better| (better.to_owned(), scope.with(&[("q", better)]))),
        });
        self
    }
}

fn chips(query: &Query, text: &str, scope: &Scope) -> Vec<Chip> {
    let chip = |(index, clause): (usize, &Clause)| Chip {
        text: text.get(clause.span.clone()).unwrap_or_default().to_owned(),
        without: scope.link(&[("q", &query.without(index).to_string())]),
    };
    query.clauses.iter().enumerate().map(chip).collect()
}

fn help(f: &Frame, scope: &Scope) -> Vec<Help> {
    let line = |field: &'static crate::search::FieldHelp| Help {
        name: field.name,
        what: MEANINGS.iter().find(|(name, _)| *name == field.name).map_or(field.what, |(_, key)| f.k(key)),
        examples: field.examples.iter().map(|example| (*example, scope.with(&[("q", example)]))).collect(),
    };
    FIELDS.iter().map(line).collect()
}

/// `model:gpt-4o` as the query writes it.
pub(super) fn named(field: NameField, name: &str) -> Clause {
    Clause::new(What::Name { field, patterns: vec![Pattern::literal(name)] })
}

/// `status:502` as the query writes it.
pub(super) fn numbered(field: NumberField, number: i64) -> Clause {
    Clause::new(What::Number { field, ranges: vec![NumberRange { low: Some(number), high: Some(number) }] })
}

/// The text with a clause more, if it does not say so already.
pub(super) fn narrowed(text: &str, clause: &Clause) -> String {
    let known = parse(text).is_ok_and(|query| query.clauses.contains(clause));
    match (known, text.trim()) {
        (true, text) => text.to_owned(),
        (false, "") => clause.to_string(),
        (false, text) => format!("{text} {clause}"),
    }
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::requests::ask::{MEANINGS, named, narrowed, numbered};
    use crate::search::{FIELDS, NameField, NumberField};

    #[test]
    fn every_field_is_explained_in_both_languages() {
        let names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
        assert_eq!(names, MEANINGS.map(|(name, _)| name));
    }

    #[test]
    fn a_filter_is_added_once_and_in_quotes_where_it_must_be() {
        let model = named(NameField::Model, "a b*");
        let text = narrowed("\"x\"", &model);
        assert_eq!(text, "\"x\" model:\"a b\\*\"");
        assert_eq!(narrowed(&text, &model), text);
        assert_eq!(narrowed(" ", &numbered(NumberField::Status, 502)), "status:502");
    }
}
