//! What is stored and read back, on real SQLite files. **Invariant:** no test waits for time to pass. **May import:** the room.

use diesel::prelude::{QueryableByName, RunQueryDsl};
use diesel::sql_types::Text;

use super::records::{Ending, Facts, NewRecord, Store, Texts, resources};
use super::testing::{Folder, by_hand, page};
use super::upstreams::{self, Calls, NewUpstream, UpstreamChange};
use super::{Connection, sessions, settings};
use crate::error::Error;

fn record(model: &str) -> NewRecord {
    let facts = Facts {
        started_us: 1_700_000_000_000_000,
        key_name: "default".to_owned(),
        key_last4: "wxyz".to_owned(),
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        model: Some(model.to_owned()),
        status: 200,
        upstream_id: Some(7),
        streamed: true,
        first_byte_us: Some(1),
        tokens_out: Some(i64::MAX),
        attempts: "[]".to_owned(),
        ending: Ending::Left,
        request_bytes: 3,
        ..Facts::default()
    };
    let texts = Texts { body: Some(vec![0, 255, b'x']), response_note: Some("cut".to_owned()), ..Texts::default() };
    NewRecord { facts, texts, ..NewRecord::default() }
}

fn store(conn: &mut Connection, batch: &[NewRecord]) -> Result<Vec<i64>, Error> {
    Store::default().insert(conn, batch, None)
}

/// Bytes that do not compress.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 7u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

#[test]
fn two_columns_written_by_hand_are_a_complete_upstream() {
    let folder = Folder::new();
    let opened = folder.open();
    by_hand(&folder.file("db.sqlite"), "INSERT INTO openai_upstreams (sk, endpoint) VALUES ('sk-1', 'https://a/v1')");
    let row = upstreams::list(&mut opened.database.get().unwrap()).unwrap().remove(0);
    assert_eq!(
        (row.id, row.sk.as_str(), row.endpoint.as_str(), row.enabled, row.weight),
        (1, "sk-1", "https://a/v1", true, 1)
    );
    assert_eq!(row.last_call_success_us, None);
    assert!(!format!("{row:?}").contains("sk-1"));
}

#[test]
fn odd_times_written_by_hand_do_not_hide_an_upstream() {
    let folder = Folder::new();
    let opened = folder.open();
    by_hand(
        &folder.file("db.sqlite"),
        "INSERT INTO openai_upstreams (sk, endpoint, created_at, updated_at, last_call_success_time) VALUES
            ('a', 'x', 'yesterday', 5, 'soon'), ('b', 'x', NULL, NULL, '2023-08-10 13:32:51+08:00')",
    );
    let rows = upstreams::list(&mut opened.database.get().unwrap()).unwrap();
    let times: Vec<_> = rows.iter().map(|row| row.last_call_success_us).collect();
    assert_eq!(times, [None, Some(1_691_645_571_000_000)]);
}

#[test]
fn an_upstream_is_added_edited_counted_and_removed() {
    let folder = Folder::new();
    let opened = folder.open();
    let conn = &mut *opened.database.get().unwrap();
    let added = upstreams::insert(conn, &NewUpstream::new("sk-1", "https://a/v1")).unwrap();
    assert!(matches!(upstreams::insert(conn, &NewUpstream::new("sk-1", "https://a/v1")), Err(Error::Duplicate)));

    let change = UpstreamChange {
        name: Some("main".to_owned()),
        idle_timeout_ms: Some(Some(5000)),
        ..UpstreamChange::default()
    };
    let edited = upstreams::update(conn, added.id, &change).unwrap();
    assert_eq!((edited.name.as_str(), edited.idle_timeout_ms, edited.sk.as_str()), ("main", Some(5000), "sk-1"));
    let unset = UpstreamChange { idle_timeout_ms: Some(None), ..UpstreamChange::default() };
    assert_eq!(upstreams::update(conn, added.id, &unset).unwrap().idle_timeout_ms, None);
    assert_eq!(upstreams::update(conn, added.id, &UpstreamChange::default()).unwrap().name, "main");

    let calls = |id, last_success_us| Calls { upstream_id: id, successes: 2, failures: 1, last_success_us };
    upstreams::count_calls(
        conn,
        &[calls(99, None), calls(added.id, Some(1_691_645_571_123_456)), calls(added.id, None)],
    )
    .unwrap();
    let counted = upstreams::find(conn, added.id).unwrap().unwrap();
    assert_eq!((counted.success_count, counted.failed_count), (4, 2));
    assert_eq!(counted.last_call_success_us, Some(1_691_645_571_123_456));

    upstreams::remove(conn, added.id).unwrap();
    assert!(matches!(upstreams::remove(conn, added.id), Err(Error::NotFound)));
    assert!(matches!(upstreams::update(conn, added.id, &change), Err(Error::NotFound)));
    assert!(upstreams::find(conn, added.id).unwrap().is_none());
    assert!(upstreams::list(conn).unwrap().is_empty());
    assert_eq!(upstreams::insert(conn, &NewUpstream::new("sk-1", "https://a/v1")).unwrap().id, added.id + 1);
}

