//! Taking many upstreams in: paste, look at what each line is, confirm, and see what came of it.
//!
//! **Invariant:** pasted keys wait in memory, bounded and for a while; a page shows them masked only.
//! **May import:** `state`, `db`, `roster`.

use std::collections::HashSet;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, REFRESH};
use actix_web::web::Path;
use askama::Template;

use crate::config::DEFAULT_ENDPOINT;
use crate::dashboard::form::{Field, Form, Problem, problems};
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::upstreams::lines::{Line, Read, read};
use crate::dashboard::password::random_secret;
use crate::dashboard::reply::{ApiError, with_database};
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::upstreams::{self, NewUpstream};
use crate::error::Error;
use crate::roster::{Auth, masked};
use crate::state::State;

/// Lines taken at a time.
const MOST: usize = 5_000;

/// Lines stored at a time; in between, pages can tell how far it is.
const AT_A_TIME: usize = 50;

/// A pasted list between preview and result.
pub(in crate::dashboard) struct Batch {
    lines: Vec<Read>,
    /// How every line's key is sent.
    auth: String,
    stage: Stage,
}

/// How far a batch has come.
#[derive(Clone, Copy)]
enum Stage {
    /// Nobody has confirmed it.
    Waiting,
    /// It is being stored: lines done, and all.
    Running(usize, usize),
    /// It is over: added, already there.
    Over(usize, usize),
}

#[derive(Template)]
#[template(path = "upstreams/import.html")]
struct Import<'a> {
    f: &'a Frame,
    endpoint: Field,
    auth: Field,
    text: Field,
    problems: Vec<Problem>,
}

#[derive(Template)]
#[template(path = "upstreams/preview.html")]
struct Preview<'a> {
    f: &'a Frame,
    batch: &'a str,
    rows: Vec<Row>,
    new: usize,
    known: usize,
    malformed: usize,
    stage: Stage,
}

struct Row {
    number: usize,
    endpoint: String,
    key: String,
    weight: i64,
    class: &'static str,
    kind: &'static str,
    is_new: bool,
}

/// `GET /admin/upstreams/import`.
pub(super) async fn ask(visit: Visit) -> Page {
    let endpoint = Field::new("endpoint", DEFAULT_ENDPOINT);
    let (auth, text) = (Field::new("auth", "bearer"), Field::new("text", ""));
    visit.page(&Import { f: &visit.frame, endpoint, auth, text, problems: Vec::new() })
}

/// `POST /admin/upstreams/import`: reads the text, then on to the batch's own page.
pub(super) async fn preview(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let endpoint = Field::new("endpoint", form.text("endpoint"));
    let auth = if form.has("auth") { form.text("auth") } else { "bearer" };
    let (mut auth, mut text) = (Field::new("auth", auth), Field::new("text", ""));
    let lines = read(form.text("text"), &endpoint.value);
    let f = &visit.frame;
    if auth.value.parse::<Auth>().is_err() {
        auth.problem = f.tf("field.one_of", &[&Auth::WORDS]);
    }
    if lines.is_empty() {
        text.problem = f.t("import.nothing").to_owned();
    } else if lines.len() > MOST {
        text.problem = f.tf("import.too_many", &[&lines.len(), &MOST]);
    }
    if auth.is_bad() || text.is_bad() {
        let problems = problems(&[(&auth, f.t("upstream.auth")), (&text, f.t("import.text"))]);
        return visit.page_as(StatusCode::UNPROCESSABLE_ENTITY, &Import { f, endpoint, auth, text, problems });
    }
    let failed =
        |error: openssl::error::ErrorStack| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    let name = random_secret("").map_err(failed)?;
    visit.state.memory.imports.put(name.clone(), Batch { lines, auth: auth.value, stage: Stage::Waiting });
    Ok(crate::dashboard::form::see(&format!("/admin/upstreams/import/{name}")))
}

fn gone() -> ApiError {
    ApiError::keyed(StatusCode::NOT_FOUND, Key("import.gone"))
}

/// `GET /admin/upstreams/import/{batch}`: what each line is, how far it is, or what came of them.
pub(super) async fn show(visit: Visit, batch: Path<String>) -> Page {
    let (lines, stage) =
        visit.state.memory.imports.with(&batch, |batch| (batch.lines.clone(), batch.stage)).ok_or_else(gone)?;
    let mut seen = stored(&visit).await?;
    let f = &visit.frame;
    let rows: Vec<Row> = lines.iter().map(|line| row(f, line, &mut seen)).collect();
    let count = |class: &str| rows.iter().filter(|row| row.class == class).count();
    let (new, known, malformed) = (count("ok"), count("info"), count("err"));
    let mut response = visit.page(&Preview { f, batch: &batch, new, known, malformed, rows, stage })?;
    if let Stage::Running(..) = stage {
        response.headers_mut().insert(REFRESH, HeaderValue::from_static("1"));
    }
    Ok(response)
}

