//! How an upstream stands, in a word, a sign and a colour; and why, and until when.
//!
//! **Invariant:** no state is told by colour alone. **May import:** `db` (the row's shape), `roster`, `balance`.

use std::sync::Arc;

use crate::balance::standing::Standing;
use crate::dashboard::frame::Frame;
use crate::dashboard::shown;
use crate::dashboard::words::Key;
use crate::db::upstream_tests::UpstreamTest;
use crate::db::upstreams::UpstreamRow;
use crate::roster::{Ailment, Report, Trouble, Upstream, Why};

/// Lines of reasons in a list, and models named in one of them.
const LINES: usize = 2;
const NAMES: usize = 3;

/// A state as pages show it.
pub(in crate::dashboard) struct Badge {
    /// Class of the badge.
    pub(in crate::dashboard) class: &'static str,
    /// Sign and word.
    pub(in crate::dashboard) word: String,
    /// Why, and until when, model by model; empty when there is nothing to say.
    pub(in crate::dashboard) why: Vec<String>,
    /// The same for lists, in [`LINES`] at most.
    pub(in crate::dashboard) short: Vec<String>,
    /// The state's name for the list's filter.
    pub(in crate::dashboard) name: &'static str,
}

/// What people call an upstream: its name, else its endpoint.
pub(in crate::dashboard) fn label(row: &UpstreamRow) -> String {
    if row.name.is_empty() { row.endpoint.clone() } else { row.name.clone() }
}

impl Badge {
    /// The state of a row, and of the upstream that the roster made of it, whose latest test is known.
    pub(in crate::dashboard) fn of(
        f: &Frame,
        row: &UpstreamRow,
        upstream: Option<&Arc<Upstream>>,
        last_test: Option<UpstreamTest>,
    ) -> Badge {
        let badge = |name: &'static str, class, mark: &str, key: Key, why: Vec<String>| Badge {
            class,
            word: format!("{mark} {}", f.k(&key)),
            short: why.clone(),
            why,
            name,
        };
        if !row.enabled {
            return badge("disabled", "off", "○", Key("state.disabled"), vec![f.t("state.by_you").to_owned()]);
        }
        let Some(upstream) = upstream else {
            return badge("down", "err", "✕", Key("state.invalid"), vec![f.t("state.invalid.why").to_owned()]);
        };
        let report = upstream.measured.report(f.now_us / 1000);
        let why = report.whole.iter().chain(&report.models).map(|ailment| reason(f, ailment)).collect();
        let mut badge = match report.trouble() {
            Trouble::Down => badge("down", "err", "✕", Key("state.down"), why),
            Trouble::Cooling => badge("cooling", "warn", "◔", Key("state.cooling"), why),
            Trouble::Degraded => badge("degraded", "warn", "▲", Key("state.degraded"), why),
            Trouble::None => match proof(row, upstream, last_test) {
                Proof::Good => badge("healthy", "ok", "●", Key("state.healthy"), Vec::new()),
                Proof::None => badge("untested", "off", "–", Key("state.untested"), Vec::new()),
                Proof::Failed => badge("untested", "off", "–", Key("state.untested"), told(f, Key("state.never"))),
                Proof::BadTest => badge("untested", "off", "–", Key("state.untested"), told(f, Key("state.bad_test"))),
            },
        };
        if report.trouble() != Trouble::None {
            badge.short = short(f, &report);
        }
        badge
    }
}

/// What speaks for an upstream that nothing is known against.
enum Proof {
    /// Something went well, and no test has failed since.
    Good,
    /// A test failed, and nothing went well since.
    BadTest,
    /// It was asked, and nothing ever went well.
    Failed,
    /// Nobody has asked it anything.
    None,
}

fn proof(row: &UpstreamRow, upstream: &Upstream, last_test: Option<UpstreamTest>) -> Proof {
    let calls = upstream.measured.calls();
    let ever_good = row.success_count + calls.successes > 0 || row.last_call_success_us.is_some();
    let last_good_us = calls.last_success_us.max(row.last_call_success_us.unwrap_or(0));
    match last_test {
        Some(test) if !test.good && test.at_us > last_good_us => Proof::BadTest,
        Some(test) if test.good => Proof::Good,
        _ if ever_good => Proof::Good,
        _ if row.failed_count + calls.failures > 0 => Proof::Failed,
        _ => Proof::None,
    }
}

fn told(f: &Frame, key: Key) -> Vec<String> {
    vec![f.k(&key).to_owned()]
}

/// What is wrong in a few lines: models that are out for the same reason stand in one.
fn short(f: &Frame, report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = report.whole.iter().map(|whole| reason(f, whole)).collect();
    let mut groups: Vec<Vec<&Ailment>> = Vec::new();
    for ailment in &report.models {
        match groups.iter_mut().find(|group| group[0].why == ailment.why) {
            Some(group) => group.push(ailment),
            None => groups.push(vec![ailment]),
        }
    }
    let room = LINES - lines.len();
    let rest = if groups.len() > room { groups.split_off(room - 1) } else { Vec::new() };
    lines.extend(groups.iter().map(|group| match group.as_slice() {
        [one] => reason(f, one),
        several => {
            let names: Vec<&str> = several.iter().filter_map(|ailment| ailment.model.as_deref()).collect();
            let first = names[..names.len().min(NAMES)].join(", ");
            let named = match names.len().saturating_sub(NAMES) {
                0 => first,
                more => f.tf("models.and_more", &[&first, &more]),
            };
            f.tf("why.models", &[&names.len(), &named, &word(f, several[0].why)])
        }
    }));
    if !rest.is_empty() {
        lines.push(f.tf("why.more", &[&rest.iter().map(Vec::len).sum::<usize>()]));
    }
    lines
}

fn word(f: &Frame, why: Why) -> &'static str {
    f.k(&match why {
        Why::Unreachable => Key("why.unreachable"),
        Why::Failing => Key("why.failing"),
        Why::RateLimited => Key("why.rate_limited"),
        Why::KeyRefused => Key("why.key_refused"),
    })
}

/// `gpt-4o: too many requests, 42 s left (until 20:04:09)`.
fn reason(f: &Frame, ailment: &Ailment) -> String {
    let why = word(f, ailment.why);
    let then = match ailment.standing {
        Standing::Cooling { until_ms } => until(f, until_ms),
        Standing::Probe | Standing::Probing { .. } => f.t("until.probe").to_owned(),
        Standing::KeyBad => f.t("until.edited").to_owned(),
        Standing::Ready => String::new(),
    };
    match &ailment.model {
        Some(model) => f.tf("why.model", &[model, &why, &then]),
        None => f.tf("why.whole", &[&why, &then]),
    }
}

/// `42 s left, until 20:04:09`.
pub(in crate::dashboard) fn until(f: &Frame, until_ms: i64) -> String {
    let until_us = until_ms.saturating_mul(1000);
    f.tf("until.time", &[&countdown(until_us.saturating_sub(f.now_us)), &f.time(&until_us).text])
}

/// `42 s`, then `2 m 04 s`: whole seconds, counted so that the last one is 1.
fn countdown(us: i64) -> String {
    match us.max(0).saturating_add(999_999) / 1_000_000 {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => shown::duration(seconds.saturating_mul(1_000_000)),
    }
}
