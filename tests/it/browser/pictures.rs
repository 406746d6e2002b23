//! Pictures of the pages, for people's eyes, into `target/pictures/`: light, dark, Chinese and narrow.
//!
//! A day of made-up requests is stored through the program's own library, so that charts, search and conversations fit
//! together. `README_PICTURES=1 cargo test --locked --test it pictures` makes those of the README anew, in `static/docs/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use openai_api_route::db::records::{Ending, Facts, NewRecord, Texts};
use serde_json::{Value, json};

use crate::browser::harness::Browser;
use crate::browser::shapes::CUT_OFF;
use crate::support::KEY;
use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::{Gateway, Plan};
use crate::support::record::store;
use crate::support::row::refused;
use crate::support::samples::good;
use crate::support::until;
use crate::support::upstream::FakeUpstream;

/// The README shows these: (file, page, height in px).
const SHOWN: [(&str, &str, u32); 4] = [
    ("overview", "/admin", 850),
    ("requests", "/admin/requests", 720),
    ("conversation", "/admin/conversations/TALK", 860),
    ("upstreams", "/admin/upstreams", 520),
];
/// Pages that are looked at besides.
const BESIDES: [(&str, &str); 9] = [
    ("conversations", "/admin/conversations"),
    ("wrong", "/admin/requests?q=modle:gpt-4o"),
    ("empty", "/admin/requests?q=status:502+nowhere+model:gpt-4o"),
    ("request", "/admin/requests/RECORD"),
    ("replay", "/admin/requests/RECORD/replay"),
    ("compare", "/admin/requests/RECORD/diff/prev"),
    ("upstream", "/admin/upstreams/3"),
    ("activity", "/admin/upstreams/1?tab=activity"),
    ("keys", "/admin/keys"),
];
/// Bytes of a picture.
const MOST_BYTES: usize = 150 << 10;
const WIDTH: u32 = 1280;
const HOUR_US: i64 = 3_600_000_000;

/// Names and models of the upstreams that work; the fifth does not.
const UPSTREAMS: [(&str, &str); 4] = [
    ("openai-main", "gpt-4o,gpt-4o-mini"),
    ("openai-backup", "gpt-4.1"),
    ("azure-east", "gpt-4.1-mini"),
    ("deepseek", "deepseek-*"),
];
/// Who asks what of whom: key, model, upstream, question, answer, is it a stream.
const CHATS: [(&str, &str, i64, &str, &str, bool); 8] = [
    ("web-app", "gpt-4o", 1, "How long may a token live?", "An hour; refresh it before.", true),
    ("web-app", "gpt-4o-mini", 1, "把这段话翻译成英文：数据库连接超时。", "The database connection timed out.", true),
    ("ci", "gpt-4.1", 2, "Review this diff for races.", "The map is read without its lock in `flush`.", false),
    (
        "research",
        "deepseek-chat",
        4,
        "总结这篇论文的三个要点",
        "一、稀疏注意力；二、更长的上下文；三、更低的成本。",
        true,
    ),
    ("ci", "gpt-4o-mini", 1, "Write a commit message for this change.", "Close the pool first.", false),
    (
        "research",
        "deepseek-reasoner",
        4,
        "Prove that two odd numbers have an even sum.",
        "2a+1 + 2b+1 = 2(a+b+1).",
        true,
    ),
    ("web-app", "gpt-4.1-mini", 3, "Sort these tickets by urgency.", "First the outage, then the refund.", false),
    ("web-app", "gpt-4o", 1, "这条报错是什么意思？", "证书已过期，请更新后重试。", true),
];

/// Chance that is the same each time (Knuth's MMIX generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as i64) % most
    }
}

fn chat(model: &str, messages: &[Value], streamed: bool) -> Value {
    json!({"model": model, "messages": messages, "stream": streamed})
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

fn record(body: &Value, reply: &Value, facts: Facts) -> NewRecord {
    let (body, response) = (body.to_string().into_bytes(), reply.to_string().into_bytes());
    let (request_bytes, reply_bytes) = (body.len() as i64, response.len() as i64);
    let response_note = facts.streamed.then(|| "assembled".to_owned());
    let facts = Facts { request_bytes, reply_bytes, ..facts };
    let texts = Texts { body: Some(body), response: Some(response), response_note, ..Texts::default() };
    NewRecord { facts, texts, ..NewRecord::default() }
}

fn facts(key: &str, model: &str, upstream: i64, started_us: i64, (first_us, total_us): (i64, i64)) -> Facts {
    let attempts = json!([{"upstream_id": upstream, "began_us": 0, "took_us": first_us, "status": 200}]).to_string();
    Facts {
        started_us,
        key_name: key.to_owned(),
        key_last4: "k3Yq".to_owned(),
        ip: "10.20.0.7".to_owned(),
        user_agent: "OpenAI/Python 2.8.0".to_owned(),
        host: "llm.example.com".to_owned(),
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        model: Some(model.to_owned()),
        model_sent: Some(model.to_owned()),
        model_answered: Some(model.to_owned()),
        status: 200,
        upstream_id: Some(upstream),
        first_byte_us: Some(first_us),
        first_content_us: Some(first_us + 9_000),
        total_us,
        attempts,
        ending: Ending::Complete,
        ..Facts::default()
    }
}

/// A message of the assistant as a whole reply.
fn replied(message: &Value, finish: &str) -> Value {
    json!({"object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": finish}]})
}

