//! Reading records to be sure. Start at [`check`].
//!
//! **Invariant:** a record is judged by its own texts, as the index reads them. **May import:** `error`, `search`, `db`.

use std::collections::HashSet;

use crate::db::Connection;
use crate::db::find::eval::sides;
use crate::db::find::walk::Walk;
use crate::db::index::texts_of;
use crate::db::records::{fresh, rows};
use crate::error::Error;
use crate::search::{Clause, What};

/// Records read at a time.
pub(super) const CHUNK: usize = 64;

/// A record that has to be read, and what for.
pub(super) struct Doubt<'q> {
    pub(super) id: i64,
    pub(super) clauses: Vec<&'q Clause>,
}

/// The ids of those that fulfil every condition they are read for; each record is read once in a walk.
pub(super) fn check(walk: &Walk<'_>, conn: &mut Connection, doubts: &[Doubt<'_>]) -> Result<HashSet<i64>, Error> {
    let mut read = walk.read.borrow_mut();
    let known = |doubt: &Doubt<'_>| if doubt.clauses.is_empty() { Some(true) } else { read.get(&doubt.id).copied() };
    let mut sure: HashSet<i64> =
        doubts.iter().filter(|doubt| known(doubt) == Some(true)).map(|doubt| doubt.id).collect();
    let unsure: Vec<&Doubt<'_>> = doubts.iter().filter(|doubt| known(doubt).is_none()).collect();
    for chunk in unsure.chunks(CHUNK) {
        let ids: Vec<i64> = chunk.iter().map(|doubt| doubt.id).collect();
        let mut said = fresh(conn, &ids)?;
        for row in rows(conn, &ids)? {
            let texts = texts_of(&row, said.remove(&row.id).unwrap_or_default());
            let doubt = chunk.iter().find(|doubt| doubt.id == row.id);
            let is_sure = doubt.is_some_and(|doubt| doubt.clauses.iter().all(|clause| fulfils(clause, &texts)));
            read.insert(row.id, is_sure);
            if is_sure {
                sure.insert(row.id);
            }
        }
    }
    Ok(sure)
}

fn fulfils(clause: &Clause, texts: &[(u8, String)]) -> bool {
    let What::Text { side, terms } = &clause.what else { return true };
    let mask = sides(*side);
    let mut of_side = texts.iter().filter(|(side, _)| side & mask != 0);
    of_side.any(|(_, text)| terms.iter().any(|term| term.is_in(text))) != clause.negated
}
