//! What the harness claims to see is what happens: client against fake upstream, without a gateway.

use std::io::ErrorKind;
use std::time::Duration;

use crate::support::client::Call;
use crate::support::database::{Database, Folder, Kind};
use crate::support::http::Framing;
use crate::support::reply::{Gate, Reply};
use crate::support::samples::{COMPLETION, good};
use crate::support::upstream::FakeUpstream;
use crate::support::{noise, on_both, tls};

#[test]
fn a_request_is_remembered_and_answered_byte_for_byte() {
    let upstream = FakeUpstream::always(good());
    let answer = Call::post("/v1/x?a=%20b", "{}").header("X-Odd-Case", "1").send(upstream.address());
    assert_eq!((answer.status, answer.text().as_str(), answer.whole), (200, COMPLETION, true));
    let seen = upstream.only();
    assert_eq!((seen.method(), seen.target(), seen.text().as_str()), ("POST", "/v1/x?a=%20b", "{}"));
    assert_eq!(seen.head.get("x-odd-case"), Some("1"));
    assert!(seen.whole && seen.hung_up.is_none());
}

#[test]
fn bodies_of_every_framing_are_read_whole() {
    let body = noise(300_000);
    let (sent, size) = (body.clone(), body.len());
    let upstream = FakeUpstream::with(move |_, n| match n {
        0 => Reply::sized(200, &[], &sent),
        1 => Reply::head(200, &[("Transfer-Encoding", "chunked")]).chunk(&sent[..7]).chunk(&sent[7..]).last_chunk(),
        _ => Reply::head(200, &[]).bytes(&sent).close(),
    });
    for framing in [Framing::Sized(size as u64), Framing::Chunked, Framing::UntilClose] {
        let answer = Call::new("POST", "/").body(&body).chunked().send(upstream.address());
        assert_eq!((answer.framing, answer.whole), (framing, true));
        assert!(answer.body == body);
    }
    assert!(upstream.seen().iter().all(|seen| seen.body == body && seen.whole));
}

#[test]
fn a_cut_is_told_from_an_end() {
    for cut in [
        Reply::head(200, &[("Content-Length", "10")]).bytes("12345").close(),
        Reply::head(200, &[("Content-Length", "10")]).bytes("12345").reset(),
        Reply::head(200, &[("Transfer-Encoding", "chunked")]).chunk("12345").close(),
        Reply::head(200, &[("Transfer-Encoding", "chunked")]).bytes("a\r\n12345").reset(),
    ] {
        let upstream = FakeUpstream::always(cut);
        let answer = Call::get("/").send(upstream.address());
        assert_eq!((answer.text().as_str(), answer.whole), ("12345", false));
    }
}

#[test]
fn a_reset_is_a_reset_and_a_close_is_a_close() {
    use std::io::{Read, Write};
    for (reply, kind) in [(Reply::new().reset(), Some(ErrorKind::ConnectionReset)), (Reply::new().close(), None)] {
        let upstream = FakeUpstream::always(reply);
        let mut tcp = std::net::TcpStream::connect(upstream.address()).unwrap();
        tcp.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let end = tcp.read(&mut [0; 8]);
        assert_eq!(end.as_ref().err().map(std::io::Error::kind), kind, "{end:?}");
    }
}

#[test]
fn an_upstream_notices_that_its_peer_left() {
    let gate = Gate::new();
    for reply in [Reply::new().hang(), Reply::stream().event("1").wait(&gate), Reply::stream().pause(60_000)] {
        let upstream = FakeUpstream::always(reply);
        let exchange = Call::get("/").open(upstream.address());
        upstream.reached(1);
        let left = std::time::Instant::now();
        exchange.hang_up();
        assert!(upstream.hung_up().duration_since(left) < Duration::from_millis(500));
    }
}

#[test]
fn a_gate_holds_a_chunk_until_it_is_opened() {
    let gate = Gate::new();
    let upstream = FakeUpstream::always(Reply::stream().event("one").wait(&gate).event("two").done());
    let mut exchange = Call::get("/").open(upstream.address());
    exchange.until_body_has("one");
    assert_eq!(exchange.so_far(), b"data: one\n\n");
    gate.open();
    let answer = exchange.finish();
    assert_eq!(answer.text(), "data: one\n\ndata: two\n\ndata: [DONE]\n\n");
}

#[test]
fn a_tls_upstream_shows_its_own_certificate() {
    let identity = tls::self_signed();
    let upstream = FakeUpstream::tls(&identity, good());
    let mut connector = openssl::ssl::SslConnector::builder(openssl::ssl::SslMethod::tls_client()).unwrap();
    let certificate = openssl::x509::X509::from_pem(&identity.pem).unwrap();
    connector.cert_store_mut().add_cert(certificate).unwrap();
    let tcp = std::net::TcpStream::connect(upstream.address()).unwrap();
    let mut tls = connector.build().connect("127.0.0.1", tcp).unwrap();
    std::io::Write::write_all(&mut tls, b"GET /tls HTTP/1.1\r\n\r\n").unwrap();
    let head = crate::support::http::Incoming::new(tls).head().unwrap().unwrap();
    assert_eq!(head.word(1), "200");
    assert_eq!(upstream.only().target(), "/tls");
}

fn each_test_has_a_database_of_its_own(kind: Kind) {
    let folder = Folder::new();
    let database = Database::empty(kind, &folder);
    assert_eq!(
        database.sql("CREATE TABLE t (a text, b int); INSERT INTO t VALUES ('x', 1); SELECT a, b FROM t"),
        "x|1"
    );
}

on_both! {
    each_test_has_a_database_of_its_own,
}
