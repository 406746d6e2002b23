//! Both languages and both themes, on every page.

use crate::browser::harness::Browser;
use crate::browser::pages::Stage;
use crate::support::visitor::Visitor;

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
            stage.open_in(&browser, &page, tag);
            assert_eq!(browser.text("return document.documentElement.lang"), tag);
            let shown = browser.text("return document.title + '\\n' + document.body.innerText");
            let lines: Vec<&str> = shown.lines().map(str::trim).collect();
            for (key, english, chinese) in &words {
                assert!(!lines.contains(&key.as_str()), "{page} in {tag} shows the key {key}");
                let (own, other) = if is_chinese { (chinese, english) } else { (english, chinese) };
                // An upstream of the stage has this name.
                let is_name = key == "level.off";
                let is_foreign = !is_name && own != other && lines.contains(&other.as_str());
                assert!(!is_foreign, "{page} in {tag} says {other}");
            }
            let chinese =
                lines.iter().any(|line| *line != "中文" && line.chars().any(|c| ('\u{4e00}'..'\u{9fff}').contains(&c)));
            assert_eq!(chinese, is_chinese, "{page} in {tag}: {shown}");
        }
    }
}

/// Names that are English words as well: of policies, fields, parameters, models, of the stage's own things and what was typed
/// or recorded there.
const NAMES: [&str; 24] = [
    "Failures",
    "connection",
    "content",
    "disabled",
    "error",
    "headers",
    "large",
    "least",
    "messages",
    "none",
    "one",
    "order",
    "output",
    "pattern",
    "policy",
    "random",
    "reasoning",
    "refused",
    "replay",
    "state",
    "tool",
    "total",
    "two",
    "works",
];

fn english_words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 2)
}

#[test]
fn no_english_is_left_on_chinese_pages() {
    let stage = Stage::new();
    let visitor = Visitor::log_in(&stage.gateway);
    // What the audit tells of: a setting, a key, an upstream, a price.
    visitor.send("/admin/settings/routing", "policy=weighted");
    visitor.send("/admin/keys", "name=key-2");
    visitor.send("/admin/keys/enabled", "name=key-2");
    visitor.send("/admin/settings/prices", "pattern=gpt-x&input=1&output=2");
    let browser = Browser::logged_in(&stage.gateway, true);
    browser.go("/admin?lang=zh-CN");
    // What the Chinese texts say as well is a name: of a format, a protocol, a setting.
    let (words, mut english) = (words(), std::collections::BTreeSet::new());
    words.iter().for_each(|(_, text, _)| english.extend(english_words(text).map(str::to_owned)));
    for word in words.iter().flat_map(|(_, _, text)| english_words(text)) {
        english.remove(word);
    }
    let mut left = std::collections::BTreeMap::new();
    let wrong =
        ["/admin/requests/export?format=xml", "/admin/usage?bucket=2m", "/admin/requests/1?view=x", "/admin/keys?x=1"];
    for page in stage.pages().into_iter().chain(wrong.map(str::to_owned)) {
        stage.open(&browser, &page);
        let shown = browser.text(
            "const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
             const out = [document.title.split(' – ')[0]];
             const apart = 'code, pre, script, textarea, datalist, time, [lang=en], .said, .md, .msg, .talk, .tree, .help, option:not([value])' + (location.search.includes('view=headers') ? ', main dl' : '');
             while (walk.nextNode()) {
                 const at = walk.currentNode.parentElement;
                 if (!at.closest(apart)) out.push(walk.currentNode.textContent);
             }
             return out.join('\\n');",
        );
        for word in english_words(&shown).filter(|word| english.contains(*word) && !NAMES.contains(word)) {
            left.entry(word.to_owned()).or_insert_with(|| page.clone());
        }
    }
    left.remove("test"); // In the path of the binary.
    assert!(left.is_empty(), "{left:#?}");
    browser.go("/admin/settings?tab=audit");
    let audit = browser.text("return document.querySelector('main table').innerText");
    for told in [
        "设置 策略",
        "+ 调用密钥 key-2: 密钥 ",
        "调用密钥 key-2: 已停用",
        "→ 是",
        "+ 价格 gpt-x: 模型名称 gpt-x",
        "登录会话 ",
    ] {
        assert!(audit.contains(told), "{told} in {audit}");
    }
    for word in ["setting", "session", "key key"] {
        assert!(!audit.contains(word), "{word} in {audit}");
    }
    for (page, level) in [("/admin/keys", "完整 (full)"), ("/admin/settings?tab=recording", "仅元数据 (metadata)")]
    {
        browser.go(page);
        assert!(browser.text("return document.querySelector('main').innerText").contains(level), "{page}");
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
