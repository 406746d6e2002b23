//! The settings table, `config_kvs`.
//!
//! Anybody may write to it by hand, so no key is unique there: the newest row that is not removed counts.
//! Start at [`all`]. **Invariant:** nothing here knows what a key means.
//! **May import:** `error`, diesel.

use std::collections::BTreeMap;

use chrono::Utc;
use diesel::Connection as _;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::Connection;
use super::schema::config_kvs::{self, dsl};
use crate::error::Error;

/// Every setting, sorted by key.
pub fn all(conn: &mut Connection) -> Result<Vec<(String, String)>, Error> {
    let rows = config_kvs::table
        .filter(dsl::deleted_at.is_null())
        .order(dsl::id.asc())
        .select((dsl::key, dsl::value))
        .load::<(String, String)>(conn)?;
    Ok(rows.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect())
}

/// One setting.
pub fn get(conn: &mut Connection, key: &str) -> Result<Option<String>, Error> {
    Ok(newest(conn, key)?.map(|(_, value)| value))
}

/// Gives a setting a value.
pub fn set(conn: &mut Connection, key: &str, value: &str) -> Result<(), Error> {
    write_first(conn, |conn| match newest(conn, key)? {
        Some((id, _)) => {
            diesel::update(config_kvs::table.find(id))
                .set((dsl::value.eq(value), dsl::updated_at.eq(Utc::now().naive_utc())))
                .execute(conn)?;
            Ok(())
        }
        None => insert(conn, key, value),
    })
}

/// Gives a setting the value that `next` makes of its present one, while nobody else can change it; gives what `next` gives beside it.
///
/// # Errors
/// What `next` says; then nothing is changed.
pub fn change<T>(
    conn: &mut Connection,
    key: &str,
    next: impl FnOnce(&str) -> Result<(String, T), Error>,
) -> Result<T, Error> {
    write_first(conn, |conn| {
        let (value, beside) = next(&newest(conn, key)?.map(|(_, value)| value).unwrap_or_default())?;
        set(conn, key, &value)?;
        Ok(beside)
    })
}

/// Gives a setting a value unless it has one; true when it had none.
pub fn set_if_absent(conn: &mut Connection, key: &str, value: &str) -> Result<bool, Error> {
    write_first(conn, |conn| match newest(conn, key)? {
        Some(_) => Ok(false),
        None => insert(conn, key, value).map(|()| true),
    })
}

/// A transaction that begins with a write which changes nothing. On SQLite it then cannot lose the race from reading to writing against
/// the recorder, on Postgres replicas that start together take turns.
pub(super) fn write_first<T>(
    conn: &mut Connection,
    work: impl FnOnce(&mut Connection) -> Result<T, Error>,
) -> Result<T, Error> {
    conn.transaction(|conn| {
        diesel::sql_query("UPDATE __diesel_schema_migrations SET version = version").execute(conn)?;
        work(conn)
    })
}

fn newest(conn: &mut Connection, key: &str) -> Result<Option<(i64, String)>, Error> {
    let row = config_kvs::table
        .filter(dsl::deleted_at.is_null())
        .filter(dsl::key.eq(key))
        .order(dsl::id.desc())
        .select((dsl::id, dsl::value))
        .first(conn);
    Ok(row.optional()?)
}

fn insert(conn: &mut Connection, key: &str, value: &str) -> Result<(), Error> {
    diesel::insert_into(config_kvs::table).values((dsl::key.eq(key), dsl::value.eq(value))).execute(conn)?;
    Ok(())
}
