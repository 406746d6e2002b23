//! A recorded request sent again from the dashboard: to whom, with which bytes, and what the records and pages tell of it.

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::reply::Reply;
use crate::support::samples::{BAD_REQUEST, COMPLETION, SERVER_ERROR, delta, good, good_from, role, stop};
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between, encoded};

/// A body with spaces and numbers as no program of ours would write them.
const ODD: &str = r#"{"temperature": 1.50,  "model":"gpt-4o", "messages":[{"role":"user","content":"the question"}], "seed": 12345678901234567890123}"#;

fn answer(text: &str) -> Reply {
    Reply::json(200, &COMPLETION.replace("\"Hello!\"", &serde_json::Value::from(text).to_string()))
}

fn a_replay_knows_what_it_repeats_and_the_pages_lead_both_ways(kind: Kind) {
    let (first, second) = (FakeUpstream::always(answer("one thing")), FakeUpstream::always(answer("another thing")));
    let gateway = Gateway::with(kind, [first.row("first"), second.row("second").set("priority", 9)]);
    gateway.send(Call::chat(ODD));
    let id = gateway.record().number("id");
    let visitor = Visitor::log_in(&gateway);
    let target = format!("/admin/requests/{id}/replay");
    assert!(visitor.page(&target).contains("the question"));
    let sent = visitor.post(&target, &format!("upstream={}&model=other-model", gateway.upstream_id("second")));
    assert_eq!(sent.status, 303, "{}", sent.text());
    assert_eq!(second.only().text(), ODD.replace("gpt-4o", "other-model"), "nothing else of the body changes");

    let records = gateway.records_when(2);
    let (replay, original) = (&records[0], &records[1]);
    assert_eq!(replay.number("replay_of"), id);
    assert!(replay.is("is_replay") && replay.id("upstream_id") == gateway.upstream_id("second"));
    assert!(!original.is("is_replay") && original.0["replay_of"].is_null());
    let copy = replay.number("id");

    let page = visitor.page(sent.header("location").unwrap());
    assert!(page.contains("one thing") && page.contains("another thing"), "{page}");
    assert!(page.contains("<del>one</del>") && page.contains("<ins>another</ins>"), "{page}");
    let compared = format!("href=\"/admin/requests/{id}/replay/{copy}\"");
    let of_copy = visitor.page(&format!("/admin/requests/{copy}"));
    assert!(of_copy.contains(&format!("Replay of request {id}")) && of_copy.contains(&compared), "{of_copy}");
    let of_original = visitor.page(&format!("/admin/requests/{id}"));
    assert!(of_original.contains("Replayed as") && of_original.contains(&compared), "{of_original}");
    let found = visitor.page("/admin/requests?q=is:replay");
    assert!(found.contains(&format!("data-id=\"{copy}\"")) && !found.contains(&format!("data-id=\"{id}\"")));

    assert_eq!(gateway.admin("DELETE", &format!("/admin/requests/{id}"), "").status, 200);
    let of_copy = visitor.page(&format!("/admin/requests/{copy}"));
    assert!(of_copy.contains("which is gone") && !of_copy.contains(&compared), "{of_copy}");
}

on_both!(a_replay_knows_what_it_repeats_and_the_pages_lead_both_ways);

