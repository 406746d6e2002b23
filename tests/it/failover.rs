//! One upstream fails, the caller notices nothing; all fail, the caller hears the truth.

use std::net::{TcpListener, TcpStream};

use socket2::{Domain, Socket, Type};

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::reply::Reply;
use crate::support::row::{Row, refused};
use crate::support::samples::{
    BAD_REQUEST, CHAT, CHAT_STREAM, KEY_ERROR, QUOTA_ERROR, RATE_ERROR, SERVER_ERROR, delta, good, good_from,
    good_stream, role,
};
use crate::support::tls;
use crate::support::until;
use crate::support::upstream::FakeUpstream;

/// The first upstream fails this way: the second answers, and the record tells both.
fn moves_on(kind: Kind, failing: Row, status: i64) {
    let spare = FakeUpstream::always(good_from("b"));
    let gateway = Gateway::with(kind, [failing, spare.row("b")]);
    let answer = gateway.send(Call::chat(CHAT));
    assert!(answer.whole && answer.text().contains("Hello from b!"), "{} {}", answer.status, answer.text());
    assert_eq!(answer.status, 200);
    assert_eq!(spare.only().text(), CHAT);
    let record = gateway.record();
    assert_eq!(record.end(), (200, "complete"));
    assert_eq!(record.statuses(), [status, 200], "{:?}", record.attempts());
    let attempts = record.attempts();
    assert_eq!(crate::support::record::id(&attempts[0]["upstream_id"]), gateway.upstream_id("a"));
    assert_eq!(crate::support::record::id(&attempts[1]["upstream_id"]), gateway.upstream_id("b"));
    assert_ne!(attempts[0]["error"].as_str().unwrap_or(""), "", "the failure has words: {:?}", attempts[0]);
    assert_eq!(record.id("upstream_id"), gateway.upstream_id("b"));
    until("the failure is counted", || (gateway.upstream_column("a", "failed_count") == "1").then_some(()));
    until("the success is counted", || (gateway.upstream_column("b", "success_count") == "1").then_some(()));
    assert_eq!(gateway.upstream_column("b", "failed_count"), "0");
    assert!(gateway.log().lines().count() >= 1, "a failed attempt has a line in the log");
}

/// Like [`moves_on`] with a fake upstream that answers this way.
fn moves_on_from(kind: Kind, reply: Reply, status: i64) {
    let failing = FakeUpstream::always(reply);
    moves_on(kind, failing.row("a"), status);
    assert_eq!(failing.count(), 1, "one try per upstream");
}

fn a_name_that_does_not_resolve_is_not_the_callers_problem(kind: Kind) {
    moves_on(kind, Row::new("a", "http://nonexistent.invalid/v1", "sk-secret-of-a"), 0);
}

fn a_refused_connection_is_not_the_callers_problem(kind: Kind) {
    moves_on(kind, refused("a"), 0);
}

fn a_certificate_nobody_trusts_is_not_the_callers_problem(kind: Kind) {
    let failing = FakeUpstream::tls(&tls::self_signed(), good());
    moves_on(kind, failing.row("a"), 0);
    assert_eq!(failing.count(), 0, "nothing is sent to whom is not trusted");
}

fn tls_to_a_port_that_speaks_none_is_not_the_callers_problem(kind: Kind) {
    let failing = FakeUpstream::always(Reply::garbage());
    let endpoint = failing.url("/v1").replace("http://", "https://");
    moves_on(kind, failing.row("a").set("endpoint", endpoint).set("connect_timeout_ms", 500), 0);
}

fn a_reset_before_the_head_is_not_the_callers_problem(kind: Kind) {
    moves_on_from(kind, Reply::new().reset(), 0);
}

fn a_close_before_the_head_is_not_the_callers_problem(kind: Kind) {
    moves_on_from(kind, Reply::new().close(), 0);
}

fn a_reset_within_the_head_is_not_the_callers_problem(kind: Kind) {
    moves_on_from(kind, Reply::new().bytes("HTTP/1.1 200 OK\r\nContent-Ty").reset(), 0);
}

fn garbage_instead_of_http_is_not_the_callers_problem(kind: Kind) {
    moves_on_from(kind, Reply::garbage(), 0);
}

fn a_reset_after_the_head_of_a_stream_is_not_the_callers_problem(kind: Kind) {
    moves_on_stream(kind, Reply::stream().reset());
}

fn a_close_after_events_without_content_is_not_the_callers_problem(kind: Kind) {
    moves_on_stream(kind, Reply::stream().event(&role()).close());
}

fn an_error_as_first_event_of_a_good_stream_is_not_the_callers_problem(kind: Kind) {
    moves_on_stream(kind, Reply::stream().event(SERVER_ERROR).done());
}

