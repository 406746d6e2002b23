//! Requests in a real browser: nothing others wrote runs, keys stay inside what was searched, a search is its address.

use serde_json::json;

use crate::browser::harness::Browser;
use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::reply::Reply;
use crate::support::samples::{BAD_REQUEST, COMPLETION, good};
use crate::support::until;
use crate::support::upstream::FakeUpstream;

const HOSTILE: &str =
    "<img src=x onerror=alert(1)><script>alert(2)</script> [x](javascript:alert(3)) ![p](https://evil.example/p.png)";

/// A request that says this.
pub fn chat(text: &str) -> Call {
    let message = json!({"role": "user", "content": text});
    Call::chat(&json!({"model": "gpt-4o", "messages": [message]}).to_string())
}

/// Refuses what asks for it.
pub fn picky() -> FakeUpstream {
    FakeUpstream::with(|seen, _| if seen.text().contains("refuse") { Reply::json(400, BAD_REQUEST) } else { good() })
}

/// How many requests are listed.
pub fn rows(browser: &Browser) -> i64 {
    browser.script("return document.querySelectorAll('tbody tr[data-id]').length").as_i64().unwrap_or_default()
}

#[test]
fn hostile_text_is_shown_and_does_nothing() {
    let reply = COMPLETION.replace("\"Hello!\"", &serde_json::Value::from(HOSTILE).to_string());
    let upstream = FakeUpstream::always(Reply::json(200, &reply));
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    gateway.send(chat(HOSTILE));
    let id = gateway.record().number("id");
    let browser = Browser::logged_in(&gateway, true);
    browser.complaints();
    for page in ["", "?view=json", "?view=raw", "/replay"] {
        browser.go(&format!("/admin/requests/{id}{page}"));
        assert_eq!(browser.script("return window.violations"), json!([]), "{page}");
        assert_eq!(browser.complaints(), [] as [String; 0], "{page}");
        assert_eq!(
            browser.script("return document.querySelectorAll('main img, main script, main [onerror]').length"),
            0
        );
        assert_eq!(browser.script("return document.querySelectorAll('main a[href^=javascript]').length"), 0);
        let hosts =
            browser.script("return performance.getEntriesByType('resource').map((entry) => new URL(entry.name).host)");
        let own = gateway.address().to_string();
        assert!(hosts.as_array().unwrap().iter().all(|host| *host == own), "{page}: {hosts}");
    }
    browser.go(&format!("/admin/requests/{id}"));
    let shown = browser.text("return document.querySelector('main').innerText");
    assert!(shown.matches("<script>alert(2)</script>").count() == 2, "{shown}");
    browser.go("/admin/requests");
    assert!(
        browser
            .text("return document.querySelector('.requests td:nth-child(11)').textContent")
            .starts_with("<img src=x")
    );
    assert_eq!(browser.script("return document.querySelectorAll('main img').length"), 0);
}

#[test]
fn keys_step_through_what_was_searched() {
    let upstream = picky();
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    for text in ["refuse one", "fine", "refuse two"] {
        gateway.send(chat(text));
    }
    gateway.records_when(3);
    let browser = Browser::logged_in(&gateway, true);
    browser.go("/admin/requests?q=status:400");
    browser.press('j');
    browser.press('j');
    assert_eq!(browser.text("return document.querySelector('tr[aria-current]').dataset.id"), "1");
    browser.press('k');
    browser.press('\u{e007}');
    until("the newest is open", || browser.path().starts_with("/admin/requests/3?").then_some(()));
    until("it is loaded", || (browser.script("return document.readyState") == "complete").then_some(()));
    browser.press('j');
    until("the next match is open", || browser.path().starts_with("/admin/requests/1?q=status").then_some(()));
    until("it is loaded", || (browser.script("return document.readyState") == "complete").then_some(()));
    assert_eq!(browser.script("return document.querySelectorAll('a[rel=next]').length"), 0, "the last match");
    browser.press('j');
    browser.follow_key('k');
    assert!(browser.path().starts_with("/admin/requests/3?q=status"), "{}", browser.path());
    assert_eq!(browser.script("return document.querySelectorAll('a[rel=prev]').length"), 0, "the first match");
    browser.press('k');
    browser.follow_key('j');
    assert!(browser.path().starts_with("/admin/requests/1?q=status"), "{}", browser.path());
    browser.go("/admin/requests");
    browser.press('t');
    assert_eq!(browser.script("return document.querySelector('[data-live]').getAttribute('aria-pressed')"), "true");
    browser.press('/');
    assert_eq!(browser.text("return document.activeElement.id"), "q");
}