/// (endpoint, sk) of every upstream there is.
async fn stored(visit: &Visit) -> Result<HashSet<(String, String)>, ApiError> {
    let rows = visit.database(|connection| upstreams::list(connection)).await?;
    Ok(rows.into_iter().map(|row| (row.endpoint, row.sk)).collect())
}

fn row(f: &Frame, line: &Read, seen: &mut HashSet<(String, String)>) -> Row {
    match line {
        Ok(line) => {
            let is_new = seen.insert((line.endpoint.clone(), line.sk.clone()));
            Row {
                number: line.number,
                endpoint: line.endpoint.clone(),
                key: masked(&line.sk),
                weight: line.weight,
                class: if is_new { "ok" } else { "info" },
                kind: f.k(&if is_new { Key("import.new") } else { Key("import.known") }),
                is_new,
            }
        }
        Err(number) => Row {
            number: *number,
            endpoint: String::new(),
            key: String::new(),
            weight: 0,
            class: "err",
            kind: f.t("import.malformed"),
            is_new: false,
        },
    }
}

/// `POST /admin/upstreams/import/{batch}`: adds the lines whose numbers are ticked (`line`).
pub(super) async fn confirm(visit: Visit, batch: Path<String>, form: Form) -> Result<HttpResponse, ApiError> {
    let ticked: HashSet<i64> = form.numbers("line").into_iter().collect();
    let begin = |batch: &mut Batch| {
        let is_ticked = |line: &&Line| i64::try_from(line.number).is_ok_and(|number| ticked.contains(&number));
        let (stage, lines) = (batch.stage, batch.lines.iter().flatten().filter(is_ticked));
        let wanted: Vec<NewUpstream> = lines.map(|line| upstream(line, &batch.auth)).collect();
        if let (Stage::Waiting, false) = (stage, wanted.is_empty()) {
            batch.stage = Stage::Running(0, wanted.len());
        }
        (stage, wanted)
    };
    let (stage, wanted) = visit.state.memory.imports.with(&batch, begin).ok_or_else(gone)?;
    let to = format!("/admin/upstreams/import/{}", *batch);
    let (added, known) = match stage {
        Stage::Waiting if wanted.is_empty() => return Ok(visit.failed(&to, visit.frame.t("import.none_ticked"))),
        // The audit sees to it that this goes on when whoever confirmed does not wait for it.
        Stage::Waiting => store(&visit.state, &batch, wanted).await?,
        // A second confirmation finds nothing left to do.
        Stage::Running(done, all) => return Ok(visit.done(&to, &visit.frame.tf("import.running", &[&done, &all]))),
        Stage::Over(added, known) => (added, known),
    };
    visit.live().await;
    Ok(visit.done(&to, &visit.frame.tf("import.done", &[&added, &known])))
}

/// Stores the lines of a batch; (added, already there). After an error the batch can be confirmed again.
async fn store(state: &State, batch: &str, lines: Vec<NewUpstream>) -> Result<(usize, usize), ApiError> {
    let (mut added, mut known) = (0, 0);
    let imports = &state.memory.imports;
    for part in lines.chunks(AT_A_TIME) {
        let part = part.to_vec();
        match with_database(&state.database, move |connection| add(connection, &part)).await {
            Ok(counts) => (added, known) = (added + counts.0, known + counts.1),
            Err(error) => {
                imports.with(batch, |batch| batch.stage = Stage::Waiting);
                return Err(error);
            }
        }
        imports.with(batch, |batch| batch.stage = Stage::Running(added + known, lines.len()));
    }
    imports.with(batch, |batch| {
        batch.stage = Stage::Over(added, known);
        // What was pasted is not needed any more, least of all its keys.
        batch.lines.clear();
    });
    Ok((added, known))
}

/// The upstream that a line names.
fn upstream(line: &Line, auth: &str) -> NewUpstream {
    NewUpstream {
        weight: line.weight,
        first_byte_timeout_ms: line.timeout_ms,
        auth: auth.to_owned(),
        ..NewUpstream::new(line.sk.clone(), line.endpoint.clone())
    }
}

/// Adds each line as an upstream; (added, already there).
fn add(connection: &mut crate::db::Connection, lines: &[NewUpstream]) -> Result<(usize, usize), Error> {
    let (mut added, mut known) = (0, 0);
    for new in lines {
        match upstreams::insert(connection, new) {
            Ok(_) => added += 1,
            Err(Error::Duplicate) => known += 1,
            Err(error) => return Err(error),
        }
    }
    Ok((added, known))
}
