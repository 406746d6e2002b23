//! The pages of requests as a browser without script gets them: found, filtered, read, compared, sent again, removed.

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::reply::Reply;
use crate::support::samples::{BAD_REQUEST, CHAT_STREAM, COMPLETION, delta, good, role};
use crate::support::upstream::{FakeUpstream, Seen};
use crate::support::visitor::{Visitor, between, encoded};

/// One pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn answer(text: &str) -> Reply {
    Reply::json(200, &COMPLETION.replace("\"Hello!\"", &serde_json::Value::from(text).to_string()))
}

/// An upstream that repeats what it is asked, and refuses what says so.
fn echo(seen: &Seen, _: usize) -> Reply {
    let body: serde_json::Value = serde_json::from_str(&seen.text()).unwrap_or_default();
    let last = body["messages"].as_array().and_then(|all| all.last()).map(|message| message["content"].clone());
    match last.as_ref().and_then(|last| last.as_str()) {
        Some(text) if text.contains("refuse") => Reply::json(400, BAD_REQUEST),
        Some(text) => answer(&format!("You said: {}", text.replace("ask only", ""))),
        None => good(),
    }
}

fn chat(text: &str) -> Call {
    chat_with("gpt-4o", text)
}

fn chat_with(model: &str, text: &str) -> Call {
    let message = serde_json::json!({"role": "user", "content": text});
    Call::chat(&serde_json::json!({"model": model, "messages": [message]}).to_string())
}

/// The ids in a page of the list.
fn ids(page: &str) -> Vec<i64> {
    page.split("<tr data-id=\"").skip(1).filter_map(|rest| rest.split('"').next()?.parse().ok()).collect()
}

fn list(query: &str) -> String {
    format!("/admin/requests?q={}", encoded(query))
}

fn words_of_two_characters_find_exactly_their_conversations(kind: Kind) {
    let upstream = FakeUpstream::with(echo);
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let said = ["怎么修复这个问题", "数据库连接超时", "修理数据复核", "修复 ok 了", "fix the database", "请复修"];
    for text in said {
        assert_eq!(gateway.send(chat(text)).status, 200);
    }
    let records = gateway.records_when(said.len());
    let place = |text: &str| records.len() - said.iter().position(|known| *known == text).unwrap();
    let number = |text: &str| records[place(text) - 1].number("id");
    let visitor = Visitor::log_in(&gateway);
    for (query, wanted) in [
        ("修复", vec![said[3], said[0]]),
        ("“修复”", vec![said[3], said[0]]),
        ("修复 ok", vec![said[3]]),
        ("数据库连接", vec![said[1]]),
        ("数据", vec![said[2], said[1]]),
        ("复", vec![said[5], said[3], said[2], said[0]]),
        ("assistant:修复", vec![said[3], said[0]]),
        ("没有", vec![]),
    ] {
        let wanted: Vec<i64> = wanted.into_iter().map(number).collect();
        assert_eq!(ids(&visitor.page(&list(query))), wanted, "{query}");
    }
    let detail = visitor.page(&format!("/admin/requests/{}?q={}", number(said[0]), encoded("修复")));
    assert_eq!(detail.matches("<mark>修复</mark>").count(), 2, "in the question and in the reply: {detail}");
}

on_both!(words_of_two_characters_find_exactly_their_conversations);

