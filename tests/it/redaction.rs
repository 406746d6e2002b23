//! What shall not be kept is taken out before anything is stored, and out of nothing else.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::reply::Reply;
use crate::support::samples::{COMPLETION, delta, good, role, stop};
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, encoded};

const PHONE: &str = "13800138000";
const MAIL: &str = "jane.doe@example.org";
/// A telephone number, and an address.
const PATTERNS: &str = "1[3-9]\\d{9}\n[\\w.]+@[\\w.]+\\w";

fn asks(text: &str, more: &str) -> String {
    format!(r#"{{"model":"gpt-4o-mini","messages":[{{"role":"user","content":"{text}"}}]{more}}}"#)
}

/// Everything that a gateway tells of its records, in one text.
fn all_told(gateway: &Gateway, ids: &[i64]) -> String {
    let mut all = String::new();
    for id in ids {
        for target in [format!("{id}"), format!("{id}/body"), format!("{id}/reply")] {
            all += &gateway.admin("GET", &format!("/admin/requests/{target}"), "").text();
        }
    }
    for target in ["requests", "requests/export?format=jsonl", "requests/export?format=csv", "conversations"] {
        all += &gateway.admin("GET", &format!("/admin/{target}"), "").text();
    }
    all
}

fn matches_are_stored_nowhere_and_reach_upstream_and_caller(kind: Kind) {
    let upstream = FakeUpstream::with(|seen, _| match seen.target() {
        "/v1/failing" => Reply::json(400, &format!(r#"{{"error":{{"message":"no {MAIL} here","type":"x"}}}}"#)),
        _ if seen.text().contains("\"stream\":true") => {
            // The number comes in two events: only the whole reply shows it.
            Reply::stream().event(&role()).event(&delta("Call 13800")).event(&delta("138000 now")).event(&stop()).done()
        }
        _ => Reply::json(200, &COMPLETION.replace("Hello!", &format!("Write to {MAIL}."))),
    });
    let gateway = Gateway::on(kind).setting("record_redact", PATTERNS).upstream(upstream.row("a")).start();
    let plain = asks(&format!("Kranich: my number is {PHONE}."), "");
    let answer = gateway.send(Call::chat(&plain).header("X-Contact", &format!("is {MAIL}")));
    assert!(answer.text().contains(MAIL), "the caller gets the reply as it is");
    assert_eq!(upstream.only().text(), plain, "the upstream gets the body as it is");
    let stream = gateway.send(Call::chat(&asks("Kranich: harmless", ",\"stream\":true")));
    assert!(stream.text().contains("138000 now"));
    gateway.send(Call::post("/v1/failing", "{\"model\":\"gpt-4o-mini\",\"input\":\"Kranich\"}"));
    let records = gateway.records_when(3);
    let (failed, streamed, first) = (&records[0], &records[1], &records[2]);
    assert_eq!(first.text("body"), plain.replace(PHONE, "[redacted]"));
    assert!(first.text("response").contains("Write to [redacted]."), "{}", first.0);
    assert!(streamed.text("response").contains("Call [redacted] now"), "{}", streamed.0);
    assert_eq!(first.number("tokens_in"), 11, "what is counted stays");
    assert_eq!((first.text("body_note"), streamed.text("body_note")), ("redacted", ""));
    assert_eq!(streamed.text("response_note"), "assembled, redacted");
    assert!(!failed.text("error").contains(MAIL) && !failed.0.to_string().contains(MAIL), "{}", failed.0);
    let ids: Vec<i64> = records.iter().map(|record| record.number("id")).collect();
    let told = all_told(&gateway, &ids);
    for secret in [PHONE, MAIL, "jane"] {
        assert!(!told.contains(secret), "{secret} in {told}");
        let found =
            gateway.admin("GET", &format!("/admin/requests?q={}", encoded(&format!("\"{secret}\""))), "").json();
        assert_eq!(found["requests"].as_array().map(Vec::len), Some(0), "{secret}");
    }
    assert!(told.contains("my number is [redacted].") && told.contains("x-contact"), "{told}");
    let found = gateway.admin("GET", "/admin/requests?q=Kranich", "").json();
    assert_eq!(found["requests"].as_array().map(Vec::len), Some(3), "the rest is found");
}

fn what_cannot_be_looked_into_is_not_kept_and_what_was_compressed_is(kind: Kind) {
    let gzip = |text: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let packed = gzip(&COMPLETION.replace("Hello!", PHONE));
    let upstream = FakeUpstream::with(move |seen, _| match seen.target() {
        "/v1/brotli" => Reply::sized(200, &[("content-encoding", "br"), ("content-type", "application/json")], "\x0b"),
        _ => Reply::sized(200, &[("content-encoding", "gzip"), ("content-type", "application/json")], &packed),
    });
    let gateway = Gateway::on(kind).setting("record_redact", PATTERNS).upstream(upstream.row("a")).start();
    gateway.send(Call::chat(&asks("hi", "")).header("Accept-Encoding", "gzip"));
    assert!(gateway.record().text("response").contains("\"content\":\"[redacted]\""), "{}", gateway.record().0);
    let call = Call::post("/v1/brotli", "").body(gzip(PHONE)).header("Content-Encoding", "gzip");
    gateway.send(call);
    let record = &gateway.records_when(2)[0];
    for side in ["body", "response"] {
        assert_eq!(record.text(side), "", "{side}");
        assert!(record.text(&format!("{side}_note")).contains("not kept: compressed"), "{side}: {}", record.0);
    }
    gateway.set("record_redact", "");
    gateway.send(Call::chat(&asks(PHONE, "")));
    let record = &gateway.records_when(3)[0];
    assert_eq!(record.text("body"), asks(PHONE, ""), "with nothing to take out everything stays as it came");
    assert_eq!(record.text("body_note"), "");
}

on_both! {
    matches_are_stored_nowhere_and_reach_upstream_and_caller,
    what_cannot_be_looked_into_is_not_kept_and_what_was_compressed_is,
}

#[test]
fn the_form_names_the_line_that_is_wrong_and_the_pages_tell_what_was_redacted() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let visitor = Visitor::log_in(&gateway);
    let refused = visitor.post("/admin/settings/recording", &format!("record_redact={}", encoded("ok\r\n(open")));
    assert_eq!(refused.status, 422);
    let page = refused.text();
    assert!(page.contains("Line 2 is no regular expression: unclosed group."), "{page}");
    assert!(page.contains("ok\n(open") || page.contains("ok\r\n(open"), "what was typed stays: {page}");
    let patterns = PATTERNS.replace('\n', "\r\n");
    visitor.send("/admin/settings/recording", &format!("record_redact={}", encoded(&patterns)));
    assert_eq!(gateway.database.sql("SELECT value FROM config_kvs WHERE key = 'record_redact'"), PATTERNS);
    let statement = visitor.page("/admin/statement");
    assert!(statement.contains("match one of 2 patterns are replaced"), "{statement}");
    gateway.send(Call::chat(&asks(&format!("call {PHONE}"), "")));
    let id = gateway.record().number("id");
    let page = visitor.page(&format!("/admin/requests/{id}"));
    assert!(page.contains(">redacted<") && page.contains("call [redacted]") && !page.contains(PHONE), "{page}");
    let replay = visitor.page(&format!("/admin/requests/{id}/replay"));
    assert!(replay.contains("were redacted when it was recorded"), "{replay}");
    let curl = visitor.page(&format!("/admin/requests/{id}/curl"));
    assert!(curl.contains("not what was sent: redacted"), "{curl}");
}
