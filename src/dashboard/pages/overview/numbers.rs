//! Six numbers, each with its change against the stretch of time before, and two charts. Start at [`cards`] and [`charts`].
//!
//! **Invariant:** a number that nobody knows is a dash. **May import:** `db` (its figures).

use std::collections::HashMap;

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::charts::{Cell, Chart, Place, Series, whole};
use crate::dashboard::pages::span::{Span, between, clock, requests};
use crate::dashboard::pages::usage::quantile;
use crate::dashboard::shown;
use crate::dashboard::words::Key;
use crate::db::rollups::{Figures, Point};
use crate::usage::histogram::Histogram;

/// A number on top.
pub(super) struct Card {
    pub(super) label: &'static str,
    pub(super) value: String,
    /// Every digit, or what is not in it.
    pub(super) exact: String,
    pub(super) href: String,
    /// Against the time before.
    pub(super) change: String,
}

/// The numbers of the stretch that `points` make up; `past` is the one before, `time` its parameters.
pub(super) fn cards(f: &Frame, points: &[Point], past: &Figures, time: &str) -> Vec<Card> {
    let now = points.iter().fold(Figures::default(), |sum, point| sum.plus(&point.figures));
    let card = |key: Key, value: String, exact: String, href: String, change: String| Card {
        label: f.k(&key),
        value,
        exact,
        href,
        change,
    };
    let most = |sort: &str| requests(f, "", &format!("{time}&sort=-{sort}"));
    let change = |now: Option<f64>, past: Option<f64>| change(f, now, past);
    let count = |figures: &Figures| Some(figures.requests as f64);
    let share = |figures: &Figures| (figures.requests > 0).then(|| figures.errors as f64 / figures.requests as f64);
    let p95 = |times: &Histogram| times.quantile(0.95).map(|us| us as f64);
    let tokens = |figures: &Figures| Some((figures.tokens_in + figures.tokens_out) as f64);
    let cost = |figures: &Figures| (figures.cost_nano > 0 || figures.unpriced == 0).then_some(figures.cost_nano);
    let time_text = |times: &Histogram| times.quantile(0.95).map_or_else(|| "—".to_owned(), shown::duration);
    let samples = |times: &Histogram| f.tf("usage.samples", &[&times.count()]);
    let unless_none = |key: Key, count: i64| if count > 0 { f.tf(key.0, &[&count]) } else { String::new() };
    let (first, first_past) = (first(&now), first(past));
    vec![
        card(
            Key("overview.requests"),
            shown::count(now.requests),
            shown::exact(now.requests),
            requests(f, "", time),
            change(count(&now), count(past)),
        ),
        card(
            Key("overview.error_share"),
            shown::percent(now.errors, now.requests),
            f.tf("overview.failed", &[&shown::exact(now.errors)]),
            requests(f, "is:error", time),
            change(share(&now), share(past)),
        ),
        card(
            Key("overview.first_p95"),
            time_text(first),
            samples(first),
            most("ttft"),
            change(p95(first), p95(first_past)),
        ),
        card(
            Key("overview.total_p95"),
            time_text(&now.total),
            samples(&now.total),
            most("total"),
            change(p95(&now.total), p95(&past.total)),
        ),
        card(
            Key("overview.tokens"),
            shown::tokens(Some(now.tokens_in), Some(now.tokens_out)),
            [
                shown::title(&[Some(now.tokens_in), Some(now.tokens_out)]),
                unless_none(Key("overview.untold"), now.unknown_tokens),
            ]
            .join(" · ")
            .trim_matches([' ', '·'])
            .to_owned(),
            most("tokens"),
            change(tokens(&now), tokens(past)),
        ),
        card(
            Key("overview.cost"),
            cost(&now).map_or_else(|| "—".to_owned(), shown::money),
            unless_none(Key("overview.unpriced"), now.unpriced),
            most("cost"),
            change(cost(&now).map(|nano| nano as f64), cost(past).map(|nano| nano as f64)),
        ),
    ]
}