#[test]
fn chips_take_away_one_term_and_values_add_one() {
    let upstream = FakeUpstream::with(echo);
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("azure")]);
    for text in ["refuse this timeout", "refuse that", "all is well: timeout"] {
        gateway.send(chat(text));
    }
    gateway.send(chat_with("gpt-3.5", "refuse a timeout"));
    gateway.records_when(4);
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.page(&list("model:gpt-4o status:>=400 upstream:azure \"timeout\""));
    assert_eq!(ids(&page).len(), 1, "{page}");
    let chips = between(&page, "aria-label=\"Terms of the search", "</ul>");
    assert_eq!(chips.matches("<li>").count(), 4, "{chips}");
    let removing = |term: &str| {
        let chip = chips.split("<li>").find(|chip| chip.contains(&format!(">{term} ×"))).expect("a chip");
        format!("/admin/requests{}", between(chip, "href=\"", "\"").replace("&#38;", "&"))
    };
    assert_eq!(ids(&visitor.page(&removing("model:gpt-4o"))).len(), 2);
    assert_eq!(ids(&visitor.page(&removing("status:&#62;=400"))).len(), 2);
    assert_eq!(ids(&visitor.page(&removing("&#34;timeout&#34;"))).len(), 2);
    assert!(page.contains(">Found: 1<"), "{page}");

    let all = visitor.page("/admin/requests");
    let row = between(&all, "<tr data-id=\"", "</tr>");
    let model = row.split("name=\"add\" value=\"").find(|part| part.starts_with("model:")).expect("a term to add");
    let model = model.split('"').next().unwrap();
    let added = visitor.get(&format!("/admin/requests?range=7d&q=refuse&add={}", encoded(model)));
    let (status, to) = (added.status, added.header("location").unwrap().to_owned());
    assert_eq!((status, to.as_str()), (302, "/admin/requests?q=refuse+model:gpt-3.5&range=7d"));
    assert_eq!(ids(&visitor.page(&to)).len(), 1);
    let again = visitor.get(&format!("{to}&add={}", encoded(model)));
    assert_eq!(again.header("location"), Some(to.as_str()), "a term is added once");
}

#[test]
fn a_query_that_is_wrong_is_told_with_its_place_and_nothing_is_left_out() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    for (query, marked) in [("hello foo:1", "foo:"), ("a OR b", "OR"), ("status:>=abc", "abc")] {
        let answer = visitor.get(&list(query));
        let page = answer.text();
        assert_eq!(answer.status, 400, "{query}");
        let told = between(&page, "<mark>", "</mark>");
        assert!(told.contains(marked), "{query}: {told}");
        let kept = query.replace('>', "&#62;");
        assert!(page.contains(&format!("value=\"{kept}\"")), "the box keeps {query}: {page}");
    }
    let page = visitor.get(&list("provider:x")).text();
    assert!(page.contains("?q=upstream:x"), "what was meant is a link: {page}");
    let unknown = visitor.get("/admin/requests?colour=red");
    assert_eq!(unknown.status, 400);
    assert!(unknown.text().contains("colour"), "{}", unknown.text());
    for (target, wanted) in
        [("sort=up", 400), ("cols=weight", 400), ("refresh=1", 400), ("limit=0", 400), ("sort=-total", 200)]
    {
        assert_eq!(visitor.get(&format!("/admin/requests?{target}")).status, wanted, "{target}");
    }
}

#[test]
fn empty_fields_leave_the_address_and_a_page_may_load_itself_again() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    let answer = visitor.get("/admin/requests?q=&range=7d&cols=cost&cols=ua");
    assert_eq!((answer.status, answer.header("location")), (302, Some("/admin/requests?range=7d&cols=cost,ua")));
    assert_eq!(visitor.get("/admin/requests?refresh=10").header("refresh"), Some("10"));
    assert_eq!(visitor.get("/admin/requests").header("refresh"), None);
}

#[test]
fn an_empty_list_tells_why_and_what_would_help() {
    let upstream = FakeUpstream::with(echo);
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let visitor = Visitor::log_in(&gateway);
    assert!(visitor.page("/admin/requests").contains("No request has been recorded yet."));
    gateway.send(chat("hello there"));
    gateway.records_when(1);
    let page = visitor.page(&list("hello status:500"));
    assert!(page.contains("In this range there are 1 requests."), "{page}");
    assert!(page.contains("Remove status:500: 1 requests") && !page.contains("Remove hello:"), "{page}");
}

