//! Parameters become a question that cannot be wrong. Start at [`Asked::read`].
//!
//! **Invariant:** a parameter that is not known is an error that names those that are. **May import:** `db`, `search`.

use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Query as Parameters;
use chrono::{DateTime, Utc};
use jiff::tz::TimeZone;

use crate::dashboard::reply::ApiError;
use crate::dashboard::times::{DAY_S, dated, duration, moment, zone_named};
use crate::dashboard::words::Key;
use crate::db::find::{Cursor, Search};
use crate::search::{Mistake, NumberField, Query, QueryError, What, parse};
use crate::state::State;

/// How long a search may take before it tells how far it came.
const PATIENCE: Duration = Duration::from_secs(5);
/// Rows of a page when nothing is asked for, and at most.
const PAGE_ROWS: usize = 50;
const MOST_ROWS: usize = 1000;
/// The longest range for texts that no index helps with, in s.
const SHORT_TERM_S: i64 = 7 * DAY_S;
/// Parameters that every question has.
const KNOWN: [&str; 8] = ["q", "range", "from", "to", "tz", "before", "after", "limit"];
/// Those of them that say which page.
const PAGING: [&str; 3] = ["before", "after", "limit"];
/// The orders besides the newest first, with the figure of which there is most first.
const SORTS: [(&str, NumberField); 4] = [
    ("-total", NumberField::Total),
    ("-ttft", NumberField::FirstContent),
    ("-tokens", NumberField::Tokens),
    ("-cost", NumberField::Cost),
];

/// A question about requests.
#[derive(Debug)]
pub(in crate::dashboard) struct Asked {
    /// The query as typed.
    pub(in crate::dashboard) text: String,
    pub(in crate::dashboard) search: Search,
    pub(in crate::dashboard) cursor: Cursor,
    pub(in crate::dashboard) limit: usize,
    /// Now, µs since 1970: a range ends here when it names no end.
    pub(in crate::dashboard) now_us: i64,
    /// Parameters beyond those that every question has.
    pub(in crate::dashboard) others: Vec<(String, String)>,
    /// Which of [`PAGING`] were given.
    paging: Vec<&'static str>,
}

impl Asked {
    /// Reads a request's parameters, dates as days of the zone that is set unless it names one; `others` are known besides
    /// those that every question has.
    pub(in crate::dashboard) fn of(request: &HttpRequest, state: &State, others: &[&str]) -> Result<Asked, ApiError> {
        Asked::read(request.query_string(), others, &state.roster.load().settings.time_zone, Utc::now())
    }

    /// The same of a query and a zone.
    pub(in crate::dashboard) fn read(
        parameters: &str,
        others: &[&str],
        zone: &TimeZone,
        now: DateTime<Utc>,
    ) -> Result<Asked, ApiError> {
        let pairs = Parameters::<Vec<(String, String)>>::from_query(parameters)
            .map_err(|error| ApiError::keyed_with(StatusCode::BAD_REQUEST, Key("error.parameters"), &[&error]))?
            .into_inner();
        let named = pairs.iter().find(|(name, _)| name == "tz").map_or("", |(_, zone)| zone.trim());
        let zone = zone_named(named)?.unwrap_or_else(|| zone.clone());
        let day = |name, value: &str| moment(name, &dated(name, value.trim(), &zone));
        let (mut text, mut range, mut from, mut to, mut before, mut after) = Default::default();
        let (mut limit, mut kept, mut paging) = (PAGE_ROWS, Vec::new(), Vec::new());
        for (name, value) in pairs {
            paging.extend(PAGING.iter().filter(|known| **known == name && !value.is_empty()));
            match name.as_str() {
                "q" => text = value,
                // What a form leaves empty is not asked for.
                _ if value.is_empty() => {}
                // As without one, but for pages, which look at a day then.
                "range" if value.trim() == "all" => {}
                "range" => range = Some(duration("range", value.trim())?),
                "from" => from = Some(day("from", &value)?),
                "to" => to = Some(day("to", &value)?),
                "tz" => {}
                "before" => before = Some(cursor("before", &value)?),
                "after" => after = Some(cursor("after", &value)?),
                "limit" => limit = rows(&value)?,
                name if others.contains(&name) => kept.push((name.to_owned(), value)),
                unknown => {
                    let there = KNOWN.iter().chain(others).copied().collect::<Vec<_>>().join(", ");
                    return Err(ApiError::field_keyed(unknown, Key("error.no_parameter"), &[&there]));
                }
            }
        }
        if range.is_some() && from.is_some() {
            return Err(ApiError::field_keyed("range", Key("time.both"), &[&"from"]));
        }
        let now_us = now.timestamp_micros();
        let end = to.unwrap_or(now_us);
        let from = from.or(range.map(|range_s| end - range_s * 1_000_000));
        if from.is_some_and(|from| from >= end) {
            return Err(ApiError::field_keyed("from", Key("time.order"), &[]));
        }
        let cursor = match (before, after) {
            (Some(_), Some(_)) => return Err(ApiError::field_keyed("after", Key("time.both"), &[&"before"])),
            (Some(id), None) => Cursor::Before(id),
            (None, Some(id)) => Cursor::After(id),
            (None, None) => Cursor::Newest,
        };
        let query = understood(&text)?;
        let covered_s = from.map(|from| (end - from) / 1_000_000);
        short_terms(&text, &query, covered_s)?;
        let search = Search { query, from_us: from, to_us: to, deadline: Instant::now() + PATIENCE };
        Ok(Asked { text, search, cursor, limit, now_us, others: kept, paging })
    }

