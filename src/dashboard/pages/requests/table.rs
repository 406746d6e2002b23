//! Rows of the table of requests: what each column shows, and which term its value adds to the query.
//!
//! Values are buttons of one form that carries the query and the time once: links would say both with each value.
//!
//! **Invariant:** a row is made of what is known of a request, never of its bodies. **May import:** `db`, `search`.

use std::collections::HashMap;

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::query::ask::{named, numbered};
use crate::dashboard::pages::query::scope::Scope;
use crate::dashboard::pages::requests::UpstreamName;
use crate::dashboard::shown::{self, Moment};
use crate::dashboard::words::Key;
use crate::db::records::{Ending, Marks, Row};
use crate::search::{NameField, NumberField};
use crate::usage::speed::thousandths;

/// Columns that one may add: their names in addresses, and their heads.
pub(super) const COLUMNS: [(&str, Key); 6] = [
    ("cost", Key("req.cost")),
    ("path", Key("req.path")),
    ("ua", Key("req.ua")),
    ("host", Key("req.host")),
    ("finish", Key("req.finish")),
    ("conv", Key("req.conversation")),
];

/// Those of them that hold numbers.
const NUMBERS: [&str; 2] = ["cost", "conv"];

/// Cells of a row that are always there; those of more columns come after them.
pub(super) const FIXED: usize = ALWAYS.len();
/// Their heads; the style sheet knows by their places which hold numbers.
const ALWAYS: [(Key, &str); 9] = [
    (Key("req.model"), ""),
    (Key("req.upstream"), ""),
    (Key("req.key"), ""),
    (Key("req.ip"), ""),
    (Key("req.ttft"), NUMBER),
    (Key("req.total"), NUMBER),
    (Key("req.tokens"), NUMBER),
    (Key("req.tps"), NUMBER),
    (Key("req.last_message"), ""),
];
/// The class of a column of numbers.
const NUMBER: &str = "num";

/// What a row shows, but the first columns.
pub(super) struct Cell {
    pub(super) text: String,
    /// Every digit of what is shown short; empty when nothing is.
    pub(super) title: String,
    /// The term that the value adds; empty for none.
    pub(super) term: String,
}

/// A row.
pub(super) struct Line {
    pub(super) id: i64,
    pub(super) href: String,
    pub(super) time: Moment,
    pub(super) status: String,
    pub(super) class: &'static str,
    /// How many upstreams were tried, when it was more than one.
    pub(super) tries: usize,
    pub(super) badge: Option<Key>,
    pub(super) cells: Vec<Cell>,
}

/// What rows are made with.
pub(super) struct Maker<'a> {
    pub(super) f: &'a Frame,
    pub(super) scope: &'a Scope,
    /// Names of the upstreams there are.
    pub(super) names: &'a HashMap<i64, UpstreamName>,
    /// The user's last words.
    pub(super) titles: &'a HashMap<i64, String>,
    pub(super) cols: &'a [&'static str],
}

