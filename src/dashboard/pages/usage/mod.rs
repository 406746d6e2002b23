//! Usage: one metric, told apart by model, upstream, key, status or host, over time; the same numbers as a file.
//!
//! | file | what it does |
//! |---|---|
//! | `metric` | what can be asked for, and how it is written |
//! | `buckets` | steps of time, days in the page's zone |
//! | `lines` | the groups with the highest values, the others together |
//! | `page` | the page |
//! | `csv` | the file |
//!
//! **Invariant:** percentiles come from merged histograms, never from other percentiles, and say how many samples they have.
//! **May import:** `state`, `db`.

mod buckets;
mod csv;
mod lines;
mod metric;
mod page;

use actix_web::guard::fn_guard;
use actix_web::web::{self, ServiceConfig, resource};

use crate::dashboard::dress::escaped;
use crate::dashboard::form::{Form, wants_page};
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::get;
use crate::dashboard::pages::span::{Span, any_of, filter};
use crate::dashboard::pages::usage::buckets::{BARS, Buckets, POINTS};
use crate::dashboard::pages::usage::metric::{Metric, PERCENTILES, group};
use crate::dashboard::reply::ApiError;
use crate::dashboard::words::Key;
use crate::db::rollups::{By, Filter, Query, can_narrow};
use crate::search::{Clause, Mistake, QueryError, parse};

pub(in crate::dashboard) use metric::quantile;

/// Series shown for themselves, at most; the others together.
const SERIES: usize = 8;

/// Routes below `/admin` for browsers.
pub(super) fn configure(config: &mut ServiceConfig) {
    let browser = || fn_guard(|context| wants_page(&context.head().headers));
    config
        .service(resource("/usage").guard(browser()).route(get().to(page::show)))
        .service(resource("/usage/csv").route(web::get().to(csv::file)));
}

/// What is asked.
struct Asked {
    span: Span,
    metric: Metric,
    by: Option<By>,
    by_name: String,
    buckets: Buckets,
    percentile: &'static str,
    /// Series shown for themselves.
    top: usize,
    /// Which requests count, as typed and as understood.
    q: String,
    only: Vec<Clause>,
    /// What is wrong with them: then nothing narrows, and no number may be shown.
    wrong: Option<QueryError>,
}

/// A query of names alone: sums know nothing else.
fn narrowed(q: &str, by: Option<By>) -> Result<Vec<Clause>, QueryError> {
    let clauses = parse(q).map_err(of_sums)?.clauses;
    let wrong = clauses.iter().find(|clause| !can_narrow(clause) || by.is_some_and(By::stands_alone));
    match wrong {
        Some(clause) => {
            let mistake = if can_narrow(clause) { Mistake::SummedApart } else { Mistake::NotSummed };
            Err(QueryError::new(q, clause.span.clone(), mistake))
        }
        None => Ok(clauses),
    }
}

/// The same mistake, where neither other fields nor texts help: then nothing with them is offered.
fn of_sums(error: QueryError) -> QueryError {
    let mistake = match *error.mistake {
        Mistake::NearField { .. } | Mistake::UnknownField { .. } | Mistake::NoField(_) => Mistake::NotSummed,
        mistake => mistake,
    };
    let better =
        error.suggestion.filter(|better| parse(better).is_ok_and(|better| better.clauses.iter().all(can_narrow)));
    QueryError { mistake: Box::new(mistake), suggestion: better, ..error }
}

