//! The page of one upstream with its form, and the form for a new one.
//!
//! **Invariant:** an edit that began before another's is never stored over it unseen. **May import:** `state`, `db`, `roster`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use askama::Template;

use crate::connector::Outbound;
use crate::dashboard::form::{Field, Form};
use crate::dashboard::frame::{Flash, Frame};
use crate::dashboard::pages::span::Span;
use crate::dashboard::pages::upstreams::activity::{Head, activity, history};
use crate::dashboard::pages::upstreams::bulk::entries;
use crate::dashboard::pages::upstreams::cells::{TestLine, test_lines};
use crate::dashboard::pages::upstreams::draft::{Draft, told, version};
use crate::dashboard::pages::upstreams::state::label;
use crate::dashboard::pages::upstreams::test::test_one;
use crate::dashboard::pages::upstreams::{LIST, page_of};
use crate::dashboard::reply::ApiError;
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::settings;
use crate::db::upstreams::{self, NewUpstream, UpstreamChange, UpstreamRow};
use crate::error::Error;
use crate::roster::{ModelMap, masked};

#[derive(Template)]
#[template(path = "upstreams/edit.html")]
struct Edit<'a> {
    f: &'a Frame,
    d: Draft,
    /// The upstream that is edited; none for a new one.
    row: Option<Shown>,
    head: Option<Head>,
    /// The one whose settings a new one begins with; its key is used when none is typed.
    from: Option<(i64, String)>,
    /// Somebody else's edit came first: label, what it is now, what was typed here.
    conflicts: Vec<(&'static str, String, String)>,
}

impl Edit<'_> {
    /// What is said of the key's field: which key is stored, or whose is used.
    fn key_hint(&self) -> String {
        match (&self.row, &self.from) {
            (Some(Shown { key, .. }), _) if !key.is_empty() => self.f.tf("upstream.sk.replace", &[key]),
            (None, Some((_, key))) if !key.is_empty() => self.f.tf("upstream.sk.copied", &[key]),
            _ => self.f.t("upstream.sk.hint").to_owned(),
        }
    }
}

struct Shown {
    id: i64,
    key: String,
    version: String,
    tests: Vec<TestLine>,
    test_models: String,
    /// Models it said it has, or that are allowed: name, allowed, still there.
    models: Vec<(String, bool, bool)>,
    asked: bool,
}

impl Shown {
    fn of(visit: &Visit, row: &UpstreamRow) -> Shown {
        let allowed: Vec<String> =
            entries(&row.allow_models).into_iter().filter(|entry| !entry.contains(['*', '?'])).collect();
        let offered = visit.state.memory.tests.of(row.id).models;
        let mut models: Vec<(String, bool, bool)> =
            offered.iter().flatten().map(|model| (model.clone(), allowed.contains(model), true)).collect();
        let map = ModelMap::parse(&row.model_map).unwrap_or_default();
        let is_there = |offered: &Vec<String>, model: &String| {
            offered.contains(model) || map.get(model).is_some_and(|sent| offered.contains(&sent.name))
        };
        let gone = allowed.iter().filter(|model| offered.as_ref().is_some_and(|offered| !is_there(offered, model)));
        models.extend(gone.map(|model| (model.clone(), true, false)));
        Shown {
            id: row.id,
            key: masked(&row.sk),
            version: version(row),
            tests: test_lines(visit, row.id),
            test_models: allowed.join("\n"),
            models,
            asked: offered.is_some(),
        }
    }
}

/// `GET /admin/upstreams/new?from=`.
pub(super) async fn new(visit: Visit) -> Page {
    let from = visit.query().text("from").parse::<i64>().ok();
    let (mut d, mut source) = (Draft::empty(), None);
    if from.is_none() {
        d.position.value = visit.database(|connection| upstreams::last_position(connection)).await?.to_string();
    }
    if let Some(id) = from {
        let row = visit.database(move |connection| upstreams::find(connection, id)).await?.ok_or(Error::NotFound)?;
        d = Draft::of_row(&row);
        d.name = Field::new("name", visit.frame.tf("upstream.copy_of", &[&label(&row)]));
        source = Some((id, masked(&row.sk)));
    }
    visit.page(&Edit { f: &visit.frame, d, row: None, head: None, from: source, conflicts: Vec::new() })
}