#[test]
fn the_newest_live_row_of_a_setting_counts() {
    let folder = Folder::new();
    let opened = folder.open();
    let conn = &mut *opened.database.get().unwrap();
    assert!(settings::set_if_absent(conn, "policy", "main").unwrap());
    assert!(!settings::set_if_absent(conn, "policy", "random").unwrap());
    by_hand(&folder.file("db.sqlite"), "INSERT INTO config_kvs (key, value) VALUES ('policy', 'order'), ('a', '1')");
    assert_eq!(settings::get(conn, "policy").unwrap().as_deref(), Some("order"));
    settings::set(conn, "policy", "sticky").unwrap();
    assert_eq!(
        settings::all(conn).unwrap(),
        [("a".to_owned(), "1".to_owned()), ("policy".to_owned(), "sticky".to_owned())]
    );
    by_hand(&folder.file("db.sqlite"), "UPDATE config_kvs SET deleted_at = CURRENT_TIMESTAMP WHERE value = 'sticky'");
    assert_eq!(settings::get(conn, "policy").unwrap().as_deref(), Some("main"));
    by_hand(&folder.file("db.sqlite"), "DELETE FROM config_kvs WHERE key = 'policy'");
    assert_eq!(settings::get(conn, "policy").unwrap(), None);
    settings::set(conn, "policy", "random").unwrap();
    assert_eq!(settings::get(conn, "policy").unwrap().as_deref(), Some("random"));
}

#[test]
fn records_are_read_back_as_they_were_written() {
    let folder = Folder::new();
    let opened = folder.open();
    let conn = &mut opened.database.connect().unwrap();
    let batch: Vec<NewRecord> = ["a", "b", "c"].into_iter().map(record).collect();
    assert_eq!(store(conn, &batch).unwrap(), [1, 2, 3]);
    assert_eq!(store(conn, &batch).unwrap(), [4, 5, 6]);
    let shown = page(conn, None, 2);
    assert_eq!(shown.iter().map(|record| record.row.id).collect::<Vec<_>>(), [6, 5]);
    let shown = page(conn, Some(3), 100);
    assert_eq!(shown.iter().map(|record| record.row.id).collect::<Vec<_>>(), [2, 1]);
    assert_eq!((&shown[1].row.facts, &shown[1].texts), (&batch[0].facts, &batch[0].texts));
    assert!(store(conn, &[]).unwrap().is_empty());
}

#[test]
fn an_id_is_never_given_twice() {
    let folder = Folder::new();
    let opened = folder.open();
    let conn = &mut opened.database.connect().unwrap();
    assert_eq!(store(conn, &[record("a"), record("b")]).unwrap(), [1, 2]);
    by_hand(&folder.file("db.sqlite"), "DELETE FROM records; DELETE FROM record_bodies");
    assert_eq!(store(conn, &[record("c")]).unwrap(), [3]);
}

#[test]
fn a_record_that_cannot_be_stored_leaves_nothing_of_its_batch_and_says_that_the_data_is_at_fault() {
    let folder = Folder::new();
    let opened = folder.open();
    by_hand(
        &folder.file("db.sqlite"),
        "CREATE TRIGGER poison BEFORE INSERT ON records WHEN new.model = 'poison' BEGIN SELECT RAISE(ABORT, 'bad'); END",
    );
    let conn = &mut opened.database.connect().unwrap();
    let failed = store(conn, &[record("a"), record("poison")]);
    assert!(matches!(failed, Err(Error::Database(ref message)) if message == "bad"), "{failed:?}");
    assert!(page(conn, None, 10).is_empty());
    assert_eq!(store(conn, &[record("a")]).unwrap(), [1]);
}

