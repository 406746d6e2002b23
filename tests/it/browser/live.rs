//! New requests in the list as they come: those that are asked for, as a page that is loaded shows them, and none while
//! somebody is in the table. Under load see `tail.rs`.

use serde_json::json;

use crate::browser::harness::Browser;
use crate::browser::requests::{chat, picky, rows};
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::samples::good;
use crate::support::until;
use crate::support::upstream::FakeUpstream;

#[test]
fn new_requests_come_as_filtered_and_wait_while_somebody_points_at_the_table() {
    let upstream = picky();
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    gateway.send(chat("refuse the first"));
    gateway.records_when(1);
    let browser = Browser::logged_in(&gateway, true);
    browser.go("/admin/requests?q=status:%3E=400");
    assert_eq!(rows(&browser), 1);
    browser.click("[data-live]");
    assert_eq!(browser.script("return document.querySelector('[data-live]').getAttribute('aria-pressed')"), "true");
    let send = |refused: usize| {
        for number in 0..refused {
            gateway.send(chat(&format!("fine {number}")));
            gateway.send(chat(&format!("refuse {number}")));
        }
    };
    send(5);
    until("five rows have come", || (rows(&browser) == 6).then_some(()));
    let statuses =
        "return [...new Set([...document.querySelectorAll('tbody .badge')].map((at) => at.textContent))].join()";
    assert_eq!(browser.text(statuses), "400", "only what was asked for");
    let link = browser.text("return document.querySelector('tr[data-id] a').getAttribute('href')");
    assert!(link.starts_with("/admin/requests/") && link.contains("?q=status"), "{link}");

    let point = |kind: &str| {
        browser.script(&format!("document.querySelector('[data-live-box]').dispatchEvent(new PointerEvent('{kind}'))"));
    };
    point("pointerenter");
    send(3);
    let waiting = "return document.querySelector('[data-live-new]').textContent";
    until("three wait", || (browser.text(waiting) == "3 new").then_some(()));
    assert_eq!(rows(&browser), 6, "nothing moves under the pointer");
    point("pointerleave");
    assert_eq!(rows(&browser), 9);

    // A page nobody sees has no stream; it goes on where it was.
    let hide = |hidden: bool| {
        browser.script(&format!(
            "Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }}); document.dispatchEvent(new Event('visibilitychange'));"
        ));
    };
    hide(true);
    send(2);
    gateway.records_when(21);
    assert_eq!(rows(&browser), 9, "hidden");
    hide(false);
    until("what came meanwhile is shown", || (rows(&browser) == 11).then_some(()));
    let unique = "return new Set([...document.querySelectorAll('tr[data-id]')].map((row) => row.dataset.id)).size";
    assert_eq!(browser.script(unique), 11, "without repetition");
    assert_eq!(browser.script("return window.violations"), json!([]));
}

#[test]
fn new_requests_wait_while_the_focus_is_in_the_table_and_are_announced_now_and_then() {
    let upstream = picky();
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    gateway.send(chat("the first"));
    gateway.records_when(1);
    let browser = Browser::logged_in(&gateway, true);
    // The page's clock stands until it is moved.
    let clock = "window.clock = 1e6; Date.now = () => window.clock;";
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": clock }));
    browser.go("/admin/requests");
    browser.click("[data-live]");
    browser.script("document.querySelector('tr[data-id] a').focus()");
    assert_eq!(browser.script("return document.querySelector('[data-live-box]').matches(':hover')"), false);
    for number in 0..2 {
        gateway.send(chat(&format!("number {number}")));
    }
    let waiting = "const at = document.querySelector('[data-live-new]'); return at.hidden ? '' : at.textContent";
    until("two wait", || (browser.text(waiting) == "2 new").then_some(()));
    assert_eq!(rows(&browser), 1, "nothing moves under the focus");
    browser.press('\u{e004}');
    assert_eq!(browser.script("return document.querySelector('[data-live-box]').matches(':focus-within')"), true);
    assert_eq!((rows(&browser), browser.text(waiting).as_str()), (1, "2 new"), "it moves on in the table");
    let told = || browser.text("return document.querySelector('[data-live-count]').textContent");
    assert_eq!(told(), "Found: 1");
    browser.script("document.activeElement.blur()");
    assert_eq!((rows(&browser), browser.text(waiting).as_str()), (3, ""));
    assert_eq!(told(), "2 new requests");
    for number in 0..3 {
        gateway.send(chat(&format!("later {number}")));
        until("it is shown", || (rows(&browser) == 4 + number).then_some(()));
        assert_eq!(told(), "2 new requests", "not again within ten seconds");
    }
    browser.script("window.clock += 10000");
    until("the others are told together", || (told() == "3 new requests").then_some(()));
}

#[test]
fn rows_that_come_are_as_those_of_a_page_that_is_loaded() {
    let upstream = picky();
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let browser = Browser::logged_in(&gateway, true);
    browser.go("/admin/requests?cols=conv,finish,path,cost,host");
    browser.click("[data-live]");
    gateway.send(chat("fine"));
    until("a row has come", || (rows(&browser) == 1).then_some(()));
    let table = "return JSON.stringify([...document.querySelectorAll('tr[data-id] td')].map((at) => [at.dataset.l, at.className, at.textContent.trim(), at.title, ...[...at.querySelectorAll('button, a, time')].map((one) => one.value ?? one.getAttribute('href') ?? one.dateTime)]))";
    let live = browser.text(table);
    browser.go("/admin/requests?cols=conv,finish,path,cost,host");
    assert_eq!(live, browser.text(table), "as on a page that is loaded");
    assert!(live.contains("[\"Path\",\"\",\"/v1/chat/completions\",") && live.contains("\"finish:stop\""), "{live}");
    assert!(live.contains("$0.0000") && live.contains("Conversation\",\"num\",\""), "{live}");
    assert!(live.contains("\"fine\"") && live.contains("\"model:gpt-4o\""), "words and filters: {live}");
    for elsewhere in ["sort=-total", "to=2036-01-01", "before=1"] {
        browser.go(&format!("/admin/requests?range=all&{elsewhere}"));
        let live = "return document.querySelectorAll('[data-live]').length";
        assert_eq!(browser.script(live), 0, "new rows do not belong here: {elsewhere}");
    }
}

#[test]
fn the_table_never_grows_beyond_two_hundred_rows() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let browser = Browser::logged_in(&gateway, true);
    browser.go("/admin/requests");
    browser.click("[data-live]");
    for number in 0..210 {
        gateway.send(chat(&format!("number {number}")));
    }
    let newest = "return document.querySelector('tr[data-id]')?.dataset.id ?? ''";
    until("the last one is shown", || (browser.text(newest) == "210").then_some(()));
    assert_eq!(rows(&browser), 200);
}
