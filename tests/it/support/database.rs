//! A database of its own for each test, copied from a template that the gateway itself has made, and any other program's way to it.
//!
//! SQL goes through `sqlite3` and `psql`, because what they change is promised to act at once.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::postgres;
use crate::support::program::Program;
use crate::support::{KEY, PASSWORD, until};

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// The cluster of this test run.
    Postgres,
}

/// Where the data of one test is.
#[derive(Clone, Debug)]
pub struct Database {
    /// Which kind it is.
    pub kind: Kind,
    /// What `-database` is given.
    pub location: String,
}

/// A folder of one test, removed with the value.
pub struct Folder(pub PathBuf);

impl Folder {
    /// A new empty one.
    pub fn new() -> Folder {
        let path = std::env::temp_dir().join(unique("openai-api-route-test"));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Database {
    /// One that no gateway has seen yet.
    pub fn empty(kind: Kind, folder: &Folder) -> Database {
        match kind {
            Kind::Sqlite => Database { kind, location: text(&folder.file("db.sqlite")) },
            Kind::Postgres => {
                let name = unique("empty").replace('-', "_");
                run_psql(&postgres_url("postgres"), &format!("CREATE DATABASE {name}"));
                Database { kind, location: postgres_url(&name) }
            }
        }
    }

    /// One as it stands after a first start with [`KEY`] and [`PASSWORD`].
    pub fn started(kind: Kind, folder: &Folder) -> Database {
        let template = template(kind);
        match kind {
            Kind::Sqlite => {
                let database = Database::empty(kind, folder);
                fs::write(&database.location, &template.bytes).unwrap();
                database
            }
            Kind::Postgres => {
                let name = unique("test").replace('-', "_");
                let from = template.location.rsplit('/').next().unwrap();
                run_psql(&postgres_url("postgres"), &format!("CREATE DATABASE {name} TEMPLATE {from}"));
                Database { kind, location: postgres_url(&name) }
            }
        }
    }

    /// Postgres only: one as it stands after a first start, in a cluster of the test's own.
    pub fn in_cluster(cluster: &postgres::Cluster) -> Database {
        let location = format!("postgres://postgres@127.0.0.1:{}/postgres", cluster.port);
        let database = Database { kind: Kind::Postgres, location };
        start_first(&database);
        database
    }

    /// Runs SQL as any other program would; gives its output, columns separated by `|`.
    pub fn sql(&self, sql: &str) -> String {
        match self.kind {
            Kind::Sqlite => run_sqlite(&self.location, sql),
            Kind::Postgres => run_psql(&self.location, sql),
        }
    }
}

impl Database {
    /// Postgres only: ends all connections to this database and lets nobody in, as an outage would.
    pub fn refuse_everybody(&self) {
        let name = self.location.rsplit('/').next().unwrap();
        let all = postgres_url("postgres");
        run_psql(&all, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
        run_psql(&all, &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"));
    }

    /// Ends what [`Database::refuse_everybody`] began.
    pub fn admit_everybody(&self) {
        let name = self.location.rsplit('/').next().unwrap();
        run_psql(&postgres_url("postgres"), &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
    }
}

/// Another program that keeps a database locked for writing.
pub struct Lock(std::process::Child);

impl Lock {
    /// Takes the lock and holds it.
    pub fn on(database: &Database) -> Lock {
        let (mut command, lock) = match database.kind {
            Kind::Sqlite => (Command::new("sqlite3"), "BEGIN EXCLUSIVE;"),
            Kind::Postgres => (Command::new("psql"), "BEGIN; LOCK TABLE records IN SHARE MODE;"),
        };
        match database.kind {
            Kind::Sqlite => command.args(["-batch", "-cmd", ".timeout 10000", &database.location]),
            Kind::Postgres => command.args(["-X", "-q", "-t", "-A", &database.location]),
        };
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.as_mut().unwrap();
        writeln!(stdin, "{lock}\nSELECT 'locked';").unwrap();
        stdin.flush().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "locked");
        Lock(child)
    }

    /// Lets go.
    pub fn release(mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

/// The SQL that writes one setting.
pub fn setting(key: &str, value: &str) -> String {
    let value = quote(value);
    format!(
        "DELETE FROM config_kvs WHERE key = '{key}'; INSERT INTO config_kvs (key, value) VALUES ('{key}', {value});\n"
    )
}

/// A text as an SQL literal.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A path as an argument.
pub fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A database as a gateway's first start makes it.
struct Template {
    location: String,
    /// Of a file; what is in Postgres stays there.
    bytes: Vec<u8>,
}

/// Made once per test run and kind.
fn template(kind: Kind) -> &'static Template {
    static SQLITE: OnceLock<Template> = OnceLock::new();
    static POSTGRES: OnceLock<Template> = OnceLock::new();
    match kind {
        Kind::Sqlite => SQLITE.get_or_init(|| first_start(kind)),
        Kind::Postgres => POSTGRES.get_or_init(|| first_start(kind)),
    }
}

fn first_start(kind: Kind) -> Template {
    let folder = Folder::new();
    let database = Database::empty(kind, &folder);
    start_first(&database);
    let bytes = match kind {
        Kind::Sqlite => {
            database.sql("PRAGMA wal_checkpoint(TRUNCATE)");
            fs::read(&database.location).unwrap()
        }
        Kind::Postgres => Vec::new(),
    };
    Template { location: database.location, bytes }
}

/// A first start with [`KEY`] and [`PASSWORD`], and its end.
fn start_first(database: &Database) {
    let folder = Folder::new();
    let args = ["-addr", "127.0.0.1:0", "-database", &database.location].map(str::to_owned);
    let env = [("OPENAI_API_ROUTE_CLIENT_KEY", KEY), ("OPENAI_API_ROUTE_ADMIN_PASSWORD", PASSWORD)];
    let program = Program::start(&folder.0, &args, &env.map(|(name, value)| (name.to_owned(), value.to_owned())));
    until("the first start listens", || program.out().contains("listening on ").then_some(()));
    program.signal("TERM");
    let said = program.ended();
    assert_eq!(said.code, Some(0), "SIGTERM ends the first start in order:\n{}", said.err);
}

fn postgres_url(name: &str) -> String {
    format!("postgres://postgres@127.0.0.1:{}/{name}", port())
}

fn unique(what: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("{what}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst))
}

fn run_sqlite(file: &str, sql: &str) -> String {
    let mut command = Command::new("sqlite3");
    command.args(["-batch", "-bail", "-cmd", ".timeout 10000", file, sql]);
    said(command, "sqlite3")
}

fn run_psql(url: &str, sql: &str) -> String {
    // CREATE DATABASE is refused for a moment while another test copies the same template.
    until("psql answers", || {
        let mut command = Command::new("psql");
        command.args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", sql, url]);
        let done = command.output().expect("the tests need psql; on Debian: apt-get install postgresql-client");
        let complaint = String::from_utf8_lossy(&done.stderr).into_owned();
        if complaint.contains("is being accessed by other users") {
            return None;
        }
        assert!(done.status.success(), "psql: {complaint}\n{sql}");
        Some(String::from_utf8(done.stdout).unwrap().trim_end().to_owned())
    })
}

fn said(mut command: Command, name: &str) -> String {
    let done = command.output().unwrap_or_else(|error| panic!("the tests need {name}: {error}"));
    assert!(done.status.success(), "{name}: {}\n{command:?}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim_end().to_owned()
}

/// The port of the run's cluster; its superuser is `postgres`, from 127.0.0.1, without password.
fn port() -> u16 {
    static CLUSTER: OnceLock<postgres::Cluster> = OnceLock::new();
    // Commits of the many tests need not reach the disk.
    CLUSTER.get_or_init(|| postgres::Cluster::start("off")).port
}