#[test]
fn a_locked_database_is_worth_another_try() {
    let folder = Folder::new();
    let opened = folder.open();
    let conn = &mut opened.database.connect().unwrap();
    diesel::sql_query("PRAGMA busy_timeout = 0").execute(conn).unwrap();
    let mut other = opened.database.connect().unwrap();
    diesel::sql_query("BEGIN IMMEDIATE").execute(&mut other).unwrap();
    assert!(matches!(store(conn, &[record("a")]), Err(Error::Unavailable(_))));
    diesel::sql_query("ROLLBACK").execute(&mut other).unwrap();
    assert_eq!(store(conn, &[record("a")]).unwrap(), [1]);
}

#[test]
fn a_full_database_is_worth_another_try() {
    let folder = Folder::new();
    let opened = folder.open();
    let conn = &mut opened.database.connect().unwrap();
    diesel::sql_query("PRAGMA max_page_count = 30").execute(conn).unwrap();
    let large = NewRecord { texts: Texts { body: Some(noise(1 << 20)), ..Texts::default() }, ..NewRecord::default() };
    assert!(matches!(store(conn, std::slice::from_ref(&large)), Err(Error::Unavailable(_))));
    assert_eq!(store(&mut opened.database.connect().unwrap(), &[large]).unwrap(), [1]);
}

#[test]
fn a_nul_in_a_text_column_becomes_a_mark_and_in_a_body_stays() {
    let folder = Folder::new();
    let opened = folder.open();
    let conn = &mut opened.database.connect().unwrap();
    let mut nul = record("a\0b");
    nul.facts.user_agent = "\0".to_owned();
    store(conn, &[nul]).unwrap();
    let stored = page(conn, None, 1).remove(0);
    assert_eq!(
        (stored.row.facts.model.as_deref(), stored.row.facts.user_agent.as_str()),
        (Some("a\u{fffd}b"), "\u{fffd}")
    );
    assert_eq!(stored.texts.body, Some(vec![0, 255, b'x']));
}

#[test]
fn things_made_at_an_upstream_are_found_newest_first() {
    let folder = Folder::new();
    let opened = folder.open();
    let conn = &mut opened.database.connect().unwrap();
    let mut batch = vec![record("a"), record("b"), record("c")];
    batch[0].facts.resource_id = Some("file-1".to_owned());
    batch[2].facts.resource_id = Some("resp_2".to_owned());
    store(conn, &batch).unwrap();
    assert_eq!(resources(conn, 10).unwrap(), [("resp_2".to_owned(), 7), ("file-1".to_owned(), 7)]);
    assert_eq!(resources(conn, 1).unwrap(), [("resp_2".to_owned(), 7)]);
    assert!(
        plan(conn, "SELECT resource_id, upstream_id FROM records WHERE resource_id IS NOT NULL ORDER BY id DESC")
            .contains("COVERING INDEX")
    );
}

fn plan(conn: &mut Connection, query: &str) -> String {
    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }
    let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {query}")).load(conn).unwrap();
    steps.into_iter().map(|step| step.detail).collect()
}

#[test]
fn a_session_ends_when_its_time_is_over_or_it_is_removed() {
    let folder = Folder::new();
    let opened = folder.open();
    let conn = &mut *opened.database.get().unwrap();
    for hash in ["a", "b", "c"] {
        sessions::insert(conn, hash, 100, 200).unwrap();
    }
    assert_eq!(sessions::find(conn, "a", 199).unwrap(), Some(sessions::Session { created_us: 100, expires_us: 200 }));
    assert_eq!(sessions::find(conn, "a", 200).unwrap(), None);
    assert_eq!(sessions::find(conn, "x", 0).unwrap(), None);
    assert!(sessions::remove(conn, "a").unwrap());
    assert!(!sessions::remove(conn, "a").unwrap());
    assert_eq!(sessions::remove_expired(conn, 199).unwrap(), 0);
    assert_eq!(sessions::remove_expired(conn, 200).unwrap(), 2);
    sessions::insert(conn, "d", 100, 200).unwrap();
    assert_eq!(sessions::remove_all(conn).unwrap(), 1);
}

#[test]
fn the_watcher_hears_of_every_edit_once() {
    let folder = Folder::new();
    let opened = folder.open();
    let mut watcher = opened.database.watch().unwrap();
    assert!(!watcher.changed().unwrap());
    by_hand(&folder.file("db.sqlite"), "INSERT INTO openai_upstreams (sk, endpoint) VALUES ('a', 'b')");
    assert!(watcher.changed().unwrap());
    assert!(!watcher.changed().unwrap());
    settings::set(&mut opened.database.get().unwrap(), "policy", "random").unwrap();
    assert!(watcher.changed().unwrap());
    assert!(!watcher.changed().unwrap());
}
