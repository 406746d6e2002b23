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

/// Whether another one has this name.
fn is_taken(conn: &mut Connection, name: &str, id: i64) -> Result<bool, Error> {
    let others = saved_searches::table.filter(dsl::name.eq(name)).filter(dsl::id.ne(id));
    Ok(others.count().get_result::<i64>(conn)? > 0)
}

/// Keeps a search, unless another one has its name: then nothing changes, and it says `false`.
///
/// # Errors
/// The database's.
pub fn insert(conn: &mut Connection, name: &str, query: &str) -> Result<bool, Error> {
    write_first(conn, |conn| {
        if is_taken(conn, name, 0)? {
            return Ok(false);
        }
        let values = (dsl::name.eq(name), dsl::query.eq(query), dsl::created_us.eq(Utc::now().timestamp_micros()));
        diesel::insert_into(saved_searches::table).values(values).execute(conn)?;
        Ok(true)
    })
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

/// Gives it another name, unless another one has that: then nothing changes, and it says `false`.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub fn rename(conn: &mut Connection, id: i64, name: &str) -> Result<bool, Error> {
    write_first(conn, |conn| {
        if is_taken(conn, name, id)? {
            return Ok(false);
        }
        match diesel::update(saved_searches::table.find(id)).set(dsl::name.eq(name)).execute(conn)? {
            0 => Err(Error::NotFound),
            _ => Ok(true),
        }
    })
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
