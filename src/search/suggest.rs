//! What may have been meant by a word that is none. Start at [`nearest`].
//!
//! **Invariant:** a guess is only ever offered, never taken. **May import:** std.

/// Other programs' names for what a filter means here.
const OTHER_NAMES: [(&str, &str); 16] = [
    ("latency", "total"),
    ("duration", "total"),
    ("time", "total"),
    ("code", "status"),
    ("provider", "upstream"),
    ("endpoint", "upstream"),
    ("agent", "ua"),
    ("useragent", "ua"),
    ("prompt", "user"),
    ("reply", "assistant"),
    ("response", "assistant"),
    ("price", "cost"),
    ("input", "in"),
    ("output", "out"),
    ("retries", "attempts"),
    ("conversation", "conv"),
];

/// Up to three of `known` that `word` may stand for, the likeliest first.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().filter(|c| !matches!(c, '_' | '-')).take(64).collect();
    let meant: Vec<&str> = {
        let word: String = word.iter().collect();
        OTHER_NAMES.iter().filter(|(other, _)| *other == word).map(|(_, name)| *name).collect()
    };
    let most = if word.len() < 4 { 1 } else { 2 };
    let mut near: Vec<(usize, &str)> = known
        .filter_map(|name| {
            let letters: Vec<char> = name.chars().collect();
            let begins = word.len() > 1 && (letters.starts_with(&word) || word.starts_with(&letters));
            let steps = if meant.contains(&name) { 0 } else { distance(&word, &letters) };
            // To change every letter is no slip.
            ((steps <= most && steps < letters.len()) || begins).then_some((steps, name))
        })
        .collect();
    near.sort_by_key(|(steps, _)| *steps);
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// How many letters must be put in, left out, changed, or swapped with their neighbour
/// (<https://en.wikipedia.org/wiki/Damerau–Levenshtein_distance>, optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut steps = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                steps = steps.min(before[j - 1] + 1);
            }
            row.push(steps);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use crate::search::suggest::{OTHER_NAMES, distance, nearest};

    #[test]
    fn the_distance_counts_slips_of_the_finger() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "ab", 2),
            ("model", "model", 0),
            ("modle", "model", 1),
            ("modl", "model", 1),
            ("a", "b", 1),
        ] {
            let chars = |text: &str| text.chars().collect::<Vec<char>>();
            assert_eq!(distance(&chars(a), &chars(b)), expected, "{a} {b}");
            assert_eq!(distance(&chars(b), &chars(a)), expected, "{b} {a}");
        }
    }

    #[test]
    fn the_nearest_come_first_and_the_far_not_at_all() {
        let known = ["model", "user", "ua", "in", "id", "is", "total", "ttft"];
        let near = |word: &str| nearest(word, known.into_iter());
        assert_eq!(near("modle"), ["model"]);
        assert_eq!(near("ttfb"), ["ttft"]);
        assert_eq!(near("models"), ["model"]);
        assert_eq!(near("User_Agent").first(), Some(&"ua"));
        assert_eq!(near("latency"), ["total"]);
        assert_eq!(near("https"), [""; 0]);
        assert_eq!(near(""), [""; 0]);
        assert!(OTHER_NAMES.iter().all(|(other, name)| other != name));
    }
}
