//! Sums of random requests against a count of them one by one, on real SQLite files. **May import:** the room.

use diesel::Connection as _;

use super::read::{Kept, segments};
use super::{By, Figures, Filter, Point, Query, Sample, add, forget_minutes, gone_on, series, totals};
use crate::db::testing::Folder;
use crate::db::{Connection, records};
use crate::error::Error;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
/// An hour's beginning in 2026.
const START: i64 = 1_790_000_000 / 3600 * 3600 * SECOND;

struct Chance(u64);

impl Chance {
    fn below(&mut self, end: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % end as u64) as i64
    }

    fn maybe(&mut self, end: i64) -> Option<i64> {
        (self.below(4) > 0).then(|| self.below(end))
    }

    fn sample(&mut self) -> Sample<'static> {
        Sample {
            started_us: START + self.below(6 * HOUR),
            upstream_id: Some(self.below(3)).filter(|id| *id > 0),
            model: ["", "gpt-4o", "千问"][self.below(3) as usize],
            key_name: ["a", "b"][self.below(2) as usize],
            status: [200, 404, 0][self.below(3) as usize],
            host: ["", "a.example", "接口.example"][self.below(3) as usize],
            attempts: "[]",
            is_error: self.below(5) == 0,
            streamed: self.below(2) == 0,
            tokens_in: self.maybe(1000),
            tokens_out: self.maybe(1000),
            tokens_cached: self.maybe(100),
            tokens_reasoning: self.maybe(100),
            cost_nano: self.maybe(1_000_000),
            first_byte_us: self.maybe(SECOND),
            first_content_us: self.maybe(2 * SECOND),
            total_us: 1 + self.below(100 * SECOND),
        }
    }
}

fn store(conn: &mut Connection, samples: &[Sample<'_>]) {
    conn.transaction(|conn| add(conn, samples)).unwrap();
}

fn counted<'a>(samples: impl IntoIterator<Item = &'a Sample<'a>>) -> Figures {
    let mut figures = Figures::default();
    for sample in samples {
        figures.count(sample);
    }
    figures
}

#[test]
fn any_range_filter_group_and_step_tells_what_counting_one_by_one_tells() {
    let folder = Folder::new();
    let opened = folder.open();
    let conn = &mut opened.database.connect().unwrap();
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let samples: Vec<Sample<'_>> = (0..1500).map(|_| chance.sample()).collect();
    for batch in samples.chunks(97) {
        store(conn, batch);
    }
    for round in 0..60 {
        let from_us = START - 10 * MINUTE + chance.below(7 * HOUR);
        let to_us = from_us + chance.below(4 * HOUR);
        let query = Query {
            from_us,
            to_us,
            step_s: [60, 300, 3600, 7200][chance.below(4) as usize],
            filter: Filter {
                upstream_id: (chance.below(3) == 0).then(|| chance.below(3)),
                model: (chance.below(3) == 0).then(|| ["", "gpt-4o", "none"][chance.below(3) as usize].to_owned()),
                key_name: (chance.below(3) == 0).then(|| "b".to_owned()),
                only: Vec::new(),
            },
            by: [None, Some(By::Upstream), Some(By::Model), Some(By::Key)][chance.below(4) as usize],
        };
        let alone = [By::Status, By::Host][chance.below(2) as usize];
        let query = match chance.below(3) {
            0 => Query { by: Some(alone), filter: Filter::default(), ..query },
            _ => query,
        };
        let (from, to) = (from_us.div_euclid(MINUTE) * MINUTE, (to_us + MINUTE - 1).div_euclid(MINUTE) * MINUTE);
        let wanted = |sample: &&Sample<'_>| {
            (from..to).contains(&sample.started_us)
                && query.filter.upstream_id.is_none_or(|id| id == sample.upstream_id.unwrap_or(0))
                && query.filter.model.as_ref().is_none_or(|model| model == sample.model)
                && query.filter.key_name.as_ref().is_none_or(|name| name == sample.key_name)
        };
        let place = |sample: &Sample<'_>| {
            let group = match query.by {
                None => String::new(),
                Some(By::Upstream) => sample.upstream_id.unwrap_or(0).to_string(),
                Some(By::Model) => sample.model.to_owned(),
                Some(By::Key) => sample.key_name.to_owned(),
                Some(By::Status) => sample.status.to_string(),
                Some(By::Host) => sample.host.to_owned(),
            };
            (sample.started_us.div_euclid(query.step_s * SECOND) * query.step_s, group)
        };
        let mut places: Vec<(i64, String)> = samples.iter().filter(wanted).map(place).collect();
        places.sort();
        places.dedup();
        let expected: Vec<Point> = places
            .into_iter()
            .map(|(bucket_s, group)| {
                let of = samples.iter().filter(wanted).filter(|sample| place(sample) == (bucket_s, group.clone()));
                Point { bucket_s, figures: counted(of), group }
            })
            .collect();
        assert_eq!(series(conn, &query).unwrap(), expected, "round {round}: {query:?}");
        let sum = counted(samples.iter().filter(wanted));
        assert_eq!(totals(conn, from_us, to_us, &query.filter).unwrap(), sum, "round {round}");
    }
}