/// `GET /admin/upstreams/{id}?tab=&range=`.
pub(super) async fn show(visit: Visit, id: Path<i64>) -> Page {
    let id = *id;
    let query = visit.query();
    // What stands in an address is looked at on every tab, whether or not it shows a stretch of time.
    Span::read(&query, (visit.frame.now_us, &visit.frame.zone))?;
    let row = visit.database(move |connection| upstreams::find(connection, id)).await?.ok_or(Error::NotFound)?;
    match query.text("tab") {
        "activity" => activity(&visit, &row, &query).await,
        "history" => history(&visit, &row).await,
        "" => page(&visit, StatusCode::OK, &row, Draft::of_row(&row), Vec::new(), version(&row)).await,
        _ => Err(ApiError::keyed(StatusCode::BAD_REQUEST, Key("upstream.no_such_tab"))),
    }
}

/// The form of an upstream that there is.
async fn page(
    visit: &Visit,
    status: StatusCode,
    row: &UpstreamRow,
    d: Draft,
    conflicts: Vec<(&'static str, String, String)>,
    version: String,
) -> Page {
    let head = Some(Head::of(visit, row, "").await?);
    let row = Some(Shown { version, ..Shown::of(visit, row) });
    visit.page_as(status, &Edit { f: &visit.frame, d, row, head, from: None, conflicts })
}

/// The form again as it was typed, not yet saved, with a line that says what came of something else.
pub(super) async fn unsaved(mut visit: Visit, id: i64, form: &Form, good: bool, said: String) -> Page {
    let row = visit.database(move |connection| upstreams::find(connection, id)).await?.ok_or(Error::NotFound)?;
    visit.frame.flash = Some(Flash { good, text: said });
    page(&visit, StatusCode::OK, &row, Draft::of_form(form), Vec::new(), form.text("version").to_owned()).await
}

/// `POST /admin/upstreams`: a new one.
pub(super) async fn add(visit: Visit, form: Form, outbound: Data<Outbound>) -> Result<HttpResponse, ApiError> {
    let mut d = Draft::of_form(&form);
    let mut source = None;
    if let Ok(id) = form.text("from").parse::<i64>() {
        source = visit.database(move |connection| upstreams::find(connection, id)).await?;
    }
    let again = |d: Draft| {
        let from = source.as_ref().map(|row| (row.id, masked(&row.sk)));
        let page = Edit { f: &visit.frame, d, row: None, head: None, from, conflicts: Vec::new() };
        visit.page_as(StatusCode::UNPROCESSABLE_ENTITY, &page)
    };
    let Some(mut change) = d.check(&visit.frame, source.as_ref(), &keys(&visit).await?) else {
        return again(d);
    };
    change.sk = change.sk.or_else(|| source.as_ref().map(|row| row.sk.clone()));
    let new = filled(change);
    match with_duplicate(visit.database(move |connection| upstreams::insert(connection, &new)).await)? {
        Some(row) => saved(&visit, &form, &outbound, &row, Key("upstreams.added")).await,
        None => {
            d.endpoint.problem = visit.frame.t("upstream.duplicate").to_owned();
            again(d)
        }
    }
}

/// The setting that names the client keys.
async fn keys(visit: &Visit) -> Result<String, ApiError> {
    Ok(visit.database(|connection| settings::get(connection, "authorization")).await?.unwrap_or_default())
}

/// `None` for an upstream that exists already, which is told at the field.
fn with_duplicate<T>(result: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match result {
        Ok(row) => Ok(Some(row)),
        Err(error) if actix_web::ResponseError::status_code(&error) == StatusCode::CONFLICT => Ok(None),
        Err(error) => Err(error),
    }
}

fn filled(change: UpstreamChange) -> NewUpstream {
    let mut new = NewUpstream::new(change.sk.unwrap_or_default(), change.endpoint.unwrap_or_default());
    new.name = change.name.unwrap_or_default();
    new.enabled = change.enabled.unwrap_or(new.enabled);
    new.priority = change.priority.unwrap_or(new.priority);
    new.position = change.position;
    new.weight = change.weight.unwrap_or(new.weight);
    new.allow_models = change.allow_models.unwrap_or_default();
    new.deny_models = change.deny_models.unwrap_or_default();
    new.allow_keys = change.allow_keys.unwrap_or_default();
    new.keep_header = change.keep_header.unwrap_or_default();
    new.recording = change.recording.unwrap_or_default();
    new.extra_headers = change.extra_headers.unwrap_or_default();
    new.model_map = change.model_map.unwrap_or_default();
    new.proxy = change.proxy.unwrap_or_default();
    new.auth = change.auth.unwrap_or(new.auth);
    new.connect_timeout_ms = change.connect_timeout_ms.flatten();
    new.first_byte_timeout_ms = change.first_byte_timeout_ms.flatten();
    new.first_content_timeout_ms = change.first_content_timeout_ms.flatten();
    new.idle_timeout_ms = change.idle_timeout_ms.flatten();
    new
}

/// `POST /admin/upstreams/{id}`: an edit.
pub(super) async fn save(
    visit: Visit,
    id: Path<i64>,
    form: Form,
    outbound: Data<Outbound>,
) -> Result<HttpResponse, ApiError> {
    let id = *id;
    let mut d = Draft::of_form(&form);
    let row = visit.database(move |connection| upstreams::find(connection, id)).await?.ok_or(Error::NotFound)?;
    let seen = form.text("version").to_owned();
    let Some(change) = d.check(&visit.frame, Some(&row), &keys(&visit).await?) else {
        return page(&visit, StatusCode::UNPROCESSABLE_ENTITY, &row, d, Vec::new(), seen).await;
    };
    let expected = seen.clone();
    let stored = visit
        .database(move |connection| upstreams::update_if(connection, id, |row| version(row) == expected, &change))
        .await;
    match with_duplicate(stored)? {
        Some(Ok(row)) => saved(&visit, &form, &outbound, &row, Key("upstreams.saved")).await,
        Some(Err(now)) => {
            let conflicts = differences(&visit.frame, &Draft::of_row(&now), &d);
            let current = version(&now);
            page(&visit, StatusCode::CONFLICT, &now, d, conflicts, current).await
        }
        None => {
            d.endpoint.problem = visit.frame.t("upstream.duplicate").to_owned();
            page(&visit, StatusCode::UNPROCESSABLE_ENTITY, &row, d, Vec::new(), seen).await
        }
    }
}

/// Where two drafts differ: label, what is stored, what was typed. Keys are never shown.
fn differences(f: &Frame, stored: &Draft, typed: &Draft) -> Vec<(&'static str, String, String)> {
    let pairs = stored.fields(f).into_iter().zip(typed.fields(f));
    let differ = pairs.filter(|((now, _), (wish, _))| now.value != wish.value && now.name != "sk");
    let mut out: Vec<_> = differ.map(|((now, label), (wish, _))| (label, told(now), told(wish))).collect();
    if stored.enabled != typed.enabled {
        let word = |on: bool| f.k(&if on { Key("upstream.on") } else { Key("upstream.off") }).to_owned();
        out.push((f.t("upstream.enabled"), word(stored.enabled), word(typed.enabled)));
    }
    if out.is_empty() {
        out.push((f.t("upstream.sk"), f.t("upstream.sk.changed").to_owned(), String::new()));
    }
    out
}

async fn saved(
    visit: &Visit,
    form: &Form,
    outbound: &Outbound,
    row: &UpstreamRow,
    said: Key,
) -> Result<HttpResponse, ApiError> {
    visit.live().await;
    if !form.has("test") {
        return Ok(visit.done(LIST, &visit.frame.tf(said.0, &[&label(row)])));
    }
    let found = visit.state.roster.load().upstreams.iter().find(|upstream| upstream.id == row.id).cloned();
    let good = match found {
        Some(upstream) => test_one(visit, outbound, &upstream, &[]).await,
        None => false,
    };
    let tested = if good { Key("test.good") } else { Key("test.bad") };
    let [said, tested] = [said, tested].map(|key| visit.frame.tf(key.0, &[&label(row)]));
    let (to, said) = (page_of(row.id), visit.frame.tf("upstreams.saved_tested", &[&said, &tested]));
    Ok(if good { visit.done(&to, &said) } else { visit.failed(&to, &said) })
}
