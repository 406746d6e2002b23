//! Narrow screens: nothing wider than the screen, nothing too small to hit.

use crate::browser::harness::Browser;
use crate::browser::pages::Stage;

/// Visible controls under 24 × 24 px; links in running text are excepted, and the steps of a chart, whose links stand in
/// its table as well (WCAG 2.2, SC 2.5.8).
const TOO_SMALL: &str =
    "return [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]
  .filter((at) => at.checkVisibility() && !at.matches('p a, dd a, li a, .skip, svg a'))
  .filter((at) => { const box = at.getBoundingClientRect(); return box.width < 23.5 || box.height < 23.5; })
  .map((at) => at.outerHTML.slice(0, 120) + ' ' + JSON.stringify(at.getBoundingClientRect())).join('\\n')";

#[test]
fn every_page_fits_narrow_screens_and_fingers() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    for width in [320, 360, 768, 1366] {
        browser.size(width, 800);
        for page in stage.pages() {
            browser.go(&page);
            browser.script("for (const details of document.querySelectorAll('details')) details.open = true;");
            let wide = browser.script("return [document.documentElement.scrollWidth, innerWidth]");
            assert!(wide[0].as_i64() <= wide[1].as_i64(), "{page} at {width} px: {wide}");
            assert_eq!(browser.text(TOO_SMALL), "", "{page} at {width} px");
        }
    }
}

#[test]
fn on_a_narrow_screen_the_navigation_is_a_menu_that_opens_without_script() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, false);
    browser.size(360, 800);
    browser.go("/admin");
    browser.click(".menu > summary");
    browser.follow(".menu nav a[href='/admin/upstreams']");
    assert_eq!(browser.path(), "/admin/upstreams");
}
