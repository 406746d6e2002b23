//! Databases that are locked, full or stopped, under load: callers see nothing, and afterwards everything is there, once.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::client::Call;
use crate::support::database::{Database, Folder, Kind, Lock};
use crate::support::gateway::Gateway;
use crate::support::load::{Load, echo, stands_once};
use crate::support::postgres::Cluster;
use crate::support::reply::Reply;
use crate::support::samples::{CHAT, good};
use crate::support::upstream::FakeUpstream;
use crate::support::{on_both, until};

/// Waits until all that was served is stored, and looks at it.
fn everything_is_there(gateway: &Gateway, served: &[crate::support::load::Served]) {
    stands_once(&gateway.database, served);
    until("nothing waits any more", || {
        let waiting = ["record_spill_bytes", "recorder_queue_bytes"].map(|name| gateway.metric(name));
        (waiting == [Some(0.0), Some(0.0)] && gateway.metric("database_up") == Some(1.0)).then_some(())
    });
    assert_eq!(gateway.metric("records_lost_total"), Some(0.0));
}

/// More load, and the outage in numbers, before it ends.
fn goes_on_in_the_outage(gateway: &Gateway, load: &Load) {
    load.reached(load.count() + 200);
    until("the overview tells of the outage", || {
        let overview = gateway.admin("GET", "/admin/overview", "").json();
        (overview["database"] == "away" && overview["spilled_bytes"].as_u64()? > 0).then_some(())
    });
    load.reached(load.count() + 200);
}

fn a_database_that_another_program_locks_under_load_gets_every_record_later(kind: Kind) {
    let upstream = echo();
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    assert_eq!(gateway.metric("records_lost_total"), Some(0.0), "the admin's password is known");
    let load = Load::on(gateway.address());
    load.reached(50);
    let lock = Lock::on(&gateway.database);
    goes_on_in_the_outage(&gateway, &load);
    lock.release();
    load.reached(load.count() + 50);
    everything_is_there(&gateway, &load.end());
}

#[test]
fn a_postgres_that_is_stopped_under_load_and_started_again_gets_every_record_later() {
    let upstream = echo();
    let (cluster, folder) = (Cluster::start("on"), Folder::new());
    let database = Database::in_cluster(&cluster);
    let gateway = Gateway::on(Kind::Postgres).upstream(upstream.row("a")).start_on(folder, database);
    // The admin's password is known before the outage.
    assert_eq!(gateway.metric("database_up"), Some(1.0));
    for _ in 0..3 {
        let load = Load::on(gateway.address());
        load.reached(50);
        cluster.stop();
        goes_on_in_the_outage(&gateway, &load);
        cluster.start_again();
        load.reached(load.count() + 50);
        let served = load.end();
        everything_is_there(&gateway, &served);
        gateway.database.sql("DELETE FROM records");
    }
}

/// A way to Postgres that, when it is told to, swallows the answer to the next commit and breaks the connection.
struct Wire {
    address: SocketAddr,
    swallows: Arc<AtomicUsize>,
}

