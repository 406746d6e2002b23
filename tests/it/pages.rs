//! What a browser gets at /admin, by links and forms alone.

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::samples::good;
use crate::support::upstream::FakeUpstream;
use crate::support::{PASSWORD, until};

fn browser(method: &str, target: &str) -> Call {
    Call::new(method, target).without("Authorization").header("Accept", "text/html,application/xhtml+xml")
}

fn form(target: &str, body: &str) -> Call {
    browser("POST", target).header("Content-Type", "application/x-www-form-urlencoded").body(body)
}

#[test]
fn a_browser_logs_in_adds_an_upstream_and_sees_requests_by_forms_alone() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, []);
    let door = gateway.send(browser("GET", "/admin"));
    assert_eq!(door.status, 200);
    assert!(door.text().contains(r#"action="/admin/login""#), "{}", door.text());
    assert_eq!(door.header("cache-control"), Some("no-store"));
    assert!(door.header("content-security-policy").unwrap().starts_with("default-src 'none'"));

    let wrong = gateway.send(form("/admin/login", "password=guess"));
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, None));
    assert!(wrong.text().contains("wrong password"));
    let right = gateway.send(form("/admin/login", &format!("password={PASSWORD}")));
    assert_eq!((right.status, right.header("location")), (303, Some("/admin")));
    let cookie = right.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();

    let endpoint = upstream.url("/v1").replace(':', "%3A").replace('/', "%2F");
    let added = gateway.send(
        form("/admin/upstreams", &format!("endpoint={endpoint}&sk=sk-page-0123456789")).header("Cookie", &cookie),
    );
    assert_eq!((added.status, added.header("location")), (303, Some("/admin")));
    let bad = gateway.send(form("/admin/upstreams", "endpoint=ftp%3A%2F%2Fx&sk=sk-page-1").header("Cookie", &cookie));
    assert_eq!(bad.status, 400);
    assert!(bad.text().contains("endpoint: must be an http:// or https:// URL"), "{}", bad.text());

    until("the new upstream is in use", || {
        let called = gateway.send(Call::chat(r#"{"model":"<img src=x onerror=alert(1)>","messages":[]}"#));
        (called.status == 200).then_some(())
    });
    until("the request is recorded", || {
        gateway.records().iter().any(|record| record.number("status") == 200).then_some(())
    });
    let page = gateway.send(browser("GET", "/admin").header("Cookie", &cookie)).text();
    assert!(page.contains("sk-…6789") && !page.contains("sk-page-0123456789"), "{page}");
    assert!(page.contains("&#60;img src=x onerror") && !page.contains("<img"), "{page}");

    let style = page.split("href=\"").find(|part| part.starts_with("/admin/static/")).unwrap();
    let style = gateway.send(browser("GET", style.split('"').next().unwrap()));
    assert_eq!((style.status, style.header("cache-control")), (200, Some("public, max-age=31536000, immutable")));
    assert_eq!(gateway.send(browser("GET", "/admin/static/0/style.css")).status, 404);

    assert_eq!(gateway.send(form("/admin/logout", "").header("Cookie", &cookie)).status, 303);
    let out = gateway.send(browser("GET", "/admin").header("Cookie", &cookie)).text();
    assert!(out.contains(r#"action="/admin/login""#), "the session has ended: {out}");
}
