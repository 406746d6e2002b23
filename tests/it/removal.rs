//! Removing a record or a conversation: its text is gone everywhere, and nothing else has lost a byte.

use std::fs;

use serde_json::{Value, json};

use crate::conversations::talker::{Talker, answers};
use crate::search::{index_everything, page};
use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::upstream::FakeUpstream;
use crate::support::{KEY, PASSWORD, on_both};

/// A word that stands nowhere by chance and that no packing hides: too short and too random to be shortened.
pub fn marker(name: &str) -> String {
    format!("zq7{name}x9vk3w8jr5")
}

/// Everything the database holds, as bytes and as another program reads it, packs unpacked.
pub fn holds(gateway: &Gateway, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut look = |place: String, bytes: &[u8]| {
        if memchr::memmem::find(bytes, text.as_bytes()).is_some() {
            found.push(place);
        }
    };
    if gateway.database.kind == Kind::Sqlite {
        for ending in ["", "-wal", "-shm", "-journal", ".spill"] {
            let file = format!("{}{ending}", gateway.database.location);
            look(file.clone(), &fs::read(&file).unwrap_or_default());
        }
    }
    let hex = if gateway.database.kind == Kind::Sqlite { "hex(data)" } else { "encode(data, 'hex')" };
    for line in gateway.database.sql(&format!("SELECT id, {hex} FROM packs")).lines() {
        let (id, data) = line.split_once('|').unwrap();
        let bytes: Vec<u8> =
            (0..data.len() / 2).map(|at| u8::from_str_radix(&data[2 * at..2 * at + 2], 16).unwrap()).collect();
        // A pack is stored as it is or as zstd packs it.
        look(format!("pack {id}"), &bytes);
        let begin = memchr::memmem::find(&bytes, &[0x28, 0xb5, 0x2f, 0xfd]);
        if let Some(unpacked) = begin.and_then(|begin| zstd::stream::decode_all(&bytes[begin..]).ok()) {
            look(format!("pack {id} unpacked"), &unpacked);
        }
    }
    for line in gateway.database.sql(&format!("SELECT id, {hex} FROM segment_parts")).lines() {
        let wanted: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        if line.to_lowercase().contains(&wanted) {
            look(format!("part {line:.20}"), text.as_bytes());
        }
    }
    found
}

/// Body and reply of every record that is left, by its id.
pub fn all_bytes(gateway: &Gateway) -> Vec<(i64, Vec<u8>, Vec<u8>)> {
    let bytes = |id: i64, what: &str| gateway.admin("GET", &format!("/admin/requests/{id}/{what}"), "").body;
    let rows = page(gateway, "-ua:suite/filler", "&limit=1000");
    let ids = rows["requests"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap());
    ids.map(|id| (id, bytes(id, "body"), bytes(id, "reply"))).collect()
}

fn is_gone(gateway: &Gateway, text: &str, ids: &[i64]) {
    for target in [
        format!("/admin/requests?q={text}"),
        format!("/admin/conversations?q={text}"),
        format!("/admin/requests?q=id:{}", ids.iter().map(i64::to_string).collect::<Vec<_>>().join(",")),
    ] {
        assert_eq!(gateway.admin("GET", &target, "").json()["count"], 0, "{target}");
    }
    for id in ids {
        for what in ["", "/body", "/reply"] {
            assert_eq!(gateway.admin("GET", &format!("/admin/requests/{id}{what}"), "").status, 404);
        }
        assert_eq!(gateway.admin("DELETE", &format!("/admin/requests/{id}"), "").status, 404, "it goes once");
    }
    for format in ["jsonl", "csv", "openai"] {
        let file = gateway.admin("GET", &format!("/admin/requests/export?format={format}"), "");
        assert!(file.whole && !file.text().contains(text), "{format}");
    }
    assert!(!gateway.admin("GET", "/admin/request_records?limit=1000", "").text().contains(text));
    assert_eq!(holds(gateway, text), [""; 0], "{text}");
}