#[test]
fn an_unedited_replay_goes_where_the_request_would_go_now_byte_for_byte() {
    let first = FakeUpstream::always(good_from("first"));
    let second = FakeUpstream::always(good_from("second"));
    let gateway = Gateway::with(Kind::Sqlite, [first.row("first"), second.row("second").set("priority", 9)]);
    gateway.send(Call::chat(ODD));
    let id = gateway.record().number("id");
    first.now_answers(Reply::json(500, SERVER_ERROR));
    let visitor = Visitor::log_in(&gateway);
    let target = format!("/admin/requests/{id}/replay");
    let page = visitor.page(&target);
    let shown = between(&page, "<textarea id=\"body\"", "</textarea>").split_once(">\n").unwrap().1;
    let shown = shown.replace("&#34;", "\"").replace('\n', "\r\n");
    let sent = visitor.post(&target, &format!("upstream=auto&model=gpt-4o&temperature=1.50&body={}", encoded(&shown)));
    assert_eq!(sent.status, 303, "{}", sent.text());
    assert_eq!(second.only().text(), ODD);
    let replay = &gateway.records_when(2)[0];
    assert_eq!((replay.number("status"), replay.id("upstream_id")), (200, gateway.upstream_id("second")));
    let tried: Vec<i64> =
        replay.0["attempts"].as_array().unwrap().iter().map(|one| one["status"].as_i64().unwrap()).collect();
    assert_eq!(tried, [500, 200]);
    let health = gateway.admin("GET", &format!("/admin/upstreams/{}", gateway.upstream_id("first")), "").text();
    assert!(health.contains("\"failed_count\":0"), "a replay blames nobody: {health}");
}

#[test]
fn a_replay_may_be_a_stream_and_is_put_together() {
    let stream = Reply::stream().event(&role()).event(&delta("In ")).event(&delta("pieces")).event(&stop()).done();
    let upstream = FakeUpstream::sequence(vec![good(), stream]);
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    gateway.send(Call::chat(ODD));
    let id = gateway.record().number("id");
    let visitor = Visitor::log_in(&gateway);
    let sent = visitor.post(&format!("/admin/requests/{id}/replay"), "upstream=auto&stream=true&max_tokens=7");
    assert_eq!(sent.status, 303, "{}", sent.text());
    let seen = upstream.seen()[1].text();
    assert!(seen.contains("\"stream\":true") && seen.contains("\"max_tokens\":7"), "{seen}");
    assert!(seen.contains("12345678901234567890123") && seen.contains("1.50"), "numbers stay as written: {seen}");
    assert!(gateway.records_when(2)[0].is("streamed"));
    assert!(visitor.page(sent.header("location").unwrap()).contains("In pieces"));
}

#[test]
fn a_replay_measures_when_its_content_began_and_keeps_what_came_of_a_reply_too_large_or_broken_off() {
    let slow = Reply::stream().event(&role()).pause(400).event(&delta("late words")).event(&stop()).done();
    let large = answer(&"many words ".repeat(600_000));
    let beyond = answer(&"many words ".repeat(900_000));
    let broken = Reply::stream().event(&role()).event(&delta("half a")).close();
    let upstream = FakeUpstream::sequence(vec![good(), slow, large, beyond, broken]);
    let plan = Gateway::on(Kind::Sqlite).setting("record_body_limit_bytes", &(8 << 20).to_string());
    let gateway = plan.upstream(upstream.row("a")).start();
    gateway.send(Call::chat(ODD));
    let id = gateway.record().number("id");
    let visitor = Visitor::log_in(&gateway);
    let mut count = 1;
    let mut replay = || {
        let sent = visitor.post(&format!("/admin/requests/{id}/replay"), "upstream=auto");
        assert_eq!(sent.status, 303, "{}", sent.text());
        count += 1;
        let record = gateway.records_when(count).remove(0);
        (record, visitor.page(sent.header("location").unwrap()))
    };
    let (record, page) = replay();
    let (first, content) = (record.number("first_byte_us"), record.number("first_content_us"));
    assert!(content >= first + 300_000, "the role alone is no content: {first} {content}");
    let told = |us: i64| format!("<dd>{} ms</dd>", us / 1000);
    assert!(page.contains(&told(content)) && page.contains("late words"), "{page}");

    let (record, page) = replay();
    assert_eq!(record.end(), (200, "complete"));
    assert!(page.len() < 2 << 20, "a page is no place for all of it: {} bytes", page.len());
    assert!(record.number("reply_bytes") > 6 << 20 && record.text("response").ends_with('}'), "it is kept whole");

    let (record, page) = replay();
    let kept = record.text("response").len();
    assert_eq!((kept, record.text("response_note")), (8 << 20, "cut"));
    assert!(record.number("reply_bytes") > 9_900_000, "its true size is told");
    assert!(page.contains("class=\"said warn\"") && page.contains("cut"), "{}", page.len());

    let (record, page) = replay();
    assert_eq!((record.number("status"), record.text("ending")), (200, "cut"));
    assert!(record.text("response").contains("half a") && page.contains("half a"), "what came is kept");
    assert!(!record.text("error").is_empty() && page.contains("class=\"said warn\""), "{page}");
}

