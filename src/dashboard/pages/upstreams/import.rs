//! Taking many upstreams in: paste, look at what each line is, confirm, and see what came of it.
//!
//! **Invariant:** pasted keys wait in memory, bounded and for a while; a page shows them masked only.
//! **May import:** `state`, `db`, `roster`.

use std::collections::HashSet;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Path;
use askama::Template;

use crate::config::DEFAULT_ENDPOINT;
use crate::dashboard::form::{Field, Form, Problem, problems};
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::upstreams::lines::{Line, Read, read};
use crate::dashboard::password::random_secret;
use crate::dashboard::reply::ApiError;
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::upstreams::{self, NewUpstream};
use crate::error::Error;
use crate::roster::masked;

/// Lines taken at a time.
const MOST: usize = 5_000;

/// A pasted list between preview and result.
pub(in crate::dashboard) struct Batch {
    lines: Vec<Read>,
    /// (added, already there) once it was confirmed.
    result: Option<(usize, usize)>,
}

#[derive(Template)]
#[template(path = "upstreams/import.html")]
struct Import<'a> {
    f: &'a Frame,
    endpoint: Field,
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
    result: Option<(usize, usize)>,
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
    visit.page(&Import { f: &visit.frame, endpoint, text: Field::new("text", ""), problems: Vec::new() })
}

/// `POST /admin/upstreams/import`: reads the text, then on to the batch's own page.
pub(super) async fn preview(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let endpoint = Field::new("endpoint", form.text("endpoint"));
    let mut text = Field::new("text", "");
    let lines = read(form.text("text"), &endpoint.value);
    if lines.is_empty() || lines.len() > MOST {
        text.problem = if lines.is_empty() {
            visit.frame.t("import.nothing").to_owned()
        } else {
            visit.frame.tf("import.too_many", &[&lines.len(), &MOST])
        };
        let problems = problems(&[(&text, visit.frame.t("import.text"))]);
        return visit.page_as(StatusCode::UNPROCESSABLE_ENTITY, &Import { f: &visit.frame, endpoint, text, problems });
    }
    let failed =
        |error: openssl::error::ErrorStack| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    let name = random_secret("").map_err(failed)?;
    visit.state.memory.imports.put(name.clone(), Batch { lines, result: None });
    Ok(crate::dashboard::form::see(&format!("/admin/upstreams/import/{name}")))
}

fn gone() -> ApiError {
    ApiError::keyed(StatusCode::NOT_FOUND, Key("import.gone"))
}

/// `GET /admin/upstreams/import/{batch}`: what each line is, or what came of them.
pub(super) async fn show(visit: Visit, batch: Path<String>) -> Page {
    let (lines, result) =
        visit.state.memory.imports.with(&batch, |batch| (batch.lines.clone(), batch.result)).ok_or_else(gone)?;
    let mut seen = stored(&visit).await?;
    let f = &visit.frame;
    let rows: Vec<Row> = lines.iter().map(|line| row(f, line, &mut seen)).collect();
    let count = |class: &str| rows.iter().filter(|row| row.class == class).count();
    let (new, known, malformed) = (count("ok"), count("info"), count("err"));
    visit.page(&Preview { f, batch: &batch, new, known, malformed, rows, result })
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
    let wanted: Vec<Line> = visit
        .state
        .memory
        .imports
        .with(&batch, |batch| {
            // A second confirmation finds nothing left to do.
            if batch.result.is_some() {
                return Vec::new();
            }
            let lines = batch.lines.iter().flatten();
            lines
                .filter(|line| i64::try_from(line.number).is_ok_and(|number| ticked.contains(&number)))
                .cloned()
                .collect()
        })
        .ok_or_else(gone)?;
    let to = format!("/admin/upstreams/import/{}", *batch);
    if wanted.is_empty() {
        return Ok(visit.failed(&to, visit.frame.t("import.none_ticked")));
    }
    let counts = visit.database(move |connection| add(connection, &wanted)).await?;
    visit.state.memory.imports.with(&batch, |batch| {
        batch.result = Some(counts);
        // What was pasted is not needed any more, least of all its keys.
        batch.lines.clear();
    });
    visit.live().await;
    Ok(visit.done(&to, &visit.frame.tf("import.done", &[&counts.0, &counts.1])))
}

/// Adds each line as an upstream; (added, already there).
fn add(connection: &mut crate::db::Connection, lines: &[Line]) -> Result<(usize, usize), Error> {
    let (mut added, mut known) = (0, 0);
    for line in lines {
        let mut new = NewUpstream::new(line.sk.clone(), line.endpoint.clone());
        (new.weight, new.first_byte_timeout_ms) = (line.weight, line.timeout_ms);
        match upstreams::insert(connection, &new) {
            Ok(_) => added += 1,
            Err(Error::Duplicate) => known += 1,
            Err(error) => return Err(error),
        }
    }
    Ok((added, known))
}
