//! The zone of all pages, which is a setting, and what one browser remembers: language, theme, single keys.
//!
//! **May import:** `state`, `db`, `roster`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::dashboard::form::{Field, Form, Problem, problems};
use crate::dashboard::frame::{Frame, language_cookie, shortcuts_cookie, theme_cookie};
use crate::dashboard::pages::settings::fields::wrong;
use crate::dashboard::pages::settings::{TABS, Tabs, at};
use crate::dashboard::reply::ApiError;
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Lang;
use crate::db::settings;
use crate::roster::Settings;

const ZONE: &str = "time_zone";
/// Offered while typing; any other name of the IANA database is as good.
const ZONES: [&str; 12] = [
    "UTC",
    "Asia/Shanghai",
    "Asia/Hong_Kong",
    "Asia/Taipei",
    "Asia/Tokyo",
    "Asia/Singapore",
    "Asia/Kolkata",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
];

#[derive(Template)]
#[template(path = "settings/general.html")]
struct General<'a> {
    f: &'a Frame,
    tabs: Tabs,
    tab: &'static str,
    zone: Field,
    zones: [&'static str; 12],
    problems: Vec<Problem>,
}

/// The zone as it is.
pub(super) fn fields(visit: &Visit) -> Field {
    Field::new(ZONE, visit.frame.zone_name())
}

/// The tab.
pub(super) fn show(visit: &Visit, status: StatusCode, zone: Field) -> Page {
    let f = &visit.frame;
    let problems = problems(&[(&zone, f.t("set.zone"))]);
    visit.page_as(status, &General { f, tabs: TABS, tab: "general", zone, zones: ZONES, problems })
}

/// `POST /admin/settings/general`.
pub(super) async fn save(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let mut zone = Field::new(ZONE, form.text(ZONE));
    if let Some(problem) = Settings::parse(&[(ZONE.to_owned(), zone.value.clone())]).1.first() {
        zone.problem = wrong(&visit.frame, problem.wrong);
        return show(&visit, StatusCode::UNPROCESSABLE_ENTITY, zone);
    }
    visit.database(move |connection| settings::set(connection, ZONE, &zone.value)).await?;
    visit.live().await;
    let lang = Lang::from_tag(form.text("language")).unwrap_or(visit.frame.lang);
    let mut response = visit.done(&at("general"), lang.t("settings.saved"));
    for cookie in [language_cookie(lang), theme_cookie(form.text("theme")), shortcuts_cookie(form.has("shortcuts"))] {
        let _ = response.add_cookie(&cookie);
    }
    Ok(response)
}
