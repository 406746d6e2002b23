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

/// What each page is asked at each width, and how it failed.
fn failures(
    browser: &Browser,
    stage: &Stage,
    pages: &[String],
    widths: &[u32],
    check: &dyn Fn(u32) -> String,
) -> String {
    let mut failed = Vec::new();
    for page in pages {
        stage.open(browser, page);
        browser.script("for (const details of document.querySelectorAll('details')) details.open = true;");
        for width in widths {
            browser.size(*width, 800);
            failed.extend(
                check(*width)
                    .lines()
                    .filter(|line| !line.is_empty())
                    .map(|line| format!("{page} at {width} px: {line}")),
            );
        }
    }
    failed.join("\n")
}

#[test]
fn every_page_fits_narrow_screens_and_fingers() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    let check = |width: u32| {
        let wide = browser.script("return [document.documentElement.scrollWidth, innerWidth]");
        let wide = if wide[0].as_i64() > wide[1].as_i64() { format!("too wide: {wide}\n") } else { String::new() };
        let sideways = if width < 720 { browser.text(&format!("{TARGETS}{SIDEWAYS}")) + "\n" } else { String::new() };
        wide + &sideways + &browser.text(&format!("{TARGETS}{TOO_SMALL}"))
    };
    let failed = failures(&browser, &stage, &stage.pages(), &[320, 360, 768, 1366], &check);
    assert!(failed.is_empty(), "{failed}");
}

#[test]
fn controls_are_high_enough_for_fingers() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    browser.devtools("Emulation.setTouchEmulationEnabled", json!({"enabled": true}));
    assert_eq!(browser.script("return matchMedia('(pointer: coarse)').matches"), true);
    let check = |_| browser.text(&format!("{TARGETS}{TOO_LOW}"));
    let failed = failures(&browser, &stage, &stage.pages(), &[360, 1024], &check);
    assert!(failed.is_empty(), "{failed}");
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
