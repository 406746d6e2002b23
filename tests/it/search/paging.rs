//! Pages: each match on exactly one of them, also while records come in and the index is written.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use openai_api_route::db::records::{Facts, NewRecord};
use serde_json::Value;

use crate::search::corpus::agent;
use crate::search::{ENOUGH, names, page};
use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::record::store;
use crate::support::samples::good;
use crate::support::upstream::FakeUpstream;
use crate::support::{PATIENCE, on_both, within};

fn send(gateway: &Gateway, name: &str) {
    let body = format!(r#"{{"model":"gpt-4o-mini","messages":[{{"role":"user","content":"Number {name}, please"}}]}}"#);
    assert_eq!(gateway.send(Call::chat(&body).header("User-Agent", &agent(name))).status, 200);
}

fn ids(page: &Value) -> Vec<i64> {
    page["requests"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

/// Follows `next` from page to page.
fn all_pages(gateway: &Gateway, query: &str, more: &str, mut each: impl FnMut(&Value)) -> Vec<i64> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    for _ in 0..1000 {
        let page = page(gateway, query, &format!("{more}{cursor}"));
        all.extend(ids(&page));
        each(&page);
        if page["next"].is_null() {
            return all;
        }
        cursor = format!("&before={}", page["next"]);
    }
    panic!("the pages of {query} do not end");
}

fn pages_are_turned_in_both_directions(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    for n in 0..20 {
        send(&gateway, &format!("{}{n:02}", if n % 3 == 0 { "three" } else { "other" }));
    }
    gateway.records_when(20);
    let query = "\"number three\"";
    let first = page(&gateway, query, "&limit=3");
    assert_eq!(names(&first), ["three18", "three15", "three12"]);
    assert_eq!((&first["count"], &first["count_capped"], &first["newer"]), (&7.into(), &false.into(), &Value::Null));
    let second = page(&gateway, query, &format!("&limit=3&before={}", first["next"]));
    assert_eq!(names(&second), ["three09", "three06", "three03"]);
    assert_eq!(second["count"], 7, "the count is of all that match");
    let third = page(&gateway, query, &format!("&limit=3&before={}", second["next"]));
    assert_eq!(names(&third), ["three00"]);
    assert!(third["next"].is_null());
    let back = page(&gateway, query, &format!("&limit=3&after={}", third["newer"]));
    assert_eq!(names(&back), names(&second));
    let front = page(&gateway, query, &format!("&limit=3&after={}", back["newer"]));
    assert_eq!(names(&front), names(&first));
    assert!(front["newer"].is_null(), "there is nothing newer");
    let beyond = page(&gateway, query, &format!("&after={}", ids(&first)[0]));
    assert_eq!((names(&beyond).len(), &beyond["next"]), (0, &Value::Null));
    let exact = page(&gateway, query, "&limit=7");
    assert_eq!((names(&exact).len(), &exact["next"]), (7, &Value::Null), "a full last page has no next one");
}

fn times_narrow_to_the_microsecond(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    for n in 0..5 {
        send(&gateway, &format!("n{n}"));
    }
    gateway.records_when(5);
    let rows = page(&gateway, "", "");
    let at = |row: usize| DateTime::parse_from_rfc3339(rows["requests"][row]["created_at"].as_str().unwrap()).unwrap();
    let text =
        |time: DateTime<chrono::FixedOffset>| time.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::Micros, true);
    let micro = TimeDelta::microseconds(1);
    let (oldest, newest) = (at(3), at(1));
    for (from, to, expected) in [
        (oldest, newest, &["n2", "n1"][..]),
        (oldest + micro, newest, &["n2"]),
        (oldest, newest + micro, &["n3", "n2", "n1"]),
    ] {
        let more = format!("&from={}&to={}", text(from), text(to));
        assert_eq!(names(&page(&gateway, "number", &more)), expected, "{more}");
        assert_eq!(page(&gateway, "number", &more)["count"], expected.len());
    }
    let past = text(at(4) - TimeDelta::seconds(1));
    assert!(names(&page(&gateway, "", &format!("&range=1h&to={past}"))).is_empty());
    assert_eq!(names(&page(&gateway, "", "&range=1h")).len(), 5);
}

fn pages_lose_and_repeat_nothing_while_records_come_in_and_are_indexed(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = &Gateway::with(kind, [upstream.row("a")]);
    for n in 0..60 {
        send(gateway, &format!("{}{n:02}", if n % 2 == 0 { "even" } else { "odd" }));
    }
    gateway.records_when(60);
    let expected: Vec<i64> = ids(&page(gateway, "\"number even\"", "&limit=1000"));
    assert_eq!(expected.len(), 30);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for n in 0..ENOUGH / 3 {
                    send(gateway, &format!("even-more-{n}"));
                }
            });
        }
        let segments = || gateway.database.sql("SELECT count(*) FROM segments") != "0";
        within(PATIENCE * 3, "pages were turned before and after the index was written", || {
            let indexed = segments();
            let mut newest = None;
            let found = all_pages(gateway, "\"number even\"", "&limit=50", |page| {
                newest = newest.or(ids(page).first().copied());
            });
            assert!(found.is_sorted_by(|a, b| a > b), "in order, and none twice: {found:?}");
            assert_eq!(found[found.len() - 30..], expected, "the old ones are all there");
            let at_once = page(gateway, "\"number even\"", &format!("&limit=1000&before={}", newest.unwrap() + 1));
            assert_eq!(found, ids(&at_once), "and the new ones that were there at the first page");
            indexed.then_some(())
        });
    });
}

fn a_count_ends_at_10_001_and_says_so(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let record = |model: &str| {
        let facts = Facts { model: Some(model.to_owned()), status: 200, started_us: 1, ..Facts::default() };
        NewRecord { facts, ..NewRecord::default() }
    };
    let records: Vec<NewRecord> = (0..10_001).map(|n| record(if n == 0 { "first" } else { "other" })).collect();
    store(&gateway, &records);
    let told = |query: &str, target: &str| {
        let page = gateway.admin("GET", &format!("/admin/{target}q={query}"), "").json();
        (page["count"].as_u64().unwrap(), page["count_capped"].as_bool().unwrap())
    };
    for (query, expected) in [
        ("model:first", (1, false)),
        ("model:other", (10_000, false)),
        ("status:200", (10_001, true)),
        ("", (10_001, true)),
    ] {
        assert_eq!(told(query, "requests?limit=1&"), expected, "{query}");
        assert_eq!(told(query, "requests?limit=1&sort=-total&"), expected, "{query}");
    }
    store(&gateway, &[record("first")]);
    assert_eq!(told("", "requests?limit=1&"), (10_001, true));
}

on_both! {
    pages_are_turned_in_both_directions,
    times_narrow_to_the_microsecond,
    pages_lose_and_repeat_nothing_while_records_come_in_and_are_indexed,
    a_count_ends_at_10_001_and_says_so,
}
