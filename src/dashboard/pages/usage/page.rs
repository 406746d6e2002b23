//! The page: a chart of the groups over time, and a table of their sums. Start at [`show`].
//!
//! **Invariant:** every number leads to the requests that it is made of. **May import:** `state`, `db`.

use actix_web::http::StatusCode;
use askama::Template;

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::charts::{Cell, Chart, Place, Series};
use crate::dashboard::pages::conversations::{name_of, names};
use crate::dashboard::pages::overview::{as_of, change, waits};
use crate::dashboard::pages::query::ask::Wrong;
use crate::dashboard::pages::span::{RANGES, between, requests};
use crate::dashboard::pages::usage::buckets::{BARS, BUCKETS, POINTS};
use crate::dashboard::pages::usage::lines::{Lines, sums};
use crate::dashboard::pages::usage::metric::{GROUPS, METRICS, PERCENTILES};
use crate::dashboard::pages::usage::{Asked, SERIES};
use crate::dashboard::shown::{self, Moment};
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::records::{newest_id, rows};
use crate::db::rollups::{By, Figures, series};

const CLASSES: [&str; SERIES + 1] = ["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s1 dash", "s2 dot"];
/// Cells of the chart's table that are links of their own, at most: each is as long as the rest of its row. Beyond that the steps are.
const LINKS: usize = 120;

