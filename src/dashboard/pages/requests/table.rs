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

/// Cells of a row that are always there; those of more columns come after them.
pub(super) const FIXED: usize = 9;

/// What a row shows, but the first columns.
pub(super) struct Cell {
    pub(super) label: &'static str,
    /// Of a number; the style sheet knows the columns that are always there by their places.
    pub(super) class: &'static str,
    pub(super) text: String,
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
    /// The row of a record.
    pub(super) fn line(&self, row: &Row) -> Line {
        let facts = &row.facts;
        Line {
            id: row.id,
            href: format!("/admin/requests/{}{}", row.id, self.scope.which().with(&[])),
            time: self.f.time(&facts.started_us),
            status: facts.status.to_string(),
            class: shown::status_class(facts.status),
            tries: tries(&facts.attempts),
            badge: badge(row),
            cells: self.cells(row),
        }
    }

    fn cells(&self, row: &Row) -> Vec<Cell> {
        let facts = &row.facts;
        let t = |key: Key| self.f.k(&key);
        let mut cells = Vec::with_capacity(FIXED + self.cols.len());
        let mut name = |label: Key, field: NameField, value: &str, shown: &str| {
            let term = if value.is_empty() { String::new() } else { named(field, value).to_string() };
            cells.push(Cell { label: t(label), class: "", text: shown.to_owned(), term });
        };
        let model = facts.model.as_deref().unwrap_or_default();
        name(Key("req.model"), NameField::Model, model, model);
        let upstream = facts.upstream_id.map(|id| called(self.names, id));
        let (asked, shown) = upstream.map(|name| (name.asked, name.shown)).unwrap_or_default();
        name(Key("req.upstream"), NameField::Upstream, &asked, &shown);
        name(Key("req.key"), NameField::Key, &facts.key_name, &facts.key_name);
        let term = if facts.ip.is_empty() { String::new() } else { format!("ip:{}", facts.ip) };
        cells.push(Cell { label: t(Key("req.ip")), class: "", text: facts.ip.clone(), term });
        let mut number = |label: Key, text: String| {
            cells.push(Cell { label: t(label), class: "num", text, term: String::new() });
        };
        number(Key("req.ttft"), facts.first_content_us.map_or_else(dash, shown::duration));
        number(Key("req.total"), shown::duration(facts.total_us));
        number(Key("req.tokens"), shown::tokens(facts.tokens_in, facts.tokens_out));
        number(Key("req.tps"), speed(row).unwrap_or_else(dash));
        let title = self.titles.get(&row.id).cloned().unwrap_or_default();
        cells.push(Cell { label: t(Key("req.last_message")), class: "", text: title, term: String::new() });
        for (column, label) in COLUMNS.iter().filter(|(column, _)| self.cols.contains(column)) {
            let (class, text, clause) = match *column {
                "cost" => ("num", facts.cost_nano.map_or_else(dash, money), None),
                "path" => ("", facts.path.clone(), Some(named(NameField::Path, &facts.path))),
                "ua" => ("", facts.user_agent.clone(), Some(named(NameField::Ua, &facts.user_agent))),
                "host" => ("", facts.host.clone(), Some(named(NameField::Host, &facts.host))),
                "finish" => {
                    let finish = row.signs.finish.clone().unwrap_or_default();
                    ("", finish.clone(), Some(named(NameField::Finish, &finish)))
                }
                _ => {
                    let id = row.placed.conversation_id;
                    let clause = id.map(|id| numbered(NumberField::Conv, id));
                    ("num", id.map_or_else(dash, |id| id.to_string()), clause)
                }
            };
            let term = clause.filter(|_| !text.is_empty()).map(|clause| clause.to_string()).unwrap_or_default();
            cells.push(Cell { label: t(*label), class, text, term });
        }
        cells
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

/// Nano-dollars: `$0.0412`, two digits from a dollar on.
pub(super) fn money(nano: i64) -> String {
    let dollars = nano as f64 / 1e9;
    match nano {
        1_000_000_000.. => format!("${dollars:.2}"),
        100_000.. | ..=0 => format!("${dollars:.4}"),
        _ => format!("${dollars:.7}"),
    }
}
