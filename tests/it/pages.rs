//! What a browser gets at /admin: login, headers, errors, languages, files.

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::samples::good;
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between, browser, cookie_of, form, upstream_form};
use crate::support::{PASSWORD, until};

/// The policy of every page, as the specification has it.
/// What a page may load and do, as the program says.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types oar";

#[test]
fn a_browser_logs_in_adds_an_upstream_and_sees_requests_by_forms_alone() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, []);
    let door = gateway.send(browser("GET", "/admin/upstreams?state=down"));
    assert_eq!(door.header("location"), Some("/admin/login?next=/admin/upstreams%3Fstate%3Ddown"));
    let door = gateway.send(browser("GET", "/admin/login?next=/admin/keys"));
    assert!(door.text().contains(r#"name="next" value="/admin/keys""#), "{}", door.text());
    let wrong = gateway.send(form("/admin/login", "password=guess"));
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, None));
    assert!(wrong.text().contains("wrong password"));

    let visitor = Visitor::log_in(&gateway);
    assert!(visitor.page("/admin").contains("The first request in three steps"));
    let page = visitor.send("/admin/upstreams", &upstream_form("mine", &upstream.url("/v1"), "sk-page-0123456789"));
    assert!(page.contains("mine is added and in use."), "{page}");
    let called = gateway.send(Call::chat(r#"{"model":"<img src=x onerror=alert(1)>","messages":[]}"#));
    assert_eq!(called.status, 200, "an upstream is live with the redirect");
    until("the request is recorded", || (!gateway.records().is_empty()).then_some(()));
    for target in ["/admin", "/admin/upstreams", &format!("/admin/upstreams/{}", gateway.upstream_id("mine"))] {
        let page = visitor.page(target);
        assert!(!page.contains("sk-page-0123456789") && !page.contains("<img"), "{page}");
    }
    assert!(visitor.page("/admin/upstreams").contains("sk-…6789"));
    assert!(visitor.page("/admin").contains("&#60;img src=x onerror"));
    assert_eq!(visitor.post("/admin/logout", "").status, 303);
    assert_eq!(visitor.get("/admin").header("location"), Some("/admin/login?next=/admin"), "the session has ended");
}

#[test]
fn every_reply_has_the_headers_that_keep_it_safe_and_files_keep_for_ever() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    for target in ["/admin", "/admin/login", "/admin/upstreams/new", "/admin/nothing", "/admin/upstreams/99"] {
        let answer = visitor.get(target);
        assert_eq!(answer.header("content-security-policy"), Some(POLICY), "{target}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{target}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{target}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{target}");
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"), "{target}");
    }
    let page = visitor.page("/admin");
    let files: Vec<&str> = page.split('"').filter(|part| part.starts_with("/admin/static/")).collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let answer = gateway.send(browser("GET", file));
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("public, max-age=31536000, immutable")));
    }
    assert_eq!(gateway.send(browser("GET", "/admin/static/0/style.css")).status, 404);
    assert_eq!(gateway.send(browser("GET", "/admin/static/disk/style.css")).status, 404);
    assert_eq!(visitor.get("/admin/static/docs/overview.png").status, 404, "pictures of the README are no part of it");
}

#[test]
fn errors_are_pages_for_browsers_and_json_for_programs() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.get("/admin/upstreams/99");
    assert_eq!(page.status, 404);
    assert!(page.text().contains("There is nothing here") && page.text().contains("<nav"), "{}", page.text());
    assert_eq!(visitor.get("/admin/upstreams?state=nonsense").status, 400);
    let unknown = visitor.get("/admin/upstreams?colour=red");
    assert_eq!(unknown.status, 400, "nothing is dropped in silence");
    assert!(unknown.text().contains("there is no parameter colour here; there are state"), "{}", unknown.text());
    let wrong = visitor.get("/admin/upstreams?state=secret-word").text();
    let id = between(&wrong, "To find it in the log: ", "</p>");
    let line = format!("GET /admin/upstreams was refused with 400 Bad Request ({id})");
    assert_eq!(id.len(), 8, "{wrong}");
    until("the log tells of it", || gateway.log().contains(&line).then_some(()));
    assert!(!gateway.log().contains("secret-word"), "what was looked for is the operator's own");
    let late = gateway.send(form("/admin/theme", "theme=dark"));
    assert_eq!(late.status, 401);
    assert!(late.text().contains("the session has ended"), "{}", late.text());
    assert_eq!(gateway.admin("GET", "/admin/upstreams/99", "").json()["error"]["type"], "admin_error");
}

