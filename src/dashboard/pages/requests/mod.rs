//! Requests: found, watched, read, compared, sent again. Start at [`configure`].
//!
//! | file | what it does |
//! |---|---|
//! | `scope` | which requests, as the address says it |
//! | `ask`, `chart`, `table`, `list` | the query box, the histogram, the rows, the page of them |
//!
//! **Invariant:** what others wrote reaches a page as text or through the one sanitiser. **May import:** `state`, `db`,
//! `search`, `openai`, `roster`, `connector`, `recorder`.

mod ask;
mod chart;
mod list;
mod scope;
mod table;

use std::collections::HashMap;

use actix_web::guard::fn_guard;
use actix_web::web::{self, ServiceConfig, resource};

use crate::dashboard::form::wants_page;
use crate::dashboard::pages::upstreams::state::label;
use crate::db::{PooledConnection, upstreams};
use crate::error::Error;

/// Routes below `/admin`.
pub(super) fn configure(config: &mut ServiceConfig) {
    let page = || fn_guard(|context| wants_page(&context.head().headers));
    config.service(resource("/requests").guard(page()).route(web::get().to(list::show)));
}

/// The names of the upstreams there are.
fn names(connection: &mut PooledConnection) -> Result<HashMap<i64, String>, Error> {
    Ok(upstreams::list(connection)?.iter().map(|row| (row.id, label(row))).collect())
}
