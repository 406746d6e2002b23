//! The keyboard: everything is reached and seen, rows are moved and menus opened, single keys do what they say.

use serde_json::json;

use crate::browser::harness::Browser;
use crate::browser::pages::Stage;
use crate::support::until;

const TAB: char = '\u{e004}';
const ENTER: char = '\u{e007}';
const ESCAPE: char = '\u{e00c}';

#[test]
fn the_keyboard_reaches_everything_and_the_focus_is_always_seen() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    browser.size(1366, 420);
    for (scheme, page, names) in [
        ("light", "/admin/upstreams", ["Upstreams", "Add upstream", "Test", "⋯", "Save order", "With ticked rows …"]),
        (
            "dark",
            "/admin/requests",
            ["Live", "Saved searches", "q", "What can be typed here", "24h", "Export these requests"],
        ),
    ] {
        browser.scheme(scheme);
        browser.go(page);
        let reached = reached(&browser);
        for name in names {
            assert!(reached.iter().any(|known| known == name), "{name} is reached: {reached:?}");
        }
    }
}

/// What Tab reaches from the top of a page; each is seen with its focus, and not under a head that stays.
fn reached(browser: &Browser) -> Vec<String> {
    browser.press(TAB);
    assert_eq!(browser.text("return document.activeElement.className"), "skip", "the way past the head comes first");
    let mut reached = Vec::new();
    for _ in 0..80 {
        browser.press(TAB);
        let seen = browser.script(
            "const at = document.activeElement;
             if (at === document.body) return null;
             const box = at.getBoundingClientRect();
             const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
             const style = getComputedStyle(at);
             const light = (color) => {
                 const [r, g, b] = color.match(/[\\d.]+/g).map((part) => part / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
                 return 0.2126 * r + 0.7152 * g + 0.0722 * b;
             };
             const [line, page] = [light(style.outlineColor), light(getComputedStyle(document.body).backgroundColor)];
             const contrast = (Math.max(line, page) + 0.05) / (Math.min(line, page) + 0.05);
             return [at.textContent.trim() || at.name, style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 && contrast >= 3, at.contains(top) || (top && top.contains(at)) && !top.closest('thead')];",
        );
        let Some(name) = seen[0].as_str() else { break };
        assert_eq!((&seen[1], &seen[2]), (&true.into(), &true.into()), "{name}: {seen}");
        reached.push(name.to_owned());
    }
    reached
}

#[test]
fn single_keys_work_until_they_are_switched_off_and_never_in_a_field() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    browser.go("/admin");
    browser.press('g');
    browser.press('u');
    crate::support::until("the upstreams are shown", || (browser.path() == "/admin/upstreams").then_some(()));
    browser.press('j');
    assert_eq!(browser.script("return document.querySelectorAll('tr[aria-current]').length"), 1);
    browser.press('?');
    assert_eq!(browser.script("return document.getElementById('keys').open"), true);
    browser.go("/admin/upstreams/new");
    browser.fill("#name", "g");
    browser.press('u');
    assert_eq!(browser.path(), "/admin/upstreams/new");
    assert_eq!(browser.text("return document.getElementById('name').value"), "gu");
    browser.go("/admin/settings");
    browser.click("input[name=shortcuts]");
    browser.follow("main button.primary");
    browser.press('?');
    assert_eq!(
        browser.script("return document.querySelectorAll('dialog, script[src*=keys]').length"),
        0,
        "switched off"
    );
}

/// Presses Tab until what a selector finds has the focus.
fn tab_to(browser: &Browser, selector: &str) {
    let is_there = format!("return document.activeElement === document.querySelector(\"{selector}\")");
    for _ in 0..120 {
        browser.press(TAB);
        if browser.script(&is_there) == true {
            return;
        }
    }
    panic!("{selector} is not reached");
}

