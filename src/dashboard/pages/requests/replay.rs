//! A request sent again: to an upstream of one's choice or wherever it would go, perhaps with other parameters.
//!
//! Tools in the reply are shown, never run.
//!
//! **Invariant:** only a body that is recorded as a whole is sent again, one with parts redacted only after that was told;
//! what is not edited in it goes byte for byte.
//! **May import:** `state`, `db`, `roster`, `connector`, `recorder`, `openai`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use askama::Template;
use serde_json::{Map, Value};

use crate::connector::Outbound;
use crate::dashboard::form::{Field, Form, Problem, problems, see};
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::indent::pretty;
use crate::dashboard::pages::requests::estimate::Estimate;
use crate::dashboard::pages::requests::one::load;
use crate::dashboard::pages::requests::resend::{planned, resend, usable};
use crate::dashboard::pages::requests::search_of;
use crate::dashboard::reply::ApiError;
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::records::{Record, replays_of};
use crate::openai::edit::with_member;
use crate::openai::usage_splice::ask_for_usage;
use crate::roster::Upstream;

/// How long the record of it may take, and how often it is looked for.
const RECORDED: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);
/// A larger body is not shown in the form, and sent as it is recorded.
const EDITED_BYTES: usize = 100 << 10;
/// Replays of one request among which the newest is looked for.
const REPLAYS: i64 = 10_000;
/// Names under which bodies limit their reply.
const LIMITS: [&str; 3] = ["max_completion_tokens", "max_output_tokens", "max_tokens"];
/// Words in the note on a recorded body which is not the one that was sent.
const CUT: [&str; 4] = ["cut", "not kept", "lost", "multipart"];
/// Whether a stream is wanted: what a body says, and its words.
const STREAMS: [(&str, Key); 2] = [("false", Key("replay.whole")), ("true", Key("replay.streamed"))];

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
    streams: Vec<(&'static str, Key, bool)>,
    temperature: Field,
    max_tokens: Field,
    body: Field,
    too_large: bool,
    /// Something was taken out of the body when it was recorded.
    redacted: bool,
    estimate: Estimate,
    problems: Vec<Problem>,
    /// The search it came from.
    back: String,
}

/// Why a record cannot be sent again.
pub(super) fn refused(record: &Record) -> Option<Key> {
    let note = record.texts.body_note.as_deref().unwrap_or_default();
    match &record.texts.body {
        None => Some(Key("replay.no_body")),
        Some(_) if CUT.iter().any(|word| note.contains(word)) => Some(Key("replay.cut")),
        Some(body) if serde_json::from_slice::<Map<String, Value>>(body).is_err() => Some(Key("replay.other")),
        _ if record.row.facts.method != "POST" || !record.row.facts.path.starts_with("/v1/") => {
            Some(Key("replay.other"))
        }
        _ => None,
    }
}

/// Whether something was taken out of a body before it was recorded.
fn is_redacted(record: &Record) -> bool {
    let note = record.texts.body_note.as_deref().unwrap_or_default();
    note.split(", ").any(|note| note == "redacted")
}

