//! Upstreams by links and forms: added, edited by two, put in order, tested, imported.

use crate::support::client::Call;
use crate::support::database::{Kind, Lock};
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::reply::Reply;
use crate::support::samples::{CHAT, KEY_ERROR, good, good_from};
use crate::support::until;
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between, encoded, form, upstream_form};

/// The names of the upstreams in the order of the list.
fn order(page: &str) -> Vec<String> {
    page.split("aria-label=\"Tick ")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'))
        .map(|(name, _)| name.to_owned())
        .filter(|name| name != "all")
        .collect()
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
        ["a", "b", "c"].iter().map(|name| FakeUpstream::always(good_from(name))).collect();
    let rows = upstreams.iter().zip(["a", "b", "c"]).map(|(upstream, name)| upstream.row(name));
    let gateway = Gateway::with(kind, rows);
    let visitor = Visitor::log_in(&gateway);
    let first = || {
        let answer = gateway.send(Call::chat(CHAT)).text();
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
    let allow = format!("action=allow&value=gpt-8,gpt-9&id={}&id={}&id=999", id("a"), id("b"));
    let page = visitor.send("/admin/upstreams/bulk", &allow);
    assert!(page.contains("Nothing was changed: the list of a, b is empty and allows every model"), "{page}");
    assert_eq!(first(), "a", "nobody's list became shorter");
    gateway.edit("UPDATE openai_upstreams SET allow_models = 'gpt-9' WHERE name = 'a'");
    gateway.edit("UPDATE openai_upstreams SET allow_models = 'gpt-8,gpt-9,gpt-4o-mini' WHERE name = 'b'");
    let page = visitor.send("/admin/upstreams/bulk", &allow);
    assert!(page.contains("Changed: 1."), "b has them, and nobody is 999: {page}");
    assert_eq!(gateway.upstream_column("a", "allow_models"), "gpt-9,gpt-8");
    let take = format!("action=disallow&value=gpt-8&id={}&id={}", id("a"), id("b"));
    assert!(visitor.send("/admin/upstreams/bulk", &take).contains("Changed: 2."));
    assert_eq!(first(), "b", "a is only for gpt-9 now");
    let page =
        visitor.send("/admin/upstreams/bulk", &format!("action=disallow&value=gpt-9&id={}&id={}", id("a"), id("b")));
    assert!(
        page.contains("Nothing was changed: without its last entry the list of a would allow every model."),
        "{page}"
    );
    assert_eq!(gateway.upstream_column("a", "allow_models"), "gpt-9");
    let asked = visitor.post("/admin/upstreams/bulk", &format!("action=delete&id={}", id("b")));
    assert_eq!((asked.status, first()), (200, "b".into()), "removal asks first");
    visitor.send("/admin/upstreams/delete", &format!("id={}", id("b")));
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 404, "nobody is left for this model");
}

fn wrong_forms_of_the_list_say_what_is_wrong_and_lose_nothing(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, ["a", "b"].map(|name| upstream.row(name)));
    let visitor = Visitor::log_in(&gateway);
    let (a, b) = (gateway.upstream_id("a"), gateway.upstream_id("b"));
    for (wrong, field) in [
        (format!("place-{a}=first"), format!("place-{a}")),
        (format!("order={b},x"), "order".to_owned()),
        (format!("move={a}:left"), "move".to_owned()),
        ("nothing=1".to_owned(), "order".to_owned()),
    ] {
        let answer = visitor.post("/admin/upstreams/order", &wrong);
        assert_eq!(answer.status, 422, "{wrong}");
        assert!(answer.text().contains(&format!("{field}: must be ")), "{wrong}: {}", answer.text());
    }
    let noted = || gateway.database.sql("SELECT count(*) FROM audit WHERE verb = 'order'");
    assert!(visitor.send("/admin/upstreams/order", &format!("order={a},{b}")).contains("Nothing changed: the order"));
    assert_eq!(noted(), "0");
    assert!(visitor.send("/admin/upstreams/order", &format!("order={b},{a}")).contains("The order is saved."));
    assert_eq!(noted(), "1");

    let bulk =
        |rest: &str| visitor.post("/admin/upstreams/bulk", &format!("{rest}&back={}", encoded("/admin/upstreams?q=b")));
    for (wrong, told) in [
        (format!("action=weight&value=heavy&id={b}"), "a weight is a whole number from 0 to 1,000,000."),
        (format!("action=weight&value=1000001&id={b}"), "a weight is a whole number from 0 to 1,000,000."),
        (format!("action=allow&value=&id={b}"), "this needs models, separated by commas."),
        (format!("action=paint&value=red&id={b}"), "there is no such action."),
    ] {
        let answer = bulk(&wrong);
        let page = answer.text();
        assert!(answer.status == 422 && page.contains(told), "{wrong}: {page}");
        assert!(page.contains(&format!("name=\"id\" value=\"{b}\" checked")), "{wrong}: {page}");
        assert_eq!(order(&page), ["b"], "the same part of the list");
    }
    let page = bulk("action=weight&value=7").text();
    assert!(page.contains("No row was ticked.") && page.contains("name=\"value\" value=\"7\""), "{page}");
    assert!(page.contains("<option value=\"weight\" selected>"), "{page}");

    let long = "n".repeat(201);
    let form = upstream_form(&long, "https://one.example/v1", "sk-1").replace("weight=1", "weight=1000001");
    let refused = visitor.post("/admin/upstreams", &form);
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("must have 200 characters at most"), "{}", refused.text());
    assert!(refused.text().contains("must be a whole number from 0 to 1000000"), "{}", refused.text());
    for (field, value) in [("name", format!("\"{long}\"")), ("weight", "1000001".to_owned())] {
        let body = format!("{{\"sk\": \"sk-1\", \"{field}\": {value}}}");
        let refused = gateway.admin("POST", "/admin/upstreams", &body);
        assert!(refused.status == 400 && refused.error().starts_with(&format!("{field}: must ")), "{}", refused.text());
    }
}

