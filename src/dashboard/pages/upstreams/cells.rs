//! What single cells of the table of upstreams say, and what tests of one gave.
//!
//! **Invariant:** a cell stays a few lines high, whatever there is to tell. **May import:** `state`, `db` (the row's shape), `roster`.

use crate::dashboard::frame::Frame;
use crate::dashboard::shown::{self, Moment};
use crate::dashboard::visit::Visit;
use crate::db::upstreams::UpstreamRow;
use crate::roster::Snapshot;

/// Models that are out at an upstream whose share is told.
const OUT_MODELS: usize = 3;

/// A test's result as pages show it.
pub(super) struct TestLine {
    pub(super) good: bool,
    pub(super) model: Option<String>,
    pub(super) status: String,
    pub(super) took: String,
    pub(super) at: Moment,
    pub(super) text: String,
}

/// Of the models that are out at an upstream, a few: which part of their requests it gets all the same.
pub(super) fn model_shares(visit: &Visit, snapshot: &Snapshot, place: usize) -> Vec<String> {
    let now_ms = visit.frame.now_us / 1000;
    let report = snapshot.upstreams[place].measured.report(now_ms);
    let models: Vec<&str> = report.models.iter().filter_map(|ailment| ailment.model.as_deref()).collect();
    let told = |model: &str| {
        let share = visit.state.roster.shares_of(snapshot, model, now_ms)[place];
        visit.frame.tf("share.model", &[&format!("{:.0} %", share * 100.0), &model])
    };
    let mut shares: Vec<String> = models.iter().take(OUT_MODELS).map(|model| told(model)).collect();
    if models.len() > OUT_MODELS {
        shares.push(visit.frame.tf("share.more", &[&(models.len() - OUT_MODELS)]));
    }
    shares
}

/// What is known from tests of an upstream.
pub(super) fn test_lines(visit: &Visit, id: i64) -> Vec<TestLine> {
    let f = &visit.frame;
    let tests = visit.state.memory.tests.of(id).tests;
    let line = |test: crate::dashboard::probe::Test| TestLine {
        good: test.is_good(),
        status: test.status.map_or_else(|| f.t("test.no_answer").to_owned(), |status| status.to_string()),
        took: shown::duration(test.took_us),
        at: f.time(&test.at_us),
        model: test.model,
        text: test.text,
    };
    tests.into_iter().map(line).collect()
}

/// `all`, `all but 2`, or the first of those allowed and how many more.
pub(super) fn models(f: &Frame, row: &UpstreamRow) -> String {
    let entries = |list: &str| -> Vec<String> {
        list.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
    };
    let (allowed, denied) = (entries(&row.allow_models), entries(&row.deny_models));
    let base = match allowed.as_slice() {
        [] if denied.is_empty() => return f.t("models.all").to_owned(),
        [] => return f.tf("models.all_but", &[&denied.len()]),
        [only] => only.clone(),
        [first, rest @ ..] => f.tf("models.and_more", &[first, &rest.len()]),
    };
    if denied.is_empty() { base } else { f.tf("models.but", &[&base, &denied.len()]) }
}
