//! Who is told when an upstream fails: at once, not again and again, once more when it is over, and never a secret.

use std::time::Duration;

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::{Gateway, Plan};
use crate::support::reply::Reply;
use crate::support::samples::{BAD_REQUEST, CHAT, KEY_ERROR, SERVER_ERROR, good};
use crate::support::upstream::{FakeUpstream, Seen};
use crate::support::{on_both, until};

/// A chat service that takes every notice.
fn service() -> FakeUpstream {
    FakeUpstream::always(Reply::json(200, r#"{"code":0,"msg":"success"}"#))
}

fn feishu_text(seen: &Seen) -> String {
    let body: serde_json::Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!((seen.method(), body["msg_type"].as_str()), ("POST", Some("text")));
    body["content"]["text"].as_str().expect("a text message").to_owned()
}

fn plan(kind: Kind, feishu: &FakeUpstream) -> Plan {
    Gateway::on(kind)
        .env("FEISHU_WEBHOOK", &feishu.url("/open-apis/bot/v2/hook/hook-secret-0001"))
        .secret("hook-secret-0001")
}

fn ask(gateway: &Gateway, times: usize) {
    for _ in 0..times {
        gateway.send(Call::chat(CHAT));
    }
}

fn the_first_failure_is_told_at_once_and_the_end_once(kind: Kind) {
    let feishu = service();
    let upstream = FakeUpstream::always(Reply::json(500, SERVER_ERROR));
    let plan = plan(kind, &feishu).setting("breaker_failures", "2").setting("breaker_open_ms", "100");
    let gateway = plan.upstream(upstream.row("tokyo")).start();
    ask(&gateway, 1);
    feishu.reached(1);
    assert_eq!(feishu.only().target(), "/open-apis/bot/v2/hook/hook-secret-0001");
    let text = feishu_text(&feishu.only());
    assert!(text.contains("tokyo") && text.contains("500"), "{text}");
    ask(&gateway, 20);
    assert_eq!(feishu.count(), 1, "the same trouble is not told again within minutes");
    upstream.now_answers(good());
    until("it works again", || (gateway.send(Call::chat(CHAT)).status == 200).then_some(()));
    until("the end is told", || {
        ask(&gateway, 1);
        (feishu.count() >= 2).then_some(())
    });
    let text = feishu_text(&feishu.seen()[1]);
    assert!(text.contains("tokyo") && text.contains("recovered after"), "{text}");
    ask(&gateway, 5);
    assert_eq!(feishu.count(), 2);
    for seen in feishu.seen() {
        let text = feishu_text(&seen);
        assert!(!text.contains("sk-secret-of-tokyo") && !text.contains("Say hello"), "{text}");
    }
}

fn while_it_lasts_a_summary_comes_at_most_every_so_often(kind: Kind) {
    let feishu = service();
    let upstream = FakeUpstream::always(Reply::json(500, SERVER_ERROR));
    let gateway = plan(kind, &feishu).setting("notice_summary_ms", "400").upstream(upstream.row("tokyo")).start();
    until("three notices", || {
        ask(&gateway, 1);
        (feishu.count() >= 3).then_some(())
    });
    let at: Vec<_> = feishu.seen().iter().map(|seen| seen.at).collect();
    for two in at.windows(2) {
        assert!(two[1].duration_since(two[0]) >= Duration::from_millis(390), "{:?}", two[1].duration_since(two[0]));
    }
    assert!(feishu_text(&feishu.seen()[1]).contains("tokyo"));
}

fn a_bad_key_is_told_at_once(kind: Kind) {
    let feishu = service();
    let upstream = FakeUpstream::always(Reply::json(401, KEY_ERROR));
    let spare = FakeUpstream::always(good());
    let gateway = plan(kind, &feishu).upstream(upstream.row("tokyo")).upstream(spare.row("paris")).start();
    ask(&gateway, 3);
    feishu.reached(1);
    let text = feishu_text(&feishu.only());
    assert!(text.contains("tokyo") && text.contains("401"), "{text}");
}

fn bad_requests_and_hang_ups_notify_nobody(kind: Kind) {
    let feishu = service();
    let upstream = FakeUpstream::with(|seen, _| match seen.target() {
        "/v1/bad" => Reply::json(400, BAD_REQUEST),
        "/v1/good" => good(),
        "/v1/broken" => Reply::json(500, SERVER_ERROR),
        _ => Reply::new().hang(),
    });
    let gateway = plan(kind, &feishu).upstream(upstream.row("tokyo")).start();
    gateway.send(Call::post("/v1/bad", CHAT));
    gateway.send(Call::chat(CHAT).without("Authorization"));
    let exchange = Call::chat(CHAT).open(gateway.address());
    upstream.reached(2);
    exchange.hang_up();
    upstream.hung_up();
    gateway.send(Call::post("/v1/good", CHAT));
    // What is told is told in order: the first notice is that of the real failure at the end.
    gateway.send(Call::post("/v1/broken", CHAT));
    feishu.reached(1);
    assert!(feishu_text(&feishu.only()).contains("500"));
}

fn the_simple_matrix_post_and_the_real_matrix_api_are_spoken(kind: Kind) {
    let (simple, real) = (service(), FakeUpstream::always(Reply::json(200, r#"{"event_id":"$1"}"#)));
    let upstream = FakeUpstream::always(Reply::json(500, SERVER_ERROR));
    let plan = Gateway::on(kind).env("MATRIX_API", &simple.url("/send")).secret("matrix-token-0001");
    let plan = plan.setting("matrix_homeserver", &real.url("")).setting("matrix_room", "!room:example.org");
    let gateway = plan.setting("matrix_token", "matrix-token-0001").upstream(upstream.row("tokyo")).start();
    ask(&gateway, 1);
    simple.reached(1);
    real.reached(1);
    assert_eq!((simple.only().method(), simple.only().target()), ("POST", "/send"));
    assert!(simple.only().text().contains("tokyo"));
    let seen = real.only();
    let target = seen.target().replace("%21", "!").replace("%3A", ":").replace("%3a", ":");
    assert_eq!(seen.method(), "PUT");
    assert!(target.starts_with("/_matrix/client/v3/rooms/!room:example.org/send/m.room.message/"), "{target}");
    assert_eq!(seen.head.get("authorization"), Some("Bearer matrix-token-0001"));
    let body: serde_json::Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(body["msgtype"].as_str(), Some("m.text"));
    assert!(body["body"].as_str().unwrap().contains("tokyo"));
}

fn a_signed_feishu_notice_carries_the_right_signature(kind: Kind) {
    let feishu = service();
    let upstream = FakeUpstream::always(Reply::json(500, SERVER_ERROR));
    let plan = plan(kind, &feishu).setting("feishu_secret", "signing-secret-0001").secret("signing-secret-0001");
    let gateway = plan.upstream(upstream.row("tokyo")).start();
    ask(&gateway, 1);
    feishu.reached(1);
    let body: serde_json::Value = serde_json::from_slice(&feishu.only().body).unwrap();
    let timestamp = body["timestamp"].as_str().expect("a timestamp as text").to_owned();
    // https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot: the key is the text, the message is empty.
    let key = openssl::pkey::PKey::hmac(format!("{timestamp}\nsigning-secret-0001").as_bytes()).unwrap();
    let mut signer = openssl::sign::Signer::new(openssl::hash::MessageDigest::sha256(), &key).unwrap();
    let expected = openssl::base64::encode_block(&signer.sign_oneshot_to_vec(b"").unwrap());
    assert_eq!(body["sign"].as_str(), Some(expected.as_str()));
}

fn a_channel_that_fails_is_tried_again_and_slows_nobody(kind: Kind) {
    let feishu = FakeUpstream::sequence(vec![
        Reply::json(500, "{}"),
        Reply::json(200, r#"{"code":9499,"msg":"too fast"}"#),
        Reply::json(200, r#"{"code":0}"#),
    ]);
    let silent = FakeUpstream::always(Reply::new().hang());
    let upstream = FakeUpstream::always(Reply::json(500, SERVER_ERROR));
    let spare = FakeUpstream::always(good());
    let plan = plan(kind, &feishu).env("MATRIX_API", &silent.url("/send")).upstream(upstream.row("tokyo"));
    let gateway = plan.upstream(spare.row("paris")).start();
    let started = std::time::Instant::now();
    ask(&gateway, 10);
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    feishu.reached(3);
    for seen in feishu.seen() {
        assert!(feishu_text(&seen).contains("tokyo"));
    }
    until("the failing channel is reported", || gateway.log().to_lowercase().contains("feishu").then_some(()));
}

fn channels_are_changed_while_it_runs(kind: Kind) {
    let (first, second) = (service(), service());
    let upstream = FakeUpstream::always(Reply::json(500, SERVER_ERROR));
    let gateway = plan(kind, &first).upstream(upstream.row("tokyo")).start();
    gateway.set("feishu_webhook", &second.url("/hook/live-secret-0002"));
    ask(&gateway, 1);
    second.reached(1);
    assert_eq!(first.count(), 0, "a setting goes before the environment");
    assert!(!gateway.log().contains("live-secret-0002"));
}

fn a_webhook_gets_the_facts_signed_and_is_tried_again(kind: Kind) {
    let hook = FakeUpstream::sequence(vec![
        Reply::json(503, "{}"),
        Reply::head(204, &[]),
        // Its own words are not Feishu's: a 2xx has taken the notice.
        Reply::json(200, r#"{"code":7}"#),
    ]);
    let upstream = FakeUpstream::always(Reply::json(500, SERVER_ERROR));
    let gateway = Gateway::on(kind)
        .setting("webhook_url", &hook.url("/in/hook-secret-0003?team=a"))
        .setting("webhook_secret", "signing-secret-0003")
        .secret("hook-secret-0003")
        .secret("signing-secret-0003")
        .setting("breaker_failures", "20")
        .upstream(upstream.row("tokyo"))
        .start();
    ask(&gateway, 1);
    hook.reached(2);
    upstream.now_answers(good());
    ask(&gateway, 1);
    hook.reached(3);
    let seen = hook.seen();
    assert_eq!(seen[0].body, seen[1].body, "the notice that was not taken comes again");
    assert_eq!((seen[1].method(), seen[1].target()), ("POST", "/in/hook-secret-0003?team=a"));
    let facts = |seen: &Seen| serde_json::from_slice::<serde_json::Value>(&seen.body).unwrap();
    let (first, end) = (facts(&seen[1]), facts(&seen[2]));
    let id = gateway.upstream_id("tokyo");
    assert_eq!(first["event"], "failed");
    assert_eq!(first["title"], format!("upstream tokyo (#{id}) failed"));
    assert!(first["text"].as_str().unwrap().contains("500"), "{first}");
    assert_eq!((first["upstream"].as_str(), first["upstream_id"].to_string()), (Some("tokyo"), id.to_string()));
    assert_eq!((first["model"].as_str(), first["count"].as_i64()), (Some("gpt-4o-mini"), Some(1)));
    assert!(chrono::DateTime::parse_from_rfc3339(first["at"].as_str().unwrap()).is_ok(), "{first}");
    assert_eq!((end["event"].as_str(), end["count"].as_i64()), (Some("recovered"), Some(1)));
    for seen in &seen {
        let key = openssl::pkey::PKey::hmac(b"signing-secret-0003").unwrap();
        let mut signer = openssl::sign::Signer::new(openssl::hash::MessageDigest::sha256(), &key).unwrap();
        let signature = signer.sign_oneshot_to_vec(&seen.body).unwrap();
        let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(seen.head.get("x-signature-256"), Some(format!("sha256={hex}").as_str()));
    }
}

on_both! {
    the_first_failure_is_told_at_once_and_the_end_once,
    while_it_lasts_a_summary_comes_at_most_every_so_often,
    a_bad_key_is_told_at_once,
    bad_requests_and_hang_ups_notify_nobody,
    the_simple_matrix_post_and_the_real_matrix_api_are_spoken,
    a_signed_feishu_notice_carries_the_right_signature,
    a_channel_that_fails_is_tried_again_and_slows_nobody,
    channels_are_changed_while_it_runs,
    a_webhook_gets_the_facts_signed_and_is_tried_again,
}
