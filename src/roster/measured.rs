//! What is measured of an upstream: health, latency, requests under way, calls not yet counted in the database.
//!
//! **Invariant:** a lock is held for a few assignments, never over a wait. **May import:** `balance`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::balance::blame::Signals;
use crate::balance::breaker::BreakerConfig;
use crate::balance::health::{Change, Claim, Health, Signal};
use crate::balance::latency::PeakEwma;
use crate::balance::standing::{Standing, combine};
use crate::roster::goods::Goods;
use crate::roster::report::{Ailment, Report, Why};

/// Models whose health is known are kept up to this many per upstream; a caller can invent names without end.
pub(super) const MODELS: usize = 1000;

/// How long an upstream that refused to be asked for usage is not asked, in ms.
const NO_USAGE_MS: i64 = 6 * 60 * 60 * 1000;

/// What is measured of one upstream.
#[derive(Default)]
pub struct Measured {
    in_flight: AtomicU32,
    successes: AtomicU64,
    failures: AtomicU64,
    last_success_us: AtomicI64,
    last_asked_us: AtomicI64,
    troubled: AtomicBool,
    /// Something may stand other than ready; while not, nobody need open the book to know.
    ailing: AtomicBool,
    /// Until when it is not asked for usage, unix ms.
    no_usage_until_ms: AtomicI64,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    whole: Health,
    /// What the last bad word about it was, and about each model below.
    why: Why,
    models: HashMap<String, Health>,
    whys: HashMap<String, Why>,
    goods: Goods,
    latency: PeakEwma,
}

/// Calls since the last time this was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calls {
    /// Successful ones.
    pub successes: i64,
    /// Failed ones.
    pub failures: i64,
    /// When the last success was, unix µs; 0 = none.
    pub last_success_us: i64,
}

impl Measured {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How a model stands there.
    pub fn standing(&self, model: &str, now_ms: i64) -> Standing {
        if !self.ailing.load(Ordering::Acquire) {
            return Standing::Ready;
        }
        let book = self.book();
        let whole = book.whole.standing(now_ms);
        match book.models.get(model) {
            Some(health) => combine(whole, health.standing(now_ms)),
            None => whole,
        }
    }

    /// The expected time to the first byte, in µs; 0 when nobody has measured it.
    pub fn first_byte_us(&self, now_ms: i64) -> f64 {
        self.book().latency.value(now_ms)
    }

    /// Nothing of it, neither the whole nor any model, is left alone or only probed.
    pub fn is_well(&self, now_ms: i64) -> bool {
        if !self.ailing.load(Ordering::Acquire) {
            return true;
        }
        let book = self.book();
        book.models.values().chain([&book.whole]).all(|health| health.standing(now_ms) == Standing::Ready)
    }

