//! The page of one request: its stream event by event, what is searched for in it, how long each step took.

use std::io::Write;

use serde_json::{Value, json};

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::reply::Reply;
use crate::support::samples::{
    CHAT, CHAT_STREAM, COMPLETION, SERVER_ERROR, delta, good, good_from, good_stream, stop, usage,
};
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between, encoded};

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

fn connecting_and_waiting_are_told_apart_for_each_attempt(kind: Kind) {
    let failing = FakeUpstream::always(Reply::json(500, SERVER_ERROR));
    let length = COMPLETION.len().to_string();
    let head = [("Content-Type", "application/json"), ("Content-Length", length.as_str())];
    let slow = FakeUpstream::always(Reply::new().pause(120).then_head(200, &head).bytes(COMPLETION));
    let gateway = Gateway::with(kind, [failing.row("first"), slow.row("second")]);
    for _ in 0..4 {
        assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    }
    let records = gateway.records_when(4);
    let connected = |name: &str| {
        let id: i64 = gateway.upstream_id(name).parse().unwrap();
        let all: Vec<Value> = records.iter().flat_map(|record| record.attempts()).collect();
        all.iter()
            .filter(|attempt| attempt["upstream_id"].as_i64() == Some(id) && attempt["connect_us"].is_i64())
            .count()
    };
    assert_eq!(
        (connected("first"), connected("second")),
        (failing.connections(), slow.connections()),
        "each connection was made in one attempt: {records:?}"
    );
    let visitor = Visitor::log_in(&gateway);
    let record = records.last().unwrap();
    let attempts = record.attempts();
    let connect_us = attempts[1]["connect_us"].as_i64().expect("the first request made a connection");
    let before_us = attempts[1]["began_us"].as_i64().unwrap() + connect_us;
    assert!(connect_us > 0 && record.number("first_byte_us") - before_us > 100_000, "{record:?}");
    let page = visitor.page(&format!("/admin/requests/{}", record.number("id")));
    let told = page.split("<ol class=\"tries\">").nth(1).unwrap().split("<li>").nth(2).unwrap();
    for step in ["waiting here", "connecting", "until the first byte 1", "reply"] {
        assert!(told.contains(step), "{step} is not told: {told}");
    }
    let drawing = between(&page, "role=\"img\"", "</svg>");
    for (class, count) in [("wait", 2), ("dial", 2), ("head", 1), ("good", 1), ("bad", 1)] {
        assert_eq!(drawing.matches(&format!("<rect class=\"{class}\"")).count(), count, "{class}: {drawing}");
    }
}

on_both!(connecting_and_waiting_are_told_apart_for_each_attempt);

#[test]
fn a_text_is_found_in_the_json_without_script_and_hostile_text_stays_text() {
    let upstream = FakeUpstream::always(Reply::json(200, &COMPLETION.replace("Hello!", "a haystack, a NEEDLE")));
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let deep = json!({"a": {"b": {"c": {"d": "pinneedle <script>alert(1)</script>"}}}, "x": {"y": {"z": [1]}}});
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "say"}], "metadata": deep});
    gateway.send(Call::chat(&body.to_string()));
    let id = gateway.record().number("id");
    let visitor = Visitor::log_in(&gateway);
    let open = |page: &str, key: &str| {
        let branch =
            page.split("<details").find(|part| between(part, "<summary>", " <").ends_with(key)).unwrap().to_owned();
        branch.starts_with(" open")
    };
    let target = format!("/admin/requests/{id}?q=model:m&range=7d&view=json");
    let page = visitor.page(&target);
    assert_eq!(["b", "c", "y"].map(|key| open(&page, key)), [false; 3]);
    assert!(page.contains("name=\"q\" value=\"model:m\"") && page.contains("name=\"range\" value=\"7d\""), "{page}");
    assert!(page.contains("name=\"view\" value=\"json\"") && !page.contains("<mark"), "{page}");

    let page = visitor.page(&format!("{target}&find=nEEdle"));
    assert_eq!(["b", "c", "y"].map(|key| open(&page, key)), [true, true, false]);
    assert!(page.contains(">2 hits<") && page.contains("<a href=\"#f1\">1 d</a>"), "{page}");
    assert!(page.contains("<a href=\"#f2\">2 content</a>") && page.contains("<mark id=\"f2\">NEEDLE</mark>"), "{page}");
    assert!(page.contains("pin<mark id=\"f1\">needle</mark> &#60;script&#62;"), "inside a word too: {page}");

    let page = visitor.page(&format!("{target}&find={}", encoded("<script>")));
    assert!(page.contains("<mark id=\"f1\">&#60;script&#62;</mark>") && !page.contains("<script>"), "{page}");
    assert!(page.contains("value=\"&#60;script&#62;\""), "the field keeps it: {page}");
    assert!(visitor.page(&format!("{target}&find=nowhere")).contains(">0 hits<"));
    assert_eq!(visitor.get(&format!("/admin/requests/{id}?view=chat&find=x")).status, 400);
}

