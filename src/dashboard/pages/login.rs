//! The page to log in.
//!
//! **Invariant:** it tells nobody anything but whether a password was right. **May import:** `state`.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use askama::Template;

use crate::dashboard::form::{Form, see};
use crate::dashboard::frame::Frame;
use crate::dashboard::reply::ApiError;
use crate::dashboard::session::Admin;
use crate::dashboard::setup;
use crate::dashboard::visit::{Page, html};
use crate::state::State;

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    f: &'a Frame,
    problem: &'a str,
    /// The password is still the printed one.
    first: bool,
    next: &'a str,
}

/// `GET /admin/login?next=`.
pub(super) async fn ask(request: HttpRequest, admin: Option<Admin>, state: Data<State>) -> Page {
    let query = Form::parse(request.query_string().as_bytes());
    let next = local(query.text("next"));
    if admin.is_some() {
        return Ok(see(next));
    }
    show(&request, &state, None, next).await
}

/// The page, with what went wrong.
pub(in crate::dashboard) async fn show(
    request: &HttpRequest,
    state: &State,
    problem: Option<&ApiError>,
    next: &str,
) -> Result<HttpResponse, ApiError> {
    let frame = Frame::of(request, state);
    let status = problem.map_or(StatusCode::OK, ResponseError::status_code);
    let problem = problem.and_then(|problem| problem.text(frame.lang)).unwrap_or_default();
    let first = setup::is_open(state).await;
    html(status, &Login { f: &frame, problem: &problem, first, next })
}

/// Where to go after the login: a path of ours, whatever was asked for.
pub(in crate::dashboard) fn local(next: &str) -> &str {
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if plain && (next == "/admin" || next.starts_with("/admin/") || next.starts_with("/admin?")) {
        next
    } else {
        "/admin"
    }
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::login::local;

    #[test]
    fn the_way_after_the_login_leads_to_this_dashboard_only() {
        for next in ["/admin", "/admin/upstreams?state=down", "/admin?range=1h"] {
            assert_eq!(local(next), next);
        }
        for next in ["", "//evil.example", "https://evil.example", "/adminx", "/admin/\\evil", "/admin/a\r\nb", "/v1"] {
            assert_eq!(local(next), "/admin", "{next}");
        }
    }
}
