//! Who is asked first: policies, priority tiers, model lists.

use std::collections::BTreeSet;

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::reply::{Gate, Reply};
use crate::support::row::Row;
use crate::support::samples::{CHAT, SERVER_ERROR, good};
use crate::support::upstream::FakeUpstream;

struct Fleet {
    upstreams: Vec<FakeUpstream>,
    gateway: Gateway,
}

impl Fleet {
    /// Upstreams `a`, `b`, … that all answer well, each row changed as the test likes. One worker, so that counters are one.
    fn new(kind: Kind, policy: &str, count: usize, change: impl Fn(usize, Row) -> Row) -> Fleet {
        Fleet::answering(kind, policy, (0..count).map(|_| good()).collect(), change)
    }

    fn answering(kind: Kind, policy: &str, replies: Vec<Reply>, change: impl Fn(usize, Row) -> Row) -> Fleet {
        let upstreams: Vec<FakeUpstream> = replies.into_iter().map(FakeUpstream::always).collect();
        let plan = Gateway::on(kind).setting("policy", policy);
        let plan = upstreams
            .iter()
            .enumerate()
            .fold(plan, |plan, (n, upstream)| plan.upstream(change(n, upstream.row(["a", "b", "c", "d"][n]))));
        Fleet { gateway: plan.start(), upstreams }
    }

    fn ask(&self, times: usize) {
        for _ in 0..times {
            assert_eq!(self.gateway.send(Call::chat(CHAT)).status, 200);
        }
    }

    fn counts(&self) -> Vec<usize> {
        self.upstreams.iter().map(FakeUpstream::count).collect()
    }
}

fn order_asks_the_first_by_position(kind: Kind) {
    let fleet = Fleet::new(kind, "order", 3, |n, row| row.set("position", 10 - n));
    fleet.ask(5);
    assert_eq!(fleet.counts(), [0, 0, 5]);
}

fn round_robin_asks_each_in_turn(kind: Kind) {
    for policy in ["round_robin", "round_robin_available"] {
        let fleet = Fleet::new(kind, policy, 3, |_, row| row);
        fleet.ask(9);
        assert_eq!(fleet.counts(), [3, 3, 3], "{policy}");
    }
}

fn random_asks_everybody(kind: Kind) {
    for policy in ["random", "random_available"] {
        let fleet = Fleet::new(kind, policy, 2, |_, row| row);
        fleet.ask(40);
        // Fewer than 4 of 40 has a chance of one in fifty million.
        assert!(fleet.counts().iter().all(|count| *count >= 4), "{policy}: {:?}", fleet.counts());
    }
}

fn weighted_asks_in_proportion(kind: Kind) {
    let fleet = Fleet::new(kind, "weighted", 3, |n, row| row.set("weight", [5, 2, 1][n]));
    fleet.ask(16);
    assert_eq!(fleet.counts(), [10, 4, 2]);
}

fn main_asks_who_failed_least_and_then_who_succeeded_most(kind: Kind) {
    let facts = [(3, 1000), (0, 5), (0, 9)];
    let change = |n: usize, row: Row| row.set("failed_count", facts[n].0).set("success_count", facts[n].1);
    let fleet = Fleet::new(kind, "main", 3, change);
    fleet.ask(4);
    assert_eq!(fleet.counts(), [0, 0, 4]);
}

fn least_busy_asks_who_has_least_to_do(kind: Kind) {
    let gate = Gate::new();
    let waiting = Reply::new().wait(&gate).then_head(200, &[("Content-Length", "2")]).bytes("{}");
    let fleet = Fleet::answering(kind, "least_busy", vec![waiting.clone(), waiting], |_, row| row);
    let calls: Vec<_> = (1..=4)
        .map(|n| {
            let call = Call::chat(CHAT).open(fleet.gateway.address());
            crate::support::until("the call arrives", || (fleet.counts().iter().sum::<usize>() == n).then_some(()));
            call
        })
        .collect();
    assert_eq!(fleet.counts(), [2, 2]);
    (0..4).for_each(|_| gate.open());
    assert!(calls.into_iter().all(|call| call.finish().status == 200));
}

fn fastest_asks_who_answers_soonest(kind: Kind) {
    let slow = Reply::new().pause(150).then_head(200, &[("Content-Length", "2")]).bytes("{}");
    let fleet = Fleet::answering(kind, "fastest", vec![slow, good()], |_, row| row);
    fleet.ask(20);
    assert!(fleet.counts()[0] <= 3, "the slow one is left alone once it is known: {:?}", fleet.counts());
}

