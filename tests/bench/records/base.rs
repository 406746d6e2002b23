//! The database under test: a file of its own, removed at the end. Start at [`Base::make`].

use std::fs;
use std::path::{Path, PathBuf};

use diesel::prelude::{QueryableByName, RunQueryDsl};
use diesel::sql_types::{BigInt, Text};
use openai_api_route::db::records::{NewRecord, Store};
use openai_api_route::db::{Connection, Database};

use crate::Result;
use crate::measure::{Took, Watch};

/// A new SQLite database and the store that fills it.
pub struct Base {
    folder: PathBuf,
    /// The database.
    pub database: Database,
    store: Store,
    conn: Connection,
    empty_bytes: u64,
    /// Bytes of all bodies and replies stored.
    pub raw_bytes: u64,
    /// Records stored.
    pub records: u64,
    /// The id of the last one.
    pub last_id: i64,
    /// What storing took.
    pub took: Took,
}

/// What a table or an index takes of the file.
#[derive(QueryableByName)]
pub struct Share {
    /// Its name.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// Its pages.
    #[diesel(sql_type = BigInt)]
    pub bytes: i64,
    /// Of them, what holds nothing.
    #[diesel(sql_type = BigInt)]
    pub unused: i64,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

impl Base {
    /// An empty database in a folder of its own, on the disk that holds the build.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn make(name: &str) -> Result<Base> {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("records-bench-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let path = folder.join("db.sqlite");
        let database = Database::open(path.to_str().ok_or("a path that is no UTF-8")?)?.database;
        let conn = database.writer()?;
        let mut base = Base {
            folder,
            database,
            store: Store::default(),
            conn,
            empty_bytes: 0,
            raw_bytes: 0,
            records: 0,
            last_id: 0,
            took: Took::default(),
        };
        base.empty_bytes = base.file_bytes()?;
        Ok(base)
    }

    /// Stores a batch.
    ///
    /// # Errors
    /// The database's.
    pub fn insert(&mut self, batch: &[NewRecord]) -> Result<()> {
        let watch = Watch::start()?;
        let ids = self.store.insert(&mut self.conn, batch, None)?;
        watch.stop(&mut self.took)?;
        self.last_id = ids.last().copied().unwrap_or(self.last_id);
        self.records += ids.len() as u64;
        let bytes = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
        self.raw_bytes +=
            batch.iter().map(|record| bytes(&record.texts.body) + bytes(&record.texts.response)).sum::<u64>();
        Ok(())
    }

    /// Stores records in batches; memory holds one of them.
    ///
    /// # Errors
    /// The database's.
    pub fn fill(&mut self, records: impl Iterator<Item = NewRecord>, batch_records: usize) -> Result<()> {
        let mut records = records.peekable();
        while records.peek().is_some() {
            let batch: Vec<NewRecord> = records.by_ref().take(batch_records).collect();
            self.insert(&batch)?;
        }
        Ok(())
    }

    /// Its file.
    pub fn file(&self) -> PathBuf {
        self.folder.join("db.sqlite")
    }

    /// Bytes by which the file has grown since it was empty, everything in it.
    ///
    /// # Errors
    /// The database's.
    pub fn growth_bytes(&mut self) -> Result<u64> {
        Ok(self.file_bytes()? - self.empty_bytes)
    }

    fn file_bytes(&mut self) -> Result<u64> {
        diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut self.conn)?;
        Ok(fs::metadata(self.file())?.len())
    }

    /// Who takes how much of the file, the largest first.
    ///
    /// # Errors
    /// The database's.
    pub fn shares(&mut self) -> Result<Vec<Share>> {
        let mut shares: Vec<Share> = diesel::sql_query(
            "SELECT name, CAST(sum(pgsize) AS INTEGER) AS bytes, CAST(sum(unused) AS INTEGER) AS unused \
             FROM dbstat GROUP BY name ORDER BY 2 DESC",
        )
        .load(&mut self.conn)?;
        let free: Number = diesel::sql_query(
            "SELECT freelist_count * page_size AS number FROM pragma_freelist_count, pragma_page_size",
        )
        .get_result(&mut self.conn)?;
        shares.push(Share { name: "(free pages)".to_owned(), bytes: free.number, unused: free.number });
        Ok(shares)
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}
