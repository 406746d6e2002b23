//! A database that the original Go program wrote is taken over in place: nothing of it is lost, nothing is done twice.

use std::collections::BTreeSet;

use crate::support::client::Call;
use crate::support::database::{Database, Folder, Kind};
use crate::support::gateway::listening;
use crate::support::program::Program;
use crate::support::samples::{CHAT, good};
use crate::support::until;
use crate::support::upstream::FakeUpstream;

const UPSTREAMS: &str = "
CREATE TABLE openai_upstreams (id integer, created_at datetime, updated_at datetime, deleted_at datetime, sk text, endpoint text,
    success_count integer, failed_count integer, last_call_success_time datetime, PRIMARY KEY (id));
CREATE UNIQUE INDEX sk_endpoint ON openai_upstreams (sk, endpoint);
CREATE INDEX idx_openai_upstreams_deleted_at ON openai_upstreams (deleted_at);
CREATE TABLE config_kvs (id integer, created_at datetime, updated_at datetime, deleted_at datetime, key text UNIQUE, value text, PRIMARY KEY (id));
";

/// A file as the original left it, and the gateway on it.
struct TakeOver {
    folder: Folder,
    database: Database,
}

impl TakeOver {
    fn of(sql: &str) -> TakeOver {
        let folder = Folder::new();
        let database = Database::empty(Kind::Sqlite, &folder);
        database.sql(sql);
        TakeOver { folder, database }
    }

    /// One start; gives its output and what `look` found while it ran.
    fn start<T>(&self, look: impl Fn(std::net::SocketAddr) -> T) -> (String, T) {
        let args = ["-addr", "127.0.0.1:0", "-database", &self.database.location].map(str::to_owned);
        let env = [("OPENAI_API_ROUTE_ADMIN_PASSWORD".to_owned(), crate::support::PASSWORD.to_owned())];
        let mut program = Program::start(&self.folder.0, &args, &env);
        let address = until("it listens", || {
            assert!(program.status().is_none(), "it starts:\n{}{}", program.out(), program.err());
            listening(&program.out())
        });
        let found = look(address);
        program.signal("TERM");
        let said = program.ended();
        assert_eq!(said.code, Some(0), "{}", said.err);
        (said.out + &said.err, found)
    }

    fn records(&self, address: std::net::SocketAddr) -> Vec<serde_json::Value> {
        let call = Call::get("/admin/request_records?limit=1000").without("Authorization");
        let answer = call.header("Authorization", &format!("Bearer {}", crate::support::PASSWORD)).send(address);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json().as_array().unwrap().clone()
    }
}

#[test]
fn upstreams_and_settings_of_the_original_work_at_once() {
    let (bare, pathed) = (FakeUpstream::always(good()), FakeUpstream::always(good()));
    let old = TakeOver::of(&format!(
        "{UPSTREAMS}
        INSERT INTO openai_upstreams VALUES
            (1, '2023-08-10 13:32:51.123456789+08:00', '2023-08-10 13:32:51+08:00', NULL, 'sk-one', '{}', 7, 0, '2023-08-11 00:00:00+08:00'),
            (2, '2023-08-10 13:32:51.123456789+08:00', '2023-08-10 13:32:51+08:00', '2023-09-01 00:00:00+08:00', 'sk-gone', 'http://gone.invalid', 0, 0, '0001-01-01 00:00:00+00:00'),
            (3, '2023-08-10 13:32:51.123456789+08:00', '2023-08-10 13:32:51+08:00', NULL, 'sk-three', '{}', 3, 2, '0001-01-01 00:00:00+00:00');
        INSERT INTO config_kvs (id, key, value) VALUES (1, 'authorization', 'woshimima'), (2, 'policy', 'round_robin');",
        bare.url(""),
        pathed.url("/v1"),
    ));
    let ask = |address| {
        let call = || Call::chat(CHAT).without("Authorization").header("Authorization", "Bearer woshimima");
        [call().send(address).status, call().send(address).status]
    };
    let (said, statuses) = old.start(ask);
    assert_eq!(statuses, [200, 200]);
    for upstream in [&bare, &pathed] {
        assert_eq!(upstream.only().target(), "/v1/chat/completions", "the original kept the caller's path");
    }
    assert!(said.contains(&format!("{}/v1", bare.url(""))), "the start says which endpoint got /v1:\n{said}");
    assert!(said.contains("woshimima"), "the key everyone knows is warned of:\n{said}");
    let endpoints = old.database.sql("SELECT endpoint FROM openai_upstreams WHERE deleted_at IS NULL ORDER BY sk");
    assert_eq!(endpoints, format!("{}/v1\n{}/v1", bare.url(""), pathed.url("")));
    let counts = old.database.sql("SELECT success_count, failed_count FROM openai_upstreams WHERE sk = 'sk-three'");
    assert!(["3|2", "4|2"].contains(&counts.as_str()), "{counts}");

    let before =
        old.database.sql("SELECT sk, endpoint, deleted_at FROM openai_upstreams; SELECT key, value FROM config_kvs");
    let (again, statuses) = old.start(ask);
    assert_eq!(statuses, [200, 200]);
    assert!(again.contains("woshimima"), "every start warns:\n{again}");
    let after =
        old.database.sql("SELECT sk, endpoint, deleted_at FROM openai_upstreams; SELECT key, value FROM config_kvs");
    assert_eq!(after, before, "a second start changes nothing");
}

