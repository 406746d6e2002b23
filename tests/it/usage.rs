//! Usage of streams whose callers did not ask for it: asked upstream, recorded, and taken out of what the caller gets.

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::http::Framing;
use crate::support::on_both;
use crate::support::reply::Reply;
use crate::support::samples::{CHAT, CHAT_STREAM, SERVER_ERROR, delta, good, role, stop, usage};
use crate::support::upstream::{FakeUpstream, Seen};

const ASKED: &str = r#"{"stream_options":{"include_usage":true},"model":"gpt-4o-mini","messages":[{"role":"user","content":"Say hello."}],"stream":true}"#;
const REFUSAL: &str = r#"{"error":{"message":"Unknown parameter: 'stream_options'.","type":"invalid_request_error","param":"stream_options","code":"unknown_parameter"}}"#;

/// The events of a stream, with the usage or without.
fn events(with_usage: bool, end: &str) -> Vec<String> {
    let mut data = vec![role(), delta("Hel"), delta("lo!"), stop()];
    data.extend(with_usage.then(usage));
    data.push("[DONE]".to_owned());
    data.into_iter().map(|data| format!("data: {data}{end}")).collect()
}

fn asks(seen: &Seen) -> bool {
    seen.text().contains(r#""include_usage":true"#)
}

/// Behaves as OpenAI does: tells the usage when it is asked.
fn answers(seen: &Seen) -> Reply {
    events(asks(seen), "\n\n").into_iter().fold(Reply::stream(), Reply::chunk).last_chunk()
}

fn tokens(gateway: &Gateway) -> (serde_json::Value, serde_json::Value) {
    let record = gateway.records().remove(0);
    (record.0["tokens_in"].clone(), record.0["tokens_out"].clone())
}

fn the_usage_of_a_stream_is_recorded_and_the_caller_sees_nothing_of_it(kind: Kind) {
    let upstream = FakeUpstream::with(|seen, _| answers(seen));
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let answer = gateway.send(Call::chat(CHAT_STREAM));
    assert_eq!((answer.status, answer.text()), (200, events(false, "\n\n").concat()));
    assert!(answer.whole);
    assert_eq!(upstream.only().text(), ASKED);
    let record = gateway.record();
    assert_eq!((record.number("tokens_in"), record.number("tokens_out")), (11, 2));
    assert_eq!(record.text("body"), CHAT_STREAM, "the record has the caller's own body");
    assert_eq!(record.end(), (200, "complete"));
    assert_eq!(record.statuses(), [200]);
}

fn who_asks_for_the_usage_gets_it(kind: Kind) {
    let upstream = FakeUpstream::with(|seen, _| answers(seen));
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let own = CHAT_STREAM.replace(r#""stream":true"#, r#""stream":true,"stream_options":{"include_usage":true}"#);
    assert_eq!(gateway.send(Call::chat(&own)).text(), events(true, "\n\n").concat());
    assert_eq!(upstream.only().text(), own);
    let refused = own.replace("{\"include_usage\":true}", "{\"include_usage\":false}");
    assert_eq!(gateway.send(Call::chat(&refused)).text(), events(false, "\n\n").concat());
    assert_eq!(upstream.seen()[1].text(), own, "who says no is asked for all the same, and does not notice");
    for record in gateway.records_when(2) {
        assert_eq!(record.number("tokens_out"), 2);
    }
}

fn nothing_is_asked_where_nothing_could_be_told_or_the_setting_says_no(kind: Kind) {
    let upstream = FakeUpstream::with(|seen, _| if seen.text() == CHAT { good() } else { answers(seen) });
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let stream = events(false, "\n\n").concat();
    gateway.send(Call::chat(CHAT));
    for call in [
        Call::post("/v1/responses", CHAT_STREAM),
        Call::post("/v1/chat/completions/x", CHAT_STREAM),
        Call::new("PUT", "/v1/chat/completions").json(CHAT_STREAM),
        Call::chat(CHAT_STREAM).header("Content-Digest", "sha-256=:x=:"),
        Call::chat(&format!("{CHAT_STREAM} x")),
    ] {
        assert_eq!(gateway.send(call).text(), stream);
    }
    gateway.set("stream_usage", "off");
    assert_eq!(gateway.send(Call::chat(CHAT_STREAM)).text(), stream);
    assert!(upstream.seen().iter().all(|seen| !asks(seen)));
    gateway.records_when(7);
    assert_eq!(tokens(&gateway), (serde_json::Value::Null, serde_json::Value::Null), "unknown stays unknown");
    gateway.set("stream_usage", "perhaps");
    gateway.send(Call::post("/v1/completions?x=1", CHAT_STREAM));
    assert!(asks(&upstream.seen()[7]), "the default is on");
}

fn an_upstream_that_refuses_the_question_is_asked_again_without_it_and_remembered(kind: Kind) {
    let upstream = FakeUpstream::with(|seen, _| if asks(seen) { Reply::json(400, REFUSAL) } else { answers(seen) });
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let stream = events(false, "\n\n").concat();
    assert_eq!(gateway.send(Call::chat(CHAT_STREAM)).text(), stream);
    let record = gateway.record();
    assert_eq!(record.end(), (200, "complete"));
    assert_eq!(record.statuses(), [400, 200]);
    let said = record.attempts()[0]["error"].as_str().unwrap().to_owned();
    assert!(said.contains("asked again without stream_options"), "{said}");
    assert_eq!(gateway.send(Call::chat(CHAT_STREAM)).text(), stream);
    let bodies: Vec<bool> = upstream.seen().iter().map(asks).collect();
    assert_eq!(bodies, [true, false, false], "it is not asked a second time");
    assert_eq!(upstream.seen()[1].text(), CHAT_STREAM);
    let shown = gateway.admin("GET", "/admin/upstreams", "").json()[0].clone();
    assert_eq!(shown["standing"], "ready");
    gateway.edit("UPDATE openai_upstreams SET endpoint = endpoint || '/'");
    assert_eq!(gateway.send(Call::chat(CHAT_STREAM)).text(), stream);
    assert!(asks(&upstream.seen()[3]), "an edited upstream is asked again");
    crate::support::until("nobody is blamed", || (gateway.upstream_column("a", "success_count") == "3").then_some(()));
    assert_eq!(gateway.upstream_column("a", "failed_count"), "0");
}

fn a_complaint_about_the_callers_own_options_is_the_callers(kind: Kind) {
    let upstream = FakeUpstream::with(|_, _| Reply::json(400, REFUSAL));
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let own = CHAT_STREAM.replace(r#""stream":true"#, r#""stream":true,"stream_options":{"x":1}"#);
    for n in 1..=2 {
        let answer = gateway.send(Call::chat(&own));
        assert_eq!((answer.status, answer.text().as_str()), (400, REFUSAL));
        assert_eq!(upstream.count(), 2 * n);
        assert_eq!(upstream.seen()[2 * n - 1].text(), own);
        assert!(asks(&upstream.seen()[2 * n - 2]), "it has not shown that it refuses the question");
    }
}

fn the_question_goes_to_the_next_upstream_too(kind: Kind) {
    let (broken, whole) =
        (FakeUpstream::always(Reply::json(500, SERVER_ERROR)), FakeUpstream::with(|seen, _| answers(seen)));
    let gateway = Gateway::with(kind, [broken.row("a"), whole.row("b")]);
    assert_eq!(gateway.send(Call::chat(CHAT_STREAM)).text(), events(false, "\n\n").concat());
    assert_eq!((broken.only().text().as_str(), whole.only().text().as_str()), (ASKED, ASKED));
    assert_eq!(gateway.record().number("tokens_out"), 2);
}

fn a_stream_of_known_size_loses_its_size_with_the_chunk(kind: Kind) {
    let upstream = FakeUpstream::with(|seen, _| {
        let events = [("Content-Type", "text/event-stream")];
        Reply::sized(200, &events, self::events(asks(seen), "\r\n\r\n").concat())
    });
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let answer = gateway.send(Call::chat(CHAT_STREAM));
    assert_eq!(answer.text(), events(false, "\r\n\r\n").concat());
    assert_eq!((answer.framing, answer.whole), (Framing::Chunked, true));
    assert_eq!(gateway.record().number("tokens_out"), 2);
}

fn a_stream_in_single_bytes_and_one_that_breaks_off_stay_what_they_are(kind: Kind) {
    let upstream = FakeUpstream::with(|seen, n| {
        let stream = events(asks(seen), "\r\n\r\n").concat();
        let pieces = stream.as_bytes().chunks(1);
        match n {
            0 => pieces.fold(Reply::stream(), Reply::chunk).last_chunk(),
            // Within the chunk of the usage: what is no whole chunk passes, and the transfer breaks.
            _ => pieces.take(stream.len() - 60).fold(Reply::stream(), Reply::chunk).close(),
        }
    });
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    assert_eq!(gateway.send(Call::chat(CHAT_STREAM)).text(), events(false, "\r\n\r\n").concat());
    let answer = gateway.send(Call::chat(CHAT_STREAM));
    assert!(!answer.whole);
    let stream = events(true, "\r\n\r\n").concat();
    assert_eq!(answer.text(), stream[..stream.len() - 60]);
    assert_eq!(gateway.records_when(2)[0].end(), (200, "cut"));
}

on_both! {
    the_usage_of_a_stream_is_recorded_and_the_caller_sees_nothing_of_it,
    who_asks_for_the_usage_gets_it,
    nothing_is_asked_where_nothing_could_be_told_or_the_setting_says_no,
    an_upstream_that_refuses_the_question_is_asked_again_without_it_and_remembered,
    a_complaint_about_the_callers_own_options_is_the_callers,
    the_question_goes_to_the_next_upstream_too,
    a_stream_of_known_size_loses_its_size_with_the_chunk,
    a_stream_in_single_bytes_and_one_that_breaks_off_stay_what_they_are,
}