    /// How the upstream as a whole stands, in a word for the admin API.
    pub fn standing_word(&self, now_ms: i64) -> &'static str {
        match self.book().whole.standing(now_ms) {
            Standing::Ready => "ready",
            Standing::Probe | Standing::Probing { .. } => "probing",
            Standing::Cooling { .. } => "cooling",
            Standing::KeyBad => "key_bad",
        }
    }

    /// Everything that is wrong with it.
    pub fn report(&self, now_ms: i64) -> Report {
        if !self.ailing.load(Ordering::Acquire) {
            return Report::default();
        }
        let book = self.book();
        let ailment = |model: Option<&String>, health: &Health, why: Why| {
            let standing = health.standing(now_ms);
            (standing != Standing::Ready).then(|| Ailment { model: model.cloned(), standing, why })
        };
        let why = |model: &String| book.whys.get(model).copied().unwrap_or_default();
        let mut models: Vec<Ailment> =
            book.models.iter().filter_map(|(model, health)| ailment(Some(model), health, why(model))).collect();
        models.sort_unstable_by(|a, b| a.model.cmp(&b.model));
        let is_ready = |model: &str| book.models.get(model).is_none_or(|it| it.standing(now_ms) == Standing::Ready);
        Report { whole: ailment(None, &book.whole, book.why), models, serves: book.goods.any(now_ms, is_ready) }
    }

    /// Asks for leave to try a model there; see [`Claim`].
    pub fn claim(&self, model: &str, now_ms: i64) -> Claim {
        if !self.ailing.load(Ordering::Acquire) {
            return Claim::Free;
        }
        let mut book = self.book();
        let whole = book.whole.claim_probe(now_ms);
        if whole == Claim::Taken {
            return Claim::Taken;
        }
        match book.models.get_mut(model).map_or(Claim::Free, |health| health.claim_probe(now_ms)) {
            Claim::Free => whole,
            Claim::Probe => Claim::Probe,
            Claim::Taken => {
                book.whole.release_probe(now_ms);
                Claim::Taken
            }
        }
    }

    /// The attempt told nothing: a probe's place is free again.
    pub fn release(&self, model: &str, now_ms: i64) {
        let mut book = self.book();
        book.whole.release_probe(now_ms);
        if let Some(health) = book.models.get_mut(model) {
            health.release_probe(now_ms);
        }
    }

    /// Takes note of what an attempt showed; the flips of upstream and model are returned.
    pub fn observe(&self, model: &str, signals: Signals, now_ms: i64, config: &BreakerConfig) -> [Option<Change>; 2] {
        let mut book = self.book();
        book.why = signals.upstream.and_then(Why::of).unwrap_or(book.why);
        if let Some(why) = signals.model.and_then(Why::of) {
            book.whys.insert(model.to_owned(), why);
        }
        let upstream = match signals.upstream {
            Some(signal) => book.whole.observe(signal, now_ms, config),
            None => {
                // It was reached and its key accepted, or else it would have a signal: a probe of that is over.
                book.whole.release_probe(now_ms);
                None
            }
        };
        let model = match signals.model {
            // A model nobody has a bad word about needs no entry for its health.
            Some(Signal::Success) => {
                book.goods.note(model, now_ms);
                book.models.get_mut(model).and_then(|health| health.observe(Signal::Success, now_ms, config))
            }
            Some(signal) => {
                if book.models.len() >= MODELS && !book.models.contains_key(model) {
                    book.models.retain(|_, health| health.standing(now_ms) != Standing::Ready);
                    let Book { models, whys, .. } = &mut *book;
                    whys.retain(|model, _| models.contains_key(model));
                }
                book.models.entry(model.to_owned()).or_default().observe(signal, now_ms, config)
            }
            None => {
                if let Some(health) = book.models.get_mut(model) {
                    health.release_probe(now_ms);
                }
                None
            }
        };
        let well = book.whole.standing(now_ms) == Standing::Ready && book.models.is_empty();
        self.ailing.store(!well, Ordering::Release);
        [upstream, model]
    }

    /// Counts a call, when it is clear how it ended.
    pub fn count(&self, success: bool, now_ms: i64) {
        if success {
            self.successes.fetch_add(1, Ordering::Relaxed);
            self.last_success_us.store(now_ms.saturating_mul(1000), Ordering::Relaxed);
        } else {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// When it was last asked, however that ended, or last ended well, unix µs; 0 = not since the start.
    pub fn last_used_us(&self) -> i64 {
        self.last_success_us.load(Ordering::Relaxed).max(self.last_asked_us.load(Ordering::Relaxed))
    }

    /// Whether people may have been told that it fails; returns what was before.
    pub fn set_troubled(&self, troubled: bool) -> bool {
        if troubled || self.troubled.load(Ordering::Relaxed) {
            self.troubled.swap(troubled, Ordering::Relaxed)
        } else {
            false
        }
    }

    /// Whether it may be asked for the usage of a stream: it has not refused that lately.
    pub fn takes_usage_question(&self, now_ms: i64) -> bool {
        self.no_usage_until_ms.load(Ordering::Relaxed) <= now_ms
    }

    /// It has refused to be asked for the usage of a stream.
    pub fn refused_usage_question(&self, now_ms: i64) {
        self.no_usage_until_ms.store(now_ms.saturating_add(NO_USAGE_MS), Ordering::Relaxed);
    }

    /// Takes note of a time to the first byte, in µs.
    pub fn first_byte(&self, us: i64, now_ms: i64) {
        self.book().latency.observe(u64::try_from(us).unwrap_or(0), now_ms);
    }

    /// Requests under way there.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// One more request under way.
    pub fn enter(&self, now_us: i64) {
        self.last_asked_us.store(now_us, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// One less.
    pub fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// Calls not yet taken by [`Measured::take_calls`].
    pub fn calls(&self) -> Calls {
        Calls {
            successes: self.successes.load(Ordering::Relaxed) as i64,
            failures: self.failures.load(Ordering::Relaxed) as i64,
            last_success_us: self.last_success_us.load(Ordering::Relaxed),
        }
    }

    /// Takes the calls, to count them in the database.
    pub fn take_calls(&self) -> Calls {
        Calls {
            successes: self.successes.swap(0, Ordering::Relaxed) as i64,
            failures: self.failures.swap(0, Ordering::Relaxed) as i64,
            last_success_us: self.last_success_us.load(Ordering::Relaxed),
        }
    }

    /// Puts calls back that could not be counted.
    pub fn put_back(&self, calls: Calls) {
        self.successes.fetch_add(calls.successes as u64, Ordering::Relaxed);
        self.failures.fetch_add(calls.failures as u64, Ordering::Relaxed);
    }
}
