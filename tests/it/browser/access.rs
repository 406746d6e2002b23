//! Access for everybody: axe-core's rules on every page and theme, and the keyboard.
//!
//! `tests/run` fetches axe-core from the npm registry into `target/browser`.

use std::path::Path;

use crate::browser::harness::Browser;
use crate::browser::pages::Stage;

const TAB: char = '\u{e004}';

/// Each finding that axe calls serious or critical, with where it is.
const FINDINGS: &str = "const done = arguments[0];
axe.run(document, { resultTypes: ['violations'] }).then((result) => done(result.violations
  .filter((found) => ['serious', 'critical'].includes(found.impact))
  .map((found) => found.id + ': ' + found.nodes.map((node) => node.html.slice(0, 160) + ' ' + node.failureSummary).join(' | '))
  .join('\\n')), (error) => done(String(error)));";

fn axe() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/browser/node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(path).expect("axe-core is there; `bash tests/run` fetches it")
}

#[test]
fn axe_finds_nothing_serious_on_any_page_in_either_theme() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    let axe = axe();
    browser.go("/admin/upstreams");
    browser.follow("main .bar form button");
    let mut all = Vec::new();
    let mut check = |page: &str| {
        browser.script("for (const details of document.querySelectorAll('details:not(.menu)')) details.open = true;");
        browser.script(&axe);
        for scheme in ["light", "dark"] {
            browser.scheme(scheme);
            let found = browser.script_later(FINDINGS).to_string();
            all.extend((found != "\"\"").then(|| format!("{page} in {scheme}: {found}")));
        }
    };
    for page in stage.pages() {
        stage.open(&browser, &page);
        check(&page);
    }
    for page in ["/admin", "/admin/requests", "/admin/requests/4", "/admin/upstreams", "/admin/settings?tab=recording"]
    {
        stage.open_in(&browser, page, "zh-CN");
        check(page);
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn axe_would_find_a_control_without_a_name() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    browser.go("/admin");
    browser.script("document.querySelector('main').append(document.createElement('input'))");
    browser.script(&axe());
    let found = browser.script_later(FINDINGS).to_string();
    assert!(found.contains("label"), "{found}");
}

#[test]
fn the_keyboard_reaches_everything_and_the_focus_is_always_seen() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    browser.size(1366, 420);
    for (page, names) in [
        ("/admin/upstreams", ["Upstreams", "Add upstream", "Test", "⋯", "Save order", "With ticked rows …"]),
        ("/admin/requests", ["Live", "Saved searches", "q", "What can be typed here", "24h", "Export these requests"]),
    ] {
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
             return [at.textContent.trim() || at.name, style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2, at.contains(top) || (top && top.contains(at)) && !top.closest('thead')];",
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

#[test]
fn the_box_above_a_column_of_boxes_tells_whether_all_are_ticked() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    browser.go("/admin/upstreams/import");
    browser.script("document.getElementById('text').value = 'sk-first-0123456789\\nsk-second-0123456789'");
    browser.follow("main button.primary");
    let ticked = || {
        let boxes = "return [...document.querySelectorAll('thead input, tbody input')].map((at) => Number(at.checked)).join('')";
        browser.text(boxes)
    };
    assert_eq!(ticked(), "111", "every new line is ticked");
    browser.click("tbody input");
    assert_eq!(ticked(), "001");
    browser.click("tbody input");
    assert_eq!(ticked(), "111");
    browser.click("thead input");
    assert_eq!(ticked(), "000");
    browser.go("/admin/upstreams");
    assert!(!ticked().contains('1'));
}