    /// The same, where nothing is shown in pages: a parameter that says which would count for nothing, but for those `meant`.
    pub(in crate::dashboard) fn unpaged(self, meant: &[&str]) -> Result<Asked, ApiError> {
        let Some(name) = self.paging.iter().find(|name| !meant.contains(*name)) else { return Ok(self) };
        let there: Vec<&str> = KNOWN.iter().copied().filter(|known| !PAGING.contains(known)).collect();
        Err(ApiError::field_keyed(*name, Key("error.no_parameter"), &[&there.join(", ")]))
    }

    /// The figure of which there is most first, where `sort` names one; else the newest come first.
    pub(in crate::dashboard) fn sort(&self) -> Result<Option<NumberField>, ApiError> {
        let Some(wanted) = self.other("sort") else { return Ok(None) };
        let known = SORTS.iter().find(|(name, _)| *name == wanted);
        let there = || SORTS.map(|(name, _)| name).join(", ");
        let field = known.ok_or_else(|| ApiError::field_keyed("sort", Key("field.one_of"), &[&there()]))?.1;
        Ok(Some(field))
    }

    /// The value of another parameter.
    pub(in crate::dashboard) fn other(&self, name: &str) -> Option<&str> {
        self.others.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The query; what cannot be understood tells where, and what would be right.
pub(in crate::dashboard) fn understood(text: &str) -> Result<Query, ApiError> {
    parse(text).map_err(ApiError::query)
}

/// A text that no index helps with needs a time in which every record can be read.
fn short_terms(text: &str, query: &Query, covered_s: Option<i64>) -> Result<(), ApiError> {
    if covered_s.is_some_and(|covered_s| covered_s <= SHORT_TERM_S) {
        return Ok(());
    }
    for clause in &query.clauses {
        if let What::Text { terms, .. } = &clause.what
            && let Some(term) = terms.iter().find(|term| term.is_short())
        {
            let mistake = Mistake::ShortTerm { term: term.as_str().to_owned(), days: SHORT_TERM_S / DAY_S };
            return Err(ApiError::query(QueryError::new(text, clause.span.clone(), mistake)));
        }
    }
    Ok(())
}

fn cursor(name: &'static str, text: &str) -> Result<i64, ApiError> {
    text.parse().map_err(|_| ApiError::field_keyed(name, Key("page.cursor"), &[]))
}

fn rows(text: &str) -> Result<usize, ApiError> {
    let number = text.parse().ok().filter(|number| (1..=MOST_ROWS).contains(number));
    number.ok_or_else(|| ApiError::field_keyed("limit", Key("page.limit"), &[&MOST_ROWS]))
}
