//! The store's words for SQLite: one row a statement, each statement prepared once for each connection.
//!
//! **Invariant:** nothing that runs for each record is parsed anew. **May import:** diesel.

use diesel::SqliteConnection;
use diesel::prelude::{OptionalExtension, RunQueryDsl};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Binary};

use super::rows::{BODIES, INSERT_BODY, INSERT_RECORD, SELECT_BODY};
use super::value::{Fixed, Value};
use super::{BlobRow, BodyRow, LinkRow, NewestLink, Number, Numbered, PackRow, RecordRow, Speaker, same_words};
use crate::db::pace::step;

fn fixed<'a, const ID: usize>(before: &'static str, values: Vec<Value<'a>>, after: &'static str) -> Fixed<'a, ID> {
    Fixed { before, values, after }
}

impl Speaker for SqliteConnection {
    same_words!();

    /// SQLite has one writer at a time: a transaction that begins with a write, even of nothing, is that one.
    fn write_alone(&mut self) -> QueryResult<()> {
        fixed::<13>("DELETE FROM marks WHERE name = ", vec![Value::Text("")], "").execute(self)?;
        Ok(())
    }

    /// Taken by hand under the write lock: cheaper than asking for each, and AUTOINCREMENT still never gives one twice.
    fn reserve(&mut self, table: Numbered, count: usize) -> QueryResult<Vec<i64>> {
        let last =
            fixed::<0>("SELECT seq AS number FROM sqlite_sequence WHERE name = ", vec![Value::Text(table.table())], "");
        let last = last.get_result::<Number>(self).optional()?;
        Ok((last.map_or(1, |last| last.number + 1)..).take(count).collect())
    }

    fn blobs(&mut self, hashes: &[Vec<u8>]) -> QueryResult<Vec<BlobRow>> {
        let mut found = Vec::new();
        for hash in hashes {
            let one = fixed::<1>(
                "SELECT hash, pack_id, start, length, owner FROM blobs WHERE hash = ",
                vec![Value::Blob(hash)],
                "",
            );
            found.append(&mut one.load(self)?);
        }
        Ok(found)
    }

    fn links(&mut self, links: &[i64]) -> QueryResult<Vec<LinkRow>> {
        let mut found = Vec::new();
        for link in links {
            let one = fixed::<2>(
                "SELECT link, record_id, chain, conversation_id FROM links WHERE link = ",
                vec![Value::Int(*link)],
                " ORDER BY record_id DESC LIMIT 64",
            );
            found.append(&mut one.load(self)?);
        }
        Ok(found)
    }

    fn packs(&mut self, ids: &[i64]) -> QueryResult<Vec<PackRow>> {
        let mut found = Vec::new();
        for id in ids {
            found.append(
                &mut fixed::<3>("SELECT id, pieces, data FROM packs WHERE id = ", vec![Value::Int(*id)], "")
                    .load(self)?,
            );
        }
        Ok(found)
    }

    fn bodies(&mut self, record_ids: &[i64]) -> QueryResult<Vec<BodyRow>> {
        // Neighbours in one go: to begin a statement costs more than to read a row.
        if let [first, .., last] = *record_ids
            && record_ids.is_sorted()
            && last.abs_diff(first) < 2 * record_ids.len() as u64
        {
            let range =
                diesel::sql_query(format!("SELECT {BODIES} FROM record_bodies WHERE record_id BETWEEN $1 AND $2"));
            let mut rows: Vec<BodyRow> = range.bind::<BigInt, _>(first).bind::<BigInt, _>(last).load(self)?;
            rows.retain(|row| record_ids.binary_search(&row.record_id).is_ok());
            return Ok(rows);
        }
        let mut found = Vec::new();
        for id in record_ids {
            let one = fixed::<4>(SELECT_BODY, vec![Value::Int(*id)], "");
            found.append(&mut one.load(self)?);
        }
        Ok(found)
    }

    fn mark(&mut self, name: &str) -> QueryResult<Option<i64>> {
        let mark = fixed::<5>("SELECT value AS number FROM marks WHERE name = ", vec![Value::Text(name)], "");
        Ok(mark.get_result::<Number>(self).optional()?.map(|mark| mark.number))
    }

    fn set_mark(&mut self, name: &str, value: i64) -> QueryResult<()> {
        fixed::<6>(
            "INSERT OR REPLACE INTO marks (name, value) VALUES (",
            vec![Value::Text(name), Value::Int(value)],
            ")",
        )
        .execute(self)?;
        Ok(())
    }

    fn insert_records(&mut self, rows: &[RecordRow<'_>]) -> QueryResult<()> {
        for row in rows {
            fixed::<7>(INSERT_RECORD, row.values(), ")").execute(self)?;
            step();
        }
        Ok(())
    }

    fn insert_bodies(&mut self, rows: &[BodyRow]) -> QueryResult<()> {
        for row in rows {
            fixed::<8>(INSERT_BODY, row.values(), ")").execute(self)?;
            step();
        }
        Ok(())
    }

    fn write_packs(&mut self, rows: &[PackRow]) -> QueryResult<()> {
        for row in rows {
            fixed::<9>("INSERT OR REPLACE INTO packs (id, pieces, data) VALUES (", row.values(), ")").execute(self)?;
            step();
        }
        Ok(())
    }

    fn insert_blobs(&mut self, rows: &[BlobRow]) -> QueryResult<()> {
        for row in rows {
            fixed::<10>("INSERT INTO blobs (hash, pack_id, start, length, owner) VALUES (", row.values(), ")")
                .execute(self)?;
            step();
        }
        Ok(())
    }

    fn insert_uses(&mut self, rows: &[(Vec<u8>, i64)]) -> QueryResult<()> {
        for (hash, owner) in rows {
            fixed::<11>(
                "INSERT OR IGNORE INTO blob_uses (hash, owner) VALUES (",
                vec![Value::Blob(hash), Value::Int(*owner)],
                ")",
            )
            .execute(self)?;
            step();
        }
        Ok(())
    }

    fn insert_links(&mut self, rows: &[LinkRow]) -> QueryResult<()> {
        for row in rows {
            fixed::<12>(
                "INSERT OR IGNORE INTO links (link, record_id, chain, conversation_id) VALUES (",
                row.values(),
                ")",
            )
            .execute(self)?;
            step();
        }
        Ok(())
    }

    fn newest_links(&mut self, after: i64) -> QueryResult<Vec<NewestLink>> {
        let before = "SELECT id, link, record_id, chain, conversation_id FROM newest_links WHERE id > ";
        fixed::<14>(before, vec![Value::Int(after)], " ORDER BY id").load(self)
    }

    fn insert_newest_links(&mut self, rows: &[NewestLink]) -> QueryResult<()> {
        for row in rows {
            let before = "INSERT INTO newest_links (link, record_id, chain, conversation_id, id) VALUES (";
            fixed::<15>(before, row.values(), ")").execute(self)?;
            step();
        }
        Ok(())
    }
}
