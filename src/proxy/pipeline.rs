//! The journey of a request, top to bottom: caller, body, plan, attempts, reply.
//!
//! Errors leave by [`Stop`], which carries the record's guard to whoever makes the reply of it.
//! **May import:** as `proxy`.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, UPGRADE};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};

use crate::balance::candidate::Need;
use crate::balance::health::Claim;
use crate::balance::policy::Policy;
use crate::balance::verdict::{Failure, Fault, Outcome, Situation, Verdict, verdict};
use crate::connector::Outbound;
use crate::openai::peek::{opening_hash, peek, resource_ids, session_key};
use crate::proxy::attempt::{Attempt, Body, Failed, Outgoing, Reply};
use crate::proxy::caller;
use crate::proxy::filing::{Filing, unix_us};
use crate::proxy::intake::{self, Intake, NotTaken, Passing};
use crate::proxy::observe::Observation;
use crate::proxy::refusal::Refusal;
use crate::proxy::relay::{Passage, relay};
use crate::recorder::AttemptNote;
use crate::roster::{Snapshot, Upstream};

/// Why there is no upstream's reply to pass on.
pub(super) enum Stop {
    /// Nobody is there any more.
    CallerLeft(Filing),
    /// The gateway answers itself.
    Refused(Refusal, Filing),
}

/// See the room's first page.
pub(super) async fn pipeline(
    request: &HttpRequest,
    payload: Payload,
    mut filing: Filing,
    snapshot: &Arc<Snapshot>,
    outbound: &Outbound,
) -> Result<HttpResponse, Stop> {
    let state = filing.state().clone();
    let settings = &snapshot.settings;
    let caller = match caller::identify(request.headers(), settings, state.noauth) {
        Ok(caller) => caller,
        Err(refusal) => return Err(Stop::Refused(refusal, filing)),
    };
    filing.note(|draft| (draft.key_name, draft.key_last4) = (caller.key_name.clone(), caller.last4));
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
        filing.keep_request(body, content_type, settings.record_body_limit_bytes);
    }

    let home = if state.roster.homes.is_empty() { None } else { state.roster.homes.find(&resource_ids(path, &begun)) };
    let conversation = if settings.policy == Policy::Sticky { conversation(request, path, &begun) } else { 0 };
    let need = Need { model: &model, key_name: &caller.key_name, home, conversation };
    let plan = state.roster.plan(snapshot, &need, unix_us() / 1000);
    if plan.order.is_empty() {
        let any = snapshot.upstreams.iter().any(|upstream| upstream.enabled);
        let refusal = if any { Refusal::NoUpstreamFor(model.to_string()) } else { Refusal::NoUpstream };
        return Err(Stop::Refused(refusal, filing));
    }

    let outgoing = Outgoing { method: request.method(), path, headers: request.headers(), stream: peeked.stream };
    let mut body = Bodies::new(intake, request, content_type, snapshot, &mut filing);
    let mut tries = Tries { order: &plan.order, at: 0, last_resort_used: false };
    let mut kept: Option<(Reply, Observation, Instant)> = None;
    let mut last: Option<Failed> = None;
    while let Some(upstream) = tries.next(snapshot, &model) {
        let Some(sending) = body.next() else { break };
        let more = tries.more() && body.replayable;
        let began = Instant::now();
        let began_us = filing.elapsed_us();
        let mut observation = Observation::begin(&state, &upstream, &model);
        let result = Attempt { outbound, upstream: &upstream, outgoing: &outgoing, more }.send(sending).await;
        body.settle(&mut filing);
        let (outcome, what) = match &result {
            Ok(reply) => (reply.outcome, reply.what.as_str()),
            Err(failed) => (failed.outcome, failed.what.as_str()),
        };
        let fault = match &result {
            // A good reply is settled by its content, when it has come.
            Ok(reply) if reply.what.is_empty() && reply.first_content.is_none() => Fault::Nobody,
            Ok(_) | Err(_) => observation.settle(&outcome, what),
        };
        filing.attempt(|| note(&upstream, began_us, began, &outcome, what));
        if outcome == Outcome::CallerLeft {
            return Err(Stop::CallerLeft(filing));
        }
        let situation =
            Situation { answered: result.is_ok(), replayable: body.replayable, committed: false, more: tries.more() };
        match (verdict(fault, situation), result) {
            (Verdict::Reply, Ok(reply)) => {
                let passage =
                    Passage { filing, observation, began, method: request.method().clone(), path: path.to_owned() };
                return Ok(relay(reply, passage, snapshot));
            }
            (_, Ok(reply)) => kept = Some((reply, observation, began)),
            (_, Err(failed)) => last = Some(failed),
        }
    }
    if let Some((reply, observation, began)) = kept {
        let passage = Passage { filing, observation, began, method: request.method().clone(), path: path.to_owned() };
        return Ok(relay(reply, passage, snapshot));
    }
    let now_ms = unix_us() / 1000;
    let back_in_s =
        state.roster.earliest_recovery_ms(snapshot, &need, now_ms).map(|at_ms| (at_ms - now_ms + 999) / 1000);
    Err(Stop::Refused(all_failed(last, back_in_s, state.body_limit_bytes), filing))
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
    if path.contains('.') | path.contains('%') && path.split('/').any(dots) { Err(Refusal::BadPath) } else { Ok(rest) }
}

