//! What the store asks of a database, said in the words of each: the one place where their SQL differs.
//!
//! Start at [`Speaker`]. Lists go to SQLite one by one through prepared statements (a call costs microseconds there), to Postgres
//! as arrays (a round trip is what costs there).
//! **Invariant:** nothing here opens or ends a transaction. **May import:** diesel.

mod postgres;
mod rows;
mod sqlite;
mod value;

use diesel::prelude::QueryableByName;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text};

pub use rows::Placed;
pub(in crate::db) use rows::{RECORDS, RecordRow};

/// Tables whose ids are taken before their rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::db) enum Numbered {
    Records,
    Packs,
    Segments,
}

impl Numbered {
    fn table(self) -> &'static str {
        match self {
            Numbered::Records => "records",
            Numbered::Packs => "packs",
            Numbered::Segments => "segments",
        }
    }
}

/// A row of `blobs`.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub(in crate::db) struct BlobRow {
    #[diesel(sql_type = Binary)]
    pub(in crate::db) hash: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    pub(in crate::db) pack_id: i64,
    #[diesel(sql_type = BigInt)]
    pub(in crate::db) start: i64,
    #[diesel(sql_type = BigInt)]
    pub(in crate::db) length: i64,
    #[diesel(sql_type = BigInt)]
    pub(in crate::db) owner: i64,
}

/// A row of `links`.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub(in crate::db) struct LinkRow {
    #[diesel(sql_type = BigInt)]
    pub(in crate::db) link: i64,
    #[diesel(sql_type = BigInt)]
    pub(in crate::db) record_id: i64,
    #[diesel(sql_type = BigInt)]
    pub(in crate::db) chain: i64,
    #[diesel(sql_type = BigInt)]
    pub(in crate::db) conversation_id: i64,
}

/// A row of `newest_links`.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub(in crate::db) struct NewestLink {
    /// Greater than that of every row of an earlier transaction.
    #[diesel(sql_type = BigInt)]
    pub(in crate::db) id: i64,
    #[diesel(embed)]
    pub(in crate::db) row: LinkRow,
}

/// A row of `packs`.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub(in crate::db) struct PackRow {
    #[diesel(sql_type = BigInt)]
    pub(in crate::db) id: i64,
    #[diesel(sql_type = Binary)]
    pub(in crate::db) pieces: Vec<u8>,
    #[diesel(sql_type = Binary)]
    pub(in crate::db) data: Vec<u8>,
}

/// A row of `record_bodies`.
#[derive(Debug, Clone, PartialEq, Eq, Default, QueryableByName)]
pub(in crate::db) struct BodyRow {
    #[diesel(sql_type = BigInt)]
    pub(in crate::db) record_id: i64,
    #[diesel(sql_type = Nullable<Binary>)]
    pub(in crate::db) body: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(in crate::db) body_note: Option<String>,
    #[diesel(sql_type = Nullable<Binary>)]
    pub(in crate::db) response: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(in crate::db) response_note: Option<String>,
    #[diesel(sql_type = Integer)]
    pub(in crate::db) layout: i32,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(in crate::db) fresh_from: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(in crate::db) fresh_to: Option<i64>,
    #[diesel(sql_type = Nullable<Binary>)]
    pub(in crate::db) headers: Option<Vec<u8>>,
}