#[test]
fn pages_lead_to_older_and_newer_requests_without_gap_or_repetition() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    for number in 0..120 {
        gateway.send(chat(&format!("number {number}")));
    }
    let visitor = Visitor::log_in(&gateway);
    crate::support::until("everything is recorded", || {
        visitor.page("/admin/requests").contains("Found: 120").then_some(())
    });
    let (mut seen, mut at) = (Vec::new(), "/admin/requests".to_owned());
    for _ in 0..3 {
        let page = visitor.page(&at);
        assert!(page.len() < 80 << 10, "{} bytes", page.len());
        seen.extend(ids(&page));
        let next = between(&page, "rel=\"next\" href=\"", "\"").replace("&#38;", "&");
        at = format!("/admin/requests{next}");
    }
    let mut wanted = seen.clone();
    wanted.sort_unstable_by(|a, b| b.cmp(a));
    wanted.dedup();
    assert_eq!((seen.len(), seen == wanted), (120, true));
}

#[test]
fn every_part_of_a_conversation_is_shown_and_nothing_of_it_is_markup() {
    let hostile = "<img src=x onerror=alert(1)> [x](javascript:alert(2)) ![p](https://evil.example/p.png) **bold**";
    let reply = serde_json::json!({
        "object": "chat.completion", "model": "m",
        "choices": [{"finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": hostile, "reasoning_content": "Think <b>hard</b>.",
            "tool_calls": [{"id": "call_9", "type": "function", "function": {"name": "look_up", "arguments": "{\"key\":1}"}}],
        }}],
    });
    let upstream = FakeUpstream::always(Reply::json(200, &reply.to_string()));
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let body = serde_json::json!({
        "model": "gpt-4o",
        "tools": [{"type": "function", "function": {"name": "look_up"}}, {"type": "function", "function": {"name": "unused"}}],
        "messages": [
            {"role": "system", "content": "<i>Be brief</i>"},
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PNG}")}},
                {"type": "image_url", "image_url": {"url": "https://elsewhere.example/a.png"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+"}},
            ]},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "read_it", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "line\n".repeat(40)},
        ],
    });
    gateway.send(Call::chat(&body.to_string()));
    let id = gateway.record().number("id");
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.page(&format!("/admin/requests/{id}"));
    for part in [
        "&#60;i&#62;Be brief",
        "What is this?",
        "Think &#60;b&#62;hard",
        "&lt;img src=x onerror=alert(1)&gt;",
        "<strong>bold</strong>",
        "look_up call_9",
        "read_it call_1",
        "&#34;key&#34;: 1",
        "look_up ✓ called",
        "href=\"https://elsewhere.example/a.png\" rel=\"noopener noreferrer nofollow\"",
    ] {
        assert!(page.contains(part), "{part} is missing: {page}");
    }
    for harm in ["<img src=x", "<img src=\"http", "javascript:alert(2)\"", "<i>Be", "src=\"https://"] {
        assert!(!page.contains(harm), "{harm}: {page}");
    }
    let picture = visitor.get(&format!("/admin/requests/{id}/blob/0"));
    assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/png")));
    assert_eq!(picture.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(visitor.get(&format!("/admin/requests/{id}/blob/1")).status, 404, "no picture, whatever it is called");
    assert_eq!(visitor.get(&format!("/admin/requests/{id}/blob/2")).status, 404);
    let plain = visitor.page(&format!("/admin/requests/{id}?view=plain"));
    assert!(plain.contains("**bold**") && plain.contains("&#60;img src=x"), "{plain}");
    let json = visitor.page(&format!("/admin/requests/{id}?view=json"));
    assert!(json.contains("<details open><summary>messages") && !json.contains("<i>Be"), "{json}");
}

