//! Sign-ins of the dashboard, by the hash of their token.
//!
//! Start at [`find`]. **Invariant:** no token is ever stored, only its hash; no clock is read here.
//! **May import:** `error`, diesel.

use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::Connection;
use super::schema::admin_sessions::{self, dsl};
use crate::error::Error;

/// One sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Session {
    /// When it began, µs since 1970.
    pub created_us: i64,
    /// When it ends by itself, µs since 1970.
    pub expires_us: i64,
}

/// Opens a session.
pub fn insert(conn: &mut Connection, token_hash: &str, created_us: i64, expires_us: i64) -> Result<(), Error> {
    diesel::insert_into(admin_sessions::table)
        .values((dsl::token_hash.eq(token_hash), dsl::created_us.eq(created_us), dsl::expires_us.eq(expires_us)))
        .execute(conn)?;
    Ok(())
}

/// The session with this token, unless it has ended by `now_us`.
pub fn find(conn: &mut Connection, token_hash: &str, now_us: i64) -> Result<Option<Session>, Error> {
    let session = admin_sessions::table
        .find(token_hash)
        .filter(dsl::expires_us.gt(now_us))
        .select((dsl::created_us, dsl::expires_us))
        .first(conn);
    Ok(session.optional()?)
}

/// Ends a session; true when there was one.
pub fn remove(conn: &mut Connection, token_hash: &str) -> Result<bool, Error> {
    Ok(diesel::delete(admin_sessions::table.find(token_hash)).execute(conn)? > 0)
}

/// The sessions that have not ended by `now_us` with the hashes of their tokens, the newest first.
pub fn list(conn: &mut Connection, now_us: i64) -> Result<Vec<(String, Session)>, Error> {
    let live = admin_sessions::table.filter(dsl::expires_us.gt(now_us)).order(dsl::created_us.desc());
    Ok(live.select((dsl::token_hash, (dsl::created_us, dsl::expires_us))).load(conn)?)
}

/// Ends every session but one; returns how many there were.
pub fn remove_others(conn: &mut Connection, token_hash: &str) -> Result<usize, Error> {
    Ok(diesel::delete(admin_sessions::table.filter(dsl::token_hash.ne(token_hash))).execute(conn)?)
}

/// Ends every session, as a new password must; returns how many there were.
pub fn remove_all(conn: &mut Connection) -> Result<usize, Error> {
    Ok(diesel::delete(admin_sessions::table).execute(conn)?)
}

/// Forgets the sessions that ended by `now_us`; returns how many there were.
pub fn remove_expired(conn: &mut Connection, now_us: i64) -> Result<usize, Error> {
    Ok(diesel::delete(admin_sessions::table.filter(dsl::expires_us.le(now_us))).execute(conn)?)
}
