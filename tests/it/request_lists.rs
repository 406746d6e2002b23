//! What stands around the list of requests: the edges of its drawing, saved searches, what is asked before it goes, addresses
//! that only take forms.

use openai_api_route::db::records::{Ending, Facts, NewRecord, Texts};
use serde_json::json;

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::record::store;
use crate::support::reply::Reply;
use crate::support::samples::{CHAT, SERVER_ERROR, good};
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between, browser, form};

#[test]
fn the_histogram_has_round_steps_and_tells_their_numbers() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let visitor = Visitor::log_in(&gateway);
    assert!(!visitor.page("/admin/requests").contains("data-stretches>"), "nothing is drawn");
    for _ in 0..3 {
        gateway.send(Call::chat(CHAT));
    }
    gateway.records_when(3);
    let told = |from: &str, to: &str| {
        visitor.page(&format!("/admin/requests?from={from}%2B08:00&to={to}%2B08:00&tz=Asia/Shanghai"))
    };
    let page = told("2001-02-03T00:00:00", "2001-02-05T00:00:00");
    assert!(!page.contains("data-stretches>"), "nothing was asked then: {page}");
    gateway.edit("UPDATE records SET started_us = 981216000000000");
    let page = told("2001-02-03T00:07:09", "2001-02-05T00:00:00");
    let labels = |axis: &str| between(&page, &format!("<div class=\"{axis} hint\">"), "</div>").replace("</span>", "");
    assert_eq!(labels("ys"), "<span>5<span><span>0");
    assert_eq!(labels("xs"), "<span>02-03 00:00<span>02-03 12:00<span>02-04 00:00<span>02-04 10:00<span>02-04 22:00");
    let bar = between(&page, "<td data-l=\"Time\"><a", "</tr>");
    assert!(bar.contains(">02-04 00:00</a>") && bar.contains("data-l=\"Requests\">3<"), "{bar}");
    let stretch = "from=2001-02-03T16:00:00Z&#38;to=2001-02-03T18:00:00Z";
    assert!(bar.contains(stretch), "two hours of Shanghai, to the second: {bar}");
    let first = told("2001-02-04T00:00:00", "2001-02-04T00:01:01");
    let bar = between(&first, "<td data-l=\"Time\"><a", "</tr>");
    assert!(bar.contains(">00:00:00</a>") && bar.contains("to=2001-02-03T16:00:05Z"), "{bar}");
}

#[test]
fn a_saved_search_is_one_step_from_the_list_and_is_asked_about_before_it_goes() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    for number in 0..35 {
        visitor.send("/admin/saved", &format!("name=Search+{number:02}&query=%3Fq%3Dstatus%3A{}", 500 + number));
    }
    let page = visitor.page("/admin/requests");
    let listed = between(&page, "<summary>Saved searches</summary>", "</ul>");
    assert_eq!(listed.matches("<a href=\"/admin/requests?q=status:").count(), 30, "{listed}");
    assert!(listed.contains("<a href=\"/admin/saved\">") && page.contains("id=\"save-name\""), "{listed}");

    let saved = visitor.page("/admin/saved");
    let ask = between(&saved, "<a class=\"button danger\" href=\"", "\"");
    let page = visitor.page(ask);
    assert!(page.contains("Search 00") && saved.contains("Search 00"), "{page}");
    let action = between(&page, "<form method=\"post\" action=\"/admin/saved", "\"");
    let without = visitor.post(&format!("/admin/saved{}", action.trim_end_matches("/delete")), "delete=1");
    assert_eq!(without.status, 422, "it goes by its own page alone");
    let page = visitor.send(&format!("/admin/saved{action}"), "");
    assert!(page.contains("The saved search is deleted.") && !page.contains("Search 00"), "{page}");
    assert_eq!((visitor.get(ask).status, visitor.post(ask, "").status), (404, 404));
}

