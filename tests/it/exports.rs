//! Records handed out: one with all its bytes, all that match as a file, and what matches counted.

use std::collections::HashSet;

use openai_api_route::db::records::{Facts, NewRecord, Texts};
use serde_json::{Value, json};

use crate::search::corpus::{Sent, entries, send_all};
use crate::search::{encoded, index_everything};
use crate::support::client::{Answer, Call};
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::http::Framing;
use crate::support::record::store;
use crate::support::reply::Reply;
use crate::support::samples::{CHAT, COMPLETION, good};
use crate::support::upstream::FakeUpstream;
use crate::support::{noise, on_both};

fn get(gateway: &Gateway, target: &str) -> Answer {
    let answer = gateway.admin("GET", target, "");
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    assert!(answer.whole);
    answer
}

fn lines(answer: &Answer) -> Vec<Value> {
    let text = String::from_utf8(answer.body.clone()).expect("UTF-8");
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn attachment(answer: &Answer, kind: &str, ending: &str) {
    assert_eq!(answer.header("content-type"), Some(kind));
    assert!(
        answer
            .header("content-disposition")
            .is_some_and(|name| name.starts_with("attachment; filename=\"requests-") && name.ends_with(ending))
    );
    assert_eq!(
        (answer.header("cache-control"), answer.header("x-content-type-options")),
        (Some("no-store"), Some("nosniff"))
    );
}

fn lines_hold_every_record_once_with_its_bodies(kind: Kind) {
    let Sent { gateway, .. } = &send_all(kind);
    let answer = get(gateway, "/admin/requests/export");
    attachment(&answer, "application/jsonl", ".jsonl\"");
    let all = lines(&answer);
    let records = gateway.records();
    let ids: Vec<i64> = all.iter().map(|line| line["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, records.iter().map(|record| record.number("id")).collect::<Vec<_>>(), "the newest first");
    for (line, record) in all.iter().zip(&records) {
        assert_eq!((&line["body"], &line["response"]), (&record.0["body"], &record.0["response"]));
        assert_eq!(line["user_agent"], record.0["user_agent"]);
    }
    let bodies: HashSet<&str> = all.iter().filter_map(|line| line["body"].as_str()).collect();
    for entry in entries() {
        assert!(bodies.contains(entry.body.to_string().as_str()), "{} is there byte for byte", entry.name);
    }
    index_everything(gateway);
    let some = lines(&get(gateway, &format!("/admin/requests/export?format=jsonl&q={}", encoded("key:ops 天气"))));
    assert_eq!(some.len(), 1);
    assert_eq!(some[0]["user_agent"], "suite/sorry");
    let many = lines(&get(gateway, &format!("/admin/requests/export?q={}", encoded("-ua:suite/filler"))));
    assert_eq!(many, all, "the same file from the index");
    let everything = lines(&get(gateway, "/admin/requests/export"));
    let ids: HashSet<i64> = everything.iter().map(|line| line["id"].as_i64().unwrap()).collect();
    assert_eq!((everything.len(), ids.len()), (all.len() + 520, all.len() + 520), "over several pieces, none twice");
    assert!(get(gateway, "/admin/requests/export?q=nowhere").body.is_empty());
}

fn tables_open_in_spreadsheets_and_hold_no_formulas(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("=a")]);
    for agent in ["=cmd|'/C calc'!A0", "@SUM(1)", "+1", "-1", "plain, with \"quotes\"", "中文"] {
        gateway.send(Call::chat(&CHAT.replace("gpt-4o-mini", "=1+1")).header("User-Agent", agent));
    }
    gateway.records_when(6);
    let answer = get(&gateway, "/admin/requests/export?format=csv");
    attachment(&answer, "text/csv; charset=utf-8", ".csv\"");
    assert_eq!(answer.body[..3], [0xef, 0xbb, 0xbf], "a byte order mark");
    let text = String::from_utf8(answer.body[3..].to_vec()).unwrap();
    let rows: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(rows.len(), 7);
    let columns: Vec<&str> = rows[0].split(',').collect();
    assert_eq!(columns[..5], ["id", "created_at", "status", "ending", "model"]);
    assert_eq!(columns[23..], ["error", "upstream_name", "finish", "is_replay", "replay_of"], "new ones come last");
    assert!(rows[1..].iter().all(|row| row.ends_with(",'=a,stop,false,")), "{rows:?}");
    for (row, agent) in rows[1..].iter().rev().zip([
        "'=cmd|'/C calc'!A0",
        "'@SUM(1)",
        "'+1",
        "'-1",
        "\"plain, with \"\"quotes\"\"\"",
        "中文",
    ]) {
        assert!(row.contains(&format!(",{agent},")), "{row}");
        assert!(row.contains(",200,complete,'=1+1,"), "{row}");
        assert!(!row.split(',').any(|cell| cell.starts_with(['=', '+', '@'])), "{row}");
    }
    let empty = get(&gateway, "/admin/requests/export?format=csv&q=nowhere");
    assert_eq!(String::from_utf8_lossy(&empty.body[3..]), format!("{}\r\n", rows[0]), "the head alone");
}

fn examples_to_train_on_are_one_for_each_conversation(kind: Kind) {
    let Sent { gateway, .. } = &send_all(kind);
    let examples = lines(&get(gateway, "/admin/requests/export?format=openai"));
    let last = |example: &Value| example["messages"].as_array().unwrap().last().unwrap().clone();
    for example in &examples {
        let messages = example["messages"].as_array().expect("messages");
        assert!(messages.len() >= 2, "{example}");
        for message in messages {
            assert!(["system", "user", "assistant", "tool"].contains(&message["role"].as_str().unwrap()), "{message}");
        }
        assert_eq!(last(example)["role"], "assistant");
    }
    let saying = |text: &str| examples.iter().filter(|example| example.to_string().contains(text)).collect::<Vec<_>>();
    let of_tools = saying("Open my notes");
    assert_eq!(of_tools.len(), 1, "the conversation's last record stands for it");
    let roles: Vec<&str> =
        of_tools[0]["messages"].as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "assistant"]);
    assert_eq!(of_tools[0]["tools"], json!([{"type": "function", "function": {"name": "read_file"}}]));
    assert_eq!(last(of_tools[0])["content"], "I may not read it.");
    assert_eq!(saying("已修复。").len(), 1);
    assert_eq!(saying("Talk as a pirate.")[0]["messages"][0]["role"], "system");
    for nothing in
        ["whales", "This is refused", "Everything is down", "Let me in", "Break in the middle", "Tell me a story"]
    {
        assert!(saying(nothing).is_empty(), "{nothing}");
    }
    let one = lines(&get(gateway, "/admin/requests/export?format=openai&q=treasure"));
    assert_eq!(one.len(), 1);
}

