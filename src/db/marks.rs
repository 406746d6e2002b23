//! How far things have come: a name and a number each.
//!
//! **Invariant:** nothing here knows what a name means. **May import:** `error`, diesel.

use diesel::Connection as _;
use diesel::prelude::RunQueryDsl;
use diesel::sql_types::Text;

use super::Connection;
use super::speak::Speaker;
use crate::error::Error;

/// How far this has come; `None` when it never began.
///
/// # Errors
/// The database's.
pub fn get(conn: &mut Connection, name: &str) -> Result<Option<i64>, Error> {
    Ok(match conn {
        Connection::Sqlite(conn) => conn.mark(name)?,
        Connection::Postgres(conn) => conn.mark(name)?,
    })
}

/// The same, once no transaction of the recorder's is under way any more: not even one whose connection broke.
///
/// # Errors
/// The database's.
pub fn get_alone(conn: &mut Connection, name: &str) -> Result<Option<i64>, Error> {
    match conn {
        Connection::Sqlite(conn) => Ok(conn.mark(name)?),
        Connection::Postgres(conn) => conn.transaction(|conn| {
            conn.write_alone()?;
            Ok(conn.mark(name)?)
        }),
    }
}

/// Says how far it has come.
///
/// # Errors
/// The database's.
pub fn set(conn: &mut Connection, name: &str, value: i64) -> Result<(), Error> {
    match conn {
        Connection::Sqlite(conn) => conn.set_mark(name, value)?,
        Connection::Postgres(conn) => conn.set_mark(name, value)?,
    }
    Ok(())
}

/// Keeps other writers of records out until the transaction ends.
///
/// # Errors
/// The database's.
pub fn lock(conn: &mut Connection) -> Result<(), Error> {
    match conn {
        Connection::Sqlite(conn) => conn.write_alone()?,
        Connection::Postgres(conn) => conn.write_alone()?,
    }
    Ok(())
}

/// Forgets it.
///
/// # Errors
/// The database's.
pub fn forget(conn: &mut Connection, name: &str) -> Result<(), Error> {
    diesel::sql_query("DELETE FROM marks WHERE name = $1").bind::<Text, _>(name).execute(conn)?;
    Ok(())
}
