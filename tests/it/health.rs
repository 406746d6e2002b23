//! Who is left out for how long: cool-down after 429, keys that are bad, the breaker.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::reply::{Gate, Reply};
use crate::support::samples::{BAD_REQUEST, CHAT, KEY_ERROR, QUOTA_ERROR, RATE_ERROR, SERVER_ERROR, good, good_from};
use crate::support::until;
use crate::support::upstream::FakeUpstream;

/// Sends requests until the upstream has seen this many; every one of them must be answered.
fn drive_until(gateway: &Gateway, upstream: &FakeUpstream, count: usize) {
    until(&format!("the upstream sees {count} requests"), || {
        assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
        (upstream.count() >= count).then_some(())
    });
}

/// The first upstream answers 429 with these headers once: how long it then stays out.
fn cools_for(kind: Kind, headers: &[(&str, &str)]) -> Duration {
    let limited = FakeUpstream::sequence(vec![Reply::json_with(429, headers, RATE_ERROR), good()]);
    let spare = FakeUpstream::always(good_from("b"));
    let plan = Gateway::on(kind).setting("breaker_failures", "100").setting("breaker_open_ms", "100");
    let gateway = plan.upstream(limited.row("a")).upstream(spare.row("b")).start();
    drive_until(&gateway, &limited, 2);
    let seen = limited.seen();
    seen[1].at.duration_since(seen[0].at)
}

/// The gateway counts in whole milliseconds, so what it keeps may look a millisecond short from outside.
fn assert_about(took: Duration, least_ms: u64, most_ms: u64) {
    assert!(took >= Duration::from_millis(least_ms - 2) && took < Duration::from_millis(most_ms), "{took:?}");
}

fn retry_after_in_seconds_is_kept(kind: Kind) {
    assert_about(cools_for(kind, &[("Retry-After", "1")]), 1000, 2500);
}

fn retry_after_in_milliseconds_is_kept(kind: Kind) {
    assert_about(cools_for(kind, &[("retry-after-ms", "700")]), 700, 2000);
}

fn retry_after_as_a_date_is_kept(kind: Kind) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let date = chrono::DateTime::from_timestamp(i64::try_from(now).unwrap() + 3, 0).unwrap();
    let took = cools_for(kind, &[("Retry-After", &date.format("%a, %d %b %Y %H:%M:%S GMT").to_string())]);
    // Seconds are whole and the gateway takes a moment to start: at least a second of the three is left.
    assert_about(took, 1000, 4500);
}

fn the_reset_of_the_rate_limit_is_kept(kind: Kind) {
    let headers = [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "800ms")];
    assert_about(cools_for(kind, &headers), 800, 2300);
}

fn of_several_forms_the_latest_counts(kind: Kind) {
    let headers = [("retry-after-ms", "50"), ("Retry-After", "1"), ("x-ratelimit-reset-tokens", "200ms")];
    assert_about(cools_for(kind, &headers), 1000, 2500);
}

fn a_cooling_upstream_is_still_tried_when_it_is_the_only_one(kind: Kind) {
    let limited = FakeUpstream::sequence(vec![Reply::json_with(429, &[("Retry-After", "600")], RATE_ERROR), good()]);
    let gateway = Gateway::with(kind, [limited.row("a")]);
    assert_eq!([gateway.send(Call::chat(CHAT)).status, gateway.send(Call::chat(CHAT)).status], [429, 200]);
}

fn a_broken_upstream_is_still_tried_when_all_are_broken(kind: Kind) {
    let broken = Reply::json(500, SERVER_ERROR);
    let (first, second) = (FakeUpstream::always(broken.clone()), FakeUpstream::always(broken));
    let plan = Gateway::on(kind).setting("breaker_failures", "1").setting("breaker_open_ms", "600000");
    let gateway = plan.upstream(first.row("a")).upstream(second.row("b")).start();
    for _ in 0..6 {
        assert_eq!(gateway.send(Call::chat(CHAT)).status, 500);
    }
    assert!(first.count() + second.count() >= 7, "each request is tried somewhere");
    first.now_answers(good());
    second.now_answers(good());
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
}

fn a_bad_key_is_out_until_its_row_is_edited(kind: Kind) {
    for (status, body) in [(401, KEY_ERROR), (403, KEY_ERROR), (402, QUOTA_ERROR), (429, QUOTA_ERROR)] {
        let headers = [("retry-after-ms", "50")];
        let bad = FakeUpstream::sequence(vec![Reply::json_with(status, &headers, body), good()]);
        let spare = FakeUpstream::always(good_from("b"));
        let plan = Gateway::on(kind).setting("breaker_open_ms", "50").setting("breaker_open_max_ms", "50");
        let gateway = plan.upstream(bad.row("a")).upstream(spare.row("b")).secret("sk-new-0000").start();
        let end = Instant::now() + Duration::from_millis(500);
        while Instant::now() < end {
            assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
        }
        assert_eq!(bad.count(), 1, "no time brings a bad key back ({status})");
        gateway.edit("UPDATE openai_upstreams SET sk = 'sk-new-0000' WHERE name = 'a'");
        assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
        assert_eq!(bad.seen()[1].head.get("authorization"), Some("Bearer sk-new-0000"));
    }
}

