//! When people are told about an upstream: not per error, but per incident. Start at [`Incident::observe_failure`].
//!
//! First failure: a notice at once. While it lasts: a summary at most every `summary_every_ms`, if there is anything new.
//! First success afterwards: a notice that it works again, if anybody was told that it does not. Failures soon after
//! that are not told one by one: such an incident opens silently and speaks when its summary is due.
//!
//! Bound: bad news (first and summary together) comes at most once per `summary_every_ms`, each followed by at most one
//! recovery. So with the default of 5 minutes at most 12 + 12 notices per upstream and hour, and for a flapping one no more.
//!
//! **Invariant:** there is no notice of a bad request or of a hang-up, because nobody reports these here.
//! **May import:** std.

/// How often bad news may come by default, in ms.
pub const SUMMARY_EVERY_MS: i64 = 300_000;

/// Something people should be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It began to fail.
    First {
        /// What went wrong, as given to [`Incident::observe_failure`].
        text: String,
        /// Failures before this one that nobody was told of, because it had flapped.
        untold: u64,
    },
    /// It still fails.
    Summary {
        /// Failures since the last notice.
        failures: u64,
        /// When this incident began, Unix milliseconds.
        since_ms: i64,
    },
    /// It works again.
    Recovered {
        /// How long it had failed, in ms.
        after_ms: i64,
        /// How often it failed in that time.
        failures: u64,
    },
}

/// The course of one upstream's incidents.
#[derive(Clone, Debug)]
pub struct Incident {
    summary_every_ms: i64,
    /// When bad news last went out, Unix milliseconds.
    told_ms: Option<i64>,
    /// Failures since then.
    untold: u64,
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    since_ms: i64,
    failures: u64,
    told: bool,
}

impl Incident {
    /// Of an upstream that works so far. Bad news comes at most once per `summary_every_ms`.
    pub fn new(summary_every_ms: i64) -> Incident {
        Incident { summary_every_ms, told_ms: None, untold: 0, open: None }
    }

    /// An attempt failed by the upstream's or its key's fault. `text` says how and holds no secret.
    pub fn observe_failure(&mut self, now_ms: i64, text: &str) -> Option<Notice> {
        let begins = self.open.is_none();
        let open = self.open.get_or_insert(Open { since_ms: now_ms, failures: 0, told: false });
        open.failures += 1;
        if begins && self.may_speak(now_ms) {
            let notice = Notice::First { text: text.to_owned(), untold: self.untold };
            self.spoke(now_ms);
            return Some(notice);
        }
        self.untold += 1;
        self.tick(now_ms)
    }

    /// An attempt succeeded. Costs nothing while there is no incident.
    pub fn observe_success(&mut self, now_ms: i64) -> Option<Notice> {
        let open = self.open.take()?;
        let after_ms = now_ms.saturating_sub(open.since_ms).max(0);
        open.told.then_some(Notice::Recovered { after_ms, failures: open.failures })
    }

    /// Time went by: to be asked every few seconds, so that a summary comes even when nothing else happens.
    pub fn tick(&mut self, now_ms: i64) -> Option<Notice> {
        let since_ms = self.open?.since_ms;
        if self.untold == 0 || !self.may_speak(now_ms) {
            return None;
        }
        let notice = Notice::Summary { failures: self.untold, since_ms };
        self.spoke(now_ms);
        Some(notice)
    }

    fn may_speak(&self, now_ms: i64) -> bool {
        self.told_ms.is_none_or(|told_ms| now_ms.saturating_sub(told_ms) >= self.summary_every_ms)
    }

    fn spoke(&mut self, now_ms: i64) {
        self.told_ms = Some(now_ms);
        self.untold = 0;
        if let Some(open) = &mut self.open {
            open.told = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::balance::incident::{Incident, Notice, SUMMARY_EVERY_MS};

    fn first(text: &str, untold: u64) -> Option<Notice> {
        Some(Notice::First { text: text.to_owned(), untold })
    }

    #[test]
    fn one_failure_and_its_recovery_are_two_notices() {
        let mut incident = Incident::new(SUMMARY_EVERY_MS);
        assert_eq!(incident.observe_success(500), None);
        assert_eq!(incident.observe_failure(1_000, "refused"), first("refused", 0));
        assert_eq!(incident.observe_success(4_000), Some(Notice::Recovered { after_ms: 3_000, failures: 1 }));
        assert_eq!(incident.observe_success(5_000), None);
        assert_eq!(incident.tick(10_000_000), None);
    }

    #[test]
    fn while_it_lasts_there_is_one_summary_per_interval_and_only_of_news() {
        let mut incident = Incident::new(300_000);
        assert_eq!(incident.observe_failure(0, "a"), first("a", 0));
        assert_eq!(incident.observe_failure(10_000, "b"), None);
        assert_eq!(incident.tick(299_999), None);
        assert_eq!(incident.observe_failure(300_000, "c"), Some(Notice::Summary { failures: 2, since_ms: 0 }));
        assert_eq!(incident.tick(600_000), None);
        assert_eq!(incident.observe_failure(600_001, "d"), Some(Notice::Summary { failures: 1, since_ms: 0 }));
        assert_eq!(incident.observe_failure(700_000, "e"), None);
        assert_eq!(incident.tick(900_001), Some(Notice::Summary { failures: 1, since_ms: 0 }));
        assert_eq!(incident.observe_success(950_000), Some(Notice::Recovered { after_ms: 950_000, failures: 5 }));
    }

    #[test]
    fn a_relapse_is_silent_until_its_summary_is_due() {
        let mut incident = Incident::new(300_000);
        incident.observe_failure(0, "a");
        incident.observe_success(1_000);
        assert_eq!(incident.observe_failure(2_000, "b"), None);
        assert_eq!(incident.observe_success(3_000), None);
        assert_eq!(incident.observe_failure(4_000, "c"), None);
        assert_eq!(incident.tick(300_000), Some(Notice::Summary { failures: 2, since_ms: 4_000 }));
        assert_eq!(incident.observe_success(301_000), Some(Notice::Recovered { after_ms: 297_000, failures: 1 }));
    }

    #[test]
    fn a_failure_long_after_a_relapse_is_a_first_one_that_tells_what_was_not_told() {
        let mut incident = Incident::new(300_000);
        incident.observe_failure(0, "a");
        incident.observe_success(1_000);
        incident.observe_failure(2_000, "b");
        incident.observe_success(3_000);
        assert_eq!(incident.observe_failure(400_000, "c"), first("c", 1));
    }

    #[test]
    fn an_upstream_that_flaps_every_second_causes_no_more_notices_than_the_bound() {
        let mut incident = Incident::new(300_000);
        let mut notices = 0;
        for second in 0..3_600 {
            let now_ms = second * 1_000;
            notices += i32::from(incident.observe_failure(now_ms, "x").is_some());
            notices += i32::from(incident.tick(now_ms + 400).is_some());
            notices += i32::from(incident.observe_success(now_ms + 500).is_some());
        }
        assert_eq!(notices, 24);
    }
}
