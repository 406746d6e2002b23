//! What a page may not do: break its policy, complain, ask ask for more than it shows, run what others wrote.

use crate::browser::harness::Browser;
use crate::browser::pages::Stage;
use crate::pages::POLICY;
use crate::support::client::Call;
use crate::support::samples::CHAT;
use crate::support::until;
use crate::support::visitor::Visitor;

/// Whether an address is that of a file whose name holds its hash.
fn is_file(address: &str) -> bool {
    let hash = address.strip_prefix("/admin/static/").and_then(|rest| rest.split('/').next());
    hash.is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[test]
fn no_page_breaks_its_policy_or_asks_for_more_than_its_files_and_pictures() {
    let stage = Stage::new();
    let browser = Browser::noting_requests(&stage.gateway);
    // A hostile answer stands on the pages from here on.
    browser.go("/admin/upstreams");
    browser.follow("main .bar form button");
    assert!(browser.source().contains("onerror"), "the hostile answer is shown as text");
    let mut pictures = 0;
    for page in stage.pages() {
        if page.starts_with("POST ") {
            browser.go("/admin/settings?tab=about");
        }
        browser.requests();
        let before = browser.complaints();
        assert!(before.is_empty(), "{before:?}");
        stage.open(&browser, &page);
        assert_eq!(browser.script("return window.violations"), serde_json::json!([]), "{page}");
        // One document, and no request for each row.
        let asked = browser.requests();
        assert_eq!(asked.iter().filter(|(kind, _)| kind == "Document").count(), 1, "{page}: {asked:?}");
        assert!(asked.len() >= 3, "{page}: {asked:?}");
        for (kind, address) in asked.iter().filter(|(kind, _)| kind != "Document") {
            let path = address.strip_prefix(browser.base()).unwrap_or_else(|| panic!("{page} asks {address}"));
            let is_picture = kind == "Image" && path.starts_with("/admin/requests/") && path.contains("/blob/");
            assert!(is_file(path) || is_picture, "{page} asks for {kind} {address}");
            pictures += usize::from(is_picture);
        }
        // Pictures are those of recorded requests.
        let foreign = "return document.querySelectorAll(\"main img:not([src*='/blob/']), main script\").length";
        assert_eq!(browser.script(foreign), 0, "{page}");
        // That the missing page is missing, and a wrong query or form wrong, is all that is worth a complaint.
        let known = ["no-such-page", "status of 400", "status of 422"];
        let complaints = browser.complaints();
        let is_known = |line: &String| known.iter().any(|known| line.contains(known));
        assert!(complaints.iter().all(is_known), "{page}: {complaints:?}");
    }
    assert!(pictures > 0, "some pages have pictures");
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
fn every_page_has_the_headers_that_keep_it_safe() {
    let stage = Stage::new();
    let visitor = Visitor::log_in(&stage.gateway);
    for page in stage.pages() {
        let answer = stage.answer(&visitor, &page);
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{page}");
        assert_eq!(answer.header("content-security-policy"), Some(POLICY), "{page}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{page}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{page}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{page}");
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"), "{page}");
    }
}

#[test]
fn the_live_tail_asks_for_its_stream_alone_and_complains_of_nothing() {
    let stage = Stage::new();
    let browser = Browser::noting_requests(&stage.gateway);
    browser.go("/admin/requests?cols=ua,host,path");
    browser.complaints();
    browser.requests();
    browser.click("[data-live]");
    let rows = || browser.script("return document.querySelectorAll('tr[data-id]').length");
    let before = rows().as_u64().unwrap();
    for came in 1..=3 {
        let hostile = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"<img src=http://127.0.0.2:9/x onerror=alert(1)>"}]}"#;
        let body = if came == 2 { CHAT } else { hostile };
        assert_eq!(stage.gateway.send(Call::chat(body).header("User-Agent", "<script src=//127.0.0.2:9>")).status, 200);
        until("the row has come", || (rows() == before + came).then_some(()));
    }
    let asked = browser.requests();
    let stream = |(kind, address): &(String, String)| {
        kind == "EventSource" && address.starts_with(&format!("{}/admin/requests/rows?", browser.base()))
    };
    assert!(asked.len() == 1 && stream(&asked[0]), "{asked:?}");
    assert_eq!(browser.complaints(), [] as [String; 0]);
    assert_eq!(browser.script("return window.violations"), serde_json::json!([]));
    assert_eq!(browser.script("return document.querySelectorAll('main img, main script').length"), 0);
}
