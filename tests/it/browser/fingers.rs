//! Narrow screens and fingers: nothing wider than the screen, nothing too small to hit.

use serde_json::json;

use crate::browser::harness::Browser;
use crate::browser::pages::Stage;

/// What can be hit and is seen. The steps of a chart stand in its table as well.
const TARGETS: &str = "const seen = (what) => [...document.querySelectorAll(what)].filter((at) => at.checkVisibility() && !at.matches('.skip, svg a'));
const told = (at) => at.outerHTML.slice(0, 120) + ' ' + JSON.stringify(at.getBoundingClientRect());";

/// Those under 24 × 24 px; a link in a sentence is as high and wide as its words are (WCAG 2.2, SC 2.5.8).
const TOO_SMALL: &str = "
const words = (block) => [...block.childNodes].filter((at) => at.nodeType === Node.TEXT_NODE).map((at) => at.data).join('').replace(/[^\\p{L}]/gu, '');
const isInSentence = (at) => at.matches('a') && getComputedStyle(at).display === 'inline' && words(at.parentElement.closest('p, td, dd, li') ?? document.body) !== '';
return seen('a[href], button, input:not([type=hidden]), select, textarea, summary').filter((at) => !isInSentence(at))
  .filter((at) => { const box = at.getBoundingClientRect(); return box.width < 23.5 || box.height < 23.5; }).map(told).join('\\n')";

/// Controls that a finger finds too low.
const TOO_LOW: &str = "
return seen('button, .button, select, textarea, summary, input:not([type=hidden], [type=checkbox], [type=radio])')
  .filter((at) => at.getBoundingClientRect().height < 43.5).map(told).join('\\n')";

/// Tables that have to be moved sideways to be read.
const SIDEWAYS: &str = "
const out = [];
for (const table of document.querySelectorAll('table')) {
  if (!table.checkVisibility()) continue;
  const { left, right } = table.getBoundingClientRect();
  if (left < -0.5 || right > innerWidth + 0.5) out.push('beside the screen: ' + told(table));
  for (let at = table; at !== document.body; at = at.parentElement) {
    const scrolls = ['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(at).overflowX);
    if (scrolls && at.scrollWidth > at.clientWidth + 1) out.push('scrolls: ' + told(at));
  }
}
return out.join('\\n')";

#[test]
fn every_page_fits_narrow_screens_and_fingers() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    let ask = |script: &str| browser.text(&format!("{TARGETS}{script}"));
    let mut failed = Vec::new();
    for page in stage.pages() {
        stage.open(&browser, &page);
        browser.script("for (const details of document.querySelectorAll('details')) details.open = true;");
        let mut tell = |told: String| failed.extend(told.lines().map(|line| format!("{page}: {line}")));
        for width in [320, 360, 768, 1366] {
            browser.size(width, 800);
            let wide = browser.script("return [document.documentElement.scrollWidth, innerWidth]");
            if wide[0].as_i64() > wide[1].as_i64() {
                tell(format!("too wide: {wide}"));
            }
            if width < 720 {
                tell(ask(SIDEWAYS));
            }
            tell(ask(TOO_SMALL));
            if [360, 1366].contains(&width) {
                browser.devtools("Emulation.setTouchEmulationEnabled", json!({"enabled": true}));
                assert_eq!(browser.script("return matchMedia('(pointer: coarse)').matches"), true);
                tell(ask(TOO_LOW));
                browser.devtools("Emulation.setTouchEmulationEnabled", json!({"enabled": false}));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn what_is_too_small_or_too_wide_would_be_noticed() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    browser.size(360, 800);
    for (page, spoil, check) in [
        (
            "/admin/requests",
            "document.querySelector('.chips[aria-label] a').style.cssText = 'display: inline; padding: 0'",
            TOO_SMALL,
        ),
        (
            "/admin/upstreams",
            "document.querySelector('.scroll').style.cssText = 'overflow: auto; width: 40px'",
            SIDEWAYS,
        ),
    ] {
        browser.go(page);
        assert_eq!(browser.text(&format!("{TARGETS}{check}")), "");
        browser.script(spoil);
        assert_ne!(browser.text(&format!("{TARGETS}{check}")), "", "{spoil}");
    }
}