#[test]
fn what_a_replay_will_take_is_told_before_it_is_sent() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    assert_eq!(
        gateway.admin("POST", "/admin/prices", r#"{"pattern":"the-model","input":100,"output":1000}"#).status,
        201
    );
    gateway.send(Call::chat(&ODD.replace("gpt-4o", "the-model")));
    let id = gateway.record().number("id");
    let visitor = Visitor::log_in(&gateway);
    let target = format!("/admin/requests/{id}/replay");
    let page = visitor.page(&target);
    assert!(page.contains("Estimated: 11 tokens in, $0.0011."), "as they were counted: {page}");
    assert!(page.contains("With a reply of 2 tokens, as recorded: $0.0031 in all."), "{page}");
    let longer = ODD.replace("gpt-4o", "the-model").replace("the question", &"the question ".repeat(200));
    let again = visitor.post(&target, &format!("upstream=auto&max_tokens=500&estimate=1&body={}", encoded(&longer)));
    let page = again.text();
    assert_eq!((again.status, upstream.count()), (200, 1), "nothing is sent");
    assert!(page.contains("With a reply of the most, 500 tokens: $0."), "{page}");
    let tokens: i64 = between(&page, "Estimated: ", " tokens").replace(',', "").parse().unwrap();
    assert!((1_500..3_500).contains(&tokens), "{tokens}");
    let unpriced = visitor.post(&target, "upstream=auto&model=nobody-knows&estimate=1").text();
    assert!(unpriced.contains("Estimated: 11 tokens in, —."), "{unpriced}");
}

#[test]
fn what_cannot_be_sent_again_says_why_and_is_not() {
    let upstream = FakeUpstream::always(good());
    let (limit, bytes) = ("record_body_limit_bytes", "1000");
    let gateway = Gateway::on(Kind::Sqlite).setting(limit, bytes).upstream(upstream.row("a")).start();
    gateway.send(Call::chat(&ODD.replace("the question", &"long ".repeat(1_000))));
    gateway.send(Call::get("/v1/models"));
    gateway.records_when(2);
    let visitor = Visitor::log_in(&gateway);
    for (record, reason) in gateway.records().iter().zip(["its body is not recorded", "not the whole body"]) {
        let id = record.number("id");
        let page = visitor.page(&format!("/admin/requests/{id}"));
        let form = visitor.page(&format!("/admin/requests/{id}/replay"));
        assert!(page.contains(reason) && form.contains(reason), "{id}: {form}");
        assert!(!form.contains("<textarea") && !page.contains(&format!("/admin/requests/{id}/replay\"")), "{page}");
        assert_eq!(visitor.post(&format!("/admin/requests/{id}/replay"), "upstream=auto").status, 422);
    }
    gateway.send(Call::chat(ODD));
    let id = gateway.records_when(3)[0].number("id");
    let target = format!("/admin/requests/{id}/replay");
    assert_eq!(visitor.post(&target, "upstream=auto&body=nonsense").status, 422);
    assert_eq!(visitor.post(&target, "upstream=auto&temperature=warm").status, 422);
    let empty = visitor.post(&target, "upstream=auto&body=");
    assert!(empty.status == 422 && empty.text().contains("must not be empty"), "{}", empty.text());
    let gone = visitor.post(&target, "upstream=999");
    assert!(gone.status == 422 && gone.text().contains("cannot be replayed there"), "{}", gone.text());
    assert_eq!(upstream.count(), 3, "none of these was sent");
}

