//! Taking turns in proportion to weights, evenly, without remembering who was last: [`whose_turn`].
//!
//! **Invariant:** there is no state here, so no lock, and no order of events that could upset the proportion.
//! **May import:** std.

/// One turn in fixed point.
const ONE: u128 = 1 << 32;

/// Which of `count` takers has the turn `ticket`, 0 or above in a row that goes on for ever. Among as many turns as the
/// weights' sum, wherever they begin, each taker has exactly `weight(taker)`. `None` if nobody has any weight.
///
/// Think of a round as the time from 0 to 1. A taker of weight w is due at (k + phase) / w for k = 0, 1, … w − 1, so its
/// turns lie evenly in the round; turns are taken as they fall due. This is smooth as nginx's weighted
/// round robin is, which however needs a memory of all turns so far. Phases are multiples of the golden ratio, so
/// that takers of the same weight are not due at the same time.
pub fn whose_turn(count: usize, weight: impl Fn(usize) -> u32, ticket: u64) -> Option<usize> {
    let round: u128 = (0..count).map(|taker| u128::from(weight(taker))).sum();
    if round == 0 {
        return None;
    }
    let turn = u128::from(ticket) % round;
    // How many turns each has had by about then: never more than `turn` in all, and hardly fewer.
    let mut taken = vec![0_u128; count];
    let mut sum = 0;
    let mut time = turn;
    while time > 0 {
        for (taker, taken) in taken.iter_mut().enumerate() {
            *taken = (u128::from(weight(taker)) * time * ONE / round + ONE - phase(taker)) / ONE;
        }
        sum = taken.iter().sum();
        if sum <= turn {
            break;
        }
        time = time.saturating_sub(sum - turn);
    }
    if time == 0 {
        taken.fill(0);
        sum = 0;
    }
    // The few turns that are missing, one after the other, and then the one asked for.
    loop {
        let due = |taker: usize| taken[taker] * ONE + phase(taker);
        let next = (0..count).filter(|&taker| weight(taker) > 0).min_by(|&a, &b| {
            // due(a) / weight(a) against due(b) / weight(b), without division.
            (due(a) * u128::from(weight(b))).cmp(&(due(b) * u128::from(weight(a))))
        })?;
        if sum == turn {
            return Some(next);
        }
        taken[next] += 1;
        sum += 1;
    }
}

/// Above 0 and below [`ONE`].
fn phase(taker: usize) -> u128 {
    u128::from((taker as u32).wrapping_add(1).wrapping_mul(0x9e37_79b9)).max(1)
}

#[cfg(test)]
mod tests {
    use crate::balance::turns::whose_turn;

    fn turns(weights: &[u32], tickets: std::ops::Range<u64>) -> String {
        let one = |ticket| whose_turn(weights.len(), |taker| weights[taker], ticket).unwrap();
        tickets.map(|ticket| char::from(b'a' + one(ticket) as u8)).collect()
    }

    #[test]
    fn turns_lie_apart() {
        for (weights, expected) in [
            (&[1, 1][..], "baba"),
            (&[100, 100], "baba"),
            (&[1, 1, 1], "bacbac"),
            (&[5, 1, 1], "abaaacaabaaaca"),
            (&[2, 1, 1], "baacbaac"),
            (&[3, 2, 1], "baabcabaabca"),
            (&[1, 0, 3], "cacccacc"),
        ] {
            assert_eq!(turns(weights, 0..expected.len() as u64), expected, "{weights:?}");
        }
    }

    #[test]
    fn every_round_is_exact_wherever_it_begins() {
        for weights in [&[7, 11, 13][..], &[1; 10], &[100, 1, 1], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], &[97, 89, 0, 3]] {
            let round = u64::from(weights.iter().sum::<u32>());
            for begin in [0, 1, 5, 1_000_003] {
                let taken = turns(weights, begin..begin + round);
                for (taker, &weight) in weights.iter().enumerate() {
                    let count = taken.bytes().filter(|&byte| byte == b'a' + taker as u8).count();
                    assert_eq!(count, weight as usize, "{weights:?} from {begin}");
                }
            }
        }
    }

    #[test]
    fn each_turn_is_what_playing_the_whole_round_gives() {
        let weights = [5_u32, 3, 11, 1, 20, 2];
        let mut due: Vec<(f64, usize)> = Vec::new();
        for (taker, &weight) in weights.iter().enumerate() {
            let phase = (taker as f64 + 1.0) * f64::from(0x9e37_79b9_u32) / 4_294_967_296.0;
            due.extend((0..weight).map(|k| ((f64::from(k) + phase.fract()) / f64::from(weight), taker)));
        }
        due.sort_by(|a, b| a.0.total_cmp(&b.0));
        let expected: String = due.into_iter().map(|(_, taker)| char::from(b'a' + taker as u8)).collect();
        assert_eq!(turns(&weights, 0..42), expected);
    }

    #[test]
    fn the_largest_weights_and_tickets_do_not_overflow() {
        for ticket in [0, 1, u64::MAX / 2, u64::MAX] {
            assert!(whose_turn(300, |_| u32::MAX, ticket).is_some());
        }
    }

    #[test]
    fn nobody_has_the_turn_when_nobody_has_weight() {
        assert_eq!(whose_turn(0, |_| 1, 3), None);
        assert_eq!(whose_turn(2, |_| 0, 3), None);
    }
}
