//! Records that a database cannot store as they are: kept in the closest faithful form, marked, and never at others' cost.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::record::Record;
use crate::support::reply::Reply;
use crate::support::samples::{CHAT, COMPLETION, good};
use crate::support::upstream::FakeUpstream;
use crate::support::{KEY, PATIENCE, on_both, until, within};

fn by_path<'a>(records: &'a [Record], path: &str) -> &'a Record {
    records.iter().find(|record| record.text("path") == path).unwrap_or_else(|| panic!("a record of {path}"))
}

fn poison_among_good_records_takes_none_of_them_along(kind: Kind) {
    let nul = "{\"model\":\"m\",\"choices\":[{\"message\":{\"content\":\"a\0b\"}}]}".to_owned();
    let reply = nul.clone();
    let upstream = FakeUpstream::with(move |seen, _| match seen.target() {
        "/v1/nul" => Reply::sized(200, &[("Content-Type", "application/json")], &reply),
        "/v1/escaped" => Reply::json(200, &COMPLETION.replace("gpt-4o-mini-2024", "nul\\u0000model")),
        "/v1/bytes" => Reply::sized(200, &[("Content-Type", "application/json")], [b'{', 0xff, 0, 0xfe]),
        "/v1/words" => Reply::sized(200, &[("Content-Type", "application/json")], "no JSON at all"),
        _ => good(),
    });
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let address = gateway.address();
    let poison = CHAT.replace("gpt-4o-mini", "nul\\u0000model");
    let bytes = [b"{\"model\":\"m\",\"messages\":[{\"content\":\"".as_slice(), &[0xff, 0, 0xc3], b"\"}]}"].concat();
    let calls = vec![
        Call::post("/v1/good", CHAT),
        Call::post("/v1/nul", &CHAT.replace("Say", "\0Say")),
        Call::post("/v1/escaped", &poison),
        Call::post("/v1/good", CHAT),
        Call::new("POST", "/v1/bytes").header("Content-Type", "application/json").body(&bytes),
        Call::post("/v1/words", "neither is this"),
        Call::post("/v1/good", CHAT),
    ];
    // At once, so that they come in one batch.
    let callers: Vec<_> = calls.into_iter().map(|call| thread::spawn(move || call.send(address).status)).collect();
    assert!(callers.into_iter().all(|caller| caller.join().unwrap() == 200));
    let records = gateway.records_when(7);
    assert_eq!(records.iter().filter(|record| record.text("body") == CHAT).count(), 3);
    let record = by_path(&records, "/v1/nul");
    assert_eq!((record.text("body"), record.text("response")), (&*CHAT.replace("Say", "\0Say"), nul.as_str()));
    let record = by_path(&records, "/v1/escaped");
    assert_eq!((record.text("body"), record.text("model")), (&*poison, "nul\u{fffd}model"));
    assert_eq!(record.text("body_note"), "characters replaced in the row");
    let id = by_path(&records, "/v1/bytes").id("id");
    let record = by_path(&records, "/v1/bytes");
    assert_eq!(record.text("body"), String::from_utf8_lossy(&bytes), "record {id}");
    assert_eq!(record.text("response"), "{\u{fffd}\0\u{fffd}");
    let record = by_path(&records, "/v1/words");
    assert_eq!((record.text("body"), record.text("response")), ("neither is this", "no JSON at all"));
    assert_eq!((record.text("body_note"), record.text("response_note")), ("", ""));
}

fn headers_and_paths_that_are_no_utf_8_are_recorded_and_marked(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let send = |line: &[u8], agent: &[u8]| {
        let mut tcp = TcpStream::connect(gateway.address()).unwrap();
        let rest = format!("\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 0\r\nConnection: close\r\n");
        tcp.write_all(&[line, b" HTTP/1.1", rest.as_bytes(), b"User-Agent: ", agent, b"\r\n\r\n"].concat()).unwrap();
        let mut answer = Vec::new();
        tcp.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).split_whitespace().nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(send(b"POST /v1/agent", b"agent \xff\xfe"), "200");
    assert_eq!(send(b"POST /v1/percent%FF%00", b"fine"), "200");
    let records = gateway.records_when(2);
    let agent = by_path(&records, "/v1/agent");
    assert_eq!(agent.text("user_agent"), "agent \u{fffd}\u{fffd}");
    assert_eq!(agent.text("body_note"), "characters replaced in the row");
    assert_eq!(by_path(&records, "/v1/percent%FF%00").text("body_note"), "");
    // Bytes beyond ASCII make no address (RFC 9112, section 3.2): such a request is refused before it is one.
    assert_eq!(send(b"POST /v1/\xff\xfe", b"fine"), "400");
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    gateway.records_when(3);
}

