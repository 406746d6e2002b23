//! What an outcome tells the breakers: that of the upstream, and that of the model on it. Start at [`signals`].
//!
//! What concerns connection and key is the upstream's; what concerns answering is the model's, because one model may
//! fail, or be used up, while all others work.
//!
//! **Invariant:** a bad request and a hang-up tell no breaker anything; a probe that ends so must be released.
//! **May import:** std, and this room's `health` and `verdict`.

use crate::balance::health::Signal;
use crate::balance::verdict::{Failure, Fault, Outcome, fault};

/// What two breakers are told. `None`: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals {
    /// For the upstream's.
    pub upstream: Option<Signal>,
    /// For that of the model on the upstream.
    pub model: Option<Signal>,
}

/// What `outcome` tells. `asis` as for [`fault`].
pub fn signals(outcome: &Outcome, asis: bool) -> Signals {
    let upstream = |signal| Signals { upstream: Some(signal), model: None };
    let model = |signal| Signals { upstream: None, model: Some(signal) };
    match (fault(outcome, asis), *outcome) {
        (_, Outcome::CallerLeft) | (Fault::Request, _) => Signals::default(),
        (Fault::Nobody, _) => Signals { upstream: Some(Signal::Success), model: Some(Signal::Success) },
        // 403 without a word of quota is also "your project has no access to this model": the others may work.
        (Fault::Key, Outcome::Status { status: 403, quota: false, .. })
        | (Fault::Key, Outcome::Failed(Failure::StreamError { quota: false, status_hint: Some(403) })) => {
            model(Signal::KeyBad)
        }
        (Fault::Key, _) => upstream(Signal::KeyBad),
        // Rate limits are counted per model. Overload (RFC 9110 §10.2.3, §15.6.4) without a time is a failure.
        (Fault::Upstream, Outcome::Status { status: 429, cool_until_ms, .. }) => {
            model(Signal::Cool { until_ms: cool_until_ms })
        }
        (Fault::Upstream, Outcome::Status { status: 503 | 529, cool_until_ms: Some(until_ms), .. }) => {
            model(Signal::Cool { until_ms: Some(until_ms) })
        }
        (Fault::Upstream, Outcome::Status { .. }) => model(Signal::Failure { at_once: false }),
        (Fault::Upstream, Outcome::Failed(failure)) => match failure {
            Failure::Dns | Failure::Refused | Failure::Unreachable | Failure::Tls | Failure::ConnectTimeout => {
                upstream(Signal::Failure { at_once: true })
            }
            Failure::StreamError { status_hint: Some(429), .. } => model(Signal::Cool { until_ms: None }),
            Failure::FirstByteTimeout
            | Failure::FirstContentTimeout
            | Failure::Reset
            | Failure::BadReply
            | Failure::StreamError { .. } => model(Signal::Failure { at_once: false }),
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::balance::blame::{Signals, signals};
    use crate::balance::health::Signal;
    use crate::balance::verdict::{Failure, Outcome};

    const FAILURE: Signal = Signal::Failure { at_once: false };

    fn told(outcome: Outcome) -> (Option<Signal>, Option<Signal>) {
        let Signals { upstream, model } = signals(&outcome, false);
        (upstream, model)
    }

    fn status(status: u16, quota: bool, cool_until_ms: Option<i64>) -> Outcome {
        Outcome::Status { status, quota, cool_until_ms }
    }

    #[test]
    fn a_good_reply_clears_both() {
        assert_eq!(told(status(200, false, None)), (Some(Signal::Success), Some(Signal::Success)));
    }

    #[test]
    fn bad_requests_and_hang_ups_tell_nothing() {
        assert_eq!(told(status(400, false, Some(9))), (None, None));
        assert_eq!(told(status(404, false, None)), (None, None));
        assert_eq!(told(Outcome::CallerLeft), (None, None));
        assert_eq!(signals(&status(401, false, None), true), Signals::default());
        let bad_in_stream = Failure::StreamError { quota: false, status_hint: Some(400) };
        assert_eq!(told(Outcome::Failed(bad_in_stream)), (None, None));
    }

    #[test]
    fn a_refused_key_takes_out_the_upstream_but_403_only_the_model() {
        for outcome in
            [status(401, false, None), status(402, false, None), status(429, true, Some(9)), status(403, true, None)]
        {
            assert_eq!(told(outcome), (Some(Signal::KeyBad), None), "{outcome:?}");
        }
        assert_eq!(told(status(403, false, None)), (None, Some(Signal::KeyBad)));
        let in_stream = |quota, status_hint| Outcome::Failed(Failure::StreamError { quota, status_hint });
        assert_eq!(told(in_stream(true, Some(429))), (Some(Signal::KeyBad), None));
        assert_eq!(told(in_stream(false, Some(403))), (None, Some(Signal::KeyBad)));
    }

    #[test]
    fn rate_limits_cool_the_model_until_the_time_named() {
        let cool = |until_ms| (None, Some(Signal::Cool { until_ms }));
        assert_eq!(told(status(429, false, Some(9_000))), cool(Some(9_000)));
        assert_eq!(told(status(429, false, None)), cool(None));
        assert_eq!(told(status(503, false, Some(9_000))), cool(Some(9_000)));
        let in_stream = Failure::StreamError { quota: false, status_hint: Some(429) };
        assert_eq!(told(Outcome::Failed(in_stream)), cool(None));
    }

    #[test]
    fn a_failed_answer_counts_for_the_model_and_a_failed_connection_at_once_for_the_upstream() {
        assert_eq!(told(status(503, false, None)), (None, Some(FAILURE)));
        // Rate-limit headers stand on every reply; on a 500 they say nothing.
        assert_eq!(told(status(500, false, Some(9_000))), (None, Some(FAILURE)));
        for failure in [
            Failure::FirstByteTimeout,
            Failure::FirstContentTimeout,
            Failure::Reset,
            Failure::BadReply,
            Failure::StreamError { quota: false, status_hint: None },
        ] {
            assert_eq!(told(Outcome::Failed(failure)), (None, Some(FAILURE)), "{failure:?}");
        }
        for failure in [Failure::Dns, Failure::Refused, Failure::Unreachable, Failure::Tls, Failure::ConnectTimeout] {
            let at_once = Some(Signal::Failure { at_once: true });
            assert_eq!(told(Outcome::Failed(failure)), (at_once, None), "{failure:?}");
        }
    }
}
