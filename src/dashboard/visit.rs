//! A browser's visit to a page: who asks, the page's frame, and the ways to answer. Start at [`Visit`].
//!
//! A page's handler: `async fn list(visit: Visit) -> Page`, which loads what it shows with [`Visit::database`] and ends in
//! [`Visit::page`]; a form's handler asks for [`crate::dashboard::form::Form`] as well and ends in [`Visit::done`].
//!
//! **Invariant:** whoever has a visit is logged in. **May import:** `state`, `db`.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use askama::Template;

use crate::dashboard::form::{Form, see};
use crate::dashboard::frame::{Frame, flash_cookie, flash_shown, zone_named};
use crate::dashboard::reply::{ApiError, with_database};
use crate::dashboard::session::{Admin, address};
use crate::db::PooledConnection;
use crate::error::Error;
use crate::state::State;

/// What a page's handler gives.
pub(super) type Page = Result<HttpResponse, ApiError>;

/// How long a page waits for a change of its own to be live: a few times the promise.
const LIVE: Duration = Duration::from_millis(500);
const LIVE_POLL: Duration = Duration::from_millis(5);

/// See the module.
pub(super) struct Visit {
    pub(super) frame: Frame,
    pub(super) state: Data<State>,
    pub(super) admin: Admin,
    request: HttpRequest,
}

impl FromRequest for Visit {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Visit, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, admin) = (request.clone(), Admin::from_request(request, payload));
        Box::pin(async move {
            let admin = admin.await?;
            zone_named(&request)?;
            let state = request.app_data::<Data<State>>().ok_or_else(ApiError::unauthorized)?.clone();
            Ok(Visit { frame: Frame::of(&request, &state), state, admin, request })
        })
    }
}

impl Visit {
    /// The query's parameters: those that [`crate::dashboard::pages::addresses`] names for the page, none of them empty.
    pub(super) fn query(&self) -> Form {
        Form::parse(self.parameters().as_bytes())
    }

    /// The query as it was sent.
    pub(super) fn parameters(&self) -> &str {
        self.request.query_string()
    }

    /// The request itself.
    pub(super) fn request(&self) -> &HttpRequest {
        &self.request
    }

    /// Scheme and host that the browser asked, for commands to copy.
    pub(super) fn base(&self) -> String {
        let connection = self.request.connection_info();
        format!("{}://{}", connection.scheme(), connection.host())
    }

    /// Where the browser is, for counting wrong passwords.
    pub(super) fn address(&self) -> String {
        address(&self.request)
    }

    /// The page.
    pub(super) fn page(&self, template: &impl Template) -> Page {
        self.page_as(StatusCode::OK, template)
    }

    /// The page under another status: 422 for a form that is wrong, 409 for one that came too late.
    pub(super) fn page_as(&self, status: StatusCode, template: &impl Template) -> Page {
        let mut response = html(status, template)?;
        if self.frame.flash.is_some() {
            let _ = response.add_cookie(&flash_shown());
        }
        Ok(response)
    }

    /// A form was taken: on to `to`, which says so in one line.
    pub(super) fn done(&self, to: &str, said: &str) -> HttpResponse {
        said_at(to, true, said)
    }

    /// A form was understood but came to nothing: on to `to`, which says so in one line.
    pub(super) fn failed(&self, to: &str, said: &str) -> HttpResponse {
        said_at(to, false, said)
    }

    /// Runs `work` with a connection on a thread that may block.
    pub(super) async fn database<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut PooledConnection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        with_database(&self.state.database, work).await
    }

    /// Waits until the roster has seen what was just written, so that the next page and the next request use it.
    pub(super) async fn live(&self) {
        let before = self.state.roster.looks();
        let wait = async {
            // The look that runs now may have begun before the change.
            while self.state.roster.looks() < before + 2 {
                tokio::time::sleep(LIVE_POLL).await;
            }
        };
        let _ = tokio::time::timeout(LIVE, wait).await;
    }
}

fn said_at(to: &str, good: bool, said: &str) -> HttpResponse {
    let mut response = see(to);
    let _ = response.add_cookie(&flash_cookie(good, said));
    response
}

/// A template as a reply; the headers of every page are put on in [`crate::dashboard::dress`].
pub(super) fn html(status: StatusCode, template: &impl Template) -> Page {
    let body =
        template.render().map_err(|error| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let mut response = HttpResponse::new(status).set_body(body).map_into_boxed_body();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Ok(response)
}
