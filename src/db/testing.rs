//! A folder for a test's files, and a database in it.
//!
//! **Invariant:** no two tests share a file. **May import:** the room.

use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::{Connection as _, SqliteConnection};

use super::records::{Record, rows_before, take_whole};
use super::{Connection, Database, Opened};

/// Removed with everything in it when dropped.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("openai-api-route-db-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Names of the files in it, sorted.
    pub(super) fn files(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.0.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Opens `db.sqlite` in it.
    pub(super) fn open(&self) -> Opened {
        Database::open(self.file("db.sqlite").to_str().unwrap()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs SQL on a file the way another program would.
pub(super) fn by_hand(path: &Path, sql: &str) {
    SqliteConnection::establish(path.to_str().unwrap()).unwrap().batch_execute(sql).unwrap();
}

/// Up to `limit` records, newest first: those with an id below `before`, or the newest of all.
pub(super) fn page(conn: &mut Connection, before: Option<i64>, limit: i64) -> Vec<Record> {
    let mut waiting = rows_before(conn, before, limit).unwrap().into();
    take_whole(conn, &mut waiting, i64::MAX).unwrap()
}
