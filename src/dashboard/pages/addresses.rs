//! Which parameters the address of each page may have, and the one form an address has. Start at [`settled`].
//!
//! Every page stands in [`KNOWN`]; `tests/it/addresses.rs` compares it with the routes. `lang` is taken before, in
//! [`crate::dashboard::dress`].
//!
//! **Invariant:** no parameter of a page is passed over in silence. **May import:** nothing of the crate.

use std::fmt::Display;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};

use crate::dashboard::form::Form;
use crate::dashboard::pages::query::scope::tidy;
use crate::dashboard::reply::ApiError;
use crate::dashboard::words::{Key, Lang};

/// A page's route below `/admin`, and the parameters it knows beside `tz`.
type Known = (&'static str, &'static [&'static str]);

const KNOWN: [Known; 36] = [
    ("", &["range", "from", "to", "refresh"]),
    ("/login", &["next"]),
    ("/setup", &[]),
    ("/statement", &[]),
    ("/models", &[]),
    ("/models/route", &["model", "key", "stream"]),
    ("/keys", &["q", "state"]),
    ("/keys/one", &["name"]),
    ("/keys/delete", &["name"]),
    ("/requests", &["q", "add", "range", "from", "to", "before", "after", "limit", "sort", "cols", "refresh"]),
    ("/requests/rows", &["q", "range", "from", "cols", "after"]),
    ("/saved", &[]),
    ("/saved/{id}/delete", &[]),
    ("/requests/{id}", &["q", "range", "from", "to", "view", "turns", "find"]),
    ("/requests/{id}/body", &[]),
    ("/requests/{id}/reply", &[]),
    ("/requests/{id}/curl", &[]),
    ("/requests/{id}/blob/{n}", &[]),
    ("/requests/{id}/diff/{other}", &["q", "range", "from", "to", "view"]),
    ("/requests/{id}/replay", &["q", "range", "from", "to"]),
    ("/requests/{id}/replay/{other}", &["q", "range", "from", "to"]),
    ("/requests/{id}/delete", &["q", "range", "from", "to"]),
    ("/conversations", &["q", "add", "range", "from", "to", "before", "after", "limit"]),
    ("/conversations/delete", &["id", "q"]),
    ("/conversations/{id}", &["q", "before", "after", "limit", "turn", "view"]),
    ("/usage", &["metric", "by", "bucket", "p", "top", "q", "range", "from", "to"]),
    ("/usage/csv", &["metric", "by", "bucket", "p", "top", "q", "range", "from", "to"]),
    ("/settings", &["tab", "before", "upstream", "edit", "pattern"]),
    ("/settings/recording/expire", &[]),
    ("/settings/prices/delete", &["id"]),
    ("/upstreams", &["state", "q", "sort", "page"]),
    ("/upstreams/delete", &["id"]),
    ("/upstreams/new", &["from"]),
    ("/upstreams/{id}", &["tab", "range", "from", "to"]),
    ("/upstreams/import", &[]),
    ("/upstreams/import/{batch}", &[]),
];

/// Pages that one sees without having logged in.
const OPEN: [&str; 3] = ["/login", "/setup", "/statement"];

/// The parameters of the page that is asked for, beside `tz`; `None` when it is no page.
fn known(request: &HttpRequest) -> Option<Known> {
    let route = request.match_pattern()?.replace(":\\d+", "");
    let route = route.strip_prefix("/admin")?;
    KNOWN.iter().find(|(page, _)| *page == route).copied()
}

/// Whether the address is one of a page, and whether that page is for who has logged in only.
pub(in crate::dashboard) fn is_guarded(request: &HttpRequest) -> Option<bool> {
    known(request).map(|(page, _)| !OPEN.contains(&page))
}

/// Where the same page is, when its address has what addresses do not have: values that are empty, lists in pieces.
///
/// # Errors
/// 400 that names the first parameter which the page does not know.
pub(in crate::dashboard) fn settled(request: &HttpRequest) -> Result<Option<HttpResponse>, ApiError> {
    let Some((_, known)) = known(request) else { return Ok(None) };
    let parameters = request.query_string();
    let query = Form::parse(parameters.as_bytes());
    let known = [known, &["tz"]].concat();
    let is_unknown = |(name, value): &(&str, &str)| !known.contains(name) && !value.trim().is_empty();
    if let Some((unknown, _)) = query.pairs().find(is_unknown) {
        if unknown == "lang" {
            // A language that there is has been taken before.
            let there = [Lang::En, Lang::Zh].map(Lang::tag).join(", ");
            return Err(ApiError::field_keyed("lang", Key("field.one_of"), &[&there]));
        }
        let args: [&dyn Display; 2] = [&unknown, &known.join(", ")];
        return Err(ApiError::keyed_with(StatusCode::BAD_REQUEST, Key("error.parameter"), &args));
    }
    Ok(tidy(request.path(), parameters))
}
