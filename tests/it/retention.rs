//! What has had its time goes, conversation by conversation; what stays is whole. And what is stored once.

use std::time::Duration;

use serde_json::{Value, json};

use crate::conversations::talker::{Talker, answers};
use crate::removal::{all_bytes, holds, marker, three};
use crate::search::{index_everything, page};
use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::load::{Load, echo, stands_once};
use crate::support::samples::good;
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::Visitor;
use crate::support::{KEY, noise, on_both, until, within};

const DAY_US: i64 = 24 * 3600 * 1_000_000;

/// The records of this client are so many days older.
fn age(gateway: &Gateway, client: &str, days: i64) {
    let older = days * DAY_US;
    gateway
        .database
        .sql(&format!("UPDATE records SET started_us = started_us - {older} WHERE user_agent = '{client}'"));
}

fn expire(gateway: &Gateway, setting: &str, value: &str) {
    gateway.set(setting, value);
    Visitor::log_in(gateway).send("/admin/settings/recording/expire", "");
    // Removal gives way to what is being stored, and so takes longest on a crowded machine.
    within(Duration::from_secs(60), "the round has ended", || {
        gateway.log().contains("have had their time").then_some(())
    });
}

fn bodies_have_their_time_and_the_figures_stay(kind: Kind) {
    let upstream = FakeUpstream::with(answers);
    let gateway = &Gateway::with(kind, [upstream.row("a")]);
    let before = three(gateway);
    index_everything(gateway);
    age(gateway, "aa", 40);
    // Its last turn is of today: a conversation goes as a whole, so all of it stays.
    age(gateway, "bb", 40);
    let newest = gateway.database.sql("SELECT max(id) FROM records WHERE user_agent = 'bb'");
    gateway.database.sql(&format!("UPDATE records SET started_us = started_us + {} WHERE id = {newest}", 40 * DAY_US));
    let figures =
        "SELECT id, status, total_us, tokens_in, tokens_out, request_bytes, conversation_id FROM records ORDER BY id";
    let rows = gateway.database.sql(figures);
    expire(gateway, "retain_bodies_days", "30");
    assert_eq!(gateway.database.sql(figures), rows, "the rows and their figures stay");
    let without =
        gateway.database.sql("SELECT record_id FROM record_bodies WHERE body_note = 'removed' ORDER BY record_id");
    assert_eq!(without, gateway.database.sql("SELECT id FROM records WHERE user_agent = 'aa' ORDER BY id"));
    until("the index is written without them", || (holds(gateway, &marker("aa")) == [""; 0]).then_some(()));
    assert_eq!(
        (&page(gateway, &marker("aa"), "")["count"], &page(gateway, "ua:aa", "")["count"]),
        (&json!(0), &json!(3))
    );
    let gone: Vec<i64> = without.lines().map(|id| id.parse().unwrap()).collect();
    for id in &gone {
        let answer = gateway.admin("GET", &format!("/admin/requests/{id}/body"), "");
        assert!(answer.status == 404 && answer.text().contains("removed"), "{}", answer.text());
    }
    let left: Vec<_> = before.into_iter().filter(|(id, ..)| !gone.contains(id)).collect();
    let now: Vec<_> = all_bytes(gateway).into_iter().filter(|(id, ..)| !gone.contains(id)).collect();
    assert!(now == left, "what is left is byte for byte what it was");
    assert_eq!(page(gateway, &marker("bb"), "")["count"], 1);
}

