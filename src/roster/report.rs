//! What is measured of an upstream, put for people: how it stands, why, and until when.
//!
//! **Invariant:** a report is a copy; nothing here changes what is measured. **May import:** `balance`.

use crate::balance::health::Signal;
use crate::balance::standing::Standing;

/// Why an upstream, or a model on it, does not stand as it should.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Why {
    /// No connection came about.
    Unreachable,
    /// Its answers failed.
    #[default]
    Failing,
    /// It refused for the rate.
    RateLimited,
    /// It refused our key or account.
    KeyRefused,
}

impl Why {
    /// What a signal says; a success says nothing.
    pub(super) fn of(signal: Signal) -> Option<Why> {
        match signal {
            Signal::Success => None,
            Signal::Failure { at_once: true } => Some(Why::Unreachable),
            Signal::Failure { at_once: false } => Some(Why::Failing),
            Signal::Cool { .. } => Some(Why::RateLimited),
            Signal::KeyBad => Some(Why::KeyRefused),
        }
    }
}

/// How an upstream stands as a whole, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing is wrong.
    None,
    /// Some model rests there, and another was answered well lately.
    Degraded,
    /// It asked to be left alone for a while, as a whole or for every model that was asked of it lately.
    Cooling,
    /// It cannot be reached, does not take our key, or answered well for no model that was asked of it lately.
    Down,
}

/// How something stands and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ailment {
    /// The model; none for the upstream as a whole.
    pub model: Option<String>,
    /// How it stands.
    pub standing: Standing,
    /// Why it does not stand better.
    pub why: Why,
}

/// Everything that is wrong with an upstream at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What is wrong with it as a whole.
    pub whole: Option<Ailment>,
    /// What is wrong with single models there, by name.
    pub models: Vec<Ailment>,
    /// A model that is not out was answered well there lately.
    pub serves: bool,
}

impl Report {
    /// The worst of it in one word.
    pub fn trouble(&self) -> Trouble {
        match self.whole.as_ref().map(|whole| whole.why) {
            Some(Why::RateLimited) => Trouble::Cooling,
            // Until it has answered it is down, even while it is being tried again.
            Some(Why::Unreachable | Why::Failing | Why::KeyRefused) => Trouble::Down,
            None if self.models.is_empty() => Trouble::None,
            None if self.serves => Trouble::Degraded,
            None if self.models.iter().all(|model| model.why == Why::RateLimited) => Trouble::Cooling,
            None => Trouble::Down,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::balance::blame::Signals;
    use crate::balance::breaker::BreakerConfig;
    use crate::balance::health::Signal;
    use crate::roster::measured::Measured;
    use crate::roster::report::{Trouble, Why};

    fn told(upstream: Option<Signal>, model: Option<Signal>) -> Measured {
        let measured = Measured::default();
        measured.observe("m", Signals { upstream, model }, 1_000, &BreakerConfig::default());
        measured
    }

    #[test]
    fn each_kind_of_trouble_has_its_word_and_its_reason() {
        assert_eq!(Measured::default().report(1_000).trouble(), Trouble::None);
        let unreachable = told(Some(Signal::Failure { at_once: true }), None);
        let report = unreachable.report(1_000);
        assert_eq!((report.trouble(), report.whole.unwrap().why), (Trouble::Down, Why::Unreachable));
        assert_eq!(unreachable.report(100_000).trouble(), Trouble::Down, "nobody has found it well again");
        let refused = told(Some(Signal::KeyBad), None).report(1_000);
        assert_eq!((refused.trouble(), refused.whole.unwrap().why), (Trouble::Down, Why::KeyRefused));
        let limited = told(Some(Signal::Success), Some(Signal::Cool { until_ms: Some(9_000) }));
        let report = limited.report(1_000);
        assert_eq!((report.trouble(), report.models[0].why), (Trouble::Cooling, Why::RateLimited));
        assert_eq!(report.models[0].model.as_deref(), Some("m"));
        assert_eq!(limited.report(9_000).trouble(), Trouble::None);
    }

    #[test]
    fn an_upstream_is_out_as_a_whole_when_all_that_was_asked_of_it_lately_is() {
        let measured = Measured::default();
        let observe = |model: &str, signal, now_ms| {
            let signals = Signals { upstream: None, model: Some(signal) };
            measured.observe(model, signals, now_ms, &BreakerConfig { failures: 1, ..BreakerConfig::default() });
        };
        observe("good", Signal::Success, 1_000);
        observe("limited", Signal::Cool { until_ms: Some(9_000_000) }, 1_000);
        assert_eq!(measured.report(1_000).trouble(), Trouble::Degraded);
        assert_eq!(measured.report(3_601_001).trouble(), Trouble::Cooling, "the good one is long ago");
        observe("good", Signal::Success, 3_601_001);
        assert_eq!(measured.report(3_601_001).trouble(), Trouble::Degraded);
        observe("good", Signal::Failure { at_once: false }, 3_601_001);
        assert_eq!(measured.report(3_601_001).trouble(), Trouble::Down, "not all are only limited");
    }
}