/// Two conversations with the same beginning, each with a word of its own, and a request that is in none.
pub fn three(gateway: &Gateway) -> Vec<(i64, Vec<u8>, Vec<u8>)> {
    let rules = "Rules that both of them send, word for word. ".repeat(40);
    for name in ["aa", "bb"] {
        let mut talker = Talker::new(name, KEY).system(&rules);
        talker.say(gateway, "The same first words.");
        talker.say(gateway, &format!("The word is {}", marker(name)));
        talker.say(gateway, "The same last words.");
    }
    gateway.send(Call::post("/v1/embeddings", &json!({"model": "e", "input": marker("cc")}).to_string()));
    gateway.records_when(7);
    let all = all_bytes(gateway);
    for name in ["aa", "bb", "cc"] {
        assert_eq!(page(gateway, &marker(name), "")["count"], 1);
        assert!(!holds(gateway, &marker(name)).is_empty(), "what is looked for can be found");
    }
    all
}

fn removed(gateway: &Gateway, target: &str, records: usize) {
    let answer = gateway.admin("DELETE", target, "");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!((&answer.json()["removed"], &answer.json()["index_pending"]), (&json!(records), &json!(false)));
}

fn a_conversation_goes_without_a_trace(kind: Kind, indexed: bool) {
    let upstream = FakeUpstream::with(answers);
    let gateway = &Gateway::with(kind, [upstream.row("a")]);
    let before = three(gateway);
    if indexed {
        index_everything(gateway);
        assert_eq!(page(gateway, &marker("aa"), "")["count"], 1);
    }
    let going = &page(gateway, &marker("aa"), "")["requests"][0];
    let id = going["conversation_id"].as_i64().unwrap();
    let turns = gateway.admin("GET", &format!("/admin/conversations/{id}"), "").json();
    let ids: Vec<i64> = turns["requests"].as_array().unwrap().iter().map(|turn| turn["id"].as_i64().unwrap()).collect();
    assert_eq!(ids.len(), 3);
    removed(gateway, &format!("/admin/conversations/{id}"), 3);
    is_gone(gateway, &marker("aa"), &ids);
    assert_eq!(gateway.admin("GET", &format!("/admin/conversations/{id}"), "").status, 404);
    assert_eq!(gateway.admin("DELETE", &format!("/admin/conversations/{id}"), "").status, 404);
    let left: Vec<_> = before.into_iter().filter(|(id, ..)| !ids.contains(id)).collect();
    assert!(all_bytes(gateway) == left, "what is left is byte for byte what it was");
    assert_eq!(page(gateway, &marker("bb"), "")["count"], 1);

    // What is said again is stored again, whatever was remembered of it.
    let mut talker = Talker::new("aa", KEY).system(&"Rules that both of them send, word for word. ".repeat(40));
    talker.say(gateway, "The same first words.");
    talker.say(gateway, &format!("The word is {}", marker("aa")));
    gateway.records_when(left.len() + 2 + if indexed { 520 } else { 0 });
    let again = page(gateway, &marker("aa"), "");
    let new = again["requests"][0]["id"].as_i64().unwrap();
    let body = gateway.admin("GET", &format!("/admin/requests/{new}/body"), "").json();
    assert_eq!(body["messages"][3]["content"], Value::from(format!("The word is {}", marker("aa"))));
}

fn a_conversation_goes_before_it_is_indexed(kind: Kind) {
    a_conversation_goes_without_a_trace(kind, false);
}

fn a_conversation_goes_after_it_was_indexed(kind: Kind) {
    a_conversation_goes_without_a_trace(kind, true);
}

fn one_record_goes_and_its_conversation_goes_on(kind: Kind) {
    let upstream = FakeUpstream::with(answers);
    let gateway = &Gateway::with(kind, [upstream.row("a")]);
    let before = three(gateway);
    let alone = page(gateway, &marker("cc"), "")["requests"][0]["id"].as_i64().unwrap();
    removed(gateway, &format!("/admin/requests/{alone}"), 1);
    is_gone(gateway, &marker("cc"), &[alone]);

    // Later turns still send the word: it goes with the last of them.
    let first = page(gateway, &marker("aa"), "")["requests"][0]["id"].as_i64().unwrap();
    let last = page(gateway, "ua:aa", "")["requests"][0]["id"].as_i64().unwrap();
    assert!(last > first);
    removed(gateway, &format!("/admin/requests/{first}"), 1);
    let left: Vec<_> = before.iter().filter(|(id, ..)| ![alone, first].contains(id)).cloned().collect();
    assert!(all_bytes(gateway) == left);
    removed(gateway, &format!("/admin/requests/{last}"), 1);
    is_gone(gateway, &marker("aa"), &[first, last]);
    let left: Vec<_> = left.into_iter().filter(|(id, ..)| *id != last).collect();
    assert!(all_bytes(gateway) == left);
}