fn one_record_is_shown_with_everything_and_its_bytes_as_they_were(kind: Kind) {
    let binary = noise(300_000);
    let reply = binary.clone();
    let upstream = FakeUpstream::with(move |seen, _| match seen.target() {
        "/v1/audio/speech" => Reply::sized(200, &[("Content-Type", "audio/mpeg")], &reply),
        _ => good(),
    });
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let large = CHAT.replace("Say hello.", &"Ein langer Satz, 很长的句子。\\n".repeat(120_000));
    let broken = b"{\"model\":\"m\",\"messages\":[\xff\xfe not JSON \x00".to_vec();
    let speech = br#"{"model":"tts-1","input":"Speak"}"#.to_vec();
    for (path, body) in
        [("/v1/chat/completions", large.as_bytes()), ("/v1/chat/completions", &broken), ("/v1/audio/speech", &speech)]
    {
        assert_eq!(gateway.send(Call::post(path, "").body(body)).status, 200);
    }
    let ids: Vec<i64> = gateway.records_when(3).iter().rev().map(|record| record.number("id")).collect();
    for (id, body, reply) in [
        (ids[0], large.as_bytes(), COMPLETION.as_bytes()),
        (ids[1], &broken, COMPLETION.as_bytes()),
        (ids[2], &speech, &binary),
    ] {
        for (what, bytes) in [("body", body), ("reply", reply)] {
            let answer = get(&gateway, &format!("/admin/requests/{id}/{what}"));
            assert!(answer.body == bytes, "{what} of {id} byte for byte, {} of {}", answer.body.len(), bytes.len());
            assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            assert!(answer.header("content-security-policy").is_some_and(|policy| policy.contains("sandbox")));
            assert_eq!(
                answer.header("content-disposition"),
                Some(format!("attachment; filename=\"request-{id}-{what}\"").as_str())
            );
        }
        let shown = get(&gateway, &format!("/admin/requests/{id}")).json();
        assert_eq!(shown["id"], id);
        assert_eq!(shown["request_bytes"], body.len());
        assert_eq!(shown["body"].as_str().unwrap(), String::from_utf8_lossy(body));
        assert_eq!(shown["attempts"].as_array().unwrap().len(), 1);
    }
    gateway.set("recording", "metadata");
    gateway.send(Call::chat(CHAT));
    let bare = gateway.records_when(4)[0].number("id");
    assert!(get(&gateway, &format!("/admin/requests/{bare}")).json()["body"].is_null());
    for target in [
        format!("{bare}/body"),
        format!("{bare}/reply"),
        "987654321".into(),
        "987654321/body".into(),
        "0/reply".into(),
        "nonsense".into(),
    ] {
        assert_eq!(gateway.admin("GET", &format!("/admin/requests/{target}"), "").status, 404, "{target}");
    }
}