#[test]
fn later_turns_show_their_pictures_and_the_list_of_turns_tells_what_tools_gave() {
    let call = |id: &str, name: &str| serde_json::json!({"id": id, "type": "function", "function": {"name": name, "arguments": "{}"}});
    let reply = |message: serde_json::Value| {
        let choice = serde_json::json!({"finish_reason": "stop", "message": message});
        serde_json::json!({"object": "chat.completion", "model": "m", "choices": [choice]})
    };
    let asked = serde_json::json!({"role": "assistant", "content": null, "tool_calls": [call("c1", "read_it"), call("c2", "list_it")]});
    let ready = serde_json::json!({"role": "assistant", "content": "Ready."});
    let replies = [&asked, &ready, &ready].map(|message| Reply::json(200, &reply(message.clone()).to_string()));
    let upstream = FakeUpstream::sequence(replies.to_vec());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let png = |data: &str| serde_json::json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{data}")}});
    let first = serde_json::json!({"role": "user", "content": [{"type": "text", "text": "Look."}, png("bm9uZQ==")]});
    let result = |id: &str, text: &str| serde_json::json!({"role": "tool", "tool_call_id": id, "content": text});
    let results = [result("c1", "fn  main()\n{}"), result("c2", "a.rs")];
    let third = serde_json::json!({"role": "user", "content": [png(PNG), png("PHN2Zz48L3N2Zz4=")]});
    let mut messages = vec![first];
    for more in [vec![], [vec![asked], results.to_vec()].concat(), vec![ready, third]] {
        messages.extend(more);
        let body = serde_json::json!({"model": "m", "messages": messages});
        assert_eq!(gateway.send(Call::chat(&body.to_string())).status, 200);
        gateway.records_when(upstream.count());
    }
    let newest = gateway.records_when(3).remove(0);
    assert_eq!(newest.number("known_messages"), 5, "it continues the others");
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.page(&format!("/admin/conversations/{}", newest.number("conversation_id")));
    let turns: Vec<&str> = page.split("<li value=").skip(1).map(|turn| between(turn, "#t", "</a>")).collect();
    assert!(turns[1].ends_with(">2 read_it, list_it: fn main() {}"), "{turns:?}");
    let shown: Vec<&str> = page.split("<img loading=\"lazy\" width=\"240\" src=\"").skip(1).collect();
    let shown: Vec<&str> = shown.iter().map(|image| image.split('"').next().unwrap()).collect();
    let id = newest.number("id");
    let of_newest = [0].map(|n| format!("/admin/requests/{id}/blob/new-{n}"));
    assert_eq!(shown[..], of_newest, "what is no picture is not shown as one: {page}");
    assert!(page.contains("<p class=\"meta\">File <code>image/png 6 B</code></p>"), "{page}");
    let picture = visitor.get(&of_newest[0]);
    assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/png")));
    assert_eq!(picture.header("x-content-type-options"), Some("nosniff"));
    let whole = visitor.page(&format!("/admin/requests/{id}"));
    assert!(whole.contains(&format!("src=\"/admin/requests/{id}/blob/1\"")), "{whole}");
    assert_eq!(visitor.get(&format!("/admin/requests/{id}/blob/1")).body, picture.body, "it is the same one");
    for none in ["new-1", "new-2", "new-", "new-x", "0", "3"] {
        assert_eq!(visitor.get(&format!("/admin/requests/{id}/blob/{none}")).status, 404, "{none}");
    }
    assert_eq!(visitor.get("/admin/requests/999999/blob/new-0").status, 404);
}