fn an_error_after_events_without_content_is_not_the_callers_problem(kind: Kind) {
    moves_on_stream(kind, Reply::stream().event(&role()).event(SERVER_ERROR).last_chunk());
}

fn an_error_event_of_the_responses_api_is_not_the_callers_problem(kind: Kind) {
    let error = r#"{"type":"error","code":"server_error","message":"The server had an error","param":null,"sequence_number":0}"#;
    moves_on_stream(kind, Reply::stream().chunk(format!("event: error\ndata: {error}\n\n")).last_chunk());
}

fn server_errors_are_not_the_callers_problem(kind: Kind) {
    for status in [500, 502, 503, 504] {
        moves_on_from(kind, Reply::json(status, SERVER_ERROR), status.into());
    }
}

fn a_rate_limit_is_not_the_callers_problem(kind: Kind) {
    moves_on_from(kind, Reply::json_with(429, &[("Retry-After", "20")], RATE_ERROR), 429);
}

fn a_bad_key_is_not_the_callers_problem(kind: Kind) {
    for status in [401, 402, 403] {
        moves_on_from(kind, Reply::json(status, KEY_ERROR), status.into());
    }
}

fn an_empty_account_is_not_the_callers_problem(kind: Kind) {
    moves_on_from(kind, Reply::json(429, QUOTA_ERROR), 429);
}

/// The first upstream's stream fails before its content: the caller sees the second's and nothing of the first.
fn moves_on_stream(kind: Kind, reply: Reply) {
    let failing = FakeUpstream::always(reply);
    let spare = FakeUpstream::always(good_stream());
    let gateway = Gateway::with(kind, [failing.row("a"), spare.row("b")]);
    let answer = gateway.send(Call::chat(CHAT_STREAM));
    assert_eq!((answer.status, answer.whole), (200, true));
    assert!(answer.text().starts_with(&format!("data: {}\n\ndata: {}\n\n", role(), delta("Hel"))), "{}", answer.text());
    assert!(answer.text().ends_with("data: [DONE]\n\n") && !answer.text().contains("server_error"));
    let record = gateway.record();
    assert_eq!(record.end(), (200, "complete"));
    assert_eq!(record.attempts().len(), 2);
    assert_eq!(record.id("upstream_id"), gateway.upstream_id("b"));
    assert!(record.text("response").contains("Hello!"));
    assert_eq!((failing.count(), spare.count()), (1, 1));
}

/// An address that takes no connection and refuses none: its queue is full and nobody accepts.
pub struct Swallowing {
    address: std::net::SocketAddr,
    _queue: Vec<Socket>,
    _listener: TcpListener,
}

impl Swallowing {
    /// A full queue.
    pub fn new() -> Swallowing {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
        listener.listen(0).unwrap();
        let listener = TcpListener::from(listener);
        let address = listener.local_addr().unwrap();
        let connect = || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address.into());
            socket
        };
        let queue = (0..4).map(|_| connect()).collect();
        let patience = std::time::Duration::from_millis(200);
        assert!(TcpStream::connect_timeout(&address, patience).is_err(), "the queue is full");
        Swallowing { address, _queue: queue, _listener: listener }
    }

    /// It as an upstream.
    pub fn row(&self, name: &str) -> Row {
        Row::new(name, &format!("http://{}/v1", self.address), &format!("sk-secret-of-{name}"))
    }
}

fn a_bad_request_is_answered_as_it_came_and_blamed_on_nobody(kind: Kind) {
    let first = FakeUpstream::with(|seen, _| {
        let status = seen.target().trim_start_matches("/v1/").parse().unwrap();
        Reply::json_with(status, &[("X-Request-Id", "req_bad")], BAD_REQUEST)
    });
    let spare = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [first.row("a"), spare.row("b")]);
    let statuses = [400, 404, 405, 409, 413, 415, 422];
    for (n, status) in statuses.into_iter().enumerate() {
        let answer = gateway.send(Call::post(&format!("/v1/{status}"), CHAT));
        assert_eq!((answer.status, answer.text().as_str()), (status, BAD_REQUEST));
        assert_eq!(answer.header("x-request-id"), Some("req_bad"));
        assert_eq!((first.count(), spare.count()), (n + 1, 0), "{status} is nobody else's business");
    }
    for record in gateway.records_when(statuses.len()) {
        assert_eq!((record.text("ending"), record.attempts().len()), ("complete", 1));
        assert_eq!(record.text("response"), BAD_REQUEST);
    }
    assert_eq!(gateway.upstream_column("a", "failed_count"), "0");
}