#[test]
fn hits_are_linked_up_to_fifty_however_many_there_are() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let messages: Vec<Value> =
        (0..70).map(|n| json!({"role": "user", "content": format!("needle {n}, needle again")})).collect();
    gateway.send(Call::chat(&json!({"model": "m", "messages": messages}).to_string()));
    let id = gateway.record().number("id");
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.page(&format!("/admin/requests/{id}?view=json&find=needle"));
    assert!(page.contains(">140 hits<") && page.matches("<a href=\"#f").count() == 50, "{page}");
    assert_eq!(page.matches("<mark id=").count(), 140);
    let page = visitor.page(&format!("/admin/requests/{id}?q=needle"));
    let told = between(&page, ">140 hits<", "</div>");
    assert_eq!((told.matches("<li>").count(), told.contains("in 20 more messages too")), (50, true), "{told}");
    assert!(told.contains("<a href=\"#m0\">User: 2</a>") && told.contains("<a href=\"#m49\">User: 2</a>"), "{told}");
}

#[test]
fn every_message_with_hits_is_led_to_also_those_that_are_folded() {
    let upstream = FakeUpstream::always(good_from("the needle works"));
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let user = |text: &str| json!({"role": "user", "content": text});
    let mut messages = vec![user("plain words"), user("a needle and a needle")];
    gateway.send(Call::chat(&json!({"model": "m", "messages": messages}).to_string()));
    let answer = json!({"role": "assistant", "content": "Hello from the needle works!"});
    gateway.records_when(1);
    messages.extend([answer, user("nothing new")]);
    gateway.send(Call::chat(&json!({"model": "m", "messages": messages}).to_string()));
    let id = gateway.records_when(2)[0].number("id");
    let page = Visitor::log_in(&gateway).page(&format!("/admin/requests/{id}?q=needle"));
    let told = between(&page, ">4 hits<", "</div>");
    let links: Vec<&str> = told.split("<li>").skip(1).map(|link| between(link, "href=\"", "</a>")).collect();
    assert_eq!(links, ["#m1\">User: 2", "#m2\">Assistant: 1", "#m4\">Assistant: 1"], "{page}");
    for link in links {
        assert!(page.contains(&format!("id=\"{}\"", link[1..].split('"').next().unwrap())), "{link}");
    }
    assert!(page.contains("<details open><summary>3 earlier messages"), "{page}");
}

#[test]
fn a_long_request_shows_its_beginning_and_its_end_and_tells_what_lies_between() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let long = format!("{}needle", "x ".repeat(20_000));
    let mut messages: Vec<Value> = (0..500).map(|n| json!({"role": "user", "content": format!("say {n}.")})).collect();
    messages[250] = json!({"role": "user", "content": "a needle in the gap"});
    messages[499] = json!({"role": "user", "content": long});
    gateway.send(Call::chat(&json!({"model": "m", "messages": messages}).to_string()));
    let id = gateway.record().number("id");
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.page(&format!("/admin/requests/{id}?q=needle"));
    let ids: Vec<usize> = page.split("id=\"m").filter_map(|id| id.split('"').next()?.parse().ok()).collect();
    assert_eq!(ids.len(), 200, "{ids:?}");
    assert!(ids.windows(2).all(|two| two[0] < two[1]) && (ids[0], ids[199]) == (0, 500), "{ids:?}");
    let hidden = between(&page, "301 messages are not shown. <a href=\"", "\"");
    assert!(hidden.contains("turns=all"), "{hidden}");
    let before = page[..page.find("301 messages").unwrap()].rfind("id=\"m").unwrap();
    assert!(page[before..].starts_with("id=\"m99\""), "{}", &page[before..before + 20]);
    assert!(page.contains("<span class=\"meta\">40006 B</span>"), "the size is that of the whole message");
    assert!(page.contains("2 more hits in what is not shown here. <a href="), "{page}");
    let all = visitor.page(&format!("/admin/requests/{id}?q=needle&turns=all"));
    assert!(all.contains(">2 hits<") && !all.contains("not shown"), "{all}");
}

