//! What stands in the database afterwards: one row per request, everything known of it, nothing secret.

use std::time::Instant;

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::record::Record;
use crate::support::reply::Reply;
use crate::support::row::refused;
use crate::support::samples::{
    BAD_REQUEST, CHAT, CHAT_STREAM, COMPLETION, SERVER_ERROR, delta, event, good, good_stream, role, stop, usage,
};
use crate::support::upstream::FakeUpstream;

/// The record of one call answered in this way.
fn recorded(kind: Kind, call: Call, reply: Reply) -> Record {
    let upstream = FakeUpstream::always(reply);
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    gateway.send(call);
    gateway.record()
}

fn everything_known_of_a_request_is_recorded(kind: Kind) {
    let slow = Reply::new()
        .pause(60)
        .then_head(200, &[("Content-Type", "application/json"), ("Content-Length", &COMPLETION.len().to_string())]);
    let upstream = FakeUpstream::always(slow.bytes(COMPLETION));
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let before = chrono::Utc::now();
    let started = Instant::now();
    let call = Call::post("/v1/chat/completions?x=1", CHAT).header("User-Agent", "OpenAI/Python 1.99.0");
    assert_eq!(gateway.send(call).status, 200);
    let took_us = i64::try_from(started.elapsed().as_micros()).unwrap();
    let record = gateway.record();
    assert_eq!(record.end(), (200, "complete"));
    for (field, value) in [
        ("method", "POST"),
        ("path", "/v1/chat/completions"),
        ("ip", "127.0.0.1"),
        ("user_agent", "OpenAI/Python 1.99.0"),
        ("key_last4", "0001"),
        ("model", "gpt-4o-mini"),
        ("model_sent", "gpt-4o-mini"),
        ("model_answered", "gpt-4o-mini-2024-07-18"),
        ("body", CHAT),
        ("response", COMPLETION),
        ("body_note", ""),
        ("response_note", ""),
        ("error", ""),
    ] {
        let told = record.text(field);
        let told = if field == "path" { told.split('?').next().unwrap() } else { told };
        assert_eq!(told, value, "{field}");
    }
    for (field, value) in [
        ("tokens_in", 11),
        ("tokens_out", 2),
        ("tokens_cached", 4),
        ("tokens_reasoning", 1),
        ("request_bytes", CHAT.len() as i64),
        ("reply_bytes", COMPLETION.len() as i64),
    ] {
        assert_eq!(record.number(field), value, "{field}");
    }
    assert!(!record.is("streamed"));
    assert_eq!(record.id("upstream_id"), gateway.upstream_id("a"));
    assert_eq!(record.statuses(), [200]);
    let (first, total) = (record.number("first_byte_us"), record.number("total_us"));
    assert!((60_000..=total).contains(&first) && total <= took_us, "{first} {total} {took_us}");
    let created = chrono::DateTime::parse_from_rfc3339(record.text("created_at")).unwrap();
    let age = created.with_timezone(&chrono::Utc) - before;
    assert!(age.num_milliseconds() >= -1 && age.num_seconds() < 10, "{created} after {before}");
}

fn a_stream_is_recorded_as_the_text_put_together(kind: Kind) {
    let slow = Reply::stream().event(&role()).pause(50).event(&delta("Hel")).pause(50).event(&delta("lo!"));
    let record = recorded(kind, Call::chat(CHAT_STREAM), slow.event(&stop()).event(&usage()).done());
    assert_eq!(record.end(), (200, "complete"));
    assert!(record.is("streamed"));
    assert!(record.text("response").contains("Hello!"), "{}", record.text("response"));
    assert_eq!((record.number("tokens_in"), record.number("tokens_out")), (11, 2));
    assert_eq!(record.text("model_answered"), "gpt-4o-mini-2024-07-18");
    let (first, content, total) =
        (record.number("first_byte_us"), record.number("first_content_us"), record.number("total_us"));
    assert!(content >= first + 40_000 && total >= content + 40_000, "{first} {content} {total}");
}

