//! The box in which people ask, and the range beside it: read once, shown again as typed. Start at [`Ask::read`].
//!
//! **Invariant:** what cannot be understood is shown where it stands, and nothing of it is left out. **May import:** `search`.

use actix_web::http::StatusCode;
use actix_web::web::Query as Parameters;
use chrono::Utc;

use crate::dashboard::dress::escaped;
use crate::dashboard::reply::ApiError;
use crate::dashboard::requests::asked::Asked;
use crate::dashboard::words::Key;

/// Ranges offered, with their words.
const RANGES: [(&str, Key); 6] = [
    ("1h", Key("range.1h")),
    ("24h", Key("range.24h")),
    ("7d", Key("range.7d")),
    ("30d", Key("range.30d")),
    ("90d", Key("range.90d")),
    ("all", Key("range.all")),
];

/// What was asked, as the page shows it again.
pub(in crate::dashboard) struct Ask {
    /// The query as typed.
    pub(in crate::dashboard) text: String,
    /// `24h`, `all`; empty between `from` and `to`.
    pub(in crate::dashboard) range: String,
    pub(in crate::dashboard) from: String,
    pub(in crate::dashboard) to: String,
    /// What cannot be understood.
    pub(in crate::dashboard) problem: Option<Problem>,
}

/// What is wrong with a query, and where: the text before it, it, the text after it.
pub(in crate::dashboard) struct Problem {
    pub(in crate::dashboard) before: String,
    pub(in crate::dashboard) wrong: String,
    pub(in crate::dashboard) after: String,
    /// In English.
    pub(in crate::dashboard) message: String,
    /// The whole query put right.
    pub(in crate::dashboard) suggestion: Option<String>,
}

impl Ask {
    /// Reads a page's parameters, of which `others` are its own. The second is `None` when the query is wrong.
    pub(in crate::dashboard) fn read(
        parameters: &str,
        others: &[&str],
        usual: &str,
    ) -> Result<(Ask, Option<Asked>), ApiError> {
        let pairs = Parameters::<Vec<(String, String)>>::from_query(parameters)
            .map_err(|error| ApiError::new(StatusCode::BAD_REQUEST, error.to_string()))?
            .into_inner();
        let value = |wanted: &str| pairs.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value.trim());
        let (from, to) = (value("from").to_owned(), value("to").to_owned());
        let range = match value("range") {
            "" if from.is_empty() => usual,
            range => range,
        };
        let mut ask = Ask { text: value("q").to_owned(), range: range.to_owned(), from, to, problem: None };
        let mut pairs: Vec<(String, String)> = pairs.iter().filter(|(name, _)| name != "range").cloned().collect();
        if !matches!(range, "" | "all") {
            pairs.push(("range".to_owned(), range.to_owned()));
        }
        let wanted: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
        match Asked::read(&wanted.join("&"), others, Utc::now()) {
            Ok(asked) => Ok((ask, Some(asked))),
            Err(error) => {
                let Some((at, suggestion)) = error.place() else { return Err(error) };
                let piece = |range: std::ops::Range<usize>| ask.text.get(range).unwrap_or_default().to_owned();
                ask.problem = Some(Problem {
                    before: piece(0..at.start),
                    wrong: piece(at.clone()),
                    after: piece(at.end..ask.text.len()),
                    message: error.to_string().trim_start_matches("q: ").to_owned(),
                    suggestion: suggestion.map(str::to_owned),
                });
                Ok((ask, None))
            }
        }
    }

    /// This question with another query and more parameters, each beginning with `&`.
    pub(in crate::dashboard) fn link(&self, path: &str, text: &str, more: &str) -> String {
        let mut link = format!("{path}?");
        for (name, value) in [("q", text), ("range", &self.range), ("from", &self.from), ("to", &self.to)] {
            if !value.is_empty() {
                link = format!("{link}{name}={}&", escaped(value));
            }
        }
        format!("{}{more}", link.trim_end_matches('&'))
    }

    /// The ranges to choose from: value and word; the one that is asked for among them.
    pub(in crate::dashboard) fn ranges(&self) -> Vec<(&str, Option<Key>)> {
        let mut ranges: Vec<(&str, Option<Key>)> = RANGES.iter().map(|(name, word)| (*name, Some(*word))).collect();
        if !ranges.iter().any(|(name, _)| *name == self.range) {
            ranges.insert(0, (&self.range, None));
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::query::Ask;

    #[test]
    fn a_wrong_query_is_told_with_its_place_and_the_rest_is_kept() {
        let (ask, asked) = Ask::read("q=%E4%B8%AD+foo%3A1+x", &[], "24h").unwrap();
        let problem = ask.problem.unwrap();
        assert!(asked.is_none() && problem.message.contains("foo"), "{}", problem.message);
        assert_eq!(format!("{}{}{}", problem.before, problem.wrong, problem.after), "中 foo:1 x");
        assert!(problem.wrong.contains("foo"), "{}", problem.wrong);
        assert!(Ask::read("colour=red", &[], "24h").is_err());
    }

    #[test]
    fn a_range_is_a_day_unless_another_or_all_is_asked_for() {
        let length = |parameters: &str| {
            let search = Ask::read(parameters, &["turn"], "24h").unwrap().1.unwrap().search;
            search
                .from_us
                .map(|from| (search.to_us.unwrap_or(chrono::Utc::now().timestamp_micros()) - from) / 3_600_000_000)
        };
        assert_eq!((length(""), length("range=7d&turn=3"), length("range=all")), (Some(24), Some(168), None));
        let (ask, _) = Ask::read("q=a+b&from=2026-01-01T00:00:00%2B08:00", &[], "24h").unwrap();
        assert_eq!(ask.link("/x", "c:d", "&before=1"), "/x?q=c%3Ad&from=2026-01-01T00%3A00%3A00%2B08%3A00&before=1");
    }
}
