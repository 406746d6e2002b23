//! The first start's password was printed by the program; here it is the token for one that the operator chooses.
//!
//! Start at [`ask`] and [`choose`]. Once the password is another, by whatever way, there is nothing to set up any more.
//! **Invariant:** the page shows no secret, and whoever has no token learns only whether it is still needed. **May import:** `state`, `db`.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, block};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use askama::Template;

use crate::dashboard::form::{Field, Form, Problem, problems, see};
use crate::dashboard::frame::{Frame, flash_cookie};
use crate::dashboard::login::{check_password, with_cookie};
use crate::dashboard::password::{PASSWORD_SETTING, SHORTEST_PASSWORD, is_first, password_hash};
use crate::dashboard::reply::{ApiError, with_database};
use crate::dashboard::session::{self, address, from_own_page};
use crate::dashboard::visit::{Page, html};
use crate::dashboard::words::Key;
use crate::db::{sessions, settings};
use crate::error::Error;
use crate::state::State;

#[derive(Template)]
#[template(path = "setup.html")]
struct Setup<'a> {
    f: &'a Frame,
    /// The printed password is still in force.
    open: bool,
    token: Field,
    new: Field,
    again: Field,
    problems: Vec<Problem>,
}

fn page(request: &HttpRequest, state: &State, status: StatusCode, open: bool, fields: [Field; 3]) -> Page {
    let frame = Frame::of(request, state);
    let f = &frame;
    let [token, new, again] = fields;
    let labels = [(&token, f.t("setup.token")), (&new, f.t("password.new")), (&again, f.t("password.again"))];
    let problems = problems(&labels);
    html(status, &Setup { f, open, problems, token, new, again })
}

fn fields() -> [Field; 3] {
    [Field::new("token", ""), Field::new("new", ""), Field::new("again", "")]
}

async fn stored(state: &State) -> Result<String, ApiError> {
    let found = with_database(&state.database, |connection| settings::get(connection, PASSWORD_SETTING)).await?;
    Ok(found.unwrap_or_default())
}

/// Whether the printed password is still in force; unknown counts as no.
pub(super) async fn is_open(state: &State) -> bool {
    stored(state).await.is_ok_and(|stored| is_first(&stored))
}

/// `GET /admin/setup`.
pub(super) async fn ask(request: HttpRequest, state: Data<State>) -> Page {
    let open = is_first(&stored(&state).await?);
    page(&request, &state, StatusCode::OK, open, fields())
}

/// `POST /admin/setup`: the `token`, and a `new` password typed `again`; whoever sends it is logged in.
pub(super) async fn choose(request: HttpRequest, body: Bytes, state: Data<State>) -> Result<HttpResponse, ApiError> {
    // As for the login: nobody has a token of a session yet.
    if !from_own_page(request.headers()) {
        return Err(ApiError::keyed(StatusCode::FORBIDDEN, Key("error.other_site")));
    }
    let before = stored(&state).await?;
    if !is_first(&before) {
        return page(&request, &state, StatusCode::CONFLICT, false, fields());
    }
    let frame = Frame::of(&request, &state);
    let form = Form::parse(&body);
    let [mut token, mut new, mut again] = fields();
    let chosen = form.text("new").to_owned();
    if chosen.chars().count() < SHORTEST_PASSWORD {
        new.problem = frame.tf("password.short", &[&SHORTEST_PASSWORD]);
    } else if chosen == form.text("token") {
        new.problem = frame.t("setup.same").to_owned();
    } else if chosen != form.text("again") {
        again.problem = frame.t("password.differs").to_owned();
    }
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if let Err(error) = check_password(&state, &address(&request), form.text("token")).await {
        let Some(text) = error.text(frame.lang).filter(|_| error.status_code().is_client_error()) else {
            return Err(error);
        };
        (token.problem, status) = (text, error.status_code());
    }
    if token.is_bad() || new.is_bad() || again.is_bad() {
        return page(&request, &state, status, true, [token, new, again]);
    }
    let failed = |error: String| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error);
    let hash = block(move || password_hash(&chosen)).await.map_err(|error| failed(error.to_string()))?;
    let hash = hash.map_err(|error| failed(error.to_string()))?;
    let done = with_database(&state.database, move |connection| {
        let set = settings::change(connection, PASSWORD_SETTING, |now| match now == before {
            true => Ok((hash, ())),
            // Somebody was quicker.
            false => Err(Error::NotFound),
        });
        match set {
            Ok(()) => sessions::remove_all(connection).map(|_| true),
            Err(Error::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    })
    .await?;
    if !done {
        return page(&request, &state, StatusCode::CONFLICT, false, fields());
    }
    let mut response = with_cookie(see("/admin"), session::open(&state).await?)?;
    let _ = response.add_cookie(&flash_cookie(true, frame.t("setup.done")));
    Ok(response)
}
