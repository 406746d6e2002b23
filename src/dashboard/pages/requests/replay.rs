//! A request sent again: to a chosen upstream, perhaps with other parameters, and both replies side by side.
//!
//! What comes back is recorded as a request of its own, marked as a replay. Tools are shown, never run.
//!
//! **Invariant:** only a body that is recorded as it was sent is sent again; a replay blames no upstream.
//! **May import:** `state`, `db`, `roster`, `connector`, `recorder`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Data, Path};
use askama::Template;
use serde_json::{Map, Value};

use crate::connector::Outbound;
use crate::dashboard::form::{Field, Form, Problem, problems, see};
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::requests::one::load;
use crate::dashboard::pages::requests::table::{dash, money};
use crate::dashboard::probe;
use crate::dashboard::reply::ApiError;
use crate::dashboard::session::now_us;
use crate::dashboard::shown;
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::records::{Marks, Record, newest_id, rows_after};
use crate::recorder::{AttemptNote, Draft, Ending, Kept, Side};
use crate::roster::{Recording, Upstream};

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long the record of it may take, and how often it is looked for.
const RECORDED: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);
/// A larger body is not shown in the form, and sent as it is recorded.
const EDITED_BYTES: usize = 100 << 10;

#[derive(Template)]
#[template(path = "requests/replay.html")]
struct Ask<'a> {
    f: &'a Frame,
    id: i64,
    /// Why it cannot be sent again.
    refused: Option<Key>,
    /// (id, name, is it the one that answered)
    upstreams: Vec<(i64, String, bool)>,
    model: Field,
    temperature: Field,
    max_tokens: Field,
    body: Field,
    too_large: bool,
    tokens: String,
    cost: String,
    problems: Vec<Problem>,
}

/// Why a record cannot be sent again.
fn refused(record: &Record) -> Option<Key> {
    match (&record.texts.body, &record.texts.body_note) {
        (None, _) => Some(Key("replay.no_body")),
        (_, Some(_)) => Some(Key("replay.cut")),
        _ if record.row.facts.method != "POST" || !record.row.facts.path.starts_with("/v1/") => {
            Some(Key("replay.other"))
        }
        _ => None,
    }
}

/// The upstreams that have a key of their own and whose replies are recorded.
fn usable(visit: &Visit) -> Vec<Arc<Upstream>> {
    let snapshot = visit.state.roster.load();
    let full = |upstream: &&Arc<Upstream>| {
        upstream.authorization.is_some() && upstream.recording.min(snapshot.settings.recording) == Recording::Full
    };
    snapshot.upstreams.iter().filter(full).cloned().collect()
}

fn page(visit: &Visit, record: &Record, form: Option<&Form>, problem: Option<(&'static str, String)>) -> Page {
    let body = record.texts.body.as_deref().unwrap_or_default();
    let value: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    let said =
        |name: &str| value.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let field = |name: &'static str, stored: Option<String>| {
        let typed = form.map(|form| form.text(name).to_owned());
        let mut field = Field::new(name, typed.or(stored).unwrap_or_default());
        if let Some((_, what)) = problem.as_ref().filter(|(wrong, _)| *wrong == name) {
            field.problem.clone_from(what);
        }
        field
    };
    let too_large = body.len() > EDITED_BYTES;
    let text = serde_json::from_slice::<Value>(body).and_then(|value| serde_json::to_string_pretty(&value)).ok();
    let facts = &record.row.facts;
    let chosen = form.and_then(|form| form.text("upstream").parse().ok()).or(facts.upstream_id);
    let f = &visit.frame;
    let fields = [
        field("model", said("model")),
        field("temperature", said("temperature")),
        field("max_tokens", limit_of(&value).and_then(said)),
        field("body", text.filter(|_| !too_large)),
    ];
    let labels = [f.t("replay.model"), f.t("replay.temperature"), f.t("replay.max_tokens"), f.t("replay.body")];
    let listed: Vec<(&Field, &'static str)> = fields.iter().zip(labels).collect();
    let problems = problems(&listed);
    let [model, temperature, max_tokens, body] = fields;
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let upstreams = usable(visit);
    visit.page_as(
        status,
        &Ask {
            f,
            id: record.row.id,
            refused: refused(record).or(upstreams.is_empty().then_some(Key("replay.no_upstream"))),
            upstreams: upstreams.iter().map(|one| (one.id, one.label.clone(), chosen == Some(one.id))).collect(),
            model,
            temperature,
            max_tokens,
            body,
            too_large,
            tokens: shown::tokens(facts.tokens_in, facts.tokens_out),
            cost: facts.cost_nano.map_or_else(dash, money),
            problems,
        },
    )
}

/// The name under which a body limits its reply.
fn limit_of(value: &Map<String, Value>) -> Option<&'static str> {
    ["max_completion_tokens", "max_output_tokens", "max_tokens"].into_iter().find(|name| value.contains_key(*name))
}

/// `GET /admin/requests/{id}/replay`.
pub(super) async fn ask(visit: Visit, id: Path<i64>) -> Page {
    let record = load(&visit, *id).await?;
    page(&visit, &record, None, None)
}

