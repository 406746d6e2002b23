//! Everything stored gets into the index, by the gateway's own steps. Start at [`index_all`].

use openai_api_route::db::index::{advance, tidy};
use openai_api_route::db::{Connection, Database};

use crate::Result;
use crate::measure::{Took, Watch};

/// Indexes all records; says what that took.
///
/// # Errors
/// The database's.
pub fn index_all(database: &Database) -> Result<Took> {
    let mut took = Took::default();
    let watch = Watch::start()?;
    let conn = &mut database.connect()?;
    while step(conn)? {}
    watch.stop(&mut took)?;
    Ok(took)
}

/// Does the next thing; false when there is nothing to do.
///
/// # Errors
/// The database's.
pub fn step(conn: &mut Connection) -> Result<bool> {
    Ok(advance(conn, 1)? > 0 || tidy(conn, false)?)
}
