//! Usage: one metric, told apart by model, upstream or key, over time; the same numbers as a file.
//!
//! | file | what it does |
//! |---|---|
//! | `metric` | what can be asked for, and how it is written |
//! | `buckets` | steps of time, days in the page's zone |
//!
//! **Invariant:** percentiles come from merged histograms, never from other percentiles, and say how many samples they have.
//! **May import:** `state`, `db`.

mod buckets;
mod csv;
mod metric;

use std::collections::{BTreeMap, HashMap};

use actix_web::HttpRequest;
use actix_web::guard::fn_guard;
use actix_web::web::{self, ServiceConfig, resource};
use askama::Template;

use crate::dashboard::form::{Form, wants_page};
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::charts::{Chart, Place, Series};
use crate::dashboard::pages::conversations::{name_of, names};
use crate::dashboard::pages::get;
use crate::dashboard::pages::overview::change;
use crate::dashboard::pages::span::{RANGES, Span, between, filter, requests};
use crate::dashboard::pages::usage::buckets::{BUCKETS, Buckets};
use crate::dashboard::pages::usage::metric::{GROUPS, METRICS, Metric, PERCENTILES, group};
use crate::dashboard::reply::ApiError;
use crate::dashboard::shown;
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::rollups::{By, Figures, Filter, Query, series};

/// Series shown for themselves; the others together.
const SERIES: usize = 8;
const CLASSES: [&str; SERIES + 1] = ["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s1 dash", "s2 dot"];
const PARAMETERS: [&str; 4] = ["metric", "by", "bucket", "p"];

/// Routes below `/admin` for browsers.
pub(super) fn configure(config: &mut ServiceConfig) {
    let browser = || fn_guard(|context| wants_page(&context.head().headers));
    config
        .service(resource("/usage").guard(browser()).route(get().to(show)))
        .service(resource("/usage/csv").route(web::get().to(csv::file)));
}