/// The body to be sent: as edited, with the fields' values, never as a stream.
fn edited(f: &Frame, record: &Record, form: &Form) -> Result<Map<String, Value>, (&'static str, String)> {
    let typed = form.text("body");
    let stored = record.texts.body.as_deref().unwrap_or_default();
    let bytes = if typed.is_empty() { stored } else { typed.as_bytes() };
    let mut body: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|error| ("body", f.tf("replay.no_json", &[&error])))?;
    if !form.text("model").is_empty() {
        body.insert("model".to_owned(), form.text("model").into());
    }
    let number = |name: &'static str| match form.text(name) {
        "" => Ok(None),
        text => {
            let value: Option<Value> = serde_json::from_str(text).ok().filter(Value::is_number);
            value.map(Some).ok_or_else(|| (name, f.t("replay.no_number").to_owned()))
        }
    };
    if let Some(value) = number("temperature")? {
        body.insert("temperature".to_owned(), value);
    }
    if let Some(value) = number("max_tokens")? {
        let by_path = if record.row.facts.path.contains("/responses") { "max_output_tokens" } else { "max_tokens" };
        let name = limit_of(&body).unwrap_or(by_path);
        body.insert(name.to_owned(), value);
    }
    body.remove("stream_options");
    if body.contains_key("stream") {
        body.insert("stream".to_owned(), false.into());
    }
    Ok(body)
}

/// `POST /admin/requests/{id}/replay`.
pub(super) async fn send(
    visit: Visit,
    id: Path<i64>,
    form: Form,
    outbound: Data<Outbound>,
) -> Result<HttpResponse, ApiError> {
    let record = load(&visit, *id).await?;
    let chosen = usable(&visit).into_iter().find(|upstream| form.text("upstream").parse() == Ok(upstream.id));
    let Some(upstream) = chosen.filter(|_| refused(&record).is_none()) else {
        return Err(ApiError::keyed(StatusCode::CONFLICT, Key("replay.not_now")));
    };
    let body = match edited(&visit.frame, &record, &form) {
        Ok(body) => body,
        Err(problem) => return page(&visit, &record, Some(&form), Some(problem)),
    };
    let newest = visit.database(|connection| newest_id(connection)).await?;
    let draft = replayed(&visit, &outbound, &upstream, &record, body).await;
    let started_us = draft.started_us;
    visit.state.recorder.file(draft);
    let until = Instant::now() + RECORDED;
    while Instant::now() < until {
        let rows = visit.database(move |connection| rows_after(connection, newest, 1_000)).await?;
        let is_it =
            |row: &&crate::db::records::Row| Marks::Replay.is_in(row.signs.marks) && row.facts.started_us == started_us;
        if let Some(row) = rows.iter().find(is_it) {
            return Ok(see(&format!("/admin/requests/{}/replay/{}", record.row.id, row.id)));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(visit.failed(&format!("/admin/requests/{}", record.row.id), visit.frame.t("replay.unrecorded")))
}

/// Sends it, and tells what came of it as the hot path would.
async fn replayed(
    visit: &Visit,
    outbound: &Outbound,
    upstream: &Upstream,
    record: &Record,
    body: Map<String, Value>,
) -> Draft {
    let facts = &record.row.facts;
    let model = body.get("model").and_then(Value::as_str).map(str::to_owned);
    let bytes = Value::Object(body).to_string().into_bytes();
    let (started_us, began) = (now_us(), Instant::now());
    let us = |from: Instant, to: Instant| i64::try_from((to - from).as_micros()).unwrap_or(i64::MAX);
    let path = facts.path.strip_prefix("/v1").unwrap_or(&facts.path);
    let answer = probe::send(outbound, upstream, Method::POST, path, Some(bytes.clone()), PATIENCE).await;
    let total_us = us(began, Instant::now());
    let (status, first_us, error, reply) = match answer {
        Ok(answer) => {
            // An upstream may repeat the key it was sent.
            let body = match String::from_utf8(answer.body) {
                Ok(text) => upstream.scrub(&text).into_bytes(),
                Err(bad) => bad.into_bytes(),
            };
            let reply = Side {
                total_bytes: body.len() as u64,
                kept: Kept::Copy(body),
                content_type: answer.content_type,
                ..Side::default()
            };
            (Some(answer.status), Some(us(began, answer.began)), None, reply)
        }
        Err(problem) => (None, None, Some(upstream.scrub(&problem)), Side::default()),
    };
    let held = bytes.len() + reply.held_bytes();
    let charged = visit.state.recorder.budget.take(held);
    Draft {
        started_us,
        key_name: String::new(),
        key_last4: String::new(),
        ip: visit.address().to_owned(),
        lossy: false,
        hold: None,
        user_agent: concat!("openai-api-route/", env!("CARGO_PKG_VERSION"), " replay").to_owned(),
        host: facts.host.clone(),
        session: None,
        method: facts.method.clone(),
        path: facts.path.clone(),
        model_sent: model.as_deref().and_then(|model| upstream.models.get(model)).map(|sent| sent.name.clone()),
        model,
        status: status.unwrap_or(502),
        upstream_id: Some(upstream.id),
        streamed: false,
        first_byte_us: first_us,
        first_content_us: None,
        total_us,
        attempts: vec![AttemptNote {
            upstream_id: upstream.id,
            began_us: 0,
            took_us: Some(total_us),
            status,
            error: error.clone(),
        }],
        ending: if status.is_some() { Ending::Complete } else { Ending::Refused },
        error,
        resource_id: None,
        heads: Vec::new(),
        request: Side {
            total_bytes: bytes.len() as u64,
            kept: if charged { Kept::Copy(bytes) } else { Kept::Nothing },
            content_type: "application/json".to_owned(),
            ..Side::default()
        },
        reply: if charged { reply } else { Side::default() },
        with_bodies: charged,
        is_replay: true,
        charged_bytes: if charged { held } else { 0 },
    }
}
