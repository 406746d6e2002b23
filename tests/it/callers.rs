//! Who may call: keys, the words of a refusal, and what browsers need.

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::reply::Reply;
use crate::support::row::refused;
use crate::support::samples::{CHAT, COMPLETION, SERVER_ERROR, good};
use crate::support::upstream::FakeUpstream;

const NO_BEARER: &str = "authorization header should start with 'Bearer'";
const WRONG_KEY: &str = "wrong authorization header";

fn a_call_without_the_right_key_is_refused_in_the_words_of_the_original(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let chat = || Call::chat(CHAT).without("Authorization");
    let cases = [
        (chat(), NO_BEARER),
        (chat().header("Authorization", "Basic dXNlcjpwYXNz"), NO_BEARER),
        (chat().header("Authorization", "client-key-for-tests-0001"), NO_BEARER),
        (chat().header("Authorization", "Bearer guessed-key-7777"), WRONG_KEY),
        (chat().header("Authorization", "Bearer client-key-for-tests-00012"), WRONG_KEY),
        (chat().header("Authorization", "Bearer client-key-for-tests-000"), WRONG_KEY),
        (chat().header("api-key", "guessed-key-7777"), WRONG_KEY),
        (chat().header("x-api-key", "guessed-key-7777"), WRONG_KEY),
    ];
    let count = cases.len();
    for (call, message) in cases {
        let answer = gateway.send(call.clone());
        assert_eq!((answer.status, answer.error().as_str()), (403, message), "{call:?}");
    }
    assert_eq!(upstream.count(), 0);
    for record in gateway.records_when(count) {
        assert_eq!(record.end(), (403, "refused"));
        assert!(record.attempts().is_empty());
        assert!(!record.0.to_string().contains("guessed-key-7777"), "a wrong key is not kept: {}", record.0);
    }
}

fn a_key_is_taken_from_three_headers_and_from_none_it_reaches_the_upstream(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let key = "client-key-for-tests-0001";
    for (name, value) in
        [("Authorization", format!("Bearer {key}")), ("api-key", key.into()), ("x-api-key", key.into())]
    {
        let answer = gateway.send(Call::chat(CHAT).without("Authorization").header(name, &value));
        assert_eq!((answer.status, answer.text().as_str()), (200, COMPLETION), "{name}");
    }
    for seen in upstream.seen() {
        assert_eq!(seen.head.all("authorization"), ["Bearer sk-secret-of-a"]);
        assert!(!String::from_utf8_lossy(&seen.head.raw).contains(key));
    }
    for record in gateway.records_when(3) {
        assert_eq!(record.text("key_last4"), "0001");
    }
}

fn several_keys_are_separated_by_commas_and_change_while_it_runs(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let status = |key: &str| {
        let call = Call::chat(CHAT).without("Authorization").header("Authorization", &format!("Bearer {key}"));
        gateway.send(call).status
    };
    assert_eq!(["client-key-for-tests-0001", "first-key-1111", "second-key-2222"].map(status), [200, 403, 403]);
    gateway.set("authorization", "first-key-1111,second-key-2222");
    assert_eq!(["client-key-for-tests-0001", "first-key-1111", "second-key-2222"].map(status), [403, 200, 200]);
    assert_eq!(status("first-key-1111,second-key-2222"), 403);
    gateway.set("authorization", "second-key-2222");
    assert_eq!(["client-key-for-tests-0001", "first-key-1111", "second-key-2222"].map(status), [403, 403, 200]);
}

fn noauth_opens_v1_and_nothing_else(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::on(kind).upstream(upstream.row("a")).args(&["-noauth"]).start();
    for call in [
        Call::chat(CHAT).without("Authorization"),
        Call::chat(CHAT).without("Authorization").header("Authorization", "Bearer anything"),
    ] {
        assert_eq!(gateway.send(call).status, 200);
    }
    for path in ["/admin/upstreams", "/admin/request_records"] {
        let answer = gateway.send(Call::get(path).without("Authorization").header("Accept", "application/json"));
        assert_eq!(answer.status, 401, "{path}");
    }
    assert_eq!(upstream.seen()[1].head.all("authorization"), ["Bearer sk-secret-of-a"]);
}

#[test]
fn a_browser_asking_first_gets_leave_without_a_key() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    for path in ["/v1/chat/completions", "/v1/anything/at/all?x=1"] {
        let call = Call::new("OPTIONS", path).without("Authorization").header("Origin", "https://app.example");
        let answer = gateway.send(call.header("Access-Control-Request-Method", "POST"));
        assert_eq!((answer.status, answer.body.len()), (200, 0));
        assert_eq!(answer.head.all("Access-Control-Allow-Origin"), ["*"], "on {path}");
        for name in ["Access-Control-Allow-Methods", "Access-Control-Allow-Headers"] {
            assert_eq!(answer.head.all(name).len(), 1, "{name} on {path}");
        }
    }
    assert_eq!(upstream.count(), 0);
}

#[test]
fn every_reply_lets_browsers_read_it_and_says_so_once() {
    let own = [("Access-Control-Allow-Origin", "https://upstream.example"), ("Access-Control-Allow-Headers", "X-A")];
    let upstream = FakeUpstream::sequence(vec![
        good(),
        Reply::json_with(200, &own, COMPLETION),
        Reply::json_with(400, &own, SERVER_ERROR),
    ]);
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let unreachable = Gateway::with(Kind::Sqlite, [refused("a")]);
    let answers = [
        gateway.send(Call::chat(CHAT)),
        gateway.send(Call::chat(CHAT)),
        gateway.send(Call::chat(CHAT)),
        gateway.send(Call::chat(CHAT).without("Authorization")),
        unreachable.send(Call::chat(CHAT)),
    ];
    assert_eq!(answers.each_ref().map(|answer| answer.status), [200, 200, 400, 403, 502]);
    for answer in &answers {
        for name in ["Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers"] {
            assert_eq!(answer.head.all(name).len(), 1, "{name} once in {:?}", answer.head.headers);
        }
    }
    assert_eq!(answers[0].header("Access-Control-Allow-Origin"), Some("*"));
}

on_both! {
    a_call_without_the_right_key_is_refused_in_the_words_of_the_original,
    a_key_is_taken_from_three_headers_and_from_none_it_reaches_the_upstream,
    several_keys_are_separated_by_commas_and_change_while_it_runs,
    noauth_opens_v1_and_nothing_else,
}
