//! The attempts of a request over time: waiting here, connecting, waiting for the first byte, the reply. Start at [`attempts`].
//!
//! **Invariant:** what was not measured has no segment of its own: it is part of the one before. **May import:** `db`.

use std::collections::HashMap;

use serde::Deserialize;

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::requests::UpstreamName;
use crate::dashboard::pages::requests::table::{called, dash};
use crate::dashboard::shown::duration;
use crate::dashboard::words::Key;
use crate::db::records::{Facts, Record};

/// Width of the drawing of attempts.
const WIDTH: i64 = 300;
/// Attempts shown.
const MOST: usize = 50;

/// A stretch of time of an attempt.
pub(super) struct Segment {
    pub(super) class: &'static str,
    pub(super) x: i64,
    pub(super) width: i64,
}

/// A try at an upstream, as a row of the waterfall.
pub(super) struct Attempt {
    pub(super) name: String,
    pub(super) y: i64,
    pub(super) is_good: bool,
    pub(super) segments: Vec<Segment>,
    /// The same in words.
    pub(super) told: Vec<String>,
    pub(super) status: String,
    pub(super) error: String,
}

/// What a record tells of an attempt; times in µs, `began_us` after the request came in.
#[derive(Deserialize)]
struct Try {
    upstream_id: i64,
    began_us: i64,
    took_us: Option<i64>,
    status: Option<u16>,
    connect_us: Option<i64>,
    error: Option<String>,
}

/// What goes on in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// In the gateway: the body is taken, the caller looked up, another upstream chosen.
    Wait,
    Dial,
    /// Until the first byte of the reply.
    Head,
    Good,
    Bad,
}

impl Kind {
    pub(super) const ALL: [Kind; 5] = [Kind::Wait, Kind::Dial, Kind::Head, Kind::Good, Kind::Bad];

    pub(super) fn class(self) -> &'static str {
        match self {
            Kind::Wait => "wait",
            Kind::Dial => "dial",
            Kind::Head => "head",
            Kind::Good => "good",
            Kind::Bad => "bad",
        }
    }

    pub(super) fn word(self) -> &'static Key {
        match self {
            Kind::Wait => &Key("fall.wait"),
            Kind::Dial => &Key("fall.dial"),
            Kind::Head => &Key("fall.head"),
            Kind::Good => &Key("fall.good"),
            Kind::Bad => &Key("fall.bad"),
        }
    }
}

/// What went on from when to when, in µs after the request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step(Kind, i64, i64);

/// The attempts of a record, in order.
pub(super) fn attempts(f: &Frame, record: &Record, names: &HashMap<i64, UpstreamName>) -> Vec<Attempt> {
    let facts = &record.row.facts;
    let tries: Vec<Try> = serde_json::from_str(&facts.attempts).unwrap_or_default();
    let count = tries.len();
    let mut before_us = 0;
    let row = |(at, one): (usize, Try)| {
        let steps = one.steps(facts, before_us, at + 1 == count);
        before_us = steps.last().map_or(before_us, |Step(_, _, to_us)| *to_us);
        Attempt {
            name: called(names, one.upstream_id).shown,
            y: i64::try_from(at).unwrap_or(0) * 16 + 2,
            is_good: one.is_good() && !(at + 1 == count && facts.is_error()),
            told: steps
                .iter()
                .map(|Step(kind, from_us, to_us)| format!("{} {}", f.k(kind.word()), duration(to_us - from_us)))
                .collect(),
            segments: steps.iter().map(|step| step.segment(facts.total_us.max(1))).collect(),
            status: one.status.map_or_else(dash, |status| status.to_string()),
            error: one.error.unwrap_or_default(),
        }
    };
    tries.into_iter().take(MOST).enumerate().map(row).collect()
}

impl Try {
    fn is_good(&self) -> bool {
        self.status.is_some_and(|status| status < 400) && self.error.as_ref().is_none_or(String::is_empty)
    }