fn when_all_fail_the_last_real_answer_is_given(kind: Kind) {
    let answering = FakeUpstream::always(Reply::json_with(500, &[("X-Request-Id", "req_a")], SERVER_ERROR));
    let gateway = Gateway::with(kind, [answering.row("a"), refused("b")]);
    let answer = gateway.send(Call::chat(CHAT));
    assert_eq!((answer.status, answer.text().as_str()), (500, SERVER_ERROR));
    assert_eq!(answer.header("x-request-id"), Some("req_a"));
    let record = gateway.record();
    assert_eq!(record.number("status"), 500);
    assert_eq!(record.statuses(), [500, 0]);
    assert_eq!(record.text("response"), SERVER_ERROR);
}

fn when_nobody_answers_the_gateway_says_502_in_openais_shape(kind: Kind) {
    let gateway = Gateway::with(kind, [refused("a"), Row::new("b", "http://nonexistent.invalid/v1", "sk-secret-of-b")]);
    let answer = gateway.send(Call::chat(CHAT));
    assert_eq!(answer.status, 502);
    let message = answer.error();
    assert!(!message.is_empty() && !message.contains("sk-secret"), "{message}");
    assert!(
        answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u64>().is_ok()),
        "{:?}",
        answer.head.headers
    );
    let record = gateway.record();
    assert_eq!((record.number("status"), record.attempts().len()), (502, 2));
    assert_ne!(record.text("error"), "");
}

fn when_everybody_is_silent_the_gateway_says_504_in_openais_shape(kind: Kind) {
    let silent = FakeUpstream::always(Reply::new().hang());
    let gateway = Gateway::with(kind, [silent.row("a").set("first_byte_timeout_ms", 200)]);
    let answer = gateway.send(Call::chat(CHAT));
    assert_eq!(answer.status, 504);
    assert_ne!(answer.error(), "");
    assert_eq!(gateway.record().number("status"), 504);
}

fn without_any_upstream_the_gateway_says_503_and_that_retrying_is_no_use(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let answer = gateway.send(Call::chat(CHAT));
    assert_eq!(answer.status, 503);
    assert_ne!(answer.error(), "");
    assert_eq!(answer.header("x-should-retry"), Some("false"));
    let record = gateway.record();
    assert_eq!((record.number("status"), record.attempts().len()), (503, 0));
    assert_eq!(record.text("body"), CHAT);
}

fn a_rate_limit_everywhere_is_told_with_its_retry_after(kind: Kind) {
    let busy = FakeUpstream::always(Reply::json_with(429, &[("Retry-After", "17")], RATE_ERROR));
    let gateway = Gateway::with(kind, [busy.row("a")]);
    let answer = gateway.send(Call::chat(CHAT));
    assert_eq!((answer.status, answer.text().as_str()), (429, RATE_ERROR));
    assert_eq!(answer.head.all("retry-after"), ["17"]);
    assert_eq!(answer.header("x-should-retry"), Some("false"));
}

fn a_bad_key_everywhere_is_told_as_it_came(kind: Kind) {
    let upstream = FakeUpstream::always(Reply::json(401, KEY_ERROR));
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let answer = gateway.send(Call::chat(CHAT));
    assert_eq!((answer.status, answer.text().as_str()), (401, KEY_ERROR));
    assert_eq!(answer.header("x-should-retry"), Some("false"));
}

on_both! {
    a_name_that_does_not_resolve_is_not_the_callers_problem,
    a_refused_connection_is_not_the_callers_problem,
    a_certificate_nobody_trusts_is_not_the_callers_problem,
    tls_to_a_port_that_speaks_none_is_not_the_callers_problem,
    a_reset_before_the_head_is_not_the_callers_problem,
    a_close_before_the_head_is_not_the_callers_problem,
    a_reset_within_the_head_is_not_the_callers_problem,
    garbage_instead_of_http_is_not_the_callers_problem,
    a_reset_after_the_head_of_a_stream_is_not_the_callers_problem,
    a_close_after_events_without_content_is_not_the_callers_problem,
    an_error_as_first_event_of_a_good_stream_is_not_the_callers_problem,
    an_error_after_events_without_content_is_not_the_callers_problem,
    an_error_event_of_the_responses_api_is_not_the_callers_problem,
    server_errors_are_not_the_callers_problem,
    a_rate_limit_is_not_the_callers_problem,
    a_bad_key_is_not_the_callers_problem,
    an_empty_account_is_not_the_callers_problem,
    a_bad_request_is_answered_as_it_came_and_blamed_on_nobody,
    when_all_fail_the_last_real_answer_is_given,
    when_nobody_answers_the_gateway_says_502_in_openais_shape,
    when_everybody_is_silent_the_gateway_says_504_in_openais_shape,
    without_any_upstream_the_gateway_says_503_and_that_retrying_is_no_use,
    a_rate_limit_everywhere_is_told_with_its_retry_after,
    a_bad_key_everywhere_is_told_as_it_came,
}