fn a_session_outlives_the_record_it_began_with(kind: Kind) {
    let upstream = FakeUpstream::with(answers);
    let gateway = &Gateway::with(kind, [upstream.row("a")]);
    let send = |field: &str, text: &str| {
        let body = format!(r#"{{{field}"model":"m","messages":[{{"role":"user","content":"{text}"}}]}}"#);
        let call = Call::chat(&body).header("User-Agent", if field.is_empty() { "header" } else { "field" });
        gateway.send(if field.is_empty() { call.header("X-Session-Id", "s1") } else { call });
    };
    for field in ["", r#""prompt_cache_key":"k1","#] {
        send(field, "one");
        send(field, "two");
    }
    gateway.records_when(4);
    for name in ["header", "field"] {
        let rows = page(gateway, &format!("ua:{name}"), "");
        assert_eq!(rows["requests"][0]["conversation_id"], rows["requests"][1]["conversation_id"]);
        removed(gateway, &format!("/admin/requests/{}", rows["requests"][1]["id"]), 1);
    }
    for field in ["", r#""prompt_cache_key":"k1","#] {
        send(field, "three");
    }
    gateway.records_when(4);
    for name in ["header", "field"] {
        let rows = page(gateway, &format!("ua:{name}"), "");
        assert_eq!(rows["requests"][0]["conversation_id"], rows["requests"][1]["conversation_id"], "{name}");
        removed(gateway, &format!("/admin/conversations/{}", rows["requests"][0]["conversation_id"]), 2);
    }
    assert_eq!(
        gateway.database.sql("SELECT link FROM links UNION SELECT link FROM newest_links").trim(),
        "",
        "nothing leads to what is gone"
    );
}

fn no_route_opens_without_the_admin_password(kind: Kind) {
    let upstream = FakeUpstream::with(answers);
    let gateway = &Gateway::with(kind, [upstream.row("a")]);
    three(gateway);
    let id = page(gateway, &marker("aa"), "")["requests"][0]["id"].clone();
    let conversation = page(gateway, &marker("aa"), "")["requests"][0]["conversation_id"].clone();
    let mut routes: Vec<(&str, String)> = [
        "requests",
        "requests?q=foo:1",
        "requests/facets?field=model",
        "requests/histogram?range=1h",
        "requests/stream",
        "requests/export",
        "requests/export?format=csv",
        "conversations",
        "request_records",
    ]
    .iter()
    .map(|target| ("GET", (*target).to_owned()))
    .collect();
    for method in ["GET", "DELETE"] {
        routes.push((method, format!("requests/{id}")));
        routes.push((method, format!("conversations/{conversation}")));
    }
    routes.extend(["body", "reply"].map(|what| ("GET", format!("requests/{id}/{what}"))));
    for (method, target) in routes {
        let call = || Call::new(method, &format!("/admin/{target}")).without("Authorization");
        for (what, call) in [
            ("nothing", call()),
            ("a client key", call().header("Authorization", &format!("Bearer {KEY}"))),
            ("a forged session", call().header("Cookie", "openai_api_route_session=forged")),
            ("another scheme", call().header("Authorization", &format!("Basic {PASSWORD}"))),
        ] {
            let answer = gateway.send(call);
            // A client key counts as a wrong password, and those are limited.
            assert!([401, 429].contains(&answer.status), "{method} {target} with {what}: {}", answer.status);
            assert!(!answer.text().contains(&marker("aa")) && !answer.text().contains("position"), "{}", answer.text());
        }
    }
    assert_eq!(gateway.database.sql("SELECT count(*) FROM records"), "7", "nothing was removed by strangers");
}

on_both! {
    a_conversation_goes_before_it_is_indexed,
    a_conversation_goes_after_it_was_indexed,
    one_record_goes_and_its_conversation_goes_on,
    a_session_outlives_the_record_it_began_with,
    no_route_opens_without_the_admin_password,
}
