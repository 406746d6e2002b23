//! Replies that say nothing in words: vectors, verdicts, bytes. Start at [`Card::of`].
//!
//! **Invariant:** a card tells how much there is of what it shows a part of. **May import:** `openai`.

use crate::dashboard::pages::requests::kinds::decoded;
use crate::dashboard::pages::requests::said::beginning;
use crate::dashboard::shown::exact;
use crate::openai::scan::{elements, member, members, string_value};

/// Numbers of a vector that are shown.
const NUMBERS: usize = 8;
/// Verdicts that are shown, and categories of each.
const VERDICTS: usize = 50;
const CATEGORIES: usize = 50;
/// Of a category's name and of a number this much, in bytes.
const WORD_BYTES: usize = 60;

/// See the module.
pub(in crate::dashboard::pages) enum Card {
    /// How many vectors, of how many numbers each, and the first numbers of the first.
    Embedding { vectors: String, dimensions: String, first: String },
    /// What moderation says of each input, and how many verdicts are not shown.
    Moderation { verdicts: Vec<Verdict>, rest: usize },
    /// No text: its type, and its size.
    Bytes { kind: String, bytes: String },
}

/// A verdict: whether anything is flagged, and the categories that are, or else the one that comes next to it.
pub(in crate::dashboard::pages) struct Verdict {
    pub(in crate::dashboard::pages) flagged: bool,
    /// Names and scores.
    pub(in crate::dashboard::pages) categories: Vec<(String, String)>,
}

impl Card {
    /// The card of a reply of vectors or verdicts.
    pub(super) fn of(answer: &[u8]) -> Option<Card> {
        match member(answer, b"data") {
            Some(data) => embedding(data),
            None => moderation(member(answer, b"results")?),
        }
    }

    /// That of a reply that is no text.
    pub(super) fn bytes(kind: String, size: i64) -> Card {
        Card::Bytes { kind, bytes: exact(size) }
    }
}

fn count(count: usize) -> String {
    exact(i64::try_from(count).unwrap_or(i64::MAX))
}

fn word(text: &[u8]) -> String {
    beginning(&String::from_utf8_lossy(text), WORD_BYTES).to_owned()
}

fn embedding(data: &[u8]) -> Option<Card> {
    let mut all = elements(data, 0..data.len());
    let vector = member(&data[all.next()?], b"embedding")?;
    let (dimensions, mut first) = match string_value(vector) {
        // Numbers of four bytes, the lowest first (OpenAI, `encoding_format: base64`).
        Some(base64) => {
            let bytes = decoded(base64.as_bytes())?;
            let (numbers, []) = bytes.as_chunks::<4>() else { return None };
            let shown = numbers.iter().take(NUMBERS).map(|number| f32::from_le_bytes(*number).to_string());
            (numbers.len(), shown.collect::<Vec<_>>())
        }
        None => {
            let shown = elements(vector, 0..vector.len()).take(NUMBERS).map(|range| word(&vector[range]));
            (elements(vector, 0..vector.len()).count(), shown.collect())
        }
    };
    if dimensions > NUMBERS {
        first.push("…".to_owned());
    }
    let vectors = count(1 + all.count());
    (dimensions > 0).then(|| Card::Embedding { vectors, dimensions: count(dimensions), first: first.join(", ") })
}

fn moderation(results: &[u8]) -> Option<Card> {
    let mut all = elements(results, 0..results.len());
    let verdicts: Option<Vec<Verdict>> = all.by_ref().take(VERDICTS).map(|range| verdict(&results[range])).collect();
    let verdicts = verdicts.filter(|verdicts| !verdicts.is_empty())?;
    Some(Card::Moderation { verdicts, rest: all.count() })
}

fn verdict(result: &[u8]) -> Option<Verdict> {
    let flagged = member(result, b"flagged")? == b"true";
    let scores = member(result, b"category_scores").unwrap_or_default();
    let score = |name: &[u8]| member(scores, name).map(word).unwrap_or_default();
    let of = member(result, b"categories").unwrap_or_default();
    let mut categories: Vec<(String, String)> =
        members(of).filter(|(_, is)| of[is.clone()] == *b"true").map(|(name, _)| (word(name), score(name))).collect();
    categories.truncate(CATEGORIES);
    if categories.is_empty() {
        let number = |range: &std::ops::Range<usize>| word(&scores[range.clone()]).parse().unwrap_or(0.0);
        let highest = members(scores).max_by(|(_, a), (_, b)| f64::total_cmp(&number(a), &number(b)));
        categories.extend(highest.map(|(name, range)| (word(name), word(&scores[range]))));
    }
    Some(Verdict { flagged, categories })
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::requests::card::Card;

    #[test]
    fn vectors_are_counted_and_their_first_numbers_told() {
        let told = |answer: &str| match Card::of(answer.as_bytes()) {
            Some(Card::Embedding { vectors, dimensions, first }) => format!("{vectors} of {dimensions}: {first}"),
            _ => "no vectors".to_owned(),
        };
        assert_eq!(told(r#"{"data":[{"embedding":[0.5,-1e-3]},{"embedding":[1,2]}]}"#), "2 of 2: 0.5, -1e-3");
        let many = format!(r#"{{"data":[{{"embedding":[{}0]}}]}}"#, "1,".repeat(1_535));
        assert_eq!(told(&many), "1 of 1,536: 1, 1, 1, 1, 1, 1, 1, 1, …");
        assert_eq!(told(r#"{"data":[{"embedding":"AACAPwAAAMA="}]}"#), "1 of 2: 1, -2");
        for other in [r#"{"data":[]}"#, r#"{"data":[{"embedding":"AAA"}]}"#, r#"{"data":[{"id":1}]}"#, "[]", ""] {
            assert_eq!(told(other), "no vectors", "{other}");
        }
    }

    #[test]
    fn a_verdict_tells_what_is_flagged_or_what_comes_next_to_it() {
        let told = |answer: &str| match Card::of(answer.as_bytes()) {
            Some(Card::Moderation { verdicts, rest }) => {
                let told = verdicts.iter().map(|one| format!("{} {:?}", one.flagged, one.categories));
                format!("{} +{rest}", told.collect::<Vec<_>>().join("; "))
            }
            _ => "no verdict".to_owned(),
        };
        let result = |flagged: bool| {
            format!(
                r#"{{"flagged":{flagged},"categories":{{"hate":{flagged},"self-harm":false}},"category_scores":{{"hate":0.9,"self-harm":1e-5}}}}"#
            )
        };
        let both = format!(r#"{{"results":[{},{}]}}"#, result(true), result(false).replace("0.9", "2.5e-6"));
        assert_eq!(told(&both), r#"true [("hate", "0.9")]; false [("self-harm", "1e-5")] +0"#);
        assert!(told(&format!(r#"{{"results":[{}]}}"#, vec![result(true); 60].join(","))).ends_with(" +10"));
        assert_eq!(told(r#"{"results":[{"index":0,"relevance_score":0.9}]}"#), "no verdict", "that is a reranking");
    }
}
