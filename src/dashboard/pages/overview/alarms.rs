//! What has to be looked at first, and until when the numbers are whole. Start at [`alarms`].
//!
//! **Invariant:** an alarm says what is so and leads to what can be done. **May import:** `db`, `recorder` (its counts), `roster`.

use std::sync::atomic::Ordering;

use crate::dashboard::frame::Frame;
use crate::dashboard::shown;
use crate::db::Disk;
use crate::db::records::Row;
use crate::recorder::Counts;
use crate::roster::Recording;

/// A disk is nearly full from here on, in percent.
const FULL_PERCENT: u64 = 80;

/// One line, and where it leads; nowhere when that is empty.
pub(super) struct Alarm {
    pub(super) text: String,
    pub(super) href: &'static str,
}

/// What is wrong with recording and its room, if anything.
pub(super) fn alarms(f: &Frame, counts: &Counts, disk: Option<Disk>, recording: Recording) -> Vec<Alarm> {
    let (lost, spilled) = (counts.lost.load(Ordering::Relaxed), counts.spilled_bytes.load(Ordering::Relaxed));
    let mut alarms = Vec::new();
    let mut alarm = |text, href| alarms.push(Alarm { text, href });
    if recording == Recording::Off {
        alarm(f.t("overview.off").to_owned(), "/admin/settings?tab=recording");
    }
    if let Some(since_us) = counts.away_since_us() {
        alarm(f.tf("overview.away", &[&f.time(&since_us).text]), "");
    }
    if spilled > 0 {
        alarm(f.tf("overview.spilled", &[&spilled]), "");
    }
    if lost > 0 {
        alarm(f.tf("overview.lost", &[&lost]), "");
    }
    if let Some(text) = nearly_full(f, disk) {
        alarm(text, "/admin/settings?tab=recording");
    }
    alarms
}

fn nearly_full(f: &Frame, disk: Option<Disk>) -> Option<String> {
    let disk = disk.filter(|disk| disk.percent() >= FULL_PERCENT)?;
    let free = shown::bytes(i64::try_from(disk.free).unwrap_or(i64::MAX));
    Some(f.tf("overview.disk", &[&disk.percent(), &free]))
}

/// Until when the numbers are whole, µs since 1970, while records wait elsewhere; `newest` is the newest one stored.
pub(in crate::dashboard) fn as_of(counts: &Counts, newest: Option<&Row>) -> Option<i64> {
    let ended = newest.map(|row| row.facts.started_us.saturating_add(row.facts.total_us));
    ended.or(counts.away_since_us()).filter(|_| waits(counts))
}

/// Whether records wait elsewhere than in the database.
pub(in crate::dashboard) fn waits(counts: &Counts) -> bool {
    counts.away_since_us().is_some() || counts.spilled_bytes.load(Ordering::Relaxed) > 0
}
