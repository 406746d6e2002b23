//! The only room that knows SQL, for SQLite and Postgres alike.
//!
//! Start at [`Database::open`]; then one file per noun: [`upstreams`], [`settings`], [`client_keys`], [`records`],
//! [`sessions`], [`prices`], [`rollups`]. Every call blocks, so
//! it belongs on a thread that may: the recorder's own, or a blocking pool. What is stored is drawn in `schema`, made by `migrations/`.
//!
//! **Invariant:** no other room names diesel or writes SQL; nothing here awaits; no message of this room holds a password or an sk.
//! **May import:** `error`, `usage`.

pub mod audit;
pub mod client_keys;
mod connection;
mod disk;
mod fault;
pub mod find;
pub mod index;
mod location;
pub mod marks;
mod migrate;
pub mod pace;
mod postgres;
pub mod prices;
pub mod records;
pub mod removal;
pub mod rollups;
pub mod saved;
mod schema;
pub mod sessions;
pub mod settings;
mod speak;
mod sqlite;
mod takeover;
mod times;
pub mod upstream_tests;
pub mod upstreams;
mod watcher;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::RunQueryDsl;
use r2d2::{ManageConnection, NopErrorHandler, Pool};

use crate::error::{Error, StartError};
pub use connection::DbConnection as Connection;
pub use disk::Disk;
use location::Location;
pub use takeover::TakenOver;
pub use watcher::Watcher;

/// Readers at a time; the recorder and the watcher bring connections of their own.
const READERS: u32 = 4;
/// How long a reader waits for a connection before the database counts as away.
const READER_WAIT: Duration = Duration::from_secs(5);

/// How long the recorder waits for a lock, in ms: what it holds meanwhile is only in memory. And KiB of pages that it keeps:
/// links lie at random, so that many pages of them are looked at and, when some are sorted in, written.
const WRITER: &str = "PRAGMA busy_timeout = 50; PRAGMA cache_size = -32768";
/// The same for Postgres, where replicas take turns, and one that was cut off in the middle of a transaction must not keep its
/// locks for hours.
const POSTGRES_PATIENCE: &str = "SET lock_timeout = 250; SET idle_in_transaction_session_timeout = 30000";

/// A connection lent by the readers' pool; it goes back when dropped.
pub type PooledConnection = r2d2::PooledConnection<Manager>;

/// An open database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    location: Arc<Location>,
    readers: Pool<Manager>,
}

/// What [`Database::open`] found and did.
pub struct Opened {
    /// The database, ready for use.
    pub database: Database,
    /// It was empty or did not exist: this is the very first start.
    pub created: bool,
    /// It belonged to the original Go program until now.
    pub taken_over: Option<TakenOver>,
}

impl Database {
    /// Opens the database at `url` (a path, `sqlite://PATH`, `postgres://…` or `postgresql://…`), creates its tables or brings them
    /// up to date, and takes over a file of the original Go program.
    ///
    /// # Errors
    /// One line for the operator when it cannot be read, is not ours, was written by a newer version or is away.
    /// A database that is refused is left as it was.
    pub fn open(url: &str) -> Result<Opened, StartError> {
        let location = Location::parse(url)?;
        let name = location.describe();
        let named = |refusal: Refusal| StartError(format!("database {name}: {}", refusal.0));
        let (created, taken_over) = match &location {
            Location::Sqlite(path) => sqlite::open(path).map_err(named)?,
            Location::Postgres(url) => (postgres::open(url).map_err(named)?, None),
        };
        let location = Arc::new(location);
        let readers = Pool::builder()
            .max_size(READERS)
            .min_idle(Some(0))
            .connection_timeout(READER_WAIT)
            .error_handler(Box::new(NopErrorHandler))
            .build_unchecked(Manager(location.clone()));
        let database = Database { location, readers };
        database
            .connect()
            .and_then(|mut connection| prices::fill(&mut connection))
            .map_err(|error| named(error.into()))?;
        Ok(Opened { database, created, taken_over })
    }

    /// A connection for a short read or edit.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when none came free, or could be made, within five seconds.
    pub fn get(&self) -> Result<PooledConnection, Error> {
        self.readers.get().map_err(|away| Error::Unavailable(fault::one_line(&away.to_string())))
    }

    /// The recorder's connection: it gives a locked database up soon, because it has somewhere else to write to, and what
    /// waits behind it is held in memory.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database is away.
    pub fn writer(&self) -> Result<Connection, Error> {
        let mut connection = self.location.connect()?;
        match &mut connection {
            Connection::Sqlite(sqlite) => sqlite.batch_execute(WRITER)?,
            Connection::Postgres(postgres) => postgres.batch_execute(POSTGRES_PATIENCE)?,
        }
        Ok(connection)
    }

    /// A connection of one's own, outside the pool.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database is away.
    pub fn connect(&self) -> Result<Connection, Error> {
        self.location.connect()
    }

    /// A watcher that has seen everything up to now.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database is away.
    pub fn watch(&self) -> Result<Watcher, Error> {
        Watcher::new(self.connect()?)
    }

    /// Where records wait while the database is away: beside an SQLite file, else in the working directory.
    pub fn spill_path(&self) -> PathBuf {
        self.location.spill_path()
    }

    /// The database's address without a password, for logs.
    pub fn describe(&self) -> String {
        self.location.describe()
    }
}

/// From now on a commit of this connection outlives a crash of the machine, or again as the database is set up: SQLite's then
/// outlives a crash of the process.
///
/// # Errors
/// The database's.
pub fn make_durable(connection: &mut Connection, durable: bool) -> Result<(), Error> {
    match (connection, durable) {
        (Connection::Sqlite(sqlite), true) => sqlite.batch_execute("PRAGMA synchronous = FULL")?,
        (Connection::Sqlite(sqlite), false) => sqlite.batch_execute("PRAGMA synchronous = NORMAL")?,
        (Connection::Postgres(postgres), true) => postgres.batch_execute("SET synchronous_commit = on")?,
        (Connection::Postgres(postgres), false) => postgres.batch_execute("RESET synchronous_commit")?,
    }
    Ok(())
}

/// Makes and checks the readers' connections.
pub struct Manager(Arc<Location>);

impl ManageConnection for Manager {
    type Connection = Connection;
    type Error = Error;

    fn connect(&self) -> Result<Connection, Error> {
        self.0.connect()
    }

    fn is_valid(&self, conn: &mut Connection) -> Result<(), Error> {
        diesel::sql_query("SELECT 1").execute(conn)?;
        Ok(())
    }

    fn has_broken(&self, conn: &mut Connection) -> bool {
        diesel::r2d2::R2D2Connection::is_broken(conn)
    }
}

/// Why a database cannot be opened: the end of a sentence that begins with its name.
#[derive(Debug)]
struct Refusal(String);

impl From<diesel::result::Error> for Refusal {
    fn from(error: diesel::result::Error) -> Refusal {
        Refusal::from(Error::from(error))
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal(fault::one_line(&error.to_string()))
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_open;
#[cfg(test)]
mod tests_prices;