#[test]
fn other_apis_and_unknown_shapes_are_never_an_empty_page() {
    let upstream = FakeUpstream::with(|seen, _| match seen.target() {
        "/v1/responses" => Reply::json(
            200,
            r#"{"object":"response","status":"completed","output":[{"type":"reasoning","summary":[{"type":"summary_text","text":"Thinking aloud."}]},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"It is three."}]}]}"#,
        ),
        "/v1/messages" => Reply::json(
            200,
            r#"{"type":"message","role":"assistant","content":[{"type":"text","text":"Bonjour."},{"type":"tool_use","id":"t1","name":"weather","input":{"city":"Paris"}}]}"#,
        ),
        _ => Reply::json(200, r#"{"strange":[1,2]}"#),
    });
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let visitor = Visitor::log_in(&gateway);
    let mut count = 0;
    for (path, body, parts) in [
        (
            "/v1/responses",
            r#"{"model":"m","instructions":"Be kind.","previous_response_id":"resp_7","input":"1+2?"}"#,
            vec!["Be kind.", "1+2?", "Thinking aloud.", "It is three.", "resp_7"],
        ),
        (
            "/v1/messages",
            r#"{"model":"m","system":"Sois poli.","messages":[{"role":"user","content":"Salut"}]}"#,
            vec!["Sois poli.", "Salut", "Bonjour.", "weather t1", "Paris"],
        ),
        ("/v1/unheard/of", r#"{"odd":{"n":1.50}}"#, vec!["odd", "1.50", "strange"]),
    ] {
        gateway.send(Call::post(path, body));
        count += 1;
        let id = gateway.records_when(count)[0].number("id");
        let page = visitor.page(&format!("/admin/requests/{id}"));
        for part in parts {
            assert!(page.contains(part), "{path}: {part} is missing: {page}");
        }
    }
}

#[test]
fn a_large_body_makes_a_small_page_with_a_way_to_everything() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    gateway.send(chat(&format!("begin {} the very end", "x".repeat(3 << 20))));
    let id = gateway.record().number("id");
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.page(&format!("/admin/requests/{id}"));
    assert!(page.len() < 80 << 10 && page.contains("turns=all#m0"), "{} bytes", page.len());
    assert!(visitor.page(&format!("/admin/requests/{id}?turns=all")).contains("the very end"));
    let json = visitor.page(&format!("/admin/requests/{id}?view=json"));
    assert!(json.len() < 600 << 10 && json.contains(&format!("/admin/requests/{id}/body")), "{} bytes", json.len());
}

#[test]
fn what_is_not_recorded_is_told() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::on(Kind::Sqlite).setting("recording", "metadata").upstream(upstream.row("a")).start();
    gateway.send(chat("secret plans"));
    let id = gateway.record().number("id");
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.page(&format!("/admin/requests/{id}"));
    assert!(page.contains("were not recorded") && !page.contains("secret plans"), "{page}");
    assert!(visitor.page(&format!("/admin/requests/{id}/replay")).contains("its body is not recorded"));
}

#[test]
fn a_turn_is_compared_with_the_one_before() {
    let upstream = FakeUpstream::with(echo);
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let turn = |messages: serde_json::Value, temperature: f64| {
        Call::chat(&serde_json::json!({"model": "m", "temperature": temperature, "messages": messages}).to_string())
    };
    let first = serde_json::json!({"role": "user", "content": "first question"});
    let reply = serde_json::json!({"role": "assistant", "content": "You said: first question"});
    let second = serde_json::json!({"role": "user", "content": "second question"});
    gateway.send(turn(serde_json::json!([first]), 0.5));
    gateway.records_when(1);
    gateway.send(turn(serde_json::json!([first, reply, second]), 0.7));
    let id = gateway.records_when(2)[0].number("id");
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.page(&format!("/admin/requests/{id}/diff/prev"));
    assert!(page.contains("2 earlier messages are the same"), "{page}");
    assert!(page.contains("<ins>second question</ins>") && !page.contains("<ins>first question"), "{page}");
    assert!(page.contains("temperature") && page.contains("0.5") && page.contains("0.7"), "{page}");
    assert_eq!(visitor.get(&format!("/admin/requests/{}/diff/prev", id - 1)).status, 404);
    let detail = visitor.page(&format!("/admin/requests/{id}"));
    assert!(detail.contains("2 earlier messages are the same") && detail.contains("second question"), "{detail}");
}