impl Asked {
    /// Reads parameters; `most` steps at most, or as many as a chart of it has.
    fn read(f: &Frame, parameters: &str, most: Option<usize>) -> Result<Asked, ApiError> {
        let form = Form::parse(parameters.as_bytes());
        let span = Span::read(&form, (f.now_us, &f.zone))?;
        let text = |name: &str, usual: &'static str| match form.text(name) {
            "" => usual.to_owned(),
            text => text.to_owned(),
        };
        let wanted = text("p", "p95");
        let percentile = PERCENTILES.into_iter().find(|name| *name == wanted);
        let by_name = text("by", "model");
        let top = text("top", "8").parse().ok().filter(|top| (1..=SERIES).contains(top));
        let by = group(&by_name)?;
        let (only, wrong) = match narrowed(form.text("q"), by) {
            Ok(only) => (only, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let metric = Metric::named(&text("metric", "requests"))?;
        let most = most.unwrap_or(if by.is_none() && metric.adds_up() { BARS } else { POINTS });
        Ok(Asked {
            metric,
            only,
            wrong,
            q: form.text("q").to_owned(),
            by,
            by_name,
            buckets: Buckets::named(f, &text("bucket", "auto"), &span, most)?,
            percentile: percentile
                .ok_or_else(|| ApiError::field_keyed("p", Key("field.one_of"), &[&PERCENTILES.join(", ")]))?,
            top: top.ok_or_else(|| ApiError::field_keyed("top", Key("page.limit"), &[&SERIES]))?,
            span,
        })
    }

    /// Bars over each other's place, rather than lines.
    fn as_bars(&self) -> bool {
        self.by.is_none() && self.metric.adds_up()
    }

    /// The question for the rollups.
    fn query(&self, span: &Span, step_s: i64) -> Query {
        let filter = Filter { only: self.only.clone(), ..Filter::default() };
        Query { from_us: span.from_us, to_us: span.to_us, step_s, filter, by: self.by }
    }

    /// The address of the same with another query.
    fn with(&self, f: &Frame, q: &str) -> String {
        let (metric, by, bucket, top) = (self.metric.name(), &self.by_name, self.buckets.name, self.top);
        let (p, q, span) = (self.percentile, escaped(q), self.span.parameters(f));
        f.keep(&format!("?metric={metric}&by={by}&bucket={bucket}&p={p}&top={top}&q={q}&{span}"))
    }

    /// A query that finds the requests of a group; of `None`, those of all groups but `told`.
    fn terms(&self, group: Option<&str>, told: &[String]) -> String {
        let (field, nobody) = match self.by {
            None => return self.all(),
            Some(By::Upstream) => ("upstream", "0"),
            Some(By::Model) => ("model", ""),
            Some(By::Key) => ("key", ""),
            Some(By::Host) => ("host", ""),
            Some(By::Status) => ("status", "0"),
        };
        // Whatever has a name; a status is a number.
        let any = if field == "status" { "status:100..999".to_owned() } else { format!("{field}:*") };
        let of_group = match group {
            Some(group) if group == nobody => format!("-{any}"),
            Some(group) => filter(field, group),
            None => {
                let named: Vec<&str> = told.iter().map(String::as_str).filter(|name| *name != nobody).collect();
                // Who has no name is among the others unless it is told of for itself.
                let named_only = if named.len() < told.len() { format!("{any} ") } else { String::new() };
                if named.is_empty() { named_only } else { format!("{named_only}-{}", any_of(field, named)) }
            }
        };
        format!("{of_group} {}", self.all()).trim().to_owned()
    }

    /// A query that finds the requests of all groups.
    fn all(&self) -> String {
        format!("{} {}", self.q, self.metric.term()).trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use crate::dashboard::pages::span::Span;
    use crate::dashboard::pages::usage::buckets::Buckets;
    use crate::dashboard::pages::usage::metric::{Metric, group};
    use crate::dashboard::pages::usage::{Asked, narrowed};
    use crate::search::Mistake;

    #[test]
    fn what_is_offered_instead_of_a_mistake_can_be_asked() {
        let told = |q: &str| {
            let error = narrowed(q, None).unwrap_err();
            (*error.mistake == Mistake::NotSummed, error.suggestion)
        };
        assert_eq!(told("foo:1"), (true, None));
        assert_eq!(told("stauts:500"), (true, None));
        assert_eq!(told("modle:x key:ci"), (true, Some("model:x key:ci".to_owned())));
        assert_eq!(told("http://x"), (true, None));
        assert_eq!(told("foo\"bar\""), (false, None));
        assert!(narrowed("model:x", None).is_ok());
    }

    #[test]
    fn each_group_and_the_others_together_have_a_query_that_finds_them() {
        let terms = |metric: &str, by: &str, one: Option<&str>, told: &[&str]| {
            let asked = Asked {
                span: Span { from_us: 0, to_us: 1, range: String::new() },
                metric: Metric::named(metric).unwrap(),
                by: group(by).unwrap(),
                by_name: by.to_owned(),
                buckets: Buckets::days(TimeZone::UTC),
                percentile: "p95",
                top: 8,
                q: String::new(),
                only: Vec::new(),
                wrong: None,
            };
            asked.terms(one, &told.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(terms("requests", "none", Some(""), &[]), "");
        assert_eq!(terms("errors", "status", Some("404"), &[]), "status:404 is:error");
        assert_eq!(terms("speed", "model", None, &["a", "b c"]), "-model:a,\"b c\" is:stream");
        assert_eq!(terms("cost", "upstream", Some("0"), &[]), "-upstream:*");
        assert_eq!(terms("cost", "upstream", None, &["0", "3"]), "upstream:* -upstream:3");
        assert_eq!(terms("cost", "host", None, &[""]), "host:*");
        assert_eq!(terms("cost", "status", Some("0"), &[]), "-status:100..999");
    }
}
