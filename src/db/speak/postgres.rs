//! The store's words for Postgres: lists go over as arrays, rows by the hundred.
//!
//! **Invariant:** no statement has more than 65,535 values or a gigabyte of them. **May import:** diesel.

use diesel::PgConnection;
use diesel::prelude::{OptionalExtension, RunQueryDsl};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Binary, Text};

use super::rows::{BODIES, RECORDS};
use super::value::{Many, Value};
use super::{BlobRow, BodyRow, LinkRow, NewestLink, Number, Numbered, PackRow, RecordRow, Speaker, same_words};

/// Held by whoever writes records: "openai-s" in ASCII.
const WRITERS_LOCK: i64 = 0x6f70_656e_6169_2d73;
/// Values of one statement: the protocol counts them in 16 bits.
const MOST_VALUES: usize = 32_000;
/// Bytes of one statement: a message of the protocol ends at 1 GiB.
const MOST_BYTES: usize = 64 << 20;

/// Writes rows in statements of bounded size.
fn insert<'a>(
    conn: &mut PgConnection,
    before: &str,
    rows: impl Iterator<Item = Vec<Value<'a>>>,
    after: &str,
) -> QueryResult<()> {
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let (mut chunk, mut values, mut bytes) = (Vec::new(), 0, 0);
        while values < MOST_VALUES && bytes < MOST_BYTES {
            let Some(row) = rows.next() else { break };
            values += row.len();
            bytes += row.iter().map(size).sum::<usize>();
            chunk.push(row);
        }
        Many { before, rows: chunk, after }.execute(conn)?;
    }
    Ok(())
}

fn size(value: &Value<'_>) -> usize {
    match value {
        Value::Text(text) | Value::OptText(Some(text)) => text.len(),
        Value::Blob(bytes) | Value::OptBlob(Some(bytes)) => bytes.len(),
        _ => 8,
    }
}

impl Speaker for PgConnection {
    same_words!();

    fn write_alone(&mut self) -> QueryResult<()> {
        diesel::sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(WRITERS_LOCK).execute(self)?;
        Ok(())
    }

    fn reserve(&mut self, table: Numbered, count: usize) -> QueryResult<Vec<i64>> {
        let ids = diesel::sql_query(
            "SELECT nextval(pg_get_serial_sequence($1, 'id')) AS number FROM generate_series(1, $2) ORDER BY 1",
        )
        .bind::<Text, _>(table.table())
        .bind::<BigInt, _>(i64::try_from(count).unwrap_or(i64::MAX))
        .load::<Number>(self)?;
        Ok(ids.into_iter().map(|id| id.number).collect())
    }

    fn blobs(&mut self, hashes: &[Vec<u8>]) -> QueryResult<Vec<BlobRow>> {
        if hashes.is_empty() {
            return Ok(Vec::new());
        }
        diesel::sql_query("SELECT hash, pack_id, start, length, owner FROM blobs WHERE hash = ANY($1)")
            .bind::<Array<Binary>, _>(hashes)
            .load(self)
    }

    fn links(&mut self, links: &[i64]) -> QueryResult<Vec<LinkRow>> {
        if links.is_empty() {
            return Ok(Vec::new());
        }
        diesel::sql_query(
            "SELECT l.link, l.record_id, l.chain, l.conversation_id FROM unnest($1) AS wanted (link) CROSS JOIN LATERAL \
             (SELECT * FROM links WHERE links.link = wanted.link ORDER BY record_id DESC LIMIT 64) AS l \
             ORDER BY l.link, l.record_id DESC",
        )
        .bind::<Array<BigInt>, _>(links)
        .load(self)
    }

    fn packs(&mut self, ids: &[i64]) -> QueryResult<Vec<PackRow>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        diesel::sql_query("SELECT id, pieces, data FROM packs WHERE id = ANY($1)")
            .bind::<Array<BigInt>, _>(ids)
            .load(self)
    }

    fn bodies(&mut self, record_ids: &[i64]) -> QueryResult<Vec<BodyRow>> {
        diesel::sql_query(format!("SELECT {BODIES} FROM record_bodies WHERE record_id = ANY($1)"))
            .bind::<Array<BigInt>, _>(record_ids)
            .load(self)
    }

    fn mark(&mut self, name: &str) -> QueryResult<Option<i64>> {
        let mark = diesel::sql_query("SELECT value AS number FROM marks WHERE name = $1").bind::<Text, _>(name);
        Ok(mark.get_result::<Number>(self).optional()?.map(|mark| mark.number))
    }

    fn set_mark(&mut self, name: &str, value: i64) -> QueryResult<()> {
        diesel::sql_query(
            "INSERT INTO marks (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind::<Text, _>(name)
        .bind::<BigInt, _>(value)
        .execute(self)?;
        Ok(())
    }

    fn insert_records(&mut self, rows: &[RecordRow<'_>]) -> QueryResult<()> {
        insert(self, &format!("INSERT INTO records ({RECORDS}) VALUES "), rows.iter().map(RecordRow::values), "")
    }

    fn insert_bodies(&mut self, rows: &[BodyRow]) -> QueryResult<()> {
        insert(self, &format!("INSERT INTO record_bodies ({BODIES}) VALUES "), rows.iter().map(BodyRow::values), "")
    }

    fn write_packs(&mut self, rows: &[PackRow]) -> QueryResult<()> {
        let grown = " ON CONFLICT (id) DO UPDATE SET pieces = excluded.pieces, data = excluded.data";
        insert(self, "INSERT INTO packs (id, pieces, data) VALUES ", rows.iter().map(PackRow::values), grown)
    }

    fn insert_blobs(&mut self, rows: &[BlobRow]) -> QueryResult<()> {
        let before = "INSERT INTO blobs (hash, pack_id, start, length, owner) VALUES ";
        insert(self, before, rows.iter().map(BlobRow::values), "")
    }

    fn insert_uses(&mut self, rows: &[(Vec<u8>, i64)]) -> QueryResult<()> {
        let values = rows.iter().map(|(hash, owner)| vec![Value::Blob(hash), Value::Int(*owner)]);
        insert(self, "INSERT INTO blob_uses (hash, owner) VALUES ", values, " ON CONFLICT DO NOTHING")
    }

    fn insert_links(&mut self, rows: &[LinkRow]) -> QueryResult<()> {
        let before = "INSERT INTO links (link, record_id, chain, conversation_id) VALUES ";
        insert(self, before, rows.iter().map(LinkRow::values), " ON CONFLICT DO NOTHING")
    }

    fn newest_links(&mut self, after: i64) -> QueryResult<Vec<NewestLink>> {
        let rows = "SELECT id, link, record_id, chain, conversation_id FROM newest_links WHERE id > $1 ORDER BY id";
        diesel::sql_query(rows).bind::<BigInt, _>(after).load(self)
    }

    fn insert_newest_links(&mut self, rows: &[NewestLink]) -> QueryResult<()> {
        let before = "INSERT INTO newest_links (link, record_id, chain, conversation_id, id) VALUES ";
        insert(self, before, rows.iter().map(NewestLink::values), "")
    }
}
