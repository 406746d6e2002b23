//! What is known of a request beside its texts: its figures.
//!
//! **Invariant:** every value that a query can name leads to the requests that have the same besides. **May import:** `db`, `search`.

use std::collections::HashMap;

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::query::ask::{named, narrowed, numbered};
use crate::dashboard::pages::query::scope::Scope;
use crate::dashboard::pages::requests::UpstreamName;
use crate::dashboard::pages::requests::one::is_unread;
use crate::dashboard::pages::requests::table::{called, dash, speed};
use crate::dashboard::shown;
use crate::dashboard::words::Key;
use crate::db::records::{Ending, Facts, Record};
use crate::search::{NameField, NumberField};

/// What is known: its name, its value, and the requests with the same.
pub(super) struct Fact {
    pub(super) label: Key,
    pub(super) value: String,
    /// Every digit of what is shown short; empty when nothing is.
    pub(super) title: String,
    pub(super) href: String,
}

/// `1,234 B`, and how much of it is stored when that is another number.
pub(super) fn size(bytes: i64, stored: Option<usize>) -> String {
    let stored = stored.map(|stored| i64::try_from(stored).unwrap_or(i64::MAX)).filter(|stored| *stored != bytes);
    match stored {
        Some(stored) => format!("{} B ({} B)", shown::exact(bytes), shown::exact(stored)),
        None => format!("{} B", shown::exact(bytes)),
    }
}

/// How a reply ended that did not end well.
pub(in crate::dashboard::pages) fn ended(f: &Frame, facts: &Facts) -> Option<String> {
    let key = match facts.ending {
        Ending::Left => Key("one.left"),
        Ending::Cut => Key("one.cut"),
        Ending::Complete | Ending::Refused => return None,
    };
    let tokens = facts.tokens_out.map_or_else(|| f.t("one.unknown").to_owned(), shown::exact);
    Some(f.tf(key.0, &[&shown::duration(facts.total_us), &tokens]))
}

pub(super) fn known(record: &Record, names: &HashMap<i64, UpstreamName>, scope: &Scope) -> Vec<Fact> {
    let facts = &record.row.facts;
    let list = |term: String| format!("/admin/requests{}", scope.with(&[("q", &narrowed(scope.get("q"), &term))]));
    let mut all = Vec::new();
    let mut add = |label: Key, value: Option<String>, query: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let exact = if label == Key("req.tokens") {
                shown::title(&[facts.tokens_in, facts.tokens_out])
            } else {
                String::new()
            };
            all.push(Fact { label, value, title: exact, href: query.map(list).unwrap_or_default() });
        }
    };
    let name = |field: NameField, value: &str| Some(named(field, value).to_string());
    let upstream = facts.upstream_id.map(|id| called(names, id));
    let text = |value: &str| Some(value.to_owned());
    let status = numbered(NumberField::Status, i64::from(facts.status)).to_string();
    add(Key("col.status"), Some(facts.status.to_string()), Some(status));
    add(Key("one.first_byte"), facts.first_byte_us.map(shown::duration), None);
    add(Key("req.ttft"), facts.first_content_us.map(shown::duration), None);
    add(Key("req.total"), Some(shown::duration(facts.total_us)), None);
    add(Key("req.tokens"), Some(shown::tokens(facts.tokens_in, facts.tokens_out)), None);
    add(Key("one.cached"), facts.tokens_cached.map(shown::exact), None);
    add(Key("one.reasoning"), facts.tokens_reasoning.map(shown::exact), None);
    add(Key("req.tps"), speed(&record.row), None);
    add(Key("req.cost"), Some(facts.cost_nano.map_or_else(dash, shown::money)), None);
    if let Some(upstream) = upstream {
        add(Key("req.upstream"), Some(upstream.shown), name(NameField::Upstream, &upstream.asked));
    }
    let model = facts.model.as_deref().unwrap_or_default();
    add(Key("req.model"), text(model), name(NameField::Model, model));
    add(Key("one.model_sent"), facts.model_sent.clone().filter(|sent| sent != model), None);
    add(Key("one.model_answered"), facts.model_answered.clone(), None);
    let key = if facts.key_last4.is_empty() {
        facts.key_name.clone()
    } else {
        format!("{} (…{})", facts.key_name, facts.key_last4)
    };
    add(Key("req.key"), Some(key), name(NameField::Key, &facts.key_name).filter(|_| !facts.key_name.is_empty()));
    add(Key("req.ip"), text(&facts.ip), Some(format!("ip:{}", facts.ip)));
    add(Key("req.ua"), text(&facts.user_agent), name(NameField::Ua, &facts.user_agent));
    add(Key("req.path"), Some(format!("{} {}", facts.method, facts.path)), name(NameField::Path, &facts.path));
    add(Key("req.host"), text(&facts.host), name(NameField::Host, &facts.host));
    let finish = record.row.signs.finish.as_deref().unwrap_or_default();
    add(Key("req.finish"), text(finish), name(NameField::Finish, finish));
    let sent = size(facts.request_bytes, record.texts.body.as_ref().map(Vec::len));
    add(Key("one.body_size"), Some(sent).filter(|_| !is_unread(record)), None);
    add(Key("one.reply_size"), Some(size(facts.reply_bytes, record.texts.response.as_ref().map(Vec::len))), None);
    if let Some(id) = record.row.placed.conversation_id {
        let there = Scope::default().with(&[("q", scope.get("q")), ("tz", scope.get("tz"))]);
        let href = format!("/admin/conversations/{id}{there}");
        all.push(Fact { label: Key("req.conversation"), value: id.to_string(), title: String::new(), href });
    }
    all
}
