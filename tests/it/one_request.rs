//! The page of one request: its stream event by event, what is searched for in it, how long each step took.

use std::io::Write;

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::reply::Reply;
use crate::support::samples::{CHAT_STREAM, delta, good_stream, stop, usage};
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between};

fn gzipped(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// The cells of a row of the table of chunks.
fn cells<'a>(page: &'a str, id: &str) -> Vec<&'a str> {
    let row = between(page, &format!("<tr id=\"{id}\">"), "</tr>");
    row.split("</td>").filter_map(|cell| cell.split_once('>')).map(|(_, cell)| cell).collect()
}

#[test]
fn a_stream_that_is_recorded_as_it_came_is_a_table_of_its_events() {
    let hostile = r#"{"say":"<img src=x onerror=alert(1)>"}"#;
    let first = format!("event: odd\r\ndata: {hostile}\r\n\r\n");
    let long = format!("data: {}\n\n", "x".repeat(5_000));
    let mut reply = Reply::stream().chunk(&first).chunk(&long);
    for n in 0..500 {
        reply = reply.event(&n.to_string());
    }
    let upstream = FakeUpstream::always(reply.last_chunk());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    assert!(gateway.send(Call::chat(CHAT_STREAM)).whole);
    let id = gateway.record().number("id");
    let visitor = Visitor::log_in(&gateway);
    let link = format!("/admin/requests/{id}?view=stream");
    assert!(visitor.page(&format!("/admin/requests/{id}")).contains(&format!("<a href=\"{link}\">Stream</a>")));
    let page = visitor.page(&link);
    let told = cells(&page, "e1");
    assert_eq!(told[..4], ["1", "0", &first.len().to_string(), "odd"]);
    assert!(told[5].contains("&#60;img src=x") && !page.contains("<img src=x"), "{page}");
    let told = cells(&page, "e2");
    assert_eq!(told[..4], ["2", &first.len().to_string(), "5,008", ""]);
    assert!(told[5].len() < 600 && told[5].contains("5,000 bytes in all"), "{}", told[5]);
    assert_eq!((page.matches("<tr id=\"e").count(), page.contains("2 more chunks")), (500, true));
    assert!(page.contains(&format!("href=\"/admin/requests/{id}/reply\"")) && page.contains("502 chunks"), "{page}");
}

#[test]
fn a_compressed_stream_tells_what_its_events_carry_and_one_put_together_has_no_table() {
    let call =
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}}]}"#;
    let events = [delta("Hi"), call.to_owned(), stop(), usage(), "[DONE]".to_owned()];
    let stream: String = events.iter().map(|data| format!("data: {data}\n\n")).collect();
    let headers = [("Content-Type", "text/event-stream"), ("Content-Encoding", "gzip")];
    let upstream = FakeUpstream::always(Reply::sized(200, &headers, gzipped(&stream)));
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    gateway.send(Call::chat(CHAT_STREAM));
    let record = gateway.record();
    assert_eq!(record.text("response_note"), "decoded from gzip");
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.page(&format!("/admin/requests/{}?view=stream", record.number("id")));
    for (at, carries) in ["text", "tool call", "end", "tokens", "end"].iter().enumerate() {
        let told = cells(&page, &format!("e{}", at + 1))[4];
        assert_eq!(told.trim(), format!("<span class=\"badge\">{carries}</span>"), "event {at}");
    }

    upstream.now_answers(good_stream());
    gateway.send(Call::chat(CHAT_STREAM));
    let id = gateway.records_when(2)[0].number("id");
    assert!(!visitor.page(&format!("/admin/requests/{id}")).contains("view=stream"));
    let none = visitor.get(&format!("/admin/requests/{id}?view=stream"));
    assert_eq!(none.status, 400, "{}", none.text());
}