/// A row of `marks`, or any one number.
#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// What is said in the same words to both: nothing of it is felt.
macro_rules! same_words {
    () => {
        fn users(&mut self, hash: &[u8]) -> QueryResult<Vec<i64>> {
            let rows = diesel::sql_query("SELECT owner AS number FROM blob_uses WHERE hash = $1 ORDER BY owner");
            Ok(rows.bind::<Binary, _>(hash).load::<Number>(self)?.into_iter().map(|row| row.number).collect())
        }

        fn set_owner(&mut self, hash: &[u8], owner: i64) -> QueryResult<()> {
            let update = diesel::sql_query("UPDATE blobs SET owner = $1 WHERE hash = $2");
            update.bind::<BigInt, _>(owner).bind::<Binary, _>(hash).execute(self).map(drop)
        }

        fn delete_use(&mut self, hash: &[u8], owner: i64) -> QueryResult<()> {
            let delete = diesel::sql_query("DELETE FROM blob_uses WHERE hash = $1 AND owner = $2");
            delete.bind::<Binary, _>(hash).bind::<BigInt, _>(owner).execute(self).map(drop)
        }

        fn delete_blob(&mut self, hash: &[u8]) -> QueryResult<()> {
            diesel::sql_query("DELETE FROM blobs WHERE hash = $1").bind::<Binary, _>(hash).execute(self).map(drop)
        }

        fn update_pack(&mut self, pack: &PackRow) -> QueryResult<()> {
            let update = diesel::sql_query("UPDATE packs SET pieces = $1, data = $2 WHERE id = $3");
            let update = update.bind::<Binary, _>(&pack.pieces).bind::<Binary, _>(&pack.data);
            update.bind::<BigInt, _>(pack.id).execute(self).map(drop)
        }

        fn delete_newest_links(&mut self, last_id: i64) -> QueryResult<()> {
            diesel::sql_query("DELETE FROM newest_links WHERE id <= $1")
                .bind::<BigInt, _>(last_id)
                .execute(self)
                .map(drop)
        }

        fn delete_pack(&mut self, id: i64) -> QueryResult<()> {
            diesel::sql_query("DELETE FROM packs WHERE id = $1").bind::<BigInt, _>(id).execute(self).map(drop)
        }
    };
}
use same_words;

/// A connection as the store uses it.
pub(in crate::db) trait Speaker {
    /// Keeps other writers out until the transaction ends, so that rows appear in the order of their ids.
    fn write_alone(&mut self) -> QueryResult<()>;
    /// Ids for new rows, ascending.
    fn reserve(&mut self, table: Numbered, count: usize) -> QueryResult<Vec<i64>>;
    /// The pieces with these hashes, as far as there are any.
    fn blobs(&mut self, hashes: &[Vec<u8>]) -> QueryResult<Vec<BlobRow>>;
    /// The newest rows with one of these links, at most 64 of each, a link's newest first.
    fn links(&mut self, links: &[i64]) -> QueryResult<Vec<LinkRow>>;
    /// These packs, in any order.
    fn packs(&mut self, ids: &[i64]) -> QueryResult<Vec<PackRow>>;
    /// Bodies of these records, in any order.
    fn bodies(&mut self, record_ids: &[i64]) -> QueryResult<Vec<BodyRow>>;
    /// How far something has come; `None` when it never began.
    fn mark(&mut self, name: &str) -> QueryResult<Option<i64>>;
    /// Says how far something has come.
    fn set_mark(&mut self, name: &str, value: i64) -> QueryResult<()>;

    /// Owners besides the first that hold a piece.
    fn users(&mut self, hash: &[u8]) -> QueryResult<Vec<i64>>;
    fn set_owner(&mut self, hash: &[u8], owner: i64) -> QueryResult<()>;
    fn delete_use(&mut self, hash: &[u8], owner: i64) -> QueryResult<()>;
    fn delete_blob(&mut self, hash: &[u8]) -> QueryResult<()>;
    fn update_pack(&mut self, pack: &PackRow) -> QueryResult<()>;
    fn delete_pack(&mut self, id: i64) -> QueryResult<()>;

    fn insert_records(&mut self, rows: &[RecordRow<'_>]) -> QueryResult<()>;
    fn insert_bodies(&mut self, rows: &[BodyRow]) -> QueryResult<()>;
    /// Writes packs, new ones and such as have grown.
    fn write_packs(&mut self, rows: &[PackRow]) -> QueryResult<()>;
    fn insert_blobs(&mut self, rows: &[BlobRow]) -> QueryResult<()>;
    /// Notes that these conversations hold these pieces too; what is noted already stays.
    fn insert_uses(&mut self, rows: &[(Vec<u8>, i64)]) -> QueryResult<()>;
    /// Writes links into their places; what is there already stays.
    fn insert_links(&mut self, rows: &[LinkRow]) -> QueryResult<()>;
    /// The links that wait whose numbers are above this one, in order.
    fn newest_links(&mut self, after: i64) -> QueryResult<Vec<NewestLink>>;
    fn insert_newest_links(&mut self, rows: &[NewestLink]) -> QueryResult<()>;
    /// Those up to this number wait no longer.
    fn delete_newest_links(&mut self, last_id: i64) -> QueryResult<()>;
}