#[test]
fn a_result_belongs_to_the_nearest_call_before_it_that_has_its_id() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let call = |name: &str| {
        let call = json!({"id": "c1", "type": "function", "function": {"name": name, "arguments": "{}"}});
        json!({"role": "assistant", "content": null, "tool_calls": [call]})
    };
    let result = |text: &str| json!({"role": "tool", "tool_call_id": "c1", "content": text});
    let messages = [call("read_it"), result("one"), call("list_it"), result("two")];
    gateway.send(Call::chat(&json!({"model": "m", "messages": messages}).to_string()));
    let record = gateway.record();
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.page(&format!("/admin/requests/{}", record.number("id")));
    for (message, pair, name) in [("m1", "#m0", "read_it c1"), ("m3", "#m2", "list_it c1")] {
        let shown = between(&page, &format!("id=\"{message}\""), "</article>");
        assert!(shown.contains(&format!("<a href=\"{pair}\">Its call")) && shown.contains(name), "{shown}");
    }
}

#[test]
fn a_turn_is_also_found_by_its_number_in_the_conversation() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let user = |text: &str| json!({"role": "user", "content": text});
    let mut messages = vec![user("first")];
    let others = [vec![user("x")], vec![user("y")], vec![user("z")]];
    for (at, others) in others.into_iter().enumerate() {
        gateway.send(Call::chat(&json!({"model": "m", "messages": others}).to_string()));
        gateway.records_when(at + 1);
    }
    for count in [4, 5] {
        gateway.send(Call::chat(&json!({"model": "m", "messages": messages}).to_string()));
        gateway.records_when(count);
        messages.extend([json!({"role": "assistant", "content": "Hello!"}), user("second")]);
    }
    let newest = gateway.records_when(5).remove(0);
    let (id, talk) = (newest.number("id"), newest.number("conversation_id"));
    let visitor = Visitor::log_in(&gateway);
    let path = format!("/admin/conversations/{talk}");
    let led = visitor.get(&format!("{path}?q=hello&turn=2"));
    assert_eq!((led.status, led.header("location")), (302, Some(&*format!("{path}?q=hello&turn={id}"))));
    assert_eq!(visitor.get(&format!("{path}?turn={id}")).status, 200);
    assert_eq!(["0", "3"].map(|turn| visitor.get(&format!("{path}?turn={turn}")).status), [404, 404]);
}

#[test]
fn headings_go_down_by_one_level_at_a_time() {
    let upstream = FakeUpstream::always(good_from("# Title\n\ntext"));
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    gateway.send(Call::chat(&json!({"model": "m", "messages": [{"role": "user", "content": "x"}]}).to_string()));
    let record = gateway.record();
    let visitor = Visitor::log_in(&gateway);
    let request = format!("/admin/requests/{}", record.number("id"));
    let talk = format!("/admin/conversations/{}", record.number("conversation_id"));
    for target in [request.clone(), format!("{request}?view=json"), format!("{request}?view=headers"), talk] {
        let page = visitor.page(&target);
        let levels: Vec<u32> = page.split("<h").filter_map(|rest| rest.chars().next()?.to_digit(10)).collect();
        assert!(levels[0] == 1 && levels.windows(2).all(|two| two[1] <= two[0] + 1), "{target}: {levels:?}");
    }
}

#[test]
fn a_comparison_tells_what_there_is_nothing_of_and_what_it_leaves_out() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let mut messages: Vec<Value> =
        (0..2_100).map(|n| json!({"role": "user", "content": format!("say {n}.")})).collect();
    for count in [1, 2] {
        gateway.send(Call::chat(&json!({"model": "m", "messages": messages}).to_string()));
        gateway.records_when(count);
        messages.push(json!({"role": "user", "content": "the last words"}));
    }
    let id = gateway.records_when(2)[0].number("id");
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.page(&format!("/admin/requests/{id}/diff/{}", id - 1));
    assert!(page.contains("<ins>the last words</ins>"), "beyond any number of messages that are the same: {page}");
    assert!(
        page.contains("2100 earlier messages are the same") && page.contains("1900 messages are not shown."),
        "{page}"
    );
    gateway.set("recording", "metadata");
    gateway.send(Call::chat(&json!({"model": "m", "messages": []}).to_string()));
    gateway.records_when(3);
    let page = visitor.page(&format!("/admin/requests/{}/diff/{id}", id + 1));
    assert!(page.contains("were not recorded") && !page.contains("Every message is the same"), "{page}");
}