#[test]
fn records_of_the_originals_first_version_survive() {
    let old = TakeOver::of(&format!(
        "{UPSTREAMS}
        CREATE TABLE records (id integer, created_at datetime, ip text, body text, response text, elapsed_time integer, PRIMARY KEY (id));
        INSERT INTO records VALUES
            (1, '2023-08-10 13:32:51.123456789+08:00', '1.2.3.4', '{{\"model\":\"gpt-4\"}}', 'first reply', 1500000000),
            (2, '2023-08-10 13:40:00+08:00', '1.2.3.4', 'not json', '', 2000);"
    ));
    let (_, records) = old.start(|address| old.records(address));
    let told: Vec<_> =
        records.iter().map(|r| (r["body"].as_str().unwrap(), r["response"].as_str().unwrap_or(""))).collect();
    assert_eq!(told, [("not json", ""), (r#"{"model":"gpt-4"}"#, "first reply")]);
    assert_eq!((records[1]["ip"].as_str(), records[1]["total_us"].as_i64()), (Some("1.2.3.4"), Some(1_500_000)));
    let created = chrono::DateTime::parse_from_rfc3339(records[1]["created_at"].as_str().unwrap()).unwrap();
    assert_eq!(created.timestamp_micros(), 1_691_645_571_123_456);
}

#[test]
fn records_of_the_originals_later_versions_survive_whatever_their_ids() {
    let old = TakeOver::of(&format!(
        "{UPSTREAMS}
        CREATE TABLE records (id, created_at datetime, ip text, body text, model text, response text, elapsed_time integer, status integer, upstream_id, authorization text);
        INSERT INTO records VALUES
            (1, '2023-08-10 13:00:00+08:00', '1.1.1.1', 'plain body', 'm', 'r1', 1000000, 200, 1, 'Bearer sk-callers-own-secret'),
            ('6ba7b810-9dad-11d1-80b4-00c04fd430c8', '2023-08-11 13:00:00-05:00', '1.1.1.2', '\"{{\\\"model\\\":\\\"gpt-4\\\"}}\"', 'gpt-4', 'r2', 2000000, 429, '1', 'Bearer sk-callers-own-secret'),
            (NULL, '2023-08-12 13:00:00.5+00:00', '1.1.1.3', '', '', 'r3', 0, 500, NULL, NULL);"
    ));
    let (_, records) = old.start(|address| old.records(address));
    let mut told: Vec<_> = records
        .iter()
        .map(|r| {
            (
                r["ip"].as_str().unwrap(),
                r["body"].as_str().unwrap_or(""),
                r["response"].as_str().unwrap(),
                r["status"].as_i64().unwrap(),
            )
        })
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("1.1.1.1", "plain body", "r1", 200),
            ("1.1.1.2", r#"{"model":"gpt-4"}"#, "r2", 429),
            ("1.1.1.3", "", "r3", 500)
        ]
    );
    let ids: BTreeSet<String> = records.iter().map(|record| record["id"].to_string()).collect();
    assert_eq!(ids.len(), 3, "each has an id of its own");
    assert!(
        !serde_json::Value::from(records).to_string().contains("sk-callers-own-secret"),
        "never shown again in clear"
    );
}

#[test]
fn records_of_the_originals_last_version_survive_without_the_other_tables() {
    let old = TakeOver::of(
        "CREATE TABLE records (id text, created_at datetime, hostname text, ip text, body text, model text, response text, response_time integer,
            elapsed_time integer, status integer, upstream_endpoint text, upstream_sk text, authorization text, user_agent text, headers text);
        INSERT INTO records VALUES ('a-uuid', '2024-05-01 08:00:00.000001+00:00', 'host-1', '9.9.9.9', '{\"model\":\"gpt-4o\"}', 'gpt-4o', 'hi', 5000000,
            9000000, 200, 'https://api.openai.com', 'sk-upstreams-secret', 'Bearer sk-callers-own-secret', 'curl/8', '{}');",
    );
    let (_, records) = old.start(|address| old.records(address));
    assert_eq!(records.len(), 1);
    let record = &records[0];
    let texts =
        ["ip", "body", "model", "response", "user_agent"].map(|field| record[field].as_str().unwrap_or("").to_owned());
    assert_eq!(texts, ["9.9.9.9", r#"{"model":"gpt-4o"}"#, "gpt-4o", "hi", "curl/8"]);
    assert_eq!((record["status"].as_i64(), record["total_us"].as_i64()), (Some(200), Some(9000)));
    let (_, again) = old.start(|address| old.records(address));
    assert_eq!(again, records, "a second start changes nothing");
}