#[derive(Template)]
#[template(path = "usage.html")]
struct Usage<'a> {
    f: &'a Frame,
    /// Until when the numbers are whole, when they are behind.
    as_of: Option<Moment>,
    /// Nothing was ever asked.
    is_new: bool,
    metrics: [(&'static str, Key); 8],
    groups: [(&'static str, Key); 6],
    buckets: [(&'static str, Key); 6],
    percentiles: [&'static str; 3],
    ranges: [(&'static str, Key); 5],
    most: usize,
    asked: Asked,
    /// The metric's name.
    title: &'static str,
    /// Not of a query that is wrong.
    chart: Option<Chart>,
    wrong: Option<Wrong>,
    rows: Vec<Row>,
    csv: String,
    /// The metric is a percentile.
    is_percentile: bool,
    /// Shares add up to everything.
    adds_up: bool,
}

/// A group's numbers over the whole range.
struct Row {
    name: String,
    href: String,
    value: String,
    /// Of its cost, how many requests are not in it.
    unpriced: String,
    /// Every digit of the value and of the one before, where they are shown short.
    titles: [String; 2],
    share: String,
    samples: String,
    /// Of the stretch of time before, as long, and where it leads.
    before: String,
    before_href: String,
    change: String,
}

/// `GET /admin/usage?metric=&by=&bucket=&p=&top=&q=&range=&from=&to=`.
pub(super) async fn show(visit: Visit) -> Page {
    let f = &visit.frame;
    let mut asked = Asked::read(f, visit.parameters(), None)?;
    if let Some(error) = asked.wrong.take() {
        let wrong = Wrong::of(f, &asked.q, &error, |better| asked.with(f, better));
        return visit.page_as(StatusCode::BAD_REQUEST, &Usage { wrong: Some(wrong), ..Usage::of(f, asked) });
    }
    let query = asked.query(&asked.span, asked.buckets.step_s());
    let past_span = asked.span.before();
    let past = asked.query(&past_span, 7 * 86_400);
    let waits = waits(visit.state.recorder.counts());
    let (points, past, names, newest, is_new) = visit
        .database(move |connection| {
            let id = newest_id(connection)?;
            let newest = if waits { rows(connection, &[id])?.pop() } else { None };
            Ok((series(connection, &query)?, series(connection, &past)?, names(connection)?, newest, id == 0))
        })
        .await?;
    let lines = Lines::of(&asked, &points);
    let before = sums(&past);
    let value = |figures: &Figures| asked.metric.value(figures, asked.percentile);
    let name = |group: &Option<String>| match (group.as_deref(), asked.by) {
        (None, _) => f.t("usage.other").to_owned(),
        (Some(_), None) => f.t("usage.everything").to_owned(),
        (Some("0"), Some(By::Status)) => f.t("test.no_answer").to_owned(),
        (Some(""), _) | (Some("0"), Some(By::Upstream)) => f.t("usage.nobody").to_owned(),
        (Some(id), Some(By::Upstream)) => name_of(&names, id.parse().unwrap_or(0)),
        (Some(group), _) => group.to_owned(),
    };
    let (time, past_time) = (asked.span.parameters(f), past_span.parameters(f));
    let whole: f64 = lines.all.iter().filter_map(|(_, figures)| value(figures)).sum();
    let written = |value: Option<f64>| value.map_or_else(|| "—".to_owned(), |value| asked.metric.written(value));
    let told = |name: String, terms: String, figures: &Figures, past: Option<Figures>| {
        // Of what adds up, who was not there asked for nothing.
        let nothing = asked.metric.adds_up().then_some(0.0);
        let (now, past) = (value(figures), past.as_ref().map_or(nothing, value));
        let title = |value: Option<f64>| {
            value.map_or_else(String::new, |value| shown::title_of(value, &asked.metric.written(value)))
        };
        Row {
            titles: [title(now), title(past)],
            name,
            href: requests(f, &terms, &time),
            value: written(now),
            unpriced: match figures.unpriced {
                count @ 1.. if asked.metric.name() == "cost" => f.tf("overview.unpriced", &[&shown::exact(count)]),
                _ => String::new(),
            },
            share: now
                .filter(|_| whole > 0.0)
                .map_or_else(|| "—".to_owned(), |now| format!("{:.1} %", now / whole * 100.0)),
            samples: shown::exact(asked.metric.samples(figures)),
            before: written(past),
            before_href: requests(f, &terms, &past_time),
            change: change(f, now, past),
        }
    };
    let row = |(group, figures): &(Option<String>, Figures)| {
        let past = lines.pick(&before, group.as_deref());
        told(name(group), asked.terms(group.as_deref(), &lines.told), figures, past)
    };
    let mut rows: Vec<Row> = lines.all.iter().map(row).collect();
    if rows.len() > 1 {
        let all = lines.all.iter().fold(Figures::default(), |sum, (_, figures)| sum.plus(figures));
        let past = before.values().cloned().reduce(|sum, more| sum.plus(&more));
        rows.push(told(f.t("usage.everything").to_owned(), asked.all(), &all, past));
    }
    let starts = asked.buckets.starts(&asked.span);
    let between_steps = |start: i64| between(f, start * 1_000_000, asked.buckets.end(start) * 1_000_000);
    let filled = |(group, _): &(Option<String>, Figures)| {
        starts.iter().filter(|start| lines.at(**start, group.as_deref()).is_some()).count()
    };
    let with_links = lines.all.iter().map(filled).sum::<usize>() <= LINKS;
    let line = |(index, (group, all)): (usize, &(Option<String>, Figures))| {
        let terms = asked.terms(group.as_deref(), &lines.told);
        let cells: Vec<Option<Figures>> = starts.iter().map(|start| lines.at(*start, group.as_deref())).collect();
        let beside = |(start, figures): (&i64, &Option<Figures>)| {
            let samples = figures.as_ref().filter(|_| asked.metric.is_percentile());
            Cell {
                title: String::new(),
                text: samples.map(|figures| format!("({})", asked.metric.samples(figures))).unwrap_or_default(),
                href: if with_links && figures.is_some() {
                    requests(f, &terms, &between_steps(*start))
                } else {
                    String::new()
                },
            }
        };
        let known = |figures: &Option<Figures>| match figures {
            Some(figures) => value(figures),
            // Who has no known value anywhere has none where there was nothing, either.
            None => value(all).filter(|_| asked.metric.adds_up()).map(|_| 0.0),
        };
        Series {
            name: name(group),
            class: CLASSES[index.min(SERIES)],
            values: cells.iter().map(known).collect(),
            told: starts.iter().zip(&cells).map(beside).collect(),
        }
    };
    let all: Vec<Series> = lines.all.iter().enumerate().map(line).collect();
    let place = |start: &i64| Place {
        label: asked.buckets.label(f, &asked.span, *start),
        href: requests(f, &asked.all(), &between_steps(*start)),
    };
    let title = f.k(&asked.metric.key());
    let mut sentence = f.tf("usage.told", &[&f.k(&asked.buckets.key()), &f.zone_name()]);
    if let Some(finer) = &asked.buckets.instead_of {
        let most = if asked.as_bars() { BARS } else { POINTS };
        sentence = format!("{sentence} {}", f.tf("usage.wider", &[&f.k(finer), &most]));
    }
    let as_bars = asked.as_bars();
    let unit = |number: f64| asked.metric.written(number);
    let places = starts.iter().map(place).collect();
    let mut chart = Chart::new(title.to_owned(), sentence, places, &all, as_bars, &unit);
    chart.nothing = nothing(&asked, &lines);
    let as_of = as_of(visit.state.recorder.counts(), newest.as_ref()).map(|us| f.time(&us));
    visit.page(&Usage { as_of, is_new, chart: Some(chart), rows, ..Usage::of(f, asked) })
}

/// Why a chart is empty.
fn nothing(asked: &Asked, lines: &Lines) -> Key {
    let samples: i64 = lines.all.iter().map(|(_, figures)| asked.metric.samples(figures)).sum();
    match lines.all.is_empty() {
        true => Key("chart.empty"),
        false if asked.metric.is_percentile() && samples > 0 => Key("chart.few"),
        false => Key("chart.unknown"),
    }
}

impl<'a> Usage<'a> {
    /// The form alone.
    fn of(f: &'a Frame, asked: Asked) -> Usage<'a> {
        Usage {
            f,
            as_of: None,
            is_new: false,
            metrics: METRICS,
            groups: GROUPS,
            buckets: BUCKETS,
            percentiles: PERCENTILES,
            ranges: RANGES,
            most: SERIES,
            title: f.k(&asked.metric.key()),
            chart: None,
            wrong: None,
            rows: Vec::new(),
            csv: format!("/admin/usage/csv{}", asked.with(f, &asked.q)),
            is_percentile: asked.metric.is_percentile(),
            adds_up: asked.metric.adds_up(),
            asked,
        }
    }
}
