//! Who changed what and who read what, newest first. **Invariant:** shows what is stored, which holds no secret.
//! **May import:** `state`, `db`.

use askama::Template;

use crate::dashboard::form::Form;
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::settings::lists::{Kind, Setting, named};
use crate::dashboard::pages::settings::{TABS, Tabs, at};
use crate::dashboard::pages::upstreams::numbers::seconds;
use crate::dashboard::reply::ApiError;
use crate::dashboard::shown::Moment;
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::{Key, Lang};
use crate::db::audit::{Entry, page};

const ROWS: i64 = 50;
const VERBS: [(&str, Key); 11] = [
    ("add", Key("audit.add")),
    ("edit", Key("audit.edit")),
    ("delete", Key("audit.delete")),
    ("test", Key("audit.test")),
    ("order", Key("audit.order")),
    ("replay", Key("audit.replay")),
    ("read", Key("audit.read")),
    ("export", Key("audit.export")),
    ("login", Key("audit.login")),
    ("logout", Key("audit.logout")),
    ("setup", Key("audit.setup")),
];
const NOUNS: [(&str, Key); 9] = [
    ("upstream", Key("audit.upstream")),
    ("key", Key("audit.key")),
    ("setting", Key("audit.setting")),
    ("price", Key("audit.price")),
    ("request", Key("audit.request")),
    ("conversation", Key("audit.conversation")),
    ("search", Key("audit.search")),
    ("session", Key("audit.session")),
    ("password", Key("audit.password")),
];

/// Fields with the words of their forms, where these name no other unit; and what is on or off.
const FIELDS: [(&str, Key); 23] = [
    ("name", Key("upstream.name")),
    ("endpoint", Key("upstream.endpoint")),
    ("sk", Key("upstream.sk")),
    ("enabled", Key("upstream.enabled")),
    ("priority", Key("upstream.priority")),
    ("position", Key("upstream.position")),
    ("weight", Key("upstream.weight")),
    ("allow_models", Key("upstream.allow_models")),
    ("deny_models", Key("upstream.deny_models")),
    ("allow_keys", Key("upstream.allow_keys")),
    ("keep_header", Key("upstream.keep_header")),
    ("recording", Key("upstream.recording")),
    ("extra_headers", Key("upstream.extra_headers")),
    ("model_map", Key("upstream.model_map")),
    ("proxy", Key("upstream.proxy")),
    ("auth", Key("upstream.auth")),
    ("pattern", Key("price.pattern")),
    ("input", Key("price.input")),
    ("output", Key("price.output")),
    ("cached", Key("price.cached")),
    ("key", Key("col.key")),
    ("old_key", Key("audit.old_key")),
    ("disabled", Key("state.disabled")),
];
/// Fields that are told in ms and whose forms have seconds.
const TIMES: [(&str, Key); 4] = [
    ("connect_timeout_ms", Key("upstream.connect")),
    ("first_byte_timeout_ms", Key("upstream.first_byte")),
    ("first_content_timeout_ms", Key("upstream.first_content")),
    ("idle_timeout_ms", Key("upstream.idle")),
];
/// Settings that stand on no tab made of settings.
const SETTINGS: [(&str, Key); 2] = [("time_zone", Key("set.zone")), ("admin_password_hash", Key("audit.password"))];
const SWITCHES: [(&str, Key); 2] = [("true", Key("audit.yes")), ("false", Key("audit.no"))];

#[derive(Template)]
#[template(path = "settings/audit.html")]
struct Audit<'a> {
    f: &'a Frame,
    tabs: Tabs,
    tab: &'static str,
    rows: Vec<Row>,
    older: Option<String>,
    newest: bool,
}

/// An entry as pages show it.
pub(in crate::dashboard) struct Row {
    pub(in crate::dashboard) time: Moment,
    pub(in crate::dashboard) who: String,
    pub(in crate::dashboard) verb: String,
    noun: String,
    href: String,
    pub(in crate::dashboard) details: Vec<String>,
}

/// `GET /admin/settings?tab=audit&before=&upstream=`: all, or what was done to one upstream.
pub(super) async fn show(visit: &Visit, query: &Form) -> Page {
    let number = |name: &str| match query.text(name) {
        "" => Ok(None),
        text => text.parse::<i64>().map(Some).map_err(|_| ApiError::field_keyed(name, Key("field.whole"), &[])),
    };
    let (before, upstream) = (number("before")?, number("upstream")?);
    let of = upstream.map(|id| ("upstream", id));
    let mut entries = visit.database(move |connection| page(connection, before, of, ROWS + 1)).await?;
    let more = entries.len() as i64 > ROWS;
    entries.truncate(ROWS as usize);
    let older = entries.last().filter(|_| more).map(|last| {
        let only = upstream.map(|id| format!("&upstream={id}")).unwrap_or_default();
        visit.frame.keep(&format!("{}{only}&before={}", at("audit"), last.id))
    });
    let f = &visit.frame;
    let rows = entries.into_iter().map(|entry| row(f, entry)).collect();
    visit.page(&Audit { f, tabs: TABS, tab: "audit", rows, older, newest: before.is_none() && upstream.is_none() })
}

