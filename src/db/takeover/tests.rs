//! Taking over files as each version of the original wrote them.
//! **Invariant:** expectations are literal. **May import:** the room.

use std::fs;

use diesel::prelude::{QueryableByName, RunQueryDsl};
use diesel::sql_types::{Nullable, Text};

use super::TakenOver;
use super::originals::{RECORDS_FIRST, RECORDS_LAST, RECORDS_MIDDLE, SETTINGS, UPSTREAMS};
use crate::db::records::{Ending, Record};
use crate::db::testing::{Folder, by_hand, page};
use crate::db::{Connection, Database, settings, upstreams};

fn taken(folder: &Folder) -> (Database, TakenOver) {
    let opened = folder.open();
    assert!(!opened.created);
    (opened.database, opened.taken_over.unwrap())
}

/// Oldest first.
fn all_records(conn: &mut Connection) -> Vec<Record> {
    let mut all = page(conn, None, 1000);
    all.reverse();
    all
}

fn text(bytes: &Option<Vec<u8>>) -> &str {
    bytes.as_deref().map_or("(none)", |bytes| std::str::from_utf8(bytes).unwrap_or("(binary)"))
}

#[test]
fn upstreams_and_settings_survive_with_their_ids_and_removals() {
    let folder = Folder::new();
    by_hand(&folder.file("db.sqlite"), &format!("{UPSTREAMS}{SETTINGS}"));
    let (database, taken) = taken(&folder);
    assert_eq!((taken.upstreams, taken.settings, taken.records), (4, 4, 0));
    let changed = |before: &str| (before.to_owned(), "https://proxy.example/v1".to_owned());
    assert_eq!(taken.endpoints_changed, [changed("https://proxy.example/openai/v9"), changed("https://proxy.example")]);
    assert_eq!(taken.doubles_removed, [(6, "https://proxy.example/v1".to_owned())]);

    let conn = &mut *database.get().unwrap();
    let rows = upstreams::list(conn).unwrap();
    assert_eq!(rows.iter().map(|row| (row.id, row.sk.as_str())).collect::<Vec<_>>(), [(1, "sk-one"), (5, "sk-two")]);
    assert_eq!((rows[0].success_count, rows[0].failed_count), (12, 3));
    assert_eq!(rows[0].last_call_success_us, Some(1_691_645_571_123_456));
    assert_eq!(rows[1].last_call_success_us, None);
    assert_eq!(rows[1].endpoint, "https://proxy.example/v1");
    assert_eq!(removed(conn), ["2", "6"]);
    assert_eq!(
        settings::all(conn).unwrap(),
        [("authorization", "woshimima"), ("empty", ""), ("policy", "round_robin")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
    );
    assert_eq!(
        upstreams::insert(conn, &upstreams::NewUpstream::new("sk-gone", "https://gone.example/v1")).unwrap().id,
        7
    );
}

fn removed(conn: &mut Connection) -> Vec<String> {
    strings(conn, "SELECT CAST(id AS TEXT) AS value FROM openai_upstreams WHERE deleted_at IS NOT NULL ORDER BY id")
}

fn strings(conn: &mut Connection, query: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Nullable<Text>)]
        value: Option<String>,
    }
    diesel::sql_query(query).load::<Row>(conn).unwrap().into_iter().flat_map(|row| row.value).collect()
}