/// The times that count as first: to the first content where there are streams, else to the first byte.
pub(in crate::dashboard) fn first(figures: &Figures) -> &Histogram {
    if figures.first_content.count() > 0 { &figures.first_content } else { &figures.first_byte }
}

/// `▲ 12 % against before`, `▲ from 0`; empty when there is nothing to compare with.
pub(in crate::dashboard) fn change(f: &Frame, now: Option<f64>, past: Option<f64>) -> String {
    let (Some(now), Some(past)) = (now, past) else { return String::new() };
    if past <= 0.0 {
        return if now > 0.0 { f.t("overview.change.new").to_owned() } else { String::new() };
    }
    let percent = (now - past) / past * 100.0;
    let mark = match percent {
        percent if percent >= 0.5 => "▲",
        percent if percent <= -0.5 => "▼",
        _ => "=",
    };
    f.tf("overview.change", &[&mark, &format!("{} %", shown::exact(percent.abs().round() as i64))])
}

/// Requests and errors as bars, the time to the first content or byte as lines.
pub(super) fn charts(f: &Frame, span: &Span, points: &[Point]) -> (Chart, Chart) {
    let known: HashMap<i64, &Figures> = points.iter().map(|point| (point.bucket_s, &point.figures)).collect();
    let steps = span.steps();
    let step_s = span.step_s();
    let step = |query: &str, at_s: i64| requests(f, query, &between(f, at_s * 1_000_000, (at_s + step_s) * 1_000_000));
    let places = || -> Vec<Place> {
        steps.iter().map(|at_s| Place { label: clock(f, span, *at_s), href: step("", *at_s) }).collect()
    };
    let values = |of: &dyn Fn(&Figures) -> Option<f64>| -> Vec<Option<f64>> {
        steps.iter().map(|at_s| known.get(at_s).and_then(|figures| of(figures))).collect()
    };
    let sum = points.iter().fold(Figures::default(), |sum, point| sum.plus(&point.figures));
    // A bar of errors leads to the requests that failed.
    let failed = |at_s: &i64| known.get(at_s).is_some_and(|figures| figures.errors > 0);
    let link = |at_s: &i64| if failed(at_s) { step("is:error", *at_s) } else { String::new() };
    let errors = steps.iter().map(|at_s| Cell { href: link(at_s), ..Cell::default() }).collect();
    let samples = |at_s: &i64| known.get(at_s).map_or(0, |figures| first(figures).count());
    let counted = [
        Series {
            name: f.t("overview.requests").to_owned(),
            class: "s1",
            values: values(&|figures| Some(figures.requests as f64)),
            told: Vec::new(),
        },
        Series {
            name: f.t("overview.errors").to_owned(),
            class: "s6",
            values: values(&|figures| Some(figures.errors as f64)),
            told: errors,
        },
    ];
    let told = f.tf("overview.requests.told", &[&shown::exact(sum.requests), &shown::exact(sum.errors)]);
    let bars = Chart::new(f.t("overview.requests.title").to_owned(), told, places(), &counted, true, &whole);
    let counts = || steps.iter().map(|at_s| Cell { text: format!("({})", samples(at_s)), ..Cell::default() }).collect();
    let line = |name: &str, class| Series {
        name: name.to_owned(),
        class,
        values: values(&|figures| quantile(first(figures), name)),
        told: counts(),
    };
    let timed = [line("p50", "s1"), line("p95", "s2 dash"), line("p99", "s4 dot")];
    let p = |name: &str| quantile(first(&sum), name).map_or_else(|| "—".to_owned(), |us| shown::duration(us as i64));
    let told = f.tf("overview.first.told", &[&p("p50"), &p("p95"), &p("p99"), &first(&sum).count()]);
    let time = |us: f64| shown::duration(us as i64);
    let lines = Chart::new(f.t("overview.first.title").to_owned(), told, places(), &timed, false, &time);
    (bars, lines)
}
