//! Tests of the policies: literal orders and shares.
//!
//! **Invariant:** nothing here sleeps or draws chance: times and tickets are written down.
//! **May import:** std, and this room.

use crate::balance::arrange::arrange;
use crate::balance::candidate::{Candidate, Need};
use crate::balance::glob::ModelRules;
use crate::balance::policy::Policy;
use crate::balance::standing::Standing;

const NO_RULES: &ModelRules = &ModelRules { allow: Vec::new(), deny: Vec::new() };

fn upstreams<const N: usize>(change: impl Fn(usize, &mut Candidate<'static>)) -> [Candidate<'static>; N] {
    std::array::from_fn(|index| {
        let mut candidate = Candidate {
            id: index as i64 + 1,
            enabled: true,
            priority: 0,
            position: 0,
            weight: 1,
            rules: NO_RULES,
            keys: &[],
            standing: Standing::Ready,
            in_flight: 0,
            first_byte_ewma_us: 0.0,
            success_count: 0,
            failed_count: 0,
        };
        change(index, &mut candidate);
        candidate
    })
}

fn order(policy: Policy, candidates: &[Candidate<'_>], conversation: u64, ticket: u64) -> Vec<usize> {
    let mut tier: Vec<usize> = (0..candidates.len()).collect();
    let need = Need { model: "m", key_name: "", key_models: None, home: None, conversation };
    arrange(policy, &mut tier, candidates, &need, ticket);
    tier
}

/// How often each comes first in `tickets` requests from ticket 0 on.
fn shares<const N: usize>(policy: Policy, candidates: &[Candidate<'_>; N], tickets: u64) -> [u64; N] {
    let mut shares = [0; N];
    for ticket in 0..tickets {
        shares[order(policy, candidates, ticket, ticket)[0]] += 1;
    }
    shares
}

#[test]
fn every_policy_keeps_every_candidate_once() {
    for policy in Policy::ALL {
        let candidates = upstreams::<7>(|index, it| {
            it.weight = [0, 5, 0, 3, 9, u32::MAX, 1][index];
            it.first_byte_ewma_us = [0.0, f64::NAN, f64::INFINITY, -1.0, 5e5, 1e6, 2e6][index];
        });
        for ticket in (0..200).chain([u64::MAX, u64::MAX - 1]) {
            let mut seen = order(policy, &candidates, ticket, ticket);
            seen.sort_unstable();
            assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6], "{policy} at {ticket}");
        }
        assert_eq!(order(policy, &candidates[..1], 0, 5), [0]);
        assert_eq!(order(policy, &[], 0, 5), [0; 0]);
    }
}

#[test]
fn main_prefers_few_failures_then_many_successes() {
    let candidates = upstreams::<4>(|index, it| {
        (it.failed_count, it.success_count) = [(1, 900), (0, 3), (0, 7), (0, 3)][index];
    });
    assert_eq!(order(Policy::Main, &candidates, 0, 77), [2, 1, 3, 0]);
}

#[test]
fn order_keeps_the_operators_list() {
    assert_eq!(order(Policy::Order, &upstreams::<3>(|_, _| {}), 9, 77), [0, 1, 2]);
}

#[test]
fn round_robin_takes_turns_by_ticket() {
    let candidates = upstreams::<3>(|_, _| {});
    for policy in [Policy::RoundRobin, Policy::RoundRobinAvailable] {
        let orders: Vec<Vec<usize>> = (0..4).map(|ticket| order(policy, &candidates, 0, ticket)).collect();
        assert_eq!(orders, [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]);
    }
}

#[test]
fn random_is_uniform_in_the_first_and_in_the_second_place() {
    let candidates = upstreams::<3>(|_, _| {});
    let mut pairs = [[0_u32; 3]; 3];
    for ticket in 0..6_000 {
        let order = order(Policy::Random, &candidates, 0, ticket);
        pairs[order[0]][order[1]] += 1;
    }
    for (first, row) in pairs.iter().enumerate() {
        for (second, &count) in row.iter().enumerate() {
            let expected = if first == second { 0..1 } else { 900..1_100 };
            assert!(expected.contains(&count), "{first} then {second}: {count}");
        }
    }
}

#[test]
fn weighted_gives_exact_shares_and_spreads_the_turns() {
    let candidates = upstreams::<3>(|index, it| it.weight = [5, 1, 1][index]);
    let firsts: Vec<usize> = (0..7).map(|ticket| order(Policy::Weighted, &candidates, 0, ticket)[0]).collect();
    assert_eq!(firsts, [0, 1, 0, 0, 0, 2, 0]);
    assert_eq!(shares(Policy::Weighted, &candidates, 7_000), [5_000, 1_000, 1_000]);
}

#[test]
fn weight_zero_comes_after_all_others() {
    let candidates = upstreams::<4>(|index, it| it.weight = [0, 1, 0, 9][index]);
    for ticket in 0..50 {
        let weighted = order(Policy::Weighted, &candidates, 0, ticket);
        assert!(weighted[0] % 2 == 1 && weighted[1] % 2 == 1, "{weighted:?}");
        let sticky = order(Policy::Sticky, &candidates, ticket, 0);
        assert!(sticky[0] % 2 == 1 && sticky[1] % 2 == 1, "{sticky:?}");
    }
    let none_weighs = upstreams::<2>(|_, it| it.weight = 0);
    assert_eq!(shares(Policy::Weighted, &none_weighs, 10), [5, 5]);
}

#[test]
fn what_follows_a_weighted_first_choice_is_drawn_by_weight_too() {
    let candidates = upstreams::<3>(|index, it| it.weight = [2, 1, 3][index]);
    let mut seconds = [0_u32; 3];
    for ticket in 0..6_000 {
        let order = order(Policy::Weighted, &candidates, 0, ticket);
        if order[0] == 0 {
            seconds[order[1]] += 1;
        }
    }
    // 2,000 times the first one leads; behind it the others stand 1 to 3.
    assert_eq!(seconds.iter().sum::<u32>(), 2_000);
    assert!((420..580).contains(&seconds[1]), "{seconds:?}");
}

#[test]
fn least_busy_asks_the_idlest_and_takes_turns_among_equals() {
    let candidates = upstreams::<3>(|index, it| it.in_flight = [2, 1, 1][index]);
    assert_eq!(order(Policy::LeastBusy, &candidates, 0, 0), [1, 2, 0]);
    assert_eq!(order(Policy::LeastBusy, &candidates, 0, 2), [2, 1, 0]);
}

#[test]
fn fastest_of_two_takes_the_shorter_expected_wait() {
    let candidates = upstreams::<2>(|index, it| {
        it.first_byte_ewma_us = [300_000.0, 200_000.0][index];
    });
    assert_eq!(shares(Policy::Fastest, &candidates, 100), [0, 100]);
    let one_is_loaded = upstreams::<2>(|index, it| {
        (it.first_byte_ewma_us, it.in_flight) = [(300_000.0, 0), (200_000.0, 1)][index];
    });
    assert_eq!(shares(Policy::Fastest, &one_is_loaded, 100), [100, 0]);
}

#[test]
fn fastest_never_leads_with_the_slowest_and_does_not_herd_to_the_best() {
    let candidates = upstreams::<4>(|index, it| it.first_byte_ewma_us = [4e5, 1e5, 3e5, 2e5][index]);
    let shares = shares(Policy::Fastest, &candidates, 6_000);
    // Of the six pairs the best is in three, the second is the better one of two, the third of one.
    assert_eq!(shares[0], 0);
    for (share, expected) in [(shares[1], 3_000), (shares[3], 2_000), (shares[2], 1_000)] {
        assert!(share.abs_diff(expected) < 150, "{shares:?}");
    }
}

#[test]
fn an_unmeasured_upstream_is_tried_but_not_flooded() {
    let idle = upstreams::<2>(|index, it| it.first_byte_ewma_us = [200_000.0, 0.0][index]);
    assert_eq!(shares(Policy::Fastest, &idle, 100), [50, 50]);
    let busy = upstreams::<2>(|index, it| {
        (it.first_byte_ewma_us, it.in_flight) = [(200_000.0, 1), (0.0, 2)][index];
    });
    assert_eq!(shares(Policy::Fastest, &busy, 100), [100, 0]);
}

#[test]
fn a_conversation_sticks_whatever_the_ticket_and_shares_follow_weight() {
    let candidates = upstreams::<3>(|index, it| it.weight = [1, 2, 1][index]);
    assert_eq!(order(Policy::Sticky, &candidates, 42, 1), order(Policy::Sticky, &candidates, 42, 2));
    let shares = shares(Policy::Sticky, &candidates, 8_000);
    for (share, expected) in shares.into_iter().zip([2_000, 4_000, 2_000]) {
        assert!(share.abs_diff(expected) < 200, "{shares:?}");
    }
}

#[test]
fn only_the_conversations_of_a_lost_upstream_move() {
    let candidates = upstreams::<4>(|_, _| {});
    for conversation in 0..500 {
        let all = order(Policy::Sticky, &candidates, conversation, 0);
        let without_last = order(Policy::Sticky, &candidates[..3], conversation, 0);
        let expected: Vec<usize> = all.into_iter().filter(|&index| index != 3).collect();
        assert_eq!(without_last, expected);
    }
}
