//! Finding requests: the query language over HTTP, each query with the literal set it finds, before the index has
//! reached the records and after.

pub mod corpus;
mod failed;
mod paging;
mod refused;
mod sorted;

use std::collections::HashMap;

use serde_json::Value;

use crate::search::corpus::{Sent, agent, send_all};
use crate::support::client::{Answer, Call};
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::{on_both, until};

/// More records than make a segment of the index.
const ENOUGH: usize = 520;

/// A text as the value of a parameter.
pub fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Asks for requests.
pub fn ask(gateway: &Gateway, query: &str, more: &str) -> Answer {
    gateway.admin("GET", &format!("/admin/requests?q={}{more}", encoded(query)), "")
}

/// What is found, as the page shows it.
pub fn page(gateway: &Gateway, query: &str, more: &str) -> Value {
    let answer = ask(gateway, query, more);
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    answer.json()
}

/// The names of what is on a page.
pub fn names(page: &Value) -> Vec<String> {
    let rows = page["requests"].as_array().expect("an array of requests");
    rows.iter().map(|row| row["user_agent"].as_str().unwrap().trim_start_matches("suite/").to_owned()).collect()
}

/// Sends requests until the index has reached everything that was there before.
pub fn index_everything(gateway: &Gateway) {
    let newest: i64 = gateway.database.sql("SELECT max(id) FROM records").parse().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..ENOUGH / 4 {
                    gateway.send(Call::get("/v1/models").header("User-Agent", &agent("filler")));
                }
            });
        }
    });
    until("the index reaches the records", || {
        let indexed = gateway.database.sql("SELECT value FROM marks WHERE name = 'indexed'");
        (indexed.parse::<i64>().unwrap_or(0) >= newest).then_some(())
    });
}

