//! Shapes: no text cut off, heads of tables that stay in sight, strips that are not squeezed.

use crate::browser::harness::Browser;
use crate::browser::pages::Stage;

/// Texts that are cut off, or stand outside what they are written on. An ellipsis is a deliberate end, and what scrolls can
/// be reached; an ellipsis works for the text of its own box only, not for that of a box within.
pub const CUT_OFF: &str = "
const found = new Set();
const tell = (at, text, why) => found.add(why + ' ' + at.tagName.toLowerCase() + (at.className.baseVal ?? at.className).replace(/^(?=.)| +/g, '.') + ': ' + text.trim().slice(0, 60));
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let text = texts.nextNode(); text; text = texts.nextNode()) {
  const parent = text.parentElement;
  if (!text.data.trim() || parent.closest('script, option, textarea, .skip') || !parent.checkVisibility({ visibilityProperty: true })) continue;
  const range = document.createRange();
  range.selectNodeContents(text);
  const boxes = [...range.getClientRects()];
  const outside = (box) => boxes.some((at) => at.left < box.left - 1.5 || at.right > box.right + 1.5 || at.top < box.top - 4 || at.bottom > box.bottom + 4);
  const written = parent.closest('button, .button, .badge, .chips a, th, .tabs a, kbd, summary');
  const ends = written && getComputedStyle(written).textOverflow === 'ellipsis';
  if (written && !ends && outside(written.getBoundingClientRect())) tell(written, text.data, 'outside');
  let block = null;
  for (let at = parent; at && at !== document.body; at = at.parentElement) {
    const style = getComputedStyle(at);
    const isBlock = !block && style.display !== 'inline';
    if (isBlock) block = at;
    const ends = style.overflowX === 'hidden' || style.overflowX === 'clip' || style.overflowY === 'hidden' || style.overflowY === 'clip';
    // Of one pixel is what only screen readers are to have.
    if (ends && (at.clientWidth === 1 || isBlock && style.textOverflow === 'ellipsis')) break;
    if (ends && outside(at.getBoundingClientRect())) { tell(at, text.data, 'cut by'); break; }
    if (style.overflowX === 'auto' || style.overflowX === 'scroll' || style.overflowY === 'auto') break;
  }
}
return [...found].join('\\n')";

#[test]
fn no_text_is_cut_off_in_either_language_or_theme() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    browser.go("/admin/upstreams");
    browser.follow("main .bar form button");
    let mut cut = Vec::new();
    for lang in ["en", "zh-CN"] {
        for page in stage.pages() {
            stage.open_in(&browser, &page, lang);
            browser
                .script("for (const details of document.querySelectorAll('details:not(.menu)')) details.open = true;");
            for scheme in ["light", "dark"] {
                browser.scheme(scheme);
                let found = browser.text(CUT_OFF);
                cut.extend(found.lines().map(|line| format!("{page} in {lang}, {scheme}: {line}")));
            }
        }
    }
    assert!(cut.is_empty(), "{}", cut.join("\n"));
}

#[test]
fn text_that_is_cut_off_would_be_noticed() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    browser.go("/admin/upstreams");
    assert_eq!(browser.text(CUT_OFF), "");
    for (spoil, told) in [
        (
            "document.querySelector('h1').style.cssText = 'width: 20px; overflow: hidden; white-space: nowrap'",
            "cut by h1",
        ),
        ("document.querySelector('th:nth-child(3)').style.cssText = 'display: block; width: 4px'", "outside th"),
    ] {
        browser.go("/admin/upstreams");
        browser.script(spoil);
        let found = browser.text(CUT_OFF);
        assert!(found.contains(told), "{told}: {found}");
    }
}

/// Makes a table long, scrolls down to its last row, and says where its head was, where it is now, and where that row is.
const HEAD: &str = "
const box = document.querySelector('.scroll'), head = box.querySelector('th');
const before = head.getBoundingClientRect().top;
const rows = box.querySelector('tbody');
for (let more = 0; more < 60; more++) rows.append(rows.lastElementChild.cloneNode(true));
const last = rows.lastElementChild;
box.scrollTop = box.scrollHeight;
scrollBy(0, last.getBoundingClientRect().bottom - innerHeight);
return [before, head.getBoundingClientRect().top, last.getBoundingClientRect().top]";

#[test]
fn the_head_of_a_table_stays_in_sight_at_any_width() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    for width in [900, 1280, 1500] {
        browser.size(width, 600);
        for page in [
            "/admin/requests",
            "/admin/requests?cols=cost&cols=ua&cols=host",
            "/admin/upstreams",
            "/admin/conversations",
        ] {
            browser.go(page);
            let tops = browser.script(HEAD);
            let [before, after, last] = [0, 1, 2].map(|at| tops[at].as_f64().unwrap());
            assert!(before > after && after >= 0.0 && last > after, "{page} at {width} px: {tops}");
        }
    }
}

#[test]
fn strips_are_not_squeezed_on_an_ordinary_screen() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    browser.size(1366, 800);
    browser.go("/admin/upstreams");
    let size = browser.script(
        "const { width, height } = document.querySelector('svg.strip').getBoundingClientRect(); return [width, height]",
    );
    let sides = [0, 1].map(|side| size[side].as_f64().unwrap());
    assert!(sides[0] >= 215.0 && sides[0] <= 288.5 && (sides[1] - 24.0).abs() < 0.5, "{size}");
    // Where there is less room, what one does comes before what one sees.
    browser.size(1280, 800);
    let hidden = "const box = document.querySelector('.scroll.wide'); return box.scrollWidth - box.clientWidth";
    assert_eq!(browser.script(hidden), 0, "nothing has to be scrolled to");
}

#[test]
fn the_table_of_upstreams_scrolls_where_a_zones_name_makes_it_too_wide() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    browser.size(1366, 900);
    browser.go("/admin/upstreams?tz=America/Argentina/ComodRivadavia");
    browser.script("for (const menu of document.querySelectorAll('.acts details')) menu.open = true;");
    let hint = "0 % of a-model-with-a-rather-long-name-that-is-out";
    browser.script(&format!(
        "for (const cell of document.querySelectorAll('[data-l=Share] div')) {{
           const hint = document.createElement('span');
           [hint.className, hint.textContent] = ['hint', '{hint}'];
           cell.append(hint);
         }}"
    ));
    let wide = browser.script("return [document.documentElement.scrollWidth, innerWidth]");
    assert!(wide[0].as_i64() <= wide[1].as_i64(), "{wide}");
    let last = "const last = [...document.querySelectorAll('.acts .danger')].at(-1);
       last.scrollIntoView();
       const box = last.getBoundingClientRect();
       return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2) === last";
    assert_eq!(browser.script(last), true, "the last menu can be reached to its end");
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