#[test]
fn a_replay_means_the_version_that_the_caller_meant() {
    let upstream = FakeUpstream::always(Reply::json(
        200,
        r#"{"type":"message","role":"assistant","content":[{"type":"text","text":"Bonjour."}]}"#,
    ));
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let body = r#"{"model":"claude","max_tokens":9,"messages":[{"role":"user","content":"Salut"}]}"#;
    let call = Call::post("/v1/messages", body);
    gateway.send(call.header("anthropic-version", "2024-10-22").header("anthropic-beta", "tools-2099"));
    let visitor = Visitor::log_in(&gateway);
    let first = gateway.record().number("id");
    for (count, id) in [(2, first), (3, first + 1)] {
        let sent = visitor.post(&format!("/admin/requests/{id}/replay"), "upstream=auto");
        assert_eq!(sent.status, 303, "{}", sent.text());
        gateway.records_when(count);
        let seen = &upstream.seen()[count - 1];
        let told = ["anthropic-version", "anthropic-beta", "x-forwarded-for"].map(|name| seen.head.get(name));
        assert_eq!(told, [Some("2024-10-22"), Some("tools-2099"), None], "also when the replay is replayed");
    }
}

#[test]
fn what_a_replay_failed_with_is_told_beside_what_was_said() {
    let refused = Reply::json(400, BAD_REQUEST);
    let failed = Reply::stream().event(r#"{"error":{"message":"overloaded today","type":"server_error"}}"#).done();
    let late = Reply::stream()
        .event(&role())
        .event(&delta("half"))
        .event(r#"{"error":{"message":"overloaded tomorrow","type":"server_error"}}"#)
        .done();
    let upstream = FakeUpstream::sequence(vec![answer("one thing"), refused, failed, late]);
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    gateway.send(Call::chat(ODD));
    let id = gateway.record().number("id");
    let visitor = Visitor::log_in(&gateway);
    for (count, error, has_content) in
        [(2, "Invalid value", false), (3, "overloaded today", false), (4, "overloaded tomorrow", true)]
    {
        let sent = visitor.post(&format!("/admin/requests/{id}/replay?q=model:x"), "upstream=auto");
        assert_eq!(sent.status, 303, "{}", sent.text());
        let replay = gateway.records_when(count).remove(0);
        assert_eq!(!replay.0["first_content_us"].is_null(), has_content, "{error}: a failure is no content");
        let location = sent.header("location").unwrap();
        let page = visitor.page(location);
        let told = between(&page, "<p class=\"said err\">", "</p>");
        assert!(told.contains(error) && page.contains("one thing"), "{told}: {page}");
        assert!(location.ends_with("?q=model:x") && page.contains(&format!("requests/{id}?q=model:x\"")), "{page}");
    }
    for (one, two) in [(id, id), (id + 1, id), (id + 1, id + 2)] {
        assert_eq!(visitor.get(&format!("/admin/requests/{one}/replay/{two}")).status, 404, "{two} repeats not {one}");
    }
    let wrong = visitor.post(&format!("/admin/requests/{id}/replay"), "upstream=auto&temperature=warm");
    assert!(wrong.status == 422 && !wrong.text().contains("Nothing was saved"), "nothing was to be");
}

#[test]
fn what_is_done_with_a_request_leads_back_to_the_search_it_came_from() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    gateway.send(Call::chat(ODD));
    let id = gateway.record().number("id");
    let visitor = Visitor::log_in(&gateway);
    let search = "?q=model:gpt-4o&range=7d";
    let page = visitor.page(&format!("/admin/requests/{id}{search}")).replace("&#38;", "&");
    for act in ["replay", "delete"] {
        let target = format!("/admin/requests/{id}/{act}{search}");
        assert!(page.contains(&format!("href=\"{target}\"")), "{act}: {page}");
        let asked = visitor.page(&target).replace("&#38;", "&");
        assert!(asked.contains(&format!("href=\"/admin/requests/{id}{search}\"")), "{act}: {asked}");
        assert!(asked.contains(&format!("action=\"{target}\"")), "{act}: {asked}");
    }
    let gone = visitor.post(&format!("/admin/requests/{id}/delete{search}"), &format!("number={id}"));
    assert_eq!((gone.status, gone.header("location")), (303, Some(&*format!("/admin/requests{search}"))));
}
