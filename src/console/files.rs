//! `-export` and `-search`: records out of the database without the server.
//!
//! **Invariant:** a file that is not complete never has its final name; progress goes to a terminal alone. **May import:** `db`,
//! `export`, `search`, `config`, `error`.

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat};

use crate::console::failed;
use crate::db::find::{COUNT_CAP, Cursor, Search, find};
use crate::db::records::{Row, titles};
use crate::db::{Connection, Database};
use crate::error::StartError;
use crate::export::{Export, Format};
use crate::search::parse;

/// How long a step may take to be found: there is nobody else to wait.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// Lines printed in one go.
const PAGE: usize = 100;
/// Width of the bar.
const BAR: usize = 30;

/// Writes everything that matches into a file; says what it did.
///
/// # Errors
/// The query cannot be understood, the database does not answer, or the file cannot be written.
pub fn export(database: &Database, file: &Path, query: &str, format: Option<Format>) -> Result<String, StartError> {
    let search = understood(query)?;
    let format = match format {
        Some(format) => format,
        None if file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) => Format::Csv,
        None => Format::Jsonl,
    };
    let mut connection = database.connect().map_err(failed)?;
    let total = how_many(&mut connection, &search)?;
    let cannot = |error: io::Error| StartError::new(format!("cannot write {}: {error}", file.display()));
    let half = unfinished(file);
    // It holds what people said: for its owner alone.
    let opened = File::options().write(true).create(true).truncate(true).mode(0o600).open(&half).map_err(cannot)?;
    let mut out = BufWriter::new(opened);
    let mut export = Export::new(format, search);
    let mut bar = Bar::new(total);
    while let Some(piece) = export.next(&mut connection).map_err(failed)? {
        out.write_all(&piece).map_err(cannot)?;
        bar.show(export.done);
    }
    bar.end();
    out.into_inner().map_err(|error| cannot(error.into_error()))?.sync_all().map_err(cannot)?;
    fs::rename(&half, file).map_err(cannot)?;
    Ok(format!("{} records are in {}", export.done, file.display()))
}

/// Prints a line for each record that matches, the newest first.
///
/// # Errors
/// The query cannot be understood, the database does not answer, or nobody reads.
pub fn search(database: &Database, query: &str) -> Result<(), StartError> {
    let search = understood(query)?;
    let mut connection = database.connect().map_err(failed)?;
    let mut out = io::stdout().lock();
    let mut bar = if out.is_terminal() { Bar::silent() } else { Bar::new(how_many(&mut connection, &search)?) };
    let (mut cursor, mut done) = (Cursor::Newest, 0);
    loop {
        let found = find(&mut connection, &search, cursor, PAGE).map_err(failed)?;
        let ids: Vec<i64> = found.rows.iter().map(|row| row.id).collect();
        let titles = titles(&mut connection, &ids).map_err(failed)?;
        for row in &found.rows {
            let title = titles.get(&row.id).map_or("", String::as_str);
            match writeln!(out, "{}", line(row, title)) {
                Ok(()) => {}
                // `| head` has seen enough.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => return Err(StartError::new(format!("cannot write: {error}"))),
            }
        }
        done += found.rows.len();
        bar.show(done);
        match found.rows.last().filter(|_| found.has_older) {
            Some(last) => cursor = Cursor::Before(last.id),
            None => break,
        }
    }
    bar.end();
    if done == 0 {
        let _ = writeln!(io::stderr(), "nothing matches");
    }
    Ok(())
}

fn line(row: &Row, title: &str) -> String {
    let facts = &row.facts;
    let time = DateTime::from_timestamp_micros(facts.started_us);
    let time = time.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default();
    let model = facts.model.as_deref().unwrap_or("-");
    let total_ms = facts.total_us / 1000;
    // What others wrote must not steer the terminal.
    let plain: String =
        format!("{model}  {}  {title}", facts.key_name).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("{:>8}  {time}  {}  {total_ms:>6} ms  {plain}", row.id, facts.status)
}

fn understood(query: &str) -> Result<Search, StartError> {
    let query = parse(query).map_err(|error| {
        let right = error.suggestion.as_ref().map(|right| format!("; perhaps: {right}")).unwrap_or_default();
        StartError::new(format!("the query cannot be understood: {}{right}", error.mistake))
    })?;
    Ok(Search { query, from_us: None, to_us: None, deadline: Instant::now() + PATIENCE })
}

fn how_many(connection: &mut Connection, search: &Search) -> Result<u32, StartError> {
    Ok(find(connection, search, Cursor::Newest, 1).map_err(failed)?.count)
}

fn unfinished(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// How far it is, on a terminal.
struct Bar {
    total: Option<u32>,
}

impl Bar {
    fn new(total: u32) -> Bar {
        Bar { total: io::stderr().is_terminal().then_some(total) }
    }

    fn silent() -> Bar {
        Bar { total: None }
    }

    fn show(&mut self, done: usize) {
        let Some(total) = self.total else { return };
        let of = if total >= COUNT_CAP { format!("more than {}", COUNT_CAP - 1) } else { total.to_string() };
        let filled = (done * BAR / (total as usize).max(1)).min(BAR);
        let bar = format!("{}{}", "#".repeat(filled), ".".repeat(BAR - filled));
        let _ = write!(io::stderr(), "\r[{bar}] {done} of {of} records ");
    }

    fn end(&mut self) {
        if self.total.is_some() {
            let _ = writeln!(io::stderr());
        }
    }
}
