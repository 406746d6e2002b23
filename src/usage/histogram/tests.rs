//! How near the told quantiles are to the exact ones, and that bytes and sums lose nothing. **May import:** the room.

use crate::usage::histogram::{Histogram, LONGEST_US, bucket, middle};

/// A xorshift generator.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// From one of several very different distributions.
    fn time(&mut self, kind: u64) -> i64 {
        let us = match kind {
            0 => self.below(40),
            1 => self.below(LONGEST_US),
            2 => 300_000 + self.below(1000),
            // Log-uniform.
            3 => (self.below(1 << 20) << self.below(17)).min(LONGEST_US),
            _ => [7, 1_000, 900_000, 60_000_000][self.below(4) as usize] + self.below(5),
        };
        us as i64
    }
}

fn of(times: &[i64]) -> Histogram {
    let mut histogram = Histogram::new();
    for time in times {
        histogram.add(*time);
    }
    histogram
}

#[test]
fn any_quantile_of_any_distribution_is_within_five_percent_of_the_exact_one() {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for round in 0..400 {
        let count = 1 + chance.below(3000);
        let mut times: Vec<i64> = (0..count).map(|_| chance.time(round % 5)).collect();
        let histogram = of(&times);
        times.sort_unstable();
        for q in [0.0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0] {
            let rank = ((q * count as f64).ceil() as usize).max(1);
            let exact = times[rank - 1] as f64;
            let told = histogram.quantile(q).unwrap() as f64;
            assert!((told - exact).abs() <= exact * 0.05, "round {round}, q {q}: {told} for {exact}");
        }
    }
}

#[test]
fn every_value_lies_in_its_bucket_and_buckets_follow_each_other() {
    let mut before = 0;
    for exponent in 0..37 {
        for offset in [0, 1, 2, 3, 5, 7, 11] {
            let us = ((1u64 << exponent) + (offset << exponent) / 12).min(LONGEST_US);
            let error = (middle(bucket(us)) as f64 - us as f64).abs();
            assert!(error <= us as f64 / 32.0, "{us}: {}", middle(bucket(us)));
            assert!(bucket(us) >= before);
            before = bucket(us);
        }
    }
    for us in 0..10_000 {
        assert!(bucket(us + 1) - bucket(us) <= 1, "{us}");
    }
}

#[test]
fn histograms_of_parts_add_up_to_that_of_the_whole_and_survive_as_bytes() {
    let mut chance = Chance(77);
    for round in 0..200 {
        let times: Vec<i64> = (0..chance.below(500)).map(|_| chance.time(round % 5)).collect();
        let whole = of(&times);
        let (mut sum, mut bytes, mut told) = (Histogram::new(), Vec::new(), Histogram::new());
        for part in times.chunks(1 + chance.below(50) as usize) {
            sum.merge(&Histogram::from_bytes(&of(part).to_bytes()).unwrap());
            bytes = of(part).added_to(&bytes);
            told.merge_bytes(&of(part).to_bytes());
            told.merge_bytes(&[1, 1, 0x80]);
        }
        assert_eq!((&sum, &told), (&whole, &whole));
        assert_eq!(bytes, whole.to_bytes(), "also when they are added to bytes");
        assert_eq!(whole.count(), times.len() as u64);
        assert_eq!(Histogram::from_bytes(&whole.to_bytes()), Some(whole));
    }
}

#[test]
fn nothing_seen_is_no_bytes_and_has_no_quantile() {
    let nothing = Histogram::new();
    assert!(nothing.to_bytes().is_empty() && nothing.added_to(&[]).is_empty());
    assert_eq!(of(&[5]).added_to(&[0x80]), of(&[5]).to_bytes(), "bytes that cannot be read tell nothing");
    assert_eq!((nothing.quantile(0.5), nothing.count()), (None, 0));
    assert_eq!(Histogram::from_bytes(&[]), Some(nothing));
}

#[test]
fn times_out_of_bounds_count_as_the_bounds() {
    assert_eq!(of(&[-5]).quantile(0.5), Some(0));
    let longest = of(&[i64::MAX]).quantile(0.5).unwrap() as f64;
    assert!((longest / LONGEST_US as f64 - 1.0).abs() < 0.05);
}

#[test]
fn a_thousand_requests_of_a_minute_take_few_bytes() {
    let mut chance = Chance(5);
    let times: Vec<i64> = (0..1000).map(|_| 200_000 + chance.below(3_000_000) as i64).collect();
    assert!(of(&times).to_bytes().len() < 200);
}

#[test]
fn no_bytes_make_it_panic() {
    let mut chance = Chance(6);
    let mut understood = 0;
    for _ in 0..50_000 {
        let bytes: Vec<u8> = (0..chance.below(24)).map(|_| chance.next() as u8).collect();
        if let Some(mut histogram) = Histogram::from_bytes(&bytes) {
            understood += 1;
            histogram.merge(&histogram.clone());
            histogram.quantile(0.99);
        }
    }
    assert!(understood > 100, "{understood}");
    assert_eq!(Histogram::from_bytes(&[0x80; 20]), None);
    assert_eq!(Histogram::from_bytes(&[1]), None);
}