#[test]
fn rows_are_moved_and_their_menus_opened_by_the_keyboard_alone() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    let order =
        || browser.text("return [...document.querySelectorAll('tr[data-id]')].map((row) => row.dataset.id).join()");
    browser.go("/admin/upstreams");
    let before = order();
    assert!(before.starts_with("4,1,2,") || before.starts_with("1,2,"), "{before}");
    tab_to(&browser, "tr[data-id='2'] .acts summary");
    browser.press(ENTER);
    assert_eq!(browser.script("return document.querySelector(\"tr[data-id='2'] .acts details\").open"), true);
    browser.press(TAB);
    assert_eq!(browser.text("return document.activeElement.value"), "2:up", "the menu's first button");
    browser.follow_key(ENTER);
    assert_eq!(order(), before.replace("1,2", "2,1"));
    // The menu closes as it was opened; its last entry leads to the page that asks.
    tab_to(&browser, "tr[data-id='2'] .acts summary");
    browser.press(ENTER);
    browser.press(ENTER);
    assert_eq!(browser.script("return document.querySelector(\"tr[data-id='2'] .acts details\").open"), false);
    browser.press(ENTER);
    tab_to(&browser, "tr[data-id='2'] .acts .danger");
    browser.follow_key(ENTER);
    assert_eq!(browser.path(), "/admin/upstreams/delete?id=2");
}

#[test]
fn single_keys_step_open_copy_clear_and_lead_elsewhere() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    let permissions = json!({"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]});
    browser.devtools("Browser.grantPermissions", permissions);
    let row = || browser.text("return document.querySelector('tr[aria-current]')?.dataset.id");
    let copied = || {
        let read =
            "const done = arguments[0]; navigator.clipboard.readText().then(done, (error) => done(String(error)));";
        browser.script_later(read).as_str().unwrap_or_default().to_owned()
    };
    browser.go("/admin");
    for (key, path) in [('r', "/admin/requests"), ('o', "/admin"), ('c', "/admin/conversations"), ('k', "/admin/keys")]
    {
        browser.press('g');
        browser.follow_key(key);
        assert_eq!(browser.path(), path);
    }
    browser.go("/admin/requests");
    for (key, shown) in [('j', "7"), ('j', "6"), ('j', "5"), ('k', "6"), (ESCAPE, ""), ('j', "7")] {
        browser.press(key);
        assert_eq!(row(), shown, "after {key:?}");
    }
    browser.press('c');
    until("the command of the row is copied", || copied().contains("\"44?\"").then_some(()));
    browser.go("/admin/requests/5");
    browser.press('c');
    until("the command of the page is copied", || copied().contains("\"42?\"").then_some(()));
    browser.go("/admin/requests");
    browser.press('j');
    browser.press('k');
    browser.press('o');
    let opened = || {
        let all = browser.devtools("Target.getTargets", json!({}));
        let pages = all["targetInfos"].as_array().expect("targets").iter().filter(|target| target["type"] == "page");
        let urls = pages.map(|page| page["url"].as_str().unwrap_or_default().to_owned());
        urls.filter(|url| url.ends_with("/admin/requests/7")).count()
    };
    until("the request is open in a tab of its own", || (opened() == 1).then_some(()));
    assert_eq!(browser.path(), "/admin/requests", "the list stays");
}

#[test]
fn a_key_that_an_input_method_composes_with_does_nothing() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    browser.go("/admin/requests");
    let key = |key: &str, more: &str| {
        browser.script(&format!(
            "document.body.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true, cancelable: true, {more} }}));
             return [document.getElementById('keys').open, document.querySelectorAll('tr[aria-current]').length, document.activeElement.id]"
        ))
    };
    for name in ["?", "j", "/", "t"] {
        for more in ["isComposing: true", "ctrlKey: true", "altKey: true", "metaKey: true"] {
            assert_eq!(key(name, more), json!([false, 0, ""]), "{name} with {more}");
        }
    }
    assert_eq!(key("j", "")[1], 1);
    assert_eq!(key("/", "")[2], "q");
    assert_eq!(key("?", "")[0], true);
}
