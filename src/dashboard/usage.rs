//! Usage over the admin API: requests, tokens, cost and latencies of any range, from the rollups alone.
//!
//! Start at [`show`], then [`Asked::read`]: parameters are parsed into a question that cannot be wrong.
//!
//! **Invariant:** an answer is bounded in points; what nobody told is null, never 0. **May import:** `state`, `db`, `usage`.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Query as Parameters};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::dashboard::reply::{ApiError, json as reply, with_database};
use crate::dashboard::session::Admin;
use crate::dashboard::times::{DAY_S, LONGEST_S, MINUTE_S, duration, moment};
use crate::db::rollups::{By, Figures, Filter, Point, Query, series};
use crate::state::State;
use crate::usage::histogram::Histogram;

/// Steps of an answer, at most.
const MOST_STEPS: i64 = 2_000;
/// Without a step of its own, a range up to the first number of seconds is told in steps of the second.
const STEPS: [(i64, i64); 3] = [(2 * 3600, MINUTE_S), (12 * 3600, 5 * MINUTE_S), (7 * DAY_S, 3600)];

/// `GET /admin/usage?range=&from=&to=&by=&bucket=&upstream=&model=&key=`.
pub(super) async fn show(_admin: Admin, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, ApiError> {
    let asked = Asked::read(request.query_string(), Utc::now())?;
    let query = asked.0.clone();
    let points = with_database(&state.database, move |connection| series(connection, &query)).await?;
    reply(StatusCode::OK, &answer(&asked.0, &points))
}

fn answer(query: &Query, points: &[Point]) -> Value {
    let (mut all, mut groups) = (Figures::default(), BTreeMap::<&str, Figures>::new());
    for point in points {
        all = all.plus(&point.figures);
        let sum = groups.entry(&point.group).or_default();
        *sum = std::mem::take(sum).plus(&point.figures);
    }
    let mut groups: Vec<(&str, Figures)> = groups.into_iter().collect();
    groups.sort_by_key(|(_, figures)| std::cmp::Reverse(figures.requests));
    let grouped = |group: &str, figures: &Figures| {
        let mut shown = figures_json(figures);
        if query.by.is_some() {
            shown["group"] = json!(group);
        }
        shown
    };
    let bucket = |point: &Point| {
        let mut shown = grouped(&point.group, &point.figures);
        shown["at"] = json!(time(point.bucket_s.saturating_mul(1_000_000)));
        shown
    };
    json!({
        "from": time(query.from_us),
        "to": time(query.to_us),
        "bucket_s": query.step_s,
        "totals": figures_json(&all),
        "groups": match query.by {
            Some(_) => groups.iter().map(|(group, figures)| grouped(group, figures)).collect(),
            None => Vec::new(),
        },
        "buckets": points.iter().map(bucket).collect::<Vec<_>>(),
    })
}

fn figures_json(figures: &Figures) -> Value {
    // Of a sum, nothing is known while nobody has told more than nothing.
    let told = |sum: i64, silent: i64| (sum > 0 || silent == 0).then_some(sum);
    let tokens = |sum: i64| told(sum, figures.unknown_tokens);
    let cost = told(figures.cost_nano, figures.unpriced);
    json!({
        "requests": figures.requests,
        "errors": figures.errors,
        "streams": figures.streams,
        "tokens_in": tokens(figures.tokens_in),
        "tokens_out": tokens(figures.tokens_out),
        "tokens_cached": tokens(figures.tokens_cached),
        "tokens_reasoning": tokens(figures.tokens_reasoning),
        "unknown_tokens": figures.unknown_tokens,
        "cost_nano": cost,
        "cost": cost.map(|nano| nano as f64 / 1e9),
        "unpriced": figures.unpriced,
        "first_byte_us": percentiles(&figures.first_byte),
        "first_content_us": percentiles(&figures.first_content),
        "total_us": percentiles(&figures.total),
        "tokens_per_second": speeds(&figures.speed),
    })
}

fn percentiles(times: &Histogram) -> Value {
    json!({
        "count": times.count(),
        "p50": times.quantile(0.5),
        "p95": times.quantile(0.95),
        "p99": times.quantile(0.99),
    })
}

/// Of streams.
fn speeds(speeds: &Histogram) -> Value {
    let told = |q: f64| speeds.quantile(q).map(|thousandths| thousandths as f64 / 1000.0);
    json!({"count": speeds.count(), "p50": told(0.5), "p95": told(0.95), "p99": told(0.99)})
}

fn time(us: i64) -> Option<String> {
    DateTime::from_timestamp_micros(us).map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// A question that can be answered.
#[derive(Debug)]
struct Asked(Query);

impl Asked {
    fn read(parameters: &str, now: DateTime<Utc>) -> Result<Asked, ApiError> {
        let pairs = Parameters::<Vec<(String, String)>>::from_query(parameters)
            .map_err(|error| ApiError::new(StatusCode::BAD_REQUEST, format!("the parameters cannot be read: {error}")))?
            .into_inner();
        let (mut from, mut to, mut range, mut step, mut by) = (None, None, None, None, None);
        let mut filter = Filter::default();
        for (name, value) in pairs.iter().map(|(name, value)| (name.as_str(), value.trim())) {
            match name {
                "from" => from = Some(moment("from", value)?),
                "to" => to = Some(moment("to", value)?),
                "range" => range = Some(duration("range", value)?),
                "bucket" if value == "auto" => step = None,
                "bucket" => step = Some(duration("bucket", value)?),
                "by" => by = group(value)?,
                "upstream" => filter.upstream_id = Some(upstream(value)?),
                "model" => filter.model = Some(value.to_owned()),
                "key" => filter.key_name = Some(value.to_owned()),
                unknown => {
                    let there =
                        "there is no such parameter; there are range, from, to, by, bucket, upstream, model and key";
                    return Err(ApiError::field(unknown, there));
                }
            }
        }
        if by.is_some_and(By::stands_alone) && filter != Filter::default() {
            return Err(ApiError::field("by", "status and host cannot be told of one upstream, model or key"));
        }
        if range.is_some() && from.is_some() {
            return Err(ApiError::field("range", "cannot be given together with from"));
        }
        let to_us = to.unwrap_or(now.timestamp_micros());
        let from_us = from.unwrap_or(to_us - range.unwrap_or(DAY_S) * 1_000_000);
        if from_us >= to_us {
            return Err(ApiError::field("from", "must be before to"));
        }
        let length_s = (to_us - from_us) / 1_000_000;
        if length_s > LONGEST_S {
            return Err(ApiError::field("range", format!("must not be longer than {} days", LONGEST_S / DAY_S)));
        }
        let fitting = || STEPS.iter().find(|(upto_s, _)| length_s <= *upto_s).map_or(DAY_S, |(_, step_s)| *step_s);
        let step_s = step.unwrap_or_else(fitting);
        if length_s / step_s > MOST_STEPS {
            return Err(ApiError::field("bucket", format!("must be wider: an answer has at most {MOST_STEPS} steps")));
        }
        Ok(Asked(Query { from_us, to_us, step_s, filter, by }))
    }
}

fn group(text: &str) -> Result<Option<By>, ApiError> {
    match text {
        "" => Ok(None),
        "upstream" => Ok(Some(By::Upstream)),
        "model" => Ok(Some(By::Model)),
        "key" => Ok(Some(By::Key)),
        "status" => Ok(Some(By::Status)),
        "host" => Ok(Some(By::Host)),
        _ => Err(ApiError::field("by", "must be model, upstream, key, status or host")),
    }
}

fn upstream(text: &str) -> Result<i64, ApiError> {
    text.parse().map_err(|_| ApiError::field("upstream", "must be the id of an upstream, or 0 for none"))
}

#[cfg(test)]
mod tests {
    use crate::dashboard::usage::Asked;
    use crate::db::rollups::{By, Filter};
    use chrono::DateTime;

    fn read(parameters: &str) -> Result<Asked, String> {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        Asked::read(parameters, now).map_err(|error| error.to_string())
    }

    #[test]
    fn a_range_has_a_step_that_fits() {
        for (parameters, length_s, step_s) in [
            ("", 86_400, 3600),
            ("range=15m", 900, 60),
            ("range=6h&bucket=auto", 21_600, 300),
            ("range=30d", 30 * 86_400, 86_400),
            ("range=1h&bucket=5m", 3600, 300),
            ("from=2026-09-21T00:00:00Z&to=2026-09-21T02:00:00%2B01:00", 3600, 60),
            ("from=2026-09-21T00:00:00Z&to=2026-09-21T02:00:00+01:00", 3600, 60),
        ] {
            let query = read(parameters).unwrap().0;
            assert_eq!(((query.to_us - query.from_us) / 1_000_000, query.step_s), (length_s, step_s), "{parameters}");
        }
        let query = read("by=model&upstream=3&model=gpt+4&key=").unwrap().0;
        assert_eq!(query.by, Some(By::Model));
        let (model, key_name) = (Some("gpt 4".to_owned()), Some(String::new()));
        let filter = Filter { upstream_id: Some(3), model, key_name, only: Vec::new() };
        assert_eq!(query.filter, filter);
    }

    #[test]
    fn what_cannot_be_understood_is_named() {
        for (parameters, field) in [
            ("range=1", "range"),
            ("range=0m", "range"),
            ("range=99999999999999999999d", "range"),
            ("range=1000d", "range"),
            ("range=时", "range"),
            ("bucket=", "bucket"),
            ("range=30d&bucket=1m", "bucket"),
            ("from=yesterday", "from"),
            ("from=2026-09-21T00:00:00", "from"),
            ("from=2026-09-21T00:00:00Z&to=2026-09-20T00:00:00Z", "from"),
            ("from=2026-09-21T00:00:00Z&range=1h", "range"),
            ("by=colour", "by"),
            ("by=status&model=m", "by"),
            ("upstream=a", "upstream"),
            ("colour=red", "colour"),
        ] {
            let told = read(parameters).map(|asked| asked.0.step_s).unwrap_err();
            assert!(told.starts_with(&format!("{field}: ")), "{parameters}: {told}");
        }
    }
}