fn streamed_tool_calls_choices_reasoning_and_refusals_are_put_together(kind: Kind) {
    let call = |n: u8, rest: &str| event(&format!(r#"{{"tool_calls":[{{"index":{n},{rest}}}]}}"#), "null");
    let stream = Reply::stream()
        .event(&role())
        .event(&event(r#"{"reasoning_content":"Think"}"#, "null"))
        .event(&event(r#"{"reasoning_content":"ing hard"}"#, "null"))
        .event(&call(0, r#""id":"call_A","type":"function","function":{"name":"get_weather","arguments":""}"#))
        .event(&call(0, r#""function":{"arguments":"{\"city\":"}"#))
        .event(&call(1, r#""id":"call_B","type":"function","function":{"name":"get_time","arguments":"{}"}"#))
        .event(&call(0, r#""function":{"arguments":"\"Paris\"}"}"#))
        .event(&delta("second ").replace(r#""index":0,"delta""#, r#""index":1,"delta""#))
        .event(&delta("choice").replace(r#""index":0,"delta""#, r#""index":1,"delta""#))
        .event(&event(r#"{"refusal":"I cannot "}"#, "null").replace(r#""index":0,"delta""#, r#""index":2,"delta""#))
        .event(&event(r#"{"refusal":"do that"}"#, "null").replace(r#""index":0,"delta""#, r#""index":2,"delta""#))
        .event(&event("{}", "\"tool_calls\""));
    let record = recorded(kind, Call::chat(CHAT_STREAM), stream.done());
    let response = record.text("response").replace('\\', "");
    for part in [
        "Thinking hard",
        "call_A",
        "get_weather",
        r#"{"city":"Paris"}"#,
        "call_B",
        "get_time",
        "second choice",
        "I cannot do that",
    ] {
        assert!(response.contains(part), "{part} in {response}");
    }
}

fn streamed_completions_and_responses_are_put_together(kind: Kind) {
    let text = |text: &str| {
        format!(
            r#"{{"id":"cmpl-1","object":"text_completion","created":1,"model":"davinci","choices":[{{"index":0,"text":"{text}","logprobs":null,"finish_reason":null}}]}}"#
        )
    };
    let stream = Reply::stream().event(&text("Once upon")).event(&text(" a time"));
    let record = recorded(
        kind,
        Call::post("/v1/completions", r#"{"model":"davinci","prompt":"Tell","stream":true}"#),
        stream.done(),
    );
    assert!(record.text("response").contains("Once upon a time"), "{}", record.text("response"));

    let named = |name: &str, rest: &str| format!("event: {name}\ndata: {{\"type\":\"{name}\",{rest}}}\n\n");
    let part = |text: &str| {
        named(
            "response.output_text.delta",
            &format!(r#""item_id":"msg_1","output_index":0,"content_index":0,"delta":"{text}""#),
        )
    };
    let done = r#""response":{"id":"resp_1","object":"response","status":"completed","model":"gpt-4.1-2025","output":[{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Bonjour le monde","annotations":[]}]}],"usage":{"input_tokens":7,"input_tokens_details":{"cached_tokens":3},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":12}}"#;
    let stream = Reply::stream()
        .chunk(named("response.created", r#""response":{"id":"resp_1","object":"response","status":"in_progress","model":"gpt-4.1-2025","output":[]}"#))
        .chunk(part("Bonjour "))
        .chunk(part("le monde"))
        .chunk(named("response.completed", done))
        .last_chunk();
    let record =
        recorded(kind, Call::post("/v1/responses", r#"{"model":"gpt-4.1","input":"Bonjour","stream":true}"#), stream);
    assert!(record.text("response").contains("Bonjour le monde"), "{}", record.text("response"));
    assert_eq!(record.text("model_answered"), "gpt-4.1-2025");
    let tokens = ["tokens_in", "tokens_out", "tokens_cached", "tokens_reasoning"].map(|field| record.number(field));
    assert_eq!(tokens, [7, 5, 3, 2]);
}

fn a_body_is_recorded_as_text_exactly_as_it_came(kind: Kind) {
    let odd = "{ \"model\" : \"m\",\n\t\"messages\":[ {\"role\":\"user\",\"content\":\"\\u4f60好 \\ud83d\\ude00 😀\"} ] ,\r\n \"x\":1.0, \"x\":2e0 }\n";
    for (body, kind_of_body) in
        [(odd, "application/json"), ("not json at all: {\"", "application/json"), ("plain words", "text/plain")]
    {
        let call = Call::new("POST", "/v1/chat/completions").header("Content-Type", kind_of_body).body(body);
        let record = recorded(kind, call, Reply::sized(200, &[("Content-Type", "text/plain")], "  {odd \"reply\"\n"));
        assert_eq!((record.text("body"), record.text("body_note")), (body, ""));
        assert_eq!((record.text("response"), record.text("response_note")), ("  {odd \"reply\"\n", ""));
    }
}

fn large_bodies_are_recorded_whole(kind: Kind) {
    let long = "All work and no play. ".repeat(20_000);
    let body = CHAT.replace("Say hello.", &long);
    let reply = COMPLETION.replace("Hello!", &long);
    let record = recorded(kind, Call::chat(&body), Reply::json(200, &reply));
    assert!(record.text("body") == body && record.text("response") == reply);
    let stream = (0..100).fold(Reply::stream().event(&role()), |stream, _| stream.event(&delta(&long[..4400])));
    let record = recorded(kind, Call::chat(CHAT_STREAM), stream.event(&stop()).done());
    assert!(record.text("response").contains(&long[..440_000]), "{} bytes", record.text("response").len());
    assert_eq!(record.text("response_note"), "assembled");
}

fn what_is_cut_is_marked_with_its_true_size(kind: Kind) {
    let upstream = FakeUpstream::always(Reply::json(200, &COMPLETION.replace("Hello!", &"h".repeat(50_000))));
    let gateway = Gateway::on(kind).setting("record_body_limit_bytes", "1000").upstream(upstream.row("a")).start();
    let body = CHAT.replace("Say hello.", &"x".repeat(60_000));
    let answer = gateway.send(Call::chat(&body));
    let record = gateway.record();
    assert!(record.text("body").len() <= 1000 && record.text("response").len() <= 1000);
    assert_eq!((record.text("body_note"), record.text("response_note")), ("cut", "cut"));
    let sizes = (record.number("request_bytes"), record.number("reply_bytes"));
    assert_eq!(sizes, (body.len() as i64, answer.body.len() as i64), "the true sizes are told");
    assert_eq!(upstream.only().text(), body, "the limit is the record's, not the caller's");
}

fn of_a_form_the_fields_and_the_names_and_sizes_of_files_are_kept(kind: Kind) {
    let audio = "RIFF-not-really-audio-".repeat(1000);
    let body = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--XX\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nThe weather\r\n--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"speech.wav\"\r\nContent-Type: audio/wav\r\n\r\n{audio}\r\n--XX--\r\n"
    );
    let call = Call::new("POST", "/v1/audio/transcriptions").header("Content-Type", "multipart/form-data; boundary=XX");
    let upstream = FakeUpstream::always(Reply::json(200, r#"{"text":"It rains."}"#));
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    assert_eq!(gateway.send(call.body(&body)).status, 200);
    assert_eq!(upstream.only().text(), body);
    let record = gateway.record();
    assert_eq!((record.text("model"), record.text("response")), ("whisper-1", r#"{"text":"It rains."}"#));
    for part in ["model", "whisper-1", "prompt", "The weather", "file", "speech.wav", "audio/wav", "22000"] {
        assert!(record.text("body").contains(part), "{part} in {}", record.text("body"));
    }
    assert!(!record.text("body").contains("RIFF-not"), "a file's bytes are not kept");
    assert_ne!(record.text("body_note"), "");
}

fn recording_is_turned_down_and_off_while_it_runs(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let ask = || assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    ask();
    gateway.set("recording", "metadata");
    ask();
    gateway.set("recording", "off");
    ask();
    gateway.set("recording", "full");
    ask();
    let records = gateway.records_when(3);
    let bodies: Vec<(&str, &str)> =
        records.iter().map(|record| (record.text("body"), record.text("response"))).collect();
    assert_eq!(bodies, [(CHAT, COMPLETION), ("", ""), (CHAT, COMPLETION)]);
    assert_eq!((records[1].text("model"), records[1].number("tokens_in")), ("gpt-4o-mini", 11));
}

fn the_address_is_taken_from_a_header_only_when_a_trusted_proxy_wrote_it(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let ask = |forwarded: &str| gateway.send(Call::chat(CHAT).header("X-Forwarded-For", forwarded));
    ask("203.0.113.9");
    gateway.set("trusted_proxies", "127.0.0.1");
    ask("203.0.113.9");
    ask("6.6.6.6, 203.0.113.9");
    ask("6.6.6.6, 2001:db8::7, 127.0.0.1");
    ask("nonsense");
    gateway.set("trusted_proxies", "10.0.0.0/8");
    ask("203.0.113.9");
    gateway.set("trusted_proxies", "127.0.0.0/8");
    ask("203.0.113.9");
    let records = gateway.records_when(7);
    let addresses: Vec<&str> = records.iter().rev().map(|record| record.text("ip")).collect();
    assert_eq!(
        addresses,
        ["127.0.0.1", "203.0.113.9", "203.0.113.9", "2001:db8::7", "127.0.0.1", "127.0.0.1", "203.0.113.9"]
    );
}

fn there_is_exactly_one_row_per_request_whatever_its_end(kind: Kind) {
    let upstream = FakeUpstream::with(|seen, _| match seen.target() {
        "/v1/good" => good(),
        "/v1/stream" => good_stream(),
        "/v1/bad" => Reply::json(400, BAD_REQUEST),
        "/v1/broken" => Reply::json(500, SERVER_ERROR),
        "/v1/cut" => Reply::stream().event(&delta("Hel")).pause(50).reset(),
        "/v1/empty" => Reply::head(204, &[]),
        _ => Reply::new().hang(),
    });
    let plan = Gateway::on(kind).setting("breaker_failures", "1000").setting("breaker_ratio_percent", "100");
    let gateway = plan.upstream(upstream.row("a")).upstream(refused("b")).start();
    for path in ["good", "stream", "bad", "broken", "cut", "empty"] {
        gateway.send(Call::post(&format!("/v1/{path}"), CHAT_STREAM));
    }
    gateway.send(Call::get("/v1/good").without("Authorization"));
    let exchange = Call::get("/v1/hang").open(gateway.address());
    upstream.reached(7);
    exchange.hang_up();
    let records = gateway.records_when(8);
    let mut ends: Vec<(i64, &str)> = records.iter().map(Record::end).collect();
    ends.sort_unstable();
    let expected = [
        (200, "complete"),
        (200, "complete"),
        (200, "cut"),
        (204, "complete"),
        (400, "complete"),
        (403, "refused"),
        (499, "left"),
        (500, "complete"),
    ];
    assert_eq!(ends, expected);
}

fn what_one_database_cannot_hold_loses_no_record(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let poison = CHAT.replace("gpt-4o-mini", "nul\\u0000model").replace("Say hello.", "nul\\u0000text");
    let address = gateway.address();
    let callers: Vec<_> = [CHAT.to_owned(), poison.clone(), CHAT.to_owned()]
        .into_iter()
        .map(|body| {
            std::thread::spawn(move || {
                Call::chat(&body).header("User-Agent", "bytes \u{ff}\u{1F600}").send(address).status
            })
        })
        .collect();
    assert!(callers.into_iter().all(|caller| caller.join().unwrap() == 200));
    let records = gateway.records_when(3);
    let mut bodies: Vec<&str> = records.iter().map(|record| record.text("body")).collect();
    bodies.sort_unstable();
    let mut sent = [CHAT, &poison, CHAT];
    sent.sort_unstable();
    assert_eq!(bodies, sent);
}

fn no_credential_is_ever_recorded(kind: Kind) {
    let upstream = FakeUpstream::always(Reply::json(
        401,
        &SERVER_ERROR.replace("The server", "Incorrect key sk-secret-of-a: the server"),
    ));
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    gateway.send(Call::chat(CHAT).header("x-api-key", crate::support::KEY).header("Cookie", "s=cookie-secret"));
    let record = gateway.record();
    let dump = match kind {
        Kind::Sqlite => gateway.database.sql("SELECT * FROM records"),
        Kind::Postgres => gateway.database.sql("SELECT row_to_json(records) FROM records"),
    };
    for secret in [crate::support::KEY, "cookie-secret"] {
        assert!(!record.0.to_string().contains(secret) && !dump.contains(secret), "{secret} in {}", record.0);
    }
    assert!(!record.0["attempts"].to_string().contains("sk-secret-of-a"), "{}", record.0["attempts"]);
}

on_both! {
    everything_known_of_a_request_is_recorded,
    a_stream_is_recorded_as_the_text_put_together,
    streamed_tool_calls_choices_reasoning_and_refusals_are_put_together,
    streamed_completions_and_responses_are_put_together,
    a_body_is_recorded_as_text_exactly_as_it_came,
    large_bodies_are_recorded_whole,
    what_is_cut_is_marked_with_its_true_size,
    of_a_form_the_fields_and_the_names_and_sizes_of_files_are_kept,
    recording_is_turned_down_and_off_while_it_runs,
    the_address_is_taken_from_a_header_only_when_a_trusted_proxy_wrote_it,
    there_is_exactly_one_row_per_request_whatever_its_end,
    what_one_database_cannot_hold_loses_no_record,
    no_credential_is_ever_recorded,
}
