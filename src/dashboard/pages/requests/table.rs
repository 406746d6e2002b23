//! Rows of the table of requests: what each column shows, and which filter its value leads to.
//!
//! **Invariant:** a row is made of what is known of a request, never of its bodies. **May import:** `db`, `search`.

use std::collections::HashMap;

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::query::ask::{named, narrowed, numbered};
use crate::dashboard::pages::query::scope::Scope;
use crate::dashboard::pages::requests::UpstreamName;
use crate::dashboard::shown::{self, Moment};
use crate::dashboard::words::Key;
use crate::db::records::{Ending, Marks, Row};
use crate::search::{Clause, NameField, NumberField};
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

/// What a row shows, but the first columns.
pub(super) struct Cell {
    pub(super) label: &'static str,
    pub(super) class: &'static str,
    pub(super) text: String,
    /// Where the value leads; empty for nowhere.
    pub(super) href: String,
}

/// A row.
pub(super) struct Line {
    pub(super) id: i64,
    pub(super) href: String,
    pub(super) time: Moment,
    pub(super) status: String,
    pub(super) class: &'static str,
    pub(super) status_href: String,
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
            status_href: self.filter(&numbered(NumberField::Status, i64::from(facts.status))),
            tries: tries(&facts.attempts),
            badge: badge(row),
            cells: self.cells(row),
        }
    }

    fn cells(&self, row: &Row) -> Vec<Cell> {
        let facts = &row.facts;
        let t = |key: Key| self.f.k(&key);
        let mut cells = Vec::with_capacity(9 + self.cols.len());
        let mut name = |label: Key, field: NameField, value: &str, shown: &str| {
            let href = if value.is_empty() { String::new() } else { self.filter(&named(field, value)) };
            cells.push(Cell { label: t(label), class: "cut", text: shown.to_owned(), href });
        };
        let model = facts.model.as_deref().unwrap_or_default();
        name(Key("req.model"), NameField::Model, model, model);
        let upstream = facts.upstream_id.map(|id| called(self.names, id));
        let (asked, shown) = upstream.map(|name| (name.asked, name.shown)).unwrap_or_default();
        name(Key("req.upstream"), NameField::Upstream, &asked, &shown);
        name(Key("req.key"), NameField::Key, &facts.key_name, &facts.key_name);
        let ip = if facts.ip.is_empty() { String::new() } else { self.narrow(&format!("ip:{}", facts.ip)) };
        cells.push(Cell { label: t(Key("req.ip")), class: "cut", text: facts.ip.clone(), href: ip });
        let mut number = |label: Key, text: String| {
            cells.push(Cell { label: t(label), class: "num", text, href: String::new() });
        };
        number(Key("req.ttft"), facts.first_content_us.map_or_else(dash, shown::duration));
        number(Key("req.total"), shown::duration(facts.total_us));
        number(Key("req.tokens"), shown::tokens(facts.tokens_in, facts.tokens_out));
        number(Key("req.tps"), speed(row).unwrap_or_else(dash));
        let title = self.titles.get(&row.id).cloned().unwrap_or_default();
        cells.push(Cell {
            label: t(Key("req.last_message")),
            class: "cut said-last",
            text: title,
            href: String::new(),
        });
        for (column, label) in COLUMNS.iter().filter(|(column, _)| self.cols.contains(column)) {
            let (class, text, clause) = match *column {
                "cost" => ("num", facts.cost_nano.map_or_else(dash, money), None),
                "path" => ("cut", facts.path.clone(), Some(named(NameField::Path, &facts.path))),
                "ua" => ("cut", facts.user_agent.clone(), Some(named(NameField::Ua, &facts.user_agent))),
                "host" => ("cut", facts.host.clone(), Some(named(NameField::Host, &facts.host))),
                "finish" => {
                    let finish = row.signs.finish.clone().unwrap_or_default();
                    ("cut", finish.clone(), Some(named(NameField::Finish, &finish)))
                }
                _ => {
                    let id = row.placed.conversation_id;
                    let clause = id.map(|id| numbered(NumberField::Conv, id));
                    ("num", id.map_or_else(dash, |id| id.to_string()), clause)
                }
            };
            let href = clause.filter(|_| !text.is_empty()).map(|clause| self.filter(&clause)).unwrap_or_default();
            cells.push(Cell { label: t(*label), class, text, href });
        }
        cells
    }

    fn filter(&self, clause: &Clause) -> String {
        self.scope.with(&[("q", &narrowed(self.scope.get("q"), clause))])
    }

    fn narrow(&self, term: &str) -> String {
        let text = self.scope.get("q");
        let known = text.split_whitespace().any(|known| known == term);
        let text = if known { text.to_owned() } else { format!("{text} {term}").trim().to_owned() };
        self.scope.with(&[("q", &text)])
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