/// A day of short chats, busier by day than by night, some of them refused or failed over.
fn day(now_us: i64) -> Vec<NewRecord> {
    let mut dice = Dice(7);
    let mut records = Vec::new();
    for minute in 0..24 * 60 {
        let wave = 56 - (minute / 60 - 14_i64).abs() * 3;
        if dice.below(60) >= wave {
            continue;
        }
        let (key, model, upstream, question, answer, streamed) = CHATS[dice.below(8) as usize];
        let started_us = now_us - 24 * HOUR_US + minute * 60_000_000 + dice.below(59_000_000);
        let first_us = 180_000 + dice.below(500_000) + if dice.below(20) == 0 { 2_000_000 } else { 0 };
        let mut facts = facts(key, model, upstream, started_us, (first_us, first_us + 400_000 + dice.below(6_000_000)));
        let (tokens_in, tokens_out) = (200 + dice.below(3_000), 30 + dice.below(700));
        (facts.tokens_in, facts.tokens_out, facts.streamed) = (Some(tokens_in), Some(tokens_out), streamed);
        facts.cost_nano = Some(tokens_in * 2_500 + tokens_out * 10_000);
        let mut reply = replied(&json!({"role": "assistant", "content": answer}), "stop");
        match dice.below(40) {
            0 => {
                let error = json!({"message": "Rate limit reached for requests", "type": "requests", "code": "rate_limit_exceeded"});
                reply = json!({ "error": error });
                facts =
                    Facts { status: 429, tokens_in: None, tokens_out: None, cost_nano: None, streamed: false, ..facts };
                facts.error = Some("429 Rate limit reached for requests".to_owned());
            }
            1 | 2 => {
                let failed = json!({"upstream_id": 5, "began_us": 0, "took_us": 4_100, "error": "connection refused"});
                let good = json!({"upstream_id": upstream, "began_us": 4_200, "took_us": first_us, "status": 200});
                facts.attempts = json!([failed, good]).to_string();
            }
            _ => {}
        }
        let unlike = json!({"role": "system", "content": format!("Session {minute}.")});
        let body = chat(model, &[unlike, user(question)], streamed);
        records.push(record(&body, &reply, facts));
    }
    records
}

/// A conversation of three turns with a tool.
fn talk(now_us: i64) -> Vec<NewRecord> {
    let call = json!({"id": "call_1", "type": "function", "function": {"name": "query_metrics", "arguments": "{\"metric\":\"pool.in_use\",\"hours\":24}"}});
    let steps = [
        json!({"role": "system", "content": "You help operate a web service. Answer briefly; use the tools you have."}),
        user("Why does the connection pool run dry every night? 数据库连接池每天夜里都会耗尽。"),
        json!({"role": "assistant", "content": null, "tool_calls": [call]}),
        json!({"role": "tool", "tool_call_id": "call_1", "content": "01:00  12/50\n02:00  50/50\n02:05  50/50\n02:10  14/50"}),
        json!({"role": "assistant", "content": "All **50 connections** are taken at 02:00, for ten minutes. Two things start then:\n\n1. the backup, which holds one connection per table;\n2. the nightly report.\n\nStart the report at 02:15, or cap the backup:\n\n```ini\n[backup]\nconnections = 8\n```"}),
        user("用中文给值班同事写一句话说明。"),
        json!({"role": "assistant", "content": "夜间 02:00 备份占满了全部 **50** 个数据库连接，已将备份限制为 8 个连接；如仍有超时，请把报表推迟到 02:15。"}),
    ];
    let tools = json!([{"type": "function", "function": {"name": "query_metrics"}}, {"type": "function", "function": {"name": "restart_service"}}]);
    let turn = |(known, finish, minutes): (usize, &str, i64)| {
        let mut body = chat("gpt-4o", &steps[..known], true);
        body["tools"] = tools.clone();
        let mut facts =
            facts("web-app", "gpt-4o", 1, now_us - minutes * 60_000_000, (412_000, 2_870_000 + known as i64));
        let (tokens_in, tokens_out) = (180 + 120 * known as i64, 64 + 20 * known as i64);
        (facts.tokens_in, facts.tokens_out, facts.streamed) = (Some(tokens_in), Some(tokens_out), true);
        facts.cost_nano = Some(tokens_in * 2_500 + tokens_out * 10_000);
        record(&body, &replied(&steps[known], finish), facts)
    };
    [(2, "tool_calls", 6), (4, "stop", 5), (6, "stop", 3)].map(turn).into()
}

