//! The admin API as JSON: who may, what it shows, what it refuses.

use crate::support::client::{Answer, Call};
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::record::id;
use crate::support::samples::{CHAT, COMPLETION, good};
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::Visitor;
use crate::support::{KEY, PASSWORD, on_both};

fn anonymous(method: &str, target: &str) -> Call {
    Call::new(method, target).without("Authorization").header("Accept", "application/json")
}

fn upstreams(gateway: &Gateway) -> Vec<serde_json::Value> {
    let answer = gateway.admin("GET", "/admin/upstreams", "");
    assert_eq!(answer.status, 200);
    answer.json().as_array().expect("an array of upstreams").clone()
}

fn names_field(answer: &Answer, field: &str) {
    assert!((400..500).contains(&answer.status), "{} {}", answer.status, answer.text());
    assert!(answer.text().contains(field), "the message names {field}: {}", answer.text());
}

fn only_the_admin_password_opens_the_admin_api(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let id = gateway.upstream_id("a");
    let body = r#"{"sk":"sk-x","endpoint":"https://x.example/v1"}"#;
    for (method, target) in [
        ("GET", "/admin/upstreams".to_owned()),
        ("POST", "/admin/upstreams".to_owned()),
        ("GET", format!("/admin/upstreams/{id}")),
        ("PUT", format!("/admin/upstreams/{id}")),
        ("DELETE", format!("/admin/upstreams/{id}")),
        ("GET", "/admin/request_records".to_owned()),
    ] {
        for credentials in ["", &format!("Basic {PASSWORD}"), PASSWORD] {
            let call = anonymous(method, &target);
            let call = if credentials.is_empty() { call } else { call.header("Authorization", credentials) };
            let answer = gateway.send(if method == "GET" || method == "DELETE" { call } else { call.json(body) });
            assert_eq!(answer.status, 401, "{method} {target} with {credentials:?}");
            assert!(!answer.text().contains("sk-"), "{}", answer.text());
        }
    }
    let forged = anonymous("GET", "/admin/upstreams").header("Cookie", "session=forged; admin=1");
    assert_eq!(gateway.send(forged).status, 401);
    assert_eq!(upstreams(&gateway).len(), 1, "nothing was changed by strangers");
}

