//! Tabs whose fields are rows of `config_kvs`. Which they are stands in `lists`.
//!
//! **Invariant:** what is saved has passed the roster's parser; a blank secret is left as it was.
//! **May import:** `state`, `db`, `roster`, `connector`, `config`, `openai`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Path;
use askama::Template;

use crate::config::Source;
use crate::connector::Endpoint;
use crate::dashboard::audit::host_only;
use crate::dashboard::form::{Field, Form, Problem, problems};
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::settings::lists::{ALIASES, Kind, Setting, Tab, meaning, tab};
use crate::dashboard::pages::settings::statement::statement;
use crate::dashboard::pages::settings::{TABS, Tabs, at};
use crate::dashboard::pages::upstreams::numbers::{milliseconds, seconds};
use crate::dashboard::reply::ApiError;
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::removal::Retention;
use crate::db::settings;
use crate::openai::redact::Redaction;
use crate::roster::{Settings, Wrong, last4};

#[derive(Template)]
#[template(path = "settings/fields.html")]
struct Fields<'a> {
    f: &'a Frame,
    tabs: Tabs,
    tab: &'static str,
    intro: Key,
    rows: Vec<Row>,
    problems: Vec<Problem>,
    /// What people who send requests here should know.
    statement: String,
    /// Something is removed after a time or beyond a size.
    expires: bool,
}

/// A field of the page.
struct Row {
    field: Field,
    label: &'static str,
    hint: &'static str,
    kind: &'static str,
    /// Words to choose from, and what is said of each.
    choices: Vec<(&'static str, String)>,
    /// What is told of a secret that is stored; empty when nothing is.
    stored: String,
    /// No row sets it, but a flag or the environment does: which, and its last four; else empty.
    outside: String,
}

type Rows = Vec<(String, String)>;

/// What a setting's row holds.
fn stored_value<'a>(stored: &'a Rows, key: &str) -> &'a str {
    stored.iter().find(|(known, _)| known == key).map_or("", |(_, value)| value.as_str())
}

/// What a field shows of what is stored: ms in seconds, but for what is no number, and lists by lines.
fn told(kind: Kind, value: &str) -> String {
    match kind {
        Kind::Seconds => value.trim().parse::<i64>().map_or_else(|_| value.to_owned(), |ms| seconds(Some(ms))),
        Kind::List => items(value).join("\n"),
        _ => value.to_owned(),
    }
}

/// A list's entries, by commas or lines.
fn items(list: &str) -> Vec<&str> {
    list.split([',', '\n']).map(str::trim).filter(|item| !item.is_empty()).collect()
}

fn row(f: &Frame, setting: &Setting, stored: &Rows, typed: Option<&Form>) -> Row {
    let Setting(key, label, hint, kind) = setting;
    let value = stored_value(stored, key);
    let shown = match (kind, typed) {
        (Kind::Secret | Kind::Hook, _) => "",
        (_, Some(form)) => form.text(setting.field()),
        (_, None) => &told(*kind, value),
    };
    let stored = match kind {
        Kind::Secret if !value.is_empty() => format!("…{}", last4(value)),
        Kind::Hook => host_only(value),
        _ => String::new(),
    };
    let (kind, choices) = match kind {
        Kind::Text | Kind::Address => ("text", Vec::new()),
        Kind::Lines | Kind::List => ("lines", Vec::new()),
        Kind::Number | Kind::Seconds => ("number", Vec::new()),
        Kind::Secret | Kind::Hook => ("password", Vec::new()),
        Kind::Choice(words) => ("choice", choices(f, words, shown)),
    };
    let field = Field::new(setting.field(), shown);
    Row { field, label: f.k(label), hint: f.k(hint), kind, choices, stored, outside: String::new() }
}

