//! The breaker: one [`Health`] per upstream and one per (upstream, model). Start at [`Health::observe`].
//!
//! Usable → open after failures → half-open when the time is over: one request probes, its success closes, its failure
//! opens for twice as long. A rate limit with a known end only cools, and a refused key stays out until something succeeds.
//!
//! **Invariant:** nothing here looks at `enabled`: the operator's will and measured health are two facts. Nothing here
//! is told of bad requests and hang-ups ([`crate::balance::blame`]).
//! **May import:** std, and this room's `breaker` and `standing`.

use crate::balance::breaker::{BreakerConfig, Window};
use crate::balance::standing::Standing;

/// How long a probe may stay unanswered before another request may probe: its request may have been lost. In ms.
pub const PROBE_LOST_MS: i64 = 60_000;

/// What an attempt showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// It worked.
    Success,
    /// It failed by the upstream's fault.
    Failure {
        /// Not even a connection came about: no need to see it three times.
        at_once: bool,
    },
    /// It refused for the rate (429) or told when to come back.
    Cool {
        /// When it wants to be asked again, Unix milliseconds, if it said so.
        until_ms: Option<i64>,
    },
    /// It refused our key or account.
    KeyBad,
}

/// A flip, worth a line in the log and a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It failed too often and rests.
    Opened {
        /// Until this Unix time in milliseconds.
        until_ms: i64,
    },
    /// It works but refuses for the rate.
    Cooled {
        /// Until this Unix time in milliseconds.
        until_ms: i64,
    },
    /// Its key is refused.
    KeyBad,
    /// It works again.
    Closed {
        /// How long it had not, in ms.
        down_ms: i64,
    },
}

/// Whether a request may go to where its plan points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It works; nothing to claim.
    Free,
    /// This request is the probe: it must end in [`Health::observe`] or [`Health::release_probe`].
    Probe,
    /// It rests or is being probed by another request: go on, unless this is the last resort.
    Taken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Cooling { until_ms: i64 },
    Open { until_ms: i64, open_ms: i64 },
    Probing { since_ms: i64, open_ms: i64 },
    KeyBad,
}

/// The measured health of one upstream, or of one model on it.
#[derive(Clone, Debug)]
pub struct Health {
    state: State,
    /// When it left `Closed`, Unix milliseconds.
    down_since_ms: i64,
    in_a_row: u32,
    window: Window,
}

impl Default for Health {
    fn default() -> Health {
        Health::new()
    }
}

impl Health {
    /// Of something nothing is known about: usable.
    pub fn new() -> Health {
        Health { state: State::Closed, down_since_ms: 0, in_a_row: 0, window: Window::default() }
    }

    /// How it stands at `now_ms`.
    pub fn standing(&self, now_ms: i64) -> Standing {
        match self.state {
            State::Closed => Standing::Ready,
            State::Cooling { until_ms } if now_ms >= until_ms => Standing::Ready,
            State::Cooling { until_ms } => Standing::Cooling { until_ms },
            State::Open { until_ms, .. } if now_ms >= until_ms => Standing::Probe,
            State::Open { until_ms, .. } => Standing::Cooling { until_ms },
            State::Probing { since_ms, .. } => {
                let until_ms = since_ms.saturating_add(PROBE_LOST_MS);
                if now_ms >= until_ms { Standing::Probe } else { Standing::Probing { until_ms } }
            }
            State::KeyBad => Standing::KeyBad,
        }
    }

    /// May a request go there now? Becomes the probe if one is wanted and nobody is it yet.
    pub fn claim_probe(&mut self, now_ms: i64) -> Claim {
        match (self.standing(now_ms), self.state) {
            (Standing::Ready, _) => Claim::Free,
            (Standing::Probe, State::Open { open_ms, .. } | State::Probing { open_ms, .. }) => {
                self.state = State::Probing { since_ms: now_ms, open_ms };
                Claim::Probe
            }
            (Standing::Probe | Standing::Probing { .. } | Standing::Cooling { .. } | Standing::KeyBad, _) => {
                Claim::Taken
            }
        }
    }

