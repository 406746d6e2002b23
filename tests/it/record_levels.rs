//! How much is recorded: the lowest of what setting, client key, request header and upstream allow.

use crate::support::KEY;
use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::{Gateway, Plan};
use crate::support::on_both;
use crate::support::record::Record;
use crate::support::reply::Reply;
use crate::support::samples::{CHAT, CHAT_STREAM, COMPLETION, SERVER_ERROR, good, good_stream};
use crate::support::upstream::FakeUpstream;

const QUIET_KEY: &str = "quiet-key-for-tests-0002";
const TERSE_KEY: &str = "terse-key-for-tests-0003";

/// A gateway with a key of each level.
fn plan(kind: Kind) -> Plan {
    let keys = format!("loud={KEY},quiet={QUIET_KEY},terse={TERSE_KEY}");
    Gateway::on(kind).setting("authorization", &keys).setting("record_keys", "quiet=off, terse=metadata,loud=full")
}

fn with_key(call: Call, key: &str) -> Call {
    call.without("Authorization").header("Authorization", &format!("Bearer {key}"))
}

fn is_full(record: &Record) -> bool {
    assert_eq!(record.text("body").is_empty(), record.text("response").is_empty(), "both bodies or none: {}", record.0);
    assert_eq!(record.number("tokens_in"), 11, "the row is whole in any case");
    assert_eq!(record.number("request_bytes"), CHAT.len() as i64);
    !record.text("body").is_empty()
}

fn a_header_lowers_the_level_and_never_raises_it(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = plan(kind).upstream(upstream.row("a")).start();
    for (value, count, full) in [("full", 1, true), ("Metadata", 2, false), ("off", 2, false), (" full ", 3, true)] {
        assert_eq!(gateway.send(Call::chat(CHAT).header("X-Record", value)).text(), COMPLETION);
        assert_eq!(is_full(&gateway.records_when(count)[0]), full, "{value}");
    }
    let both = Call::chat(CHAT).header("X-Record", "full").header("X-Record", "metadata");
    gateway.send(both);
    assert!(!is_full(&gateway.records_when(4)[0]), "the lower of two");
    gateway.set("recording", "metadata");
    gateway.send(Call::chat(CHAT).header("X-Record", "full"));
    assert!(!is_full(&gateway.records_when(5)[0]));
    gateway.set("recording", "off");
    gateway.send(Call::chat(CHAT).header("X-Record", "full"));
    gateway.set("recording", "full");
    gateway.send(Call::chat(CHAT));
    assert!(is_full(&gateway.records_when(6)[0]), "the one before is not recorded at all");
    for seen in upstream.seen() {
        assert_eq!(seen.head.get("x-record"), None, "the header is for us");
    }
}

fn a_header_that_says_no_level_is_refused(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = plan(kind).upstream(upstream.row("a")).start();
    for value in ["none", "", "off,full", "0"] {
        let answer = gateway.send(Call::chat(CHAT).header("X-Record", value));
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (400, "the header X-Record must be off, metadata or full")
        );
    }
    assert_eq!(upstream.count(), 0);
    assert_eq!(gateway.records_when(4)[0].end(), (400, "refused"));
    let stranger = with_key(Call::chat(CHAT), "nobody-knows-this-key").header("X-Record", "off");
    assert_eq!(gateway.send(stranger).status, 403);
    assert_eq!(gateway.records_when(5)[0].end(), (403, "refused"), "a stranger does not hide its trials");
}

fn a_keys_level_is_live_and_lowers(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = plan(kind).upstream(upstream.row("a")).start();
    gateway.send(with_key(Call::chat(CHAT), QUIET_KEY).header("X-Record", "full"));
    gateway.send(with_key(Call::chat(CHAT), TERSE_KEY));
    let record = gateway.record();
    assert_eq!((record.text("key_name"), is_full(&record)), ("terse", false));
    gateway.send(Call::chat(CHAT));
    assert!(is_full(&gateway.records_when(2)[0]));
    gateway.set("record_keys", "loud=metadata,stranger=off,quiet");
    gateway.send(Call::chat(CHAT));
    assert!(!is_full(&gateway.records_when(3)[0]));
    gateway.send(with_key(Call::chat(CHAT), QUIET_KEY));
    gateway.send(with_key(Call::chat(CHAT), TERSE_KEY));
    let record = gateway.records_when(4).remove(0);
    assert_eq!((record.text("key_name"), is_full(&record)), ("terse", true));
    for problem in ["names a client key that does not exist", "what cannot be read counts as off"] {
        assert!(gateway.log().contains(problem), "{problem}");
    }
}

