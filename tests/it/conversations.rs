//! Which requests belong together: clients that run side by side, branch, retry and restart, each record in its conversation.

mod many;
mod pages;
pub mod talker;

use std::collections::HashMap;
use std::thread;

use crate::conversations::talker::{Talker, answers, grouping};
use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::{Gateway, Plan};
use crate::support::reply::Reply;
use crate::support::samples::{SERVER_ERROR, good};
use crate::support::upstream::FakeUpstream;
use crate::support::{KEY, on_both};

/// A second client key.
const OTHER_KEY: &str = "other-key-for-tests-0002";

fn plan(kind: Kind, upstream: &FakeUpstream) -> Plan {
    let keys = format!("one={KEY},two={OTHER_KEY}");
    // Failures in these tests are on purpose: nobody is to be left alone for them.
    let plan = Gateway::on(kind).setting("authorization", &keys).setting("breaker_failures", "1000");
    plan.setting("breaker_ratio_percent", "100").setting("breaker_min_volume", "100000").upstream(upstream.row("a"))
}

fn sessions_side_by_side_stay_apart_though_they_open_alike(kind: Kind) {
    let upstream = FakeUpstream::with(answers);
    let gateway = &plan(kind, &upstream).start();
    thread::scope(|scope| {
        for session in 0..8 {
            scope.spawn(move || {
                let mut talker = Talker::new(&format!("session{session}"), KEY).system("You are a careful agent.");
                // All of them begin with the same words; only the replies tell them apart.
                for turn in ["Hello!", "Look into it.", "Go on.", "Go on.", "Thanks."] {
                    talker.say(gateway, turn);
                }
            });
        }
    });
    gateway.records_when(40);
    let groups = grouping(gateway);
    assert_eq!(groups.len(), 8, "{groups:?}");
    for session in 0..8 {
        assert!(groups.contains(&vec![format!("session{session}"); 5]), "{groups:?}");
    }
}

fn sub_agents_of_one_session_are_conversations_of_their_own_and_edits_are_branches(kind: Kind) {
    let upstream = FakeUpstream::with(answers);
    let gateway = &plan(kind, &upstream).start();
    let mut main = Talker::new("main", KEY).system("You lead.");
    main.say(gateway, "Split the work in three.");
    thread::scope(|scope| {
        for agent in 0..3 {
            scope.spawn(move || {
                let mut sub = Talker::new(&format!("sub{agent}"), KEY).system("You do one part.");
                sub.say(gateway, &format!("Do part {agent}."));
                sub.say(gateway, "Now test it.");
                sub.say(gateway, "Report.");
            });
        }
        main.say(gateway, "What do they say?");
    });
    // The last turn is edited twice, and each branch goes on.
    let mut left = main.clone();
    left.say(gateway, "Merge it carefully.");
    left.say(gateway, "Done?");
    let mut right = main.clone();
    right.say(gateway, "Merge it fast.");
    right.say(gateway, "Done?");
    main.say_reformatted(gateway, "And now with spaces and keys in another order.");
    // A client that forgets the beginning to save room.
    main.say(gateway, "One more.");
    main.forget(4);
    main.say(gateway, "Do you remember?");
    gateway.records_when(18);
    let mut groups = grouping(gateway);
    groups.sort();
    let mut expected: Vec<Vec<String>> = (0..3).map(|agent| vec![format!("sub{agent}"); 3]).collect();
    expected.push(vec!["main".to_owned(); 9]);
    expected.sort();
    assert_eq!(groups, expected);
}

fn a_question_asked_again_after_a_failure_stays_where_it_was(kind: Kind) {
    let upstream = FakeUpstream::with(|seen, n| match seen.text().contains("fails first") && n % 2 == 1 {
        true => Reply::json(400, SERVER_ERROR),
        false => answers(seen, n),
    });
    let gateway = &plan(kind, &upstream).start();
    let mut talker = Talker::new("a", KEY);
    talker.say(gateway, "Hello!");
    talker.try_to_say(gateway, "This fails first.");
    talker.say(gateway, "This fails first.");
    // The answer came, but the client lost it and asks once more.
    let mut again = talker.clone();
    again.forget_last();
    again.forget_last();
    let _ = again.try_to_say(gateway, "This fails first.");
    let _ = again.try_to_say(gateway, "This fails first.");
    gateway.records_when(5);
    assert_eq!(grouping(gateway), [vec!["a".to_owned(); 5]]);
}

fn client_keys_never_share_a_conversation(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = &plan(kind, &upstream).start();
    let (mut one, mut two) = (Talker::new("one", KEY), Talker::new("two", OTHER_KEY));
    for turn in ["Hello!", "Go on.", "Bye."] {
        one.say(gateway, turn);
        two.say(gateway, turn);
    }
    let session = |talker: &str, key: &str, name: &str, value: &str| {
        let call = Talker::new(talker, key).call("By name").header(name, value);
        assert_eq!(gateway.send(call).status, 200);
    };
    for _ in 0..2 {
        session("named-one", KEY, "X-Session-Id", "same");
        session("named-two", OTHER_KEY, "X-Session-Id", "same");
    }
    gateway.records_when(10);
    let mut groups = grouping(gateway);
    groups.sort();
    let names = |name: &str, count| vec![name.to_owned(); count];
    assert_eq!(groups, [names("named-one", 2), names("named-two", 2), names("one", 3), names("two", 3)]);
}

