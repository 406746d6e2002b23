//! Statements as a text and values, for both databases: what diesel's own builders are too slow or too narrow for.
//!
//! **Invariant:** a [`Fixed`] statement of one number always has the same text. **May import:** diesel.

use diesel::backend::Backend;
use diesel::pg::Pg;
use diesel::prelude::RunQueryDsl;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, Bool, HasSqlType, Integer, Nullable, Text, Untyped};
use diesel::sqlite::Sqlite;

/// A value to be bound.
#[derive(Debug, Clone, Copy)]
pub(in crate::db) enum Value<'a> {
    Int(i64),
    OptInt(Option<i64>),
    Integer(i32),
    Bool(bool),
    Text(&'a str),
    OptText(Option<&'a str>),
    Blob(&'a [u8]),
    OptBlob(Option<&'a [u8]>),
}

impl<'a> From<&'a Option<String>> for Value<'a> {
    fn from(text: &'a Option<String>) -> Value<'a> {
        Value::OptText(text.as_deref())
    }
}

fn bind<'b, DB>(value: &'b Value<'b>, out: &mut AstPass<'_, 'b, DB>) -> QueryResult<()>
where
    DB: Backend + HasSqlType<BigInt> + HasSqlType<Integer> + HasSqlType<Bool> + HasSqlType<Text> + HasSqlType<Binary>,
    i64: ToSql<BigInt, DB>,
    i32: ToSql<Integer, DB>,
    bool: ToSql<Bool, DB>,
    str: ToSql<Text, DB>,
    [u8]: ToSql<Binary, DB>,
{
    match value {
        Value::Int(value) => out.push_bind_param::<BigInt, _>(value),
        Value::OptInt(value) => out.push_bind_param::<Nullable<BigInt>, _>(value),
        Value::Integer(value) => out.push_bind_param::<Integer, _>(value),
        Value::Bool(value) => out.push_bind_param::<Bool, _>(value),
        Value::Text(value) => out.push_bind_param::<Text, _>(value),
        Value::OptText(value) => out.push_bind_param::<Nullable<Text>, _>(value),
        Value::Blob(value) => out.push_bind_param::<Binary, _>(value),
        Value::OptBlob(value) => out.push_bind_param::<Nullable<Binary>, _>(value),
    }
}

/// A statement for SQLite, prepared once for each connection: `before`, the values with commas, `after`.
/// `ID` stands for its text.
pub(super) struct Fixed<'a, const ID: usize> {
    pub(super) before: &'static str,
    pub(super) values: Vec<Value<'a>>,
    pub(super) after: &'static str,
}

impl<const ID: usize> QueryId for Fixed<'_, ID> {
    type QueryId = Fixed<'static, ID>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const ID: usize, Conn> RunQueryDsl<Conn> for Fixed<'_, ID> {}

impl<const ID: usize> Query for Fixed<'_, ID> {
    type SqlType = Untyped;
}

impl<const ID: usize> QueryFragment<Sqlite> for Fixed<'_, ID> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(self.before);
        for (at, value) in self.values.iter().enumerate() {
            if at > 0 {
                out.push_sql(", ");
            }
            bind(value, &mut out)?;
        }
        out.push_sql(self.after);
        Ok(())
    }
}

/// A statement for Postgres with many rows: `before`, each row's values in parentheses, `after`.
pub(super) struct Many<'a> {
    pub(super) before: &'a str,
    pub(super) rows: Vec<Vec<Value<'a>>>,
    pub(super) after: &'a str,
}

impl QueryId for Many<'_> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Conn> RunQueryDsl<Conn> for Many<'_> {}

impl QueryFragment<Pg> for Many<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        out.push_sql(self.before);
        for (row_at, row) in self.rows.iter().enumerate() {
            out.push_sql(if row_at > 0 { ", (" } else { "(" });
            for (at, value) in row.iter().enumerate() {
                if at > 0 {
                    out.push_sql(", ");
                }
                bind(value, &mut out)?;
            }
            out.push_sql(")");
        }
        out.push_sql(self.after);
        Ok(())
    }
}
