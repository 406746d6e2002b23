//! The state of an upstream, in a word, as pages tell it; what its strip, its success and its times are made of.

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::reply::Reply;
use crate::support::samples::{BAD_REQUEST, CHAT, RATE_ERROR, SERVER_ERROR, good};
use crate::support::until;
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between, browser, upstream_form};

fn asking(model: &str) -> Call {
    Call::chat(&CHAT.replace("gpt-4o-mini", model))
}

/// What the list says of the state of the upstream of this name.
fn state(page: &str, name: &str) -> String {
    let row = page.split("<tr data-id=").find(|row| row.contains(&format!("<a title=\"{name}\""))).unwrap_or_default();
    between(row, "data-l=\"State\"", "</td>").to_owned()
}

fn an_upstream_that_fails_all_it_is_asked_is_down_and_one_that_only_limits_is_cooling(kind: Kind) {
    let broken = FakeUpstream::always(Reply::json(500, SERVER_ERROR));
    let limited = FakeUpstream::always(Reply::json_with(429, &[("retry-after", "600")], RATE_ERROR));
    let half =
        FakeUpstream::with(
            |seen, _| if seen.text().contains("\"bad\"") { Reply::json(500, SERVER_ERROR) } else { good() },
        );
    let plan = Gateway::on(kind).setting("breaker_open_ms", "600000");
    let gateway = plan
        .upstream(broken.row("broken").set("allow_models", "only500"))
        .upstream(limited.row("limited").set("allow_models", "only429"))
        .upstream(half.row("half").set("allow_models", "good,bad"))
        .start();
    for model in ["only500", "only429", "good", "bad"] {
        let statuses: Vec<u16> = (0..4).map(|_| gateway.send(asking(model)).status).collect();
        let expected = [("only500", 500), ("only429", 429), ("good", 200), ("bad", 500)];
        assert!(expected.contains(&(model, statuses[3])), "{model}: {statuses:?}");
    }
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.page("/admin/upstreams");
    assert!(page.contains("<title>(2 down) "), "{page}");
    let told = ["broken", "limited", "half"].map(|name| state(&page, name));
    assert!(told[0].contains("✕ down") && told[0].contains("Out for only500: its answers fail; "), "{}", told[0]);
    assert!(told[1].contains("◔ cooling down") && told[1].contains(" left, until "), "{}", told[1]);
    assert!(told[2].contains("▲ degraded") && told[2].contains("Out for bad: "), "{}", told[2]);
    let cooling = visitor.page("/admin/upstreams?state=cooling");
    assert!(!state(&cooling, "limited").is_empty() && state(&cooling, "broken").is_empty(), "{cooling}");
    assert!(visitor.page("/admin").contains("<title>(2 down) "), "the overview alarms");
    // That is only told: whoever is the last resort is still asked.
    broken.now_answers(good());
    assert_eq!(gateway.send(asking("only500")).status, 200);
    assert!(state(&visitor.page("/admin/upstreams"), "broken").contains("● healthy"));
}

fn healthy_is_only_what_something_went_well_at(kind: Kind) {
    let (broken, tested) = (FakeUpstream::always(Reply::json(500, SERVER_ERROR)), FakeUpstream::always(good()));
    let mut gateway = Gateway::with(kind, [broken.row("broken"), tested.row("tested").set("allow_models", "other")]);
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 500);
    gateway.records_when(1);
    let ids = ["broken", "tested"].map(|name| gateway.upstream_id(name));
    let visitor = Visitor::log_in(&gateway);
    let told = |visitor: &Visitor<'_>, name| state(&visitor.page("/admin/upstreams"), name);
    let one = told(&visitor, "broken");
    assert!(one.contains("– untested") && one.contains("nothing it was asked went well so far"), "{one}");
    assert!(told(&visitor, "tested").contains("– untested</span></div>"));
    for id in &ids {
        visitor.send(&format!("/admin/upstreams/{id}/test"), "back=/admin/upstreams");
    }
    let one = told(&visitor, "broken");
    assert!(one.contains("– untested") && one.contains("its last test failed"), "{one}");
    assert!(told(&visitor, "tested").contains("● healthy"));
    until("the failure is counted", || (gateway.upstream_column("broken", "failed_count") == "1").then_some(()));
    gateway.crash();
    gateway.start_again();
    let visitor = Visitor::log_in(&gateway);
    let one = told(&visitor, "broken");
    assert!(one.contains("– untested") && one.contains("its last test failed"), "{one}");
    assert!(told(&visitor, "tested").contains("● healthy"), "tests outlive a restart");
    tested.now_answers(Reply::json(500, SERVER_ERROR));
    visitor.send(&format!("/admin/upstreams/{}/test", ids[1]), "back=/admin/upstreams");
    assert!(told(&visitor, "tested").contains("its last test failed"), "that is newer");
    broken.now_answers(good());
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    assert!(told(&visitor, "broken").contains("● healthy"));
}