fn records_have_their_time_while_others_come(kind: Kind) {
    let upstream = echo();
    let gateway = &Gateway::with(kind, [upstream.row("a")]);
    for name in ["aa", "bb"] {
        for _ in 0..100 {
            gateway.send(
                Call::post(
                    "/v1/embeddings",
                    &json!({"model": "e", "messages": [{"role": "user", "content": marker(name)}]}).to_string(),
                )
                .header("User-Agent", name),
            );
        }
    }
    gateway.records_when(200);
    index_everything(gateway);
    age(gateway, "aa", 40);
    let load = Load::on(gateway.address());
    load.reached(20);
    expire(gateway, "retain_records_days", "30");
    load.reached(load.count() + 20);
    stands_once(&gateway.database, &load.end());
    assert_eq!(gateway.database.sql("SELECT count(*) FROM records WHERE user_agent = 'aa'"), "0");
    assert_eq!(gateway.database.sql("SELECT count(*) FROM records WHERE user_agent = 'bb'"), "100");
    until("the index is written without them", || (holds(gateway, &marker("aa")) == [""; 0]).then_some(()));
    assert_eq!(
        (&page(gateway, &marker("aa"), "")["count"], &page(gateway, &marker("bb"), "")["count"]),
        (&json!(0), &json!(100))
    );
    let said = gateway.log();
    let said = said.lines().find(|line| line.contains("have had their time")).unwrap();
    assert!(said.contains("100 records") && said.ends_with(" less"), "{said}");
}

fn what_waited_in_the_spill_file_goes_from_there_too(kind: Kind) {
    let upstream = FakeUpstream::with(answers);
    let gateway = &Gateway::with(kind, [upstream.row("a")]);
    crate::poison::refuse(gateway, "records", "1 = 1");
    let mut talker = Talker::new("aa", KEY);
    talker.say(gateway, &format!("The word is {}", marker("aa")));
    let file = gateway.folder().join(match kind {
        Kind::Sqlite => "db.sqlite.spill",
        Kind::Postgres => "openai-api-route.spill",
    });
    let spilled = || gateway.metric("record_spill_bytes").filter(|bytes| *bytes > 0.0).is_some();
    until("it waits in the spill file", || spilled().then_some(()));
    assert!(String::from_utf8_lossy(&std::fs::read(&file).unwrap()).contains(&marker("aa")), "it is written as it is");
    crate::poison::admit(gateway, "records");
    let id = gateway.records_when(1)[0].number("id");
    let answer = gateway.admin("DELETE", &format!("/admin/requests/{id}"), "").json();
    assert_eq!((&answer["removed"], &answer["spill_pending"]), (&json!(1), &json!(false)));
    assert_eq!(holds(gateway, &marker("aa")), [""; 0]);
    assert_eq!(std::fs::read(&file).unwrap_or_default(), b"");
}

/// Bytes of all that is packed.
fn packed(gateway: &Gateway) -> u64 {
    gateway.database.sql("SELECT coalesce(sum(length(data)), 0) FROM packs").parse().unwrap()
}

fn a_picture_or_a_sound_is_stored_once_wherever_it_is_sent(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = &Gateway::with(kind, [upstream.row("a")]);
    let [picture, sound] = [150_000, 90_000].map(|bytes| openssl::base64::encode_block(&noise(bytes)));
    let ask = |agent: &str, text: &str| {
        let content = json!([
            {"type": "text", "text": text},
            {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{picture}")}},
            {"type": "input_audio", "input_audio": {"data": sound, "format": "wav"}},
        ]);
        let body = json!({"model": "m", "messages": [{"role": "user", "content": content}]}).to_string();
        assert_eq!(gateway.send(Call::chat(&body).header("User-Agent", agent)).status, 200);
        body
    };
    let first = ask("one", "What is on it?");
    gateway.records_when(1);
    let once = packed(gateway);
    assert!(once > 200_000, "noise cannot be pressed: {once}");
    let second = ask("two", "Describe it, please: quite another question.");
    let records = gateway.records_when(2);
    assert!(packed(gateway) < once + 3_000, "{once} and {}", packed(gateway));
    let bodies: Vec<&str> = records.iter().map(|record| record.text("body")).collect();
    assert!(bodies.contains(&first.as_str()) && bodies.contains(&second.as_str()));
    let conversations: Vec<Value> = records.iter().map(|record| record.0["conversation_id"].clone()).collect();
    assert_ne!(conversations[0], conversations[1]);
}

on_both! {
    bodies_have_their_time_and_the_figures_stay,
    records_have_their_time_while_others_come,
    what_waited_in_the_spill_file_goes_from_there_too,
    a_picture_or_a_sound_is_stored_once_wherever_it_is_sent,
}
