//! Reading recorded conversations: exact Chinese search, hostile answers, deleting one.

use crate::browser::harness::Browser;
use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::reply::Reply;
use crate::support::samples::COMPLETION;
use crate::support::until;
use crate::support::upstream::FakeUpstream;

/// What a hostile model answers, and a word to look for.
const HOSTILE: &str =
    "已**修复** <img src=x onerror=alert(1)> [go](javascript:alert(2)) ![pic](https://evil.example/a.png)";

struct Stage {
    gateway: Gateway,
    _upstream: FakeUpstream,
}

fn stage() -> Stage {
    let reply = COMPLETION.replace("\"Hello!\"", &serde_json::Value::from(HOSTILE).to_string());
    let upstream = FakeUpstream::always(Reply::json(200, &reply));
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("main")]);
    let first = r#"{"role":"user","content":"数据库连接"}"#;
    let answer = format!(r#"{{"role":"assistant","content":{}}}"#, serde_json::Value::from(HOSTILE));
    let second = r#"{"role":"user","content":"and <script>now</script>?"}"#;
    for messages in
        [first.to_owned(), format!("{first},{answer},{second}"), r#"{"role":"user","content":"other"}"#.into()]
    {
        let body = format!(r#"{{"model":"gpt-4o","messages":[{messages}]}}"#);
        assert_eq!(gateway.send(Call::chat(&body)).status, 200);
    }
    until("the requests are recorded", || (gateway.records().len() == 3).then_some(()));
    Stage { gateway, _upstream: upstream }
}

#[test]
fn a_conversation_is_found_by_two_characters_and_read_turn_by_turn() {
    let stage = stage();
    let browser = Browser::logged_in(&stage.gateway, true);
    browser.go("/admin/conversations");
    let titles = "return [...document.querySelectorAll('td.title a')].map((at) => at.textContent).join('|')";
    assert_eq!(browser.text(titles), "other|数据库连接");
    browser.fill("#q", "数据");
    browser.follow(".ask button");
    assert_eq!(browser.text(titles), "数据库连接");
    browser.follow("td.title a");
    let said = browser.text("return document.querySelector('main').innerText");
    assert!(said.contains("<img src=x onerror=alert(1)>") && said.contains("<script>now</script>"), "{said}");
    assert_eq!(said.matches("数据库连接").count(), 3, "title, list of turns and the one turn that said it: {said}");
    assert!(said.contains("Earlier messages that are the same: 2"), "{said}");
    assert_eq!(browser.text("return document.querySelector('.msg mark').textContent"), "数据");
    assert_eq!(browser.text("return document.querySelector('.md strong').textContent"), "修复");
    assert_eq!(browser.script("return document.querySelectorAll('main img, main script, main [onerror]').length"), 0);
    let links =
        browser.script("return [...document.querySelectorAll('.md a[href]')].map((at) => at.href + ' ' + at.rel)");
    assert_eq!(links[0], "https://evil.example/a.png noopener noreferrer nofollow");
    assert_eq!(links.as_array().expect("links").len(), 2, "{links}");
    assert_eq!(browser.script("return window.violations"), serde_json::json!([]));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn what_a_query_says_wrong_is_marked_and_nothing_is_left_out() {
    let stage = stage();
    let browser = Browser::logged_in(&stage.gateway, false);
    for (query, wrong) in [("foo:1 数据", "foo"), ("a OR b", "OR"), ("status:>=abc", "abc")] {
        browser.go("/admin/conversations");
        browser.fill("#q", query);
        browser.follow(".ask button");
        assert!(browser.text("return document.querySelector('#q-wrong mark').textContent").contains(wrong), "{query}");
        assert_eq!(browser.text("return document.querySelector('#q').value"), query);
        assert_eq!(browser.text("return document.querySelector('#q-wrong code').textContent"), query);
    }
}

#[test]
fn a_conversation_is_deleted_for_good_once_its_number_is_typed() {
    let stage = stage();
    let browser = Browser::logged_in(&stage.gateway, false);
    browser.go("/admin/conversations?q=%E6%95%B0%E6%8D%AE%E5%BA%93");
    browser.follow("td.title a");
    browser.follow(".bar .danger");
    browser.follow("main .danger");
    let number = browser.path();
    assert!(number.starts_with("/admin/conversations/delete?q="), "a wrong number is told, not followed: {number}");
    assert!(browser.source().contains("number-wrong"));
    let id = browser.text("return document.querySelector('main input[name=id]').value");
    browser.fill("#number", &id);
    browser.follow("main .danger");
    assert!(browser.path().starts_with("/admin/conversations?q="), "back to the search: {}", browser.path());
    assert!(browser.text("return document.querySelector('[role=status]').textContent").contains(&id));
    assert_eq!(stage.gateway.records().len(), 1);
    browser.go("/admin/conversations?q=%E6%95%B0%E6%8D%AE%E5%BA%93&range=all");
    assert_eq!(browser.script("return document.querySelectorAll('td.title').length"), 0);
    browser.go(&format!("/admin/conversations/{id}"));
    assert!(browser.source().contains("404") || browser.text("return document.title").contains("nothing"));
}
