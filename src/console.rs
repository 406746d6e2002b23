//! What is said on the terminal: the first start's secrets, `-add`, `-list`, the take-over's report; `-export` and `-search`.
//!
//! **Invariant:** a secret is printed once, when it is made. **May import:** `db`, `dashboard` (hashes), `roster` (masks),
//! `connector` (endpoints), `export`, `search`, `config`, `error`.

mod files;

use std::fmt::Write as _;
use std::net::SocketAddr;

use log::warn;

use crate::config::Config;
use crate::connector::Endpoint;
use crate::dashboard::password::{PASSWORD_SETTING, first_password_hash, password_hash, random_secret};
use crate::db::{Connection, Database, Opened, sessions, settings, upstreams};
use crate::error::{Error, StartError};
use crate::roster::{KNOWN_KEY, masked};

pub use files::{export, search};

fn failed(error: Error) -> StartError {
    StartError::new(format!("the database does not do as asked: {error}"))
}

fn no_randomness(error: impl std::fmt::Display) -> StartError {
    StartError::new(format!("cannot make a secret: {error}"))
}

/// Secrets that this start has made, to be shown once.
pub struct FirstStart {
    client_key: Option<String>,
    admin_password: Option<String>,
    /// They were given from outside and need not be shown.
    given: Vec<&'static str>,
}

/// Makes a client key and an admin password where the database has none.
///
/// # Errors
/// The database does not answer.
pub fn prepare(database: &Database, config: &Config) -> Result<FirstStart, StartError> {
    let mut connection = database.get().map_err(failed)?;
    let mut first = FirstStart { client_key: None, admin_password: None, given: Vec::new() };
    if settings::get(&mut connection, "authorization").map_err(failed)?.is_none() {
        let given = !config.client_key.is_empty();
        let key = if given { config.client_key.clone() } else { random_secret("sk-oar-").map_err(no_randomness)? };
        if settings::set_if_absent(&mut connection, "authorization", &key).map_err(failed)? {
            if given {
                first.given.push("client key: from OPENAI_API_ROUTE_CLIENT_KEY")
            } else {
                first.client_key = Some(key)
            }
        }
    }
    if settings::get(&mut connection, PASSWORD_SETTING).map_err(failed)?.is_none() {
        let given = !config.admin_password.is_empty();
        let password = if given { config.admin_password.clone() } else { random_secret("").map_err(no_randomness)? };
        // One that was given is the operator's own; one that is made here can be replaced at /admin/setup.
        let hash = if given { password_hash(&password) } else { first_password_hash(&password) };
        let hash = hash.map_err(no_randomness)?;
        if settings::set_if_absent(&mut connection, PASSWORD_SETTING, &hash).map_err(failed)? {
            if given {
                first.given.push("admin password: from OPENAI_API_ROUTE_ADMIN_PASSWORD")
            } else {
                first.admin_password = Some(password)
            }
        }
    }
    Ok(first)
}

impl FirstStart {
    /// What a start prints: where it listens, and once the secrets it has made.
    pub fn text(&self, address: SocketAddr, config: &Config, database: &str, has_upstreams: bool) -> String {
        let host =
            if address.ip().is_unspecified() { format!("127.0.0.1:{}", address.port()) } else { address.to_string() };
        let mut text =
            format!("openai-api-route {}, database {database}\nlistening on http://{host}", env!("CARGO_PKG_VERSION"));
        if address.ip().is_unspecified() {
            text.push_str(" and every other address of this machine");
        }
        text.push('\n');
        if self.client_key.is_some() || self.admin_password.is_some() || !self.given.is_empty() {
            text.push_str("\nFirst start. What stands here is not shown again:\n");
            if let Some(key) = &self.client_key {
                let _ = writeln!(text, "  client key:      {key}");
            }
            if let Some(password) = &self.admin_password {
                let _ = writeln!(text, "  admin password:  {password}");
            }
            for given in &self.given {
                let _ = writeln!(text, "  {given}");
            }
            let _ = writeln!(text, "  base URL:        http://{host}/v1");
            let _ = writeln!(text, "  dashboard:       http://{host}/admin");
        }
        if !has_upstreams {
            let program = config.program.display();
            let option = if config.database == "./db.sqlite" || config.database.contains("://") {
                String::new()
            } else {
                format!(" -database {}", config.database)
            };
            let _ = writeln!(
                text,
                "\nAdd an upstream, while this runs:\n  {program}{option} -add -sk sk-... -endpoint https://api.openai.com/v1"
            );
        }
        text
    }
}