#[test]
fn percentiles_of_a_range_are_within_five_percent() {
    let folder = Folder::new();
    let opened = folder.open();
    let conn = &mut opened.database.connect().unwrap();
    let mut chance = Chance(99);
    let samples: Vec<Sample<'_>> = (0..2000).map(|_| chance.sample()).collect();
    store(conn, &samples);
    let (from, to) = (START + 17 * MINUTE, START + 5 * HOUR + 3 * MINUTE);
    let within = samples.iter().filter(|sample| (from..to).contains(&sample.started_us));
    let mut exact: Vec<i64> = within.map(|sample| sample.total_us).collect();
    exact.sort_unstable();
    let told = totals(conn, from, to, &Filter::default()).unwrap().total;
    for q in [0.5, 0.95, 0.99] {
        let exact = exact[(q * exact.len() as f64).ceil() as usize - 1] as f64;
        let told = told.quantile(q).unwrap() as f64;
        assert!((told - exact).abs() <= exact * 0.05, "{q}: {told} for {exact}");
    }
}

#[test]
fn an_hour_whose_minutes_are_forgotten_counts_as_a_whole() {
    let folder = Folder::new();
    let opened = folder.open();
    let conn = &mut opened.database.connect().unwrap();
    let at = |minute: i64| Sample { started_us: START + minute * MINUTE, total_us: 1, ..Sample::default() };
    let samples = [at(10), at(50), at(70), at(130)];
    store(conn, &samples);
    let count = |conn: &mut Connection, from: i64, to: i64| {
        totals(conn, START + from * MINUTE, START + to * MINUTE, &Filter::default()).unwrap().requests
    };
    assert_eq!((count(conn, 20, 180), count(conn, 0, 30)), (3, 1));
    assert_eq!(forget_minutes(conn, START + 119 * MINUTE).unwrap(), 2, "only whole hours are forgotten");
    assert_eq!((count(conn, 20, 180), count(conn, 0, 30)), (4, 2));
    assert_eq!((count(conn, 61, 71), count(conn, 61, 69), count(conn, 90, 140)), (1, 0, 1));
    let query = Query { from_us: START, to_us: START + 3 * HOUR, step_s: 60, filter: Filter::default(), by: None };
    let buckets: Vec<(i64, i64)> = series(conn, &query)
        .unwrap()
        .into_iter()
        .map(|point| ((point.bucket_s - START / SECOND) / 60, point.figures.requests))
        .collect();
    assert_eq!(buckets, [(0, 2), (70, 1), (130, 1)]);
    assert_eq!(forget_minutes(conn, START + 10 * HOUR).unwrap(), 2);
    assert_eq!((count(conn, 20, 180), count(conn, 125, 126)), (4, 1));
    assert_eq!(forget_minutes(conn, i64::MAX).unwrap(), 0);
    store(conn, &[at(0), at(400), at(5000)]);
    let steps: Vec<usize> = (0..4).map(|_| forget_minutes(conn, START + 10_000 * MINUTE).unwrap()).collect();
    assert_eq!(steps, [1, 1, 1, 0], "six hours at a time, however long nothing came");
    let by_host = Query { from_us: START, to_us: START + 6000 * MINUTE, step_s: 60, by: Some(By::Host), ..query };
    let told: i64 = series(conn, &by_host).unwrap().iter().map(|point| point.figures.requests).sum();
    assert_eq!(told, 7, "what is told by host forgets its minutes as well, and keeps its hours");
    crate::db::testing::by_hand(&folder.file("db.sqlite"), "DELETE FROM rollups_by WHERE span_s = 3600");
    assert!(series(conn, &by_host).unwrap().is_empty());
}

#[test]
fn every_minute_of_a_range_is_covered_exactly_once() {
    let mut chance = Chance(7);
    for _ in 0..20_000 {
        let minute = |chance: &mut Chance| START + chance.below(400) * MINUTE + chance.below(2) * chance.below(MINUTE);
        let from_us = minute(&mut chance);
        let to_us = from_us + 1 + chance.below(8 * HOUR);
        let step_s = [60, 3600, 86_400, 5400][chance.below(4) as usize];
        let kept_s = START / SECOND + 3600 * (chance.below(8) - 1);
        let mut covered = Vec::new();
        let newest_s = START / SECOND + 60 * chance.below(8 * 60);
        let kept = Kept { oldest: Some(kept_s), newest: Some(newest_s) };
        for (span, from, to) in segments(from_us, to_us, step_s, kept) {
            assert!(from % span == 0 && to % span == 0);
            assert!(span == 3600 || from >= kept_s, "minutes are there");
            covered.extend((from..to).step_by(60));
        }
        assert!(covered.is_sorted_by(|a, b| a < b));
        let first = from_us.div_euclid(MINUTE) * 60;
        let last = (to_us + MINUTE - 1).div_euclid(MINUTE) * 60;
        assert!((first..last).step_by(60).all(|minute| covered.binary_search(&minute).is_ok()));
        let extra = covered.iter().filter(|minute| !(first..last).contains(*minute));
        for minute in extra {
            let is_empty = *minute > newest_s && *minute >= last;
            assert!(*minute < kept_s || is_empty, "only where minutes are forgotten more is counted");
        }
    }
    let (nothing, all) = (Kept { oldest: None, newest: None }, Kept { oldest: Some(0), newest: Some(0) });
    assert!(segments(5, 5, 60, nothing).is_empty() && segments(START + 5, START + 1, 60, all).is_empty());
    segments(i64::MIN, i64::MAX, 3600, nothing);
    let now = |to_us| segments(START, to_us, 3600, Kept { oldest: Some(0), newest: Some(START / SECOND + 120) });
    assert_eq!(now(START + 3 * MINUTE), [(3600, START / SECOND, START / SECOND + 3600)], "the hour of now by its row");
    assert_eq!(now(START + 2 * MINUTE), [(60, START / SECOND, START / SECOND + 120)], "later minutes are left out");
}

