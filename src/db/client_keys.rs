//! What is known of client keys beside the keys themselves, which are the setting `authorization`: the table `client_keys`.
//!
//! Start at [`list`]. **Invariant:** a key that has no row here is in use, so one written into the setting by hand is complete.
//! **May import:** `error`, diesel.

use diesel::prelude::{
    AsChangeset, ExpressionMethods, Insertable, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::Connection;
use super::schema::client_keys::{self, dsl};
use crate::error::Error;

/// One row.
#[derive(Clone, Default, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = client_keys, primary_key(name), treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct KeyRow {
    /// The key's name in the setting.
    pub name: String,
    /// When it was made here, µs since 1970; none when it was written by hand.
    pub created_us: Option<i64>,
    /// It lets nobody in.
    pub disabled: bool,
    /// What the key was before it was replaced; empty when it never was.
    pub old_key: String,
    /// Until when that lets in as well, µs since 1970.
    pub old_until_us: i64,
    /// The models it may ask for, as upstreams have such lists; empty means all.
    pub allow_models: String,
}

/// Every row, by name.
///
/// # Errors
/// The database's.
pub fn list(conn: &mut Connection) -> Result<Vec<KeyRow>, Error> {
    Ok(client_keys::table.order(dsl::name.asc()).select(KeyRow::as_select()).load(conn)?)
}

/// Changes the row of a key, which is made if there is none.
///
/// # Errors
/// The database's.
pub fn change(conn: &mut Connection, name: &str, work: impl FnOnce(&mut KeyRow)) -> Result<(), Error> {
    let found: Vec<KeyRow> = client_keys::table.find(name).select(KeyRow::as_select()).load(conn)?;
    let is_new = found.is_empty();
    let mut row = found.into_iter().next().unwrap_or_else(|| KeyRow { name: name.to_owned(), ..KeyRow::default() });
    work(&mut row);
    if is_new {
        diesel::insert_into(client_keys::table).values(&row).execute(conn)?;
    } else {
        diesel::update(client_keys::table.find(name)).set(&row).execute(conn)?;
    }
    Ok(())
}

/// The key has another name.
///
/// # Errors
/// The database's.
pub fn rename(conn: &mut Connection, name: &str, new: &str) -> Result<(), Error> {
    // What a key of that name has left behind is not this one's.
    remove(conn, new)?;
    diesel::update(client_keys::table.find(name)).set(dsl::name.eq(new)).execute(conn)?;
    Ok(())
}

/// The key is gone.
///
/// # Errors
/// The database's.
pub fn remove(conn: &mut Connection, name: &str) -> Result<(), Error> {
    diesel::delete(client_keys::table.find(name)).execute(conn)?;
    Ok(())
}
