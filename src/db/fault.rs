//! What the database's own errors mean to us. One table, and nothing else decides it.
//!
//! **Invariant:** no message made here names a value that was bound to a statement.
//! **May import:** `error`, diesel.

use diesel::result::{DatabaseErrorKind, Error as Diesel};

use crate::error::Error;

/// SQLite's messages (`sqlite3_errstr`) for SQLITE_BUSY, LOCKED, FULL, IOERR, CANTOPEN, READONLY and PROTOCOL,
/// and Postgres's for a full disk, a server that stops or starts, and no connection left.
/// diesel hands on neither database's error code for these. SQLite ends the transaction itself when it is full or cannot write, and diesel
/// then reports its own vain `ROLLBACK` instead of the cause.
const PASSING: [&str; 22] = [
    "cannot rollback - no transaction is active",
    "database is locked",
    "database table is locked",
    "database schema is locked",
    "database or disk is full",
    "disk I/O error",
    "unable to open database file",
    "attempt to write a readonly database",
    "locking protocol",
    "out of memory",
    "No space left on device",
    "the database system is",
    "terminating connection",
    "too many clients",
    "too many connections",
    "connection slots",
    "deadlock detected",
    "canceling statement due to",
    "server closed the connection",
    "connection to server",
    "no connection to the server",
    "could not receive data from server",
];

impl From<Diesel> for Error {
    fn from(error: Diesel) -> Error {
        fault(error)
    }
}

fn fault(error: Diesel) -> Error {
    match error {
        Diesel::NotFound => Error::NotFound,
        Diesel::BrokenTransactionManager | Diesel::AlreadyInTransaction | Diesel::NotInTransaction => {
            Error::Unavailable("the database connection was left in the middle of a transaction".to_owned())
        }
        Diesel::RollbackErrorOnCommit { commit_error, .. } => fault(*commit_error),
        Diesel::DatabaseError(kind, information) => {
            let message = one_line(information.message());
            match kind {
                DatabaseErrorKind::UniqueViolation => Error::Duplicate,
                DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::SerializationFailure
                | DatabaseErrorKind::ReadOnlyTransaction
                | DatabaseErrorKind::UnableToSendCommand => Error::Unavailable(message),
                _ if PASSING.iter().any(|passing| message.contains(passing)) => Error::Unavailable(message),
                _ => Error::Database(message),
            }
        }
        other => Error::Database(other.to_string()),
    }
}

/// libpq writes several lines; the operator gets one.
pub(super) fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use diesel::result::{DatabaseErrorKind, Error as Diesel};

    use super::fault;
    use crate::error::Error;

    fn database_error(kind: DatabaseErrorKind, message: &str) -> Diesel {
        Diesel::DatabaseError(kind, Box::new(message.to_owned()))
    }

    #[test]
    fn a_full_disk_and_a_locked_file_are_worth_another_try() {
        for message in ["database is locked", "database or disk is full", "disk I/O error"] {
            let told = fault(database_error(DatabaseErrorKind::Unknown, message));
            assert!(matches!(told, Error::Unavailable(ref m) if m == message), "{told:?}");
        }
        assert!(matches!(fault(database_error(DatabaseErrorKind::ClosedConnection, "gone")), Error::Unavailable(_)));
    }

    #[test]
    fn bad_data_is_not_worth_another_try() {
        assert!(matches!(
            fault(database_error(DatabaseErrorKind::Unknown, "invalid byte sequence")),
            Error::Database(_)
        ));
        assert!(matches!(fault(database_error(DatabaseErrorKind::UniqueViolation, "x")), Error::Duplicate));
    }
}
