//! Where the database is, and how a connection to it is made.
//!
//! Start at [`Location::parse`]. **Invariant:** the URL's scheme alone decides which database is meant: nothing here tries one and then
//! the other, and a mistyped URL never becomes a new file.
//! **May import:** `error`, diesel.

use std::path::{Path, PathBuf};

use super::{Connection, postgres, sqlite};
use crate::error::{Error, StartError};

/// Where the database is.
pub(super) enum Location {
    /// A file.
    Sqlite(PathBuf),
    /// A `postgres://` URL, password and all.
    Postgres(String),
}

impl Location {
    /// Understands what `-database` was given.
    pub(super) fn parse(url: &str) -> Result<Location, StartError> {
        let path = match url.split_once("://") {
            Some(("postgres" | "postgresql", _)) => return Ok(Location::Postgres(postgres::with_defaults(url))),
            Some(("sqlite", path)) => path,
            Some((scheme, _)) if is_scheme(scheme) => {
                return Err(StartError(format!(
                    "unknown database scheme '{scheme}://': use a path, sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME"
                )));
            }
            _ => url,
        };
        if ["host=", "dbname=", "user="].iter().any(|word| path.starts_with(word)) {
            return Err(StartError::new(
                "the database is given as a list of words: write it as postgres://USER:PASSWORD@HOST:PORT/NAME instead",
            ));
        }
        if path.is_empty() || path.starts_with(":memory:") {
            return Err(StartError::new("the database needs a file: name one, for example -database ./db.sqlite"));
        }
        Ok(Location::Sqlite(PathBuf::from(path)))
    }

    /// A new connection.
    pub(super) fn connect(&self) -> Result<Connection, Error> {
        match self {
            Location::Sqlite(path) => Ok(Connection::Sqlite(sqlite::connect(path)?)),
            Location::Postgres(url) => Ok(Connection::Postgres(postgres::connect(url)?)),
        }
    }

    /// The file, if it is one.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Location::Sqlite(path) => Some(path),
            Location::Postgres(_) => None,
        }
    }

    /// See [`super::Database::spill_path`].
    pub(super) fn spill_path(&self) -> PathBuf {
        match self {
            Location::Sqlite(path) => {
                let mut name = path.as_os_str().to_owned();
                name.push(".spill");
                PathBuf::from(name)
            }
            Location::Postgres(_) => Path::new("openai-api-route.spill").to_owned(),
        }
    }

    /// See [`super::Database::describe`].
    pub(super) fn describe(&self) -> String {
        match self {
            Location::Sqlite(path) => path.display().to_string(),
            Location::Postgres(url) => postgres::without_password(url),
        }
    }
}

/// RFC 3986, section 3.1.
fn is_scheme(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Location;

    fn sqlite_path(url: &str) -> String {
        match Location::parse(url).unwrap() {
            Location::Sqlite(path) => path.display().to_string(),
            Location::Postgres(url) => panic!("{url}"),
        }
    }

    #[test]
    fn a_bare_path_and_sqlite_urls_are_files() {
        assert_eq!(sqlite_path("./db.sqlite"), "./db.sqlite");
        assert_eq!(sqlite_path("sqlite:///var/lib/db.sqlite"), "/var/lib/db.sqlite");
        assert_eq!(sqlite_path("sqlite://db.sqlite"), "db.sqlite");
        assert_eq!(sqlite_path("odd name #1?.db"), "odd name #1?.db");
    }

    #[test]
    fn an_unknown_scheme_never_becomes_a_file() {
        for url in [
            "mysql://root@localhost/x",
            "Postgres://x",
            "http://x/db.sqlite",
            "host=127.0.0.1 dbname=x",
            "",
            "sqlite://",
        ] {
            assert!(Location::parse(url).is_err(), "{url}");
        }
        let line = Location::parse("mysql://root:secret@localhost/x").err().unwrap().0;
        assert!(line.starts_with("unknown database scheme 'mysql://'"), "{line}");
        assert!(!line.contains("secret"));
    }

    #[test]
    fn the_spill_lies_beside_the_file() {
        let location = Location::parse("/data/db.sqlite").unwrap();
        assert_eq!(location.spill_path(), Path::new("/data/db.sqlite.spill"));
        assert_eq!(Location::parse("postgres://h/d").unwrap().spill_path(), Path::new("openai-api-route.spill"));
    }
}
