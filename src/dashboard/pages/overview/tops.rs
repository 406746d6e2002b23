//! What stands out: models and keys by requests, statuses by failures. Start at [`grouped`] and [`errors`].
//!
//! **Invariant:** each entry leads to its requests. **May import:** `db`, `openai`, `search`.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::span::{filter, requests};
use crate::dashboard::shown::{self, Figure};
use crate::db::Connection;
use crate::db::find::{Cursor, Search, find};
use crate::db::records::{Row, fresh};
use crate::db::rollups::{Figures, Point};
use crate::error::Error;
use crate::openai::dialogue::texts::{Side, reply_texts};
use crate::search::parse;

const MOST: usize = 5;
/// The newest failed requests that are looked at, and for how long.
pub(super) const FAILED: usize = 200;
/// Replies that are read, the newest, of those where only the reply tells what went wrong: each is to be unpacked.
pub(super) const REPLIES: usize = 50;
const PATIENCE: Duration = Duration::from_secs(1);
const ERROR_CHARS: usize = 80;

/// An entry: what, how often, where it leads.
pub(super) struct Top {
    pub(super) name: String,
    pub(super) count: Figure,
    pub(super) note: String,
    pub(super) href: String,
    /// What it says most often, and where those are that do.
    pub(super) words: Option<(String, String)>,
}

/// The groups with the most requests; `field` is what a query calls them.
pub(super) fn grouped(f: &Frame, points: &[Point], field: &str, time: &str) -> Vec<Top> {
    let mut sums: HashMap<&str, Figures> = HashMap::new();
    for point in points.iter().filter(|point| !point.group.is_empty()) {
        let sum = sums.entry(&point.group).or_default();
        *sum = std::mem::take(sum).plus(&point.figures);
    }
    let mut sums: Vec<(&str, Figures)> = sums.into_iter().collect();
    sums.sort_by(|a, b| b.1.requests.cmp(&a.1.requests).then_with(|| a.0.cmp(b.0)));
    let top = |(name, figures): (&str, Figures)| Top {
        name: name.to_owned(),
        count: Figure::of(figures.requests),
        note: if figures.cost_nano > 0 { shown::money(figures.cost_nano) } else { String::new() },
        href: requests(f, &filter(field, name), time),
        words: None,
    };
    sums.into_iter().take(MOST).map(top).collect()
}

/// A request that failed.
pub(super) struct Failure {
    status: i32,
    /// What went wrong here, or else what the reply says of it.
    words: Option<String>,
}

/// The newest requests that failed in a stretch of time.
///
/// # Errors
/// The database's.
pub(super) fn failed(connection: &mut Connection, from_us: i64, to_us: i64) -> Result<Vec<Failure>, Error> {
    let Ok(query) = parse("is:error") else { return Ok(Vec::new()) };
    let deadline = Instant::now() + PATIENCE;
    let search = Search { query, from_us: Some(from_us), to_us: Some(to_us), deadline };
    let rows = find(connection, &search, Cursor::Newest, FAILED)?.rows;
    let answered = rows.iter().filter(|row| row.facts.error.is_none());
    let said = fresh(connection, &answered.take(REPLIES).map(|row| row.id).collect::<Vec<_>>())?;
    let words = |row: &Row| row.facts.error.clone().or_else(|| told(said.get(&row.id)?.response.as_deref()?));
    Ok(rows.iter().map(|row| Failure { status: row.facts.status, words: words(row) }).collect())
}

/// What a reply says of its failure.
fn told(reply: &[u8]) -> Option<String> {
    let mut told = None;
    reply_texts(reply, &mut |side, text| {
        if side == Side::Error {
            told.get_or_insert_with(|| text.to_owned());
        }
    });
    told
}

/// The statuses with the most failures over the whole stretch, each with its most frequent words among the newest ones.
pub(super) fn errors(f: &Frame, points: &[Point], failed: &[Failure], time: &str) -> Vec<Top> {
    let mut sums: HashMap<&str, i64> = HashMap::new();
    points.iter().for_each(|point| *sums.entry(&point.group).or_default() += point.figures.errors);
    let mut sums: Vec<(&str, i64)> = sums.into_iter().filter(|(_, errors)| *errors > 0).collect();
    sums.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let top = |(status, count): (&str, i64)| {
        // Without a status nobody was answered.
        let of_status = if status == "0" { "-status:100..999".to_owned() } else { format!("status:{status}") };
        let words = most_frequent(failed.iter().filter(|one| one.status.to_string() == status));
        Top {
            name: match status {
                "0" => f.t("test.no_answer").to_owned(),
                status => f.tf("overview.status", &[&status]),
            },
            count: Figure::of(count),
            note: String::new(),
            href: requests(f, &format!("is:error {of_status}"), time),
            words: words.map(|words| {
                let term = words_term(&words);
                (words.chars().take(ERROR_CHARS).collect(), requests(f, &format!("is:error {of_status} {term}"), time))
            }),
        }
    };
    sums.into_iter().take(MOST).map(top).collect()
}

/// What failures say most often.
fn most_frequent<'a>(failures: impl Iterator<Item = &'a Failure>) -> Option<String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for words in failures.filter_map(|one| one.words.as_deref()).filter(|words| !words.trim().is_empty()) {
        *counts.entry(words).or_default() += 1;
    }
    let most = counts.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(a.0)));
    most.map(|(words, _)| words.to_owned())
}

/// A term that finds what begins like this; nothing where no term could.
fn words_term(words: &str) -> String {
    // Whole words: what ends within one is cut.
    let mut begin: String = words.chars().take(ERROR_CHARS).take_while(|c| !c.is_control()).collect();
    if begin.len() < words.len()
        && let Some((whole, _)) = begin.rsplit_once(' ')
    {
        begin = whole.to_owned();
    }
    let term = format!("error:\"{}\"", begin.trim().replace('\\', "\\\\").replace('"', "\\\""));
    if parse(&term).is_ok() { term } else { String::new() }
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::overview::tops::words_term;
    use crate::search::parse;

    #[test]
    fn words_of_an_error_become_one_term() {
        assert_eq!(words_term("no \"x\" in a\\b"), r#"error:"no \"x\" in a\\b""#);
        let long = words_term(&"word and ".repeat(40));
        assert!(long.len() < 90 && long.ends_with("and\"") | long.ends_with("word\""), "{long}");
        for words in ["a\nb", "状态 500", "a*b", "(x) OR y"] {
            assert_eq!(parse(&words_term(words)).unwrap().clauses.len(), 1, "{words}");
        }
    }
}
