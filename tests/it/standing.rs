//! The state of an upstream, in a word, as pages tell it; what its strip, its success and its times are made of.

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::reply::Reply;
use crate::support::samples::{CHAT, RATE_ERROR, SERVER_ERROR, good};
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between};

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

on_both! {
    an_upstream_that_fails_all_it_is_asked_is_down_and_one_that_only_limits_is_cooling,
}
