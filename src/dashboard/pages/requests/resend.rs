//! A recorded request on its way once more: to one upstream, or along the plan. Start at [`resend`].
//!
//! What comes back is a request of its own, filed as the hot path would, with the record it repeats.
//!
//! **Invariant:** a replay blames no upstream and leaves no key in its record. **May import:** `state`, `roster`, `balance`,
//! `connector`, `recorder`, `openai`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::Method;

use crate::balance::candidate::Need;
use crate::balance::plan::WhyNot;
use crate::balance::verdict::{Fault, Outcome, Situation, Verdict, fault, verdict};
use crate::connector::Outbound;
use crate::dashboard::pages::requests::command::versions;
use crate::dashboard::probe::{self, Answer, Request};
use crate::dashboard::session::now_us;
use crate::dashboard::visit::Visit;
use crate::db::records::Record;
use crate::openai::assemble::Assembler;
use crate::openai::scan::{member, string_value};
use crate::recorder::{AttemptNote, Draft, Ending, Kept, Side};
use crate::roster::{Recording, Upstream};

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// How much of a reply is kept, at most: it waits in memory until it is whole.
const MOST_BYTES: usize = 32 << 20;

/// The upstreams that need no caller's key and whose replies are recorded.
pub(super) fn usable(visit: &Visit) -> Vec<Arc<Upstream>> {
    let snapshot = visit.state.roster.load();
    snapshot.upstreams.iter().filter(|one| is_usable(one, snapshot.settings.recording)).cloned().collect()
}

fn is_usable(upstream: &Upstream, recording: Recording) -> bool {
    !upstream.access.as_is && upstream.recording.min(recording) == Recording::Full
}

/// Of the usable ones those that a caller with the record's key would be led to for this body, in order.
pub(super) fn planned(visit: &Visit, record: &Record, body: &[u8]) -> Vec<Arc<Upstream>> {
    let snapshot = visit.state.roster.load();
    let facts = &record.row.facts;
    let model = model_of(body).unwrap_or_else(|| facts.path.clone());
    let key_models = snapshot.settings.models_of(&facts.key_name);
    let need = Need { model: &model, key_name: &facts.key_name, key_models, home: None, conversation: 0 };
    let may = |why: &Option<WhyNot>| match why {
        None | Some(WhyNot::Cooling { .. } | WhyNot::KeyBad | WhyNot::Probing) => true,
        Some(WhyNot::Disabled | WhyNot::ModelNotAllowed | WhyNot::ModelDenied) => false,
        Some(WhyNot::KeyNotAllowed | WhyNot::ModelNotForKey) => false,
    };
    let order = visit.state.roster.rehearse(&snapshot, &need, now_us() / 1000);
    let order = order.into_iter().filter(|(_, why)| may(why)).map(|(index, _)| &snapshot.upstreams[index]);
    order.filter(|one| is_usable(one, snapshot.settings.recording)).cloned().collect()
}

fn model_of(body: &[u8]) -> Option<String> {
    member(body, b"model").and_then(string_value).map(|model| model.into_owned())
}

/// What came of it.
#[derive(Default)]
struct Heard {
    upstream_id: Option<i64>,
    /// The model's name as this upstream knows it, where that is another.
    model_sent: Option<String>,
    attempts: Vec<AttemptNote>,
    first_byte_us: Option<i64>,
    first_content_us: Option<i64>,
    status: Option<u16>,
    streamed: bool,
    error: Option<String>,
    reply: Side,
}