    /// The probe ended without telling anything (its caller left, its request was bad): the next may probe.
    pub fn release_probe(&mut self, now_ms: i64) {
        if let State::Probing { open_ms, .. } = self.state {
            self.state = State::Open { until_ms: now_ms, open_ms };
        }
    }

    /// Take note of what an attempt showed. Returns something only if that is news.
    pub fn observe(&mut self, signal: Signal, now_ms: i64, config: &BreakerConfig) -> Option<Change> {
        match signal {
            Signal::Success => self.succeed(now_ms, config),
            Signal::Failure { at_once } => self.fail(at_once, now_ms, config),
            Signal::Cool { until_ms } => {
                // A time gone by says no more than none.
                let until_ms = until_ms.filter(|until_ms| *until_ms > now_ms);
                self.cool(until_ms.unwrap_or(now_ms.saturating_add(config.open_ms)), now_ms)
            }
            Signal::KeyBad => {
                if self.state == State::KeyBad {
                    return None;
                }
                self.go_down(State::KeyBad, now_ms);
                Some(Change::KeyBad)
            }
        }
    }

    fn succeed(&mut self, now_ms: i64, config: &BreakerConfig) -> Option<Change> {
        self.in_a_row = 0;
        match self.state {
            State::Closed => {
                self.window.count(false, now_ms, config);
                None
            }
            // Of requests begun before the refusal, many still succeed: the time it named holds.
            State::Cooling { until_ms } if now_ms < until_ms => None,
            // Nobody may have asked since its time was over; it was not down any longer than that.
            State::Cooling { until_ms } => Some(self.close(until_ms)),
            State::Open { .. } | State::Probing { .. } | State::KeyBad => Some(self.close(now_ms)),
        }
    }

    fn fail(&mut self, at_once: bool, now_ms: i64, config: &BreakerConfig) -> Option<Change> {
        match self.state {
            State::Closed | State::Cooling { .. } => {
                self.in_a_row = self.in_a_row.saturating_add(1);
                self.window.count(true, now_ms, config);
                if !at_once && self.in_a_row < config.failures.max(1) && !self.window.is_bad(config) {
                    return None;
                }
                let mut until_ms = now_ms.saturating_add(config.open_ms);
                if let State::Cooling { until_ms: cool_until_ms } = self.state {
                    until_ms = until_ms.max(cool_until_ms);
                }
                self.go_down(State::Open { until_ms, open_ms: config.open_ms }, now_ms);
                Some(Change::Opened { until_ms })
            }
            // Late news, or a last-resort try: it is known to be down.
            State::Open { until_ms, .. } if now_ms < until_ms => None,
            State::Open { open_ms, .. } | State::Probing { open_ms, .. } => {
                let open_ms = open_ms.saturating_mul(2).min(config.open_max_ms).max(config.open_ms);
                self.state = State::Open { until_ms: now_ms.saturating_add(open_ms), open_ms };
                None
            }
            State::KeyBad => None,
        }
    }

    fn cool(&mut self, until_ms: i64, now_ms: i64) -> Option<Change> {
        match self.state {
            State::Cooling { until_ms: before_ms } if now_ms < before_ms => {
                self.state = State::Cooling { until_ms: until_ms.max(before_ms) };
                None
            }
            State::Closed | State::Cooling { .. } => {
                self.go_down(State::Cooling { until_ms }, now_ms);
                Some(Change::Cooled { until_ms })
            }
            State::Open { until_ms: before_ms, open_ms } => {
                self.state = State::Open { until_ms: until_ms.max(before_ms), open_ms };
                None
            }
            State::Probing { .. } => {
                // It answers again, if only with a refusal: the time it named replaces the doubling.
                self.state = State::Cooling { until_ms };
                None
            }
            State::KeyBad => None,
        }
    }

    fn close(&mut self, up_since_ms: i64) -> Change {
        self.state = State::Closed;
        self.window = Window::default();
        Change::Closed { down_ms: up_since_ms.saturating_sub(self.down_since_ms).max(0) }
    }

    fn go_down(&mut self, state: State, now_ms: i64) {
        if self.standing(now_ms) == Standing::Ready {
            self.down_since_ms = now_ms;
        }
        self.state = state;
        self.in_a_row = 0;
        self.window = Window::default();
    }
}

#[cfg(test)]
mod tests;
