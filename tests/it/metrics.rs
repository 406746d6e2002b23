//! `/metrics` and `/admin/overview`: who may see them, and that the numbers are right.

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::reply::Reply;
use crate::support::samples::{BAD_REQUEST, CHAT, SERVER_ERROR, good};
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between};
use crate::support::{KEY, on_both, until};

fn metrics_are_the_admins_unless_a_setting_opens_them(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let open = |path: &str| gateway.send(Call::get(path).without("Authorization")).status;
    assert_eq!((open("/metrics"), open("/admin/overview")), (401, 401));
    let call = Call::get("/metrics").without("Authorization");
    assert_eq!(gateway.send(call.header("Authorization", &format!("Bearer {KEY}"))).status, 401);
    assert_eq!(gateway.admin("GET", "/metrics", "").status, 200);
    gateway.set("metrics_public", "on");
    assert_eq!((open("/metrics"), open("/admin/overview")), (200, 401));
    let visitor = Visitor::log_in(&gateway);
    let chosen = |page: &str| {
        between(page, "<select id=\"metrics_public\"", "</select>").contains("<option value=\"on\" selected>on")
    };
    assert!(chosen(&visitor.page("/admin/settings?tab=notices")));
    let page = visitor.send("/admin/settings/notices", "metrics_public=off");
    assert!(!chosen(&page) && open("/metrics") == 401, "{page}");
    assert!(visitor.page("/admin/settings?tab=about").contains("tab=notices#metrics_public"));
    assert_eq!(visitor.post("/admin/settings/notices", "metrics_public=perhaps").status, 422);
}

fn requests_are_counted_by_upstream_and_status_with_recording_or_without(kind: Kind) {
    for recording in ["full", "off"] {
        let upstream = FakeUpstream::with(|seen, _| match seen.target() {
            "/v1/bad" => Reply::json(400, BAD_REQUEST),
            "/v1/slow" => good().pause(0),
            _ => good(),
        });
        let broken = FakeUpstream::always(Reply::json(500, SERVER_ERROR));
        let plan = Gateway::on(kind).setting("recording", recording).setting("breaker_failures", "1");
        let gateway = plan.upstream(broken.row("broken")).upstream(upstream.row("good")).start();
        for path in ["chat/completions", "chat/completions", "bad"] {
            gateway.send(Call::post(&format!("/v1/{path}"), CHAT));
        }
        gateway.send(Call::chat(CHAT).without("Authorization"));
        let (good, broken) = (gateway.upstream_id("good"), gateway.upstream_id("broken"));
        for (line, value) in [
            (format!("requests_total{{upstream=\"{good}\",status=\"2xx\"}}"), 2.0),
            (format!("requests_total{{upstream=\"{good}\",status=\"4xx\"}}"), 1.0),
            ("requests_total{upstream=\"\",status=\"4xx\"}".to_owned(), 1.0),
            (format!("request_duration_seconds_count{{upstream=\"{good}\"}}"), 3.0),
            (format!("request_duration_seconds_bucket{{upstream=\"{good}\",le=\"+Inf\"}}"), 3.0),
            (format!("upstream_healthy{{upstream=\"{good}\"}}"), 1.0),
            (format!("upstream_healthy{{upstream=\"{broken}\"}}"), 0.0),
            ("requests_in_flight".to_owned(), 0.0),
            ("records_lost_total".to_owned(), 0.0),
            ("database_up".to_owned(), 1.0),
        ] {
            until(&format!("{line} is {value}"), || (gateway.metric(&line)? == value).then_some(()));
        }
        let behind = if recording == "full" { 4.0 } else { 0.0 };
        until("the index's lag is told", || (gateway.metric("index_lag_records")? == behind).then_some(()));
        let overview = gateway.admin("GET", "/admin/overview", "").json();
        assert_eq!((&overview["database"], &overview["records_lost"]), (&"ok".into(), &0.into()), "{overview}");
    }
}

fn requests_under_way_are_counted(kind: Kind) {
    let upstream = FakeUpstream::always(Reply::new().hang());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let exchange = Call::chat(CHAT).open(gateway.address());
    upstream.reached(1);
    let line = format!("upstream_in_flight{{upstream=\"{}\"}}", gateway.upstream_id("a"));
    assert_eq!((gateway.metric("requests_in_flight"), gateway.metric(&line)), (Some(1.0), Some(1.0)));
    exchange.hang_up();
    until("the request is over", || (gateway.metric("requests_in_flight")? == 0.0).then_some(()));
    assert_eq!(gateway.metric("requests_total{upstream=\"\",status=\"4xx\"}"), Some(1.0), "it counts as 499");
}

on_both! {
    metrics_are_the_admins_unless_a_setting_opens_them,
    requests_are_counted_by_upstream_and_status_with_recording_or_without,
    requests_under_way_are_counted,
}
