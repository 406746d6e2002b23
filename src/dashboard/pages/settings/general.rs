//! The zone of all pages, which is a setting, and what one browser remembers: language, theme, single keys.
//!
//! **May import:** `state`, `db`, `roster`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::dashboard::form::{Field, Form, Problem, problems};
use crate::dashboard::frame::{Frame, language_cookie, shortcuts_cookie, theme, theme_cookie};
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
    language: &'static str,
    theme: &'static str,
    shortcuts: bool,
    zones: [&'static str; 12],
    problems: Vec<Problem>,
}

/// What is chosen.
pub(super) struct Chosen {
    zone: Field,
    language: Lang,
    theme: &'static str,
    shortcuts: bool,
}

impl Chosen {
    /// As it is.
    pub(super) fn of(visit: &Visit) -> Chosen {
        let f = &visit.frame;
        // The page itself may be in another.
        let set = visit.state.roster.load().settings.time_zone.clone();
        let zone = Field::new(ZONE, set.iana_name().unwrap_or("UTC"));
        Chosen { zone, language: f.lang, theme: f.theme, shortcuts: f.shortcuts }
    }

    /// As it shall be.
    fn read(visit: &Visit, form: &Form) -> Chosen {
        Chosen {
            zone: Field::new(ZONE, form.text(ZONE)),
            language: Lang::from_tag(form.text("language")).unwrap_or(visit.frame.lang),
            theme: theme(form.text("theme")),
            shortcuts: form.has("shortcuts"),
        }
    }
}

/// The tab.
pub(super) fn show(visit: &Visit, status: StatusCode, chosen: Chosen) -> Page {
    let f = &visit.frame;
    let Chosen { zone, language, theme, shortcuts } = chosen;
    let (problems, language) = (problems(&[(&zone, f.t("set.zone"))]), language.tag());
    let (tabs, tab) = (TABS, "general");
    visit.page_as(status, &General { f, tabs, tab, zone, language, theme, shortcuts, zones: ZONES, problems })
}

/// `POST /admin/settings/general`.
pub(super) async fn save(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let mut chosen = Chosen::read(&visit, &form);
    if let Some(problem) = Settings::parse(&[(ZONE.to_owned(), chosen.zone.value.clone())]).1.first() {
        chosen.zone.problem = wrong(&visit.frame, problem.wrong);
        return show(&visit, StatusCode::UNPROCESSABLE_ENTITY, chosen);
    }
    let Chosen { zone, language, theme, shortcuts } = chosen;
    let before = visit.state.roster.load().settings.time_zone.clone();
    if before.iana_name() != Some(zone.value.as_str()) {
        visit.database(move |connection| settings::set(connection, ZONE, &zone.value)).await?;
        visit.live().await;
    }
    let mut response = visit.done(&at("general"), language.t("settings.saved"));
    for cookie in [language_cookie(language), theme_cookie(theme), shortcuts_cookie(shortcuts)] {
        let _ = response.add_cookie(&cookie);
    }
    Ok(response)
}
