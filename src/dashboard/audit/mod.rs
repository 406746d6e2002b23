//! Notes who changed what, and who read what others said: around every handler, so that none can forget it.
//!
//! Start at [`watched`]; [`deed`] says which requests count. What changed is told by looking before and after.
//! **Invariant:** nothing is noted that was refused, and every change is; no secret is noted, only its last four characters.
//! **May import:** `state`, `db`, `roster`.

mod looks;

use actix_web::body::BoxBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::ErrorInternalServerError;
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::rt::spawn;
use actix_web::web::Data;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest};
use log::error;

use crate::dashboard::form::Form;
use crate::dashboard::reply::with_database;
use crate::dashboard::session::{Admin, address, now_us};
use crate::db::audit::{NewEntry, add};
use crate::state::State;
pub(super) use looks::host_only;
use looks::{Look, differences, look};

/// How much of a session's digest names it.
const SESSION_CHARS: usize = 8;

/// What a request does: verb, noun, which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Deed(&'static str, &'static str, Option<i64>);

/// Put on a response whose request did something else than its address says.
pub(super) struct Verb(pub(super) &'static str);

/// Lets the request through; notes it when it did something.
pub(super) async fn watched(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    let path = request.path().strip_prefix("/admin").unwrap_or_default().to_owned();
    let Some(deed) = deed(request.method(), &path) else { return next.call(request).await };
    let Some(state) = request.app_data::<Data<State>>().cloned() else { return next.call(request).await };
    let changes = !matches!(deed.0, "read" | "export" | "login" | "setup");
    if !matches!(deed.0, "login" | "setup") {
        // Whoever may not is refused here; asked twice, a wrong password would count twice.
        let admin = Admin::from_request(request.request(), &mut Payload::None).await;
        if let Err(refused) = admin {
            return Ok(request.error_response(refused));
        }
    }
    // A task of its own: what was begun is ended and noted, whether or not anybody still waits for the answer.
    spawn(noted(deed, changes, state, request, next)).await.map_err(ErrorInternalServerError)?
}

/// Does what is asked for and notes it, unless it was refused or was an edit that changed nothing.
async fn noted(
    deed: Deed,
    changes: bool,
    state: Data<State>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let before = if changes { look_at(&state).await } else { None };
    let response = next.call(request).await?;
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        return Ok(response);
    }
    let seen = match before {
        Some(before) => look_at(&state).await.map(|after| differences(&before, &after)),
        None => None,
    };
    let verb = response.response().extensions().get::<Verb>().map_or(deed.0, |verb| verb.0);
    // Of these all is looked at that an edit can change.
    let is_seen =
        matches!(deed.1, "upstream" | "key" | "setting" | "price") && matches!(verb, "add" | "edit" | "order");
    if is_seen && seen.as_ref().is_some_and(Vec::is_empty) {
        return Ok(response);
    }
    let mut about = seen.unwrap_or_default();
    let mut detail = about.iter().map(|thing| thing.detail.as_str()).collect::<Vec<_>>().join("\n");
    if !changes {
        detail = told(verb, response.request());
    }
    // What is named already, or has no number, is not looked for by its number.
    about.retain(|thing| thing.id != 0 && deed.2.is_none());
    let request = response.request();
    let admin = request.extensions().get::<Admin>().cloned();
    let means = match admin.map(|admin| admin.session) {
        Some(Some(session)) => format!("session {}", session.chars().take(SESSION_CHARS).collect::<String>()),
        Some(None) => "password".to_owned(),
        None => "login".to_owned(),
    };
    let entry = NewEntry {
        at_us: now_us(),
        who: format!("{means}, {}", address(request)),
        verb: verb.to_owned(),
        noun: deed.1.to_owned(),
        noun_id: deed.2,
        detail,
    };
    if let Err(problem) = with_database(&state.database, move |connection| add(connection, entry, &about)).await {
        error!("the audit could not be written: {problem}");
    }
    Ok(response)
}

async fn look_at(state: &State) -> Option<Look> {
    with_database(&state.database, look).await.ok()
}