#[test]
fn names_that_no_index_could_hold_are_cut() {
    let folder = Folder::new();
    let opened = folder.open();
    let conn = &mut opened.database.connect().unwrap();
    let long = format!("a\0{}", "模".repeat(100_000));
    let sample = Sample { started_us: START, model: &long, ..Sample::default() };
    store(conn, &[sample, sample]);
    store(conn, &[sample]);
    let filter = Filter { model: Some(long.clone()), ..Filter::default() };
    assert_eq!(totals(conn, START, START + 1, &filter).unwrap().requests, 3);
}

#[test]
fn a_histogram_that_cannot_be_read_spoils_no_other_number() {
    let folder = Folder::new();
    let opened = folder.open();
    let conn = &mut opened.database.connect().unwrap();
    store(conn, &[Sample { started_us: START, total_us: 5, ..Sample::default() }]);
    for table in ["rollups", "rollups_by"] {
        crate::db::testing::by_hand(&folder.file("db.sqlite"), &format!("UPDATE {table} SET total = x'80'"));
    }
    store(conn, &[Sample { started_us: START, total_us: 7, ..Sample::default() }]);
    let told = totals(conn, START, START + 1, &Filter::default()).unwrap();
    assert_eq!((told.requests, told.total.count()), (2, 1));
}

#[test]
fn what_a_record_tells_is_counted_and_an_abandoned_batch_is_not() {
    let folder = Folder::new();
    let opened = folder.open();
    let conn = &mut opened.database.connect().unwrap();
    let mut facts = records::Facts { started_us: START, status: 200, total_us: 9, ..records::Facts::default() };
    facts.tokens_in = Some(3);
    let good = Sample::of(&facts, Some(12));
    assert!(!good.is_error);
    let rolled_back = conn.transaction(|conn| {
        add(conn, &[good])?;
        Err::<(), Error>(Error::NotFound)
    });
    assert!(rolled_back.is_err());
    store(conn, &[good, Sample { is_error: true, cost_nano: None, ..good }, Sample { cost_nano: None, ..good }]);
    let told = totals(conn, START, START + 1, &Filter::default()).unwrap();
    assert_eq!((told.requests, told.errors, told.cost_nano, told.unpriced), (3, 1, 12, 1));
    for (status, ending, is_error) in [
        (500, records::Ending::Complete, true),
        (403, records::Ending::Refused, true),
        (200, records::Ending::Cut, true),
        (499, records::Ending::Left, false),
    ] {
        (facts.status, facts.ending) = (status, ending);
        assert_eq!(Sample::of(&facts, None).is_error, is_error, "{status} {ending:?}");
    }
}

#[test]
fn attempts_before_the_one_that_answered_count_for_the_upstreams_they_were_made_at() {
    let folder = Folder::new();
    let conn = &mut folder.open().database.connect().unwrap();
    let of = |upstream_id, attempts| Sample { started_us: START, upstream_id, attempts, ..Sample::default() };
    let samples = [
        of(
            Some(3),
            r#"[{"upstream_id":1,"began_us":5,"status":500},{"upstream_id":2,"began_us":9},{"upstream_id":3,"began_us":9}]"#,
        ),
        of(Some(1), r#"[{"upstream_id":1,"began_us":5,"status":200}]"#),
        // When all fail, the answer of an earlier one may be the reply.
        of(Some(1), r#"[{"upstream_id":1,"began_us":5,"status":429},{"upstream_id":2,"began_us":9}]"#),
        of(None, "[]"),
    ];
    conn.transaction(|conn| add(conn, &samples)).unwrap();
    let query = Query { from_us: START, to_us: START + HOUR, step_s: 3600, filter: Filter::default(), by: None };
    let told = |point: Point| (point.group, point.figures.requests, point.figures.errors);
    let found: Vec<_> = gone_on(conn, &query).unwrap().into_iter().map(told).collect();
    assert_eq!(found, [("1".to_owned(), 1, 1), ("2".to_owned(), 2, 2)]);
    assert_eq!(totals(conn, START, START + HOUR, &Filter::default()).unwrap().requests, 4, "no request counts twice");
}
