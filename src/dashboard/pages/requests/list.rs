//! The list of requests: box, chips, histogram, table, pages.
//!
//! **Invariant:** no body is in it; every state is in its address. **May import:** `state`, `db`, `search`, `roster`.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use askama::Template;
use chrono::Utc;

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::charts::Chart;
use crate::dashboard::pages::query::ask::Ask;
use crate::dashboard::pages::query::empty::{Empty, counted};
use crate::dashboard::pages::query::scope::{Scope, found};
use crate::dashboard::pages::requests::chart::chart;
use crate::dashboard::pages::requests::look::{Seen, look};
use crate::dashboard::pages::requests::saved;
use crate::dashboard::pages::requests::table::{COLUMNS, FIXED, Line, Maker};
use crate::dashboard::reply::ApiError;
use crate::dashboard::requests::asked::Asked;
use crate::dashboard::shown::{self, Moment};
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::find::{COUNT_CAP, Found, TOP};
use crate::search::NumberField;

pub(super) const LIST: &str = "/admin/requests";
/// What the box searches for.
const LABEL: Key = Key("ask.label");
/// Rows of a page.
const LIMITS: [&str; 3] = ["50", "100", "200"];
/// Rows of a page at most, however it is asked for; programs may have more.
const MOST_ROWS: usize = 200;
/// The orders, with their words.
const SORTS: [(&str, Key); 5] = [
    ("", Key("sort.newest")),
    ("-total", Key("sort.total")),
    ("-ttft", Key("sort.ttft")),
    ("-tokens", Key("sort.tokens")),
    ("-cost", Key("sort.cost")),
];
/// Saved searches that are led to.
const SAVED: usize = 30;
/// How often a page may load itself again, in s.
const REFRESH: std::ops::RangeInclusive<u32> = 5..=300;