#[test]
fn saving_with_a_test_says_how_the_test_went() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    let add =
        |name: &str| visitor.send("/admin/upstreams", &(upstream_form(name, &upstream.url("/v1"), name) + "&test=1"));
    let page = add("one");
    assert!(page.contains("one is added and in use. one answers as it should."), "{page}");
    upstream.now_answers(Reply::json(500, SERVER_ERROR));
    let page = add("two");
    assert!(page.contains("two is added and in use. two does not answer as it should."), "{page}");
}

fn what_is_the_callers_own_fault_is_no_failure_of_the_upstream(kind: Kind) {
    let upstream = FakeUpstream::with(|seen, _| match seen.text() {
        text if text.contains("\"wrong\"") => Reply::json(400, BAD_REQUEST),
        text if text.contains("\"broken\"") => Reply::json(500, SERVER_ERROR),
        _ => good(),
    });
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let visitor = Visitor::log_in(&gateway);
    for _ in 0..3 {
        assert_eq!(gateway.send(asking("wrong")).status, 400);
    }
    let list = visitor.page("/admin/upstreams");
    assert!(list.contains("; last request ") && !list.contains("data-l=\"Last used\">—"), "it was asked: {list}");
    gateway.records_when(3);
    let list = visitor.page("/admin/upstreams");
    assert!(list.contains("attempts 3, went well 100 %, failed 0"), "{list}");
    assert!(list.contains("data-l=\"TTFT p95\">—<"), "a refusal is no answer: {list}");
    assert_eq!(gateway.send(asking("broken")).status, 500);
    assert_eq!(gateway.send(asking("good")).status, 200);
    gateway.records_when(5);
    let target = format!("/admin/upstreams/{}", gateway.upstream_id("a"));
    for page in ["/admin", "/admin/upstreams", &target] {
        let page = visitor.page(page);
        assert!(page.contains("attempts 5, went well 80.0 %, failed 1"), "{page}");
    }
    let activity = visitor.page(&format!("{target}?tab=activity"));
    assert!(activity.contains("1 (20.0 %)"), "{activity}");
    let usage = visitor.page("/admin/usage?metric=errors&by=upstream");
    assert!(usage.contains("80.0 %"), "what callers saw is told there: {usage}");
}

fn the_reasons_of_many_models_are_two_lines_in_lists_and_all_on_the_upstreams_page(kind: Kind) {
    let upstream = FakeUpstream::with(|seen, _| match seen.text().contains("\"limited-") {
        true => Reply::json_with(429, &[("retry-after", "600")], RATE_ERROR),
        false => Reply::json(500, SERVER_ERROR),
    });
    let plan = Gateway::on(kind).setting("breaker_failures", "1").setting("breaker_open_ms", "600000");
    let gateway = plan.upstream(upstream.row("a")).start();
    for model in (1..8).map(|n| format!("broken-{n}")).chain(["limited-1".into(), "limited-2".into()]) {
        assert!(gateway.send(asking(&model)).status >= 429);
    }
    let visitor = Visitor::log_in(&gateway);
    let list = visitor.page("/admin/upstreams");
    let told = state(&list, "a");
    assert_eq!(told.matches("<span class=\"hint\">").count(), 2, "{told}");
    assert!(told.contains("Out for 7 models (broken-1, broken-2, broken-3 and 4 more): its answers fail"), "{told}");
    assert!(told.contains("Out for 2 models (limited-1, limited-2): too many requests (429)"), "{told}");
    assert!(list.contains("and 6 more models that are out"), "of the shares, too: {list}");
    let page = visitor.page(&format!("/admin/upstreams/{}", gateway.upstream_id("a")));
    for model in ["broken-7", "limited-2"] {
        assert!(page.contains(&format!("Out for {model}: ")), "{page}");
    }
}

#[test]
fn the_switch_of_an_upstream_says_what_it_does() {
    let gateway = Gateway::with(Kind::Sqlite, [FakeUpstream::always(good()).row("a")]);
    let visitor = Visitor::log_in(&gateway);
    let target = format!("/admin/upstreams/{}/enabled", gateway.upstream_id("a"));
    assert!(visitor.page("/admin/upstreams").contains("name=\"on\" value=\"0\">Disable</button>"));
    assert!(visitor.send(&target, "on=0").contains("name=\"on\" value=\"1\">Enable</button>"));
    let page = browser("GET", "/admin/upstreams").header("Cookie", &visitor.cookie).header("Accept-Language", "zh-CN");
    assert!(gateway.send(page).text().contains("name=\"on\" value=\"1\">启用</button>"));
}

on_both! {
    the_reasons_of_many_models_are_two_lines_in_lists_and_all_on_the_upstreams_page,
    healthy_is_only_what_something_went_well_at,
    what_is_the_callers_own_fault_is_no_failure_of_the_upstream,
    an_upstream_that_fails_all_it_is_asked_is_down_and_one_that_only_limits_is_cooling,
}
