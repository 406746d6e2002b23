//! Tests of the table of faults and of what follows.
//!
//! **Invariant:** nothing here sleeps or draws chance: times and tickets are written down.
//! **May import:** std, and this room.

use crate::balance::verdict::{Failure, Fault, Outcome, Situation, Verdict, fault, verdict};

const FRESH: Situation = Situation { answered: true, replayable: true, committed: false, more: true };

fn status(status: u16, quota: bool) -> Outcome {
    Outcome::Status { status, quota, cool_until_ms: None }
}

fn statuses_of(wanted: Fault) -> Vec<u16> {
    (400..=499).filter(|&number| fault(&status(number, false), false) == wanted).collect()
}

#[test]
fn every_status_has_its_fault() {
    assert_eq!(statuses_of(Fault::Key), [401, 402, 403]);
    assert_eq!(statuses_of(Fault::Upstream), [407, 408, 421, 425, 429]);
    assert_eq!(statuses_of(Fault::Request).len(), 92);
    assert_eq!(statuses_of(Fault::Nobody), [0u16; 0]);
    for (number, expected) in [
        (0, Fault::Upstream),
        (100, Fault::Upstream),
        (101, Fault::Nobody),
        (200, Fault::Nobody),
        (206, Fault::Nobody),
        (304, Fault::Nobody),
        (399, Fault::Nobody),
        (500, Fault::Upstream),
        (529, Fault::Upstream),
        (599, Fault::Upstream),
        (999, Fault::Upstream),
    ] {
        assert_eq!(fault(&status(number, false), false), expected, "{number}");
    }
}

#[test]
fn an_empty_account_is_the_keys_fault_under_every_refusal() {
    for number in [400, 402, 403, 429] {
        assert_eq!(fault(&status(number, true), false), Fault::Key, "{number}");
    }
    assert_eq!(fault(&status(200, true), false), Fault::Nobody);
    assert_eq!(fault(&status(500, true), false), Fault::Upstream);
}

#[test]
fn a_callers_own_key_blames_no_upstream() {
    for outcome in [status(401, false), status(402, false), status(403, false), status(429, false), status(429, true)] {
        assert_eq!(fault(&outcome, true), Fault::Request, "{outcome:?}");
    }
    assert_eq!(fault(&status(503, false), true), Fault::Upstream);
}

#[test]
fn an_error_within_a_stream_is_judged_by_what_it_says() {
    let error = |quota, status_hint| Outcome::Failed(Failure::StreamError { quota, status_hint });
    for (outcome, expected) in [
        (error(false, None), Fault::Upstream),
        (error(false, Some(200)), Fault::Upstream),
        (error(false, Some(429)), Fault::Upstream),
        (error(false, Some(400)), Fault::Request),
        (error(false, Some(401)), Fault::Key),
        (error(true, Some(429)), Fault::Key),
    ] {
        assert_eq!(fault(&outcome, false), expected, "{outcome:?}");
    }
    assert_eq!(fault(&Outcome::Failed(Failure::Reset), false), Fault::Upstream);
    assert_eq!(fault(&Outcome::CallerLeft, false), Fault::Nobody);
}

#[test]
fn only_key_and_upstream_faults_go_on_to_the_next() {
    assert_eq!(verdict(Fault::Key, FRESH), Verdict::Next);
    assert_eq!(verdict(Fault::Upstream, FRESH), Verdict::Next);
    assert_eq!(verdict(Fault::Upstream, Situation { answered: false, ..FRESH }), Verdict::Next);
    assert_eq!(verdict(Fault::Request, FRESH), Verdict::Reply);
    assert_eq!(verdict(Fault::Nobody, FRESH), Verdict::Reply);
}

#[test]
fn what_cannot_go_on_is_passed_on_or_given_up() {
    for stuck in [
        Situation { replayable: false, ..FRESH },
        Situation { committed: true, ..FRESH },
        Situation { more: false, ..FRESH },
    ] {
        for fault in [Fault::Key, Fault::Upstream] {
            assert_eq!(verdict(fault, stuck), Verdict::Reply);
            assert_eq!(verdict(fault, Situation { answered: false, ..stuck }), Verdict::GiveUp);
        }
    }
}

#[test]
fn a_caller_that_left_gets_nothing_and_nothing_is_retried_for_it() {
    let answered = Outcome::CallerLeft.is_answer();
    assert_eq!(verdict(Fault::Nobody, Situation { answered, ..FRESH }), Verdict::GiveUp);
}

#[test]
fn replies_and_error_events_can_be_passed_on() {
    assert!(status(500, false).is_answer());
    assert!(Outcome::Failed(Failure::StreamError { quota: false, status_hint: None }).is_answer());
    assert!(!Outcome::Failed(Failure::FirstContentTimeout).is_answer());
}
