//! The record's guard: whatever becomes of a request, exactly one record of it is filed, when this is dropped.
//!
//! **Invariant:** a guard that nobody ended says "left by the caller": only a dropped future gets there. What is recorded is
//! never raised, only lowered: by key, by header, by the upstream that the record names.
//! **May import:** `state`, `recorder`, `roster`, `openai`.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use actix_web::HttpRequest;
use actix_web::web::{Bytes, Data};

use crate::openai::peek::session_key;
use crate::proxy::Worker;
use crate::proxy::heads::{lines, path_for_record};
use crate::proxy::hold::Settled;
use crate::proxy::intake::Passed;
use crate::proxy::tap;
use crate::recorder::{AttemptNote, Draft, Ending, Kept, Side};
use crate::roster::{Durability, Recording, SentModel, Settings, Upstream};

/// What a caller that left before a status was sent is recorded with (nginx's convention).
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// Bodies below this size are copied, larger ones shared.
const COPIED_BYTES: usize = 16 << 10;

/// One running request.
pub(super) struct Filing {
    state: Data<Worker>,
    began: Instant,
    /// `None` when nothing is recorded.
    draft: Option<Box<Draft>>,
    /// A body on its way through.
    passed: Option<Rc<RefCell<Passed>>>,
    /// What the upstream allows that was asked last or has answered.
    upstream_allows: Recording,
    /// The status for the caller, and whose reply it is.
    answer: (u16, Option<i64>),
    /// The reply's end waits for the record.
    is_strict: bool,
}

impl Filing {
    pub(super) fn open(
        state: &Data<Worker>,
        request: &HttpRequest,
        ip: impl FnOnce() -> String,
        settings: &Settings,
    ) -> Filing {
        state.running.enter();
        let recording = settings.recording;
        let draft = (recording != Recording::Off).then(|| {
            let text = |name: &str| request.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
            let (user_agent, host) = (text("user-agent").unwrap_or("".into()), text("host").unwrap_or("".into()));
            let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
            Box::new(Draft {
                started_us: unix_us(),
                key_name: String::new(),
                key_last4: String::new(),
                ip: ip(),
                lossy: matches!(user_agent, Cow::Owned(_)) || matches!(host, Cow::Owned(_)),
                user_agent: user_agent.into_owned(),
                host: host.into_owned(),
                session: session_key(header, b""),
                method: request.method().as_str().to_owned(),
                path: path_for_record(path),
                model: None,
                model_sent: None,
                status: CLIENT_CLOSED_REQUEST,
                upstream_id: None,
                streamed: false,
                first_byte_us: None,
                first_content_us: None,
                total_us: 0,
                attempts: Vec::new(),
                ending: Ending::Left,
                error: None,
                resource_id: None,
                heads: if recording == Recording::Full { lines(request.headers()) } else { Vec::new() },
                request: Side::default(),
                reply: Side::default(),
                with_bodies: recording == Recording::Full,
                replay_of: None,
                charged_bytes: 0,
                hold: None,
            })
        });
        let upstream_allows = Recording::Full;
        let is_strict = settings.durability == Durability::Strict && draft.is_some();
        let answer = (CLIENT_CLOSED_REQUEST, None);
        Filing { state: state.clone(), began: Instant::now(), draft, passed: None, upstream_allows, answer, is_strict }
    }

    /// What the roster, the notices and the recorder are reached through.
    pub(super) fn state(&self) -> &Data<Worker> {
        &self.state
    }

    /// When the request came in.
    pub(super) fn began(&self) -> Instant {
        self.began
    }

    /// µs since the request came in.
    pub(super) fn elapsed_us(&self) -> i64 {
        us_since(self.began)
    }

    /// Writes something down, if there is a record at all.
    pub(super) fn note(&mut self, write: impl FnOnce(&mut Draft)) {
        if let Some(draft) = &mut self.draft {
            write(draft);
        }
    }

    /// No more than this is recorded; what is kept beyond it is dropped.
    pub(super) fn lower(&mut self, level: Recording) {
        match level {
            Recording::Full => {}
            Recording::Metadata => self.note(|draft| {
                draft.with_bodies = false;
                draft.request.kept = Kept::Nothing;
                draft.heads = Vec::new();
            }),
            Recording::Off => {
                if let Some(draft) = self.draft.take() {
                    self.state.recorder.budget.give_back(draft.charged_bytes);
                }
            }
        }
    }

    /// This upstream's reply is the one that is passed on.
    pub(super) fn answered_by(&mut self, upstream: &Upstream, model_sent: Option<&Arc<SentModel>>) {
        self.note(|draft| draft.model_sent = model_sent.map(|model| model.name.clone()));
        self.upstream_allows = upstream.recording;
        self.lower(upstream.recording);
    }