/// Sends `body` to one after the other until one answers, and tells what came of it.
pub(super) async fn resend(
    visit: &Visit,
    outbound: &Outbound,
    upstreams: &[Arc<Upstream>],
    record: &Record,
    body: Vec<u8>,
) -> Draft {
    let facts = &record.row.facts;
    let (started_us, began) = (now_us(), Instant::now());
    let path = facts.path.strip_prefix("/v1").unwrap_or(&facts.path);
    let most = visit.state.roster.load().settings.record_body_limit_bytes.min(MOST_BYTES);
    let headers = versions(record);
    let mut heard = Heard::default();
    for (at, upstream) in upstreams.iter().enumerate() {
        let began_us = us(began, Instant::now());
        let request = Request { method: Method::POST, path, body: Some(body.clone()), headers: &headers };
        let answer = probe::send(outbound, upstream, request, PATIENCE, most).await;
        let is_answer = answer.is_ok();
        heard.take(upstream, answer, began);
        heard.model_sent = model_of(&body).and_then(|model| upstream.models.get(&model)).map(|sent| sent.name.clone());
        let outcome = Outcome::Status { status: heard.status.unwrap_or(502), quota: false, cool_until_ms: None };
        let fault = fault(&outcome, false);
        let note = AttemptNote {
            upstream_id: upstream.id,
            began_us,
            took_us: Some(us(began, Instant::now()) - began_us),
            status: heard.status,
            connect_us: None,
            error: heard.error.clone(),
            bad_request: fault == Fault::Request,
        };
        heard.attempts.push(note);
        let more = at + 1 < upstreams.len();
        let situation = Situation { answered: is_answer, replayable: true, committed: false, more };
        if verdict(fault, situation) != Verdict::Next {
            break;
        }
    }
    draft(visit, record, body, heard, (started_us, us(began, Instant::now())))
}

fn us(from: Instant, to: Instant) -> i64 {
    i64::try_from((to - from).as_micros()).unwrap_or(i64::MAX)
}

impl Heard {
    fn take(&mut self, upstream: &Upstream, answer: Result<Answer, String>, began: Instant) {
        self.upstream_id = Some(upstream.id);
        match answer {
            Ok(answer) => {
                // An upstream may repeat the key it was sent.
                let cut = answer.total_bytes > answer.body.len() as u64;
                let body = scrubbed(upstream, answer.body);
                self.status = Some(answer.status);
                self.error = answer.broken.map(|problem| upstream.scrub(&problem));
                self.first_byte_us = Some(us(began, answer.began));
                self.first_content_us = answer.content.map(|at| us(began, at));
                self.streamed = answer.content_type.to_ascii_lowercase().starts_with("text/event-stream");
                let total_bytes = answer.total_bytes;
                let kept = match self.streamed {
                    true => Kept::Events(Box::new(Assembler::new()), body),
                    false => Kept::Copy(body),
                };
                self.reply = Side { total_bytes, cut, kept, content_type: answer.content_type, ..Side::default() };
            }
            Err(problem) => {
                (self.status, self.first_byte_us, self.first_content_us, self.streamed) = (None, None, None, false);
                self.error = Some(upstream.scrub(&problem));
                self.reply = Side::default();
            }
        }
    }
}

/// A body without the upstream's secrets: in its text, as far as that goes.
fn scrubbed(upstream: &Upstream, mut body: Vec<u8>) -> Vec<u8> {
    let end = std::str::from_utf8(&body).map_or_else(|bad| bad.valid_up_to(), str::len);
    let rest = body.split_off(end);
    let mut body = upstream.scrub(&String::from_utf8(body).unwrap_or_default()).into_bytes();
    body.extend_from_slice(&rest);
    body
}

fn draft(visit: &Visit, record: &Record, body: Vec<u8>, heard: Heard, (started_us, total_us): (i64, i64)) -> Draft {
    let facts = &record.row.facts;
    let held = body.len() + heard.reply.held_bytes();
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
        model: model_of(&body),
        model_sent: heard.model_sent,
        status: heard.status.unwrap_or(502),
        upstream_id: heard.upstream_id,
        streamed: heard.streamed,
        first_byte_us: heard.first_byte_us,
        first_content_us: heard.first_content_us,
        total_us,
        attempts: heard.attempts,
        ending: match (heard.status, &heard.error) {
            (None, _) => Ending::Refused,
            (Some(_), None) => Ending::Complete,
            (Some(_), Some(_)) => Ending::Cut,
        },
        error: heard.error,
        resource_id: None,
        heads: versions(record)
            .iter()
            .map(|(name, value)| format!("{name}: {value}\n"))
            .collect::<String>()
            .into_bytes(),
        request: Side {
            total_bytes: body.len() as u64,
            kept: if charged { Kept::Copy(body) } else { Kept::Nothing },
            content_type: "application/json".to_owned(),
            ..Side::default()
        },
        reply: if charged { heard.reply } else { Side::default() },
        with_bodies: charged,
        replay_of: Some(record.row.id),
        charged_bytes: if charged { held } else { 0 },
    }
}
