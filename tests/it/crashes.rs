//! `kill -9`: under load, while records are caught up with, and in strict mode at any moment.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::support::client::Call;
use crate::support::database::{Database, Kind, Lock};
use crate::support::gateway::{Gateway, Plan};
use crate::support::load::{Load, Served, echo, stands_once, stored};
use crate::support::record::Record;
use crate::support::reply::Reply;
use crate::support::samples::{CHAT, CHAT_STREAM, good, good_stream};
use crate::support::upstream::FakeUpstream;
use crate::support::{on_both, until};

/// The promise is 100 ms; a machine with too few cores gets the rest.
const RECORDED_WITHIN: Duration = Duration::from_millis(500);

/// An outage: what ends it comes back.
enum Outage {
    Locked(Lock),
    Refused(Database),
}

impl Outage {
    fn of(database: &Database) -> Outage {
        match database.kind {
            Kind::Sqlite => Outage::Locked(Lock::on(database)),
            Kind::Postgres => {
                database.refuse_everybody();
                Outage::Refused(database.clone())
            }
        }
    }

    fn end(self) {
        match self {
            Outage::Locked(lock) => lock.release(),
            Outage::Refused(database) => database.admit_everybody(),
        }
    }
}

fn count(gateway: &Gateway, what: &str) -> String {
    gateway.database.sql(&format!("SELECT count(*) FROM {what}"))
}

/// Everything that has to fit together does.
fn is_consistent(gateway: &Gateway) {
    if gateway.database.kind == Kind::Sqlite {
        assert_eq!(gateway.database.sql("PRAGMA integrity_check"), "ok");
    }
    for none in [
        "records WHERE id NOT IN (SELECT record_id FROM record_bodies)",
        "record_bodies WHERE record_id NOT IN (SELECT id FROM records)",
        "links WHERE record_id NOT IN (SELECT id FROM records)",
        "newest_links WHERE record_id NOT IN (SELECT id FROM records)",
        "records WHERE conversation_id NOT IN (SELECT id FROM records)",
        "blobs WHERE pack_id NOT IN (SELECT id FROM packs)",
        "segments WHERE id NOT IN (SELECT segment_id FROM segment_parts)",
        "marks WHERE name = 'indexed' AND value > (SELECT coalesce(max(id), 0) FROM records)",
    ] {
        assert_eq!(count(gateway, none), "0", "{none}");
    }
    // The indexer sweeps when it starts.
    until("no part is left without its segment", || {
        (count(gateway, "segment_parts WHERE segment_id NOT IN (SELECT id FROM segments)") == "0").then_some(())
    });
}

/// Each of these has its record, whole, and the records of one conversation are one.
fn are_recorded(gateway: &Gateway, served: &[Served]) {
    let records = gateway.all_records();
    let by_text: HashMap<&str, &Record> =
        records.iter().filter_map(|record| Some((record.text("path").split_once("n=")?.1, record))).collect();
    for one in served {
        let record = by_text.get(one.text.as_str()).unwrap_or_else(|| panic!("{} is lost", one.text));
        assert_eq!((record.end(), record.text("body")), ((200, "complete"), one.body.as_str()));
        assert!(record.text("response").contains(&format!("re: {}", one.text)), "{}", record.text("response"));
        assert_eq!(record.is("streamed"), one.streamed);
    }
    let rows = gateway.database.sql("SELECT id, conversation_id FROM records");
    let conversations: HashMap<&str, &str> = rows.lines().filter_map(|row| row.split_once('|')).collect();
    let mut found = HashMap::new();
    for one in served {
        let conversation = conversations[by_text[one.text.as_str()].id("id").as_str()];
        let first = *found.entry(&one.conversation).or_insert(conversation);
        assert_eq!(first, conversation, "{} continues its conversation", one.text);
    }
}

fn a_kill_under_load_loses_nothing_that_had_ended_before(kind: Kind) {
    let upstream = echo();
    let mut gateway = Gateway::with(kind, [upstream.row("a")]);
    let load = Load::on(gateway.address());
    // A database that was copied a moment ago takes its time with the first ones.
    until("the first records are stored", || (stored(&gateway.database).len() >= 50).then_some(()));
    load.reached(load.count() + 400);
    let killed = Instant::now();
    gateway.crash();
    let mut served = load.end();
    served.retain(|one| one.at + RECORDED_WITHIN <= killed);
    assert!(!served.is_empty(), "some replies had ended long enough before");
    gateway.start_again();
    stands_once(&gateway.database, &served);
    are_recorded(&gateway, &served);
    is_consistent(&gateway);
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
}