#[test]
fn a_request_is_searched_opened_and_exported_without_script() {
    let upstream = picky();
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    gateway.send(chat("请修复数据库"));
    gateway.send(chat("另一件事"));
    gateway.records_when(2);
    let browser = Browser::logged_in(&gateway, false);
    browser.go("/admin/requests");
    browser.fill("#q", "修复");
    browser.follow(".ask button");
    assert_eq!(rows(&browser), 1, "{}", browser.path());
    assert_eq!(browser.script("return document.querySelector('[data-live]').hidden"), true);
    browser.follow("tr[data-id] button[value^='model:']");
    assert_eq!((browser.path().as_str(), rows(&browser)), ("/admin/requests?q=%E4%BF%AE%E5%A4%8D+model:gpt-4o", 1));
    browser.follow("tbody tr[data-id] a");
    assert_eq!(browser.text("return document.querySelector('mark').textContent"), "修复");
    browser.follow(".tabs a[href*='view=json']");
    assert!(browser.text("return document.querySelector('.tree').textContent").contains("请修复数据库"));
    browser.go("/admin/requests");
    let export = browser.text("return document.querySelector('a[download][href*=jsonl]').getAttribute('href')");
    let file = gateway.admin("GET", &export, "");
    assert_eq!((file.status, file.text().lines().count()), (200, 2), "{export}");
}

#[test]
fn every_hit_of_a_search_is_marked() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    gateway.send(chat(&"needle in hay, ".repeat(400)));
    let id = gateway.record().number("id");
    let browser = Browser::logged_in(&gateway, true);
    browser.go(&format!("/admin/requests/{id}?q=NEEDLE"));
    assert_eq!(browser.script("return document.querySelectorAll('main mark').length"), 400);
    assert!(browser.text("return document.querySelector('main').innerText").contains("400 hits"));
}

#[test]
fn a_search_is_its_address_for_whoever_opens_it() {
    let upstream = picky();
    let rows = [upstream.row("azure"), upstream.row("other")];
    let gateway = Gateway::with(Kind::Sqlite, rows);
    for text in ["refuse: timeout", "refuse: other", "fine: timeout", "refuse: timeout again"] {
        gateway.send(chat(text));
    }
    let message = json!({"role": "user", "content": "refuse: timeout"});
    gateway.send(Call::chat(&json!({"model": "gpt-5", "messages": [message]}).to_string()));
    gateway.records_when(5);
    gateway.edit("UPDATE openai_upstreams SET enabled = false WHERE name = 'azure'");
    gateway.send(chat("refuse: timeout elsewhere"));
    gateway.records_when(6);
    let terms = r#"model:gpt-4o status:>=400 upstream:azure "timeout""#;
    let seen = |browser: &Browser| {
        let ids =
            browser.text("return [...document.querySelectorAll('tr[data-id]')].map((row) => row.dataset.id).join()");
        (ids, browser.text("return document.querySelector('.chips[aria-label]').innerText"))
    };
    let (address, first) = {
        let browser = Browser::logged_in(&gateway, true);
        browser.go("/admin/requests");
        browser.fill("#q", terms);
        browser.follow(".ask button");
        (browser.path(), seen(&browser))
    };
    assert_eq!(first.0, "4,1");
    for term in terms.split(' ') {
        assert!(first.1.contains(&format!("{term} ×")), "{}", first.1);
    }
    let browser = Browser::logged_in(&gateway, false);
    let all: Vec<&str> = terms.split(' ').collect();
    for (term, left) in all.iter().zip(["5,4,1", "4,3,1", "6,4,1", "4,2,1"]) {
        browser.go(&address);
        assert_eq!(seen(&browser), first);
        browser.follow(&format!(".chips a[aria-label*='{}']", term.trim_matches('"')));
        let others: Vec<&str> = all.iter().filter(|other| *other != term).copied().collect();
        assert_eq!(browser.text("return document.getElementById('q').value"), others.join(" "));
        let chips = browser.text("return [...document.querySelectorAll('.chips[aria-label] a[aria-label]')].map((at) => at.textContent).join('|')");
        assert_eq!(chips, others.iter().map(|other| format!("{other} ×")).collect::<Vec<_>>().join("|"));
        assert_eq!(seen(&browser).0, left, "without {term}");
    }
}