#[test]
fn a_search_is_kept_renamed_and_forgotten() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let gateway = Gateway::with(kind, []);
        let visitor = Visitor::log_in(&gateway);
        let page = visitor.send("/admin/saved", "name=Errors&query=%3Fq%3Dis%3Aerror%26range%3D7d");
        assert!(page.contains("href=\"/admin/requests?q=is:error&#38;range=7d\""), "{page}");
        let id = between(&page, "action=\"/admin/saved/", "\"").to_owned();
        let page = visitor.send(&format!("/admin/saved/{id}"), "name=Failures");
        assert!(page.contains(">Failures</a>") && !page.contains(">Errors</a>"), "{page}");
        assert_eq!(visitor.post("/admin/saved", "name=&query=").status, 422);
        let wrong =
            [("%3Fq%3Dstatu:5", "statu"), ("range%3Dlong", "range"), ("sort%3Dname", "sort"), ("evil%3D1", "evil")];
        for (query, reason) in wrong {
            let refused = visitor.post("/admin/saved", &format!("name=Wrong&query={query}"));
            assert!(refused.status == 422 && refused.text().contains(reason), "{query}: {}", refused.text());
        }
        let taken = visitor.post("/admin/saved", "name=Failures&query=q%3Dx");
        assert!(taken.status == 422 && taken.text().contains("another saved search has this name"), "{}", taken.text());
        let page = visitor.send("/admin/saved", "name=Others&query=q%3Dx");
        assert!(page.contains(">Others</a>") && !page.contains(">Wrong</a>"), "{page}");
        let ids = page.split("action=\"/admin/saved/").skip(1).filter_map(|rest| rest.split('"').next());
        let other = ids.into_iter().find(|one| *one != id).unwrap();
        assert_eq!(visitor.post(&format!("/admin/saved/{other}"), "name=Failures").status, 422);
        assert_eq!(visitor.post(&format!("/admin/saved/{other}"), "name=Others").status, 303, "its own it may keep");
        visitor.send(&format!("/admin/saved/{other}/delete"), "");
        let list = |target: &str| visitor.get(target);
        assert_eq!(list("/admin/requests").status, 200);
        let page = visitor.send(&format!("/admin/saved/{id}"), "default=on");
        assert!(page.contains("opens with it from now on") && page.contains(">default</span>"), "{page}");
        let opened = list("/admin/requests");
        assert!(opened.status == 302 && opened.header("location").unwrap().contains("q=is"), "{}", opened.text());
        assert_eq!(list("/admin/requests?range=24h").status, 200, "any question of one's own comes first");
        visitor.send(&format!("/admin/saved/{id}"), "default=off");
        assert_eq!(list("/admin/requests").status, 200);
        assert_eq!(visitor.post("/admin/saved/999999", "default=on").status, 404);
        let page = visitor.send(&format!("/admin/saved/{id}/delete"), "");
        assert!(!page.contains("Failures"), "{page}");
        assert_eq!(visitor.post(&format!("/admin/saved/{id}/delete"), "").status, 404);
    }
}

#[test]
fn a_request_goes_for_good_when_its_number_is_typed() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    gateway.send(chat("forget this"));
    let id = gateway.record().number("id");
    let visitor = Visitor::log_in(&gateway);
    let target = format!("/admin/requests/{id}/delete");
    assert_eq!(visitor.post(&target, "number=0").status, 422);
    assert!(visitor.page(&format!("/admin/requests/{id}")).contains("forget this"));
    assert!(visitor.send(&target, &format!("number={id}")).contains(&format!("Request {id} is deleted.")));
    assert_eq!(visitor.get(&format!("/admin/requests/{id}")).status, 404);
}

