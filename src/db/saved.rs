//! Searches the operator keeps. Start at [`list`].
//!
//! **Invariant:** a query is kept as it is; nothing here understands it. **May import:** `error`, diesel.

use chrono::Utc;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::Connection;
use super::schema::saved_searches::{self, dsl};
use super::settings::write_first;
use crate::error::Error;

/// A search with a name.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct SavedSearch {
    /// Its number.
    pub id: i64,
    /// What the operator calls it.
    pub name: String,
    /// The query of its address, from `?` on; empty for everything.
    pub query: String,
    /// The list of requests opens with it.
    pub is_default: bool,
}

/// All of them, by name.
///
/// # Errors
/// The database's.
pub fn list(conn: &mut Connection) -> Result<Vec<SavedSearch>, Error> {
    let all = saved_searches::table.order((dsl::name.asc(), dsl::id.asc()));
    Ok(all.select((dsl::id, dsl::name, dsl::query, dsl::is_default)).load(conn)?)
}

/// Keeps a search.
///
/// # Errors
/// The database's.
pub fn insert(conn: &mut Connection, name: &str, query: &str) -> Result<(), Error> {
    let values = (dsl::name.eq(name), dsl::query.eq(query), dsl::created_us.eq(Utc::now().timestamp_micros()));
    diesel::insert_into(saved_searches::table).values(values).execute(conn)?;
    Ok(())
}

/// The query that the list of requests opens with, if there is one.
///
/// # Errors
/// The database's.
pub fn default(conn: &mut Connection) -> Result<Option<String>, Error> {
    let found = saved_searches::table.filter(dsl::is_default).order(dsl::id.asc()).select(dsl::query);
    Ok(found.first(conn).optional()?)
}

/// The list of requests opens with this one from now on, or with none.
///
/// # Errors
/// [`Error::NotFound`] when there is none of that number.
pub fn set_default(conn: &mut Connection, id: Option<i64>) -> Result<(), Error> {
    write_first(conn, |conn| {
        diesel::update(saved_searches::table).set(dsl::is_default.eq(false)).execute(conn)?;
        let Some(id) = id else { return Ok(()) };
        match diesel::update(saved_searches::table.find(id)).set(dsl::is_default.eq(true)).execute(conn)? {
            0 => Err(Error::NotFound),
            _ => Ok(()),
        }
    })
}

/// Gives it another name.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub fn rename(conn: &mut Connection, id: i64, name: &str) -> Result<(), Error> {
    match diesel::update(saved_searches::table.find(id)).set(dsl::name.eq(name)).execute(conn)? {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}

/// Forgets it.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub fn remove(conn: &mut Connection, id: i64) -> Result<(), Error> {
    match diesel::delete(saved_searches::table.find(id)).execute(conn)? {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}
