//! What each policy does: it puts the upstreams of one tier, all equally ready, in order. Start at [`arrange`].
//!
//! No policy keeps state of its own. What alternates does so by `ticket`, a counter that grows by one with each request
//! of a lane ([`crate::balance::candidate::lane`]); so any number of requests at the same moment alternate as well.
//!
//! **Invariant:** nothing here adds, drops or judges a candidate; the same arguments give the same order.
//! **May import:** std, and this room's `candidate`, `policy` and `turns`.

use crate::balance::candidate::{Candidate, Need, mix};
use crate::balance::policy::Policy;
use crate::balance::turns::whose_turn;

/// Put `tier`, indices into `candidates` that come sorted by position and id, into the order of `policy`.
pub fn arrange(policy: Policy, tier: &mut [usize], candidates: &[Candidate<'_>], need: &Need<'_>, ticket: u64) {
    if tier.len() < 2 {
        return;
    }
    match policy {
        Policy::Main => tier.sort_by_key(|&index| {
            let candidate = &candidates[index];
            (candidate.failed_count, std::cmp::Reverse(candidate.success_count))
        }),
        Policy::Random | Policy::RandomAvailable => shuffle(tier, ticket),
        Policy::RoundRobin | Policy::RoundRobinAvailable => rotate(tier, ticket),
        Policy::Order => {}
        Policy::Weighted => in_proportion(tier, candidates, ticket),
        Policy::LeastBusy => {
            rotate(tier, ticket);
            tier.sort_by_key(|&index| candidates[index].in_flight);
        }
        Policy::Fastest => better_of_two(tier, candidates, ticket),
        Policy::Sticky => tier.sort_by_cached_key(|&index| distance(&candidates[index], need.conversation)),
    }
}

fn rotate(tier: &mut [usize], ticket: u64) {
    tier.rotate_left((ticket % tier.len() as u64) as usize);
}

/// Fisher and Yates' shuffle.
fn shuffle(tier: &mut [usize], ticket: u64) {
    let seed = mix(ticket);
    for last in (1..tier.len()).rev() {
        let chosen = mix(seed.wrapping_add(last as u64)) % (last as u64 + 1);
        tier.swap(last, chosen as usize);
    }
}

/// Who comes first is a matter of turns. Who comes after is drawn by weight, so that a failed upstream's load spreads
/// over all others and does not fall onto its neighbour.
fn in_proportion(tier: &mut [usize], candidates: &[Candidate<'_>], ticket: u64) {
    let weight = |index: usize| candidates[index].weight;
    tier.sort_by_key(|&index| weight(index) == 0);
    let weighted = tier.partition_point(|&index| weight(index) > 0);
    let (tier, unweighted) = tier.split_at_mut(weighted);
    if !unweighted.is_empty() {
        rotate(unweighted, ticket);
    }
    let Some(first) = whose_turn(tier.len(), |place| weight(tier[place]), ticket) else {
        return;
    };
    tier[..=first].rotate_right(1);
    let seed = mix(ticket);
    let mut left: u64 = tier[1..].iter().map(|&index| u64::from(weight(index))).sum();
    for place in 1..tier.len() {
        let mut drawn = mix(seed.wrapping_add(place as u64)) % left;
        let mut chosen = place;
        while drawn >= u64::from(weight(tier[chosen])) {
            drawn -= u64::from(weight(tier[chosen]));
            chosen += 1;
        }
        left -= u64::from(weight(tier[chosen]));
        tier.swap(place, chosen);
    }
}

/// The power of two choices (Mitzenmacher 2001) on peak-EWMA × load, as in Finagle and tower: always taking the best
/// would send everything to whoever looked best a moment ago. The rest follow, shortest expected wait first.
///
/// An upstream not measured (lately) counts as good as the best one, so it is soon measured, and requests
/// under way count from the first on, so it is not flooded meanwhile.
fn better_of_two(tier: &mut [usize], candidates: &[Candidate<'_>], ticket: u64) {
    let known = |index: usize| Some(candidates[index].first_byte_ewma_us).filter(|us| us.is_finite() && *us > 0.0);
    let best = tier.iter().filter_map(|&index| known(index)).fold(f64::INFINITY, f64::min);
    let unmeasured = if best.is_finite() { best } else { 1.0 };
    let wait = |index: usize| known(index).unwrap_or(unmeasured) * (f64::from(candidates[index].in_flight) + 1.0);
    rotate(tier, ticket);
    tier.sort_by(|&a, &b| wait(a).total_cmp(&wait(b)));

    let (bits, len) = (mix(ticket), tier.len() as u64);
    let first = bits % len;
    let second = (first + 1 + (bits >> 32) % (len - 1)) % len;
    // Sorted by wait, the better of the two is the one further ahead.
    tier[..=first.min(second) as usize].rotate_right(1);
}

/// Weighted rendezvous hashing: a conversation goes to the upstream with the smallest −ln(u) ÷ weight, where u in (0, 1)
/// is the hash of both. When an upstream comes or goes, only its own conversations move. Compared by its
/// bits, whose order is that of the numbers as long as these are positive; weight 0 is infinitely far.
fn distance(candidate: &Candidate<'_>, conversation: u64) -> u64 {
    let bits = mix(mix(candidate.id as u64) ^ conversation);
    let uniform = ((bits >> 12) as f64 + 0.5) / (1_u64 << 52) as f64;
    (-uniform.ln() / f64::from(candidate.weight)).to_bits()
}

#[cfg(test)]
mod tests;
