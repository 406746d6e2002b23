//! Tests of the breaker: literal sequences of signals.
//!
//! **Invariant:** nothing here sleeps or draws chance: times and tickets are written down.
//! **May import:** std, and this room.

use crate::balance::breaker::BreakerConfig;
use crate::balance::health::{Change, Claim, Health, PROBE_LOST_MS, Signal};
use crate::balance::standing::Standing;

const FAILED: Signal = Signal::Failure { at_once: false };
const UNREACHED: Signal = Signal::Failure { at_once: true };

fn observe(health: &mut Health, signal: Signal, now_ms: i64) -> Option<Change> {
    health.observe(signal, now_ms, &BreakerConfig::default())
}

/// Opened at 1,000 ms, so half-open from 6,000 ms on.
fn opened() -> Health {
    let mut health = Health::new();
    assert_eq!(observe(&mut health, UNREACHED, 1_000), Some(Change::Opened { until_ms: 6_000 }));
    health
}

#[test]
fn the_third_failure_in_a_row_opens_and_a_success_between_starts_over() {
    let mut health = Health::new();
    for (signal, expected) in [
        (FAILED, None),
        (FAILED, None),
        (Signal::Success, None),
        (FAILED, None),
        (FAILED, None),
        (FAILED, Some(Change::Opened { until_ms: 6_000 })),
        (FAILED, None),
    ] {
        assert_eq!(observe(&mut health, signal, 1_000), expected);
    }
    assert_eq!(health.standing(5_999), Standing::Cooling { until_ms: 6_000 });
    assert_eq!(health.standing(6_000), Standing::Probe);
}

#[test]
fn a_failed_connection_opens_at_once() {
    assert_eq!(opened().standing(1_000), Standing::Cooling { until_ms: 6_000 });
}

#[test]
fn every_other_request_failing_opens_when_there_are_enough_to_judge() {
    let mut health = Health::new();
    for number in 0..19 {
        let signal = if number % 2 == 0 { Signal::Success } else { FAILED };
        assert_eq!(observe(&mut health, signal, 1_000), None, "request {number}");
    }
    assert_eq!(observe(&mut health, FAILED, 1_000), Some(Change::Opened { until_ms: 6_000 }));
}

#[test]
fn one_request_probes_and_its_success_closes() {
    let mut health = opened();
    assert_eq!(health.claim_probe(5_999), Claim::Taken);
    assert_eq!(health.claim_probe(6_000), Claim::Probe);
    assert_eq!(health.claim_probe(6_001), Claim::Taken);
    assert_eq!(health.standing(6_001), Standing::Probing { until_ms: 66_000 });
    assert_eq!(observe(&mut health, Signal::Success, 7_000), Some(Change::Closed { down_ms: 6_000 }));
    assert_eq!(health.standing(7_000), Standing::Ready);
    assert_eq!(health.claim_probe(7_000), Claim::Free);
}

#[test]
fn each_failed_probe_doubles_the_time_up_to_the_cap_and_is_no_news() {
    let mut health = opened();
    let mut now_ms = 6_000;
    for open_ms in [10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000] {
        assert_eq!(health.claim_probe(now_ms), Claim::Probe);
        assert_eq!(observe(&mut health, FAILED, now_ms), None);
        assert_eq!(health.standing(now_ms), Standing::Cooling { until_ms: now_ms + open_ms });
        now_ms += open_ms;
    }
    assert_eq!(observe(&mut health, Signal::Success, now_ms), Some(Change::Closed { down_ms: now_ms - 1_000 }));
    assert_eq!(observe(&mut health, UNREACHED, 0), Some(Change::Opened { until_ms: 5_000 }));
}

#[test]
fn failures_of_last_resort_tries_do_not_lengthen_the_rest() {
    let mut health = opened();
    for now_ms in 1_001..1_100 {
        assert_eq!(observe(&mut health, UNREACHED, now_ms), None);
    }
    assert_eq!(health.standing(6_000), Standing::Probe);
}