impl Wire {
    fn to(port: u16) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, swallows) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
        let told = Arc::clone(&swallows);
        // Ends with the process: nothing connects once the test is over.
        thread::spawn(move || {
            for from in listener.incoming().flatten() {
                let (to, told) = (TcpStream::connect(("127.0.0.1", port)).unwrap(), Arc::clone(&told));
                thread::spawn(move || pass(from, to, &told));
            }
        });
        Wire { address, swallows }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, told: &AtomicUsize) {
    let (mut back_from, mut back_to) = (to.try_clone().unwrap(), from.try_clone().unwrap());
    let deaf = Arc::<AtomicUsize>::default();
    let swallowing = Arc::clone(&deaf);
    let back = thread::spawn(move || {
        let mut bytes = [0; 1 << 14];
        while let Ok(read @ 1..) = back_from.read(&mut bytes) {
            if swallowing.load(Ordering::SeqCst) > 0 {
                break;
            }
            if back_to.write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        let _ = back_to.shutdown(Shutdown::Both);
    });
    let mut bytes = [0; 1 << 14];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        let commits = bytes[..read].windows(7).any(|window| window == b"COMMIT\0");
        let takes = |left: usize| left.checked_sub(1);
        if commits && told.fetch_update(Ordering::SeqCst, Ordering::SeqCst, takes).is_ok() {
            deaf.store(1, Ordering::SeqCst);
        }
        if to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    back.join().unwrap();
}

#[test]
fn a_commit_whose_answer_is_lost_is_not_made_twice() {
    let upstream = echo();
    for full_disk in [false, true] {
        let folder = Folder::new();
        let database = Database::started(Kind::Postgres, &folder);
        let (before, name) = database.location.rsplit_once('/').unwrap();
        let wire = Wire::to(before.rsplit_once(':').unwrap().1.parse().unwrap());
        let through = Database {
            location: format!("postgres://postgres@{}/{name}?sslmode=disable", wire.address),
            ..database.clone()
        };
        let mut gateway = Gateway::on(Kind::Postgres).upstream(upstream.row("a")).start_on(folder, through);
        let load = Load::on(gateway.address());
        load.reached(50);
        if full_disk {
            gateway.limit_files("1");
        }
        for _ in 0..3 {
            wire.swallows.store(1, Ordering::SeqCst);
            until("an answer is swallowed", || (wire.swallows.load(Ordering::SeqCst) == 0).then_some(()));
            load.reached(load.count() + 100);
        }
        // Once more, and a crash right behind it: what is in doubt then is found out at the next start.
        let mut served = Vec::new();
        if !full_disk {
            wire.swallows.store(1, Ordering::SeqCst);
            until("an answer is swallowed", || (wire.swallows.load(Ordering::SeqCst) == 0).then_some(()));
            served = load.end();
            until("all records are stored or spilled", || {
                (gateway.metric("recorder_queue_bytes")? == 0.0).then_some(())
            });
            gateway.crash();
            gateway.start_again();
        } else {
            served.extend(load.end());
        }
        stands_once(&database, &served);
        assert_eq!(gateway.metric("records_lost_total"), Some(0.0));
    }
}

/// Nothing takes records any more: neither the database nor the spill file.
fn fill_the_disk(gateway: &Gateway) {
    assert!(gateway.metric("database_up").is_some(), "the admin's password is known");
    gateway.limit_files("1");
    if gateway.database.kind == Kind::Postgres {
        gateway.database.refuse_everybody();
    }
}

fn empty_the_disk(gateway: &Gateway) {
    if gateway.database.kind == Kind::Postgres {
        gateway.database.admit_everybody();
    }
    gateway.limit_files("unlimited");
}

fn on_a_full_disk_records_wait_in_memory(kind: Kind) {
    let upstream = echo();
    for durability in ["normal", "strict"] {
        let plan = Gateway::on(kind).setting("record_durability", durability);
        let gateway = plan.upstream(upstream.row("a")).start();
        let load = Load::on(gateway.address());
        load.reached(50);
        fill_the_disk(&gateway);
        load.reached(load.count() + 200);
        until("records wait in memory", || (gateway.metric("recorder_queue_bytes")? > 100_000.0).then_some(()));
        load.reached(load.count() + 50);
        empty_the_disk(&gateway);
        load.reached(load.count() + 50);
        everything_is_there(&gateway, &load.end());
    }
}

fn what_does_not_fit_into_memory_is_counted_and_told(kind: Kind) {
    let feishu = FakeUpstream::always(Reply::json(200, r#"{"code":0}"#));
    let upstream = FakeUpstream::always(good());
    let plan =
        Gateway::on(kind).setting("record_memory_bytes", "300000").setting("feishu_webhook", &feishu.url("/hook"));
    let gateway = plan.upstream(upstream.row("a")).start();
    fill_the_disk(&gateway);
    let sent = 400;
    for _ in 0..sent {
        assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    }
    // A record is filed after its reply: the last ones may be counted a moment later.
    let lost = || gateway.metric("records_lost_total");
    until("losses are counted, and told as they are", || {
        let told = gateway.admin("GET", "/admin/overview", "").json()["records_lost"].as_f64();
        lost().filter(|lost| *lost > 0.0 && Some(*lost) == told)
    });
    assert!(gateway.metric("recorder_queue_bytes").unwrap() <= 300_000.0);
    feishu.reached(1);
    assert!(feishu.seen()[0].text().contains("recording failed"), "{}", feishu.seen()[0].text());
    empty_the_disk(&gateway);
    let all = || {
        let rows: f64 = gateway.database.sql("SELECT count(*) FROM records").parse().unwrap();
        Some(rows + lost()?)
    };
    until("what was not lost is stored", || all().filter(|all| *all >= f64::from(sent)));
    feishu.reached(2);
    assert!(feishu.seen()[1].text().contains("recording recovered"), "{}", feishu.seen()[1].text());
    assert_eq!(all(), Some(f64::from(sent)));
    let said = gateway.log().matches("is lost").count();
    assert!((1..10).contains(&said), "a loss is said now and then, not {said} times");
}

fn a_long_outage_is_told_once_and_its_end(kind: Kind) {
    let feishu = FakeUpstream::always(Reply::json(200, r#"{"code":0}"#));
    let upstream = FakeUpstream::always(good());
    let plan = Gateway::on(kind).setting("feishu_webhook", &feishu.url("/hook"));
    let gateway = plan.upstream(upstream.row("a")).start();
    let lock = match kind {
        Kind::Sqlite => Some(Lock::on(&gateway.database)),
        Kind::Postgres => {
            gateway.database.refuse_everybody();
            None
        }
    };
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    feishu.reached(1);
    assert!(feishu.only().text().contains("takes no records"), "{}", feishu.only().text());
    match lock {
        Some(lock) => lock.release(),
        None => gateway.database.admit_everybody(),
    }
    feishu.reached(2);
    assert!(feishu.seen()[1].text().contains("recording recovered"), "{}", feishu.seen()[1].text());
    assert_eq!(gateway.records_when(1).len(), 1);
}

on_both! {
    a_database_that_another_program_locks_under_load_gets_every_record_later,
    on_a_full_disk_records_wait_in_memory,
    what_does_not_fit_into_memory_is_counted_and_told,
    a_long_outage_is_told_once_and_its_end,
}