#[test]
fn the_first_versions_records_come_in_order_of_time() {
    let folder = Folder::new();
    by_hand(&folder.file("db.sqlite"), RECORDS_FIRST);
    let (database, taken) = taken(&folder);
    assert_eq!(taken.records, 3);
    let all = all_records(&mut database.get().unwrap());
    assert_eq!(
        all.iter().map(|record| text(&record.texts.response)).collect::<Vec<_>>(),
        ["earlier", "later", "(none)"]
    );
    assert_eq!(all.iter().map(|record| record.row.id).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(all[0].row.facts.started_us, 1_682_989_200_000_001);
    assert_eq!((all[0].row.facts.model.as_deref(), text(&all[0].texts.body)), (None, "no JSON at all"));
    assert_eq!(
        (all[1].row.facts.model.as_deref(), all[1].row.facts.streamed, all[1].row.facts.status),
        (Some("gpt-3.5-turbo"), true, 200)
    );
    assert_eq!(all[1].texts.response_note.as_deref(), Some("assembled"));
    assert_eq!((all[2].row.facts.status, all[2].row.facts.ending), (0, Ending::Cut));
}

#[test]
fn one_table_with_text_integer_and_no_ids_and_bodies_of_both_kinds_is_understood() {
    let folder = Folder::new();
    by_hand(&folder.file("db.sqlite"), &format!("{UPSTREAMS}{RECORDS_MIDDLE}"));
    let (database, _) = taken(&folder);
    let all = all_records(&mut database.get().unwrap());
    let ips: Vec<_> = all.iter().map(|record| record.row.facts.ip.as_str()).collect();
    // By time 10.0.0.2 (06:00 UTC) comes before 10.0.0.3 (07:00), but their ids say otherwise.
    assert_eq!(ips, ["", "10.0.0.1", "10.0.0.3", "10.0.0.2", "10.0.0.4"]);

    let never = &all[0];
    assert_eq!((never.row.facts.started_us, never.row.facts.total_us, text(&never.texts.body)), (0, 0, "(none)"));
    let plain = &all[1];
    assert_eq!((plain.row.facts.started_us, plain.row.facts.total_us), (1_691_645_571_123_456, 1_500_000));
    assert_eq!(
        (plain.row.facts.status, plain.row.facts.upstream_id, text(&plain.texts.body)),
        (200, None, r#"{"model":"gpt-4"}"#)
    );
    let refused = &all[2];
    assert_eq!(
        (refused.row.facts.status, refused.row.facts.upstream_id, text(&refused.texts.body)),
        (429, Some(1), "not json")
    );
    assert_eq!(text(&refused.texts.response), "upstream return '429 Too Many Requests' with 'slow down'");
    assert_eq!(refused.row.facts.key_last4, "");
    let quoted = &all[3];
    assert_eq!(text(&quoted.texts.body), r#"{"model":"gpt-4","x":"<你>"}"#);
    assert_eq!(
        (quoted.row.facts.model.as_deref(), quoted.row.facts.upstream_id, quoted.row.facts.key_last4.as_str()),
        (Some("gpt-4"), Some(5), "1234")
    );
    assert_eq!(quoted.row.facts.request_bytes, 29);
    let binary = &all[4];
    assert_eq!(
        (binary.texts.body.as_deref(), binary.texts.response.as_deref()),
        (Some(&b"{\"\xff"[..]), Some(&b"\xff\0"[..]))
    );
}

#[test]
fn the_last_version_has_records_alone_and_leaves_no_secret_in_the_file() {
    let folder = Folder::new();
    by_hand(&folder.file("db.sqlite"), RECORDS_LAST);
    let (database, taken) = taken(&folder);
    assert_eq!((taken.upstreams, taken.settings, taken.records), (0, 0, 2));
    let all = all_records(&mut database.get().unwrap());
    let good = &all[0];
    assert_eq!(text(&good.texts.body), r#"{"model":"gpt-4o","stream":true}"#);
    assert_eq!(
        (good.row.facts.model.as_deref(), good.row.facts.streamed, good.row.facts.status),
        (Some("gpt-4o"), true, 200)
    );
    assert_eq!((good.row.facts.first_byte_us, good.row.facts.total_us), (Some(250_000), 1_250_000));
    assert_eq!((good.row.facts.key_last4.as_str(), good.row.facts.user_agent.as_str()), ("9876", "python"));
    assert_eq!(good.row.facts.attempts, r#"[{"endpoint":"https://api.example/v1","status":200,"upstream_id":null}]"#);
    let bad = &all[1];
    assert_eq!(
        (bad.row.facts.status, bad.texts.body.as_deref(), bad.texts.body_note.as_deref()),
        (502, None, Some("cut"))
    );
    assert_eq!((bad.row.facts.model.as_deref(), text(&bad.texts.response)), (None, "[proxy.ErrorHandler]: timeout"));
    drop(database);
    let file = fs::read(folder.file("db.sqlite")).unwrap();
    for secret in ["sk-upstream-secret", "sk-caller-secret", "c=1"] {
        assert!(!file.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
    }
    assert_eq!(folder.files(), ["db.sqlite"]);
}

#[test]
fn a_file_in_wal_mode_leaves_no_secret_either() {
    let folder = Folder::new();
    by_hand(&folder.file("db.sqlite"), &format!("PRAGMA journal_mode = WAL; {RECORDS_LAST}"));
    let (database, taken) = taken(&folder);
    assert_eq!(taken.records, 2);
    for name in folder.files() {
        let bytes = fs::read(folder.file(&name)).unwrap();
        assert!(!bytes.windows(16).any(|window| window == b"sk-caller-secret"), "{name}");
    }
    drop(database);
}

#[test]
fn a_record_finds_its_upstream_by_endpoint_and_key() {
    let folder = Folder::new();
    let pair =
        "INSERT INTO openai_upstreams (id, sk, endpoint) VALUES (40, 'sk-upstream-secret', 'https://api.example/v1')";
    by_hand(&folder.file("db.sqlite"), &format!("{UPSTREAMS}{pair};{RECORDS_LAST}"));
    let (database, _) = taken(&folder);
    assert_eq!(all_records(&mut database.get().unwrap())[1].row.facts.upstream_id, Some(40));
}

#[test]
fn a_body_that_was_cut_is_marked_so() {
    let folder = Folder::new();
    let cut = format!(r#"{{"model":"gpt-4","content":"{}"#, "x".repeat(128 * 1024))[..128 * 1024].to_owned();
    let whole = format!(r#"{{"content":"{}"}}"#, "x".repeat(128 * 1024 - 14));
    assert_eq!(whole.len(), cut.len());
    let insert = |body: &str| {
        format!(
            "INSERT INTO records (id, created_at, body, response) VALUES ('{}', NULL, '{body}', '');",
            &body[..20].replace('"', "")
        )
    };
    by_hand(&folder.file("db.sqlite"), &format!("{RECORDS_FIRST}{}{}", insert(&cut), insert(&whole)));
    let (database, _) = taken(&folder);
    let notes: Vec<_> = all_records(&mut database.get().unwrap())
        .into_iter()
        .filter(|record| record.row.facts.request_bytes == 128 * 1024)
        .map(|record| record.texts.body_note)
        .collect();
    assert_eq!(notes, [Some("cut".to_owned()), None]);
}

#[test]
fn more_records_than_are_read_at_a_time_all_come_over() {
    let folder = Folder::new();
    let many = "INSERT INTO records SELECT 'n' || value, '2023-06-01 00:00:00.' || printf('%06d', value), 'body ' || value, 'r' FROM generate_series(1, 2500)";
    let many = many.replace("FROM generate_series(1, 2500)", "FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 2500) SELECT value FROM n)");
    by_hand(&folder.file("db.sqlite"), &format!("{RECORDS_FIRST}{many}"));
    let (database, taken) = taken(&folder);
    assert_eq!(taken.records, 2503);
    let newest = page(&mut database.get().unwrap(), None, 1).remove(0);
    assert_eq!((newest.row.id, text(&newest.texts.body)), (2503, "body 2500"));
}

#[test]
fn a_second_start_changes_nothing() {
    let folder = Folder::new();
    by_hand(&folder.file("db.sqlite"), &format!("{UPSTREAMS}{SETTINGS}{RECORDS_LAST}"));
    drop(taken(&folder));
    let bytes = fs::read(folder.file("db.sqlite")).unwrap();
    let again = folder.open();
    assert!(again.taken_over.is_none() && !again.created);
    drop(again);
    assert!(fs::read(folder.file("db.sqlite")).unwrap() == bytes);
}

#[test]
fn a_take_over_that_fails_leaves_the_file_as_it_was() {
    let folder = Folder::new();
    // A name that the renaming needs is taken.
    by_hand(
        &folder.file("db.sqlite"),
        &format!("{UPSTREAMS}{SETTINGS}{RECORDS_LAST} CREATE TABLE original_records (x);"),
    );
    let bytes = fs::read(folder.file("db.sqlite")).unwrap();
    let line = Database::open(folder.file("db.sqlite").to_str().unwrap()).err().unwrap().0;
    assert!(line.contains("cannot be taken over") && line.contains("original_records"), "{line}");
    assert!(fs::read(folder.file("db.sqlite")).unwrap() == bytes);
    assert_eq!(folder.files(), ["db.sqlite"]);
}

#[test]
fn a_file_still_used_by_the_go_program_is_left_alone() {
    let folder = Folder::new();
    by_hand(&folder.file("db.sqlite"), &format!("{UPSTREAMS}{SETTINGS}"));
    use diesel::Connection as _;
    let mut other = diesel::SqliteConnection::establish(folder.file("db.sqlite").to_str().unwrap()).unwrap();
    diesel::sql_query("BEGIN IMMEDIATE").execute(&mut other).unwrap();
    let line = Database::open(folder.file("db.sqlite").to_str().unwrap()).err().unwrap().0;
    assert!(line.contains("database is locked"), "{line}");
}

#[test]
fn a_view_of_the_operators_own_shows_the_new_table_afterwards() {
    let folder = Folder::new();
    by_hand(
        &folder.file("db.sqlite"),
        &format!(
            "{RECORDS_LAST} CREATE VIEW failing AS SELECT id AS value FROM records WHERE status >= 500; CREATE TABLE notes (x);"
        ),
    );
    let (database, _) = taken(&folder);
    assert_eq!(strings(&mut database.get().unwrap(), "SELECT CAST(value AS TEXT) AS value FROM failing"), ["2"]);
}

#[test]
fn what_was_done_is_told_in_sentences() {
    let taken = TakenOver {
        upstreams: 2,
        settings: 1,
        records: 3,
        endpoints_changed: vec![("https://a".to_owned(), "https://a/v1".to_owned())],
        doubles_removed: vec![(6, "https://a/v1".to_owned())],
    };
    assert_eq!(
        taken.to_string(),
        "taken over from the Go program: 2 upstreams, 1 settings, 3 records\n\
         endpoint https://a is now https://a/v1: the Go program ignored its path, this one does not\n\
         upstream 6 was removed: another one has the same key and endpoint https://a/v1"
    );
}
