//! Taking many upstreams in: paste, look at what each line is, confirm, and see what came of it.
//!
//! **Invariant:** pasted keys wait in memory, bounded and for a while; a page shows them masked only, unless the text comes back to be
//! mended.
//! **May import:** `state`, `db`, `roster`.

use std::collections::{HashMap, HashSet};

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, REFRESH};
use actix_web::web::Path;
use askama::Template;

use crate::config::DEFAULT_ENDPOINT;
use crate::dashboard::form::{Field, Form, Problem, problems};
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::upstreams::lines::{Found, Line, Read, read};
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
    found: Found,
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
    /// It is over.
    Over(Tally),
}

/// What came of all the lines.
#[derive(Clone, Copy, Default)]
struct Tally {
    added: usize,
    known: usize,
    repeated: usize,
    malformed: usize,
    /// New ones that were not ticked.
    left: usize,
}

/// What a line is beside the others and the upstreams that there are.
#[derive(Clone, Copy)]
enum Kind {
    New,
    Known,
    /// The same as the line of this number.
    Repeat(usize),
    Malformed,
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
    beside: String,
    /// Before confirmation: the new ones are all in `left`.
    tally: Tally,
    stage: Stage,
}

struct Row {
    number: usize,
    endpoint: String,
    key: String,
    weight: i64,
    class: &'static str,
    kind: String,
    /// What is wrong with it, or not taken of it.
    note: String,
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
    let (mut auth, mut text) = (Field::new("auth", auth), Field::new("text", form.text("text")));
    let found = read(form.text("text"), &endpoint.value);
    let f = &visit.frame;
    if auth.value.parse::<Auth>().is_err() {
        auth.problem = f.tf("field.one_of", &[&Auth::WORDS]);
    }
    if found.lines.is_empty() {
        text.problem = f.t("import.nothing").to_owned();
    } else if found.lines.len() > MOST {
        text.problem = f.tf("import.too_many", &[&found.lines.len(), &MOST]);
    } else if let (true, Some(Err(bad))) = (found.lines.iter().all(Result::is_err), found.lines.first()) {
        let (key, count) = bad.why.told();
        text.problem = f.tf("import.none", &[&bad.number, &f.tf(key.0, &[&count])]);
    }
    if auth.is_bad() || text.is_bad() {
        let problems = problems(&[(&auth, f.t("upstream.auth")), (&text, f.t("import.text"))]);
        return visit.page_as(StatusCode::UNPROCESSABLE_ENTITY, &Import { f, endpoint, auth, text, problems });
    }
    let failed =
        |error: openssl::error::ErrorStack| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    let name = random_secret("").map_err(failed)?;
    visit.state.memory.imports.put(name.clone(), Batch { found, auth: auth.value, stage: Stage::Waiting });
    Ok(crate::dashboard::form::see(&format!("/admin/upstreams/import/{name}")))
}

fn gone() -> ApiError {
    ApiError::keyed(StatusCode::NOT_FOUND, Key("import.gone"))
}

