//! The roster: a live snapshot of settings and upstreams, and what is measured of them.
//!
//! Start at [`Roster::load`] and [`Roster::plan`]. A thread of its own (`watch`) makes a new snapshot within 100 ms of any
//! change in the database. **Invariant:** nothing here waits for the database on behalf of a request.
//! **May import:** `db`, `connector`, `balance`, `error`.

mod access;
mod extra_headers;
mod goods;
mod homes;
mod keys;
mod measured;
mod model_map;
mod network;
mod recording;
mod report;
mod settings;
mod upstream;
mod watch;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, Guard};

use crate::balance::candidate::{Candidate, LANES, Need, lane};
use crate::balance::glob::ModelRules;
use crate::balance::plan::{Plan, WhyNot, earliest_recovery_ms, plan, why_not};
use crate::balance::policy::Policy;
use crate::balance::share::shares;
use crate::db::client_keys::KeyRow;
use crate::db::prices::PriceRow;
use crate::db::upstreams::UpstreamRow;
use crate::usage::prices::PriceBook;

pub use access::{Access, Auth, VERSION as ANTHROPIC_VERSION};
pub use extra_headers::{BadHeader, HOP_BY_HOP, HeaderFault, RECORD, REMADE, masked_headers, merged};
pub use homes::Homes;
pub use keys::{ClientKey, KNOWN_KEY, key_entries, last4, unknown_keys};
pub use measured::Measured;
pub use model_map::{BadMapping, ModelMap, SentModel, entries as mappings};
pub use network::Network;
pub use recording::{KeyLevels, Recording};
pub use report::{Ailment, Report, Trouble, Why};
pub use settings::{Clocks, Durability, Problem, Settings, Wrong};
pub use upstream::{Identity, KeepHeaders, Upstream, masked};
pub use watch::Watch;

/// Settings and upstreams at one moment.
pub struct Snapshot {
    /// The settings.
    pub settings: Settings,
    /// The upstreams that make sense, by id.
    pub upstreams: Vec<Arc<Upstream>>,
    /// What tokens cost.
    pub prices: Arc<PriceBook>,
}

/// What was read from the database to make a snapshot.
#[derive(Clone, PartialEq)]
struct Rows {
    upstreams: Vec<UpstreamRow>,
    settings: Vec<(String, String)>,
    prices: Vec<PriceRow>,
    keys: Vec<KeyRow>,
}

/// The only thing that requests share.
pub struct Roster {
    current: ArcSwap<Snapshot>,
    /// Where resources live that were made through us.
    pub homes: Homes,
    lanes: [AtomicU64; LANES],
    /// How often the watching thread has looked whether the database has changed.
    looks: AtomicU64,
}

impl Roster {
    fn new(snapshot: Snapshot, homes: Homes) -> Roster {
        let lanes = std::array::from_fn(|_| AtomicU64::new(0));
        Roster { current: ArcSwap::from_pointee(snapshot), homes, lanes, looks: AtomicU64::new(0) }
    }

    /// How often the database was looked at. What was written before a call is in the snapshot once this is two more.
    pub fn looks(&self) -> u64 {
        self.looks.load(Ordering::Acquire)
    }

    /// The snapshot of this moment.
    pub fn load(&self) -> Guard<Arc<Snapshot>> {
        self.current.load()
    }

    /// Whom to try for `need`, in order; indices into the snapshot's upstreams.
    pub fn plan(&self, snapshot: &Snapshot, need: &Need<'_>, now_ms: i64) -> Plan {
        let ticket = self.lanes[lane(need.model, need.key_name)].fetch_add(1, Ordering::Relaxed);
        plan(snapshot.settings.policy, &candidates(snapshot, need.model, now_ms), need, ticket)
    }

    /// Who would be tried for `need` now, in order, and why each other one would not be; calls nobody.
    pub fn rehearse(&self, snapshot: &Snapshot, need: &Need<'_>, now_ms: i64) -> Vec<(usize, Option<WhyNot>)> {
        let candidates = candidates(snapshot, need.model, now_ms);
        let order = plan(snapshot.settings.policy, &candidates, need, 0).order;
        let out = (0..candidates.len()).filter(|index| !order.contains(index));
        order.iter().copied().chain(out).map(|index| (index, why_not(&candidates[index], need))).collect()
    }

