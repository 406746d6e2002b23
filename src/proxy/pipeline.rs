//! The journey of a request, top to bottom: caller, body, plan, attempts, reply.
//!
//! Errors leave by [`Stop`], which carries the record's guard to whoever makes the reply of it.
//! **May import:** as `proxy`.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, UPGRADE};
use actix_web::{HttpRequest, HttpResponse};

use crate::balance::candidate::Need;
use crate::balance::glob::Admission;
use crate::balance::policy::Policy;
use crate::balance::verdict::{Failure, Fault, Outcome, Situation, Verdict, verdict};
use crate::openai::peek::{opening_hash, peek, resource_ids, session_key};
use crate::proxy::attempt::{Attempt, Failed, Outgoing, Reply};
use crate::proxy::caller;
use crate::proxy::filing::{Filing, unix_us};
use crate::proxy::hold::Settled;
use crate::proxy::intake::{self, Intake, NotTaken};
use crate::proxy::observe::Observation;
use crate::proxy::refusal::Refusal;
use crate::proxy::relay::{Passage, relay};
use crate::proxy::tries::{Bodies, Tries};
use crate::proxy::usage::{Wish, send};
use crate::roster::{NoUse, Snapshot};

/// How much of a body is searched for the names of resources.
const RESOURCE_BYTES: usize = 256 << 10;

/// Why there is no upstream's reply to pass on.
pub(super) enum Stop {
    /// Nobody is there any more.
    CallerLeft(Filing),
    /// The gateway answers itself.
    Refused(Refusal, Filing),
}