fn the_breaker_opens_probes_doubles_its_time_and_closes(kind: Kind) {
    let broken = FakeUpstream::always(Reply::json(500, SERVER_ERROR));
    let spare = FakeUpstream::always(good_from("b"));
    let plan = Gateway::on(kind).setting("breaker_failures", "2").setting("breaker_open_ms", "300");
    let plan = plan.setting("breaker_open_max_ms", "900").setting("breaker_ratio_percent", "100");
    let gateway = plan.upstream(broken.row("a")).upstream(spare.row("b")).start();
    drive_until(&gateway, &broken, 6);
    let at: Vec<Instant> = broken.seen().iter().map(|seen| seen.at).collect();
    let gaps: Vec<Duration> = at.windows(2).map(|two| two[1].duration_since(two[0])).collect();
    assert_about(gaps[1], 300, 5000);
    assert_about(gaps[2], 600, 5000);
    assert_about(gaps[3], 900, 5000);
    // Without the cap it would be 2,400.
    assert_about(gaps[4], 900, 2400);
    broken.now_answers(good());
    drive_until(&gateway, &broken, 7);
    let before = spare.count();
    for _ in 0..5 {
        assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    }
    assert_eq!((broken.count(), spare.count()), (12, before), "closed again, the first takes all");
}

fn a_half_open_breaker_lets_a_single_probe_through(kind: Kind) {
    let gate = Gate::new();
    let slow = Reply::new().wait(&gate).then_head(200, &[("Content-Length", "2")]).bytes("{}");
    let broken = FakeUpstream::sequence(vec![Reply::json(500, SERVER_ERROR), slow]);
    let spare = FakeUpstream::always(good_from("b"));
    let plan = Gateway::on(kind).setting("breaker_failures", "1").setting("breaker_open_ms", "200");
    let gateway = plan.upstream(broken.row("a")).upstream(spare.row("b")).start();
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    let address = gateway.address();
    let callers: Vec<_> = (0..8)
        .map(|_| {
            thread::spawn(move || {
                let end = Instant::now() + Duration::from_millis(800);
                let mut answered = 0;
                while Instant::now() < end {
                    answered += usize::from(Call::chat(CHAT).send(address).status == 200);
                }
                answered
            })
        })
        .collect();
    broken.reached(2);
    thread::sleep(Duration::from_millis(400));
    assert_eq!(broken.count(), 2, "one probe at a time");
    gate.open();
    // Whoever comes after the probe may wait at the gate as well.
    (0..10_000).for_each(|_| gate.open());
    assert!(callers.into_iter().map(|caller| caller.join().unwrap()).sum::<usize>() > 8);
}

fn the_breaker_is_per_model(kind: Kind) {
    let half =
        FakeUpstream::with(
            |seen, _| {
                if seen.text().contains("broken-model") { Reply::json(500, SERVER_ERROR) } else { good() }
            },
        );
    let spare = FakeUpstream::always(good_from("b"));
    let plan = Gateway::on(kind).setting("breaker_failures", "1").setting("breaker_open_ms", "600000");
    let gateway = plan.upstream(half.row("a")).upstream(spare.row("b")).start();
    let ask = |model: &str| assert_eq!(gateway.send(Call::chat(&CHAT.replace("gpt-4o-mini", model))).status, 200);
    ask("broken-model");
    assert_eq!((half.count(), spare.count()), (1, 1));
    ask("broken-model");
    assert_eq!((half.count(), spare.count()), (1, 2));
    ask("working-model");
    assert_eq!((half.count(), spare.count()), (2, 2));
}

fn bad_requests_open_no_breaker(kind: Kind) {
    let upstream = FakeUpstream::always(Reply::json(400, BAD_REQUEST));
    let spare = FakeUpstream::always(good_from("b"));
    let plan = Gateway::on(kind).setting("breaker_failures", "1").setting("breaker_min_volume", "1");
    let gateway =
        plan.setting("breaker_ratio_percent", "1").upstream(upstream.row("a")).upstream(spare.row("b")).start();
    for _ in 0..10 {
        assert_eq!(gateway.send(Call::chat(CHAT)).status, 400);
    }
    assert_eq!((upstream.count(), spare.count()), (10, 0));
}

fn the_breaker_opens_on_a_ratio_of_errors_too(kind: Kind) {
    let flaky = FakeUpstream::with(|_, n| if n % 2 == 0 { good() } else { Reply::json(500, SERVER_ERROR) });
    let spare = FakeUpstream::always(good_from("b"));
    let plan = Gateway::on(kind).setting("breaker_failures", "100").setting("breaker_ratio_percent", "40");
    let plan = plan.setting("breaker_min_volume", "10").setting("breaker_open_ms", "600000");
    let gateway = plan.upstream(flaky.row("a")).upstream(spare.row("b")).start();
    for _ in 0..40 {
        assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    }
    assert!((10..=12).contains(&flaky.count()), "every second fails: {} tries until it opens", flaky.count());
}

on_both! {
    retry_after_in_seconds_is_kept,
    retry_after_in_milliseconds_is_kept,
    retry_after_as_a_date_is_kept,
    the_reset_of_the_rate_limit_is_kept,
    of_several_forms_the_latest_counts,
    a_cooling_upstream_is_still_tried_when_it_is_the_only_one,
    a_broken_upstream_is_still_tried_when_all_are_broken,
    a_bad_key_is_out_until_its_row_is_edited,
    the_breaker_opens_probes_doubles_its_time_and_closes,
    a_half_open_breaker_lets_a_single_probe_through,
    the_breaker_is_per_model,
    bad_requests_open_no_breaker,
    the_breaker_opens_on_a_ratio_of_errors_too,
}