fn what_matches_is_counted_by_name_and_by_time(kind: Kind) {
    let Sent { gateway, .. } = &send_all(kind);
    let values = |field: &str, query: &str| {
        let page = get(gateway, &format!("/admin/requests/facets?field={field}&q={}", encoded(query))).json();
        let value = |value: &Value| (value["value"].as_str().unwrap().to_owned(), value["count"].as_u64().unwrap());
        page["values"].as_array().unwrap().iter().map(value).collect::<Vec<_>>()
    };
    let counted =
        |pairs: &[(&str, u64)]| pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect::<Vec<_>>();
    let count_all = |rest: &str| {
        assert_eq!(values("key", rest), counted(&[("ci", 20), ("ops", 4)]));
        assert_eq!(values("tool", rest), counted(&[("list_dir", 1), ("read_file", 1)]));
        assert_eq!(values("finish", &format!("model:gpt-4o{rest}")), counted(&[("stop", 4), ("tool_calls", 1)]));
        assert_eq!(
            values("model", &format!("key:ops{rest}")),
            counted(&[("deepseek-chat", 2), ("gpt-nothing", 1), ("text-embedding-3-small", 1)])
        );
        assert_eq!(values("path", &format!("in:<22 path:/v1/resp*{rest}")), counted(&[("/v1/responses", 1)]));
        assert_eq!(values("ip", &format!("-key:*{rest}")), counted(&[("127.0.0.1", 1)]));
        assert!(values("ua", &format!("nowhere{rest}")).is_empty());
    };
    count_all("");
    index_everything(gateway);
    count_all(" -ua:suite/filler");
    for field in ["", "colour"] {
        let answer = gateway.admin("GET", &format!("/admin/requests/facets?field={field}"), "");
        assert_eq!((answer.status, answer.json()["error"]["param"].as_str()), (400, Some("field")));
    }
    let bars = get(gateway, &format!("/admin/requests/histogram?range=1h&q={}", encoded("-ua:suite/filler"))).json();
    let sum =
        |what: &str| bars["buckets"].as_array().unwrap().iter().map(|bar| bar[what].as_i64().unwrap()).sum::<i64>();
    assert_eq!((sum("count"), sum("errors")), (25, 6));
    assert_eq!(bars["step_us"], 36_000_000);
    for bar in bars["buckets"].as_array().unwrap() {
        assert_eq!((bar["from_us"].as_i64().unwrap() - bars["from_us"].as_i64().unwrap()) % 36_000_000, 0);
    }
    assert_eq!(gateway.admin("GET", "/admin/requests/histogram", "").status, 400);
}

fn a_format_that_is_none_is_refused(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    for (target, field) in
        [("format=xml", "format"), ("format=JSONL", "format"), ("formats=csv", "formats"), ("q=foo:1", "q")]
    {
        let answer = gateway.admin("GET", &format!("/admin/requests/export?{target}"), "");
        assert_eq!((answer.status, answer.json()["error"]["param"].as_str()), (400, Some(field)), "{target}");
    }
}

fn large_bodies_come_whole_a_few_at_a_time(kind: Kind) {
    let gateway = &Gateway::with(kind, []);
    let body = |n: usize| {
        format!(
            "{{\"number\": {n}, \"noise\": \"{}\"}}",
            noise(500_000 + n).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        )
    };
    let record = |n: usize| {
        let body = body(n);
        let facts = Facts { status: 200, request_bytes: body.len() as i64, ..Facts::default() };
        let texts = Texts { body: Some(body.into_bytes()), ..Texts::default() };
        NewRecord { facts, texts, ..NewRecord::default() }
    };
    // More than is read in one go, and not a multiple of it.
    let ids = store(gateway, &(0..11).map(record).collect::<Vec<_>>());
    let list = get(gateway, "/admin/request_records?limit=11");
    assert_eq!((list.framing, list.header("content-type")), (Framing::Chunked, Some("application/json")));
    let few = get(gateway, &format!("/admin/request_records?limit=1&before={}", ids[1]));
    assert!(matches!(few.framing, Framing::Sized(_)) && few.json().as_array().unwrap().len() == 1);
    for all in [list.json().as_array().unwrap().clone(), lines(&get(gateway, "/admin/requests/export"))] {
        assert_eq!(all.iter().map(|one| one["id"].as_i64().unwrap()).rev().collect::<Vec<_>>(), ids);
        assert!(all.iter().rev().enumerate().all(|(n, one)| one["body"] == body(n)));
    }
}

on_both! {
    large_bodies_come_whole_a_few_at_a_time,
    lines_hold_every_record_once_with_its_bodies,
    tables_open_in_spreadsheets_and_hold_no_formulas,
    examples_to_train_on_are_one_for_each_conversation,
    one_record_is_shown_with_everything_and_its_bytes_as_they_were,
    what_matches_is_counted_by_name_and_by_time,
    a_format_that_is_none_is_refused,
}
