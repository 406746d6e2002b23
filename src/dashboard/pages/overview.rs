//! The overview: is it working, what fails, and the way to the first request for whoever has just begun.
//!
//! **Invariant:** bounded in rows, whatever the database holds. **May import:** `state`, `db`.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use askama::Template;

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::upstreams::state::{Badge, label};
use crate::dashboard::shown::{self, Moment};
use crate::dashboard::visit::{Page, Visit};
use crate::db::records::{Record, page};
use crate::db::upstreams;

/// Requests shown.
const SHOWN: i64 = 20;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview<'a> {
    f: &'a Frame,
    alarms: Vec<String>,
    host: &'a str,
    upstreams: Vec<UpstreamLine>,
    has_keys: bool,
    requests: Vec<RequestLine>,
}

struct UpstreamLine {
    id: i64,
    name: String,
    badge: Badge,
    succeeded: String,
    failed: String,
}

struct RequestLine {
    time: Moment,
    status: i32,
    class: &'static str,
    model: String,
    upstream: String,
    total: String,
    tokens: String,
}

/// `GET /admin`.
pub(super) async fn show(visit: Visit) -> Page {
    let (rows, records) =
        visit.database(|connection| Ok((upstreams::list(connection)?, page(connection, None, SHOWN)?))).await?;
    let snapshot = visit.state.roster.load();
    let f = &visit.frame;
    let names: HashMap<i64, String> = rows.iter().map(|row| (row.id, label(row))).collect();
    let line = |row: &upstreams::UpstreamRow| UpstreamLine {
        id: row.id,
        name: label(row),
        badge: Badge::of(f, row, snapshot.upstreams.iter().find(|upstream| upstream.id == row.id)),
        succeeded: shown::count(row.success_count),
        failed: shown::count(row.failed_count),
    };
    visit.page(&Overview {
        f,
        alarms: alarms(&visit),
        host: visit.host(),
        upstreams: rows.iter().map(line).collect(),
        has_keys: !snapshot.settings.keys.is_empty() || snapshot.settings.any_key || visit.state.noauth,
        requests: records.iter().map(|record| request_line(f, record, &names)).collect(),
    })
}

/// What is wrong with recording, if anything.
fn alarms(visit: &Visit) -> Vec<String> {
    let counts = visit.state.recorder.counts();
    let (lost, spilled) = (counts.lost.load(Ordering::Relaxed), counts.spilled_bytes.load(Ordering::Relaxed));
    let mut alarms = Vec::new();
    if spilled > 0 {
        alarms.push(visit.frame.tf("overview.spilled", &[&spilled]));
    }
    if lost > 0 {
        alarms.push(visit.frame.tf("overview.lost", &[&lost]));
    }
    alarms
}

fn request_line(f: &Frame, record: &Record, names: &HashMap<i64, String>) -> RequestLine {
    let facts = &record.row.facts;
    RequestLine {
        time: f.time(&facts.started_us),
        status: facts.status,
        class: shown::status_class(facts.status),
        model: facts.model.clone().unwrap_or_else(|| facts.path.clone()),
        upstream: facts
            .upstream_id
            .map(|id| names.get(&id).cloned().unwrap_or_else(|| format!("#{id}")))
            .unwrap_or_default(),
        total: shown::duration(facts.total_us),
        tokens: shown::tokens(facts.tokens_in, facts.tokens_out),
    }
}
