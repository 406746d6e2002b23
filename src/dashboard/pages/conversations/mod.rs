//! Conversations: those with a match, one read turn by turn, and removing one.
//!
//! **Invariant:** a turn shows only what it said anew. **May import:** `state`, `db`, `openai`, `search`.

mod list;
mod one;
mod remove;

use std::collections::HashMap;

use actix_web::guard::fn_guard;
use actix_web::web::{self, ServiceConfig, resource};

use crate::dashboard::form::wants_page;
use crate::dashboard::pages::get;
use crate::dashboard::pages::upstreams::state::label;
use crate::db::{Connection, upstreams};
use crate::error::Error;

/// Where the list is.
const LIST: &str = "/admin/conversations";

/// Routes below `/admin` for browsers.
pub(super) fn configure(config: &mut ServiceConfig) {
    let browser = || fn_guard(|context| wants_page(&context.head().headers));
    config
        .service(resource("/conversations").guard(browser()).route(get().to(list::show)))
        .service(
            resource("/conversations/delete").route(web::get().to(remove::ask)).route(web::post().to(remove::remove)),
        )
        .service(resource("/conversations/{id}").guard(browser()).route(get().to(one::show)));
}

/// What people call the upstreams there are.
pub(super) fn names(connection: &mut Connection) -> Result<HashMap<i64, String>, Error> {
    Ok(upstreams::list(connection)?.iter().map(|row| (row.id, label(row))).collect())
}

/// An upstream's name; of one that is gone its number.
pub(super) fn name_of(names: &HashMap<i64, String>, id: i64) -> String {
    names.get(&id).cloned().unwrap_or_else(|| format!("#{id}"))
}