#[derive(Template)]
#[template(path = "requests/list.html")]
struct List<'a> {
    f: &'a Frame,
    ask: Ask,
    count: String,
    chart: Option<Chart>,
    /// Names and queries of saved searches.
    saved: Vec<(String, String)>,
    heads: Vec<(&'static str, &'static str)>,
    lines: Vec<Line>,
    /// Cells of a line that are always there.
    fixed: usize,
    /// More columns than most screens are wide.
    has_extra: bool,
    newer: Option<String>,
    older: Option<String>,
    /// The search took too long: when the oldest request came in that was looked at.
    searched_to: Option<Moment>,
    /// More match than an order holds.
    is_cut: bool,
    /// In another order than the newest first.
    is_sorted: bool,
    /// The search took too long for what would come after these in their order.
    stopped: bool,
    sorts: Vec<(&'static str, String, bool)>,
    limits: Vec<(&'static str, String, bool)>,
    columns: Vec<(&'static str, &'static str, bool)>,
    carried: Vec<(&'static str, String)>,
    empty: Option<Empty>,
    exports: Vec<(&'static str, String)>,
    here: String,
    refresh: String,
    live: Live,
}

/// What the live tail needs.
struct Live {
    after: i64,
    /// Where rows come from; empty where new ones do not belong on the page.
    stream: String,
    refresh: String,
}

/// `GET /admin/requests?q=&add=&range=&from=&to=&before=&after=&limit=&sort=&cols=&refresh=&tz=`.
pub(super) async fn show(visit: Visit) -> Page {
    let parameters = visit.parameters();
    if parameters.is_empty()
        && let Some(query) = saved::first(&visit).await?
    {
        return Ok(found(&format!("{LIST}{query}")));
    }
    let form = visit.query();
    let scope = Scope::read(parameters).dated(&visit.frame);
    let timed = scope.clone().timed();
    let cursor = ["before", "after"].map(|name| (name, form.text(name)));
    let now = Utc::now();
    let parameters = timed.with(&cursor);
    let others = ["sort", "cols", "refresh"];
    let asked = match Asked::read(parameters.trim_start_matches('?'), &others, &visit.frame.zone, now) {
        Ok(asked) => asked,
        Err(error) => return wrong(&visit, &scope, error),
    };
    let wishes = Wishes::of(&asked)?;
    if asked.limit > MOST_ROWS {
        return Err(ApiError::field_keyed("limit", Key("page.limit"), &[&MOST_ROWS]));
    }
    let to_us = asked.search.to_us.unwrap_or(visit.frame.now_us);
    let span = (asked.search.from_us, to_us);
    let seen = {
        let (search, cursor, limit, sort) = (asked.search.clone(), asked.cursor, asked.limit, wishes.sort);
        let zone = visit.frame.zone.clone();
        visit.database(move |connection| look(connection, &search, cursor, limit, sort, span, &zone)).await?
    };
    let mut ask = Ask::of(&visit.frame, &scope, LIST, LABEL).between(&visit.frame, &scope, seen.span.0, seen.span.1);
    ask.offers.extend(seen.offers.iter().cloned());
    let mut response = visit.page(&list(&visit, &scope, &wishes, seen, ask))?;
    if !wishes.refresh.is_empty()
        && let Ok(value) = HeaderValue::from_str(&wishes.refresh)
    {
        response.headers_mut().insert(HeaderName::from_static("refresh"), value);
    }
    Ok(response)
}

/// How the list is shown.
pub(super) struct Wishes {
    pub(super) cols: Vec<&'static str>,
    sort: Option<NumberField>,
    refresh: String,
}

impl Wishes {
    pub(super) fn of(asked: &Asked) -> Result<Wishes, ApiError> {
        let mut cols = Vec::new();
        for name in asked.other("cols").unwrap_or_default().split(',').filter(|name| !name.is_empty()) {
            let known = COLUMNS.iter().find(|(known, _)| *known == name);
            let there = COLUMNS.map(|(name, _)| name).join(", ");
            cols.push(known.ok_or_else(|| ApiError::field_keyed("cols", Key("req.cols"), &[&there]))?.0);
        }
        let refresh = asked.other("refresh").unwrap_or_default().to_owned();
        if !refresh.is_empty() && !refresh.parse().is_ok_and(|seconds| REFRESH.contains(&seconds)) {
            return Err(ApiError::field_keyed("refresh", Key("req.refresh"), &[]));
        }
        Ok(Wishes { cols, sort: asked.sort()?, refresh })
    }
}

/// A query that is wrong stays in its box, with what is wrong below it.
fn wrong(visit: &Visit, scope: &Scope, error: ApiError) -> Page {
    let Some(wrong) = error.wrong_query() else { return Err(error) };
    let ask = Ask::of(&visit.frame, scope, LIST, LABEL).wrong(&visit.frame, scope, wrong);
    let seen = Seen {
        found: Found {
            rows: Vec::new(),
            count: 0,
            count_capped: false,
            has_older: false,
            has_newer: false,
            searched_to: None,
        },
        buckets: Vec::new(),
        titles: HashMap::new(),
        names: HashMap::new(),
        offers: Vec::new(),
        newest: 0,
        saved: Vec::new(),
        span: (0, 0),
        searched_to_us: None,
        stopped: false,
        hints: None,
    };
    let wishes = Wishes { cols: Vec::new(), sort: None, refresh: String::new() };
    visit.page_as(StatusCode::BAD_REQUEST, &list(visit, scope, &wishes, seen, ask))
}

fn list<'a>(visit: &'a Visit, scope: &Scope, wishes: &Wishes, seen: Seen, ask: Ask) -> List<'a> {
    let f = &visit.frame;
    let maker = Maker { f, scope, names: &seen.names, titles: &seen.titles, cols: &wishes.cols };
    let lines: Vec<Line> = seen.found.rows.iter().map(|row| maker.line(row)).collect();
    let at = |name: &'static str, id: Option<i64>| id.map(|id| scope.with(&[(name, &id.to_string())]));
    let last = seen.found.searched_to.or_else(|| seen.found.rows.last().map(|row| row.id));
    let older = at("before", last.filter(|_| seen.found.has_older));
    let newer = at("after", seen.found.rows.first().map(|row| row.id).filter(|_| seen.found.has_newer));
    let export = |format: &'static str| {
        (format, format!("/admin/requests/export{}", scope.which().timed().with(&[("tz", ""), ("format", format)])))
    };
    let is_wrong = ask.wrong.is_some();
    let is_first = !is_wrong && newer.is_none() && visit.query().text("before").is_empty();
    List {
        count: match (seen.found.count, seen.found.count_capped) {
            (count, true) if count < COUNT_CAP => format!("{}+", shown::exact(i64::from(count))),
            (count, _) => counted(count),
        },
        chart: chart(f, scope, seen.span, &seen.buckets),
        saved: seen.saved.into_iter().take(SAVED).map(|saved| (saved.name, saved.query)).collect(),
        heads: maker.heads(),
        empty: seen.hints.as_ref().map(|hints| Empty::of(visit, scope, &ask, hints)),
        has_extra: !wishes.cols.is_empty(),
        searched_to: seen.searched_to_us.map(|us| f.time(&us)),
        is_cut: wishes.sort.is_some() && (seen.found.count as usize > TOP || seen.found.count_capped),
        is_sorted: wishes.sort.is_some(),
        stopped: seen.stopped,
        sorts: SORTS.map(|(sort, key)| (f.k(&key), scope.link(&[("sort", sort)]), scope.get("sort") == sort)).into(),
        limits: LIMITS
            .map(|limit| {
                (
                    limit,
                    scope.link(&[("limit", if limit == "50" { "" } else { limit })]),
                    scope.get("limit") == limit || limit == "50" && scope.get("limit").is_empty(),
                )
            })
            .into(),
        columns: COLUMNS.map(|(name, key)| (name, f.k(&key), wishes.cols.contains(&name))).into(),
        carried: scope.carried("cols"),
        exports: if is_wrong { Vec::new() } else { ["jsonl", "csv", "openai"].map(export).into() },
        here: scope.with(&[("refresh", "")]),
        refresh: wishes.refresh.clone(),
        live: Live {
            after: seen.newest,
            stream: match is_first && wishes.sort.is_none() && scope.get("to").is_empty() {
                true => format!("{LIST}/rows{}", scope.with(&[("limit", ""), ("refresh", "")])),
                false => String::new(),
            },
            refresh: scope.link(&[("refresh", if wishes.refresh.is_empty() { "10" } else { "" })]),
        },
        newer,
        older,
        lines,
        fixed: FIXED,
        ask,
        f,
    }
}