/// What the sticky policy sticks to.
fn conversation(request: &HttpRequest, path: &str, body: &[u8]) -> u64 {
    match session_key(|name| header(request, name), body) {
        Some(session) => opening_hash(&session, b""),
        None => opening_hash(path, body),
    }
}

fn note(upstream: &Upstream, began_us: i64, began: Instant, outcome: &Outcome, what: &str) -> AttemptNote {
    let status = match outcome {
        Outcome::Status { status, .. } => Some(*status),
        Outcome::Failed(_) | Outcome::CallerLeft => None,
    };
    AttemptNote {
        upstream_id: upstream.id,
        began_us,
        took_us: i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX),
        status,
        error: (!what.is_empty()).then(|| what.to_owned()),
    }
}

fn all_failed(last: Option<Failed>, back_in_s: Option<i64>, limit_bytes: u64) -> Refusal {
    match last {
        Some(Failed { outcome: Outcome::Status { status: 413, .. }, .. }) => Refusal::TooLarge(limit_bytes),
        Some(Failed { outcome, what }) => {
            let timed_out = matches!(
                outcome,
                Outcome::Failed(Failure::ConnectTimeout | Failure::FirstByteTimeout | Failure::FirstContentTimeout)
            );
            Refusal::AllFailed { timed_out, what, back_in_s }
        }
        None => Refusal::AllFailed { timed_out: false, what: "none could be asked".to_owned(), back_in_s },
    }
}

/// The plan, walked once: all that are ready, then at most one that is not.
struct Tries<'a> {
    order: &'a [usize],
    at: usize,
    last_resort_used: bool,
}

impl Tries<'_> {
    fn next(&mut self, snapshot: &Snapshot, model: &str) -> Option<Arc<Upstream>> {
        while let Some(&index) = self.order.get(self.at) {
            self.at += 1;
            let upstream = &snapshot.upstreams[index];
            match upstream.measured.claim(model, unix_us() / 1000) {
                Claim::Free | Claim::Probe => {}
                // It rests. One such try is better than none; more would be a storm on what is down.
                Claim::Taken if self.last_resort_used || (self.at > 1 && !self.is_last()) => continue,
                Claim::Taken => self.last_resort_used = true,
            }
            return Some(Arc::clone(upstream));
        }
        None
    }

    fn is_last(&self) -> bool {
        self.at >= self.order.len()
    }

    /// Whether another could be asked.
    fn more(&self) -> bool {
        self.at < self.order.len() && !self.last_resort_used
    }
}

/// The request's body, as often as it can be sent.
struct Bodies {
    whole: Option<Body>,
    passed: Option<std::rc::Rc<std::cell::RefCell<intake::Passed>>>,
    replayable: bool,
}

impl Bodies {
    fn new(
        intake: Intake,
        request: &HttpRequest,
        content_type: &str,
        snapshot: &Snapshot,
        filing: &mut Filing,
    ) -> Bodies {
        match intake {
            Intake::Whole(bytes) => {
                let framed =
                    request.headers().contains_key(CONTENT_LENGTH) || request.headers().contains_key(TRANSFER_ENCODING);
                let none = bytes.is_empty() && !framed && request.method() != Method::POST;
                Bodies {
                    whole: Some(if none { Body::None } else { Body::Whole(bytes) }),
                    passed: None,
                    replayable: true,
                }
            }
            Intake::Passing { begun, rest, declared } => {
                let state = filing.state().clone();
                let record_bytes = if filing.is_recorded() { snapshot.settings.record_body_limit_bytes } else { 0 };
                let (passing, passed) =
                    Passing::new(begun, rest, declared, content_type, record_bytes, state.body_limit_bytes, &state);
                Bodies {
                    whole: Some(Body::Passing(passing, Rc::clone(&passed))),
                    passed: Some(passed),
                    replayable: false,
                }
            }
        }
    }

    /// The body for the next attempt; one that passes through only once.
    fn next(&mut self) -> Option<Body> {
        match self.whole.take()? {
            Body::None => {
                self.whole = Some(Body::None);
                Some(Body::None)
            }
            Body::Whole(bytes) => {
                self.whole = Some(Body::Whole(Bytes::clone(&bytes)));
                Some(Body::Whole(bytes))
            }
            passing @ Body::Passing(..) => Some(passing),
        }
    }

    /// What a passing body has left behind goes into the record.
    fn settle(&mut self, filing: &mut Filing) {
        let Some(passed) = self.passed.take() else { return };
        let mut passed = passed.borrow_mut();
        let whole = passed.whole;
        let (side, charged_bytes) = (std::mem::take(&mut passed.side), std::mem::take(&mut passed.charged_bytes));
        filing.note(|draft| {
            draft.request = side;
            draft.request.cut |= !whole;
            draft.charged_bytes += charged_bytes;
            draft.error =
                Some("the body was too large for the replay buffer: it could be sent to one upstream only".to_owned());
        });
    }
}
