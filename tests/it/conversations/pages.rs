//! Conversations as the admin API shows them: a page of those with a match, and one turn by turn.

use serde_json::{Value, json};

use crate::conversations::plan;
use crate::conversations::talker::{Talker, answers};
use crate::search::encoded;
use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::Visitor;
use crate::support::{KEY, on_both};

fn get(gateway: &Gateway, target: &str) -> Value {
    let answer = gateway.admin("GET", target, "");
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    answer.json()
}

fn titles(page: &Value) -> Vec<&str> {
    page["conversations"].as_array().unwrap().iter().map(|talk| talk["title"].as_str().unwrap()).collect()
}

fn conversations_come_in_pages_with_titles_and_sums(kind: Kind) {
    let upstream = FakeUpstream::with(answers);
    let gateway = plan(kind, &upstream).start();
    let mut talkers: Vec<Talker> = (0..5).map(|n| Talker::new(&format!("t{n}"), KEY)).collect();
    for (n, talker) in talkers.iter_mut().enumerate() {
        talker.say(&gateway, &format!("Question {n} about whales"));
        talker.say(&gateway, if n % 2 == 0 { "修复 the even one" } else { "leave the odd one" });
    }
    talkers[1].say(&gateway, "the newest words of all");
    gateway.send(Call::post("/v1/embeddings", r#"{"model":"e","input":"whales alone are no conversation"}"#));
    gateway.records_when(12);

    let all = get(&gateway, "/admin/conversations");
    let title = |n: usize| format!("Question {n} about whales");
    assert_eq!(titles(&all), [title(1), title(4), title(3), title(2), title(0)]);
    assert_eq!((&all["count"], &all["count_capped"], &all["next"]), (&json!(5), &json!(false), &Value::Null));
    let newest = &all["conversations"][0];
    assert_eq!(newest["requests"], 3);
    assert_eq!((&newest["tokens_in"], &newest["tokens_out"], &newest["errors"]), (&json!(30), &json!(9), &json!(0)));
    assert_eq!(
        (&newest["models"], &newest["keys"], &newest["linked_by"]),
        (&json!(["m"]), &json!(["one"]), &json!(["messages"]))
    );
    assert!(newest["first_at"].as_str().unwrap() < newest["last_at"].as_str().unwrap());

    let even = |more: &str| get(&gateway, &format!("/admin/conversations?q={}{more}", encoded("修复")));
    assert_eq!(titles(&even("")), [title(4), title(2), title(0)]);
    let first = even("&limit=2");
    assert_eq!((titles(&first), &first["count"]), (vec![title(4).as_str(), title(2).as_str()], &json!(3)));
    let last = even(&format!("&limit=2&before={}", first["next"]));
    assert_eq!((titles(&last), &last["next"], &last["count"]), (vec![title(0).as_str()], &Value::Null, &json!(3)));
    let back = even(&format!("&limit=2&after={}", last["newer"]));
    assert_eq!((titles(&back), &back["newer"]), (titles(&first), &Value::Null));
    assert!(titles(&get(&gateway, "/admin/conversations?q=nowhere")).is_empty());
    assert!(titles(&get(&gateway, "/admin/conversations?to=2020-01-01T00:00:00Z")).is_empty());
    assert_eq!(titles(&get(&gateway, "/admin/conversations?range=1h")).len(), 5);
}

fn a_conversation_shows_each_turn_with_what_was_new_in_it(kind: Kind) {
    let upstream = FakeUpstream::with(answers);
    let gateway = plan(kind, &upstream).start();
    let mut talker = Talker::new("t", KEY).system("Be brief.");
    let mut other = Talker::new("o", KEY);
    for turn in ["first words", "second words", "第三句话"] {
        talker.say(&gateway, turn);
        other.say(&gateway, "meanwhile");
    }
    gateway.records_when(6);
    let id = get(&gateway, "/admin/conversations?q=first")["conversations"][0]["id"].clone();
    let shown = get(&gateway, &format!("/admin/conversations/{id}"));
    assert_eq!(shown["conversation"]["title"], "first words");
    assert_eq!((&shown["count"], &shown["next"]), (&json!(3), &Value::Null));
    let turns = shown["requests"].as_array().unwrap();
    let new: Vec<Vec<String>> = turns
        .iter()
        .map(|turn| {
            let messages: Value = serde_json::from_str(turn["new_messages"].as_str().unwrap()).unwrap();
            let messages = messages["messages"].as_array().unwrap().clone();
            messages.iter().map(|message| message["content"].as_str().unwrap().to_owned()).collect()
        })
        .collect();
    assert_eq!(new, [vec!["Be brief.", "first words"], vec!["second words"], vec!["第三句话"]]);
    for turn in turns {
        assert_eq!(turn["conversation_id"], id);
        assert!(turn["response"].as_str().unwrap().contains("Answer number"), "{turn}");
    }
    let known: Vec<&Value> = turns.iter().map(|turn| &turn["known_messages"]).collect();
    assert_eq!(known, [&Value::Null, &json!(3), &json!(5)]);

    // What is new is what a search finds: the first words are sent again each turn, and found once.
    assert_eq!(get(&gateway, "/admin/requests?q=first")["count"], 1);
    let ids = |page: &Value| -> Vec<i64> {
        page["requests"].as_array().unwrap().iter().map(|turn| turn["id"].as_i64().unwrap()).collect()
    };
    let all = ids(&shown);
    let page = |more: String| get(&gateway, &format!("/admin/conversations/{id}?{more}"));
    let first = page("limit=2".to_owned());
    assert_eq!((ids(&first), &first["next"]), (all[..2].to_vec(), &json!(all[1])));
    let rest = page(format!("limit=2&after={}", all[1]));
    assert_eq!((ids(&rest), &rest["next"]), (all[2..].to_vec(), &Value::Null));
    assert_eq!(ids(&page(format!("limit=1&before={}", all[2]))), all[1..2]);
    assert_eq!(ids(&page(format!("q={}", encoded("第三")))), all[2..]);
    assert_eq!(ids(&page(format!("q={}", encoded("-第三")))), all[..2]);
    assert!(ids(&page("to=2020-01-01T00:00:00Z".to_owned())).is_empty());
    let hit = Visitor::log_in(&gateway).page(&format!("/admin/conversations/{id}?limit=2&q={}", encoded("第三")));
    assert!(
        hit.contains("<mark>第三</mark>") && !hit.contains("id=\"turn-1\""),
        "the page of the turn that matches: {hit}"
    );
    for wrong in ["987654321", "nonsense", "0", "-1"] {
        assert_eq!(gateway.admin("GET", &format!("/admin/conversations/{wrong}"), "").status, 404, "{wrong}");
    }
    assert_eq!(gateway.admin("GET", &format!("/admin/conversations/{id}?q=foo:1"), "").status, 400);
}

on_both! {
    conversations_come_in_pages_with_titles_and_sums,
    a_conversation_shows_each_turn_with_what_was_new_in_it,
}
