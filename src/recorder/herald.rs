//! Tells people when recording is interrupted, and when it works again.
//!
//! **Invariant:** nothing is told of a hiccup: the database must have been away for [`INTERRUPTED`], or a record be lost.
//! **May import:** `notify`.

use std::time::{Duration, Instant};

use crate::notify::Notifier;

/// So long without the database is worth a notice.
const INTERRUPTED: Duration = Duration::from_secs(10);

/// See the module.
pub(super) struct Herald {
    notifier: Notifier,
    lost: u64,
    /// People were told that it is away.
    told_away: bool,
    told: bool,
}

impl Herald {
    pub(super) fn new(notifier: Notifier) -> Herald {
        Herald { notifier, lost: 0, told_away: false, told: false }
    }

    /// How things stand: since when the database is away, whether records still wait for it, how many are lost in all.
    pub(super) fn look(&mut self, away: Option<Instant>, waiting: bool, lost: u64) {
        if lost > self.lost {
            let lost_now = lost - std::mem::replace(&mut self.lost, lost);
            self.tell(&format!("{lost_now} records are lost; the log says why"));
        } else if away.is_some_and(|since| since.elapsed() >= INTERRUPTED) && !self.told_away {
            self.told_away = true;
            self.tell(&format!("the database takes no records for {} s now; they wait", INTERRUPTED.as_secs()));
        } else if self.told && away.is_none() && !waiting {
            (self.told, self.told_away) = (false, false);
            self.notifier.recording_works();
        }
    }

    fn tell(&mut self, what: &str) {
        self.told = true;
        self.notifier.recording_failed(what);
    }
}
