//! Asking an upstream on the operator's behalf: does it answer, which models does it have. Start at [`ask`].
//!
//! What comes back is hostile: it is cut, rid of our key and shown as text. A good answer closes what was open, so that an
//! upstream whose key was refused is in use again; a bad one blames nobody, for no caller was failed.
//!
//! **Invariant:** one small request per test, never to an upstream that was not named. **May import:** `roster`, `connector`, `balance`, `openai`.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use actix_web::http::Method;
use actix_web::http::header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::http::uri::PathAndQuery;
use awc::ClientResponse;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::time::timeout_at;

use crate::balance::blame::signals;
use crate::balance::breaker::BreakerConfig;
use crate::balance::verdict::Outcome;
use crate::connector::Outbound;
use crate::dashboard::memory::locked;
use crate::dashboard::session::now_us;
use crate::openai::opening::{Opening, OpeningScan};
use crate::openai::peek::peek;
use crate::openai::splice::put_model;
use crate::roster::{Auth, Upstream};

/// How long a test may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much of an answer is read, and shown.
const ANSWER_BYTES: usize = 4 << 20;
const SHOWN_CHARS: usize = 200;
/// How many tests run at a time.
pub(super) const AT_A_TIME: usize = 4;

/// What a test gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Test {
    /// The model that was asked for; none when the list of models was.
    pub(super) model: Option<String>,
    /// When, µs since 1970.
    pub(super) at_us: i64,
    /// How long it took, in µs.
    pub(super) took_us: i64,
    /// The answer's status; none when there was no answer.
    pub(super) status: Option<u16>,
    /// The beginning of the answer, or what went wrong.
    pub(super) text: String,
}

impl Test {
    /// Whether it went well.
    pub(super) fn is_good(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// What is known from asking, by upstream, until a restart.
#[derive(Default)]
pub(super) struct Tests(Mutex<HashMap<i64, Known>>);

/// What is known of one upstream from asking.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// The latest tests, one per model.
    pub(super) tests: Vec<Test>,
    /// The models it said it has, sorted; none when nobody asked.
    pub(super) models: Option<Vec<String>>,
}

impl Tests {
    fn book(&self) -> MutexGuard<'_, HashMap<i64, Known>> {
        locked(&self.0)
    }

    /// What is known of an upstream.
    pub(super) fn of(&self, upstream_id: i64) -> Known {
        self.book().get(&upstream_id).cloned().unwrap_or_default()
    }

    /// Takes note of a test in place of the last one of the same model.
    pub(super) fn learn(&self, upstream_id: i64, test: Test) {
        let mut book = self.book();
        let tests = &mut book.entry(upstream_id).or_default().tests;
        tests.retain(|known| known.model != test.model);
        tests.push(test);
    }

    /// Takes note of the models an upstream has.
    pub(super) fn learn_models(&self, upstream_id: i64, models: Vec<String>) {
        self.book().entry(upstream_id).or_default().models = Some(models);
    }

    /// Forgets an upstream.
    pub(super) fn forget(&self, upstream_id: i64) {
        self.book().remove(&upstream_id);
    }
}

/// Tests an upstream: with a model by the shortest possible chat, without one by asking for its models.
pub(super) async fn test(
    outbound: &Outbound,
    upstream: &Upstream,
    model: Option<&str>,
    breaker: &BreakerConfig,
) -> Test {
    let (began, at_us) = (Instant::now(), now_us());
    let answer = match model {
        None => ask(outbound, upstream, Method::GET, "/models", None).await,
        Some(model) => {
            let body = json!({"model": model, "messages": [{"role": "user", "content": "ping"}], "max_tokens": 1});
            // The smallest question is the same body for both.
            let path = if upstream.access.auth == Auth::XApiKey { "/messages" } else { "/chat/completions" };
            ask(outbound, upstream, Method::POST, path, Some(body)).await
        }
    };
    let took_us = i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX);
    let (status, text) = match answer {
        Ok((status, body)) => (Some(status), String::from_utf8_lossy(&body).into_owned()),
        Err(problem) => (None, problem),
    };
    let words = upstream.scrub(&text).split_whitespace().collect::<Vec<_>>().join(" ");
    let mut text: String = words.chars().take(SHOWN_CHARS).collect();
    if text.len() < words.len() {
        text.push('…');
    }
    let test = Test { model: model.map(str::to_owned), at_us, took_us, status, text };
    if let (true, Some(status)) = (test.is_good(), status) {
        let shown = signals(&Outcome::Status { status, quota: false, cool_until_ms: None }, false);
        upstream.measured.observe(model.unwrap_or_default(), shown, now_us() / 1000, breaker);
    }
    test
}

