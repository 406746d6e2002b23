//! What this is, and what it was started with: values that only a start can change, with who gave them.
//!
//! **Invariant:** a value that may hold a secret is not shown. **May import:** `state`, `roster`, `config`.

use askama::Template;

use crate::config::{Origin, Source};
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::settings::{TABS, Tabs};
use crate::dashboard::visit::{Page, Visit};

#[derive(Template)]
#[template(path = "settings/about.html")]
struct About<'a> {
    f: &'a Frame,
    tabs: Tabs,
    tab: &'static str,
    version: &'static str,
    database: String,
    upstreams: usize,
    running: usize,
    base: String,
    /// `/metrics` needs no password.
    metrics_public: bool,
    rows: Vec<Row>,
}

/// A value given at the start.
struct Row {
    flag: String,
    value: String,
    source: String,
}

/// The tab.
pub(super) fn show(visit: &Visit) -> Page {
    let (f, snapshot) = (&visit.frame, visit.state.roster.load());
    let database = visit.state.database.describe();
    let row = |origin: &Origin| Row {
        flag: origin.flag.clone(),
        value: match (&origin.value, origin.source) {
            (Some(value), _) if value.is_empty() => "—".to_owned(),
            (Some(value), _) => value.clone(),
            (None, _) if origin.flag == "-database" => database.clone(),
            (None, Source::Default) => "—".to_owned(),
            (None, _) => f.t("about.hidden").to_owned(),
        },
        source: match origin.source {
            Source::Default => f.t("set.default").to_owned(),
            Source::Environment => f.tf("about.environment", &[&origin.env]),
            Source::Flag => f.t("about.flag").to_owned(),
        },
    };
    visit.page(&About {
        f,
        tabs: TABS,
        tab: "about",
        version: env!("CARGO_PKG_VERSION"),
        upstreams: snapshot.upstreams.len(),
        running: visit.state.running.count(),
        base: visit.base(),
        metrics_public: snapshot.settings.metrics_public,
        rows: visit.state.origins.iter().map(row).collect(),
        database,
    })
}
