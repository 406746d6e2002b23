//! How long an upstream takes to its first byte: an average that believes bad news at once and good news slowly
//! (peak-EWMA, from Finagle; tower's `PeakEwma`). Start at [`PeakEwma::observe`].
//!
//! **Invariant:** no failure is counted here: an upstream that refuses quickly must not look fast.
//! **May import:** std.

/// After this time an old measurement weighs 1/e, in ms.
const TIME_CONSTANT_MS: f64 = 30_000.0;

/// So long after the last measurement nothing is known any more, in ms: three time constants.
const STALE_AFTER_MS: i64 = 90_000;

/// The expected time to the first byte of one upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PeakEwma {
    average_us: f64,
    measured_ms: i64,
}

impl PeakEwma {
    /// Take in that at `now_ms` a reply's first byte came after `us` microseconds.
    pub fn observe(&mut self, us: u64, now_ms: i64) {
        let us = us as f64;
        if us >= self.average_us || self.value(now_ms) == 0.0 {
            self.average_us = us;
        } else {
            let old = self.weight(now_ms);
            self.average_us = self.average_us * old + us * (1.0 - old);
        }
        self.measured_ms = now_ms;
    }

    /// The expected microseconds at `now_ms`. Sinks while nothing is measured, so that a slow upstream gets another
    /// chance; 0 when nothing was measured lately.
    pub fn value(&self, now_ms: i64) -> f64 {
        if now_ms.saturating_sub(self.measured_ms) >= STALE_AFTER_MS {
            return 0.0;
        }
        self.average_us * self.weight(now_ms)
    }

    fn weight(&self, now_ms: i64) -> f64 {
        let age_ms = now_ms.saturating_sub(self.measured_ms).max(0);
        (-(age_ms as f64) / TIME_CONSTANT_MS).exp()
    }
}

#[cfg(test)]
mod tests {
    use crate::balance::latency::PeakEwma;

    fn after(measured: &[(u64, i64)]) -> PeakEwma {
        let mut ewma = PeakEwma::default();
        for &(us, now_ms) in measured {
            ewma.observe(us, now_ms);
        }
        ewma
    }

    #[test]
    fn nothing_measured_is_zero() {
        assert_eq!(PeakEwma::default().value(0), 0.0);
        assert_eq!(PeakEwma::default().value(1_700_000_000_000), 0.0);
    }

    #[test]
    fn a_peak_counts_in_full_at_once() {
        assert_eq!(after(&[(200_000, 1_000), (900_000, 1_001)]).value(1_001), 900_000.0);
    }

    #[test]
    fn a_fast_reply_counts_by_the_time_gone_by() {
        // e^-1 of the old 1,000,000 and the rest of the new 100,000.
        let value = after(&[(1_000_000, 0), (100_000, 30_000)]).value(30_000);
        assert!((value - 431_091.5).abs() < 0.1, "{value}");
        assert_eq!(after(&[(1_000_000, 0), (100_000, 0)]).value(0), 1_000_000.0);
    }

    #[test]
    fn silence_sinks_it_and_then_forgets_it() {
        let ewma = after(&[(1_000_000, 0)]);
        assert!((ewma.value(30_000) - 367_879.4).abs() < 0.1);
        assert!(ewma.value(89_999) > 0.0);
        assert_eq!(ewma.value(90_000), 0.0);
        assert_eq!(after(&[(1_000_000, 0), (100_000, 90_000)]).value(90_000), 100_000.0);
    }

    #[test]
    fn a_clock_that_goes_back_changes_nothing() {
        assert_eq!(after(&[(500_000, 10_000), (100_000, 4_000)]).value(3_000), 500_000.0);
    }
}