fn a_giant_body_is_stored_whole_and_delays_nobody(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let body = CHAT.replace("Say hello.", &"All work and no play makes Jack a dull boy. ".repeat(1_500_000));
    assert!(body.len() > 64_000_000);
    let (address, giant) = (gateway.address(), Call::chat(&body));
    let caller = thread::spawn(move || giant.send(address).status);
    for _ in 0..20 {
        assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    }
    assert_eq!(caller.join().unwrap(), 200);
    let sql = |what: &str| gateway.database.sql(&format!("SELECT {what} FROM records"));
    within(PATIENCE * 3, "21 records are stored", || (sql("count(*)") == "21").then_some(()));
    let id: i64 = gateway.database.sql("SELECT id FROM records WHERE request_bytes > 1000").parse().unwrap();
    let shown = gateway.admin("GET", &format!("/admin/request_records?limit=1&before={}", id + 1), "");
    let record = Record(shown.json()[0].clone());
    assert!(record.text("body") == body, "{} of {} bytes", record.text("body").len(), body.len());
    assert_eq!(record.text("body_note"), "sent once: larger than the replay buffer");
    assert_eq!(sql("min(request_bytes)"), CHAT.len().to_string());
}

/// Makes the database refuse rows of this table; `when` is a condition on `NEW`.
pub fn refuse(gateway: &Gateway, table: &str, when: &str) {
    gateway.database.sql(&match gateway.database.kind {
        Kind::Sqlite => format!(
            "CREATE TRIGGER refuse_{table} BEFORE INSERT ON {table} WHEN {when} BEGIN SELECT RAISE(ABORT, 'not here'); END"
        ),
        Kind::Postgres => format!(
            "CREATE FUNCTION refuse_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ \
             BEGIN IF {when} THEN RAISE EXCEPTION 'not here'; END IF; RETURN NEW; END $$; \
             CREATE TRIGGER refuse_{table} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_{table}()"
        ),
    });
}

/// Ends that.
pub fn admit(gateway: &Gateway, table: &str) {
    let on = if gateway.database.kind == Kind::Postgres { format!(" ON {table}") } else { String::new() };
    gateway.database.sql(&format!("DROP TRIGGER refuse_{table}{on}"));
}

fn what_the_database_refuses_of_a_record_is_left_out_and_marked(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    refuse(&gateway, "records", "NEW.user_agent = 'suite/row'");
    let of_body = "NEW.body IS NOT NULL AND (SELECT user_agent FROM records WHERE id = NEW.record_id) = 'suite/body'";
    refuse(&gateway, "record_bodies", of_body);
    let address = gateway.address();
    let agents = ["suite/good", "suite/row", "suite/good", "suite/body", "suite/good"];
    let callers = agents.map(|agent| thread::spawn(move || Call::chat(CHAT).header("User-Agent", agent).send(address)));
    assert!(callers.into_iter().all(|caller| caller.join().unwrap().status == 200));
    let records = gateway.records_when(5);
    let agent = |wanted: &str| records.iter().filter(|record| record.text("user_agent") == wanted).collect::<Vec<_>>();
    let good = agent("suite/good");
    assert_eq!(good.iter().filter(|record| record.text("body") == CHAT).count(), 3);
    let note = "lost: the database refused it";
    let [body] = agent("suite/body")[..] else { panic!("its row is kept") };
    assert_eq!((body.text("path"), body.text("model")), ("/v1/chat/completions", "gpt-4o-mini"));
    let [row] = agent("")[..] else { panic!("its numbers are kept") };
    assert_eq!((row.text("path"), row.text("key_name")), ("", good[0].text("key_name")));
    for poorer in [body, row] {
        assert_eq!((poorer.text("body_note"), poorer.text("response_note")), (note, note));
        assert_eq!((poorer.text("body"), poorer.end()), ("", good[0].end()));
    }
    assert_eq!(gateway.metric("records_lost_total"), Some(0.0));
}

fn a_database_that_refuses_every_record_gets_them_when_it_takes_them_again(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    refuse(&gateway, "records", "1 = 1");
    for _ in 0..20 {
        assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    }
    until("they wait in the spill file, and that is told", || {
        let waiting = gateway.metric("record_spill_bytes")? > 0.0 && gateway.metric("recorder_queue_bytes")? == 0.0;
        (waiting && gateway.metric("database_up")? == 0.0).then_some(())
    });
    assert!(gateway.records().is_empty());
    admit(&gateway, "records");
    let records = gateway.records_when(20);
    assert!(records.iter().all(|record| record.text("body") == CHAT && record.text("body_note").is_empty()));
    assert_eq!(gateway.metric("records_lost_total"), Some(0.0));
}

on_both! {
    poison_among_good_records_takes_none_of_them_along,
    what_the_database_refuses_of_a_record_is_left_out_and_marked,
    a_database_that_refuses_every_record_gets_them_when_it_takes_them_again,
    headers_and_paths_that_are_no_utf_8_are_recorded_and_marked,
    a_giant_body_is_stored_whole_and_delays_nobody,
}
