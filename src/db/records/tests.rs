//! Bodies stored once and conversations found, on real SQLite files. **May import:** the room.

use diesel::prelude::{QueryableByName, RunQueryDsl};
use diesel::sql_types::BigInt;

use crate::db::Connection;
use crate::db::records::{Ending, Facts, NewRecord, Record, Store, Texts};
use crate::db::testing::{Folder, page};

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

fn number(conn: &mut Connection, query: &str) -> i64 {
    diesel::sql_query(query).get_result::<Number>(conn).unwrap().number
}

/// A chat: what was asked, and the model's answer.
fn chat(key: &str, messages: &[String], answer: &str) -> NewRecord {
    let body = format!(r#"{{"model":"m","messages":[{}],"stream":false}}"#, messages.join(", "));
    let reply = format!(
        r#"{{"id":"x","choices":[{{"index":0,"message":{{"role":"assistant","content":{answer:?},"refusal":null}},"finish_reason":"stop"}}]}}"#
    );
    record(key, body.into_bytes(), reply.into_bytes())
}

fn record(key: &str, body: Vec<u8>, reply: Vec<u8>) -> NewRecord {
    let facts = Facts {
        key_name: key.to_owned(),
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        status: 200,
        ending: Ending::Complete,
        ..Facts::default()
    };
    let texts = Texts { body: Some(body), response: Some(reply), ..Texts::default() };
    NewRecord { facts, texts, ..NewRecord::default() }
}

fn said(role: &str, text: &str) -> String {
    format!(r#"{{"role":{role:?},"content":{text:?}}}"#)
}

/// A conversation of a client that sends everything again each turn.
#[derive(Clone)]
struct Client {
    key: &'static str,
    messages: Vec<String>,
}

impl Client {
    fn new(key: &'static str, system: &str) -> Client {
        Client { key, messages: vec![said("system", system)] }
    }

    fn turn(&mut self, question: &str, answer: &str) -> NewRecord {
        self.messages.push(said("user", question));
        let record = chat(self.key, &self.messages, answer);
        self.messages.push(said("assistant", answer));
        record
    }
}

struct Kept {
    _folder: Folder,
    conn: Connection,
    store: Store,
}

impl Kept {
    fn new() -> Kept {
        let folder = Folder::new();
        let conn = folder.open().database.connect().unwrap();
        Kept { _folder: folder, conn, store: Store::default() }
    }

    /// Stores each record in a transaction of its own.
    fn one_by_one(&mut self, records: &[NewRecord]) -> Vec<Record> {
        for record in records {
            self.store.insert(&mut self.conn, std::slice::from_ref(record), None).unwrap();
        }
        self.all(records)
    }

    /// Everything stored, the oldest first, compared with what it was.
    fn all(&mut self, records: &[NewRecord]) -> Vec<Record> {
        let mut all = page(&mut self.conn, None, 10_000);
        all.reverse();
        assert_eq!(all.len(), records.len());
        for (stored, record) in all.iter().zip(records) {
            assert_eq!((&stored.row.facts, &stored.texts), (&record.facts, &record.texts));
        }
        all
    }
}

/// The conversation of each record, and how many messages it knew.
fn places(all: &[Record]) -> Vec<(i64, i64)> {
    let placed = all.iter().map(|record| &record.row.placed);
    placed.map(|placed| (placed.conversation_id.unwrap_or(0), placed.known_messages.unwrap_or(0))).collect()
}

#[test]
fn a_history_sent_again_each_turn_is_stored_once_and_is_one_conversation() {
    let mut kept = Kept::new();
    let mut client = Client::new("a", &"Be helpful. ".repeat(100));
    let records: Vec<NewRecord> = (0..40)
        .map(|turn| client.turn(&format!("Question {turn}? {}", "word ".repeat(turn * 7)), &format!("Answer {turn}.")))
        .collect();
    let all = kept.one_by_one(&records);
    let expected: Vec<(i64, i64)> = (0..40).map(|turn| (1, if turn == 0 { 0 } else { turn * 2 + 1 })).collect();
    assert_eq!(places(&all), expected);
    assert_eq!(all[7].row.placed.linked_by.as_deref(), Some("messages"));
    let raw: usize = records.iter().map(|record| record.texts.body.as_ref().unwrap().len()).sum();
    let stored = number(&mut kept.conn, "SELECT sum(length(data)) AS number FROM packs");
    assert!(stored < raw as i64 / 10, "{stored} of {raw} bytes");
}

#[test]
fn interleaved_branched_and_repeated_conversations_of_two_keys_stay_apart() {
    let mut kept = Kept::new();
    let (mut one, mut two, mut three) = (Client::new("a", "s"), Client::new("a", "s"), Client::new("b", "s"));
    let mut records = vec![one.turn("first", "r1"), two.turn("second", "r2"), three.turn("first", "r1")];
    records.push(one.turn("go on", "r3"));
    let mut branch = one.clone();
    records.push(three.turn("go on", "r3"));
    records.push(two.turn("go on", "r3"));
    records.push(one.turn("left", "r4"));
    // The last turn edited: what follows the same beginning belongs to it.
    records.push(branch.turn("right", "r5"));
    records.push(branch.turn("and on", "r6"));
    // Asked again, word for word.
    let again = records[6].clone();
    records.push(again);
    let all = kept.one_by_one(&records);
    let conversations: Vec<i64> = places(&all).into_iter().map(|(conversation, _)| conversation).collect();
    assert_eq!(conversations, [1, 2, 3, 1, 3, 2, 1, 1, 1, 1]);
    assert_eq!(all[7].row.placed.known_messages, Some(5));
}

#[test]
fn one_batch_links_as_many_batches_do() {
    let mut kept = Kept::new();
    let (mut one, mut two) = (Client::new("a", "s"), Client::new("a", "t"));
    let records: Vec<NewRecord> = (0..6)
        .flat_map(|turn| [one.turn("same", &format!("r{turn}")), two.turn("same", &format!("q{turn}"))])
        .collect();
    kept.store.insert(&mut kept.conn, &records, None).unwrap();
    let all = kept.all(&records);
    let conversations: Vec<i64> = places(&all).into_iter().map(|(conversation, _)| conversation).collect();
    assert_eq!(conversations, [1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2]);
}

#[test]
fn a_rewritten_message_continues_its_conversation() {
    let mut kept = Kept::new();
    let mut client = Client::new("a", "s");
    let mut records = vec![client.turn("How\nare you?", "Fine.")];
    client.messages[2] =
        "{ \"content\" : [ {\"text\":\"Fine.\",\"type\":\"text\"} ],\n \"role\" : \"assistant\", \"refusal\":null}"
            .to_owned();
    records.push(client.turn("Good.", "Yes."));
    let all = kept.one_by_one(&records);
    assert_eq!(places(&all), [(1, 0), (1, 3)]);
}

#[test]
fn a_history_shortened_from_the_front_continues_its_conversation() {
    let mut kept = Kept::new();
    let mut client = Client::new("a", "s");
    let mut records = Vec::new();
    for turn in 0..12 {
        records.push(client.turn(&format!("question {turn}"), &format!("answer {turn}")));
        if client.messages.len() > 5 {
            client.messages.drain(1..3);
        }
    }
    let all = kept.one_by_one(&records);
    assert!(places(&all).iter().all(|(conversation, _)| *conversation == 1), "{:?}", places(&all));
    assert_eq!(all[11].row.placed.known_messages, Some(5));
    // Another program with the same short exchange and other instructions is another conversation.
    let mut other = Client::new("a", "other");
    let mut more =
        vec![Client::new("a", "third").turn("hi", "Hello!"), other.turn("hi", "Hello!"), other.turn("so", "what")];
    for record in &more {
        kept.store.insert(&mut kept.conn, std::slice::from_ref(record), None).unwrap();
    }
    records.append(&mut more);
    let all = kept.all(&records);
    let last: Vec<i64> = places(&all)[12..].iter().map(|(conversation, _)| *conversation).collect();
    assert_eq!(last, [13, 14, 14]);
}

#[test]
fn a_question_asked_again_after_a_failure_is_the_same_conversation() {
    let mut client = Client::new("a", "s");
    let (hello, later) = (client.turn("hello", "Hi."), client.turn("and now?", "Now."));
    let failed = |record: &NewRecord| {
        let mut failed = record.clone();
        (failed.facts.status, failed.texts.response) = (500, Some(br#"{"error":{"message":"late"}}"#.to_vec()));
        failed
    };
    let all = Kept::new().one_by_one(&[failed(&hello), failed(&hello), hello, failed(&later), later]);
    assert_eq!(places(&all), [(1, 0), (1, 0), (1, 0), (1, 3), (1, 3)], "new to each");
    assert_eq!(all[4].row.placed.linked_by.as_deref(), Some("repeat"));
}

#[test]
fn sessions_and_responses_named_by_the_caller_are_conversations() {
    let mut kept = Kept::new();
    let mut records = vec![Client::new("a", "s").turn("one", "r"), Client::new("a", "s").turn("two", "r")];
    for record in &mut records {
        record.session = Some("session-7".to_owned());
    }
    let response = |previous: &str, id: &str| {
        let mut record = record(
            "a",
            format!(r#"{{"model":"m","input":"go","previous_response_id":{previous}}}"#).into_bytes(),
            format!(r#"{{"id":"{id}","object":"response","status":"completed","output":[{{"type":"message","role":"assistant","content":[{{"type":"output_text","text":"ok"}}]}}]}}"#).into_bytes(),
        );
        record.facts.path = "/v1/responses".to_owned();
        record
    };
    records.extend([response("null", "resp_1"), response("\"resp_1\"", "resp_2"), response("\"resp_2\"", "resp_3")]);
    let mut other_key = response("\"resp_1\"", "resp_4");
    other_key.facts.key_name = "b".to_owned();
    records.push(other_key);
    let all = kept.one_by_one(&records);
    let conversations: Vec<i64> = places(&all).into_iter().map(|(conversation, _)| conversation).collect();
    assert_eq!(conversations, [1, 1, 3, 3, 3, 6]);
    assert_eq!(all[1].row.placed.linked_by.as_deref(), Some("session"));
    assert_eq!(all[4].row.placed.linked_by.as_deref(), Some("response"));
}

#[test]
fn any_bytes_come_back_as_they_were() {
    let mut kept = Kept::new();
    let image = format!(
        r#"{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{}"}}}}]}}"#,
        "iVBORw0K".repeat(9000)
    );
    let shapes: Vec<Vec<u8>> = vec![
        Vec::new(),
        vec![0xff; 3_000_000],
        b"{\"messages\":[".to_vec(),
        format!("{{\"messages\":[{image},{image}]}} trailing").into_bytes(),
        format!("{{\"messages\":[{image}").into_bytes(),
        format!(" {{ \"input\" : [ {} , {} ] }}", said("user", &"x".repeat(2000)), said("user", "y")).into_bytes(),
    ];
    let records: Vec<NewRecord> = shapes
        .iter()
        .chain(&shapes)
        .map(|shape| record("a", shape.clone(), shape.iter().rev().copied().collect()))
        .collect();
    kept.one_by_one(&records);
    kept.store.insert(&mut kept.conn, &records[3..4], None).unwrap();
    let one = number(&mut kept.conn, "SELECT count(*) AS number FROM blobs");
    assert!(one > 0);
}

#[test]
fn a_batch_that_failed_leaves_nothing_that_is_remembered() {
    let mut kept = Kept::new();
    diesel::sql_query(
        "CREATE TRIGGER no BEFORE INSERT ON records WHEN new.model = 'no' BEGIN SELECT RAISE(ABORT, 'bad'); END",
    )
    .execute(&mut kept.conn)
    .unwrap();
    let mut client = Client::new("a", &"long instructions ".repeat(200));
    let mut refused = client.turn("q", "r");
    refused.facts.model = Some("no".to_owned());
    kept.store.insert(&mut kept.conn, &[refused], None).unwrap_err();
    let records = [client.turn("q2", "r2")];
    let all = kept.one_by_one(&records);
    assert_eq!(places(&all), [(all[0].row.id, 0)]);
}

#[test]
fn records_that_come_one_by_one_share_packs_also_after_one_that_failed() {
    let mut kept = Kept::new();
    let mut records: Vec<NewRecord> =
        (0..8).map(|at| chat("key", &[said("user", &format!("question {at}"))], &"answer ".repeat(300))).collect();
    kept.one_by_one(&records[..4]);
    assert_eq!(number(&mut kept.conn, "SELECT count(*) AS number FROM packs"), 1);
    diesel::sql_query("ALTER TABLE record_bodies RENAME TO away").execute(&mut kept.conn).unwrap();
    kept.store.insert(&mut kept.conn, &records[4..5], None).unwrap_err();
    diesel::sql_query("ALTER TABLE away RENAME TO record_bodies").execute(&mut kept.conn).unwrap();
    for record in &records[4..] {
        kept.store.insert(&mut kept.conn, std::slice::from_ref(record), None).unwrap();
    }
    kept.all(&records);
    assert_eq!(number(&mut kept.conn, "SELECT count(*) AS number FROM packs"), 2);
    let huge = chat("key", &[said("user", &"never seen ".repeat(40_000))], "done");
    kept.store.insert(&mut kept.conn, std::slice::from_ref(&huge), None).unwrap();
    records.push(huge);
    kept.all(&records);
}