/// What a body says under a name, as a form shows it.
fn said(body: &Map<String, Value>, name: &str) -> String {
    let value = body.get(name).filter(|value| !value.is_null());
    value.map_or_else(String::new, |value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// The name under which a body limits its reply, or would.
fn limit_of(body: &Map<String, Value>, path: &str) -> &'static str {
    let by_path = if path.contains("/responses") { "max_output_tokens" } else { "max_tokens" };
    LIMITS.into_iter().find(|name| body.contains_key(*name)).unwrap_or(by_path)
}

/// The recorded body as the form shows it; nothing of one that is too large for that.
fn shown_body(record: &Record) -> Option<String> {
    let body = record.texts.body.as_deref().unwrap_or_default();
    (body.len() <= EDITED_BYTES).then(|| pretty(&String::from_utf8_lossy(body)))
}

fn page(visit: &Visit, record: &Record, form: Option<&Form>, problem: Option<(&'static str, String)>) -> Page {
    let stored = record.texts.body.as_deref().unwrap_or_default();
    let value: Map<String, Value> = serde_json::from_slice(stored).unwrap_or_default();
    let facts = &record.row.facts;
    let field = |name: &'static str, stored: String| {
        let mut field = Field::new(name, form.map_or(stored, |form| form.text(name).to_owned()));
        if let Some((_, what)) = problem.as_ref().filter(|(wrong, _)| *wrong == name) {
            field.problem.clone_from(what);
        }
        field
    };
    let text = shown_body(record);
    let too_large = text.is_none();
    let f = &visit.frame;
    let fields = [
        field("model", said(&value, "model")),
        field("temperature", said(&value, "temperature")),
        field("max_tokens", said(&value, limit_of(&value, &facts.path))),
        field("body", text.unwrap_or_default()),
    ];
    let labels = [f.t("replay.model"), f.t("replay.temperature"), f.t("replay.max_tokens"), f.t("replay.body")];
    let listed: Vec<(&Field, &'static str)> = fields.iter().zip(labels).collect();
    let problems = problems(&listed);
    let [model, temperature, max_tokens, body] = fields;
    let upstreams = usable(visit);
    let chosen = match form.map(|form| form.text("upstream")) {
        Some(chosen) => chosen.parse().ok(),
        None => facts.upstream_id,
    };
    let stream = form.map_or(said(&value, "stream"), |form| form.text("stream").to_owned());
    let estimated = form.and_then(|form| edited(f, record, form).ok()).unwrap_or_else(|| stored.to_vec());
    let prices = Arc::clone(&visit.state.roster.load().prices);
    visit.page_as(
        if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK },
        &Ask {
            f,
            id: record.row.id,
            refused: refused(record).or(upstreams.is_empty().then_some(Key("replay.no_upstream"))),
            upstreams: upstreams.iter().map(|one| (one.id, one.label.clone(), chosen == Some(one.id))).collect(),
            streams: STREAMS.map(|(name, key)| (name, key, name == stream)).into(),
            estimate: Estimate::of(record, &estimated, max_tokens.value.parse().ok(), &prices),
            model,
            temperature,
            max_tokens,
            body,
            too_large,
            redacted: is_redacted(record),
            problems,
            back: search_of(visit).with(&[]),
        },
    )
}

/// `GET /admin/requests/{id}/replay`.
pub(super) async fn ask(visit: Visit, id: Path<i64>) -> Page {
    let record = load(&visit, *id).await?;
    page(&visit, &record, None, None)
}

/// The body to be sent: the recorded bytes, or those typed, with the members that a field says otherwise.
fn edited(f: &Frame, record: &Record, form: &Form) -> Result<Vec<u8>, (&'static str, String)> {
    // A browser sends line ends of its own.
    let typed = form.text("body").replace("\r\n", "\n");
    let shown = shown_body(record);
    if typed.is_empty() && form.has("body") && shown.is_some() {
        return Err(("body", f.t("replay.empty").to_owned()));
    }
    let is_as_shown = typed.is_empty() || shown.is_some_and(|shown| shown.trim() == typed);
    let stored = record.texts.body.as_deref().unwrap_or_default();
    let mut body = if is_as_shown { stored.to_vec() } else { typed.into_bytes() };
    let value: Map<String, Value> = serde_json::from_slice(&body)
        .map_err(|error| ("body", f.tf("replay.no_json", &[&error.line(), &error.column()])))?;
    let limit = limit_of(&value, &record.row.facts.path);
    for (field, name) in
        [("model", "model"), ("temperature", "temperature"), ("max_tokens", limit), ("stream", "stream")]
    {
        let wish = form.text(field);
        if wish.is_empty() || wish == said(&value, name) {
            continue;
        }
        let json = match field {
            "model" => Value::from(wish),
            "stream" => Value::from(wish == "true"),
            _ => {
                let number: Option<Value> = serde_json::from_str(wish).ok().filter(Value::is_number);
                number.ok_or_else(|| (field, f.t("replay.no_number").to_owned()))?
            }
        };
        // A number stays as it was typed.
        let json = if json.is_number() { wish.to_owned() } else { json.to_string() };
        body = with_member(&body, name, json.as_bytes());
    }
    if form.text("stream") == "false" && value.contains_key("stream_options") {
        // Services refuse options for a stream that is none.
        body = with_member(&body, "stream_options", b"null");
    }
    Ok(body)
}

/// `POST /admin/requests/{id}/replay`: sends it, or with `estimate` only tells again what it will take.
pub(super) async fn send(
    visit: Visit,
    id: Path<i64>,
    form: Form,
    outbound: Data<Outbound>,
) -> Result<HttpResponse, ApiError> {
    let record = load(&visit, *id).await?;
    let unfit = |why| ApiError::keyed(StatusCode::UNPROCESSABLE_ENTITY, why);
    if let Some(why) = refused(&record) {
        return Err(unfit(why));
    }
    let body = match edited(&visit.frame, &record, &form) {
        Ok(body) => body,
        Err(problem) => return page(&visit, &record, Some(&form), Some(problem)),
    };
    if form.has("estimate") {
        return page(&visit, &record, Some(&form), None);
    }
    let upstreams = match form.text("upstream") {
        "" | "auto" => planned(&visit, &record, &body),
        chosen => usable(&visit).into_iter().filter(|one| chosen.parse() == Ok(one.id)).collect(),
    };
    if upstreams.is_empty() {
        return Err(unfit(Key("replay.not_now")));
    }
    sent(&visit, &outbound, &upstreams, &record, body).await
}

/// Sends the body and leads to the page that compares both replies, once the replay's record is there.
async fn sent(visit: &Visit, outbound: &Outbound, upstreams: &[Arc<Upstream>], record: &Record, body: Vec<u8>) -> Page {
    let (id, back) = (record.row.id, search_of(visit).with(&[]));
    let asks = visit.state.roster.load().settings.stream_usage && record.row.facts.path.contains("/completions");
    let body = match ask_for_usage(&body).filter(|_| asks) {
        Some(question) => question.apply(&body),
        None => body,
    };
    let draft = resend(visit, outbound, upstreams, record, body).await;
    let started_us = draft.started_us;
    visit.state.recorder.file(draft);
    let until = Instant::now() + RECORDED;
    while Instant::now() < until {
        let rows = visit.database(move |connection| replays_of(connection, id, REPLAYS)).await?;
        if let Some(row) = rows.iter().rev().find(|row| row.facts.started_us == started_us) {
            return Ok(see(&format!("/admin/requests/{id}/replay/{}{back}", row.id)));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(visit.failed(&format!("/admin/requests/{id}{back}"), visit.frame.t("replay.unrecorded")))
}
