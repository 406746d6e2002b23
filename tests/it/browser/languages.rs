//! Both languages and both themes, on every page.

use crate::browser::harness::Browser;
use crate::browser::pages::Stage;

/// The texts that differ between the languages: (key, English, Chinese).
fn words() -> Vec<(String, String, String)> {
    let read = |lang: &str| {
        let path = format!("{}/templates/words/{lang}.txt", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        let pairs = text.lines().filter_map(|line| line.split_once(" = "));
        pairs.map(|(key, text)| (key.to_owned(), text.to_owned())).collect::<std::collections::BTreeMap<_, _>>()
    };
    let (english, chinese) = (read("en"), read("zh-CN"));
    english.into_iter().map(|(key, text)| (key.clone(), text, chinese[&key].clone())).collect()
}

#[test]
fn every_page_speaks_one_language_and_shows_no_key() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    let words = words();
    for (tag, is_chinese) in [("en", false), ("zh-CN", true)] {
        for page in stage.pages() {
            let joint = if page.contains('?') { '&' } else { '?' };
            browser.go(&format!("{page}{joint}lang={tag}"));
            assert_eq!(browser.path(), page, "the language leaves the address");
            assert_eq!(browser.text("return document.documentElement.lang"), tag);
            let shown = browser.text("return document.title + '\\n' + document.body.innerText");
            let lines: Vec<&str> = shown.lines().map(str::trim).collect();
            for (key, english, chinese) in &words {
                assert!(!lines.contains(&key.as_str()), "{page} in {tag} shows the key {key}");
                let (own, other) = if is_chinese { (chinese, english) } else { (english, chinese) };
                let is_foreign = own != other && lines.contains(&other.as_str());
                assert!(!is_foreign, "{page} in {tag} says {other}");
            }
            let chinese =
                lines.iter().any(|line| *line != "中文" && line.chars().any(|c| ('\u{4e00}'..'\u{9fff}').contains(&c)));
            assert_eq!(chinese, is_chinese, "{page} in {tag}: {shown}");
        }
    }
}

#[test]
fn the_theme_follows_the_system_until_one_is_chosen() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    let background = || browser.text("return getComputedStyle(document.body).backgroundColor");
    let (light, dark) = ("rgb(255, 255, 255)", "rgb(15, 19, 24)");
    browser.scheme("light");
    assert_eq!(background(), light);
    browser.scheme("dark");
    assert_eq!(background(), dark);
    browser.follow(".top > .side button[name=theme]");
    assert_eq!(background(), light, "light was chosen");
    browser.follow(".top > .side button[name=theme]");
    browser.scheme("light");
    assert_eq!(background(), dark, "dark was chosen");
    browser.go("/admin/upstreams");
    assert_eq!(background(), dark, "the choice holds on every page");
}

#[test]
fn the_browsers_own_zone_changes_nothing() {
    let stage = Stage::new();
    stage.gateway.database.sql("UPDATE records SET started_us = 1795278600000000");
    let browser = Browser::logged_in(&stage.gateway, true);
    browser.devtools("Emulation.setTimezoneOverride", serde_json::json!({"timezoneId": "America/New_York"}));
    let shown = "return document.querySelector('main a time').textContent.slice(-8) + ' ' + [...document.querySelectorAll('th')].map((th) => th.textContent).find((text) => text.startsWith('Time'))";
    for (zone, expected) in [("Asia/Shanghai", "00:30:00 Time (Asia/Shanghai)"), ("UTC", "16:30:00 Time (UTC)")] {
        browser.go("/admin/settings");
        browser.fill("#time_zone", zone);
        browser.follow("main button.primary");
        browser.go("/admin");
        assert_eq!(browser.text(shown), expected);
    }
}
