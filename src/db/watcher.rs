//! Noticing that somebody changed the database.
//!
//! Start at [`Watcher::changed`]. SQLite counts other connections' commits (`PRAGMA data_version`), so records being written count too;
//! on Postgres a trigger on `openai_upstreams` and `config_kvs` notifies. Whoever asks reads those two small tables again and compares.
//! **Invariant:** nothing here waits: a poll costs microseconds on either database.
//! **May import:** `error`, diesel.

use diesel::prelude::{QueryableByName, RunQueryDsl};
use diesel::result::QueryResult;
use diesel::sql_types::BigInt;
use diesel::{PgConnection, SqliteConnection};

use super::Connection;
use super::fault::one_line;
use crate::error::Error;

/// Tells whether the database changed since it was last asked. Poll it every few ten milliseconds.
pub struct Watcher(Watching);

enum Watching {
    Sqlite { conn: SqliteConnection, seen: i64 },
    Postgres { conn: PgConnection },
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = BigInt)]
    data_version: i64,
}

impl Watcher {
    pub(super) fn new(conn: Connection) -> Result<Watcher, Error> {
        match conn {
            Connection::Sqlite(mut conn) => {
                let seen = data_version(&mut conn)?;
                Ok(Watcher(Watching::Sqlite { conn, seen }))
            }
            Connection::Postgres(mut conn) => {
                diesel::sql_query("LISTEN openai_api_route").execute(&mut conn)?;
                Ok(Watcher(Watching::Postgres { conn }))
            }
        }
    }

    /// Whether anything was committed since the last call, or since the watcher was made. May say yes to a change that means nothing.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the connection is lost: make another watcher, then read everything again.
    pub fn changed(&mut self) -> Result<bool, Error> {
        match &mut self.0 {
            Watching::Sqlite { conn, seen } => {
                let before = std::mem::replace(seen, data_version(conn)?);
                Ok(before != *seen)
            }
            Watching::Postgres { conn } => {
                let heard = conn.notifications_iter().collect::<QueryResult<Vec<_>>>();
                heard.map(|heard| !heard.is_empty()).map_err(|lost| Error::Unavailable(one_line(&lost.to_string())))
            }
        }
    }
}

fn data_version(conn: &mut SqliteConnection) -> QueryResult<i64> {
    diesel::sql_query("PRAGMA data_version").get_result::<Version>(conn).map(|version| version.data_version)
}
