//! Access for everybody: axe-core's rules on every page and theme.
//!
//! `tests/run` fetches axe-core from the npm registry into `target/browser`.

use std::path::Path;

use crate::browser::harness::Browser;
use crate::browser::pages::Stage;

/// Each finding that axe calls serious or critical, with where it is.
const FINDINGS: &str = "const done = arguments[0];
axe.run(document, { resultTypes: ['violations'], ...MORE }).then((result) => done(result.violations
  .filter((found) => ['serious', 'critical'].includes(found.impact))
  .map((found) => found.id + ': ' + found.nodes.map((node) => node.html.slice(0, 160) + ' ' + node.failureSummary).join(' | '))
  .join('\\n')), (error) => done(String(error)));";

/// All rules; those that a theme makes a difference to.
const ALL: &str = "{}";
const COLOURS: &str = "{ runOnly: ['color-contrast', 'link-in-text-block'] }";

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
        for (scheme, rules) in [("light", ALL), ("dark", COLOURS)] {
            browser.scheme(scheme);
            let found = browser.script_later(&FINDINGS.replace("MORE", rules)).to_string();
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
    let found = browser.script_later(&FINDINGS.replace("MORE", ALL)).to_string();
    assert!(found.contains("label"), "{found}");
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