/// See the room's first page. With the reply comes what its head is to wait for, if anything.
pub(super) async fn pipeline(
    request: &HttpRequest,
    payload: Payload,
    mut filing: Filing,
    snapshot: &Snapshot,
) -> Result<(HttpResponse, Option<Settled>), Stop> {
    let state = filing.state().clone();
    let settings = &snapshot.settings;
    let caller = match caller::identify(request.headers(), settings, state.noauth) {
        Ok(caller) => caller,
        Err(refusal) => return Err(Stop::Refused(refusal, filing)),
    };
    filing.note(|draft| (draft.key_name, draft.key_last4) = (caller.key_name.clone(), caller.last4));
    match caller::recording(request.headers()) {
        Ok(level) => filing.lower(level.min(settings.record_keys.of(&caller.key_name))),
        Err(refusal) => return Err(Stop::Refused(refusal, filing)),
    }
    let path = match rest_of_path(request) {
        Ok(path) => path,
        Err(refusal) => return Err(Stop::Refused(refusal, filing)),
    };

    let declared = header(request, CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok());
    let intake = match intake::take(payload, declared, settings.replay_buffer_bytes, state.body_limit_bytes).await {
        Ok(intake) => intake,
        Err(NotTaken::CallerLeft) => return Err(Stop::CallerLeft(filing)),
        Err(NotTaken::Refused(refusal)) => return Err(Stop::Refused(refusal, filing)),
    };
    let content_type = header(request, CONTENT_TYPE.as_str()).unwrap_or_default();
    let begun = match &intake {
        Intake::Whole(body) | Intake::Passing { begun: body, .. } => body.clone(),
    };
    let peeked = peek(content_type, &begun);
    let path_alone = path.split('?').next().unwrap_or(path);
    let model: Rc<str> = peeked.model.as_deref().unwrap_or(path_alone).into();
    filing.note(|draft| draft.model = peeked.model);
    if let Intake::Whole(body) = &intake {
        filing.keep_request(body, content_type, settings.request_limit_bytes(content_type));
    }

    let home = if state.roster.homes.is_empty() {
        None
    } else {
        state.roster.homes.find(&resource_ids(path, &begun[..begun.len().min(RESOURCE_BYTES)]))
    };
    let conversation = if settings.policy == Policy::Sticky { conversation(request, path, &begun) } else { 0 };
    let key_models = settings.models_of(&caller.key_name);
    if key_models.is_some_and(|models| models.judge(&model) != Admission::Admitted) {
        return Err(Stop::Refused(Refusal::NotForKey(caller.key_name, model.to_string()), filing));
    }
    let need = Need { model: &model, key_name: &caller.key_name, key_models, home, conversation };
    let plan = state.roster.plan(snapshot, &need, unix_us() / 1000);
    if plan.order.is_empty() {
        let any = snapshot.upstreams.iter().any(|upstream| upstream.enabled);
        let refusal = if any { Refusal::NoUpstreamFor(model.to_string()) } else { Refusal::NoUpstream };
        return Err(Stop::Refused(refusal, filing));
    }

    let outgoing = Outgoing { method: request.method(), path, headers: request.headers(), stream: peeked.stream };
    let wish = Wish::new(request, path_alone, peeked.stream, &intake, settings);
    let mut body = Bodies::new(intake, request, content_type, snapshot, &mut filing);
    let mut tries = Tries::new(&plan.order);
    let mut kept: Option<(Reply, Observation, Instant)> = None;
    let mut last: Option<Failed> = None;
    while let Some(upstream) = tries.next(snapshot, &model) {
        let Some(sending) = body.next() else { break };
        let more = tries.more() && body.replayable;
        let began = Instant::now();
        let model_sent = if peeked.in_json { upstream.models.get(&model) } else { None };
        filing.attempt_begins(upstream, model_sent);
        let mut observation = Observation::begin(&state, upstream, &model);
        let connecting = Cell::new(None);
        let attempt =
            Attempt { outbound: &state.outbound, upstream, outgoing: &outgoing, model_sent, more, connecting };
        let result = send(&attempt, &wish, sending, &mut filing).await;
        let (outcome, what) = match &result {
            Ok(reply) => (reply.outcome, reply.what.as_str()),
            Err(failed) => (failed.outcome, failed.what.as_str()),
        };
        let fault = match &result {
            // A good reply is settled by its content, as it goes by.
            Ok(reply) if reply.what.is_empty() => Fault::Nobody,
            Ok(_) | Err(_) => observation.settle(&outcome, what),
        };
        filing.attempt_ends(status_of(&outcome), what, attempt.connecting.take());
        if fault == Fault::Request {
            filing.was_bad_request();
        }
        if outcome == Outcome::CallerLeft {
            return Err(Stop::CallerLeft(filing));
        }
        let situation =
            Situation { answered: result.is_ok(), replayable: body.replayable, committed: false, more: tries.more() };
        match (verdict(fault, situation), result) {
            // The refusal of a key says nothing about the request: any other answer tells the caller more.
            (_, Ok(_)) if fault == Fault::Key && kept.is_some() => {}
            (Verdict::Reply, Ok(reply)) => {
                let no_use = if fault == Fault::Nobody || fault == Fault::Request {
                    None
                } else {
                    state.roster.no_use(snapshot, &need, unix_us() / 1000)
                };
                return Ok(relay(
                    reply,
                    Passage { filing, observation, began, method: request.method(), path, no_use },
                    snapshot,
                ));
            }
            (_, Ok(reply)) => kept = Some((reply, observation, began)),
            (_, Err(failed)) => last = Some(failed),
        }
    }
    let no_use = state.roster.no_use(snapshot, &need, unix_us() / 1000);
    if let Some((reply, observation, began)) = kept {
        return Ok(relay(
            reply,
            Passage { filing, observation, began, method: request.method(), path, no_use },
            snapshot,
        ));
    }
    Err(Stop::Refused(all_failed(last, no_use, state.body_limit_bytes), filing))
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// Path and query after `/v1`, byte for byte.
fn rest_of_path(request: &HttpRequest) -> Result<&str, Refusal> {
    if header(request, UPGRADE.as_str()).is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket")) {
        return Err(Refusal::WebSocket);
    }
    let whole = request.uri().path_and_query().map_or("", |whole| whole.as_str());
    let rest = whole.strip_prefix("/v1").unwrap_or(whole);
    let path = rest.split('?').next().unwrap_or(rest);
    let dots = |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    let may_have_dots = path.contains('.') || path.contains('%');
    if may_have_dots && path.split('/').any(dots) { Err(Refusal::BadPath) } else { Ok(rest) }
}

/// What the sticky policy sticks to.
fn conversation(request: &HttpRequest, path: &str, body: &[u8]) -> u64 {
    match session_key(|name| header(request, name), body) {
        Some(session) => opening_hash(&session, b""),
        None => opening_hash(path, body),
    }
}

fn status_of(outcome: &Outcome) -> Option<u16> {
    match outcome {
        Outcome::Status { status, .. } => Some(*status),
        Outcome::Failed(_) | Outcome::CallerLeft => None,
    }
}

fn all_failed(last: Option<Failed>, no_use: Option<NoUse>, limit_bytes: u64) -> Refusal {
    match last {
        Some(Failed { outcome: Outcome::Status { status: 413, .. }, .. }) => Refusal::TooLarge(limit_bytes),
        Some(Failed { outcome, what }) => {
            let timed_out = matches!(
                outcome,
                Outcome::Failed(Failure::ConnectTimeout | Failure::FirstByteTimeout | Failure::FirstContentTimeout)
            );
            Refusal::AllFailed { timed_out, what, no_use }
        }
        None => Refusal::AllFailed { timed_out: false, what: "none could be asked".to_owned(), no_use },
    }
}
