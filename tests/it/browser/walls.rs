//! What a page may not do: break its policy, complain, ask other hosts, show a secret, run what others wrote.

use crate::browser::harness::Browser;
use crate::browser::pages::{SECRET, Stage};
use crate::support::{KEY, PASSWORD};

#[test]
fn no_page_breaks_its_policy_or_asks_another_host() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    // A hostile answer stands on the pages from here on.
    browser.go("/admin/upstreams");
    browser.follow("main .bar form button");
    assert!(browser.source().contains("onerror"), "the hostile answer is shown as text");
    let host = stage.gateway.address().to_string();
    for page in stage.pages() {
        let before = browser.complaints();
        assert!(before.is_empty(), "{before:?}");
        stage.open(&browser, &page);
        assert_eq!(browser.script("return window.violations"), serde_json::json!([]), "{page}");
        let loaded =
            browser.script("return performance.getEntriesByType('resource').map((entry) => new URL(entry.name).host)");
        let hosts = loaded.as_array().expect("a list");
        assert!(hosts.len() >= 2 && hosts.iter().all(|other| *other == host), "{page}: {loaded}");
        // Pictures are those of recorded requests.
        let foreign = "return document.querySelectorAll(\"main img:not([src*='/blob/']), main script\").length";
        assert_eq!(browser.script(foreign), 0, "{page}");
        // That the missing page is missing, and a wrong query or form wrong, is all that is worth a complaint.
        let complaints = browser.complaints();
        let is_known =
            |line: &String| ["no-such-page", "status of 400", "status of 422"].iter().any(|known| line.contains(known));
        assert!(complaints.iter().all(is_known), "{page}: {complaints:?}");
    }
}

#[test]
fn what_is_forbidden_would_be_noticed() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    browser.go("/admin");
    browser.script(
        "const at = document.createElement('div'); at.setAttribute('style', 'color: red'); document.body.append(at);",
    );
    let told = browser.script_later(
        "const done = arguments[0]; const image = new Image(); image.onerror = () => setTimeout(() => done(window.violations), 0); image.src = 'http://127.0.0.2:9/x.png';",
    );
    let told = told.to_string();
    assert!(told.contains("style-src") && told.contains("img-src"), "{told}");
}

#[test]
fn a_password_can_be_looked_at_before_it_is_sent() {
    let stage = Stage::new();
    let browser = Browser::new(&stage.gateway, true);
    browser.go("/admin/login");
    let kind = "return document.getElementById('password').type";
    assert_eq!(browser.text(kind), "password");
    browser.click("[data-reveal]");
    assert_eq!(browser.text(kind), "text");
    browser.click("[data-reveal]");
    assert_eq!(browser.text(kind), "password");
}

#[test]
fn no_page_ever_shows_a_secret() {
    let stage = Stage::new();
    let browser = Browser::logged_in(&stage.gateway, true);
    let clean = |place: &str, text: &str| {
        for secret in [SECRET, "sk-secret-of-works", KEY, PASSWORD] {
            assert!(!text.contains(secret), "{place} shows {secret}");
        }
    };
    for page in stage.pages() {
        stage.open(&browser, &page);
        clean(&page, &browser.source());
    }
    let files = [
        "/admin/requests/export?format=jsonl",
        "/admin/requests/export?format=csv",
        "/admin/requests/export?format=openai",
        "/admin/requests/1/curl",
        "/admin/requests/1/body",
        "/admin/requests/1",
        "/admin/requests",
        "/admin/request_records",
        "/admin/conversations",
        "/admin/upstreams",
        "/admin/overview",
        "/admin/usage",
        "/metrics",
    ];
    for file in files {
        let answer = stage.gateway.admin("GET", file, "");
        assert_eq!(answer.status, 200, "{file}");
        assert!(file == "/metrics" || answer.header("cache-control") == Some("no-store"), "{file}");
        clean(file, &answer.text());
    }
}
