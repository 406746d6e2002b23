//! What an attempt showed goes to health, log and notices: once, whatever becomes of the attempt.
//!
//! **Invariant:** an observation that is dropped unsettled blames nobody. **May import:** `state`, `roster`, `balance`.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::web::Data;
use log::{info, warn};

use crate::balance::blame::signals;
use crate::balance::health::Change;
use crate::balance::verdict::{Fault, Outcome, fault};
use crate::proxy::Worker;
use crate::proxy::filing::unix_us;
use crate::roster::Upstream;

/// One attempt in the eyes of health and notices. Counts as "in flight" while it lives.
pub(super) struct Observation {
    state: Data<Worker>,
    upstream: Arc<Upstream>,
    model: Rc<str>,
    settled: bool,
    /// What is to be counted: nothing, a success so far, or a failure.
    success: Option<bool>,
}

impl Observation {
    pub(super) fn begin(state: &Data<Worker>, upstream: &Arc<Upstream>, model: &Rc<str>) -> Observation {
        upstream.measured.enter(unix_us());
        Observation {
            state: state.clone(),
            upstream: Arc::clone(upstream),
            model: Rc::clone(model),
            settled: false,
            success: None,
        }
    }

    /// The upstream asked.
    pub(super) fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    /// The first byte of a good reply came after `us` µs.
    pub(super) fn first_byte(&self, us: i64) {
        self.upstream.measured.first_byte(us, unix_us() / 1000);
    }

    /// It is clear what the attempt gave; `what` tells it in words without secrets. Returns whose fault it was.
    pub(super) fn settle(&mut self, outcome: &Outcome, what: &str) -> Fault {
        let as_is = self.upstream.access.as_is;
        let fault = fault(outcome, as_is);
        let now_ms = unix_us() / 1000;
        let signals = signals(outcome, as_is);
        if signals.upstream.is_some() || signals.model.is_some() {
            self.settled = true;
            // A reply that is cut after good content is one failure, not a success besides.
            self.success = Some(fault == Fault::Nobody);
            let breaker = self.state.roster.load().settings.breaker;
            for change in self.upstream.measured.observe(&self.model, signals, now_ms, &breaker).into_iter().flatten() {
                self.log(change, now_ms);
            }
        }
        match fault {
            Fault::Key | Fault::Upstream => {
                warn!("upstream {} ({}), model {:?}: {what}", self.upstream.id, self.upstream.label, self.model);
                self.upstream.measured.set_troubled(true);
                self.state.notifier.failed(self.upstream.id, &self.upstream.label, &self.model, what);
            }
            Fault::Nobody if self.settled && self.upstream.measured.set_troubled(false) => {
                self.state.notifier.succeeded(self.upstream.id, &self.upstream.label);
            }
            Fault::Nobody | Fault::Request => {}
        }
        fault
    }

    fn log(&self, change: Change, now_ms: i64) {
        let Upstream { id, label, .. } = &*self.upstream;
        let seconds = |until_ms: i64| (until_ms - now_ms + 999) / 1000;
        match change {
            Change::Opened { until_ms } => warn!("upstream {id} ({label}) is left alone for {} s", seconds(until_ms)),
            Change::Cooled { until_ms } => {
                warn!("upstream {id} ({label}) wants to be left alone for {} s", seconds(until_ms))
            }
            Change::KeyBad => warn!("upstream {id} ({label}) refuses its key; it is out until edited or found to work"),
            Change::Closed { down_ms } => info!("upstream {id} ({label}) works again after {} s", down_ms / 1000),
        }
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        self.upstream.measured.leave();
        if let Some(success) = self.success {
            self.upstream.measured.count(success, unix_us() / 1000);
        }
        if !self.settled {
            self.upstream.measured.release(&self.model, unix_us() / 1000);
        }
    }
}
