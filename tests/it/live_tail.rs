//! The live tail: requests that match, as they come, each once, also over a connection that broke.

use serde_json::Value;

use crate::search::encoded;
use crate::support::client::{Call, Exchange};
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::reply::Reply;
use crate::support::samples::{BAD_REQUEST, good};
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::Visitor;
use crate::support::{PASSWORD, on_both};

/// An upstream that refuses what says so.
fn upstream() -> FakeUpstream {
    FakeUpstream::with(|seen, _| if seen.text().contains("refuse") { Reply::json(400, BAD_REQUEST) } else { good() })
}

fn send(gateway: &Gateway, name: &str) {
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{name}"}}]}}"#);
    gateway.send(Call::chat(&body).header("User-Agent", name));
}

fn listen(gateway: &Gateway, query: &str, more: &str, last: Option<i64>) -> Exchange {
    let target = format!("/admin/requests/stream?q={}{more}", encoded(query));
    let call = Call::get(&target).without("Authorization").header("Authorization", &format!("Bearer {PASSWORD}"));
    let call = last.iter().fold(call, |call, id| call.header("Last-Event-ID", &id.to_string()));
    let mut listener = call.open(gateway.address());
    let head = listener.head();
    assert_eq!((head.word(1), head.get("content-type")), ("200", Some("text/event-stream")));
    assert_eq!((head.get("cache-control"), head.get("content-encoding")), (Some("no-store"), None));
    listener.until_body_has("retry: ");
    listener
}

/// The events that came: the id and the row of each.
fn events(listener: &Exchange) -> Vec<(i64, Value)> {
    let text = String::from_utf8(listener.so_far()).unwrap();
    let whole = text.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
    let event = |event: &str| {
        let mut lines = event.lines();
        let id = lines.next()?.strip_prefix("id: ")?.parse().expect("an id");
        assert_eq!(lines.next(), Some("event: request"));
        let data = lines.next().and_then(|line| line.strip_prefix("data: ")).expect("a line of data");
        assert_eq!(lines.next(), None);
        Some((id, serde_json::from_str(data).expect("JSON")))
    };
    whole.split("\n\n").filter_map(event).collect()
}

fn names(events: &[(i64, Value)]) -> Vec<&str> {
    events.iter().map(|(_, row)| row["user_agent"].as_str().unwrap()).collect()
}

fn only_what_matches_comes_and_only_what_is_new(kind: Kind) {
    let upstream = upstream();
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    send(&gateway, "refuse-before");
    gateway.records_when(1);
    let mut errors = listen(&gateway, "status:>=400", "", None);
    let mut words = listen(&gateway, "user:\"word three\"", "", None);
    for name in ["one", "refuse-1", "word three", "refuse-2", "four"] {
        send(&gateway, name);
    }
    errors.until_body_has("\"user_agent\":\"refuse-2\"");
    words.until_body_has("\"user_agent\":\"word three\"");
    let rows = gateway.records_when(6);
    let came = events(&errors);
    assert_eq!(names(&came), ["refuse-1", "refuse-2"]);
    assert_eq!(names(&events(&words)), ["word three"]);
    for (id, row) in came {
        assert_eq!(row["id"], id);
        assert!(rows.iter().any(|record| record.number("id") == id && record.number("status") == 400));
        assert!(row.get("body").is_none() && row.get("response").is_none(), "metadata only: {row}");
    }
}

fn a_listener_that_comes_back_misses_nothing_and_sees_nothing_twice(kind: Kind) {
    let upstream = upstream();
    let gateway = &Gateway::with(kind, [upstream.row("a")]);
    let expected: Vec<String> = (0..90).map(|n| format!("refuse-{n:02}")).collect();
    let came: Vec<(i64, Value)> = std::thread::scope(|scope| {
        let mut listener = listen(gateway, "is:error", "", None);
        scope.spawn(|| {
            for (n, name) in expected.iter().enumerate() {
                send(gateway, name);
                send(gateway, &format!("fine-{n}"));
            }
        });
        let mut came: Vec<(i64, Value)> = Vec::new();
        let is_over = |came: &[(i64, Value)]| names(came).last().copied() == expected.last().map(String::as_str);
        for _ in 0..expected.len() {
            // One whole event at least; what else came of the next one is lost with the connection.
            listener.until_body_has("}\n\n");
            came.extend(events(&listener));
            listener.reset();
            if is_over(&came) {
                break;
            }
            listener = listen(gateway, "is:error", "", came.last().map(|(id, _)| *id));
        }
        came
    });
    assert_eq!(names(&came), expected);
    assert!(came.is_sorted_by(|(a, _), (b, _)| a < b));
    gateway.records_when(180);
    let mut all = listen(gateway, "", "&after=0", None);
    all.until_body_has("\"user_agent\":\"fine-89\"");
    assert_eq!(events(&all).len(), 180, "from the very first on");
}

/// Proxies end what is silent for long.
#[test]
fn a_listener_that_has_nothing_to_hear_gets_a_word_within_the_harnesss_patience() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let mut silent = listen(&gateway, "status:>=400", "", None);
    silent.until_body_has("\n: still here\n\n");
    assert_eq!(events(&silent), [], "a comment is no event");
}

fn a_listener_ends_whole_when_the_gateway_stops(kind: Kind) {
    let upstream = upstream();
    let mut gateway = Gateway::with(kind, [upstream.row("a")]);
    let listeners: Vec<Exchange> = (0..5).map(|_| listen(&gateway, "", "", None)).collect();
    gateway.signal("TERM");
    // `finish` fails when the transfer neither goes on nor ends.
    for listener in listeners {
        assert!(listener.finish().whole);
    }
    assert_eq!(gateway.ended().code, Some(0));
}

fn a_listener_hears_nothing_once_its_session_has_ended(kind: Kind) {
    let upstream = upstream();
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let (visitor, other) = (Visitor::log_in(&gateway), Visitor::log_in(&gateway));
    let [leaves, mut stays] = [&visitor, &other].map(|who| {
        let call = Call::get("/admin/requests/stream").without("Authorization").header("Cookie", &who.cookie);
        let mut listener = call.open(gateway.address());
        listener.until_body_has("retry: ");
        listener
    });
    assert_eq!(visitor.post("/admin/logout", "").status, 303);
    // The other one looks twice, so this one would have looked as well; the end of the program ends both.
    for name in ["later", "last"] {
        send(&gateway, name);
        stays.until_body_has(&format!("\"user_agent\":\"{name}\""));
    }
    gateway.signal("TERM");
    let heard = leaves.finish();
    assert!(heard.whole && !heard.text().contains("later"), "{}", heard.text());
}

fn who_may_not_listen_is_told(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    assert_eq!(gateway.send(Call::get("/admin/requests/stream")).status, 401, "a client key opens nothing");
    assert_eq!(gateway.admin("GET", "/admin/requests/stream?q=status:>=x", "").status, 400);
    assert_eq!(gateway.admin("GET", "/admin/requests/stream?speed=1", "").status, 400);
}

on_both! {
    only_what_matches_comes_and_only_what_is_new,
    a_listener_that_comes_back_misses_nothing_and_sees_nothing_twice,
    a_listener_ends_whole_when_the_gateway_stops,
    a_listener_hears_nothing_once_its_session_has_ended,
    who_may_not_listen_is_told,
}