/// An entry in the words of the page.
pub(in crate::dashboard) fn row(f: &Frame, entry: Entry) -> Row {
    let word = |words: &[(&str, Key)], name: &str| match words.iter().find(|(known, _)| *known == name) {
        Some((_, key)) => f.k(key).to_owned(),
        None => name.to_owned(),
    };
    let noun = word(&NOUNS, &entry.noun);
    let href = match (entry.noun.as_str(), entry.noun_id) {
        _ if entry.verb == "delete" => String::new(),
        ("upstream", Some(id)) => format!("/admin/upstreams/{id}"),
        ("request", Some(id)) => format!("/admin/requests/{id}"),
        ("conversation", Some(id)) => format!("/admin/conversations/{id}"),
        _ => String::new(),
    };
    Row {
        time: f.time(&entry.at_us),
        who: who(f, &entry.who),
        verb: word(&VERBS, &entry.verb),
        noun: entry.noun_id.map_or(noun.clone(), |id| format!("{noun} {id}")),
        href,
        details: entry.detail.lines().map(|line| detail(f, line)).collect(),
    }
}

/// Changes, `weight 1 → 2, enabled true → false`, in the page's words.
fn fields(f: &Frame, changes: &str) -> String {
    let word = |words: &[(&str, Key)], text: &str| {
        words.iter().find(|(known, _)| *known == text).map_or_else(|| text.to_owned(), |(_, key)| f.k(key).to_owned())
    };
    let change = |change: &str| match change.split_once(' ') {
        Some((field, values)) if TIMES.iter().any(|(known, _)| *known == field) => {
            format!("{} {}", word(&TIMES, field), in_seconds(values))
        }
        Some((field, values)) => {
            let values: Vec<String> = values.split(" → ").map(|value| word(&SWITCHES, value)).collect();
            format!("{} {}", word(&FIELDS, field), values.join(" → "))
        }
        None => change.to_owned(),
    };
    changes.split(", ").map(change).collect::<Vec<_>>().join(", ")
}

/// Values in ms, `5000 → 6000`, in seconds.
fn in_seconds(values: &str) -> String {
    let value = |ms: &str| ms.parse::<i64>().map_or_else(|_| ms.to_owned(), |ms| seconds(Some(ms)));
    values.split(" → ").map(value).collect::<Vec<_>>().join(" → ")
}

/// A setting's change, `breaker_open_ms: 5000 → 6000`, in the words of its form.
fn setting(f: &Frame, name: &str, values: &str) -> String {
    if let Some((_, key)) = SETTINGS.iter().find(|(known, _)| *known == name) {
        return format!("{}: {values}", f.k(key));
    }
    match named(name) {
        Some(Setting(_, label, _, Kind::Seconds)) => format!("{}: {}", f.k(label), in_seconds(values)),
        Some(Setting(_, label, ..)) => format!("{}: {values}", f.k(label)),
        None => format!("{name}: {values}"),
    }
}

/// Who did it: `session 1f2e3d4c, 127.0.0.1`, `password, 127.0.0.1`.
fn who(f: &Frame, stored: &str) -> String {
    let known = [
        ("session ", Key("audit.by_session")),
        ("password", Key("audit.by_password")),
        ("login", Key("audit.by_login")),
    ];
    let found = known.into_iter().find_map(|(word, key)| Some((key, stored.strip_prefix(word)?)));
    found.map_or_else(|| stored.to_owned(), |(key, rest)| f.tf(key.0, &[&rest]))
}

/// A line of what changed, `+ upstream main: weight 2`, with the kind of thing in the page's words. English pages say fields as
/// the database does.
fn detail(f: &Frame, line: &str) -> String {
    let (sign, rest) = match line.split_once(' ') {
        Some((sign @ ("+" | "−"), rest)) => (format!("{sign} "), rest),
        _ => (String::new(), line),
    };
    let kind = rest.split_once(' ').and_then(|(kind, rest)| {
        let (_, key) = NOUNS.iter().find(|(known, _)| *known == kind)?;
        let rest = match (f.lang, rest.split_once(": ")) {
            (Lang::Zh, Some((name, values))) if kind == "setting" => setting(f, name, values),
            (Lang::Zh, Some((name, changes))) => format!("{name}: {}", fields(f, changes)),
            _ => rest.to_owned(),
        };
        Some(format!("{sign}{} {rest}", f.k(key)))
    });
    kind.unwrap_or_else(|| line.to_owned())
}
