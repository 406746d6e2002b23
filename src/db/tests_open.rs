//! Opening, on real SQLite files. **Invariant:** what is refused is compared byte for byte. **May import:** the room.

use std::fs;

use super::Database;
use super::testing::{Folder, by_hand};
use crate::error::Error;

fn refusal(url: &str) -> String {
    Database::open(url).err().unwrap().0
}

#[test]
fn a_new_database_is_made_once() {
    let folder = Folder::new();
    let opened = folder.open();
    assert!(opened.created);
    assert!(opened.taken_over.is_none());
    assert_eq!(opened.database.spill_path(), folder.file("db.sqlite.spill"));
    drop(opened);
    assert_eq!(folder.files(), ["db.sqlite"]);
    assert!(!folder.open().created);
}

#[test]
fn an_empty_file_becomes_a_database() {
    let folder = Folder::new();
    fs::write(folder.file("db.sqlite"), "").unwrap();
    assert!(folder.open().created);
}

#[test]
fn a_name_with_every_odd_character_is_one_file() {
    let folder = Folder::new();
    let path = folder.file("odd %20 name?mode=memory#x.db");
    drop(Database::open(path.to_str().unwrap()).unwrap());
    assert_eq!(folder.files(), ["odd %20 name?mode=memory#x.db"]);
}

#[test]
fn what_is_no_database_of_ours_is_refused_in_one_line_and_left_as_it_was() {
    let folder = Folder::new();
    fs::write(folder.file("text"), "To whom it may concern: this is a letter, not a database.").unwrap();
    by_hand(
        &folder.file("foreign"),
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users (name) VALUES ('a')",
    );
    by_hand(&folder.file("music"), "CREATE TABLE records (id INTEGER PRIMARY KEY, artist TEXT, title TEXT)");
    by_hand(&folder.file("wal"), "PRAGMA journal_mode = WAL; CREATE TABLE users (id INTEGER PRIMARY KEY)");
    let mut damaged = fs::read(folder.file("foreign")).unwrap();
    damaged[100..200].fill(0xff);
    fs::write(folder.file("damaged"), damaged).unwrap();
    fs::create_dir(folder.file("folder")).unwrap();
    let before = folder.files();
    for (name, says) in [
        ("text", "is no SQLite database"),
        ("foreign", "belongs to another program (it has a table 'users')"),
        ("music", "belongs to another program (it has a table 'records')"),
        ("wal", "belongs to another program"),
        ("damaged", "cannot be read as an SQLite database"),
        ("folder", "is a folder"),
        ("missing/db.sqlite", "does not exist"),
    ] {
        let bytes = fs::read(folder.file(name)).unwrap_or_default();
        let line = refusal(folder.file(name).to_str().unwrap());
        assert!(line.contains(says), "{line}");
        assert!(!line.contains('\n'), "{line}");
        assert_eq!(fs::read(folder.file(name)).unwrap_or_default(), bytes);
    }
    assert_eq!(folder.files(), before);
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_as_it_was() {
    let folder = Folder::new();
    drop(folder.open());
    by_hand(&folder.file("db.sqlite"), "INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')");
    let bytes = fs::read(folder.file("db.sqlite")).unwrap();
    let line = refusal(folder.file("db.sqlite").to_str().unwrap());
    assert!(line.contains("newer version"), "{line}");
    assert_eq!(fs::read(folder.file("db.sqlite")).unwrap(), bytes);
    assert_eq!(folder.files(), ["db.sqlite"]);
}

#[test]
fn tables_of_the_operators_own_do_no_harm() {
    let folder = Folder::new();
    drop(folder.open());
    by_hand(
        &folder.file("db.sqlite"),
        "CREATE TABLE notes (x); CREATE VIEW failing AS SELECT * FROM records WHERE status >= 500",
    );
    assert!(!folder.open().created);
}

#[test]
fn a_file_that_vanished_is_not_made_anew() {
    let folder = Folder::new();
    let opened = folder.open();
    fs::remove_file(folder.file("db.sqlite")).unwrap();
    assert!(matches!(opened.database.connect(), Err(Error::Unavailable(_))));
    assert!(folder.files().is_empty());
}