fn sticky_keeps_a_conversation_where_it_began(kind: Kind) {
    let fleet = Fleet::new(kind, "sticky", 2, |_, row| row);
    let mut homes = BTreeSet::new();
    for n in 0..20 {
        let opening = format!(
            r#"{{"role":"system","content":"You are helper {n}."}},{{"role":"user","content":"Question {n}"}}"#
        );
        let mut before = fleet.counts();
        let mut home = None;
        for turns in 0..3 {
            let history = r#",{"role":"assistant","content":"Yes?"},{"role":"user","content":"Go on."}"#.repeat(turns);
            let call = Call::chat(&format!(r#"{{"model":"gpt-4o-mini","messages":[{opening}{history}]}}"#));
            assert_eq!(fleet.gateway.send(call).status, 200);
            let after = fleet.counts();
            let asked = (0..2).find(|n| after[*n] > before[*n]).unwrap();
            assert_eq!(*home.get_or_insert(asked), asked, "conversation {n}, turn {turns}");
            before = after;
        }
        homes.extend(home);
    }
    assert_eq!(homes.len(), 2, "twenty conversations do not all live in one place");
}

fn a_policy_is_changed_while_it_runs(kind: Kind) {
    let fleet = Fleet::new(kind, "order", 2, |_, row| row);
    fleet.ask(4);
    assert_eq!(fleet.counts(), [4, 0]);
    fleet.gateway.set("policy", "round_robin");
    fleet.ask(4);
    assert_eq!(fleet.counts(), [6, 2]);
}

fn a_lower_tier_waits_until_the_higher_one_is_down(kind: Kind) {
    let fleet = Fleet::new(kind, "round_robin", 3, |n, row| row.set("priority", [0, 0, 1][n]));
    fleet.ask(6);
    assert_eq!(fleet.counts(), [3, 3, 0]);
    for upstream in &fleet.upstreams[..2] {
        upstream.now_answers(Reply::json(500, SERVER_ERROR));
    }
    fleet.ask(1);
    assert_eq!(fleet.counts(), [4, 4, 1], "both of the tier are tried before the next one");
}

fn a_disabled_upstream_is_not_asked_even_when_nobody_else_is_there(kind: Kind) {
    let fleet = Fleet::new(kind, "order", 2, |n, row| row.set("enabled", n != 0));
    fleet.ask(2);
    assert_eq!(fleet.counts(), [0, 2]);
    fleet.gateway.edit("UPDATE openai_upstreams SET enabled = false");
    assert_eq!(fleet.gateway.send(Call::chat(CHAT)).status, 503);
    assert_eq!(fleet.counts(), [0, 2]);
}

fn model_lists_allow_first_and_deny_then(kind: Kind) {
    let change = |n: usize, row: Row| match n {
        0 => row.set("allow_models", "gpt-4*,o1").set("deny_models", "gpt-4-32k,*-preview"),
        1 => row.set("deny_models", "secret-*"),
        _ => row,
    };
    let fleet = Fleet::new(kind, "order", 2, change);
    for (model, counts) in [
        ("gpt-4o-mini", [1, 0]),
        ("o1", [2, 0]),
        ("o1-mini", [2, 1]),
        ("gpt-4-32k", [2, 2]),
        ("gpt-4o-preview", [2, 3]),
        ("gpt-3.5-turbo", [2, 4]),
    ] {
        assert_eq!(fleet.gateway.send(Call::chat(&CHAT.replace("gpt-4o-mini", model))).status, 200, "{model}");
        assert_eq!(fleet.counts(), counts, "{model}");
    }
    let nobody = fleet.gateway.send(Call::chat(&CHAT.replace("gpt-4o-mini", "secret-model")));
    assert!(nobody.error().contains("secret-model"), "the model nobody has is named: {}", nobody.text());
    assert_eq!((nobody.status, fleet.counts()), (404, vec![2, 4]));
}

fn a_request_without_a_model_has_its_path_as_model(kind: Kind) {
    let change = |n: usize, row: Row| {
        if n == 0 { row.set("deny_models", "*files*") } else { row }
    };
    let fleet = Fleet::new(kind, "order", 2, change);
    assert_eq!(fleet.gateway.send(Call::get("/v1/files")).status, 200);
    assert_eq!(fleet.gateway.send(Call::get("/v1/models")).status, 200);
    assert_eq!(fleet.counts(), [1, 1]);
}

fn an_upstream_can_be_for_certain_keys_only(kind: Kind) {
    let (for_bob, for_all) = (FakeUpstream::always(good()), FakeUpstream::always(good()));
    let plan = Gateway::on(kind).setting("authorization", "alice=sk-alice-00000001, bob=sk-bob-0000000002");
    let plan = plan.upstream(for_bob.row("b").set("allow_keys", "bob,carol")).upstream(for_all.row("a"));
    let gateway = plan.start();
    let ask = |key: &str| {
        let call = Call::chat(CHAT).without("Authorization").header("Authorization", &format!("Bearer {key}"));
        assert_eq!(gateway.send(call).status, 200);
        (for_bob.count(), for_all.count())
    };
    assert_eq!(ask("sk-alice-00000001"), (0, 1));
    assert_eq!(ask("sk-bob-0000000002"), (1, 1));
    let records = gateway.records_when(2);
    assert_eq!((records[0].text("key_name"), records[0].text("key_last4")), ("bob", "0002"));
    assert_eq!((records[1].text("key_name"), records[1].text("key_last4")), ("alice", "0001"));
}

on_both! {
    an_upstream_can_be_for_certain_keys_only,
    order_asks_the_first_by_position,
    round_robin_asks_each_in_turn,
    random_asks_everybody,
    weighted_asks_in_proportion,
    main_asks_who_failed_least_and_then_who_succeeded_most,
    least_busy_asks_who_has_least_to_do,
    fastest_asks_who_answers_soonest,
    sticky_keeps_a_conversation_where_it_began,
    a_policy_is_changed_while_it_runs,
    a_lower_tier_waits_until_the_higher_one_is_down,
    a_disabled_upstream_is_not_asked_even_when_nobody_else_is_there,
    model_lists_allow_first_and_deny_then,
    a_request_without_a_model_has_its_path_as_model,
}
