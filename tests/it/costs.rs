//! Prices, sums and percentiles: over the admin API and as edited by hand, on both databases.

use chrono::{DateTime, Utc};
use openai_api_route::db::Database;
use openai_api_route::db::rollups::{Sample, add, forget_minutes};
use openai_api_route::roster::Roster;

use crate::support::client::{Answer, Call};
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::record::id;
use crate::support::{KEY, on_both, until};

const HOUR_US: i64 = 3_600_000_000;
const MINUTE_US: i64 = 60_000_000;

fn refused(answer: &Answer, field: &str) {
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.error().starts_with(&format!("{field}: ")), "{}", answer.text());
}

fn prices(gateway: &Gateway) -> Vec<serde_json::Value> {
    gateway.admin("GET", "/admin/prices", "").json()["prices"].as_array().unwrap().clone()
}

fn a_new_gateway_has_prices_and_they_are_the_operators(kind: Kind) {
    let mut gateway = Gateway::with(kind, []);
    let shown = gateway.admin("GET", "/admin/prices", "").json();
    let date = shown["start_prices_as_of"].as_str().unwrap().to_owned();
    let all = prices(&gateway);
    assert!(all.len() > 50, "{}", all.len());
    let mini = all.iter().find(|price| price["pattern"] == "gpt-4o-mini").unwrap();
    assert_eq!((&mini["input"], &mini["cached"], &mini["output"]), (&0.15.into(), &0.075.into(), &0.6.into()));
    assert!(mini["updated_at"].as_str().unwrap().starts_with(&date));

    let made = gateway.admin("POST", "/admin/prices", r#"{"pattern":" mine-* ","input":0.000001,"output":2}"#);
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!((made["pattern"].as_str(), made["cached"].is_null()), (Some("mine-*"), true));
    assert_eq!(gateway.database.sql("SELECT input_pico FROM prices WHERE pattern = 'mine-*'"), "1");
    let target = format!("/admin/prices/{}", id(&made["id"]));
    let edited = gateway.admin("PUT", &target, r#"{"cached":0.5,"output":0,"id":1,"updated_at":null}"#).json();
    assert_eq!((edited["cached"].as_f64(), edited["output"].as_f64()), (Some(0.5), Some(0.0)));
    assert!(gateway.admin("PUT", &target, r#"{"cached":null}"#).json()["cached"].is_null());

    let taken = gateway.admin("PUT", &target, r#"{"pattern":"gpt-4o"}"#);
    assert_eq!(taken.status, 409);
    assert!(taken.error().starts_with("pattern: "), "{}", taken.text());
    assert_eq!(gateway.admin("POST", "/admin/prices", r#"{"pattern":"mine-*","input":1,"output":1}"#).status, 409);
    for (body, field) in [
        (r#"{"input":1,"output":1}"#, "pattern"),
        (r#"{"pattern":"  ","input":1,"output":1}"#, "pattern"),
        (r#"{"pattern":"a\u0000","input":1,"output":1}"#, "pattern"),
        (r#"{"pattern":"a","output":1}"#, "input"),
        (r#"{"pattern":"a","input":1}"#, "output"),
        (r#"{"pattern":"a","input":-1,"output":1}"#, "input"),
        (r#"{"pattern":"a","input":"1","output":1}"#, "input"),
        (r#"{"pattern":"a","input":0.0000001,"output":1}"#, "input"),
        (r#"{"pattern":"a","input":1,"output":1e300}"#, "output"),
        (r#"{"pattern":"a","input":1,"output":1,"cached":true}"#, "cached"),
        (r#"{"pattern":"a","input":1,"output":1,"outptu":1}"#, "outptu"),
    ] {
        refused(&gateway.admin("POST", "/admin/prices", body), field);
    }
    assert_eq!(gateway.admin("DELETE", &target, "").status, 200);
    assert_eq!(gateway.admin("DELETE", &target, "").status, 404);
    assert_eq!(gateway.admin("PUT", &target, r#"{"output":1}"#).status, 404);
    assert_eq!(prices(&gateway), all);

    gateway.database.sql("DELETE FROM prices");
    gateway.crash();
    gateway.start_again();
    assert!(prices(&gateway).is_empty(), "what was removed does not come back with a start");
}

fn prices_edited_by_hand_are_live(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let database = Database::open(&gateway.database.location).unwrap().database;
    let (roster, _watch) = Roster::start(&database, Vec::new()).unwrap();
    let input = |model: &str| roster.load().prices.find(model).map(|price| price.input);
    assert_eq!((input("gpt-4o"), input("mine-1")), (Some(2_500_000), None));
    gateway.database.sql("INSERT INTO prices (pattern, input_pico) VALUES ('mine-*', 7)");
    until("the new price acts", || (input("mine-1") == Some(7)).then_some(()));
    gateway.database.sql("UPDATE prices SET input_pico = 8 WHERE pattern = 'mine-*'");
    until("the edited price acts", || (input("mine-1") == Some(8)).then_some(()));
    gateway.database.sql("DELETE FROM prices WHERE pattern = 'mine-*'");
    until("the price is gone", || input("mine-1").is_none().then_some(()));
}

/// An hour's beginning, some days ago.
fn start_us() -> i64 {
    (Utc::now().timestamp_micros() / HOUR_US - 100) * HOUR_US
}

fn rfc3339(us: i64) -> String {
    DateTime::from_timestamp_micros(us).unwrap().to_rfc3339().replace("+00:00", "Z")
}

/// Three hours of requests: each minute one to `a`, every tenth minute a failed one to `b`.
fn fill(gateway: &Gateway, start_us: i64) {
    let mut conn = Database::open(&gateway.database.location).unwrap().database.connect().unwrap();
    for minute in 0..180 {
        let good = Sample {
            started_us: start_us + minute * MINUTE_US + 5,
            upstream_id: Some(1),
            model: "a",
            key_name: "one",
            streamed: true,
            tokens_in: Some(10),
            tokens_out: Some(minute),
            cost_nano: Some(1_000_000),
            first_byte_us: Some(1_000 * (minute + 1)),
            total_us: 10_000 * (minute + 1),
            ..Sample::default()
        };
        let bad = Sample { started_us: good.started_us, model: "b", is_error: true, total_us: 5, ..Sample::default() };
        let batch = if minute % 10 == 0 { vec![good, bad] } else { vec![good] };
        add(&mut conn, &batch).unwrap();
    }
}

fn usage(gateway: &Gateway, parameters: &str) -> serde_json::Value {
    let answer = gateway.admin("GET", &format!("/admin/usage?{parameters}"), "");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn usage_of_any_range_is_told_from_the_sums(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let start = start_us();
    fill(&gateway, start);
    // From 00:30 to 02:45: 30 minutes, a whole hour, 45 minutes.
    let range = format!("from={}&to={}", rfc3339(start + 30 * MINUTE_US), rfc3339(start + 165 * MINUTE_US));
    let told = usage(&gateway, &format!("{range}&by=model&bucket=1h"));
    let totals = &told["totals"];
    for (field, value) in [
        ("requests", 135 + 14),
        ("errors", 14),
        ("streams", 135),
        ("tokens_in", 1350),
        ("tokens_out", (30..165).sum()),
        ("tokens_cached", 0),
        ("unknown_tokens", 0),
        ("cost_nano", 135_000_000),
        ("unpriced", 0),
    ] {
        assert_eq!(totals[field], value, "{field}: {told}");
    }
    assert_eq!(totals["cost"], 0.135);
    let near = |told: &serde_json::Value, exact: f64| {
        let told = told.as_f64().unwrap();
        assert!((told - exact).abs() <= exact * 0.05, "{told} for {exact}");
    };
    let of_a = &told["groups"][0];
    assert_eq!((&of_a["group"], &told["groups"][1]["group"]), (&"a".into(), &"b".into()));
    // Minutes 30 to 164, ten milliseconds longer each: the 68th, 129th and 134th of 135.
    for (percentile, minute) in [("p50", 98.0), ("p95", 159.0), ("p99", 164.0)] {
        near(&of_a["total_us"][percentile], 10_000.0 * minute);
        near(&of_a["first_byte_us"][percentile], 1_000.0 * minute);
    }
    assert_eq!(of_a["first_content_us"], serde_json::json!({"count": 0, "p50": null, "p95": null, "p99": null}));
    let hours: Vec<(String, i64)> = told["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|bucket| bucket["group"] == "a")
        .map(|bucket| (bucket["at"].as_str().unwrap().to_owned(), bucket["requests"].as_i64().unwrap()))
        .collect();
    let at = |hour: i64| rfc3339(start + hour * HOUR_US);
    assert_eq!(hours, [(at(0), 30), (at(1), 60), (at(2), 45)]);

    let only = usage(&gateway, &format!("{range}&upstream=0&bucket=1m"));
    assert_eq!((&only["totals"]["requests"], only["buckets"].as_array().unwrap().len()), (&14.into(), 14));
    assert_eq!(only["groups"], serde_json::json!([]));
    assert_eq!(usage(&gateway, &format!("{range}&model=a&key=one"))["totals"]["requests"], 135);
    assert_eq!(usage(&gateway, &format!("{range}&by=key"))["groups"][1]["group"], "");
    assert_eq!(usage(&gateway, "range=1h")["totals"]["requests"], 0);
    assert_eq!(usage(&gateway, "range=30d&by=upstream")["groups"][0]["group"], "1");

    let mut conn = Database::open(&gateway.database.location).unwrap().database.connect().unwrap();
    assert_eq!(forget_minutes(&mut conn, start + 3 * HOUR_US).unwrap(), 180 + 18);
    assert_eq!(usage(&gateway, &range)["totals"]["requests"], 180 + 18, "hours at the ends count as a whole then");
}

fn what_nobody_told_is_unknown_and_what_cannot_be_asked_is_refused(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let now = Utc::now().timestamp_micros();
    let mut conn = Database::open(&gateway.database.location).unwrap().database.connect().unwrap();
    let silent = Sample { started_us: now - MINUTE_US, model: "x", total_us: 5, ..Sample::default() };
    add(&mut conn, &[silent, silent]).unwrap();
    let totals = usage(&gateway, "")["totals"].clone();
    assert_eq!(
        (&totals["requests"], &totals["unknown_tokens"], &totals["unpriced"]),
        (&2.into(), &2.into(), &2.into())
    );
    for field in ["tokens_in", "tokens_out", "cost_nano", "cost"] {
        assert!(totals[field].is_null(), "{field}: {totals}");
    }
    for (parameters, field) in
        [("by=colour", "by"), ("range=x", "range"), ("from=now", "from"), ("colour=red", "colour")]
    {
        refused(&gateway.admin("GET", &format!("/admin/usage?{parameters}"), ""), field);
    }
    for target in ["/admin/usage", "/admin/prices"] {
        let stranger = Call::get(target).header("Accept", "application/json");
        assert_eq!(gateway.send(stranger).status, 401, "{target} with {KEY}");
    }
}

on_both! {
    a_new_gateway_has_prices_and_they_are_the_operators,
    prices_edited_by_hand_are_live,
    usage_of_any_range_is_told_from_the_sums,
    what_nobody_told_is_unknown_and_what_cannot_be_asked_is_refused,
}