/// The words of a choice with what they mean; one that means the same as another is offered only where it is chosen.
fn choices(f: &Frame, words: &[&'static str], chosen: &str) -> Vec<(&'static str, String)> {
    let offered = words.iter().filter(|word| !ALIASES.contains(word) || **word == chosen);
    let told = |word: &&'static str| match meaning(word) {
        Some(meaning) => (*word, f.tf("set.choice", &[word, &f.k(&meaning)])),
        None => (*word, f.word(word).to_owned()),
    };
    offered.map(told).collect()
}

/// Marks what holds without a row.
fn mark_outside(visit: &Visit, rows: &mut [Row]) {
    let channels = &visit.state.roster.load().settings.channels;
    for row in rows.iter_mut().filter(|row| row.stored.is_empty()) {
        let (value, flag) = match row.field.name {
            "feishu_webhook" => (&channels.feishu_webhook, "-feishu-webhook"),
            "matrix_api" => (&channels.matrix_api, "-matrix-api"),
            _ => continue,
        };
        let origin = visit.state.origins.iter().find(|origin| origin.flag == flag);
        let source = origin.map_or(flag, |origin| match origin.source {
            Source::Environment => &origin.env,
            Source::Flag | Source::Default => &origin.flag,
        });
        if !value.is_empty() {
            row.outside = visit.frame.tf("set.outside", &[&source, &last4(value)]);
        }
    }
}

/// The tab with what is stored.
pub(super) async fn show(visit: &Visit, tab: &'static Tab) -> Page {
    let stored = visit.database(|connection| settings::all(connection)).await?;
    let rows = tab.settings.iter().map(|setting| row(&visit.frame, setting, &stored, None)).collect();
    page(visit, StatusCode::OK, tab, rows)
}

fn page(visit: &Visit, status: StatusCode, tab: &'static Tab, mut rows: Vec<Row>) -> Page {
    mark_outside(visit, &mut rows);
    let fields: Vec<_> = rows.iter().map(|row| (&row.field, row.label)).collect();
    let problems = problems(&fields);
    let f = &visit.frame;
    let settings = &visit.state.roster.load().settings;
    let (statement, expires) = (statement(f, settings), settings.retention != Retention::default());
    visit
        .page_as(status, &Fields { f, tabs: TABS, tab: tab.name, intro: tab.intro, rows, problems, statement, expires })
}

/// `POST /admin/settings/{tab}`: every field of the tab.
pub(super) async fn save(visit: Visit, name: Path<String>, form: Form) -> Result<HttpResponse, ApiError> {
    let tab = tab(&name).ok_or_else(|| ApiError::keyed(StatusCode::NOT_FOUND, Key("settings.no_tab")))?;
    let stored = visit.database(|connection| settings::all(connection)).await?;
    let mut rows: Vec<Row> =
        tab.settings.iter().map(|setting| row(&visit.frame, setting, &stored, Some(&form))).collect();
    let mut changes = Vec::new();
    for (setting, row) in tab.settings.iter().zip(&mut rows) {
        // A browser sends line ends of its own.
        let Some(typed) = wish(setting, &form).map(|value| value.replace("\r\n", "\n")) else { continue };
        let Some(value) = as_stored(setting, typed, stored_value(&stored, setting.0)) else {
            row.field.problem = visit.frame.t("field.seconds").to_owned();
            continue;
        };
        if let Some(problem) = problem(&visit.frame, setting, &value, &stored) {
            row.field.problem = problem;
        } else if stored_value(&stored, setting.0) != value {
            changes.push((setting.0, value));
        }
    }
    for (key, problem) in together(&visit.frame, &stored, &changes) {
        if let Some((_, row)) = tab.settings.iter().zip(&mut rows).find(|(setting, _)| setting.0 == key) {
            row.field.problem = problem;
        }
    }
    if rows.iter().any(|row| row.field.is_bad()) {
        return page(&visit, StatusCode::UNPROCESSABLE_ENTITY, tab, rows);
    }
    visit
        .database(move |connection| changes.iter().try_for_each(|(key, value)| settings::set(connection, key, value)))
        .await?;
    visit.live().await;
    Ok(visit.done(&at(tab.name), visit.frame.t("settings.saved")))
}

