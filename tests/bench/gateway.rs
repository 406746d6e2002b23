//! The gateway's command line and database, as seen from outside.
//! Start at [`prepare`]. Nothing here links the gateway's code: it is the release binary that is measured.

use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::servers::Site;

const GATEWAY: &str = env!("CARGO_BIN_EXE_openai-api-route");

/// Path of the gateway.
pub fn path() -> &'static Path {
    Path::new(GATEWAY)
}

/// The gateway on this database, as an operator starts it.
pub fn command(database: &Path) -> Command {
    let mut command = Command::new(GATEWAY);
    command
        .arg("-database")
        .arg(database)
        .env("OPENAI_API_ROUTE_CLIENT_KEY", "bench-key")
        .env("OPENAI_API_ROUTE_ADMIN_PASSWORD", "bench-password")
        .env_remove("RUST_LOG");
    command
}

/// Makes the database: the mock as its only upstream, and these settings.
///
/// # Errors
/// The gateway or SQLite's shell refuses.
pub fn prepare(site: &Site, database: &Path, settings: &[(&str, &str)]) -> Result<()> {
    let endpoint = format!("http://{}/v1", site.upstream);
    let output = command(database).args(["-add", "-sk", "sk-bench", "-endpoint", &endpoint]).output()?;
    if !output.status.success() {
        return Err(format!(
            "adding an upstream failed ({}):\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    }
    for (key, value) in settings {
        let statement = format!(
            "DELETE FROM config_kvs WHERE key = '{key}'; INSERT INTO config_kvs (key, value) VALUES ('{key}', '{value}');"
        );
        sql(site, database, &statement)?;
    }
    Ok(())
}

/// Records in the database.
///
/// # Errors
/// The database cannot be read.
pub fn rows(site: &Site, database: &Path) -> Result<u64> {
    Ok(sql(site, database, "SELECT count(*) FROM records")?.parse()?)
}

/// What SQLite's shell says to a statement.
///
/// # Errors
/// The database cannot be read, or the statement is wrong.
pub fn sql(site: &Site, database: &Path, statement: &str) -> Result<String> {
    let output = Command::new(&site.sqlite)
        .args(["-batch", "-init", "/dev/null", "-cmd", ".timeout 20000"])
        .arg(database)
        .arg(statement)
        .output()?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(format!("sqlite3: {}", error.trim()).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