fn the_level_of_the_upstream_that_answers_holds(kind: Kind) {
    let failing = FakeUpstream::always(Reply::json(500, SERVER_ERROR));
    let answering = FakeUpstream::always(good_stream());
    let gateway = plan(kind)
        .upstream(failing.row("a").set("recording", "off"))
        .upstream(answering.row("b").set("recording", "metadata"))
        .start();
    assert_eq!(gateway.send(Call::chat(CHAT_STREAM)).status, 200);
    let record = gateway.record();
    assert_eq!((record.text("body"), record.text("response")), ("", ""));
    assert_eq!((record.number("tokens_out"), record.statuses()), (2, vec![500, 200]));
    gateway.edit("UPDATE openai_upstreams SET recording = '' WHERE name = 'b'");
    gateway.send(Call::chat(CHAT_STREAM));
    assert_eq!(gateway.records_when(2)[0].text("body"), CHAT_STREAM, "as the setting says");
    gateway.edit("UPDATE openai_upstreams SET recording = 'off' WHERE name = 'b'");
    gateway.send(Call::chat(CHAT_STREAM));
    answering.now_answers(Reply::new().hang());
    let left = Call::chat(CHAT_STREAM).open(gateway.address());
    answering.reached(4);
    left.hang_up();
    answering.hung_up();
    gateway.edit("UPDATE openai_upstreams SET recording = 'full', endpoint = endpoint || '/' WHERE name = 'b'");
    answering.now_answers(good_stream());
    gateway.send(Call::chat(CHAT_STREAM));
    assert_eq!(gateway.records_when(3)[0].text("body"), CHAT_STREAM, "neither of the two before is recorded");
}

fn a_body_that_passes_through_leaves_nothing_where_nothing_may_be_kept(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway =
        plan(kind).setting("replay_buffer_bytes", "1000").upstream(upstream.row("a").set("recording", "off")).start();
    let large = CHAT.replace("Say hello.", &"x".repeat(50_000));
    assert_eq!(gateway.send(Call::chat(&large)).status, 200);
    gateway.edit("UPDATE openai_upstreams SET recording = 'metadata'");
    assert_eq!(gateway.send(Call::chat(&large)).status, 200);
    let record = gateway.record();
    assert_eq!((record.text("body"), record.text("response")), ("", ""));
    assert_eq!(record.number("request_bytes"), large.len() as i64);
    gateway.edit("UPDATE openai_upstreams SET recording = ''");
    assert_eq!(gateway.send(Call::chat(&large)).status, 200);
    assert_eq!(gateway.records_when(2)[0].text("body"), large);
}

fn an_upstreams_level_is_shown_and_set_over_the_admin_api(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let made = r#"{"sk":"sk-level-1111","endpoint":"https://a.example/v1","recording":"Metadata"}"#;
    let made = gateway.admin("POST", "/admin/upstreams", made).json();
    assert_eq!(made["recording"], "metadata");
    let target = format!("/admin/upstreams/{}", crate::support::record::id(&made["id"]));
    assert_eq!(gateway.admin("PUT", &target, r#"{"recording":""}"#).json()["recording"], "");
    let wrong = gateway.admin("PUT", &target, r#"{"recording":"none"}"#);
    assert_eq!(wrong.status, 400);
    assert!(wrong.error().contains("recording: must be off, metadata or full"), "{}", wrong.text());
    assert_eq!(gateway.admin("GET", &target, "").json()["recording"], "");
    gateway.edit("UPDATE openai_upstreams SET recording = 'perhaps'");
    assert!(gateway.log().contains("recording must be off, metadata or full"), "{}", gateway.log());
}

on_both! {
    a_header_lowers_the_level_and_never_raises_it,
    a_header_that_says_no_level_is_refused,
    a_keys_level_is_live_and_lowers,
    the_level_of_the_upstream_that_answers_holds,
    a_body_that_passes_through_leaves_nothing_where_nothing_may_be_kept,
    an_upstreams_level_is_shown_and_set_over_the_admin_api,
}