#[derive(Template)]
#[template(path = "usage.html")]
struct Usage<'a> {
    f: &'a Frame,
    metrics: [(&'static str, Key); 7],
    groups: [(&'static str, Key); 4],
    buckets: [(&'static str, Key); 5],
    percentiles: [&'static str; 3],
    ranges: [(&'static str, Key); 5],
    asked: Asked,
    /// The metric's name.
    title: &'static str,
    chart: Chart,
    rows: Vec<Row>,
    csv: String,
    /// The metric is a percentile.
    is_time: bool,
    /// Shares add up to everything.
    adds_up: bool,
}

/// A group's numbers over the whole range.
struct Row {
    name: String,
    href: String,
    value: String,
    share: String,
    samples: String,
    change: String,
}

/// What is asked.
struct Asked {
    span: Span,
    metric: Metric,
    by: Option<By>,
    by_name: String,
    buckets: Buckets,
    percentile: &'static str,
}

impl Asked {
    fn read(f: &Frame, parameters: &str) -> Result<Asked, ApiError> {
        let form = Form::parse(parameters.as_bytes());
        let span = Span::read(&form, &PARAMETERS, f.now_us)?;
        let text = |name: &str, usual: &'static str| match form.text(name) {
            "" => usual.to_owned(),
            text => text.to_owned(),
        };
        let wanted = text("p", "p95");
        let percentile = PERCENTILES.into_iter().find(|name| *name == wanted);
        let by_name = text("by", "model");
        Ok(Asked {
            metric: Metric::named(&text("metric", "requests"))?,
            by: group(&by_name)?,
            by_name,
            buckets: Buckets::named(f, &text("bucket", "auto"), &span)?,
            percentile: percentile.ok_or_else(|| ApiError::field("p", "must be p50, p95 or p99"))?,
            span,
        })
    }

    /// The question for the rollups.
    fn query(&self, span: &Span, step_s: i64) -> Query {
        Query { from_us: span.from_us, to_us: span.to_us, step_s, filter: Filter::default(), by: self.by }
    }

    fn parameters(&self, f: &Frame) -> String {
        let (metric, by, bucket) = (self.metric.name(), &self.by_name, self.buckets.name);
        format!("metric={metric}&by={by}&bucket={bucket}&p={}&{}", self.percentile, self.span.parameters(f))
    }
}

type Sums = HashMap<String, Figures>;

/// `GET /admin/usage?metric=&by=&bucket=&p=&range=&from=&to=`.
async fn show(visit: Visit, request: HttpRequest) -> Page {
    let f = &visit.frame;
    let asked = Asked::read(f, request.query_string())?;
    let query = asked.query(&asked.span, asked.buckets.step_s());
    let past = asked.query(&asked.span.before(), 7 * 86_400);
    let (points, past, names) = visit
        .database(move |connection| Ok((series(connection, &query)?, series(connection, &past)?, names(connection)?)))
        .await?;
    let (mut sums, mut before, mut cells) = (Sums::new(), Sums::new(), BTreeMap::<i64, Sums>::new());
    let add = |sums: &mut Sums, group: &str, figures: &Figures| {
        let sum = sums.entry(group.to_owned()).or_default();
        *sum = std::mem::take(sum).plus(figures);
    };
    for point in &points {
        add(&mut sums, &point.group, &point.figures);
        add(cells.entry(asked.buckets.start(point.bucket_s)).or_default(), &point.group, &point.figures);
    }
    past.iter().for_each(|point| add(&mut before, &point.group, &point.figures));
    let value = |figures: &Figures| asked.metric.value(figures, asked.percentile);
    let mut order: Vec<(String, Figures)> = sums.into_iter().collect();
    order.sort_by(|a, b| {
        let of = |figures: &Figures| value(figures).unwrap_or(-1.0);
        of(&b.1).total_cmp(&of(&a.1)).then_with(|| b.1.requests.cmp(&a.1.requests)).then_with(|| a.0.cmp(&b.0))
    });
    // What is beyond the limit counts together, so that percentiles stay right.
    let told: Vec<String> = order.iter().take(SERIES).map(|(group, _)| group.clone()).collect();
    let mut lines: Vec<(Option<String>, Figures)> = Vec::new();
    for (group, figures) in order {
        if told.contains(&group) {
            lines.push((Some(group), figures));
        } else if let Some((None, sum)) = lines.last_mut() {
            *sum = std::mem::take(sum).plus(&figures);
        } else {
            lines.push((None, figures));
        }
    }
    let pick = |sums: &Sums, group: &Option<String>| match group {
        Some(group) => sums.get(group).cloned(),
        None => sums
            .iter()
            .filter(|(group, _)| !told.contains(group))
            .map(|(_, figures)| figures.clone())
            .reduce(|sum, more| sum.plus(&more)),
    };
    let name = |group: &Option<String>| match (group.as_deref(), asked.by) {
        (None, _) => f.t("usage.other").to_owned(),
        (Some(_), None) => f.t("usage.everything").to_owned(),
        (Some("" | "0"), _) => f.t("usage.nobody").to_owned(),
        (Some(id), Some(By::Upstream)) => name_of(&names, id.parse().unwrap_or(0)),
        (Some(group), _) => group.to_owned(),
    };
    let starts = asked.buckets.starts(&asked.span);
    let time = asked.span.parameters(f);
    let whole: f64 = lines.iter().filter_map(|(_, figures)| value(figures)).sum();
    let row = |(group, figures): &(Option<String>, Figures)| {
        let (now, past) = (value(figures), pick(&before, group).as_ref().and_then(value));
        Row {
            name: name(group),
            href: asked.filter(group.as_deref()).map(|query| requests(&query, &time)).unwrap_or_default(),
            value: now.map_or_else(|| "—".to_owned(), |now| asked.metric.written(now)),
            share: now
                .filter(|_| whole > 0.0)
                .map_or_else(|| "—".to_owned(), |now| format!("{:.1} %", now / whole * 100.0)),
            samples: shown::exact(asked.metric.samples(figures)),
            change: change(f, now, past),
        }
    };
    let rows: Vec<Row> = lines.iter().map(row).collect();
    let line = |(index, (group, _)): (usize, &(Option<String>, Figures))| Series {
        name: name(group),
        class: CLASSES[index.min(SERIES)],
        values: starts
            .iter()
            .map(|start| match cells.get(start).and_then(|sums| pick(sums, group)) {
                Some(figures) => value(&figures),
                None => asked.metric.adds_up().then_some(0.0),
            })
            .collect(),
    };
    let all: Vec<Series> = lines.iter().enumerate().map(line).collect();
    let place = |start: &i64| {
        let (from_us, to_us) = (start * 1_000_000, asked.buckets.end(*start) * 1_000_000);
        Place { label: asked.buckets.label(f, &asked.span, *start), href: requests("", &between(f, from_us, to_us)) }
    };
    let title = f.k(&asked.metric.key());
    let sentence = f.tf("usage.told", &[&f.k(&asked.buckets.key()), &f.zone_name()]);
    let as_bars = asked.by.is_none() && asked.metric.adds_up();
    let written = |number: f64| asked.metric.written(number);
    let chart = Chart::new(title.to_owned(), sentence, starts.iter().map(place).collect(), &all, as_bars, &written);
    let csv = format!("/admin/usage/csv?{}", asked.parameters(f));
    visit.page(&Usage {
        f,
        metrics: METRICS,
        groups: GROUPS,
        buckets: BUCKETS,
        percentiles: PERCENTILES,
        ranges: RANGES,
        is_time: asked.metric.is_time(),
        adds_up: asked.metric.adds_up(),
        asked,
        title,
        chart,
        rows,
        csv,
    })
}

impl Asked {
    /// What finds the requests of a group; `None` when no query says it.
    fn filter(&self, group: Option<&str>) -> Option<String> {
        match (self.by, group?) {
            (None, _) => Some(String::new()),
            (Some(_), "" | "0") => None,
            (Some(By::Upstream), id) => Some(filter("upstream", id)),
            (Some(By::Model), name) => Some(filter("model", name)),
            (Some(By::Key), name) => Some(filter("key", name)),
        }
    }
}
