//! What a tab can have done at once: a test notice, the removal of what has had its time.
//!
//! **May import:** `state`, `db`, `roster`, `connector`, `notify`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;

use crate::connector::Outbound;
use crate::dashboard::form::Form;
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::settings::at;
use crate::dashboard::reply::ApiError;
use crate::dashboard::shown;
use crate::dashboard::visit::{Page, Visit};
use crate::db::removal::{Retention, size};
use crate::notify::send_once;

#[derive(Template)]
#[template(path = "settings/expire.html")]
struct Expire<'a> {
    f: &'a Frame,
    /// What goes, a line for each setting that says so.
    rules: Vec<String>,
}

/// `GET /admin/settings/recording/expire`: asks, and says what goes.
pub(super) async fn ask_to_expire(visit: Visit) -> Page {
    let f = &visit.frame;
    let Retention { bodies_days, records_days, bytes } = visit.state.roster.load().settings.retention;
    let mut rules = Vec::new();
    if bodies_days > 0 {
        rules.push(f.tf("expire.bodies", &[&bodies_days]));
    }
    if records_days > 0 {
        rules.push(f.tf("expire.records", &[&records_days]));
    }
    if bytes > 0 {
        let most = shown::bytes(i64::try_from(bytes).unwrap_or(i64::MAX));
        let size = visit.database(|connection| size(connection)).await?;
        rules.push(f.tf("expire.size", &[&most, &shown::bytes(size)]));
    }
    visit.page(&Expire { f, rules })
}

/// `POST /admin/settings/recording/expire`: what has had its time goes now.
pub(super) async fn expire(visit: Visit, _form: Form) -> Result<HttpResponse, ApiError> {
    visit.state.recorder.expire_now();
    Ok(visit.done(&at("recording"), visit.frame.t("expire.begun")))
}

/// `POST /admin/settings/notices/test`: a line to every channel that is set.
pub(super) async fn test_notices(
    visit: Visit,
    _form: Form,
    outbound: Data<Outbound>,
) -> Result<HttpResponse, ApiError> {
    let channels = visit.state.roster.load().settings.channels.clone();
    let results = send_once(&outbound, &channels, visit.frame.t("notices.test_text")).await;
    if results.is_empty() {
        return Ok(visit.failed(&at("notices"), visit.frame.t("notices.none")));
    }
    let good = results.iter().all(|(_, result)| result.is_ok());
    let lines: Vec<String> = results
        .into_iter()
        .map(|(channel, result)| match result {
            Ok(()) => visit.frame.tf("notices.sent", &[&channel]),
            Err(problem) => visit.frame.tf("notices.failed", &[&channel, &problem]),
        })
        .collect();
    let said = lines.join(" ");
    Ok(if good { visit.done(&at("notices"), &said) } else { visit.failed(&at("notices"), &said) })
}
