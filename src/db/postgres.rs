//! Opening a Postgres database. Start at [`open`].
//!
//! **Invariant:** no message made here repeats any part of the URL's password.
//! **May import:** `error`, diesel.

use diesel::prelude::{QueryableByName, RunQueryDsl};
use diesel::result::ConnectionError;
use diesel::sql_types::Text;
use diesel::{Connection as _, PgConnection};

use super::{Refusal, fault, migrate};
use crate::error::Error;

/// Advisory lock held while tables are made: "openai-r" in ASCII.
const MIGRATION_LOCK: i64 = 0x6f70_656e_6169_2d72;

/// What libpq would leave to the kernel's two hours is found out in seconds. The operator's own choice stands.
const DEFAULTS: [(&str, &str); 6] = [
    ("application_name", "openai-api-route"),
    ("connect_timeout", "5"),
    ("keepalives_idle", "15"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "30000"),
];

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Makes the tables or brings them up to date; true when there were none of ours.
pub(super) fn open(url: &str) -> Result<bool, Refusal> {
    let mut conn = PgConnection::establish(url).map_err(away)?;
    // One transaction under one lock: replicas that start together wait for the first, and a failure leaves nothing behind.
    conn.transaction(|conn| {
        diesel::sql_query(format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).execute(conn)?;
        let created = is_new(conn)?;
        migrate::postgres(conn)?;
        Ok(created)
    })
}

fn is_new(conn: &mut PgConnection) -> Result<bool, Refusal> {
    let tables: Vec<String> = diesel::sql_query(
        "SELECT c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1",
    )
    .load::<Table>(conn)?
    .into_iter()
    .map(|table| table.name)
    .collect();
    if migrate::OWN_TABLES.iter().all(|own| tables.iter().any(|table| table == own)) {
        return Ok(false);
    }
    match tables.iter().find(|table| migrate::OWN_TABLES.contains(&table.as_str())) {
        Some(foreign) => Err(Refusal(format!(
            "has a table '{foreign}' that is another program's: name another database, or another schema with ?options=-csearch_path%3DNAME"
        ))),
        None => Ok(true),
    }
}

/// A new connection.
pub(super) fn connect(url: &str) -> Result<PgConnection, Error> {
    PgConnection::establish(url).map_err(|error| Error::Unavailable(told(&error)))
}

fn away(error: ConnectionError) -> Refusal {
    Refusal(format!("cannot be reached ({}): check that it runs, and its name and password", told(&error)))
}

/// What libpq said, unless it may have quoted the URL: it does so for a URL it cannot read.
fn told(error: &ConnectionError) -> String {
    let message = fault::one_line(&error.to_string());
    if message.starts_with("connection to server") || message.starts_with("could not translate host name") {
        message
    } else {
        "its URL cannot be read; percent-encode special characters in user and password".to_owned()
    }
}

/// The URL with [`DEFAULTS`] for what it does not say.
pub(super) fn with_defaults(url: &str) -> String {
    let mut full = url.to_owned();
    for (name, value) in DEFAULTS {
        if !url.contains(&format!("{name}=")) {
            full.push(if full.contains('?') { '&' } else { '?' });
            full.push_str(&format!("{name}={value}"));
        }
    }
    full
}

/// The URL's scheme, user, host and database name.
pub(super) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return String::new() };
    // The last '@' counts: what stands before may hold any character of a password that was not encoded.
    let (user, place) = rest.rsplit_once('@').map_or(("", rest), |(user, place)| (user, place));
    let user = user.split([':', '/', '?']).next().unwrap_or_default();
    let place = place.split('?').next().unwrap_or_default();
    let at = if user.is_empty() { "" } else { "@" };
    format!("{scheme}://{user}{at}{place}")
}

#[cfg(test)]
mod tests {
    use diesel::result::ConnectionError;

    use super::{told, with_defaults, without_password};

    #[test]
    fn a_described_url_has_no_password() {
        assert_eq!(
            without_password("postgres://me:s3cret@db:5432/route?sslmode=require"),
            "postgres://me@db:5432/route"
        );
        assert_eq!(without_password("postgres://me:s3c@/r?e:t@db/route"), "postgres://me@db/route");
        assert_eq!(without_password("postgresql:///route?host=/tmp&password=s3cret"), "postgresql:///route");
        assert_eq!(without_password("postgres://db/route"), "postgres://db/route");
    }

    #[test]
    fn libpq_quoting_the_url_is_not_repeated() {
        let error = ConnectionError::BadConnection("invalid port number: \"s3c\"".to_owned());
        assert!(!told(&error).contains("s3c"));
        let error = ConnectionError::BadConnection(
            "connection to server at \"db\", port 5432 failed:\n\tConnection refused\n".to_owned(),
        );
        assert_eq!(told(&error), "connection to server at \"db\", port 5432 failed: Connection refused");
    }

    #[test]
    fn the_operators_own_time_out_stands() {
        let url = with_defaults("postgres://db/route?connect_timeout=30");
        assert!(url.starts_with("postgres://db/route?connect_timeout=30&application_name="), "{url}");
        assert_eq!(url.matches("connect_timeout").count(), 1);
    }
}