on_both!(
    wrong_forms_of_the_list_say_what_is_wrong_and_lose_nothing,
    a_wrong_form_names_its_fields_and_keeps_what_was_typed,
    two_people_who_edit_the_same_upstream_do_not_overwrite_each_other_unseen,
    places_switches_and_bulk_edits_are_live_at_once,
);

fn an_attempt_that_failed_over_is_seen_where_it_was_made(kind: Kind) {
    let (broken, working) = (FakeUpstream::always(Reply::json(500, "{}")), FakeUpstream::always(good()));
    let gateway = Gateway::with(kind, [broken.row("broken"), working.row("working")]);
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    until("the request is recorded", || (!gateway.records().is_empty()).then_some(()));
    let visitor = Visitor::log_in(&gateway);
    for page in ["/admin/upstreams", "/admin", &format!("/admin/upstreams/{}", gateway.upstream_id("broken"))] {
        let page = visitor.page(page);
        assert!(page.contains("attempts 1, went well 0 %, failed 1"), "{page}");
    }
    let list = visitor.page("/admin/upstreams");
    assert!(list.contains("attempts 1, went well 100 %, failed 0"), "{list}");
}

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

    let fetched = visitor.post(&format!("{target}/models"), "");
    assert_eq!(fetched.header("location"), Some(format!("{target}#models").as_str()));
    let page = visitor.send(&format!("{target}/models"), "");
    assert!(page.contains("It offers 2 models."), "{page}");
    assert!(page.contains(r#"value="gpt-old" checked"#) && page.contains(r#"value="gpt-new">"#), "{page}");
    assert!(page.contains("gpt-gone <span class=\"badge warn\">gone</span>"), "{page}");
    visitor.send(&format!("{target}/allow"), "model=gpt-new&model=gpt-old");
    assert_eq!(gateway.upstream_column("a", "allow_models"), "o*,gpt-new,gpt-old");
    // From its form, what is typed there and not yet saved stays.
    let version = between(&visitor.page(&target), "name=\"version\" value=\"", "\"").to_owned();
    let typed = upstream_form("unsaved", "https://unsaved.example/v1", "sk-typed");
    let again = visitor.post(&format!("{target}/models"), &format!("{typed}&version={version}"));
    let page = again.text();
    assert!(again.status == 200 && page.contains("It offers 2 models."), "{page}");
    for kept in ["value=\"unsaved\"", "value=\"https://unsaved.example/v1\"", &format!("value=\"{version}\"")] {
        assert!(page.contains(kept), "{kept}: {page}");
    }
    assert_eq!(gateway.upstream_column("a", "name"), "a", "nothing is saved");
    upstream.now_answers(Reply::json(503, "busy"));
    let failed = visitor.post(&format!("{target}/models"), "");
    assert_eq!(failed.header("location"), Some(target.as_str()), "what went wrong stands at the top");
}

#[test]
fn a_good_test_puts_an_upstream_back_in_use_whose_key_was_refused() {
    let upstream = FakeUpstream::with(|_, before| match before {
        0 => Reply::json(401, KEY_ERROR),
        _ => Reply::json(200, r#"{"data":[]}"#),
    });
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let visitor = Visitor::log_in(&gateway);
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 401);
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
    assert!(page.contains("2 new, 1 already there, 1 repeated, 1 not understood"), "{page}");
    assert!(page.contains("repeats line 2<") && page.contains("The key holds a space"), "{page}");
    assert!(page.contains("sk-…6789") && !page.contains("123456789"), "{page}");
    assert_eq!(gateway.database.sql("SELECT count(*) FROM openai_upstreams"), "1", "nothing is stored by a preview");
    let page = visitor.send(&batch, "line=2&line=3");
    let counts = "Added: 2, already there: 1, repeated: 1, not understood: 1, not ticked: 0.";
    assert!(page.contains(counts), "{page}");
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
fn the_originals_file_is_taken_in_with_its_models_and_what_is_left_out_is_named() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    let text = "authorization: woshimima\nupstreams:\n  - sk: sk-a-123456789\n    endpoint: https://a.example/v1\n    allow: [gpt-4, gpt-4o]\n    \
                noauth: true\n  - sk: sk-b-123456789\n    type: replicate\n";
    let answer = visitor.post("/admin/upstreams/import", &format!("endpoint=x&text={}", encoded(text)));
    let batch = answer.header("location").unwrap().to_owned();
    let page = visitor.page(&batch);
    assert!(page.contains("alone are taken, not: authorization."), "{page}");
    assert!(page.contains("no field for it: noauth.") && page.contains("does not speak the OpenAI API"), "{page}");
    let page = visitor.send(&batch, "line=1");
    assert!(page.contains("<dt>not understood</dt><dd>1</dd>"), "{page}");
    assert_eq!(gateway.database.sql("SELECT allow_models FROM openai_upstreams"), "gpt-4,gpt-4o");
}

fn the_page_of_an_upstream_tells_what_it_did_and_what_was_changed_of_it(kind: Kind) {
    let first = FakeUpstream::with(|_, before| match before {
        0 | 1 => Reply::json(500, r#"{"error":{"message":"out of <luck>"}}"#),
        2 => Reply::json(404, r#"{"error":{"message":"no such model"}}"#),
        _ => good_from("a"),
    });
    let second = FakeUpstream::always(good_from("b"));
    let gateway = Gateway::with(kind, [first.row("a"), second.row("b")]);
    for status in [200, 200, 404, 200] {
        assert_eq!(gateway.send(Call::chat(CHAT)).status, status);
    }
    gateway.records_when(4);
    let visitor = Visitor::log_in(&gateway);
    let target = format!("/admin/upstreams/{}", gateway.upstream_id("a"));
    let page = visitor.page(&target);
    assert!(page.contains("7 days: ") && page.contains("viewBox=\"0 0 336 24\""), "{page}");
    let page = visitor.page(&format!("{target}?tab=activity&range=1h"));
    let messages: Vec<&str> = page.split("data-l=\"Message\"><div class=\"words\">").skip(1).collect();
    assert_eq!(messages.len(), 2, "{page}");
    assert!(
        messages[0].starts_with("status 500: out of &#60;luck&#62;") && messages[0].contains("\"Times\">2<"),
        "{page}"
    );
    assert!(messages[1].starts_with("status 404: no such model") && messages[1].contains("\"Times\">1<"), "{page}");
    let recent = page.split("Recent requests").nth(1).unwrap();
    assert_eq!(recent.matches("data-l=\"Status\"").count(), 4, "also those that another answered then: {recent}");
    let id = gateway.upstream_id("a");
    visitor.send(&format!("/admin/upstreams/{id}/enabled"), "on=0");
    let history = visitor.page(&format!("{target}?tab=history"));
    assert!(history.contains("enabled true → false"), "{history}");
    let other = visitor.page(&format!("/admin/upstreams/{}?tab=history", gateway.upstream_id("b")));
    assert!(other.contains("Nothing has been changed here") && !other.contains("enabled true"), "{other}");
    assert_eq!(visitor.get(&format!("{target}?tab=nothing")).status, 400);
    for wrong in
        ["/admin/settings?tab=audit&before=abc", "/admin/settings?tab=audit&upstream=a", &format!("{target}?range=99y")]
    {
        assert_eq!(visitor.get(wrong).status, 400, "{wrong}");
    }
    let list = visitor.page("/admin/upstreams?sort=success");
    assert_eq!(order(&list), ["a", "b"], "the one with failures comes first");
    let list = visitor.page("/admin/upstreams?sort=last&q=B");
    assert_eq!(order(&list), ["b"]);
    assert!(!list.contains("data-order"), "a part of the list cannot be dragged into an order");
    assert!(
        list.contains("/admin/upstreams?state=healthy&amp;q=B&amp;sort=last") || list.contains("state=healthy&#38;q=B")
    );
    assert_eq!(visitor.get("/admin/upstreams?sort=colour").status, 400);
}

fn models_that_nobody_serves_any_more_are_told_and_each_price_leads_to_its_form(kind: Kind) {
    let upstream = FakeUpstream::always(good_from("a"));
    let gateway = Gateway::with(kind, [upstream.row("a").set("model_map", "mapped = there")]);
    assert_eq!(gateway.send(Call::post("/v1/chat/completions", r#"{"model":"old-one"}"#)).status, 200);
    gateway.records_when(1);
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.page("/admin/models");
    assert!(!page.contains("Nobody may be asked"), "{page}");
    assert!(page.contains("<a href=\"/admin/models/route?model=mapped\">"), "what is mapped is offered: {page}");
    gateway.edit("UPDATE openai_upstreams SET allow_models = 'gpt-4o'");
    let page = visitor.page("/admin/models");
    let warning = between(&page, "Nobody may be asked", "</div>");
    assert!(warning.contains("old-one") && !warning.contains("mapped"), "{page}");
    let gpt = page.split("route?model=gpt-4o\"").nth(1).unwrap().split("</tr>").next().unwrap();
    assert!(gpt.contains("data-l=\"In ($/1M)\">2.5<") && gpt.contains("tab=prices&#38;edit="), "{gpt}");
    let old = page.split("route?model=old-one\"").last().unwrap().split("</tr>").next().unwrap();
    let link = between(old.split("data-l=\"Price\"").nth(1).unwrap(), "href=\"", "\"").replace("&#38;", "&");
    assert!(old.contains("Add a price of"), "{old}");
    assert_eq!(link, "/admin/settings?tab=prices&pattern=old-one");
    assert!(visitor.page(&link).contains("value=\"old-one\""));
    let route = visitor.page("/admin/models/route?model=mapped");
    assert!(route.contains("data-l=\"Model sent\">there<"), "{route}");
}

on_both!(
    an_attempt_that_failed_over_is_seen_where_it_was_made,
    the_page_of_an_upstream_tells_what_it_did_and_what_was_changed_of_it,
    models_that_nobody_serves_any_more_are_told_and_each_price_leads_to_its_form,
);

#[test]
fn an_import_of_which_nothing_is_understood_keeps_its_text() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    let text = "https://a.example/v1,sk-a-123456789,heavy\none,two,three,four,five,six";
    let body = format!("endpoint=https%3A%2F%2Fa.example%2Fv1&text={}", encoded(text));
    let answer = visitor.post("/admin/upstreams/import", &body);
    let page = answer.text();
    assert_eq!(answer.status, 422, "{page}");
    assert!(page.contains("nothing of it is understood; line 1: The weight is no whole number"), "{page}");
    assert!(page.contains("sk-a-123456789,heavy"), "{page}");
    let one_good =
        format!("endpoint=https%3A%2F%2Fa.example%2Fv1&text={}", encoded(&format!("{text}\nsk-b-123456789")));
    assert_eq!(visitor.post("/admin/upstreams/import", &one_good).status, 303, "the good ones can be taken");
}

#[test]
fn an_import_tells_at_its_address_how_far_it_is() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    let answer = visitor
        .post("/admin/upstreams/import", "endpoint=https%3A%2F%2Fa.example%2Fv1&text=sk-a-123456789%0Ask-b-123456789");
    let batch = answer.header("location").unwrap().to_owned();
    let lock = Lock::on(&gateway.database);
    let body = format!("csrf={}&line=1&line=2", visitor.token);
    let confirmed = form(&batch, &body).header("Cookie", &visitor.cookie).open(gateway.address());
    let running = until("the page that tells how far it is", || {
        let page = visitor.get(&batch);
        page.text().contains("Importing: 0 of 2 lines").then_some(page)
    });
    assert_eq!(running.header("refresh"), Some("1"));
    assert!(!running.text().contains("name=\"line\""), "it cannot be confirmed again: {}", running.text());
    confirmed.hang_up();
    lock.release();
    until("the result, although nobody waited for it", || {
        visitor.page(&batch).contains("<dt>added</dt><dd>2</dd>").then_some(())
    });
    assert_eq!(gateway.database.sql("SELECT count(*) FROM openai_upstreams"), "2");
}
