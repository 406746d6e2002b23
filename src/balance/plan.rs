//! The order in which upstreams are tried for one request. Start at [`plan`].
//!
//! Four questions, each subordinate to the one before: may it be asked at all ([`why_not`]'s hard reasons), does the
//! named resource live there, is it ready, and in which tier is it. What is left open is the policy's.
//!
//! **Invariant:** no candidate that may be asked is missing from a plan: ill health moves an upstream back, never out,
//! so nothing here can make an outage of its own.
//! **May import:** std, and this room's `arrange`, `candidate`, `glob`, `policy` and `standing`.

use crate::balance::arrange::arrange;
use crate::balance::candidate::{Candidate, Need};
use crate::balance::glob::Admission;
use crate::balance::policy::Policy;
use crate::balance::standing::Standing;

/// Whom to try, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Indices into the candidates, first choice first. Empty when none may be asked.
    pub order: Vec<usize>,
    /// Nothing is ready or may be probed: the order is "least bad first".
    pub last_resort: bool,
}

/// Why an upstream is not, or not gladly, asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyNot {
    /// The operator switched it off.
    Disabled,
    /// It has an allow list and the model is not on it.
    ModelNotAllowed,
    /// The model is on its deny list.
    ModelDenied,
    /// It is for other caller keys.
    KeyNotAllowed,
    /// The caller's key may not ask for the model, whoever serves it.
    ModelNotForKey,
    /// It failed and rests; asked only when nothing is ready.
    Cooling {
        /// Until this Unix time in milliseconds.
        until_ms: i64,
    },
    /// Its key is refused; asked only when nothing better is there.
    KeyBad,
    /// One request is finding out whether it works again; asked only when nothing is ready.
    Probing,
}

/// Why `candidate` is not asked for `need`: first what rules it out, then what moves it back, else `None`.
pub fn why_not(candidate: &Candidate<'_>, need: &Need<'_>) -> Option<WhyNot> {
    ruled_out(candidate, need).or(match candidate.standing {
        Standing::Ready | Standing::Probe => None,
        Standing::Probing { .. } => Some(WhyNot::Probing),
        Standing::Cooling { until_ms } => Some(WhyNot::Cooling { until_ms }),
        Standing::KeyBad => Some(WhyNot::KeyBad),
    })
}

/// The reasons that health has no part in: no plan holds such a candidate.
fn ruled_out(candidate: &Candidate<'_>, need: &Need<'_>) -> Option<WhyNot> {
    if !candidate.enabled {
        return Some(WhyNot::Disabled);
    }
    if !candidate.keys.is_empty() && !candidate.keys.iter().any(|name| name == need.key_name) {
        return Some(WhyNot::KeyNotAllowed);
    }
    if need.key_models.is_some_and(|models| models.judge(need.model) != Admission::Admitted) {
        return Some(WhyNot::ModelNotForKey);
    }
    match candidate.rules.judge(need.model) {
        Admission::Admitted => None,
        Admission::NotAllowed => Some(WhyNot::ModelNotAllowed),
        Admission::Denied => Some(WhyNot::ModelDenied),
    }
}

/// Order all candidates that may be asked.
///
/// Those that are ready come first, by tier, and within a tier by `policy`. One that may be probed stands where
/// the policy puts it, or it would never be found well again: the caller claims the probe
/// ([`crate::balance::health::Health::claim_probe`]) and goes on to the next if another request was quicker. All others
/// follow, least bad first. The home of a named resource comes before everything, whatever its health: the resource
/// exists nowhere else.
pub fn plan(policy: Policy, candidates: &[Candidate<'_>], need: &Need<'_>, ticket: u64) -> Plan {
    let mut order = Vec::with_capacity(candidates.len());
    order.extend((0..candidates.len()).filter(|&index| ruled_out(&candidates[index], need).is_none()));
    order.sort_unstable_by_key(|&index| {
        let candidate = &candidates[index];
        (badness(candidate.standing), candidate.priority, candidate.position, candidate.id)
    });
    let ready = order.partition_point(|&index| badness(candidates[index].standing) == READY);
    let same_tier = |a: &usize, b: &usize| candidates[*a].priority == candidates[*b].priority;
    for tier in order[..ready].chunk_by_mut(same_tier) {
        arrange(policy, tier, candidates, need, ticket);
    }
    if let Some(place) = need.home.and_then(|home| order.iter().position(|&index| candidates[index].id == home)) {
        order[..=place].rotate_right(1);
    }
    Plan { order, last_resort: ready == 0 }
}

/// When the first of those that may be asked and are not ready is expected back, in Unix milliseconds: what a caller
/// that got nothing is told to wait for. `None` if one is ready now, or if no time is known (bad keys recover by hand).
pub fn earliest_recovery_ms(candidates: &[Candidate<'_>], need: &Need<'_>) -> Option<i64> {
    let mut earliest: Option<i64> = None;
    for candidate in candidates.iter().filter(|candidate| ruled_out(candidate, need).is_none()) {
        match candidate.standing {
            Standing::Ready | Standing::Probe => return None,
            Standing::Cooling { until_ms } | Standing::Probing { until_ms } => {
                earliest = Some(earliest.map_or(until_ms, |other| other.min(until_ms)));
            }
            Standing::KeyBad => {}
        }
    }
    earliest
}

const READY: (u8, i64) = (0, 0);

/// Sorts the ready before those being probed, these before the cooling (soonest back first), bad keys last.
fn badness(standing: Standing) -> (u8, i64) {
    match standing {
        Standing::Ready | Standing::Probe => READY,
        Standing::Probing { .. } => (1, 0),
        Standing::Cooling { until_ms } => (2, until_ms),
        Standing::KeyBad => (3, 0),
    }
}

#[cfg(test)]
mod tests;
