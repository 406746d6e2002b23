//! What goes wrong, as facts. [`StartError`] is told to the operator on the command line; [`Error`] to a client of the admin API.
//!
//! **Invariant:** nothing here renders a reply or logs; no message ever holds a secret.
//! **May import:** nothing of the crate.

use std::fmt;

/// Why the program cannot start: one line that says what is wrong and what to do.
#[derive(Debug)]
pub struct StartError(pub String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

impl StartError {
    /// A start error with this line.
    pub fn new(line: impl Into<String>) -> StartError {
        StartError(line.into())
    }
}

/// Why a database call did not do what was asked.
#[derive(Debug)]
pub enum Error {
    /// The row that was named does not exist.
    NotFound,
    /// The same thing stands in the database already (for an upstream: same sk and endpoint).
    Duplicate,
    /// One field of the input cannot be accepted.
    Invalid {
        /// The field's name as the database has it.
        field: &'static str,
        /// What is wrong with it and what would be right.
        message: String,
    },
    /// The database is locked, full, away or otherwise not answering: worth another try later.
    Unavailable(String),
    /// Anything else the database said.
    Database(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotFound => f.write_str("not found"),
            Error::Duplicate => f.write_str("exists already"),
            Error::Invalid { field, message } => write!(f, "{field}: {message}"),
            Error::Unavailable(what) | Error::Database(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {}
