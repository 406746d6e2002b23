//! What the people whose requests pass here should know: on the tab about recording, and on a page to hand to them.
//!
//! Start at [`statement`]. **Invariant:** it says what the settings in force say, and nothing else of this gateway.
//! **May import:** `state`, `roster`.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;

use crate::dashboard::frame::Frame;
use crate::dashboard::shown;
use crate::dashboard::visit::{Page, html};
use crate::dashboard::words::Key;
use crate::roster::{Recording, Settings};
use crate::state::State;

#[derive(Template)]
#[template(path = "settings/statement.html")]
struct Statement<'a> {
    f: &'a Frame,
    statement: String,
}

/// `GET /admin/statement`, for everybody.
pub(in crate::dashboard::pages) async fn show(request: HttpRequest, state: Data<State>) -> Page {
    let f = &Frame::of(&request, &state);
    let statement = statement(f, &state.roster.load().settings);
    html(StatusCode::OK, &Statement { f, statement })
}

/// What is recorded and for how long, for the people whose requests they are.
pub(super) fn statement(f: &Frame, settings: &Settings) -> String {
    let level = f.k(&match settings.recording {
        Recording::Full => Key("statement.full"),
        Recording::Metadata => Key("statement.metadata"),
        Recording::Off => Key("statement.off"),
    });
    let retention = settings.retention;
    let days = |days: u64, key: Key, ever: Key| if days == 0 { f.k(&ever).to_owned() } else { f.tf(key.0, &[&days]) };
    let mut lines = vec![level.to_owned()];
    if settings.recording == Recording::Full {
        if !settings.redaction.is_empty() {
            lines.push(f.tf("statement.redacted", &[&settings.redaction.count()]));
        }
        lines.push(days(retention.bodies_days, Key("statement.bodies_days"), Key("statement.bodies_ever")));
    }
    if settings.recording != Recording::Off {
        lines.push(days(retention.records_days, Key("statement.records_days"), Key("statement.records_ever")));
        if retention.bytes > 0 {
            let size = shown::bytes(i64::try_from(retention.bytes).unwrap_or(i64::MAX));
            lines.push(f.tf("statement.size", &[&size]));
        }
        lines.push(f.t("statement.reading").to_owned());
    }
    lines.join("\n")
}
