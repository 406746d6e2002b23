//! What has come since. Start at [`newer`].
//!
//! **Invariant:** records are looked at in the order of their ids, each once. **May import:** `error`, `search`, `db`.

use crate::db::Connection;
use crate::db::find::page::sure_docs;
use crate::db::find::walk::{Piece, Walk};
use crate::db::find::{Search, at_one_moment};
use crate::db::records::{Row, rows_after};
use crate::error::Error;

/// Records looked at in one go.
const STEP: i64 = 500;

/// What has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Tail {
    /// What of it matches, the oldest first.
    pub rows: Vec<Row>,
    /// Up to which record everything was looked at.
    pub seen_to: i64,
    /// There is more.
    pub more: bool,
}

/// The records after this one that match, some hundred at a time.
///
/// # Errors
/// The database's.
pub fn newer(conn: &mut Connection, search: &Search, after: i64) -> Result<Tail, Error> {
    at_one_moment(conn, |conn| {
        let rows = rows_after(conn, after, STEP)?;
        let more = rows.len() as i64 == STEP;
        let Some(last) = rows.last() else { return Ok(Tail { rows, seen_to: after, more }) };
        let seen_to = last.id;
        if search.query.clauses.is_empty() && search.from_us.is_none() && search.to_us.is_none() {
            return Ok(Tail { rows, seen_to, more });
        }
        let piece = Piece::of(conn, &rows)?;
        let walk = Walk::over(search, conn, Vec::new())?;
        let matched = walk.matched(&piece, conn)?;
        let ids: Vec<Option<i64>> = rows.iter().map(|row| Some(row.id)).collect();
        let sure = sure_docs(&walk, conn, &matched.unsure, &ids, matched.bits.clone())?;
        let kept = (0..).zip(rows).filter(|(place, _)| sure.contains(*place)).map(|(_, row)| row);
        Ok(Tail { rows: kept.collect(), seen_to, more })
    })
}