/// The models an upstream says it has, sorted.
///
/// # Errors
/// What went wrong, without our key.
pub(super) async fn models(outbound: &Outbound, upstream: &Upstream) -> Result<Vec<String>, String> {
    let (status, body) =
        ask(outbound, upstream, Method::GET, "/models", None).await.map_err(|problem| upstream.scrub(&problem))?;
    let list = serde_json::from_slice::<Value>(&body).ok();
    let list = list.as_ref().and_then(|list| list.get("data")?.as_array());
    let Some(list) = list.filter(|_| (200..300).contains(&status)) else {
        let text: String = String::from_utf8_lossy(&body).chars().take(SHOWN_CHARS).collect();
        return Err(format!("{status} {}", upstream.scrub(&text)));
    };
    let mut models: Vec<String> =
        list.iter().filter_map(|model| Some(model.get("id")?.as_str()?.to_owned())).filter(|id| is_name(id)).collect();
    models.sort_unstable();
    models.dedup();
    Ok(models)
}

/// Whether a text can stand in a list of models.
fn is_name(id: &str) -> bool {
    !id.is_empty() && id.len() <= 200 && !id.contains([',', '\n', '\r'])
}

async fn ask(
    outbound: &Outbound,
    upstream: &Upstream,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Result<(u16, Vec<u8>), String> {
    let body = body.map(|body| body.to_string().into_bytes());
    let answer = send(outbound, upstream, Request { method, path, body, headers: &[] }, PATIENCE, ANSWER_BYTES).await?;
    answer.broken.map_or(Ok((answer.status, answer.body)), Err)
}

/// What an upstream answered, as it came: hostile, and perhaps with our key in it.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: String,
    /// As much of its body as was to be kept.
    pub(super) body: Vec<u8>,
    /// How much of the body came.
    pub(super) total_bytes: u64,
    /// When its head came.
    pub(super) began: Instant,
    /// When its first content came: of a stream what is more than a start, and no error.
    pub(super) content: Option<Instant>,
    /// What broke it off in the middle.
    pub(super) broken: Option<String>,
}

impl Answer {
    fn is_stream(&self) -> bool {
        self.content_type.to_ascii_lowercase().starts_with("text/event-stream")
    }

    fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Reads the body to its end and keeps its first `most` bytes.
    async fn read(&mut self, mut from: ClientResponse, until: Instant, patience: Duration, most: usize) {
        let mut opening = self.is_stream().then(OpeningScan::new);
        loop {
            let piece = match timeout_at(until.into(), from.next()).await {
                Ok(None) => return,
                Ok(Some(Ok(piece))) => piece,
                Ok(Some(Err(error))) => return self.broken = Some(error.to_string()),
                Err(_) => return self.broken = Some(late(patience)),
            };
            let is_content = |scan: &mut OpeningScan| scan.push(&piece) == Opening::Content;
            if self.content.is_none() && self.is_good() && opening.as_mut().is_none_or(is_content) {
                self.content = Some(Instant::now());
            }
            self.total_bytes += piece.len() as u64;
            let room = most.saturating_sub(self.body.len()).min(piece.len());
            self.body.extend_from_slice(&piece[..room]);
        }
    }
}

fn late(patience: Duration) -> String {
    format!("no answer within {} s", patience.as_secs())
}

/// A body with the model's name as this upstream knows it.
fn named(upstream: &Upstream, body: Vec<u8>) -> Vec<u8> {
    let asked = peek("application/json", &body).model;
    let sent = asked.and_then(|model| upstream.models.get(&model));
    let splice = sent.and_then(|sent| put_model(&body, sent.literal.as_bytes()));
    splice.map(|splice| splice.apply(&body)).unwrap_or(body)
}

/// What is sent to an upstream.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    /// Below the endpoint's path.
    pub(super) path: &'a str,
    /// JSON.
    pub(super) body: Option<Vec<u8>>,
    /// Headers beside those that every request has.
    pub(super) headers: &'a [(String, String)],
}

/// Sends one request to an upstream, over a connection of its own, with nothing of a caller in it but what it is given.
/// Of the answer's body the first `most` bytes are kept.
///
/// # Errors
/// Why there is no answer; it may hold our key.
pub(super) async fn send(
    outbound: &Outbound,
    upstream: &Upstream,
    asked: Request<'_>,
    patience: Duration,
    most: usize,
) -> Result<Answer, String> {
    let Request { method, path, body, headers: more } = asked;
    let body = body.map(|body| named(upstream, body));
    let path: PathAndQuery = format!("{}{path}", upstream.endpoint.base_path)
        .parse()
        .map_err(|_| "the endpoint makes no path".to_owned())?;
    let mut request =
        outbound.request(&upstream.endpoint.target, method, path, true).ok_or("the endpoint makes no address")?;
    let headers = request.headers_mut();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if body.is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    for (name, value) in more {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    upstream.sign(headers);
    let until = Instant::now() + patience;
    let sent = match body {
        Some(body) => timeout_at(until.into(), request.send_body(body)).await,
        None => timeout_at(until.into(), request.send()).await,
    };
    let response = sent.map_err(|_| late(patience))?.map_err(|error| error.to_string())?;
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let mut answer = Answer {
        status: response.status().as_u16(),
        content_type: content_type.to_owned(),
        body: Vec::new(),
        total_bytes: 0,
        began: Instant::now(),
        content: None,
        broken: None,
    };
    answer.read(response, until, patience, most).await;
    Ok(answer)
}