impl Maker<'_> {
    /// The columns that were added, in their order.
    pub(super) fn columns(&self) -> impl Iterator<Item = &'static (&'static str, Key)> {
        COLUMNS.iter().filter(|(column, _)| self.cols.contains(column))
    }

    /// The heads of all columns but the first two, with their classes.
    pub(super) fn heads(&self) -> Vec<(&'static str, &'static str)> {
        let added = self.columns().map(|(column, key)| (key, if NUMBERS.contains(column) { NUMBER } else { "" }));
        ALWAYS
            .iter()
            .map(|(key, class)| (key, *class))
            .chain(added)
            .map(|(key, class)| (self.f.k(key), class))
            .collect()
    }

    /// The row of a record.
    pub(super) fn line(&self, row: &Row) -> Line {
        let facts = &row.facts;
        Line {
            id: row.id,
            href: format!("/admin/requests/{}{}", row.id, self.scope.which().with(&[])),
            time: self.f.time(&facts.started_us),
            status: facts.status.to_string(),
            class: shown::outcome_class(facts),
            tries: tries(&facts.attempts),
            badge: badge(row),
            cells: self.cells(row),
        }
    }

    fn cells(&self, row: &Row) -> Vec<Cell> {
        let facts = &row.facts;
        let plain = |text: String| Cell { text, title: String::new(), term: String::new() };
        let name = |field: NameField, value: &str, shown: &str| {
            let term = if value.is_empty() { String::new() } else { named(field, value).to_string() };
            Cell { text: shown.to_owned(), title: String::new(), term }
        };
        let model = facts.model.as_deref().unwrap_or_default();
        let upstream = facts.upstream_id.map(|id| called(self.names, id));
        let (asked, shown) = upstream.map(|name| (name.asked, name.shown)).unwrap_or_default();
        let of_ip = if facts.ip.is_empty() { String::new() } else { format!("ip:{}", facts.ip) };
        let always = [
            name(NameField::Model, model, model),
            name(NameField::Upstream, &asked, &shown),
            name(NameField::Key, &facts.key_name, &facts.key_name),
            Cell { term: of_ip, ..plain(facts.ip.clone()) },
            plain(facts.first_content_us.map_or_else(dash, shown::duration)),
            plain(shown::duration(facts.total_us)),
            Cell {
                title: shown::title(&[facts.tokens_in, facts.tokens_out]),
                ..plain(shown::tokens(facts.tokens_in, facts.tokens_out))
            },
            plain(speed(row).unwrap_or_else(dash)),
            plain(self.titles.get(&row.id).cloned().unwrap_or_default()),
        ];
        let added = |column: &str| match column {
            "cost" => plain(facts.cost_nano.map_or_else(dash, shown::money)),
            "path" => name(NameField::Path, &facts.path, &facts.path),
            "ua" => name(NameField::Ua, &facts.user_agent, &facts.user_agent),
            "host" => name(NameField::Host, &facts.host, &facts.host),
            "finish" => {
                let finish = row.signs.finish.as_deref().unwrap_or_default();
                name(NameField::Finish, finish, finish)
            }
            _ => match row.placed.conversation_id {
                Some(id) => Cell { term: numbered(NumberField::Conv, id).to_string(), ..plain(id.to_string()) },
                None => plain(dash()),
            },
        };
        always.into_iter().chain(self.columns().map(|(column, _)| added(column))).collect()
    }
}

/// An upstream's name; of one that is gone its number.
pub(super) fn called(names: &HashMap<i64, UpstreamName>, id: i64) -> UpstreamName {
    names.get(&id).cloned().unwrap_or_else(|| UpstreamName { shown: format!("#{id}"), asked: id.to_string() })
}

/// What is not known.
pub(super) fn dash() -> String {
    "—".to_owned()
}

/// How many upstreams were tried, 0 for one or none.
pub(super) fn tries(attempts: &str) -> usize {
    let list: Vec<serde::de::IgnoredAny> = serde_json::from_str(attempts).unwrap_or_default();
    if list.len() > 1 { list.len() } else { 0 }
}

/// What the status alone does not tell.
pub(super) fn badge(row: &Row) -> Option<Key> {
    match row.facts.ending {
        Ending::Left => Some(Key("req.is_left")),
        Ending::Cut => Some(Key("req.is_cut")),
        _ if row.facts.status < 400 && row.facts.is_error() => Some(Key("req.is_failed")),
        _ if Marks::Replay.is_in(row.signs.marks) => Some(Key("req.is_replay")),
        _ => None,
    }
}

/// Tokens of a streamed reply per second, from its first content on.
pub(super) fn speed(row: &Row) -> Option<String> {
    let facts = &row.facts;
    let first_us = facts.first_content_us.filter(|_| facts.streamed)?;
    let speed = thousandths(facts.tokens_out?, first_us, facts.total_us)?;
    Some(format!("{:.1}", speed as f64 / 1e3))
}