/// Warns of settings that are open doors.
pub fn warn_of_open_doors(database: &Database, noauth: bool) -> Result<(), StartError> {
    let authorization =
        settings::get(&mut *database.get().map_err(failed)?, "authorization").map_err(failed)?.unwrap_or_default();
    if noauth {
        warn!("-noauth: everyone who reaches this address may use /v1");
    }
    if authorization == "asis" {
        warn!("the setting authorization is `asis`: every key is let in");
    }
    if authorization.split(',').any(|key| key.trim() == KNOWN_KEY) {
        warn!(
            "the client key `{KNOWN_KEY}` is the original's default and known to everyone; change the setting authorization"
        );
    }
    Ok(())
}

/// `-add`.
///
/// # Errors
/// What is wrong with sk or endpoint, or that the pair is there already.
pub fn add(opened: &Opened, sk: &str, endpoint: &str) -> Result<String, StartError> {
    let (sk, endpoint) = (sk.trim(), endpoint.trim());
    if sk.is_empty() {
        return Err(StartError::new(
            "-add needs the upstream's key: -sk sk-... (or -sk asis to pass each caller's own)",
        ));
    }
    if sk.chars().any(|c| c.is_control() || !c.is_ascii()) {
        return Err(StartError::new("-sk holds characters that no key can have; copy it again"));
    }
    Endpoint::parse(endpoint, 1).map_err(|bad| StartError::new(format!("-endpoint {bad}")))?;
    let mut connection = opened.database.get().map_err(failed)?;
    match upstreams::insert(&mut connection, &upstreams::NewUpstream::new(sk, endpoint)) {
        Ok(row) => Ok(format!("added upstream {}: {} {}", row.id, masked(sk), endpoint)),
        Err(Error::Duplicate) => Err(StartError::new(format!(
            "an upstream with this sk and endpoint exists already: {} {endpoint}; -list shows it",
            masked(sk)
        ))),
        Err(error) => Err(failed(error)),
    }
}

/// `-list`: an aligned table, sk masked.
///
/// # Errors
/// The database does not answer.
pub fn list(database: &Database) -> Result<String, StartError> {
    let rows = upstreams::list(&mut *database.get().map_err(failed)?).map_err(failed)?;
    let mut table =
        vec![["ID", "SK", "Endpoint", "Name", "Enabled", "Success", "Failed", "Last success"].map(str::to_owned)];
    for row in rows {
        let last = row.last_call_success_us.and_then(chrono::DateTime::from_timestamp_micros);
        table.push([
            row.id.to_string(),
            masked(&row.sk),
            row.endpoint,
            row.name,
            if row.enabled { "yes" } else { "no" }.to_owned(),
            row.success_count.to_string(),
            row.failed_count.to_string(),
            last.map_or_else(|| "never".to_owned(), |time| time.format("%Y-%m-%d %H:%M:%SZ").to_string()),
        ]);
    }
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..8).map(width).collect();
    let mut text = String::new();
    for row in &table {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    Ok(text)
}

/// `-reset-admin-password`: a new one, all sessions ended.
///
/// # Errors
/// The database does not answer.
pub fn reset_admin_password(connection: &mut Connection, config: &Config) -> Result<String, StartError> {
    let given = !config.admin_password.is_empty();
    let password = if given { config.admin_password.clone() } else { random_secret("").map_err(no_randomness)? };
    let hash = password_hash(&password).map_err(no_randomness)?;
    settings::set(connection, PASSWORD_SETTING, &hash).map_err(failed)?;
    sessions::remove_all(connection).map_err(failed)?;
    Ok(match given {
        true => "the admin password is now the one given; all sessions are ended".to_owned(),
        false => format!("new admin password: {password}\nall sessions are ended"),
    })
}
