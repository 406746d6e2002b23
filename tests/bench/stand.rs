//! A gateway that lives through something: its database is taken away, it is killed and started again.
//! Start at [`Stand::new`]. Nothing here decides what is measured.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Result;
use crate::gateway;
use crate::postgres::Cluster;
use crate::process::{Process, free_address};
use crate::servers::Site;

/// Where the records are.
pub enum Store {
    /// A file.
    Sqlite(PathBuf),
    /// A cluster of our own.
    Postgres(Cluster),
}

/// A gateway with everything recorded.
pub struct Stand<'s> {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Its records.
    pub store: Store,
    site: &'s Site,
    folder: PathBuf,
    process: Process,
}

impl<'s> Stand<'s> {
    /// Starts one in an empty folder.
    ///
    /// # Errors
    /// It does not start.
    pub fn new(site: &'s Site, folder: PathBuf, store: Store) -> Result<Self> {
        let addr = free_address()?;
        gateway::prepare(site, Path::new(&location(&store)), &[])?;
        let process = start(addr, &folder, &store)?;
        Ok(Self { addr, store, site, folder, process })
    }

    /// The database's file.
    ///
    /// # Errors
    /// It is none.
    pub fn file(&self) -> Result<&Path> {
        match &self.store {
            Store::Sqlite(path) => Ok(path),
            Store::Postgres(_) => Err("a cluster is no file".into()),
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Kills it.
    ///
    /// # Errors
    /// It is gone.
    pub fn crash(&mut self) -> Result<()> {
        self.process.crash()
    }

    /// Starts it again; gives how long it takes until it listens.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_again(&mut self) -> Result<Duration> {
        let begin = Instant::now();
        self.process = start(self.addr, &self.folder, &self.store)?;
        Ok(begin.elapsed())
    }

    /// What the database says to a statement.
    ///
    /// # Errors
    /// It does not answer.
    pub fn sql(&self, statement: &str) -> Result<String> {
        let cluster = match &self.store {
            Store::Sqlite(path) => return gateway::sql(self.site, path, statement),
            Store::Postgres(cluster) => cluster,
        };
        let mut psql = Command::new("psql");
        psql.args(["-h", "127.0.0.1", "-U", "postgres", "-At", "-p"]).arg(cluster.port.to_string());
        let output = psql.args(["-c", statement]).output()?;
        if !output.status.success() {
            return Err(format!("psql: {}", String::from_utf8_lossy(&output.stderr).trim()).into());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The same as a number.
    ///
    /// # Errors
    /// It does not answer, or with something else.
    pub fn number(&self, statement: &str) -> Result<u64> {
        Ok(self.sql(statement)?.parse()?)
    }

    /// The numbers of the requests that have a record, with repetitions, sorted; read as an operator's export.
    ///
    /// # Errors
    /// The export fails.
    pub fn recorded(&self) -> Result<Vec<u64>> {
        let file = self.folder.join("export.jsonl");
        let location = location(&self.store);
        let output = gateway::command(Path::new(&location)).arg("-export").arg(&file).output()?;
        if !output.status.success() {
            return Err(format!("-export: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        let text = fs::read(&file)?;
        fs::remove_file(&file)?;
        let number = |at: usize| std::str::from_utf8(text.get(at + 9..at + 21)?).ok()?.parse().ok();
        let mut numbers: Vec<u64> = memchr::memmem::find_iter(&text, "Question ").filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Waits until so many rows are there, `limit` at most; gives how many there are, and how long that took.
    ///
    /// # Errors
    /// The database does not answer.
    pub fn wait_for_rows(&self, rows: u64, limit: Duration) -> Result<(u64, Duration)> {
        let begin = Instant::now();
        loop {
            let now = self.number("SELECT count(*) FROM records")?;
            if now >= rows || begin.elapsed() > limit {
                return Ok((now, begin.elapsed()));
            }
            sleep(Duration::from_millis(200));
        }
    }

    /// What it says in its log, from these words' line on, waited for.
    ///
    /// # Errors
    /// It does not say it in time.
    pub fn told(&self, words: &str, limit: Duration) -> Result<String> {
        let begin = Instant::now();
        while begin.elapsed() < limit {
            let log = fs::read_to_string(self.folder.join("output.log"))?;
            if let Some(line) = log.lines().find(|line| line.contains(words)) {
                return Ok(line.rsplit("] ").next().unwrap_or(line).to_owned());
            }
            sleep(Duration::from_millis(200));
        }
        Err(format!("nothing is said of {words}").into())
    }

    /// Allows it files of so many bytes, or `unlimited` ones: a disk that is full, or not.
    ///
    /// # Errors
    /// No `prlimit`.
    pub fn limit_files(&self, bytes: &str) -> Result<()> {
        let limit = format!("--fsize={bytes}:unlimited");
        let done = Command::new("prlimit").args(["--pid", &self.pid().to_string(), &limit]).status()?;
        done.success().then_some(()).ok_or_else(|| "prlimit failed".into())
    }

    /// Asks the admin's side and reads the answer to its end; gives its bytes, head included.
    ///
    /// # Errors
    /// No answer, or one that is not 200.
    pub fn get(&self, target: &str, mut take: impl FnMut(&[u8])) -> Result<u64> {
        let mut socket = TcpStream::connect(self.addr)?;
        socket.set_read_timeout(Some(Duration::from_secs(60)))?;
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer bench-password\r\nConnection: close\r\n\r\n"
        );
        socket.write_all(request.as_bytes())?;
        let (mut input, mut bytes) = (vec![0; 256 * 1024], 0);
        loop {
            let read = socket.read(&mut input)?;
            if read == 0 {
                return Ok(bytes);
            }
            if bytes == 0 && !input.starts_with(b"HTTP/1.1 200") {
                return Err(format!("{target}: {}", String::from_utf8_lossy(&input[..read.min(200)])).into());
            }
            take(&input[..read]);
            bytes += read as u64;
        }
    }
}

/// Another program that holds the write lock of a database.
pub struct Lock(Child);

impl Lock {
    /// Takes it.
    ///
    /// # Errors
    /// No shell of SQLite.
    pub fn on(site: &Site, database: &Path) -> Result<Self> {
        let mut shell = Command::new(&site.sqlite)
            .args(["-batch", "-init", "/dev/null", "-cmd", ".timeout 10000"])
            .arg(database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        shell.stdin.as_mut().ok_or("no input")?.write_all(b"BEGIN IMMEDIATE; SELECT 'locked';\n")?;
        let mut answer = [0; 6];
        shell.stdout.as_mut().ok_or("no output")?.read_exact(&mut answer)?;
        Ok(Self(shell))
    }

    /// Gives it back.
    ///
    /// # Errors
    /// The shell is gone.
    pub fn release(mut self) -> Result<()> {
        self.0.stdin.take().ok_or("no input")?.write_all(b"ROLLBACK;\n")?;
        self.0.wait()?;
        Ok(())
    }
}

fn location(store: &Store) -> String {
    match store {
        Store::Sqlite(path) => path.display().to_string(),
        Store::Postgres(cluster) => format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", cluster.port),
    }
}

fn start(addr: SocketAddr, folder: &Path, store: &Store) -> Result<Process> {
    let mut command = gateway::command(Path::new(&location(store)));
    // Beside Postgres the spill file lies where the gateway was started.
    command.args(["-addr", &addr.to_string()]).current_dir(folder);
    let mut process = Process::start(&mut command, &folder.join("output.log"))?;
    process.wait_for(addr)?;
    Ok(process)
}
