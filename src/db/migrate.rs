//! Making the tables and bringing them up to date. Start at [`sqlite`] and [`postgres`]; both are called inside a transaction.
//!
//! Migrations only ever add: an older replica may still be running beside a newer one.
//! **Invariant:** a database with a migration that this program does not know is never touched.
//! **May import:** diesel.

use std::collections::HashSet;
use std::error::Error;

use diesel::backend::Backend;
use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::{QueryableByName, RunQueryDsl};
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;
use diesel::{PgConnection, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::Refusal;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// The tables of the first migration and diesel's own; a database that has all of them is ours.
pub(super) const OWN_TABLES: [&str; 6] =
    ["__diesel_schema_migrations", "openai_upstreams", "config_kvs", "records", "record_bodies", "admin_sessions"];

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

/// Runs what is missing on SQLite.
pub(super) fn sqlite(conn: &mut SqliteConnection) -> Result<(), Refusal> {
    run(conn, SQLITE)
}

/// Runs what is missing on Postgres.
pub(super) fn postgres(conn: &mut PgConnection) -> Result<(), Refusal> {
    run(conn, POSTGRES)
}

/// Refuses an SQLite file of a newer version, by reading alone.
pub(super) fn known_sqlite(conn: &mut SqliteConnection) -> Result<(), Refusal> {
    let applied = diesel::sql_query("SELECT version FROM __diesel_schema_migrations").load::<Applied>(conn)?;
    all_known::<Sqlite>(&SQLITE, applied.into_iter().map(|applied| applied.version))
}

fn run<DB: Backend>(conn: &mut impl MigrationHarness<DB>, source: EmbeddedMigrations) -> Result<(), Refusal> {
    let applied = conn.applied_migrations().map_err(failed)?;
    all_known::<DB>(&source, applied.iter().map(ToString::to_string))?;
    conn.run_pending_migrations(source).map_err(failed)?;
    Ok(())
}

fn all_known<DB: Backend>(
    source: &EmbeddedMigrations,
    mut applied: impl Iterator<Item = String>,
) -> Result<(), Refusal> {
    let migrations: Vec<Box<dyn Migration<DB>>> = source.migrations().map_err(failed)?;
    let known: HashSet<String> = migrations.iter().map(|migration| migration.name().version().to_string()).collect();
    match applied.find(|version| !known.contains(version)) {
        Some(newer) => Err(Refusal(format!(
            "was written by a newer version of this program (migration {newer}): install that version"
        ))),
        None => Ok(()),
    }
}

fn failed(error: Box<dyn Error + Send + Sync>) -> Refusal {
    Refusal(format!(
        "its tables cannot be made ({}): check that the user may create tables",
        super::fault::one_line(&error.to_string())
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use diesel::migration::{Migration, MigrationSource};
    use diesel::pg::Pg;
    use diesel::sqlite::Sqlite;

    use super::{POSTGRES, SQLITE};

    fn folders(database: &str) -> BTreeSet<String> {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
        dir.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// `embed_migrations!` does not notice a new folder until this file is built again.
    #[test]
    fn every_migration_folder_is_embedded_and_has_a_twin() {
        let sqlite: Vec<Box<dyn Migration<Sqlite>>> = SQLITE.migrations().unwrap();
        let postgres: Vec<Box<dyn Migration<Pg>>> = POSTGRES.migrations().unwrap();
        let sqlite: BTreeSet<String> = sqlite.iter().map(|m| m.name().to_string()).collect();
        let postgres: BTreeSet<String> = postgres.iter().map(|m| m.name().to_string()).collect();
        assert_eq!(sqlite, folders("sqlite"));
        assert_eq!(postgres, folders("postgres"));
        assert_eq!(sqlite, postgres);
    }
}