struct Stage {
    gateway: Gateway,
    _upstream: FakeUpstream,
    talk: String,
    record: String,
}

fn stage() -> Stage {
    let upstream = FakeUpstream::always(good());
    let row = |(name, models): (&str, &str)| {
        upstream.row(name).set("endpoint", upstream.url(&format!("/{name}/v1"))).set("allow_models", models)
    };
    let rows = UPSTREAMS.map(row).into_iter().chain([refused("local-llama").set("allow_models", "llama-*")]);
    let plan = Gateway::on(Kind::Sqlite).setting("authorization", &format!("web-app={KEY}"));
    let gateway = rows.fold(plan, Plan::upstream).start();
    let now_us = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64;
    let mut records = day(now_us);
    records.extend(talk(now_us));
    records.sort_by_key(|record| record.facts.started_us);
    let ids = store(&gateway, &records);
    // What is measured is not stored: one request each, and enough to one that does not answer.
    let asked = ["gpt-4o", "gpt-4.1", "gpt-4.1-mini", "deepseek-chat", "llama-3.3", "llama-3.3", "llama-3.3"];
    for (number, model) in asked.into_iter().enumerate() {
        let question = [user("Say hello."), user("请打个招呼。")][number % 2].clone();
        gateway.send(Call::chat(&chat(model, &[question], false).to_string()));
    }
    let sql = |what: &str| gateway.database.sql(what);
    let newest = ids.last().unwrap();
    until("everything is recorded", || {
        (sql(&format!("SELECT count(*) FROM records WHERE id > {newest}")) == "7").then_some(())
    });
    let talk = sql("SELECT conversation_id FROM records WHERE tools IS NOT NULL LIMIT 1");
    let record = sql(&format!("SELECT max(id) FROM records WHERE conversation_id = {talk}"));
    Stage { gateway, _upstream: upstream, talk, record }
}

fn taken(browser: &Browser, file: &Path) -> usize {
    let picture = browser.picture();
    fs::write(file, &picture).unwrap();
    picture.len()
}

#[test]
fn the_readmes_pages_are_pictured_in_every_look() {
    let stage = stage();
    let browser = Browser::logged_in(&stage.gateway, true);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (readmes, besides) = (root.join("static/docs"), root.join("target/pictures"));
    let shown = if std::env::var_os("README_PICTURES").is_some() { &readmes } else { &besides };
    fs::create_dir_all(&besides).unwrap();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let go = |page: &str| browser.go(&page.replace("TALK", &stage.talk).replace("RECORD", &stage.record));
    browser.devtools("Emulation.setScrollbarsHidden", json!({"hidden": true}));
    browser.scheme("light");
    for (name, page, height) in SHOWN {
        browser.size(WIDTH, height);
        go(page);
        let bytes = taken(&browser, &shown.join(format!("{name}.png")));
        assert!(bytes <= MOST_BYTES, "{name}: {bytes} bytes");
        assert!(readme.contains(&format!("](static/docs/{name}.png)")), "the README shows {name}");
        assert!(readmes.join(format!("{name}.png")).exists(), "{name} is there to be shown");
    }
    let all = || SHOWN.iter().map(|(name, page, _)| (*name, *page)).chain(BESIDES);
    let save =
        |name: &str, look: &str| taken(&browser, &PathBuf::from(format!("{}/{name}-{look}.png", besides.display())));
    for (look, scheme, lang, width, height) in [
        ("light", "light", "en", WIDTH, 1800),
        ("dark", "dark", "en", WIDTH, 1000),
        ("zh", "light", "zh-CN", WIDTH, 1000),
        ("narrow", "light", "en", 360, 1600),
    ] {
        browser.scheme(scheme);
        browser.size(width, height);
        for (name, page) in all() {
            let joint = if page.contains('?') { '&' } else { '?' };
            go(&format!("{page}{joint}lang={lang}"));
            save(name, look);
            assert_eq!(browser.text(CUT_OFF), "", "{name} {look}: text is cut off");
        }
    }
}