/// What is wrong with settings that make sense one by one: a pause that is longer than the longest, texts kept longer than the
/// rows that name them. The key of the field to mend, and what is said there.
fn together(f: &Frame, stored: &Rows, changes: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
    let mut all = stored.clone();
    for (key, value) in changes {
        all.retain(|(known, _)| known != key);
        all.push(((*key).to_owned(), value.clone()));
    }
    let (Settings { breaker, retention, .. }, _) = Settings::parse(&all);
    let mut wrong = Vec::new();
    if breaker.open_ms > breaker.open_max_ms {
        wrong.push(("breaker_open_ms", f.tf("set.open.too_long", &[&seconds(Some(breaker.open_max_ms))])));
    }
    if retention.records_days > 0 && retention.bodies_days > retention.records_days {
        wrong.push(("retain_bodies_days", f.tf("set.retain_bodies.too_long", &[&retention.records_days])));
    }
    wrong
}

/// What a field shall become; `None` leaves it. A secret is emptied by its own box only.
fn wish<'a>(setting: &Setting, form: &'a Form) -> Option<&'a str> {
    let typed = form.text(setting.field());
    let is_secret = matches!(setting.3, Kind::Secret | Kind::Hook);
    let clear = is_secret && form.all("clear").any(|key| key == setting.0);
    match typed {
        _ if clear => Some(""),
        "" if is_secret => None,
        _ if !form.has(setting.field()) => None,
        typed => Some(typed),
    }
}

/// What is stored for what was typed, if it can be; a field that was left as it was shown leaves what is stored.
fn as_stored(setting: &Setting, typed: String, stored: &str) -> Option<String> {
    match setting.3 {
        Kind::Seconds | Kind::List if typed == told(setting.3, stored).trim() => Some(stored.to_owned()),
        Kind::List => Some(items(&typed).join(",")),
        Kind::Seconds if !typed.is_empty() => milliseconds(&typed).map(|ms| ms.to_string()),
        _ => Some(typed),
    }
}

/// What is wrong with a value, in the page's language.
fn problem(f: &Frame, setting: &Setting, value: &str, stored: &Rows) -> Option<String> {
    let is_address =
        matches!(setting.3, Kind::Address | Kind::Hook) || ["feishu_webhook", "matrix_api"].contains(&setting.0);
    if is_address && !value.is_empty() && Endpoint::parse(value, 1).is_err() {
        return Some(f.t("field.address").to_owned());
    }
    if setting.3 == Kind::Lines
        && let Some(bad) = Redaction::parse(value).1.first()
    {
        return Some(f.tf("field.pattern", &[&bad.line, &bad.reason]));
    }
    // With all the others, because one may name what another makes.
    let mut rows: Rows = stored.iter().filter(|(key, _)| key != setting.0).cloned().collect();
    rows.push((setting.0.to_owned(), value.to_owned()));
    let (_, problems) = Settings::parse(&rows);
    let problem = problems.iter().find(|problem| problem.key == setting.0)?;
    Some(if setting.3 == Kind::Seconds { f.t("field.seconds").to_owned() } else { wrong(f, problem.wrong) })
}

/// What would be right, in the page's language.
pub(super) fn wrong(f: &Frame, wrong: Wrong) -> String {
    match wrong {
        Wrong::NoNumber => f.t("field.whole").to_owned(),
        Wrong::TooSmall(least) => f.tf("field.at_least", &[&least]),
        Wrong::TooLarge(most) => f.tf("field.at_most", &[&most]),
        Wrong::NoneOf(words) => f.tf("field.one_of", &[&words]),
        Wrong::NoNetworks => f.t("field.networks").to_owned(),
        Wrong::NoZone => f.t("field.zone").to_owned(),
        Wrong::NoSwitch => f.tf("field.one_of", &[&"on, off"]),
        Wrong::NoLevels(_) => f.t("field.levels").to_owned(),
        Wrong::NoPattern(line) => f.tf("field.pattern_line", &[&line]),
        Wrong::Unknown => f.t("field.unknown").to_owned(),
    }
}
