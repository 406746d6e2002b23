//! When failures are too many: the settings of a breaker and the [`Window`] it counts in.
//!
//! **Invariant:** nothing here grows with traffic: a window is four numbers, whatever it has seen.
//! **May import:** std.

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerConfig {
    /// This many failures in a row open it.
    pub failures: u32,
    /// Or this share of failures within the window, in percent …
    pub ratio_percent: u32,
    /// … once the window holds this many requests.
    pub min_volume: u32,
    /// How far back requests count, in ms. Old ones leave by halves of it.
    pub window_ms: i64,
    /// How long it stays open the first time, in ms.
    pub open_ms: i64,
    /// The longest that doubling may reach, in ms.
    pub open_max_ms: i64,
}

impl Default for BreakerConfig {
    fn default() -> BreakerConfig {
        BreakerConfig {
            failures: 3,
            ratio_percent: 50,
            min_volume: 20,
            window_ms: 60_000,
            open_ms: 5_000,
            open_max_ms: 300_000,
        }
    }
}

/// Requests and failures of the current half window and of the one before it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    since_ms: i64,
    now: Counts,
    before: Counts,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    requests: u32,
    failures: u32,
}

impl Window {
    /// Count one request at `now_ms`.
    pub fn count(&mut self, failed: bool, now_ms: i64, config: &BreakerConfig) {
        let half_ms = (config.window_ms / 2).max(1);
        let age_ms = now_ms.saturating_sub(self.since_ms);
        if age_ms >= half_ms {
            self.before = if age_ms < 2 * half_ms { self.now } else { Counts::default() };
            self.now = Counts::default();
            self.since_ms = now_ms;
        }
        self.now.requests = self.now.requests.saturating_add(1);
        self.now.failures = self.now.failures.saturating_add(u32::from(failed));
    }

    /// Are there enough requests to judge by, and is the share of failures too high?
    pub fn is_bad(&self, config: &BreakerConfig) -> bool {
        let requests = u64::from(self.now.requests) + u64::from(self.before.requests);
        let failures = u64::from(self.now.failures) + u64::from(self.before.failures);
        requests >= u64::from(config.min_volume) && failures * 100 >= requests * u64::from(config.ratio_percent)
    }
}

#[cfg(test)]
mod tests {
    use crate::balance::breaker::{BreakerConfig, Window};

    /// A window after these (time in ms, how many requests, how many of them failed).
    fn window(counted: &[(i64, u32, u32)]) -> Window {
        let mut window = Window::default();
        for &(now_ms, requests, failures) in counted {
            for number in 0..requests {
                window.count(number < failures, now_ms, &BreakerConfig::default());
            }
        }
        window
    }

    #[test]
    fn half_of_twenty_is_bad_and_neither_less_nor_fewer() {
        let config = BreakerConfig::default();
        assert!(window(&[(1_000_000, 20, 10)]).is_bad(&config));
        assert!(!window(&[(1_000_000, 20, 9)]).is_bad(&config));
        assert!(!window(&[(1_000_000, 19, 19)]).is_bad(&config));
    }

    #[test]
    fn old_requests_leave_by_half_windows() {
        let config = BreakerConfig::default();
        assert!(window(&[(1_000_000, 19, 19), (1_030_000, 1, 1)]).is_bad(&config));
        assert!(!window(&[(1_000_000, 19, 19), (1_060_000, 1, 1)]).is_bad(&config));
        assert!(!window(&[(1_000_000, 19, 19), (1_030_000, 18, 0), (1_059_999, 3, 0)]).is_bad(&config));
        assert!(!window(&[(1_000_000, 19, 19), (1_030_000, 1, 0), (1_060_000, 19, 1)]).is_bad(&config));
    }
}
