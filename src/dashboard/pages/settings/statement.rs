//! What the people whose requests pass here should know. Start at [`statement`].
//!
//! **Invariant:** it says what the settings in force say. **May import:** `state`, `roster`.

use crate::dashboard::visit::Visit;
use crate::dashboard::words::Key;
use crate::roster::Recording;

/// What is recorded and for how long, for the people whose requests they are.
pub(super) fn statement(visit: &Visit) -> String {
    let f = &visit.frame;
    let snapshot = visit.state.roster.load();
    let level = f.k(&match snapshot.settings.recording {
        Recording::Full => Key("statement.full"),
        Recording::Metadata => Key("statement.metadata"),
        Recording::Off => Key("statement.off"),
    });
    let retention = snapshot.settings.retention;
    let days = |days: u64, key: Key, ever: Key| if days == 0 { f.k(&ever).to_owned() } else { f.tf(key.0, &[&days]) };
    let mut lines = vec![level.to_owned()];
    if snapshot.settings.recording == Recording::Full {
        lines.push(days(retention.bodies_days, Key("statement.bodies_days"), Key("statement.bodies_ever")));
    }
    if snapshot.settings.recording != Recording::Off {
        lines.push(days(retention.records_days, Key("statement.records_days"), Key("statement.records_ever")));
        lines.push(f.t("statement.reading").to_owned());
    }
    lines.join("\n")
}