fn a_kill_while_catching_up_stores_each_record_exactly_once(kind: Kind) {
    let upstream = echo();
    let mut gateway = Gateway::with(kind, [upstream.row("a")]);
    let mut all = Vec::new();
    for round in 0..5 {
        let before = stored(&gateway.database).len();
        assert!(gateway.metric("database_up").is_some(), "the admin's password is known before the outage");
        let outage = Outage::of(&gateway.database);
        let load = Load::on(gateway.address());
        load.reached(1000);
        let served = load.end();
        // All of them wait in the spill file before the crash.
        until("the records are spilled", || {
            let waiting = gateway.metric("record_spill_bytes")?;
            (waiting > 0.0 && gateway.metric("recorder_queue_bytes") == Some(0.0)).then_some(())
        });
        outage.end();
        all.extend(served);
        until("catching up has begun", || (stored(&gateway.database).len() > before).then_some(()));
        gateway.crash();
        let in_the_middle = stored(&gateway.database).len() < all.len();
        gateway.start_again();
        stands_once(&gateway.database, &all);
        is_consistent(&gateway);
        if in_the_middle {
            return;
        }
        assert!(round < 4, "no crash came in the middle");
    }
}

fn strict(kind: Kind) -> Plan {
    Gateway::on(kind).setting("record_durability", "strict")
}

fn in_strict_mode_a_kill_at_any_moment_loses_nothing_that_has_ended(kind: Kind) {
    let upstream = echo();
    let mut gateway = strict(kind).upstream(upstream.row("a")).start();
    let mut all = Vec::new();
    for requests in [40, 75, 110] {
        let load = Load::on(gateway.address());
        load.reached(requests);
        gateway.crash();
        all.extend(load.end());
        gateway.start_again();
        stands_once(&gateway.database, &all);
        are_recorded(&gateway, &all);
    }
    is_consistent(&gateway);
}

fn in_strict_mode_the_spill_file_is_good_enough(kind: Kind) {
    let upstream = echo();
    let mut gateway = strict(kind).upstream(upstream.row("a")).start();
    let load = Load::on(gateway.address());
    load.reached(20);
    let outage = Outage::of(&gateway.database);
    load.reached(120);
    gateway.crash();
    let served = load.end();
    outage.end();
    gateway.start_again();
    stands_once(&gateway.database, &served);
}

fn in_strict_mode_every_shape_of_reply_waits_for_its_record(kind: Kind) {
    let upstream = FakeUpstream::with(|seen, _| match seen.target() {
        "/v1/stream" => good_stream(),
        "/v1/unended" => Reply::stream().event("1").event("2").last_chunk(),
        "/v1/lingering" => Reply::stream().event("1").done().hang(),
        "/v1/none" => Reply::head(204, &[]),
        "/v1/empty" => Reply::json(200, ""),
        "/v1/head" => Reply::head(200, &[("Content-Length", "5")]),
        "/v1/close" => Reply::head(200, &[]).bytes("until the end").close(),
        _ => good(),
    });
    let mut gateway = strict(kind).upstream(upstream.row("a")).start();
    let calls = [
        ("good", Call::chat(CHAT)),
        ("stream", Call::post("/v1/stream", CHAT_STREAM)),
        ("unended", Call::post("/v1/unended", CHAT_STREAM)),
        ("none", Call::post("/v1/none", CHAT)),
        ("empty", Call::post("/v1/empty", CHAT)),
        ("head", Call::new("HEAD", "/v1/head")),
        ("close", Call::post("/v1/close", CHAT)),
        ("refused", Call::chat(CHAT).without("Authorization")),
    ];
    for (number, (shape, call)) in calls.into_iter().enumerate() {
        let answer = gateway.send(call);
        gateway.crash();
        assert!(answer.whole, "{shape}");
        gateway.start_again();
        // It may have got as far as the spill file, and comes from there.
        until(shape, || (count(&gateway, "records") == (number + 1).to_string()).then_some(()));
    }
    let mut exchange = Call::post("/v1/lingering", CHAT_STREAM).open(gateway.address());
    exchange.until_body_has("[DONE]");
    gateway.crash();
    gateway.start_again();
    until("a stream that does not end after its last event", || (count(&gateway, "records") == "9").then_some(()));
}

fn in_strict_mode_a_stop_in_order_loses_no_byte_of_a_running_reply(kind: Kind) {
    let upstream = echo();
    let mut gateway = strict(kind).upstream(upstream.row("a")).start();
    let load = Load::on(gateway.address());
    load.reached(50);
    gateway.signal("TERM");
    assert_eq!(gateway.ended().code, Some(0));
    let served = load.end();
    stands_once(&gateway.database, &served);
    assert_eq!(stored(&gateway.database).len(), served.len(), "no reply was cut whose record says that it is whole");
}

on_both! {
    a_kill_under_load_loses_nothing_that_had_ended_before,
    a_kill_while_catching_up_stores_each_record_exactly_once,
    in_strict_mode_a_kill_at_any_moment_loses_nothing_that_has_ended,
    in_strict_mode_the_spill_file_is_good_enough,
    in_strict_mode_every_shape_of_reply_waits_for_its_record,
    in_strict_mode_a_stop_in_order_loses_no_byte_of_a_running_reply,
}
