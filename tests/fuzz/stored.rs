//! Any bytes as the bodies of two records in a row, through a real database: what is read is what was stored.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use openai_api_route::db::records::{Facts, NewRecord, Store, Texts, texts};
use openai_api_route::db::{Connection, Database};

thread_local! {
    static OPEN: RefCell<(Connection, Store)> = RefCell::new(open());
}

/// A database that goes with the process.
fn open() -> (Connection, Store) {
    let path = std::env::temp_dir().join(format!("openai-api-route-fuzz-{}.sqlite", std::process::id()));
    let database = Database::open(path.to_str().expect("a plain path")).expect("a new database").database;
    let conn = database.writer().expect("a connection");
    for ending in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{ending}", path.display())));
    }
    (conn, Store::default())
}

fn record(body: &[u8], reply: &[u8]) -> NewRecord {
    let facts = Facts { path: "/v1/chat/completions".to_owned(), key_name: "fuzz".to_owned(), ..Facts::default() };
    let texts = Texts { body: Some(body.to_vec()), response: Some(reply.to_vec()), ..Texts::default() };
    NewRecord { facts, texts, ..NewRecord::default() }
}

fuzz_target!(|input: (&[u8], &[u8])| {
    let (first, second) = input;
    OPEN.with_borrow_mut(|(conn, store)| {
        let joined = [first, second].concat();
        let batch = [record(first, second), record(&joined, first), record(second, &joined)];
        let ids = store.insert(conn, &batch, None).expect("any bytes can be stored");
        let mut found = texts(conn, &ids).expect("what was stored can be read");
        for (id, record) in ids.iter().zip(&batch) {
            let texts = found.remove(id).expect("each of them");
            assert_eq!((&texts.body, &texts.response), (&record.texts.body, &record.texts.response));
        }
    });
});