/// `GET /admin/upstreams/import/{batch}`: what each line is, how far it is, or what came of them.
pub(super) async fn show(visit: Visit, batch: Path<String>) -> Page {
    let (found, stage) =
        visit.state.memory.imports.with(&batch, |batch| (batch.found.clone(), batch.stage)).ok_or_else(gone)?;
    let kinds = kinds(&found.lines, &stored(&visit).await?);
    let f = &visit.frame;
    let rows = found.lines.iter().zip(&kinds).map(|(line, kind)| row(f, line, kind)).collect();
    let (tally, beside) = (tally(&kinds), found.beside.join(", "));
    let mut response = visit.page(&Preview { f, batch: &batch, rows, beside, tally, stage })?;
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

/// What each line is.
fn kinds(lines: &[Read], stored: &HashSet<(String, String)>) -> Vec<Kind> {
    let mut first: HashMap<(String, String), usize> = HashMap::new();
    let mut kind = |line: &Line| {
        let same = (line.new.endpoint.clone(), line.new.sk.clone());
        match first.get(&same) {
            Some(number) => return Kind::Repeat(*number),
            None if stored.contains(&same) => return Kind::Known,
            None => first.insert(same, line.number),
        };
        Kind::New
    };
    lines.iter().map(|line| line.as_ref().map_or_else(|_| Kind::Malformed, &mut kind)).collect()
}

/// The counts of lines of which none is stored yet.
fn tally(kinds: &[Kind]) -> Tally {
    let mut tally = Tally::default();
    for kind in kinds {
        *match kind {
            Kind::New => &mut tally.left,
            Kind::Known => &mut tally.known,
            Kind::Repeat(_) => &mut tally.repeated,
            Kind::Malformed => &mut tally.malformed,
        } += 1;
    }
    tally
}

fn row(f: &Frame, line: &Read, kind: &Kind) -> Row {
    let (class, said) = match kind {
        Kind::New => ("ok", f.t("import.new").to_owned()),
        Kind::Known => ("info", f.t("import.known").to_owned()),
        Kind::Repeat(number) => ("info", f.tf("import.repeats", &[number])),
        Kind::Malformed => ("err", f.t("import.malformed").to_owned()),
    };
    let (number, note, new) = match line {
        Ok(line) if line.passed_over.is_empty() => (line.number, String::new(), Some(&line.new)),
        Ok(line) => (line.number, f.tf("import.passed_over", &[&line.passed_over.join(", ")]), Some(&line.new)),
        Err(bad) => {
            let (key, count) = bad.why.told();
            (bad.number, f.tf(key.0, &[&count]), None)
        }
    };
    Row {
        number,
        endpoint: new.map(|new| new.endpoint.clone()).unwrap_or_default(),
        key: new.map(|new| masked(&new.sk)).unwrap_or_default(),
        weight: new.map_or(0, |new| new.weight),
        class,
        kind: said,
        note,
        is_new: matches!(kind, Kind::New),
    }
}

/// `POST /admin/upstreams/import/{batch}`: adds the lines whose numbers are ticked (`line`).
pub(super) async fn confirm(visit: Visit, batch: Path<String>, form: Form) -> Result<HttpResponse, ApiError> {
    let ticked: HashSet<i64> = form.numbers("line").into_iter().collect();
    let stored = stored(&visit).await?;
    let begin = |batch: &mut Batch| {
        let kinds = kinds(&batch.found.lines, &stored);
        let is_ticked = |line: &Line| i64::try_from(line.number).is_ok_and(|number| ticked.contains(&number));
        let new = batch.found.lines.iter().zip(&kinds).filter(|(_, kind)| matches!(kind, Kind::New));
        let wanted = new.filter_map(|(line, _)| line.as_ref().ok().filter(|line| is_ticked(line)));
        let wanted: Vec<NewUpstream> =
            wanted.map(|line| NewUpstream { auth: batch.auth.clone(), ..line.new.clone() }).collect();
        let stage = batch.stage;
        if let (Stage::Waiting, false) = (stage, wanted.is_empty()) {
            batch.stage = Stage::Running(0, wanted.len());
        }
        let tally = tally(&kinds);
        (stage, Tally { left: tally.left - wanted.len(), ..tally }, wanted)
    };
    let (stage, tally, wanted) = visit.state.memory.imports.with(&batch, begin).ok_or_else(gone)?;
    let to = format!("/admin/upstreams/import/{}", *batch);
    let Tally { added, known, repeated, malformed, left } = match stage {
        Stage::Waiting if wanted.is_empty() => return Ok(visit.failed(&to, visit.frame.t("import.none_ticked"))),
        // The audit sees to it that this goes on when whoever confirmed does not wait for it.
        Stage::Waiting => store(&visit.state, &batch, wanted, tally).await?,
        // A second confirmation finds nothing left to do.
        Stage::Running(done, all) => return Ok(visit.done(&to, &visit.frame.tf("import.running", &[&done, &all]))),
        Stage::Over(tally) => tally,
    };
    visit.live().await;
    Ok(visit.done(&to, &visit.frame.tf("import.done", &[&added, &known, &repeated, &malformed, &left])))
}

/// Stores lines of a batch and adds them to what came of the others. After an error the batch can be confirmed again.
async fn store(state: &State, batch: &str, lines: Vec<NewUpstream>, mut tally: Tally) -> Result<Tally, ApiError> {
    let imports = &state.memory.imports;
    let mut done = 0;
    for part in lines.chunks(AT_A_TIME) {
        let part = part.to_vec();
        done += part.len();
        match with_database(&state.database, move |connection| add(connection, &part)).await {
            Ok((added, known)) => (tally.added, tally.known) = (tally.added + added, tally.known + known),
            Err(error) => {
                imports.with(batch, |batch| batch.stage = Stage::Waiting);
                return Err(error);
            }
        }
        imports.with(batch, |batch| batch.stage = Stage::Running(done, lines.len()));
    }
    imports.with(batch, |batch| {
        batch.stage = Stage::Over(tally);
        // What was pasted is not needed any more, least of all its keys.
        batch.found = Found::default();
    });
    Ok(tally)
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