#[test]
fn a_form_without_the_sessions_token_or_from_elsewhere_changes_nothing() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    let body = upstream_form("evil", "https://evil.example/v1", "sk-evil-123456789");
    let send = |call: Call| gateway.send(call.header("Cookie", &visitor.cookie)).status;
    assert_eq!(send(form("/admin/upstreams", &body)), 403);
    assert_eq!(send(form("/admin/upstreams", &format!("csrf={}&{body}", "0".repeat(64)))), 403);
    let right = format!("csrf={}&{body}", visitor.token);
    assert_eq!(send(form("/admin/upstreams", &right).header("Sec-Fetch-Site", "cross-site")), 403);
    assert_eq!(send(form("/admin/upstreams", &right).header("Origin", "https://evil.example")), 403);
    let foreign = form("/admin/login", &format!("password={PASSWORD}")).header("Origin", "https://evil.example");
    assert_eq!(gateway.send(foreign).status, 403, "no other site logs its visitors in here");
    assert_eq!(gateway.database.sql("SELECT count(*) FROM openai_upstreams"), "0");
    let other = Visitor::log_in(&gateway);
    assert_ne!(other.token, visitor.token, "each session has its own token");
}

#[test]
fn language_and_theme_are_remembered_by_cookie() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    let chinese =
        browser("GET", "/admin").header("Cookie", &visitor.cookie).header("Accept-Language", "zh-CN,en;q=0.5");
    assert!(gateway.send(chinese).text().contains(r#"<html lang="zh-CN""#));
    let switch = visitor.get("/admin/upstreams?state=down&lang=zh-CN");
    assert_eq!((switch.status, switch.header("location")), (303, Some("/admin/upstreams?state=down")));
    let cookies = format!("{}; {}", visitor.cookie, cookie_of(&switch));
    let page = gateway.send(browser("GET", "/admin/upstreams").header("Cookie", &cookies)).text();
    assert!(page.contains("添加上游") && !page.contains("Add upstream"), "{page}");
    let dark = visitor.post("/admin/theme", "theme=dark&back=//evil.example");
    assert_eq!(dark.header("location"), Some("/admin"), "the way back stays here");
    let cookies = format!("{}; {}", visitor.cookie, cookie_of(&dark));
    let page = gateway.send(browser("GET", "/admin").header("Cookie", &cookies)).text();
    assert!(page.contains(r#"data-theme="dark""#), "{page}");
}

#[test]
fn a_session_survives_a_restart() {
    let mut gateway = Gateway::with(Kind::Sqlite, []);
    let (cookie, token) = {
        let visitor = Visitor::log_in(&gateway);
        (visitor.cookie, visitor.token)
    };
    gateway.crash();
    gateway.start_again();
    let visitor = Visitor { gateway: &gateway, cookie, token };
    assert!(visitor.page("/admin").contains(&visitor.token));
    assert_eq!(visitor.post("/admin/theme", "theme=dark").status, 303);
}

#[test]
fn static_files_come_from_disk_when_a_folder_is_named() {
    let folder = std::env::temp_dir().join(format!("oar-static-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("style.css"), "/* mine */").unwrap();
    std::fs::write(folder.join("secret.txt"), "x").unwrap();
    let gateway = Gateway::on(Kind::Sqlite).args(&["-static-dir", folder.to_str().unwrap()]).start();
    let page = gateway.send(browser("GET", "/admin/login")).text();
    let style = between(&page, "rel=\"stylesheet\" href=\"", "\"");
    let answer = gateway.send(browser("GET", style));
    assert_eq!((answer.text().as_str(), answer.header("cache-control")), ("/* mine */", Some("no-store")));
    assert_eq!(gateway.send(browser("GET", "/admin/static/disk/secret.txt")).status, 404);
    std::fs::remove_dir_all(&folder).unwrap();
}