#[test]
fn a_success_of_a_last_resort_try_closes() {
    let mut health = opened();
    assert_eq!(observe(&mut health, Signal::Success, 2_000), Some(Change::Closed { down_ms: 1_000 }));
}

#[test]
fn a_released_probe_is_free_at_once_and_a_lost_one_after_a_while() {
    let mut health = opened();
    assert_eq!(health.claim_probe(6_000), Claim::Probe);
    health.release_probe(6_500);
    assert_eq!(health.claim_probe(6_500), Claim::Probe);
    assert_eq!(health.claim_probe(6_500 + PROBE_LOST_MS - 1), Claim::Taken);
    assert_eq!(health.claim_probe(6_500 + PROBE_LOST_MS), Claim::Probe);
}

#[test]
fn releasing_what_is_not_probed_changes_nothing() {
    let mut health = opened();
    health.release_probe(2_000);
    assert_eq!(health.standing(2_000), Standing::Cooling { until_ms: 6_000 });
}

#[test]
fn a_rate_limit_cools_until_its_latest_time_and_then_needs_no_probe() {
    let mut health = Health::new();
    let cool = |until_ms| Signal::Cool { until_ms };
    assert_eq!(observe(&mut health, cool(Some(9_000)), 1_000), Some(Change::Cooled { until_ms: 9_000 }));
    assert_eq!(observe(&mut health, cool(Some(8_000)), 1_100), None);
    assert_eq!(observe(&mut health, cool(Some(20_000)), 1_200), None);
    assert_eq!(observe(&mut health, Signal::Success, 1_300), None);
    assert_eq!(health.standing(19_999), Standing::Cooling { until_ms: 20_000 });
    assert_eq!(health.standing(20_000), Standing::Ready);
    assert_eq!(observe(&mut health, Signal::Success, 500_000), Some(Change::Closed { down_ms: 19_000 }));
}

#[test]
fn a_rate_limit_without_a_time_or_with_one_gone_by_cools_for_the_first_open_time() {
    for until_ms in [None, Some(900), Some(1_000)] {
        let mut health = Health::new();
        let change = observe(&mut health, Signal::Cool { until_ms }, 1_000);
        assert_eq!(change, Some(Change::Cooled { until_ms: 6_000 }));
    }
}

#[test]
fn a_probe_that_meets_a_rate_limit_waits_for_the_time_named() {
    let mut health = opened();
    assert_eq!(health.claim_probe(6_000), Claim::Probe);
    assert_eq!(observe(&mut health, Signal::Cool { until_ms: Some(8_000) }, 6_100), None);
    assert_eq!(health.standing(7_999), Standing::Cooling { until_ms: 8_000 });
    assert_eq!(health.standing(8_000), Standing::Ready);
    assert_eq!(observe(&mut health, Signal::Success, 8_500), Some(Change::Closed { down_ms: 7_000 }));
}

#[test]
fn an_upstream_that_breaks_while_cooling_opens_and_is_down_since_it_cooled() {
    let mut health = Health::new();
    observe(&mut health, Signal::Cool { until_ms: Some(30_000) }, 1_000);
    assert_eq!(observe(&mut health, UNREACHED, 2_000), Some(Change::Opened { until_ms: 30_000 }));
    assert_eq!(health.standing(30_000), Standing::Probe);
    assert_eq!(observe(&mut health, Signal::Success, 31_000), Some(Change::Closed { down_ms: 30_000 }));
}

#[test]
fn a_bad_key_stays_out_until_something_succeeds() {
    let mut health = opened();
    assert_eq!(observe(&mut health, Signal::KeyBad, 2_000), Some(Change::KeyBad));
    for signal in [Signal::KeyBad, FAILED, UNREACHED, Signal::Cool { until_ms: None }] {
        assert_eq!(observe(&mut health, signal, 3_000), None);
    }
    assert_eq!(health.standing(i64::MAX), Standing::KeyBad);
    assert_eq!(health.claim_probe(i64::MAX), Claim::Taken);
    assert_eq!(observe(&mut health, Signal::Success, 5_000), Some(Change::Closed { down_ms: 4_000 }));
    assert_eq!(health.standing(5_000), Standing::Ready);
}