#[test]
fn a_price_is_asked_about_before_it_goes() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    visitor.send("/admin/settings/prices", "pattern=odd-model&input=1.5&cached=&output=2");
    let id = gateway.database.sql("SELECT id FROM prices WHERE pattern = 'odd-model'").trim().to_owned();
    let edit = visitor.page(&format!("/admin/settings?tab=prices&edit={id}"));
    let ask = format!("/admin/settings/prices/delete?id={id}");
    assert!(edit.contains(&format!("href=\"{ask}\"")) && !edit.contains("formaction"), "{edit}");
    let page = visitor.page(&ask);
    assert!(page.contains("odd-model") && page.contains(&format!("name=\"id\" value=\"{id}\"")), "{page}");
    let left = || gateway.database.sql("SELECT count(*) FROM prices WHERE pattern = 'odd-model'").trim().to_owned();
    assert_eq!(left(), "1", "asking changes nothing");
    visitor.send("/admin/settings/prices/delete", &format!("id={id}"));
    assert_eq!((left().as_str(), visitor.get(&ask).status), ("0", 404));
}

#[test]
fn an_address_that_only_takes_forms_says_so_to_whoever_looks_at_it() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    for (path, allow) in [
        ("/admin/theme", "POST"),
        ("/admin/logout", "POST"),
        ("/admin/saved/1", "POST"),
        ("/admin/keys/rename", "POST"),
        ("/admin/settings/general", "POST"),
        ("/admin/settings/password", "POST"),
        ("/admin/upstreams/order", "POST"),
        ("/admin/upstreams/bulk", "POST"),
        ("/admin/upstreams/1/test", "POST"),
        ("/admin/prices/1", "PUT, DELETE"),
    ] {
        let page = visitor.get(path);
        assert_eq!((page.status, page.header("allow")), (405, Some(allow)), "{path}");
        assert!(page.text().contains("forms are sent to this address") && page.text().contains("<nav"), "{path}");
        assert!(page.header("content-security-policy").is_some(), "{path}");
        let json = gateway.admin("GET", path, "");
        assert_eq!((json.status, json.header("allow")), (405, Some(allow)), "{path}");
        assert_eq!(json.json()["error"]["type"], "admin_error", "{path}");
        let stranger = gateway.send(browser("GET", path));
        assert_eq!(stranger.status, 303, "{path} tells nobody else");
        assert_eq!(gateway.send(Call::get(path)).status, 401, "{path}");
    }
    let answer = visitor.post("/admin/models", "a=b");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET")));
    assert!(answer.text().contains("only for looking") && answer.text().contains("<nav"), "{}", answer.text());
    assert_eq!(gateway.admin("POST", "/admin/models", "{}").json()["error"]["type"], "admin_error");
    let answer = gateway.send(form("/admin/theme", "theme=dark"));
    assert!(answer.status == 401 && answer.text().contains("href=\"/admin/login\">"), "{}", answer.text());
}

#[test]
fn numbers_that_are_shown_short_have_every_digit_in_their_title() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "a very long book"}]}).to_string();
    let facts = Facts {
        started_us: chrono::Utc::now().timestamp_micros() - 60_000_000,
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        model: Some("m".to_owned()),
        status: 500,
        tokens_in: Some(38_214_991),
        tokens_out: Some(1_290),
        attempts: "[]".to_owned(),
        ending: Ending::Complete,
        ..Facts::default()
    };
    let texts = Texts { body: Some(body.into_bytes()), ..Texts::default() };
    let id = store(&gateway, &[NewRecord { facts, texts, ..NewRecord::default() }])[0];
    let visitor = Visitor::log_in(&gateway);
    let both = ["title=\"38,214,991 → 1,290\"", ">38.2 M → 1,290<"];
    for target in ["/admin/requests".to_owned(), format!("/admin/requests/{id}"), "/admin/conversations".to_owned()] {
        let page = visitor.page(&target);
        assert!(both.iter().all(|part| page.contains(part)), "{target}: {page}");
    }
    let page = visitor.page("/admin");
    assert!(page.contains("title=\"38,214,991 → 1,290") && page.contains(both[1]), "{page}");
    let talk = gateway.database.sql("SELECT conversation_id FROM records").trim().to_owned();
    let page = visitor.page(&format!("/admin/conversations/{talk}"));
    assert_eq!(page.matches(both[0]).count(), 2, "of all and of the turn: {page}");
    let page = visitor.page("/admin/usage?metric=tokens_in&range=24h");
    assert!(
        page.contains(" title=\"38,214,991\"") && page.contains("38.2 M") && page.contains(" 38,214,991</title>"),
        "{page}"
    );
}

