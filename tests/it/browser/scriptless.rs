//! Everything by links and forms, with script switched off.

use crate::browser::harness::Browser;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::reply::Reply;
use crate::support::upstream::FakeUpstream;

/// The names in the list, from top to bottom.
fn names(browser: &Browser) -> String {
    browser
        .text("return [...document.querySelectorAll('tbody tr[data-id] td.cut a')].map((a) => a.textContent).join(' ')")
}

fn said(browser: &Browser) -> String {
    browser.text("return document.querySelector('[role=status]')?.textContent")
}

fn add(browser: &Browser, name: &str, endpoint: &str, and_test: bool) {
    browser.go("/admin/upstreams/new");
    browser.fill("#name", name);
    browser.fill("#endpoint", endpoint);
    browser.fill("#sk", "sk-typed-0123456789");
    browser.follow(if and_test { ".save button[name=test]" } else { ".save button.primary" });
}

#[test]
fn an_upstream_is_added_tested_moved_switched_off_and_removed_without_script() {
    let upstream = FakeUpstream::always(Reply::json(200, r#"{"data":[{"id":"gpt-4o"}]}"#));
    let gateway = Gateway::with(Kind::Sqlite, []);
    let browser = Browser::logged_in(&gateway, false);
    assert_eq!(browser.script("return document.querySelector('[data-copy]').hidden"), true, "the pages' script is off");
    add(&browser, "first", &upstream.url("/a/v1"), false);
    assert_eq!((browser.path().as_str(), said(&browser).as_str()), ("/admin/upstreams", "first is added and in use."));
    add(&browser, "second", &upstream.url("/b/v1"), true);
    let tested =
        browser.text("return document.querySelector('.badge.ok ~ code')?.textContent ?? document.body.innerText");
    assert!(tested.contains("gpt-4o"), "{tested}");

    browser.go("/admin/upstreams");
    assert_eq!(names(&browser), "first second");
    browser.click("tbody tr[data-id]:nth-of-type(2) .acts summary");
    browser.follow("button[name=move][value$=':up']:not([disabled])");
    assert_eq!(names(&browser), "second first");
    let test = "tbody tr[data-id]:first-child .acts > button";
    browser.follow(test);
    assert_eq!(said(&browser), "second answers as it should.");
    browser.click("tbody tr[data-id]:first-child .acts summary");
    browser.follow("tbody tr[data-id]:first-child button[name=on]");
    assert_eq!(said(&browser), "second is not in use any more.");
    let state = "return document.querySelector('tbody tr[data-id] .badge').textContent";
    assert_eq!(browser.text(state), "○ disabled");

    browser.click("tbody tr[data-id]:first-child .acts summary");
    browser.follow("tbody tr[data-id]:first-child .acts .danger");
    browser.follow("main .danger");
    assert_eq!(names(&browser), "first");
    browser.follow(".top > .side form[action$=logout] button");
    assert_eq!(browser.path(), "/admin/login");
    browser.go("/admin/upstreams");
    assert_eq!(browser.path(), "/admin/login?next=/admin/upstreams");
}

#[test]
fn a_key_is_made_and_shown_once_without_script() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let browser = Browser::logged_in(&gateway, false);
    browser.go("/admin/keys");
    browser.fill("#name", "team");
    browser.follow("main button.primary");
    let key = browser.text("return document.getElementById('new-key').textContent");
    assert!(key.starts_with("sk-oar-"), "{key}");
    browser.go("/admin/keys/one?name=team");
    let source = browser.source();
    assert!(!source.contains(&key) && source.contains(&key[key.len() - 4..]), "{source}");
}

#[test]
fn with_script_an_upstream_is_switched_in_place() {
    let upstream = FakeUpstream::always(Reply::json(200, "{}"));
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a"), upstream.row("b")]);
    let browser = Browser::logged_in(&gateway, true);
    browser.go("/admin/upstreams?sort=name");
    browser.script("window.stays = true; document.querySelector('tr[data-id=\"1\"] details').open = true;");
    let told = || {
        let look = "const row = document.querySelector('tr[data-id=\"1\"]');
             return [row.querySelector('.badge').textContent, row.querySelector('[form=toggle]').value,
                 document.querySelector('main .said')?.textContent, window.stays, row.querySelector('details').open].join('|');";
        browser.script(look).as_str().unwrap_or_default().to_owned()
    };
    let press = "document.querySelector('tr[data-id=\"1\"] [form=toggle]').click();";
    browser.script(press);
    crate::support::until("it is out of use", || {
        (told() == "○ disabled|1|a is not in use any more.|true|true").then_some(())
    });
    assert_eq!(gateway.database.sql("SELECT enabled FROM openai_upstreams WHERE id = 1"), "0");
    browser.script(press);
    crate::support::until("it is in use", || told().ends_with("|0|a is in use.|true|true").then_some(()));
    assert_eq!(gateway.database.sql("SELECT enabled FROM openai_upstreams WHERE id = 1"), "1");
}

#[test]
fn with_script_rows_can_be_dragged() {
    let upstream = FakeUpstream::always(Reply::json(200, "{}"));
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a"), upstream.row("b"), upstream.row("c")]);
    let browser = Browser::logged_in(&gateway, true);
    browser.go("/admin/upstreams");
    browser.script(
        "const rows = document.querySelectorAll('tbody tr[data-id]');
         const send = (kind, row) => row.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true }));
         send('dragstart', rows[2]); send('dragover', rows[0]); send('drop', rows[0]);",
    );
    crate::support::until("the new order is shown", || (names(&browser) == "c a b").then_some(()));
    assert_eq!(said(&browser), "The order is saved.");
    // Dropped on a row's lower half it goes behind it, or nothing could be dragged to the end.
    browser.script(
        "const rows = document.querySelectorAll('tbody tr[data-id]'), box = rows[2].getBoundingClientRect();
         const send = (kind, row) => row.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, clientY: box.bottom - 2 }));
         send('dragstart', rows[0]); send('dragover', rows[2]); send('drop', rows[2]);",
    );
    crate::support::until("the last place is reached", || (names(&browser) == "a b c").then_some(()));
}