#[test]
fn a_request_of_three_megabytes_is_a_page_that_answers_at_once() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    gateway.send(chat(&format!("begin {} the very end", "x ".repeat(3 << 19))));
    let id = gateway.record().number("id");
    let browser = Browser::logged_in(&gateway, true);
    let interactive_ms = || {
        browser.go(&format!("/admin/requests/{id}"));
        let ms = "const page = performance.getEntriesByType('navigation')[0]; return page.domInteractive - page.responseStart";
        browser.script(ms).as_f64().expect("a time")
    };
    // The browser's part, the best of some: other tests run beside this one, and the program is no release build.
    let best = (0..5).map(|_| interactive_ms()).fold(f64::MAX, f64::min);
    assert!(best <= 1_000.0, "{best} ms");
    let main = "return document.querySelector('main').innerText";
    assert!(browser.source().len() < 80 << 10 && !browser.text(main).contains("the very end"));
    browser.follow("a[href*='turns=all']");
    assert!(browser.text(main).contains("the very end"));
}

#[test]
fn a_message_is_copied_as_it_was_said_folded_or_not() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let said = ["Be brief.\nAlways.", "one\ntwo"];
    let messages = json!([{"role": "system", "content": said[0]}, {"role": "user", "content": said[1]}]);
    gateway.send(Call::chat(&json!({"model": "gpt-4o", "messages": messages}).to_string()));
    let record = gateway.record();
    let browser = Browser::logged_in(&gateway, true);
    let permissions = json!({"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]});
    browser.devtools("Browser.grantPermissions", permissions);
    for page in ["requests/", "conversations/"] {
        let id = record.number(if page == "requests/" { "id" } else { "conversation_id" });
        browser.go(&format!("/admin/{page}{id}"));
        for (number, said) in said.iter().enumerate() {
            browser.click(&format!("#m{number} button"));
            let copied =
                "const done = arguments[0]; navigator.clipboard.readText().then(done, (error) => done(String(error)));";
            crate::support::until("it is copied", || (browser.script_later(copied) == *said).then_some(()));
        }
    }
}

#[test]
fn a_long_line_is_laid_out_in_short_runs_and_copied_as_it_is() {
    let line = "数据库 connection 池耗尽了abc".repeat(45_000);
    let answer = json!({"choices": [{"message": {"role": "assistant", "content": line}, "finish_reason": "stop"}]});
    let upstream = FakeUpstream::always(Reply::json(200, &answer.to_string()));
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    gateway.send(chat(&line));
    let id = gateway.record().number("id");
    let browser = Browser::logged_in(&gateway, true);
    for (view, selector) in
        [("chat", ".msg.assistant .md"), ("plain", ".msg.assistant .plain"), ("chat", ".msg.user .plain")]
    {
        browser.go(&format!("/admin/requests/{id}?turns=all&view={view}"));
        let seen = browser.script(&format!(
            "const part = document.querySelector('{selector}'); \
             const walk = document.createTreeWalker(part, NodeFilter.SHOW_TEXT); \
             let longest = 0; \
             while (walk.nextNode()) longest = Math.max(longest, walk.currentNode.data.length); \
             return [part.innerText.trim() === '{}'.repeat(45000), longest <= 4096, part.offsetHeight > 10000]",
            "数据库 connection 池耗尽了abc"
        ));
        assert_eq!(seen, json!([true, true, true]), "{view} {selector}");
    }
    assert_eq!(browser.script("return window.violations"), json!([]));
}

#[test]
fn the_live_tail_knows_short_words_and_says_when_it_has_ended() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let browser = Browser::logged_in(&gateway, true);
    let ask = |text: &str| assert_eq!(gateway.send(chat(text)).status, 200);
    ask("再见");
    gateway.records_when(1);
    // One character, in the time that is looked at when none is named.
    browser.go("/admin/requests?q=%E4%BD%A0");
    browser.click("[data-live]");
    ask("你好");
    ask("hello");
    let rows = "return String(document.querySelectorAll('tr[data-id]').length)";
    until("the row comes", || (browser.text(rows) == "1").then_some(()));
    gateway.edit("DELETE FROM admin_sessions");
    ask("你们好");
    let told = "return document.querySelector('[data-live-count]').textContent";
    until("it says so", || browser.text(told).starts_with("The live view has ended").then_some(()));
    assert_eq!(browser.text("return document.querySelector('[data-live]').ariaPressed"), "false");
}
