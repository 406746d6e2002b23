//! One connection type for both databases, `db::Connection` to everyone else: the derive brings names of its own, that one among them.
//!
//! **Invariant:** nothing here opens a connection: `sqlite` and `postgres` do, by the URL's scheme.
//! **May import:** diesel.

use diesel::{MultiConnection, PgConnection, SqliteConnection};

/// A connection to either database.
#[derive(MultiConnection)]
pub enum DbConnection {
    /// The built-in database.
    Sqlite(SqliteConnection),
    /// A Postgres server.
    Postgres(PgConnection),
}
