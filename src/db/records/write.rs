//! Writing records: the one statement of the program whose speed is felt.
//!
//! Start at [`insert_batch`]. SQLite gets one row per statement through [`InsertFacts`] and [`InsertTexts`], written out by hand:
//! diesel's own `INSERT` walks 27 columns six times for each row, which costs as much again as SQLite itself.
//! Postgres gets hundreds of rows per statement.
//! **Invariant:** a batch is stored whole or not at all.
//! **May import:** `error`, diesel.

use std::borrow::Cow;

use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryableByName, RunQueryDsl};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text};
use diesel::sqlite::Sqlite;
use diesel::{Connection as _, PgConnection, SqliteConnection};

use super::{Facts, NewRecord, Texts};
use crate::db::Connection;
use crate::db::schema::{record_bodies, records};
use crate::error::Error;

/// Rows of one Postgres statement: it counts its parameters in 16 bits, and a row has 27.
const POSTGRES_ROWS: usize = 500;
/// Bytes of texts in one Postgres statement: a message of the protocol ends at 1 GiB.
const POSTGRES_BYTES: usize = 64 << 20;

#[derive(QueryableByName)]
struct Reserved {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// Stores the records in one transaction and gives their ids, in order.
///
/// Fails with [`Error::Unavailable`] when the database is locked, full or away: drop the connection, make another, try the same batch
/// again later. Any other error is the data's: nothing was stored, and halving the batch finds the record at fault.
/// NUL characters, which Postgres cannot keep in text, become U+FFFD in every column but the two texts.
pub fn insert_batch(conn: &mut Connection, batch: &[NewRecord]) -> Result<Vec<i64>, Error> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let ids = match conn {
        Connection::Sqlite(conn) => conn.immediate_transaction(|conn| insert_sqlite(conn, batch)),
        Connection::Postgres(conn) => conn.transaction(|conn| insert_postgres(conn, batch)),
    }?;
    Ok(ids)
}

/// The SQLite half of [`insert_batch`]; the caller holds the write lock.
pub(in crate::db) fn insert_sqlite(conn: &mut SqliteConnection, batch: &[NewRecord]) -> QueryResult<Vec<i64>> {
    // Ids are taken by hand under the write lock: cheaper than asking for each, and AUTOINCREMENT still never gives one twice.
    let last =
        diesel::sql_query("SELECT seq AS id FROM sqlite_sequence WHERE name = 'records'").get_result::<Reserved>(conn);
    let first = last.optional()?.map_or(1, |last| last.id + 1);
    let ids: Vec<i64> = (first..).take(batch.len()).collect();
    for (id, record) in ids.iter().zip(batch) {
        InsertFacts { id, facts: &record.facts.without_nul() }.execute(conn)?;
        InsertTexts { id, texts: &record.texts }.execute(conn)?;
    }
    Ok(ids)
}

fn insert_postgres(conn: &mut PgConnection, batch: &[NewRecord]) -> QueryResult<Vec<i64>> {
    let count = i64::try_from(batch.len()).unwrap_or(i64::MAX);
    let ids: Vec<i64> =
        diesel::sql_query("SELECT nextval(pg_get_serial_sequence('records', 'id')) AS id FROM generate_series(1, $1)")
            .bind::<BigInt, _>(count)
            .load::<Reserved>(conn)?
            .into_iter()
            .map(|reserved| reserved.id)
            .collect();
    let facts: Vec<Cow<'_, Facts>> = batch.iter().map(|record| record.facts.without_nul()).collect();
    let mut from = 0;
    while from < batch.len() {
        let upto = statement_end(batch, from);
        let rows: Vec<_> = (from..upto).map(|at| (records::id.eq(ids[at]), facts[at].as_ref())).collect();
        diesel::insert_into(records::table).values(rows).execute(conn)?;
        let rows: Vec<_> = (from..upto).map(|at| (record_bodies::record_id.eq(ids[at]), &batch[at].texts)).collect();
        diesel::insert_into(record_bodies::table).values(rows).execute(conn)?;
        from = upto;
    }
    Ok(ids)
}