/// What `count` threads that begin together get.
fn at_once<T: Send>(count: usize, get: impl Fn(usize) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|n| {
                scope.spawn({
                    let get = &get;
                    move || get(n)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn neither_a_client_key_nor_a_guess_opens_the_admin_api(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let status = |credentials: &str| {
        gateway.send(anonymous("GET", "/admin/upstreams").header("Authorization", credentials)).status
    };
    let cut = &PASSWORD[..PASSWORD.len() - 1];
    for wrong in [format!("Bearer {KEY}"), "Bearer ".to_owned(), format!("Bearer {PASSWORD}1"), format!("Bearer {cut}")]
    {
        assert_eq!(status(&wrong), 401, "{wrong:?}");
    }
    assert_eq!(status(&format!("Bearer {PASSWORD}")), 200);
    let right_at_once: Vec<u16> = at_once(40, |_| status(&format!("Bearer {PASSWORD}")));
    assert_eq!(right_at_once, [200; 40]);
    let guesses: Vec<u16> = at_once(60, |n| status(&format!("Bearer guess-{n}")));
    let checked = guesses.iter().filter(|status| **status == 401).count();
    assert!((1..=12).contains(&checked), "{checked} guesses were free because they came at once: {guesses:?}");
    let answer = gateway.send(anonymous("GET", "/admin/upstreams").header("Authorization", "Bearer guess"));
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("60")), "guessing is slowed down");
}

fn a_session_changes_nothing_for_another_sites_page(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let login = anonymous("POST", "/admin/login").json(&serde_json::json!({ "password": PASSWORD }).to_string());
    let cookie = gateway.send(login).header("set-cookie").expect("a cookie").split(';').next().unwrap().to_owned();
    let host = gateway.address().to_string();
    let post = |name: &str, value: &str, key: &str| {
        let body = format!(r#"{{"sk":"{key}","endpoint":"https://x.example/v1"}}"#);
        gateway
            .send(anonymous("POST", "/admin/upstreams").header("Cookie", &cookie).header(name, value).json(&body))
            .status
    };
    assert_eq!(post("Origin", "https://evil.example", "sk-evil-1111"), 403);
    assert_eq!(post("Sec-Fetch-Site", "cross-site", "sk-evil-2222"), 403);
    assert_eq!(post("Origin", &format!("http://{host}"), "sk-good-3333"), 201);
    assert_eq!(upstreams(&gateway).len(), 1);
}

fn a_login_gives_a_cookie_that_opens_the_admin_api(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let login = |password: &str| {
        let body = serde_json::json!({ "password": password }).to_string();
        gateway.send(anonymous("POST", "/admin/login").json(&body))
    };
    let wrong = login("guess");
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, None));
    assert_eq!(login(KEY).status, 401);
    let right = login(PASSWORD);
    assert!((200..300).contains(&right.status), "{} {}", right.status, right.text());
    let cookie = right.header("set-cookie").expect("a login gives a cookie").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=") && !cookie.contains(PASSWORD), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(gateway.send(anonymous("GET", "/admin/upstreams").header("Cookie", cookie)).status, 200);
    assert_eq!(
        gateway.send(anonymous("GET", "/v1/models").header("Cookie", cookie)).status,
        403,
        "a session is no client key"
    );
}

fn upstreams_are_made_read_changed_and_removed(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, []);
    let endpoint = upstream.url("/v1");
    let body = format!(
        r#"{{"name":"first","sk":"sk-0123456789abcdef","endpoint":"{endpoint}","priority":2,"allow_models":"gpt-*"}}"#
    );
    let made = gateway.admin("POST", "/admin/upstreams", &body);
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let target = format!("/admin/upstreams/{}", id(&made["id"]));
    let read = gateway.admin("GET", &target, "").json();
    assert_eq!((read["name"].as_str(), read["endpoint"].as_str()), (Some("first"), Some(endpoint.as_str())));
    assert_eq!((read["priority"].as_i64(), read["enabled"].as_bool()), (Some(2), Some(true)));
    assert_eq!(read["allow_models"].as_str(), Some("gpt-*"));
    for shown in [&made, &read, &upstreams(&gateway)[0]] {
        let sk = shown["sk"].as_str().expect("a masked sk");
        assert!(sk.ends_with("cdef") && !sk.contains("0123456789"), "{sk}");
    }
    std::thread::sleep(crate::support::LIVE * 3);
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    assert_eq!(upstream.only().head.get("authorization"), Some("Bearer sk-0123456789abcdef"));

    let changed =
        gateway.admin("PUT", &target, &format!(r#"{{"name":"renamed","endpoint":"{endpoint}","priority":3}}"#));
    assert_eq!(changed.status, 200, "{}", changed.text());
    let read = gateway.admin("GET", &target, "").json();
    assert_eq!((read["name"].as_str(), read["priority"].as_i64()), (Some("renamed"), Some(3)));
    assert_eq!(gateway.upstream_column("renamed", "sk"), "sk-0123456789abcdef", "a PUT without sk keeps it");

    let masked = format!(r#"{{"sk":{},"name":"renamed","endpoint":"{endpoint}"}}"#, read["sk"]);
    gateway.admin("PUT", &target, &masked);
    assert_eq!(gateway.upstream_column("renamed", "sk"), "sk-0123456789abcdef", "a mask is never stored as a key");
    gateway.admin("PUT", &target, &format!(r#"{{"sk":"sk-new-fedcba","name":"renamed","endpoint":"{endpoint}"}}"#));
    assert_eq!(gateway.upstream_column("renamed", "sk"), "sk-new-fedcba");

    assert!((200..300).contains(&gateway.admin("DELETE", &target, "").status));
    assert_eq!(gateway.admin("GET", &target, "").status, 404);
    assert_eq!(gateway.admin("DELETE", &target, "").status, 404);
    assert!(upstreams(&gateway).is_empty());
    std::thread::sleep(crate::support::LIVE * 3);
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 503);
}

fn the_originals_field_names_are_understood(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let made =
        gateway.admin("POST", "/admin/upstreams", r#"{"SK":"sk-original-7777","Endpoint":"https://o.example/v1"}"#);
    assert_eq!(made.status, 201, "{}", made.text());
    let shown = upstreams(&gateway).remove(0);
    assert_eq!(shown["endpoint"].as_str(), Some("https://o.example/v1"));
    assert!(shown["sk"].as_str().unwrap().ends_with("7777"));
}

fn bad_input_is_refused_with_the_name_of_the_field_and_changes_nothing(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let made =
        gateway.admin("POST", "/admin/upstreams", r#"{"sk":"sk-a-1111","endpoint":"https://a.example/v1"}"#).json();
    let target = format!("/admin/upstreams/{}", id(&made["id"]));
    let before = gateway.database.sql("SELECT id, sk, endpoint, name, priority, weight FROM openai_upstreams");
    for (body, field) in [
        (r#"{"endpoint":"https://b.example/v1"}"#, "sk"),
        (r#"{"sk":"","endpoint":"https://b.example/v1"}"#, "sk"),
        (r#"{"sk":"sk-b","endpoint":"nonsense"}"#, "endpoint"),
        (r#"{"sk":"sk-b","endpoint":"ftp://b.example"}"#, "endpoint"),
        (r#"{"sk":"sk-b","endpoint":""}"#, "endpoint"),
        (r#"{"sk":"sk-b","endpoint":7}"#, "endpoint"),
        (r#"{"sk":"sk-b","endpoint":"https://b.example/v1","weight":-1}"#, "weight"),
        (r#"{"sk":"sk-b","endpoint":"https://b.example/v1","priority":"high"}"#, "priority"),
        (r#"{"sk":"sk-b","endpoint":"https://b.example/v1","idle_timeout_ms":-5}"#, "idle_timeout_ms"),
        (r#"{"sk":"sk-b","endpoint":"https://b.example/v1","prioritty":1}"#, "prioritty"),
    ] {
        names_field(&gateway.admin("POST", "/admin/upstreams", body), field);
    }
    names_field(&gateway.admin("PUT", &target, r#"{"endpoint":"nonsense"}"#), "endpoint");
    assert_eq!(gateway.admin("POST", "/admin/upstreams", "{not json").status, 400);
    let twice = gateway.admin("POST", "/admin/upstreams", r#"{"sk":"sk-a-1111","endpoint":"https://a.example/v1"}"#);
    assert_eq!(twice.status, 409, "{}", twice.text());
    assert!(!twice.text().contains("sk-a-1111"));
    assert_eq!(gateway.admin("PUT", "/admin/upstreams/987654", r#"{"name":"x"}"#).status, 404);
    assert_eq!(gateway.admin("GET", "/admin/upstreams/nonsense", "").status, 404);
    assert_eq!(gateway.database.sql("SELECT id, sk, endpoint, name, priority, weight FROM openai_upstreams"), before);
}

fn records_come_newest_first_in_pages(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    for n in 0..105 {
        assert_eq!(gateway.send(Call::chat(&CHAT.replace("Say hello.", &format!("Number {n}.")))).status, 200);
    }
    gateway.records_when(105);
    let page = |query: &str| -> Vec<serde_json::Value> {
        let answer = gateway.admin("GET", &format!("/admin/request_records{query}"), "");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json().as_array().unwrap().clone()
    };
    let number = |record: &serde_json::Value| -> usize {
        let body = record["body"].as_str().unwrap();
        body.split("Number ").nth(1).unwrap().split('.').next().unwrap().parse().unwrap()
    };
    let first = page("");
    assert_eq!(first.iter().map(number).collect::<Vec<_>>(), (5..105).rev().collect::<Vec<_>>());
    let rest = page(&format!("?before={}", id(&first[99]["id"])));
    assert_eq!(rest.iter().map(number).collect::<Vec<_>>(), [4, 3, 2, 1, 0]);
    assert_eq!(page("?limit=3").iter().map(number).collect::<Vec<_>>(), [104, 103, 102]);
    assert!(page(&format!("?before={}", id(&rest[4]["id"]))).is_empty());
    for field in ["id", "created_at", "ip", "method", "path", "model", "status", "upstream_id", "body", "response"] {
        assert!(first[0].get(field).is_some(), "{field}");
    }
    assert_eq!(first[0]["response"].as_str(), Some(COMPLETION));
    for (query, field) in
        [("?limit=0", "limit"), ("?limit=1001", "limit"), ("?limit=many", "limit"), ("?before=x", "before")]
    {
        names_field(&gateway.admin("GET", &format!("/admin/request_records{query}"), ""), field);
    }
}

#[test]
fn what_is_nowhere_is_404_and_what_may_not_be_done_is_405() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    assert_eq!(gateway.admin("GET", "/nowhere", "").status, 404);
    assert_eq!(gateway.admin("PATCH", "/admin/request_records", "").status, 405);
    let visitor = Visitor::log_in(&gateway);
    for page in ["/admin/requests/abc", "/admin/conversations/abc", "/admin/upstreams/abc", "/admin/nowhere/"] {
        let answer = visitor.get(page.trim_end_matches('/'));
        assert!(answer.status == 404 && answer.text().contains("<h1>"), "{page}: {}", answer.text());
    }
    for (page, to) in [("/admin/", "/admin"), ("/admin/requests/?q=a", "/admin/requests?q=a")] {
        let answer = visitor.get(page);
        assert_eq!((answer.status, answer.header("location")), (303, Some(to)), "{page}");
    }
}

on_both! {
    only_the_admin_password_opens_the_admin_api,
    neither_a_client_key_nor_a_guess_opens_the_admin_api,
    a_session_changes_nothing_for_another_sites_page,
    a_login_gives_a_cookie_that_opens_the_admin_api,
    upstreams_are_made_read_changed_and_removed,
    the_originals_field_names_are_understood,
    bad_input_is_refused_with_the_name_of_the_field_and_changes_nothing,
    records_come_newest_first_in_pages,
}