    /// A try begins. Should the caller leave meanwhile, the record knows at least that.
    pub(super) fn attempt_begins(&mut self, upstream: &Upstream, model_sent: Option<&Arc<SentModel>>) {
        let (began, upstream_id) = (self.began, upstream.id);
        self.upstream_allows = upstream.recording;
        self.note(|draft| {
            let began_us = us_since(began);
            draft.upstream_id = Some(upstream_id);
            draft.model_sent = model_sent.map(|model| model.name.clone());
            draft.attempts.push(AttemptNote {
                upstream_id,
                began_us,
                took_us: None,
                status: None,
                connect_us: None,
                error: None,
                bad_request: false,
            });
        });
    }

    /// The try that began last failed by the fault of the request.
    pub(super) fn was_bad_request(&mut self) {
        self.note(|draft| {
            if let Some(note) = draft.attempts.last_mut() {
                note.bad_request = true;
            }
        });
    }

    /// The try that began last is over; `connecting` is how much of it went by before there was a connection.
    pub(super) fn attempt_ends(&mut self, status: Option<u16>, what: &str, connecting: Option<Duration>) {
        let began = self.began;
        self.note(|draft| {
            let now_us = us_since(began);
            if let Some(note) = draft.attempts.last_mut() {
                note.took_us = Some(now_us - note.began_us);
                note.status = status;
                note.connect_us = connecting.and_then(|took| i64::try_from(took.as_micros()).ok());
                note.error = (!what.is_empty()).then(|| what.to_owned());
            }
        });
    }

    /// Whether bodies are worth keeping for it.
    pub(super) fn is_recorded(&self) -> bool {
        self.draft.is_some()
    }

    /// Keeps the request's body, which is held in memory anyway.
    pub(super) fn keep_request(&mut self, body: &Bytes, content_type: &str, limit_bytes: usize) {
        let Some(draft) = &mut self.draft else { return };
        draft.request.total_bytes = body.len() as u64;
        content_type.clone_into(&mut draft.request.content_type);
        let multipart = content_type.starts_with("multipart/form-data");
        if !draft.with_bodies || body.is_empty() || (limit_bytes == 0 && !multipart) {
            return;
        }
        let room = if multipart { body.len() } else { body.len().min(limit_bytes) };
        if !self.state.recorder.budget.take(room) {
            draft.request.cut = true;
            return;
        }
        draft.charged_bytes += room;
        draft.request.cut = room < body.len();
        let kept = body.slice(..room);
        // A small slice would keep the connection's whole read buffer alive for as long as the record waits.
        draft.request.kept = if room < COPIED_BYTES { Kept::Copy(kept.to_vec()) } else { Kept::Bytes(kept) };
    }

    /// Keeps a piece of the reply.
    pub(super) fn keep_reply(&mut self, piece: &[u8], limit_bytes: usize) {
        if let Some(draft) = &mut self.draft {
            tap::keep(draft, piece, limit_bytes, &self.state.recorder.budget);
        }
    }

    /// The body passes through: what it leaves behind is looked at when the request ends.
    pub(super) fn watch(&mut self, passed: Rc<RefCell<Passed>>) {
        self.passed = Some(passed);
    }

    /// The status for the caller, and the upstream whose reply it is.
    pub(super) fn answers(&mut self, status: u16, upstream_id: Option<i64>) {
        self.answer = (status, upstream_id);
        self.note(|draft| {
            draft.status = status;
            draft.upstream_id = upstream_id.or(draft.upstream_id);
        });
    }

    /// The reply's end waits for the record.
    pub(super) fn is_strict(&self) -> bool {
        self.is_strict
    }

    /// The last word on how it ended; the record is filed. When there is something to wait for, the reply's end should.
    pub(super) fn end(mut self, ending: Ending) -> Option<Settled> {
        let draft = self.draft.as_mut()?;
        draft.ending = ending;
        if !self.is_strict {
            return None;
        }
        let (hold, settled) = Settled::pair(&self.state);
        draft.hold = Some(hold);
        Some(settled)
    }
}

impl Drop for Filing {
    fn drop(&mut self) {
        self.lower(self.upstream_allows);
        let passed = self.passed.take();
        if let (Some(passed), None) = (&passed, &self.draft) {
            let mut passed = passed.borrow_mut();
            // What may still go by is not kept either.
            passed.side = Side::default();
            self.state.recorder.budget.give_back(std::mem::take(&mut passed.charged_bytes));
        }
        self.note(|draft| {
            if let Some(passed) = passed {
                let mut passed = passed.borrow_mut();
                draft.request = std::mem::take(&mut passed.side);
                draft.request.cut |= !passed.whole;
                draft.charged_bytes += std::mem::take(&mut passed.charged_bytes);
                draft.request.sent_once = true;
            }
        });
        let total_us = us_since(self.began);
        let (status, upstream_id) = self.answer;
        self.state.meter.count(upstream_id, status, total_us.unsigned_abs());
        if let Some(mut draft) = self.draft.take() {
            draft.total_us = total_us;
            self.state.recorder.file(*draft);
        }
        self.state.running.leave();
    }
}

fn us_since(began: Instant) -> i64 {
    i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX)
}

/// Now, in unix µs.
pub(super) fn unix_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
