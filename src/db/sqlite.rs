//! Opening an SQLite file. Start at [`open`].
//!
//! **Invariant:** a file is looked at read-only and recognised before anything is written; one that is not ours is left without so much
//! as a `-wal` beside it.
//! **May import:** `error`, diesel.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::prelude::{QueryableByName, RunQueryDsl};
use diesel::result::QueryResult;
use diesel::sql_types::Text;
use diesel::{Connection as _, SqliteConnection};

use super::{Refusal, TakenOver, fault, migrate, takeover};
use crate::error::Error;

/// First bytes of every SQLite file (<https://www.sqlite.org/fileformat2.html>, section 1.3).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// For a database without tables. Most of the file is packs and parts of the index, of some ten thousand bytes each, which leave half
/// a page empty: measured on chats of 4 KiB, pages of 16 KiB take 5 % more of the raw bytes than these; smaller ones take more
/// time. Incremental vacuum gives disk back when old records go.
pub(super) const LAYOUT: &str = "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL;";

/// For every connection. `NORMAL` in WAL mode loses no committed record when the process dies, only when the machine does. `FAST`
/// overwrites what is left of a row in a page that is written anyway: no copy outlives the removal of a record. Free pages
/// are not written for it; whoever removes does that.
const EACH: &str = "PRAGMA busy_timeout = 5000; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY; \
                    PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 67108864; PRAGMA secure_delete = FAST;";

/// Whose file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// Nobody's yet.
    New,
    /// Ours.
    Ours,
    /// The original Go program's.
    Original,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Recognises the file, then makes, takes over or updates its tables; true when there were none.
pub(super) fn open(path: &Path) -> Result<(bool, Option<TakenOver>), Refusal> {
    let whose = look_at(path)?;
    if whose == Whose::New {
        make_private(path);
    }
    let mut conn = SqliteConnection::establish(&url(path, "mode=rwc")?)
        .map_err(|error| Refusal(format!("cannot be opened ({error}): check the folder's permissions")))?;
    conn.batch_execute(EACH)?;
    let taken_over = match whose {
        Whose::New => {
            conn.batch_execute(LAYOUT)?;
            None
        }
        Whose::Ours => None,
        Whose::Original => takeover::take_over(&mut conn)?,
    };
    conn.batch_execute("PRAGMA journal_mode = WAL")?;
    // Asked again under the write lock: of two programs that start together on a new file, one has made it.
    let created = conn.immediate_transaction(|conn| {
        let created = tables(conn)?.is_empty();
        migrate::sqlite(conn)?;
        Ok::<bool, Refusal>(created)
    })?;
    Ok((created, taken_over))
}

/// Makes the file for its owner alone: it will hold keys. SQLite gives `-wal` and `-shm` the same permissions; what goes wrong here
/// goes wrong again when it is opened, and is told there.
fn make_private(path: &Path) {
    let _ = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
}

/// A new connection to a file that [`open`] has seen to; it never makes a file.
pub(super) fn connect(path: &Path) -> Result<SqliteConnection, Error> {
    let url = url(path, "mode=rw").map_err(|refusal| Error::Unavailable(refusal.0))?;
    let mut conn =
        SqliteConnection::establish(&url).map_err(|error| Error::Unavailable(fault::one_line(&error.to_string())))?;
    conn.batch_execute(EACH)?;
    Ok(conn)
}

/// Whose file it is, found out without changing it.
fn look_at(path: &Path) -> Result<Whose, Refusal> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if folder.is_dir() {
                return Ok(Whose::New);
            }
            return Err(Refusal(format!(
                "cannot be made: the folder {} does not exist; make it first",
                folder.display()
            )));
        }
        found => found.map_err(unreadable)?,
    };
    if metadata.is_dir() {
        return Err(Refusal("is a folder: name a file in it".to_owned()));
    }
    if !metadata.is_file() {
        return Err(Refusal("is no ordinary file: name one".to_owned()));
    }
    let mut file: File = OpenOptions::new().read(true).write(true).open(path).map_err(unreadable)?;
    if metadata.len() == 0 {
        return Ok(Whose::New);
    }
    let mut head = [0; 16];
    if file.read_exact(&mut head).is_err() || head != *MAGIC {
        return Err(Refusal("is no SQLite database: name another file".to_owned()));
    }
    drop(file);
    // Where no other file belongs to it, this file alone is the database, and `immutable` keeps SQLite from making any.
    let real = fs::canonicalize(path).map_err(unreadable)?;
    let how = match (has(&real, "-wal") || has(&real, "-shm"), has(&real, "-journal")) {
        (false, false) => "mode=ro&immutable=1",
        (true, _) => "mode=ro",
        // What a process that was killed left half done is undone before anything can be read.
        (false, true) => "mode=rw",
    };
    let unusable = |error: String| {
        Refusal(format!("cannot be read as an SQLite database ({error}): name another file, or restore this one"))
    };
    let mut conn = SqliteConnection::establish(&url(path, how)?).map_err(|error| unusable(error.to_string()))?;
    conn.batch_execute("PRAGMA busy_timeout = 5000")?;
    let tables = tables(&mut conn).map_err(|error| unusable(Error::from(error).to_string()))?;
    whose(&mut conn, &tables)
}

/// Whose tables these are.
pub(super) fn whose(conn: &mut SqliteConnection, tables: &[String]) -> Result<Whose, Refusal> {
    if tables.is_empty() {
        return Ok(Whose::New);
    }
    if migrate::OWN_TABLES.iter().all(|own| tables.iter().any(|table| table == own)) {
        migrate::known_sqlite(conn)?;
        return Ok(Whose::Ours);
    }
    if takeover::is_original(conn, tables)? {
        return Ok(Whose::Original);
    }
    let names = tables.iter().take(3).map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    Err(Refusal(format!("belongs to another program (it has a table {names}): name another file")))
}

/// The database's tables and views, but for SQLite's own.
pub(super) fn tables(conn: &mut SqliteConnection) -> QueryResult<Vec<String>> {
    names(
        conn,
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1",
    )
}

/// A table's columns; none when there is no such table. `table` is a name of ours, never input.
pub(super) fn columns(conn: &mut SqliteConnection, table: &str) -> QueryResult<Vec<String>> {
    names(conn, &format!("SELECT lower(name) AS name FROM pragma_table_info('{table}')"))
}

fn names(conn: &mut SqliteConnection, query: &str) -> QueryResult<Vec<String>> {
    Ok(diesel::sql_query(query).load::<Name>(conn)?.into_iter().map(|row| row.name).collect())
}

fn unreadable(error: std::io::Error) -> Refusal {
    Refusal(format!("cannot be read and written ({error}): check its permissions"))
}

fn has(path: &Path, suffix: &str) -> bool {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name).exists()
}

/// SQLite's own form of a URL (<https://www.sqlite.org/uri.html>): the path's own `?`, `#` and `%` are encoded.
fn url(path: &Path, how: &str) -> Result<String, Refusal> {
    let path = path.to_str().ok_or_else(|| Refusal("has a name that is no UTF-8: name another file".to_owned()))?;
    let path = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    // A path of two slashes would be taken for a host.
    let path = if path.starts_with('/') { format!("//{path}") } else { path };
    Ok(format!("file:{path}?{how}"))
}