fn a_session_that_the_client_names_holds_whatever_it_sends(kind: Kind) {
    let upstream = FakeUpstream::with(answers);
    let gateway = plan(kind, &upstream).start();
    let send = |name: &str, path: &str, body: String, headers: &[(&str, &str)]| {
        let call = Call::post(path, &body).header("User-Agent", name);
        gateway.send(headers.iter().fold(call, |call, (name, value)| call.header(name, value)));
    };
    let chat = "/v1/chat/completions";
    let asks = |text: &str| format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{text}"}}]}}"#);
    let mut count = 0;
    for header in
        ["X-Session-Id", "session_id", "X-Claude-Code-Session-Id", "Helicone-Session-Id", "X-Session-Affinity"]
    {
        for text in ["first", "something else", "third"] {
            send(header, chat, asks(text), &[(header, &format!("{header}-1"))]);
            count += 1;
        }
        send(&format!("{header}/2"), chat, asks("first"), &[(header, &format!("{header}-2"))]);
        count += 1;
    }
    for (field, name) in [
        (r#""metadata":{"user_id":"user_1_session_2"}"#, "metadata"),
        (r#""prompt_cache_key":"cache-1""#, "cache"),
        (r#""session_id":"s-77""#, "field"),
    ] {
        for text in ["alpha", "beta"] {
            send(name, chat, asks(text).replacen('{', &format!("{{{field},"), 1), &[]);
            count += 1;
        }
    }
    for input in ["first", "second"] {
        let body = format!(r#"{{"model":"m","conversation":"conv_1","input":"{input}"}}"#);
        send("conversation", "/v1/responses", body, &[]);
        count += 1;
    }
    gateway.records_when(count);
    for group in grouping(&gateway) {
        assert!(group.iter().all(|name| *name == group[0]), "{group:?}");
        assert_eq!(group.len(), if group[0].ends_with("/2") { 1 } else { count_of(&group[0]) }, "{group:?}");
    }
}

fn count_of(name: &str) -> usize {
    if ["metadata", "cache", "field", "conversation"].contains(&name) { 2 } else { 3 }
}

fn a_response_is_continued_by_its_id(kind: Kind) {
    let upstream = FakeUpstream::with(|seen, n| {
        let stream = seen.text().contains("\"stream\":true");
        let response = serde_json::json!({"id": format!("resp_{n}"), "object": "response", "status": "completed", "model": "m",
            "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Yes."}]}]});
        if !stream {
            return Reply::json(200, &response.to_string());
        }
        let event = |kind: &str| serde_json::json!({"type": kind, "response": response}).to_string();
        Reply::stream().event(&event("response.created")).event(&event("response.completed")).last_chunk()
    });
    let gateway = plan(kind, &upstream).start();
    let mut last: HashMap<&str, usize> = HashMap::new();
    for (n, (name, stream)) in
        [("a", false), ("b", true), ("a", true), ("b", false), ("b", true), ("a", false)].into_iter().enumerate()
    {
        let previous = last.get(name).map(|n| format!(r#","previous_response_id":"resp_{n}""#)).unwrap_or_default();
        let body = format!(r#"{{"model":"m","input":"Same words","stream":{stream}{previous}}}"#);
        gateway.send(Call::post("/v1/responses", &body).header("User-Agent", name));
        last.insert(name, n);
    }
    // Another key that knows the id gets nowhere near.
    let body = r#"{"model":"m","input":"Same words","previous_response_id":"resp_5"}"#;
    let stranger = Call::post("/v1/responses", body).header("User-Agent", "stranger").without("Authorization");
    gateway.send(stranger.header("Authorization", &format!("Bearer {OTHER_KEY}")));
    gateway.records_when(7);
    let mut groups = grouping(&gateway);
    groups.sort();
    assert_eq!(groups, [vec!["a"; 3], vec!["b"; 3], vec!["stranger"]]);
}

fn a_restart_in_the_middle_changes_nothing(kind: Kind) {
    let upstream = FakeUpstream::with(answers);
    let mut gateway = plan(kind, &upstream).start();
    let mut talkers: Vec<Talker> = (0..4).map(|n| Talker::new(&format!("t{n}"), KEY)).collect();
    for round in 0..3 {
        for talker in &mut talkers {
            talker.say(&gateway, "Hello!");
            talker.say(&gateway, "Go on.");
        }
        gateway.records_when(8 * (round + 1));
        match round {
            0 => {
                gateway.signal("TERM");
                assert_eq!(gateway.ended().code, Some(0));
                gateway.start_again();
            }
            1 => {
                gateway.crash();
                gateway.start_again();
            }
            _ => {}
        }
    }
    let mut groups = grouping(&gateway);
    groups.sort();
    assert_eq!(groups, (0..4).map(|n| vec![format!("t{n}"); 6]).collect::<Vec<_>>());
}

#[test]
fn two_gateways_on_one_database_see_one_conversation() {
    let upstream = FakeUpstream::with(answers);
    let gateway = &plan(Kind::Postgres, &upstream).start();
    let other = &gateway.another();
    thread::scope(|scope| {
        for session in 0..6 {
            scope.spawn(move || {
                let mut talker = Talker::new(&format!("s{session}"), KEY);
                for turn in 0..6 {
                    talker.say(if (turn + session) % 2 == 0 { gateway } else { other }, "Go on.");
                }
            });
        }
    });
    gateway.records_when(36);
    let mut groups = grouping(other);
    groups.sort();
    assert_eq!(groups, (0..6).map(|n| vec![format!("s{n}"); 6]).collect::<Vec<_>>());
}

on_both! {
    sessions_side_by_side_stay_apart_though_they_open_alike,
    sub_agents_of_one_session_are_conversations_of_their_own_and_edits_are_branches,
    a_question_asked_again_after_a_failure_stays_where_it_was,
    client_keys_never_share_a_conversation,
    a_session_that_the_client_names_holds_whatever_it_sends,
    a_response_is_continued_by_its_id,
    a_restart_in_the_middle_changes_nothing,
}