/// Where a Postgres statement that begins with the record at `from` must end; always takes one at least.
fn statement_end(batch: &[NewRecord], from: usize) -> usize {
    let mut bytes = 0;
    let fits = |record: &&NewRecord| {
        let Texts { body, response, .. } = &record.texts;
        bytes += body.as_ref().map_or(0, Vec::len) + response.as_ref().map_or(0, Vec::len);
        bytes <= POSTGRES_BYTES
    };
    let rows = batch[from..].iter().take(POSTGRES_ROWS).take_while(fits).count();
    from + rows.max(1)
}

/// One row of `records`, with static SQL: prepared once for each connection.
struct InsertFacts<'a> {
    id: &'a i64,
    facts: &'a Facts,
}

impl QueryId for InsertFacts<'_> {
    type QueryId = InsertFacts<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Conn> RunQueryDsl<Conn> for InsertFacts<'_> {}

impl QueryFragment<Sqlite> for InsertFacts<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let facts = self.facts;
        out.push_sql("INSERT INTO records (id, started_us, key_name, key_last4, ip, user_agent, method, path, model, model_sent, model_answered, status, upstream_id, streamed, first_byte_us, first_content_us, total_us, tokens_in, tokens_out, tokens_cached, tokens_reasoning, attempts, ending, error, request_bytes, reply_bytes, resource_id) VALUES (");
        out.push_bind_param::<BigInt, _>(self.id)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&facts.started_us)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&facts.key_name)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&facts.key_last4)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&facts.ip)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&facts.user_agent)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&facts.method)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&facts.path)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&facts.model)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&facts.model_sent)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&facts.model_answered)?;
        out.push_sql(", ");
        out.push_bind_param::<Integer, _>(&facts.status)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<BigInt>, _>(&facts.upstream_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Bool, _>(&facts.streamed)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<BigInt>, _>(&facts.first_byte_us)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<BigInt>, _>(&facts.first_content_us)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&facts.total_us)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<BigInt>, _>(&facts.tokens_in)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<BigInt>, _>(&facts.tokens_out)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<BigInt>, _>(&facts.tokens_cached)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<BigInt>, _>(&facts.tokens_reasoning)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&facts.attempts)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&facts.ending)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&facts.error)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&facts.request_bytes)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&facts.reply_bytes)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&facts.resource_id)?;
        out.push_sql(")");
        Ok(())
    }
}

/// One row of `record_bodies`, likewise.
struct InsertTexts<'a> {
    id: &'a i64,
    texts: &'a Texts,
}

impl QueryId for InsertTexts<'_> {
    type QueryId = InsertTexts<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Conn> RunQueryDsl<Conn> for InsertTexts<'_> {}

impl QueryFragment<Sqlite> for InsertTexts<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let texts = self.texts;
        out.push_sql("INSERT INTO record_bodies (record_id, body, body_note, response, response_note) VALUES (");
        out.push_bind_param::<BigInt, _>(self.id)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Binary>, _>(&texts.body)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&texts.body_note)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Binary>, _>(&texts.response)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&texts.response_note)?;
        out.push_sql(")");
        Ok(())
    }
}

impl Facts {
    /// Itself, or a copy with U+FFFD for every NUL.
    fn without_nul(&self) -> Cow<'_, Facts> {
        let has = |text: &String| text.contains('\0');
        if !self.texts().any(has) {
            return Cow::Borrowed(self);
        }
        let mut clean = self.clone();
        for text in clean.texts_mut().filter(|text| has(text)) {
            *text = text.replace('\0', "\u{fffd}");
        }
        Cow::Owned(clean)
    }

    fn texts(&self) -> impl Iterator<Item = &String> {
        let Facts { key_name, key_last4, ip, user_agent, method, path, attempts, .. } = self;
        let Facts { model, model_sent, model_answered, error, resource_id, .. } = self;
        [key_name, key_last4, ip, user_agent, method, path, attempts]
            .into_iter()
            .chain([model, model_sent, model_answered, error, resource_id].into_iter().flatten())
    }

    fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let Facts {
            key_name,
            key_last4,
            ip,
            user_agent,
            method,
            path,
            attempts,
            model,
            model_sent,
            model_answered,
            error,
            resource_id,
            ..
        } = self;
        [key_name, key_last4, ip, user_agent, method, path, attempts]
            .into_iter()
            .chain([model, model_sent, model_answered, error, resource_id].into_iter().flatten())
    }
}