    /// Which part of the requests for a model each upstream would be asked first for now, key lists aside; by place in the
    /// snapshot, 0 to 1.
    pub fn shares_of(&self, snapshot: &Snapshot, model: &str, now_ms: i64) -> Vec<f64> {
        let mut candidates = candidates(snapshot, model, now_ms);
        candidates.iter_mut().for_each(|candidate| candidate.keys = &[]);
        shares(snapshot.settings.policy, &candidates, model)
    }

    /// The same of requests for any model that is out nowhere, model lists aside as well.
    pub fn shares(&self, snapshot: &Snapshot, now_ms: i64) -> Vec<f64> {
        let any = ModelRules::default();
        let mut candidates = candidates(snapshot, "", now_ms);
        for (candidate, upstream) in candidates.iter_mut().zip(&snapshot.upstreams) {
            candidate.rules = &any;
            candidate.keys = &[];
            candidate.standing = upstream.measured.standing("", now_ms);
        }
        shares(snapshot.settings.policy, &candidates, "")
    }

    /// Whether trying `need` again at once is of no use, because nobody that may serve it is ready.
    pub fn no_use(&self, snapshot: &Snapshot, need: &Need<'_>, now_ms: i64) -> Option<NoUse> {
        let candidates = candidates(snapshot, need.model, now_ms);
        plan(snapshot.settings.policy, &candidates, need, 0).last_resort.then(|| NoUse {
            back_in_s: earliest_recovery_ms(&candidates, need).map(|at_ms| (at_ms - now_ms + 999) / 1000),
        })
    }
}

/// Nobody is ready to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoUse {
    /// When the first is expected back, in s from now; `None` when nobody knows.
    pub back_in_s: Option<i64>,
}

fn candidates<'a>(snapshot: &'a Snapshot, model: &str, now_ms: i64) -> Vec<Candidate<'a>> {
    let fastest = snapshot.settings.policy == Policy::Fastest;
    let candidate = |upstream: &'a Arc<Upstream>| {
        let calls = upstream.measured.calls();
        Candidate {
            id: upstream.id,
            enabled: upstream.enabled,
            priority: upstream.priority,
            position: upstream.position,
            weight: upstream.weight,
            rules: &upstream.rules,
            keys: &upstream.keys,
            standing: upstream.measured.standing(model, now_ms),
            in_flight: upstream.measured.in_flight(),
            first_byte_ewma_us: if fastest { upstream.measured.first_byte_us(now_ms) } else { 0.0 },
            success_count: upstream.success_count + calls.successes,
            failed_count: upstream.failed_count + calls.failures,
        }
    };
    snapshot.upstreams.iter().map(candidate).collect()
}

/// Makes a snapshot of rows, keeping what `before` had measured; also what is wrong with them, a line each.
fn snapshot(rows: &Rows, before: Option<&Known>) -> (Snapshot, Known, Vec<String>) {
    let (mut settings, problems) = Settings::parse(&rows.settings);
    let authorization = rows.settings.iter().find(|(key, _)| key == "authorization");
    settings.keys = keys::in_force(authorization.map_or("", |(_, value)| value), &rows.keys);
    let mut problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let (mut upstreams, mut known) = (Vec::new(), Known::new());
    for row in &rows.upstreams {
        let identity = Upstream::identity(row);
        let measured = before.and_then(|before| before.get(&identity)).cloned().unwrap_or_default();
        match Upstream::parse(row, &settings.clocks, Arc::clone(&measured)) {
            Ok(upstream) => {
                upstreams.push(Arc::new(upstream));
                known.insert(identity, measured);
            }
            Err(problem) => problems.push(format!("upstream {}: {problem}; it is skipped", row.id)),
        }
    }
    let prices = Arc::new(PriceBook::new(rows.prices.iter().map(PriceRow::price).collect()));
    (Snapshot { settings, upstreams, prices }, known, problems)
}

type Known = HashMap<Identity, Arc<Measured>>;