    /// Its steps after the end of the one before; the last is there however short it was.
    fn steps(&self, facts: &Facts, before_us: i64, is_last: bool) -> Vec<Step> {
        let decided_us = self.took_us.map_or(facts.total_us, |took_us| self.began_us + took_us);
        let is_its = |us: &i64| {
            facts.upstream_id == Some(self.upstream_id) && *us >= self.began_us && (is_last || *us <= decided_us)
        };
        let head_us = facts.first_byte_us.filter(is_its);
        // The reply that is passed on goes on after it was chosen.
        let end_us = if is_last && head_us.is_some() { facts.total_us.max(decided_us) } else { decided_us };
        let connected_us = (self.began_us + self.connect_us.unwrap_or(0)).min(end_us);
        let last = if self.is_good() { Kind::Good } else { Kind::Bad };
        let mut steps = vec![
            Step(Kind::Wait, before_us, self.began_us),
            Step(Kind::Dial, self.began_us, connected_us),
            Step(Kind::Head, connected_us, head_us.unwrap_or(connected_us)),
        ];
        steps.retain(|Step(_, from_us, to_us)| from_us < to_us);
        steps.push(Step(last, head_us.unwrap_or(connected_us).max(connected_us), end_us));
        steps
    }
}

impl Step {
    fn segment(self, total_us: i64) -> Segment {
        let place = |us: i64| (us.saturating_mul(WIDTH) / total_us).clamp(0, WIDTH);
        let x = place(self.1).min(WIDTH - 2);
        Segment { class: self.0.class(), x, width: (place(self.2) - x).max(1) }
    }
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::requests::fall::{Kind, Step, Try};
    use crate::db::records::Facts;

    fn steps(attempts: &str, facts: &Facts) -> Vec<Vec<Step>> {
        let tries: Vec<Try> = serde_json::from_str(attempts).unwrap();
        let mut before_us = 0;
        let mut all = Vec::new();
        for (at, one) in tries.iter().enumerate() {
            all.push(one.steps(facts, before_us, at + 1 == tries.len()));
            before_us = all[at].last().unwrap().2;
        }
        all
    }

    #[test]
    fn every_stretch_of_time_is_told_once_and_old_records_without_connecting_too() {
        let facts = Facts { upstream_id: Some(2), first_byte_us: Some(500), total_us: 900, ..Facts::default() };
        let attempts = r#"[{"upstream_id":1,"began_us":10,"took_us":90,"connect_us":40,"error":"x"},
                           {"upstream_id":2,"began_us":120,"took_us":400,"status":200,"connect_us":30}]"#;
        assert_eq!(
            steps(attempts, &facts),
            [
                vec![Step(Kind::Wait, 0, 10), Step(Kind::Dial, 10, 50), Step(Kind::Bad, 50, 100)],
                vec![
                    Step(Kind::Wait, 100, 120),
                    Step(Kind::Dial, 120, 150),
                    Step(Kind::Head, 150, 500),
                    Step(Kind::Good, 500, 900)
                ],
            ]
        );
        let old = r#"[{"upstream_id":2,"began_us":0,"took_us":500,"status":200}]"#;
        assert_eq!(steps(old, &facts), [vec![Step(Kind::Head, 0, 500), Step(Kind::Good, 500, 900)]]);
        let opened = r#"[{"upstream_id":2,"began_us":0,"took_us":500,"status":200,"error":"overloaded"}]"#;
        let moved_on = Facts { upstream_id: Some(1), ..facts.clone() };
        assert_eq!(steps(opened, &moved_on), [vec![Step(Kind::Bad, 0, 500)]], "a stream whose first event is an error");
        let left = r#"[{"upstream_id":2,"began_us":5}]"#;
        let facts = Facts { upstream_id: Some(2), total_us: 900, ..Facts::default() };
        assert_eq!(steps(left, &facts), [vec![Step(Kind::Wait, 0, 5), Step(Kind::Bad, 5, 900)]]);
    }

    #[test]
    fn a_segment_is_seen_however_short_and_stays_in_the_drawing() {
        for (from_us, to_us) in [(0, 0), (999_999, 1_000_000), (0, i64::MAX), (-5, 2)] {
            let segment = Step(Kind::Bad, from_us, to_us).segment(1_000_000);
            assert!(segment.x >= 0 && segment.width >= 1 && segment.x + segment.width <= 300);
        }
    }
}