/// Queries, each with the names of what it finds, in alphabetical order.
#[rustfmt::skip]
const FOUND: &[(&str, &[&str])] = &[
    // Names.
    ("model:gpt-4o", &["bad", "call", "fixed", "image", "refund", "result"]),
    ("model:GPT-4O", &["bad", "call", "fixed", "image", "refund", "result"]),
    ("model:gpt-4o-*", &["hello", "logs", "naive", "quoted", "streamed"]),
    ("model:*reasoner,claude-*", &["pirate", "reason"]),
    ("model:gpt-5 -\"il fait\"", &["again"]),
    ("upstream:beta", &["down", "limited", "long", "pirate", "reason", "saved", "sorry"]),
    ("upstream:alpha model:deepseek*", &[]),
    ("key:ops", &["absent", "long", "sorry", "vectors"]),
    ("key:o* -key:ci -status:404", &["long", "sorry", "vectors"]),
    ("path:/v1/responses", &["again", "french"]),
    ("path:/v1/embeddings,/v1/messages", &["pirate", "vectors"]),
    ("path:/v1/chat/* -status:200 -status:400..404", &["down", "left", "limited"]),
    ("host:127.0.0.1:* key:ops", &["absent", "long", "sorry", "vectors"]),
    ("host:example.com", &[]),
    ("ua:suite/hello,suite/bad", &["bad", "hello"]),
    ("ua:*/RE*", &["reason", "refund", "result"]),
    // Figures.
    ("status:400", &["bad"]),
    ("status:4xx", &["absent", "bad", "left", "limited", "nokey"]),
    ("status:>=400", &["absent", "bad", "down", "left", "limited", "nokey"]),
    ("status:>=400 -status:4xx", &["down"]),
    ("status:500..599", &["down"]),
    ("status:400,404,5xx", &["absent", "bad", "down"]),
    ("in:>32k", &["refund"]),
    ("in:>=300", &["image", "refund"]),
    ("in:70..90", &["call", "result"]),
    ("out:<3", &["hello"]),
    ("out:600", &["sorry"]),
    ("tokens:>=605", &["refund", "sorry"]),
    ("tokens:26", &["french"]),
    ("cost:>0.05", &["refund"]),
    ("cost:0.0002..0.0006 model:gpt-4o", &["call", "result"]),
    ("attempts:>1", &["down", "limited", "saved"]),
    ("attempts:0", &["nokey"]),
    ("total:<0.001ms", &[]),
    ("ttft:>=0ms is:stream", &["cut", "left", "long", "streamed"]),
    ("total:>10m", &[]),
    // Where from, how it went, what it holds.
    ("ip:127.0.0.1 key:ops", &["absent", "long", "sorry", "vectors"]),
    ("ip:127.0.0.0/8 key:ops", &["absent", "long", "sorry", "vectors"]),
    ("ip:10.0.0.0/8,::1", &[]),
    ("is:error", &["absent", "bad", "cut", "down", "limited", "nokey"]),
    ("is:stream", &["cut", "left", "long", "streamed"]),
    ("is:cut", &["cut"]),
    ("is:aborted", &["left"]),
    ("is:cut,aborted", &["cut", "left"]),
    ("is:replay", &[]),
    ("has:tool", &["call", "pirate", "result"]),
    ("has:image", &["image"]),
    ("has:reasoning", &["pirate", "reason"]),
    ("has:tool,image -tool:read_file", &["image", "pirate", "result"]),
    ("-has:body", &[]),
    ("tool:read_file", &["call"]),
    ("tool:list_*,read_*", &["call", "pirate"]),
    ("finish:length", &["long"]),
    ("finish:tool_*", &["call", "pirate"]),
    // Text: where a word starts, or anywhere in scripts without spaces.
    ("err", &["down", "logs"]),
    ("ror", &[]),
    ("terror", &["logs"]),
    ("file", &["call", "logs"]),
    ("read_file", &["call", "logs"]),
    ("ad_file", &[]),
    ("code", &["logs", "naive"]),
    ("E42", &["logs"]),
    ("42", &[]),
    ("471", &["refund"]),
    ("711", &[]),
    ("修复", &["fixed"]),
    ("错误修复了", &["fixed"]),
    ("已修复。", &["fixed"]),
    ("天气", &["sorry"]),
    ("修复 天气", &[]),
    ("ÜBER ärger", &["long"]),
    ("grünlich", &["long"]),
    ("two", &["streamed"]),
    ("NAÏVE", &["naive"]),
    ("naive", &[]),
    ("да", &["naive"]),
    ("бар", &[]),
    ("C++", &["logs"]),
    ("\"-rf\"", &["logs"]),
    ("E42;", &["logs"]),
    ("notes.txt", &["call"]),
    ("\"/tmp/notes\"", &["call"]),
    ("tortuga", &["pirate"]),
    ("map", &["pirate"]),
    ("multiply", &["reason"]),
    ("denied", &["result"]),
    ("owner", &["result"]),
    ("whales", &["vectors"]),
    ("iVBORw0KGgo", &[]),
    // Several terms, phrases, quotes.
    ("error log", &["logs"]),
    ("\"error log\"", &["logs"]),
    ("\"log error\"", &[]),
    ("\"the mirror: read_file failed\"", &["logs"]),
    ("\"is on its\"", &["refund"]),
    ("\"is on it\"", &["image", "refund"]),
    ("\"s on it\"", &[]),
    ("\"said \\\"status: fine\\\"\"", &["quoted"]),
    ("\"OR was it AND\"", &["quoted"]),
    ("\"(twice)\"", &["quoted"]),
    ("\"对不起，服务\"", &["sorry"]),
    ("text:whales,treasure", &["pirate", "vectors"]),
    ("is the", &["down", "french", "pirate", "refund"]),
    ("is -the path:/v1/messages", &[]),
    // One side.
    ("user:weather", &["french"]),
    ("assistant:weather", &[]),
    ("user:refund", &["refund"]),
    ("assistant:money", &["refund"]),
    ("system:terse", &["refund"]),
    ("system:pirate", &["pirate"]),
    ("system:\"Answer in French\"", &["french"]),
    ("user:pirate", &[]),
    ("assistant:\"对不起\"", &["sorry"]),
    ("user:对不起", &[]),
    ("assistant:read_file", &["call"]),
    ("user:denied", &[]),
    ("error:invalid", &["bad"]),
    ("error:\"model does not exist\"", &["absent"]),
    ("assistant:\"model does not exist\"", &[]),
    ("user:treasure,refund", &["pirate", "refund"]),
    // Denial.
    ("-status:200 -is:error", &["left"]),
    ("model:gpt-4o-mini -hello -error", &["naive", "quoted", "streamed"]),
    ("model:gpt-4o-mini -user:hello -assistant:three", &["logs", "naive", "quoted"]),
    ("model:gpt-4o -\"on it\" -修复", &["bad", "call", "result"]),
    ("path:/v1/messages -treasure", &[]),
    // As input methods type it.
    ("model：gpt-4o，gpt-5 －is：error", &["again", "call", "fixed", "french", "image", "refund", "result"]),
    ("“修复”", &["fixed"]),
    ("ｓｔａｔｕｓ：＞＝５００", &["down"]),
    ("assistant：“对不起”", &["sorry"]),
    ("key:ops　天气", &["sorry"]),
];

