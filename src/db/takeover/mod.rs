//! Taking over a `db.sqlite` that the original Go program wrote.
//!
//! Start at [`take_over`]: in one transaction its tables are renamed, ours are made, everything is copied, its own are dropped. The
//! original had several versions with several columns, and any of its three tables may be absent.
//! **Invariant:** it happens whole or not at all; nothing of the texts is lost; no caller's key is kept but for its last four
//! characters, and none stays behind in the file's free pages.
//! **May import:** diesel, log, serde, serde_json.

mod records;
mod upstreams;

use std::fmt;

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use diesel::prelude::RunQueryDsl;
use diesel::result::QueryResult;

use super::sqlite::{self, Whose};
use super::{Refusal, migrate};
use crate::error::Error;

/// The original's tables, with the columns that every version of each has.
const ORIGINAL: [(&str, &[&str]); 3] = [
    ("openai_upstreams", &["id", "sk", "endpoint"]),
    ("config_kvs", &["id", "key", "value"]),
    ("records", &["id", "created_at", "body", "response"]),
];

/// What is dropped is overwritten with zeros; views of the operator's own shall name our tables afterwards, not the renamed ones; a sort
/// of millions of rows may use the disk; and a Go program that still writes is found out soon.
const BEFORE: &str = "PRAGMA secure_delete = ON; PRAGMA legacy_alter_table = ON; PRAGMA temp_store = FILE; PRAGMA foreign_keys = OFF; \
                      PRAGMA busy_timeout = 1000;";
const AFTER: &str = "PRAGMA secure_delete = FAST; PRAGMA legacy_alter_table = OFF; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON; \
                     PRAGMA busy_timeout = 5000;";

/// What was taken over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TakenOver {
    /// Upstreams, removed ones too.
    pub upstreams: usize,
    /// Settings.
    pub settings: usize,
    /// Records.
    pub records: usize,
    /// Endpoints that were changed, (before, after): the original kept the caller's `/v1/…` and ignored the endpoint's own path.
    pub endpoints_changed: Vec<(String, String)>,
    /// Endpoints of upstreams that became the same as another's and were removed: (upstream id, endpoint).
    pub doubles_removed: Vec<(i64, String)>,
}

/// For the operator: one sentence a line.
impl fmt::Display for TakenOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TakenOver { upstreams, settings, records, endpoints_changed, doubles_removed } = self;
        write!(f, "taken over from the Go program: {upstreams} upstreams, {settings} settings, {records} records")?;
        for (before, after) in endpoints_changed {
            write!(f, "\nendpoint {before} is now {after}: the Go program ignored its path, this one does not")?;
        }
        for (id, endpoint) in doubles_removed {
            write!(f, "\nupstream {id} was removed: another one has the same key and endpoint {endpoint}")?;
        }
        Ok(())
    }
}

/// Whether these are the original's tables: at least its upstreams or its records, and none of its names with other columns.
/// Further tables beside them are somebody's own and stay.
pub(super) fn is_original(conn: &mut SqliteConnection, tables: &[String]) -> QueryResult<bool> {
    let mut found = false;
    for (table, required) in ORIGINAL {
        if tables.iter().any(|name| name == table) {
            let columns = sqlite::columns(conn, table)?;
            if !required.iter().all(|column| columns.iter().any(|name| name == column)) {
                return Ok(false);
            }
            found |= table != "config_kvs";
        }
    }
    let ours_alone = ["__diesel_schema_migrations", "record_bodies", "admin_sessions"];
    Ok(found && !tables.iter().any(|name| ours_alone.contains(&name.as_str())))
}

/// Takes the file over; `None` when another process has just done it.
pub(super) fn take_over(conn: &mut SqliteConnection) -> Result<Option<TakenOver>, Refusal> {
    conn.batch_execute(BEFORE)?;
    let done = conn.exclusive_transaction(|conn| {
        let tables = sqlite::tables(conn)?;
        match sqlite::whose(conn, &tables)? {
            Whose::Original => copy_all(conn, &tables).map(Some),
            Whose::New | Whose::Ours => Ok(None),
        }
    });
    let done = done.map_err(|Refusal(why)| Refusal(format!("of the Go program cannot be taken over ({why}): it was left as it was; stop whatever uses it, check the disk and start again")))?;
    if done.is_some() {
        // Gives the file our page size and lets it shrink; it works without, so a disk too full for a copy is no reason to stop.
        if let Err(error) = conn.batch_execute(&format!("{} VACUUM; PRAGMA wal_checkpoint(TRUNCATE);", sqlite::LAYOUT))
        {
            log::warn!("the database could not be compacted after the take-over: {}", Error::from(error));
        }
    }
    conn.batch_execute(AFTER)?;
    Ok(done)
}

fn copy_all(conn: &mut SqliteConnection, tables: &[String]) -> Result<TakenOver, Refusal> {
    let present = |table: &str| tables.iter().any(|name| name == table);
    for (table, _) in ORIGINAL.iter().filter(|(table, _)| present(table)) {
        conn.batch_execute(&format!("ALTER TABLE {table} RENAME TO original_{table}"))?;
    }
    migrate::sqlite(conn)?;
    let mut taken = TakenOver::default();
    let mut pairs = upstreams::Pairs::default();
    if present("openai_upstreams") {
        pairs = upstreams::copy(conn, &mut taken)?;
    }
    if present("config_kvs") {
        let columns = sqlite::columns(conn, "original_config_kvs")?;
        let removed = if columns.iter().any(|column| column == "deleted_at") { "deleted_at" } else { "NULL" };
        taken.settings = diesel::sql_query(format!(
            "INSERT INTO config_kvs (id, deleted_at, key, value) \
             SELECT rowid, {removed}, key, ifnull(value, '') FROM original_config_kvs WHERE key IS NOT NULL"
        ))
        .execute(conn)?;
    }
    if present("records") {
        taken.records = records::copy(conn, &pairs)?;
    }
    for (table, _) in ORIGINAL.iter().filter(|(table, _)| present(table)) {
        conn.batch_execute(&format!("DROP TABLE original_{table}"))?;
    }
    Ok(taken)
}

#[cfg(test)]
mod originals;
#[cfg(test)]
mod tests;
