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
    /// Some model rests there.
    Degraded,
    /// It asked to be left alone for a while.
    Cooling,
    /// It cannot be reached or does not take our key.
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
}

impl Report {
    /// The worst of it in one word.
    pub fn trouble(&self) -> Trouble {
        match self.whole.as_ref().map(|whole| whole.why) {
            Some(Why::RateLimited) => Trouble::Cooling,
            // Until it has answered it is down, even while it is being tried again.
            Some(Why::Unreachable | Why::Failing | Why::KeyRefused) => Trouble::Down,
            None if self.models.is_empty() => Trouble::None,
            None => Trouble::Degraded,
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
        assert_eq!((report.trouble(), report.models[0].why), (Trouble::Degraded, Why::RateLimited));
        assert_eq!(report.models[0].model.as_deref(), Some("m"));
        assert_eq!(limited.report(9_000).trouble(), Trouble::None);
    }
}