fn who_was_asked_before_another_answered_is_found_and_its_strip_leads_there(kind: Kind) {
    let (fails, works) = (FakeUpstream::always(Reply::json(500, SERVER_ERROR)), FakeUpstream::always(good()));
    let gateway = Gateway::with(kind, [fails.row("fails"), works.row("works").set("priority", 1)]);
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200, "the other one answers");
    gateway.records_when(1);
    let visitor = Visitor::log_in(&gateway);
    let rows = |target: &str| visitor.page(target).matches("<tr data-id=").count();
    let id = gateway.upstream_id("fails");
    for query in ["tried:fails".to_owned(), format!("tried:{id}"), "tried:works".to_owned(), "tried:*".to_owned()] {
        assert_eq!(rows(&format!("/admin/requests?q={query}&range=1h")), 1, "{query}");
    }
    assert_eq!(rows("/admin/requests?q=tried:fails+-upstream:fails&range=1h"), 1);
    assert_eq!(rows("/admin/requests?q=upstream:fails&range=1h"), 0, "it answered nothing");
    assert_eq!(rows("/admin/requests?q=-tried:fails&range=1h"), 0);
    for page in ["/admin", "/admin/upstreams"] {
        let page = visitor.page(page);
        let link = between(&page, "<a class=\"strip\" href=\"", "\"").replace("&#38;", "&");
        assert!(link.contains(&format!("tried%3A{id}")) && page.contains("attempts 1, went well 0 %"), "{page}");
        assert_eq!(rows(&link), 1, "{link}");
    }
    let page = visitor.page(&format!("/admin/upstreams/{id}?tab=activity"));
    assert!(page.contains("<a href=\"/admin/requests/"), "its recent requests: {page}");
}

on_both!(who_was_asked_before_another_answered_is_found_and_its_strip_leads_there);

#[test]
fn an_upstream_without_a_name_is_found_by_what_it_is_called() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("").set("name", "")]);
    gateway.send(Call::chat(CHAT));
    gateway.records_when(1);
    let visitor = Visitor::log_in(&gateway);
    let called = between(&visitor.page("/admin/upstreams"), "<a title=\"", "\"").to_owned();
    assert_eq!(called, upstream.url("/v1"));
    let page = visitor.page(&format!("/admin/requests?q=upstream:{called}&range=1h"));
    assert_eq!(page.matches("<tr data-id=").count(), 1, "{page}");
}

#[test]
fn a_search_whose_name_is_taken_can_be_called_otherwise() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    let body = "name=Fails&query=%3Fq%3Dis%3Aerror%26range%3D7d";
    visitor.send("/admin/saved", body);
    for (body, why) in
        [(body, "another saved search has this name"), ("name=&query=%3Frange%3D7d", "1 to 100 characters")]
    {
        let again = visitor.post("/admin/saved", body);
        let page = again.text();
        assert!(again.status == 422 && page.contains(why) && page.contains("aria-invalid=\"true\""), "{page}");
        assert!(page.contains("name=\"query\" value=\"?") && page.contains("action=\"/admin/saved\""), "{page}");
    }
    let unknown = visitor.post("/admin/saved", "name=Other&query=%3Fbogus%3D1");
    assert!(unknown.status == 422 && unknown.text().contains("bogus"), "{}", unknown.text());
    for number in ["0", "201", "1000"] {
        assert_eq!(visitor.get(&format!("/admin/requests?limit={number}")).status, 400, "{number}");
    }
    assert_eq!(gateway.admin("GET", "/admin/requests?limit=1000", "").status, 200, "programs may ask for more");
}

#[test]
fn what_is_shown_whole_takes_no_page() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    for target in ["export?format=csv&limit=2", "export?format=jsonl&before=5", "stream?limit=5", "rows?before=3"] {
        let answer = visitor.get(&format!("/admin/requests/{target}"));
        assert_eq!(answer.status, 400, "{target}: {}", answer.text());
    }
}