fn finds_what_is_expected(gateway: &Gateway, without: &str) {
    let mut wrong = Vec::new();
    for (query, expected) in FOUND {
        let page = page(gateway, &format!("{query}{without}"), "");
        let mut found = names(&page);
        found.sort_unstable();
        if found != *expected || page["count"] != found.len() || page["count_capped"] != false {
            wrong.push(format!("{query}: found {found:?} (count {}), expected {expected:?}", page["count"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn every_field_and_every_text_finds_its_set_before_and_after_indexing(kind: Kind) {
    let Sent { gateway, .. } = &send_all(kind);
    assert_eq!(gateway.database.sql("SELECT count(*) FROM segments"), "0");
    finds_what_is_expected(gateway, "");
    let whole = page(gateway, "", "");
    assert_eq!(whole["requests"].as_array().unwrap().len(), 25);
    index_everything(gateway);
    finds_what_is_expected(gateway, " -ua:suite/filler");
    let again = page(gateway, "-ua:suite/filler", "");
    assert_eq!(again["requests"], whole["requests"], "a row reads the same, indexed or not");
}

fn a_record_is_found_by_its_number_and_its_conversation(kind: Kind) {
    let Sent { gateway, .. } = &send_all(kind);
    let all = page(gateway, "", "");
    let rows: HashMap<String, Value> =
        names(&all).into_iter().zip(all["requests"].as_array().unwrap().iter().cloned()).collect();
    let (call, result, vectors) = (&rows["call"], &rows["result"], &rows["vectors"]);
    assert_eq!(names(&page(gateway, &format!("id:{}", call["id"]), "")), ["call"]);
    assert_eq!(names(&page(gateway, &format!("id:{},{}", call["id"], vectors["id"]), "")), ["vectors", "call"]);
    assert_eq!(result["conversation_id"], call["conversation_id"]);
    assert_eq!(names(&page(gateway, &format!("conv:{}", call["conversation_id"]), "")), ["result", "call"]);
    assert_eq!(names(&page(gateway, &format!("conv:{} denied", call["conversation_id"]), "")), ["result"]);
    assert!(vectors["conversation_id"].is_null());
    for (row, name) in [("refund", "gpt-4o"), ("vectors", "text-embedding-3-small")] {
        assert_eq!(rows[row]["model"], name);
    }
    assert!(all["next"].is_null());
    let ids: Vec<i64> = all["requests"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a > b), "newest first: {ids:?}");
}

on_both! {
    every_field_and_every_text_finds_its_set_before_and_after_indexing,
    a_record_is_found_by_its_number_and_its_conversation,
}