/// With which other request one was compared, or which were exported.
fn told(verb: &str, request: &HttpRequest) -> String {
    match verb {
        "read" => {
            let other = request.path().rsplit('/').next().and_then(|last| last.parse::<i64>().ok());
            other.filter(|_| request.path().contains("/diff/")).map(|id| format!("↔ {id}")).unwrap_or_default()
        }
        "export" => {
            let form = Form::parse(request.query_string().as_bytes());
            form.pairs().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// What a request would do; `None` when that is nothing to note.
fn deed(method: &Method, path: &str) -> Option<Deed> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (first, rest) = parts.split_first()?;
    let id = rest.iter().find_map(|part| part.parse().ok());
    let last = rest.last().copied().unwrap_or_default();
    let noun = match *first {
        "upstreams" => "upstream",
        "keys" => "key",
        "settings" if rest.first() == Some(&"prices") => "price",
        "settings" if last == "sessions" => "session",
        "settings" if last == "password" => "password",
        "settings" if last == "expire" => "request",
        "settings" => "setting",
        "prices" => "price",
        "requests" => "request",
        "conversations" => "conversation",
        "saved" => "search",
        "login" | "logout" => "session",
        "setup" => "password",
        _ => return None,
    };
    let verb = match (method, *first, last) {
        (&Method::GET, "requests", "export") => "export",
        (&Method::GET, "requests" | "conversations", _) if id.is_some() => {
            // Pictures come with the page that shows them.
            let part = rest.get(1).copied().unwrap_or_default();
            if ["", "body", "reply", "curl", "replay", "diff"].contains(&part) { "read" } else { return None }
        }
        (&Method::GET | &Method::HEAD, ..) => return None,
        (_, "login", _) => "login",
        (_, "logout", _) => "logout",
        (_, "setup", _) => "setup",
        (&Method::DELETE, ..) | (_, _, "delete" | "expire") => "delete",
        (_, _, "test") => "test",
        (_, _, "order") => "order",
        (_, _, "replay") => "replay",
        // A preview changes nothing yet; asking an upstream for its models neither.
        (_, "upstreams", "import" | "models") => return None,
        (&Method::POST, "upstreams" | "keys" | "prices" | "saved", "") => "add",
        (&Method::POST, "upstreams", _) if rest.first() == Some(&"import") => "add",
        _ => "edit",
    };
    Some(Deed(verb, noun, id))
}

#[cfg(test)]
mod tests {
    use actix_web::http::Method;

    use crate::dashboard::audit::{Deed, deed};

    #[test]
    fn every_change_and_every_reading_is_a_deed_and_nothing_else() {
        for (method, path, wanted) in [
            (Method::POST, "/upstreams", Some(Deed("add", "upstream", None))),
            (Method::PUT, "/upstreams/5", Some(Deed("edit", "upstream", Some(5)))),
            (Method::POST, "/upstreams/5", Some(Deed("edit", "upstream", Some(5)))),
            (Method::POST, "/upstreams/5/enabled", Some(Deed("edit", "upstream", Some(5)))),
            (Method::POST, "/upstreams/delete", Some(Deed("delete", "upstream", None))),
            (Method::DELETE, "/upstreams/5", Some(Deed("delete", "upstream", Some(5)))),
            (Method::POST, "/upstreams/import", None),
            (Method::POST, "/upstreams/import/abc", Some(Deed("add", "upstream", None))),
            (Method::POST, "/settings/routing", Some(Deed("edit", "setting", None))),
            (Method::POST, "/settings/password", Some(Deed("edit", "password", None))),
            (Method::POST, "/keys/rename", Some(Deed("edit", "key", None))),
            (Method::POST, "/settings/prices/delete", Some(Deed("delete", "price", None))),
            (Method::POST, "/prices/3", Some(Deed("edit", "price", Some(3)))),
            (Method::GET, "/requests", None),
            (Method::GET, "/requests/stream", None),
            (Method::GET, "/requests/7", Some(Deed("read", "request", Some(7)))),
            (Method::GET, "/requests/7/body", Some(Deed("read", "request", Some(7)))),
            (Method::GET, "/requests/7/diff/prev", Some(Deed("read", "request", Some(7)))),
            (Method::GET, "/requests/7/diff/5", Some(Deed("read", "request", Some(7)))),
            (Method::GET, "/requests/7/replay/5", Some(Deed("read", "request", Some(7)))),
            (Method::GET, "/requests/7/blob/1", None),
            (Method::GET, "/requests/export", Some(Deed("export", "request", None))),
            (Method::GET, "/conversations/9", Some(Deed("read", "conversation", Some(9)))),
            (Method::GET, "/conversations/delete", None),
            (Method::POST, "/conversations/delete", Some(Deed("delete", "conversation", None))),
            (Method::POST, "/login", Some(Deed("login", "session", None))),
            (Method::POST, "/setup", Some(Deed("setup", "password", None))),
            (Method::POST, "/keys/replace", Some(Deed("edit", "key", None))),
            (Method::POST, "/theme", None),
            (Method::GET, "/static/abc/app.js", None),
            (Method::GET, "", None),
        ] {
            assert_eq!(deed(&method, path), wanted, "{method} {path}");
        }
    }
}