#[test]
fn a_curl_command_has_a_variable_where_the_key_was() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    gateway.send(chat("it's <b>"));
    let id = gateway.record().number("id");
    let visitor = Visitor::log_in(&gateway);
    let answer = visitor.get(&format!("/admin/requests/{id}/curl"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    let text = answer.text();
    assert!(
        text.contains("$OPENAI_API_KEY") && text.contains("it's <b>") && !text.contains(crate::support::KEY),
        "{text}"
    );
}

#[test]
fn a_stream_that_was_left_or_broke_off_is_shown_as_far_as_it_came() {
    let left = FakeUpstream::always(Reply::stream().event(&role()).event(&delta("Half an ans")).hang());
    let gateway = Gateway::with(Kind::Sqlite, [left.row("a")]);
    let mut exchange = Call::chat(CHAT_STREAM).open(gateway.address());
    exchange.until_body_has("Half an ans");
    exchange.hang_up();
    let id = gateway.record().number("id");
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.page(&format!("/admin/requests/{id}"));
    assert!(page.contains("Half an ans") && page.contains("The caller left after"), "{page}");

    left.now_answers(Reply::stream().event(&role()).event(&delta("Broken off")).pause(100).reset());
    assert!(!gateway.send(Call::chat(CHAT_STREAM)).whole);
    let id = gateway.records_when(2)[0].number("id");
    let page = visitor.page(&format!("/admin/requests/{id}"));
    assert!(page.contains("Broken off") && page.contains("The upstream broke off after"), "{page}");
}

#[test]
fn replies_without_words_have_cards_and_bytes_are_not_shown_as_text() {
    let mp3 = [&b"ID3\x04"[..], &[0, 255, 254, 200].repeat(500)].concat();
    let bytes = mp3.clone();
    let upstream = FakeUpstream::with(move |seen, _| match seen.target() {
        "/v1/embeddings" => Reply::json(
            200,
            r#"{"object":"list","model":"e","data":[{"embedding":[0.25,-0.5]},{"embedding":[1,2]}],"usage":{"prompt_tokens":1}}"#,
        ),
        "/v1/moderations" => Reply::json(
            200,
            r#"{"id":"modr-1","model":"m","results":[{"flagged":true,"categories":{"<i>hate":true,"self-harm":false},"category_scores":{"<i>hate":0.91,"self-harm":0.1}}]}"#,
        ),
        "/v1/audio/speech" => Reply::sized(200, &[("Content-Type", "audio/mpeg")], &bytes),
        _ => Reply::json(200, r#"{"model":"r","results":[{"index":1,"relevance_score":0.75}]}"#),
    });
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let visitor = Visitor::log_in(&gateway);
    let mut count = 0;
    let mut page = |path: &str, body: &str| {
        gateway.send(Call::post(path, body));
        count += 1;
        let id = gateway.records_when(count)[0].number("id");
        (id, visitor.page(&format!("/admin/requests/{id}?view=chat")))
    };
    let (_, vectors) = page("/v1/embeddings", r#"{"model":"e","input":"whales"}"#);
    assert!(
        vectors.contains("Vectors: 2, each of 2 numbers") && vectors.contains("<code>0.25, -0.5</code>"),
        "{vectors}"
    );
    let (_, verdict) = page("/v1/moderations", r#"{"model":"m","input":"whales"}"#);
    assert!(verdict.contains(">flagged</span> &#60;i&#62;hate <span class=\"meta\">0.91</span>"), "{verdict}");
    assert!(!verdict.contains("self-harm"), "{verdict}");
    let (id, speech) = page("/v1/audio/speech", r#"{"model":"tts","input":"whales","voice":"alloy"}"#);
    let told = format!("No text: audio/mpeg, {} B <a href=\"/admin/requests/{id}/reply\" download>", "2,004");
    assert!(speech.contains(&told), "{speech}");
    for view in ["json", "raw"] {
        let page = visitor.page(&format!("/admin/requests/{id}?view={view}"));
        let reply = &page[page.find("Reply body").unwrap()..];
        assert!(reply.contains("No text: audio/mpeg") && !reply.contains("ID3"), "{page}");
    }
    let (id, ranked) = page("/v1/rerank", r#"{"model":"ranker-7","query":"whales","documents":["a","b"]}"#);
    assert_eq!(ranked.matches("<p class=\"meta\">Other content").count(), 2, "{ranked}");
    assert!(ranked.contains("&#34;relevance_score&#34;: 0.75"), "{ranked}");
    let first = visitor.page(&format!("/admin/requests/{id}"));
    assert!(first.contains("view=json\" aria-current=\"page\""), "what is not understood opens as JSON: {first}");
    let upload = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-9\r\n--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nabout whales\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\r\nxyz\r\n--b--\r\n";
    let call = Call::new("POST", "/v1/audio/transcriptions");
    gateway.send(call.header("Content-Type", "multipart/form-data; boundary=b").body(upload.as_bytes()));
    let id = gateway.records_when(5)[0].number("id");
    let page = visitor.page(&format!("/admin/requests/{id}?view=chat"));
    let user = between(&page, "<article class=\"msg user\"", "</article>");
    let words = between(user, "<div class=\"plain\">", "</div>");
    assert_eq!(words, "about whales", "{user}");
    assert!(user.contains("File <code>a.mp3</code>") && user.contains("model: whisper-9"), "{user}");
}
