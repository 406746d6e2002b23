//! What a browser gets at /admin, by links and forms alone.

use crate::support::client::{Answer, Call};
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::reply::Reply;
use crate::support::samples::good;
use crate::support::upstream::FakeUpstream;
use crate::support::{PASSWORD, on_both, until};

/// The policy of every page, as the specification has it.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types oar";

/// A browser without script that is logged in.
struct Visitor<'a> {
    gateway: &'a Gateway,
    cookie: String,
    token: String,
}

fn browser(method: &str, target: &str) -> Call {
    Call::new(method, target).without("Authorization").header("Accept", "text/html,application/xhtml+xml")
}

fn form(target: &str, body: &str) -> Call {
    browser("POST", target).header("Content-Type", "application/x-www-form-urlencoded").body(body)
}

/// A text as one value of a form.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn cookie_of(answer: &Answer) -> String {
    answer.header("set-cookie").expect("a cookie").split(';').next().unwrap().to_owned()
}

/// What stands between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split_once(before).and_then(|(_, rest)| rest.split_once(after)).map_or("", |(found, _)| found)
}

impl<'a> Visitor<'a> {
    fn log_in(gateway: &'a Gateway) -> Visitor<'a> {
        let answer = gateway.send(form("/admin/login", &format!("password={PASSWORD}")));
        assert_eq!((answer.status, answer.header("location")), (303, Some("/admin")));
        let mut visitor = Visitor { gateway, cookie: cookie_of(&answer), token: String::new() };
        visitor.token = between(&visitor.page("/admin"), "name=\"csrf\" value=\"", "\"").to_owned();
        assert_eq!(visitor.token.len(), 64, "every page has the session's token");
        visitor
    }

    fn get(&self, target: &str) -> Answer {
        self.gateway.send(browser("GET", target).header("Cookie", &self.cookie))
    }

    fn page(&self, target: &str) -> String {
        let answer = self.get(target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        answer.text()
    }

    fn post(&self, target: &str, body: &str) -> Answer {
        let body = format!("csrf={}&{body}", self.token);
        self.gateway.send(form(target, &body).header("Cookie", &self.cookie))
    }

    /// Sends a form that must be taken, and gives the page it leads to with the line that tells the result.
    fn send(&self, target: &str, body: &str) -> String {
        let answer = self.post(target, body);
        assert_eq!(answer.status, 303, "{target}: {}", answer.text());
        let said = cookie_of(&answer);
        let to = answer.header("location").unwrap().split('#').next().unwrap().to_owned();
        let page = self.gateway.send(browser("GET", &to).header("Cookie", &format!("{}; {said}", self.cookie)));
        assert_eq!(page.status, 200, "{to}: {}", page.text());
        page.text()
    }
}

fn upstream_form(name: &str, endpoint: &str, sk: &str) -> String {
    format!("name={name}&endpoint={}&sk={sk}&enabled=1&priority=0&position=0&weight=1", encoded(endpoint))
}

/// The names of the upstreams in the order of the list.
fn order(page: &str) -> Vec<String> {
    page.split("aria-label=\"Tick ")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'))
        .map(|(name, _)| name.to_owned())
        .filter(|name| name != "all")
        .collect()
}

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
}

#[test]
fn errors_are_pages_for_browsers_and_json_for_programs() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.get("/admin/upstreams/99");
    assert_eq!(page.status, 404);
    assert!(page.text().contains("There is nothing here") && page.text().contains("<nav"), "{}", page.text());
    assert_eq!(visitor.get("/admin/upstreams?state=nonsense").status, 400);
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

fn a_wrong_form_names_its_fields_and_keeps_what_was_typed(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let visitor = Visitor::log_in(&gateway);
    let body = "name=kept+name&endpoint=ftp%3A%2F%2Fx&sk=&priority=0&position=0&weight=-1&connect=soon";
    let answer = visitor.post("/admin/upstreams", body);
    assert_eq!(answer.status, 422);
    let page = answer.text();
    for field in ["endpoint", "sk", "weight", "connect"] {
        assert!(page.contains(&format!("href=\"#{field}\"")), "the summary leads to {field}: {page}");
        assert!(page.contains(&format!("id=\"{field}-wrong\"")), "{field}: {page}");
    }
    assert!(page.contains(r#"value="kept name""#) && page.contains(r#"value="ftp://x""#), "{page}");
    assert_eq!(gateway.database.sql("SELECT count(*) FROM openai_upstreams"), "0");
    visitor.send("/admin/upstreams", &upstream_form("one", "https://one.example", "sk-one-123456789"));
    assert_eq!(gateway.upstream_column("one", "endpoint"), "https://one.example/v1", "the usual path is added");
    let twice = visitor.post("/admin/upstreams", &upstream_form("two", "https://one.example/v1", "sk-one-123456789"));
    assert_eq!(twice.status, 422);
    assert!(twice.text().contains("is there already"), "{}", twice.text());
}

fn two_people_who_edit_the_same_upstream_do_not_overwrite_each_other_unseen(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let visitor = Visitor::log_in(&gateway);
    visitor.send("/admin/upstreams", &upstream_form("one", "https://one.example/v1", "sk-one-123456789"));
    let target = format!("/admin/upstreams/{}", gateway.upstream_id("one"));
    let version = between(&visitor.page(&target), "name=\"version\" value=\"", "\"").to_owned();
    let edit = |name: &str, version: &str| {
        visitor.post(&target, &format!("version={version}&{}", upstream_form(name, "https://one.example/v1", "")))
    };
    assert_eq!(edit("first", &version).status, 303);
    let late = edit("second", &version);
    assert_eq!(late.status, 409);
    let page = late.text();
    assert!(page.contains("Somebody else changed this upstream") && page.contains("<td data-l=\"Stored now\">first"));
    assert!(page.contains(r#"value="second""#), "what was typed is kept: {page}");
    assert_eq!(gateway.upstream_column("first", "sk"), "sk-one-123456789", "a blank key keeps the stored one");
    let version = between(&page, "name=\"version\" value=\"", "\"").to_owned();
    assert_eq!(edit("second", &version).status, 303, "whoever has seen the other's edit may go on");
    assert_eq!(gateway.upstream_column("second", "endpoint"), "https://one.example/v1");
}

fn places_switches_and_bulk_edits_are_live_at_once(kind: Kind) {
    let upstreams: Vec<FakeUpstream> =
        ["a", "b", "c"].iter().map(|name| FakeUpstream::always(crate::support::samples::good_from(name))).collect();
    let rows = upstreams.iter().zip(["a", "b", "c"]).map(|(upstream, name)| upstream.row(name));
    let gateway = Gateway::with(kind, rows);
    let visitor = Visitor::log_in(&gateway);
    let first = || {
        let answer = gateway.send(Call::chat(crate::support::samples::CHAT)).text();
        between(&answer, "Hello from ", "!").to_owned()
    };
    let id = |name: &str| gateway.upstream_id(name);
    assert_eq!(
        (order(&visitor.page("/admin/upstreams")), first()),
        (vec!["a".into(), "b".into(), "c".into()], "a".into())
    );
    visitor.send("/admin/upstreams/order", &format!("move={}:up", id("b")));
    assert_eq!(first(), "b");
    let page = visitor.send("/admin/upstreams/order", &format!("order={},{},{}", id("c"), id("a"), id("b")));
    assert_eq!((order(&page), first()), (vec!["c".into(), "a".into(), "b".into()], "c".into()));
    let page = visitor.send(&format!("/admin/upstreams/{}/enabled", id("c")), "on=0");
    assert!(page.contains("○ disabled") && page.contains("c is not in use any more."), "{page}");
    assert_eq!(first(), "a");
    visitor.send("/admin/upstreams/bulk", &format!("action=weight&value=7&id={}&id={}", id("a"), id("b")));
    assert_eq!(
        (gateway.upstream_column("a", "weight"), gateway.upstream_column("c", "weight")),
        ("7".into(), "1".into())
    );
    visitor.send("/admin/upstreams/bulk", &format!("action=allow&value=gpt-9&id={}", id("a")));
    assert_eq!(first(), "b", "a is only for gpt-9 now");
    let asked = visitor.post("/admin/upstreams/bulk", &format!("action=delete&id={}", id("b")));
    assert_eq!((asked.status, first()), (200, "b".into()), "removal asks first");
    visitor.send("/admin/upstreams/delete", &format!("id={}", id("b")));
    assert_eq!(gateway.send(Call::chat(crate::support::samples::CHAT)).status, 404, "nobody is left for this model");
}

on_both!(
    a_wrong_form_names_its_fields_and_keeps_what_was_typed,
    two_people_who_edit_the_same_upstream_do_not_overwrite_each_other_unseen,
    places_switches_and_bulk_edits_are_live_at_once,
);

#[test]
fn a_test_shows_status_time_and_the_first_bytes_but_never_the_key() {
    let upstream = FakeUpstream::with(|seen, _| match seen.target() {
        "/v1/models" => Reply::json(200, r#"{"data":[{"id":"gpt-new"},{"id":"gpt-old"},{"id":"bad,name"}]}"#),
        _ => Reply::json(401, r#"{"error":{"message":"wrong key sk-secret-of-a <b>"}}"#),
    });
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a").set("allow_models", "gpt-old,gpt-gone,o*")]);
    let visitor = Visitor::log_in(&gateway);
    let target = format!("/admin/upstreams/{}", gateway.upstream_id("a"));
    let page = visitor.send(&format!("{target}/test"), "back=/admin/upstreams");
    assert!(page.contains("✓ 200") && page.contains("gpt-new") && page.contains(" ms"), "{page}");
    let page = visitor.send(&format!("{target}/test"), &format!("models=gpt-old&back={target}"));
    assert!(page.contains("✕ 401") && page.contains("wrong key") && page.contains("&#60;b&#62;"), "{page}");
    assert!(!page.contains("sk-secret-of-a"), "{page}");
    let asked = upstream.seen();
    assert_eq!((asked[1].method(), asked[1].target()), ("POST", "/v1/chat/completions"));
    assert!(asked[1].text().contains(r#""max_tokens":1"#), "one token is asked for: {}", asked[1].text());

    let page = visitor.send(&format!("{target}/models"), "");
    assert!(page.contains("It offers 2 models."), "{page}");
    assert!(page.contains(r#"value="gpt-old" checked"#) && page.contains(r#"value="gpt-new">"#), "{page}");
    assert!(page.contains("gpt-gone <span class=\"badge warn\">gone</span>"), "{page}");
    visitor.send(&format!("{target}/allow"), "model=gpt-new&model=gpt-old");
    assert_eq!(gateway.upstream_column("a", "allow_models"), "o*,gpt-new,gpt-old");
}

#[test]
fn a_good_test_puts_an_upstream_back_in_use_whose_key_was_refused() {
    let upstream = FakeUpstream::with(|_, before| match before {
        0 => Reply::json(401, crate::support::samples::KEY_ERROR),
        _ => Reply::json(200, r#"{"data":[]}"#),
    });
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let visitor = Visitor::log_in(&gateway);
    assert_eq!(gateway.send(Call::chat(crate::support::samples::CHAT)).status, 401);
    let page = visitor.page("/admin/upstreams");
    assert!(page.contains("✕ down") && page.contains("refuses our key") && page.contains("<title>(1 down)"), "{page}");
    let target = format!("/admin/upstreams/{}/test", gateway.upstream_id("a"));
    let page = visitor.send(&target, "back=/admin/upstreams");
    assert!(page.contains("● healthy") && !page.contains("down)"), "{page}");
}

#[test]
fn many_upstreams_are_looked_at_before_they_are_taken_in() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    visitor.send("/admin/upstreams", &upstream_form("one", "https://a.example/v1", "sk-known-123456789"));
    let text = "sk-known-123456789\nsk-fresh-123456789\nhttps://b.example/v1,sk-other-123456789,5\nno good line\nsk-fresh-123456789";
    let answer = visitor.post(
        "/admin/upstreams/import",
        &format!("endpoint={}&text={}", encoded("https://a.example/v1"), encoded(text)),
    );
    let batch = answer.header("location").unwrap().to_owned();
    let page = visitor.page(&batch);
    assert!(page.contains("2 new, 2 already there, 1 not understood"), "{page}");
    assert!(page.contains("sk-…6789") && !page.contains("123456789"), "{page}");
    assert_eq!(gateway.database.sql("SELECT count(*) FROM openai_upstreams"), "1", "nothing is stored by a preview");
    let page = visitor.send(&batch, "line=2&line=3");
    assert!(page.contains("Added: 2, already there: 0."), "{page}");
    assert_eq!(gateway.database.sql("SELECT weight FROM openai_upstreams WHERE sk = 'sk-other-123456789'"), "5");
    visitor.send(&batch, "line=2&line=3");
    assert_eq!(
        gateway.database.sql("SELECT count(*) FROM openai_upstreams"),
        "3",
        "a second confirmation adds nothing"
    );
    assert!(visitor.page(&batch).contains("added"), "a reload shows the result");
    assert_eq!(visitor.post("/admin/upstreams/import", "endpoint=x&text=").status, 422);
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
