//! Tests of the order of a plan.
//!
//! **Invariant:** nothing here sleeps or draws chance: times and tickets are written down.
//! **May import:** std, and this room.

use crate::balance::candidate::{Candidate, Need};
use crate::balance::glob::ModelRules;
use crate::balance::plan::{Plan, WhyNot, earliest_recovery_ms, plan, why_not};
use crate::balance::policy::Policy;
use crate::balance::standing::Standing;

const NO_RULES: &ModelRules = &ModelRules { allow: Vec::new(), deny: Vec::new() };
const NEED: Need<'static> = Need { model: "gpt-4o", key_name: "team", key_models: None, home: None, conversation: 0 };

fn upstream(id: i64, standing: Standing) -> Candidate<'static> {
    Candidate {
        id,
        enabled: true,
        priority: 0,
        position: id,
        weight: 1,
        rules: NO_RULES,
        keys: &[],
        standing,
        in_flight: 0,
        first_byte_ewma_us: 0.0,
        success_count: 0,
        failed_count: 0,
    }
}

fn ids(candidates: &[Candidate<'_>], plan: &Plan) -> Vec<i64> {
    plan.order.iter().map(|&index| candidates[index].id).collect()
}

#[test]
fn what_the_operator_rules_out_is_in_no_plan() {
    let denies = ModelRules::parse("", "gpt-4*");
    let allows = ModelRules::parse("o3", "");
    let others = ["ops".to_owned()];
    let own = ["ops".to_owned(), "team".to_owned()];
    let mut candidates: Vec<_> = (1..=6).map(|id| upstream(id, Standing::Ready)).collect();
    candidates[0].enabled = false;
    candidates[1].rules = &denies;
    candidates[2].rules = &allows;
    candidates[3].keys = &others;
    candidates[4].keys = &own;
    let reasons: Vec<_> = candidates.iter().map(|candidate| why_not(candidate, &NEED)).collect();
    assert_eq!(
        reasons,
        [
            Some(WhyNot::Disabled),
            Some(WhyNot::ModelDenied),
            Some(WhyNot::ModelNotAllowed),
            Some(WhyNot::KeyNotAllowed),
            None,
            None,
        ]
    );
    for policy in Policy::ALL {
        for home in [None, Some(1), Some(2), Some(4), Some(99)] {
            let found = plan(policy, &candidates, &Need { home, ..NEED }, 1);
            let mut found = ids(&candidates, &found);
            found.sort_unstable();
            assert_eq!(found, [5, 6], "{policy}, home {home:?}");
        }
    }
    assert_eq!(plan(Policy::Main, &candidates[..4], &NEED, 0), Plan { order: vec![], last_resort: true });
}

#[test]
fn ready_tiers_come_in_turn_and_the_rest_least_bad_first_under_every_policy() {
    let mut candidates = vec![
        upstream(1, Standing::KeyBad),
        upstream(2, Standing::Cooling { until_ms: 9_000 }),
        upstream(3, Standing::Ready),
        upstream(4, Standing::Cooling { until_ms: 4_000 }),
        upstream(5, Standing::Ready),
        upstream(6, Standing::Probing { until_ms: 50_000 }),
        upstream(7, Standing::Probe),
    ];
    candidates[2].priority = 5;
    candidates[1].priority = -1;
    for policy in Policy::ALL {
        for ticket in 0..20 {
            let plan = plan(policy, &candidates, &Need { conversation: ticket, ..NEED }, ticket);
            let mut order = ids(&candidates, &plan);
            order[..2].sort_unstable();
            assert_eq!(order, [5, 7, 3, 6, 4, 2, 1], "{policy} at {ticket}");
            assert!(!plan.last_resort);
        }
    }
}

#[test]
fn a_probe_stands_where_the_policy_puts_it() {
    let candidates = [upstream(1, Standing::Probe), upstream(2, Standing::Ready)];
    assert_eq!(plan(Policy::Order, &candidates, &NEED, 0).order, [0, 1]);
    assert_eq!(plan(Policy::RoundRobin, &candidates, &NEED, 1).order, [1, 0]);
}

#[test]
fn when_nothing_is_ready_the_least_bad_is_tried_first() {
    let candidates = [
        upstream(1, Standing::KeyBad),
        upstream(2, Standing::Cooling { until_ms: 9_000 }),
        upstream(3, Standing::Cooling { until_ms: 8_000 }),
    ];
    let expected = Plan { order: vec![2, 1, 0], last_resort: true };
    assert_eq!(plan(Policy::Random, &candidates, &NEED, 3), expected);
    assert_eq!(earliest_recovery_ms(&candidates, &NEED), Some(8_000));
    assert_eq!(why_not(&candidates[1], &NEED), Some(WhyNot::Cooling { until_ms: 9_000 }));
    assert_eq!(why_not(&candidates[0], &NEED), Some(WhyNot::KeyBad));
}

#[test]
fn a_half_open_upstream_is_no_last_resort() {
    let candidates = [upstream(1, Standing::KeyBad), upstream(2, Standing::Probe)];
    assert_eq!(plan(Policy::Main, &candidates, &NEED, 0), Plan { order: vec![1, 0], last_resort: false });
}

#[test]
fn the_home_of_a_resource_comes_first_whatever_its_health() {
    let candidates = [
        upstream(1, Standing::Ready),
        upstream(2, Standing::Ready),
        upstream(3, Standing::Cooling { until_ms: 9_000 }),
        upstream(4, Standing::KeyBad),
    ];
    let need = Need { home: Some(4), ..NEED };
    assert_eq!(ids(&candidates, &plan(Policy::Order, &candidates, &need, 0)), [4, 1, 2, 3]);
    let need = Need { home: Some(2), ..NEED };
    let found = plan(Policy::Order, &candidates, &need, 0);
    assert_eq!(ids(&candidates, &found), [2, 1, 3, 4]);
    assert!(!found.last_resort);
}

#[test]
fn recovery_is_told_only_when_waiting_can_help() {
    let bad = upstream(1, Standing::KeyBad);
    let cooling = upstream(2, Standing::Cooling { until_ms: 7_000 });
    let probing = upstream(3, Standing::Probing { until_ms: 6_000 });
    let disabled = Candidate { enabled: false, ..upstream(4, Standing::Cooling { until_ms: 1 }) };
    assert_eq!(earliest_recovery_ms(&[bad], &NEED), None);
    assert_eq!(earliest_recovery_ms(&[bad, cooling, probing, disabled], &NEED), Some(6_000));
    assert_eq!(earliest_recovery_ms(&[cooling, upstream(5, Standing::Ready)], &NEED), None);
}
