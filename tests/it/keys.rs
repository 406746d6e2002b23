//! Client keys: replaced while the old one goes on, disabled and put back, found in the list, deleted without losing history.

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::samples::{CHAT, good};
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between, upstream_form};
use crate::support::{KEY, on_both};

fn status_with(gateway: &Gateway, key: &str) -> u16 {
    let call = Call::chat(CHAT).without("Authorization").header("Authorization", &format!("Bearer {key}"));
    gateway.send(call).status
}

fn shown(page: &str) -> String {
    let key = between(page, "id=\"new-key\">", "<").to_owned();
    assert!(key.starts_with("sk-oar-") && page.matches(&key).count() == 1, "{page}");
    let block = between(page, "<pre class=\"secret\" id=\"try\">", "</pre>");
    assert!(
        block.starts_with("export OPENAI_API_KEY=<span id=\"new-key\">sk-oar-"),
        "it can be run as it stands: {block}"
    );
    assert!(block.contains("/v1/models -H \"Authorization: Bearer $OPENAI_API_KEY\""), "{block}");
    key
}

/// The row of a key in the list.
fn row(page: &str, name: &str) -> String {
    let found = page.split("<tr>").find(|row| row.contains(&format!(">{name}</a>")));
    found.unwrap_or_else(|| panic!("{name} in {page}")).to_owned()
}

fn a_replaced_key_goes_on_until_its_time_and_the_new_one_works_at_once(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let visitor = Visitor::log_in(&gateway);
    let old = shown(&visitor.send("/admin/keys", "name=team"));
    let new = shown(&visitor.send("/admin/keys/replace", "name=team&grace=24"));
    assert_ne!(old, new);
    assert_eq!((status_with(&gateway, &old), status_with(&gateway, &new)), (200, 200));
    let last4 = |key: &str| format!("…{}", &key[key.len() - 4..]);
    for target in ["/admin/keys", "/admin/keys/one?name=team", "/admin/settings?tab=audit"] {
        let page = visitor.page(target);
        assert!(!page.contains(&old) && !page.contains(&new), "{target} shows a key: {page}");
        assert!(page.contains(&last4(&old)) && page.contains(&last4(&new)), "{target}: {page}");
    }
    let told = row(&visitor.page("/admin/keys?state=replaced"), "team");
    assert!(told.contains("replaced, the old one still works") && told.contains(&last4(&old)), "{told}");
    let records = gateway.records_when(2);
    assert!(records.iter().all(|record| record.text("key_name") == "team"), "both are the same key");
    assert_eq!(records[1].text("key_last4"), &old[old.len() - 4..], "and tell which of the two it was");

    gateway.edit("UPDATE client_keys SET old_until_us = 1");
    assert_eq!((status_with(&gateway, &old), status_with(&gateway, &new)), (403, 200), "its time has come");
    assert!(row(&visitor.page("/admin/keys?state=on"), "team").contains("● in use"));

    let third = shown(&visitor.send("/admin/keys/replace", "name=team&grace=1"));
    assert_eq!((status_with(&gateway, &new), status_with(&gateway, &third)), (200, 200));
    assert!(visitor.send("/admin/keys/old", "name=team").contains("The old key of team does not work any more."));
    assert_eq!((status_with(&gateway, &new), status_with(&gateway, &third)), (403, 200));
    let fourth = shown(&visitor.send("/admin/keys/replace", "name=team&grace=0"));
    assert_eq!((status_with(&gateway, &third), status_with(&gateway, &fourth)), (403, 200), "at once");
    assert_eq!(visitor.post("/admin/keys/replace", "name=team&grace=99").status, 400);
    assert_eq!(visitor.post("/admin/keys/replace", "name=nobody&grace=24").status, 404);
    assert_eq!(status_with(&gateway, KEY), 200, "other keys are as they were");
}

fn a_disabled_key_lets_nobody_in_until_it_is_put_back(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let visitor = Visitor::log_in(&gateway);
    gateway.edit("UPDATE config_kvs SET value = value || ',by-hand=by-hand-0123456789' WHERE key = 'authorization'");
    assert_eq!(status_with(&gateway, "by-hand-0123456789"), 200, "keys written by hand are complete");
    let page = visitor.page("/admin/keys");
    assert!(row(&page, "by-hand").contains("in use") && row(&page, "key-1").contains("in use"), "{page}");

    assert!(visitor.send("/admin/keys/enabled", "name=by-hand").contains("by-hand is disabled"));
    for spelling in ["by-hand-0123456789", "by-hand=by-hand-0123456789"] {
        assert_eq!(status_with(&gateway, spelling), 403, "{spelling}");
    }
    assert_eq!(status_with(&gateway, KEY), 200);
    assert!(row(&visitor.page("/admin/keys?state=off"), "by-hand").contains("○ disabled"));
    assert!(!visitor.page("/admin/keys?state=off").contains(">key-1</a>"));

    visitor.send("/admin/keys/enabled", "name=key-1");
    assert_eq!((status_with(&gateway, KEY), status_with(&gateway, "by-hand-0123456789")), (403, 403));
    gateway.edit("UPDATE config_kvs SET value = 'first=first-key-0123456789,' || value WHERE key = 'authorization'");
    assert_eq!(status_with(&gateway, KEY), 403, "a key that is disabled keeps its name when others come before it");
    assert_eq!(status_with(&gateway, "first-key-0123456789"), 200);
    for name in ["by-hand", "key-1"] {
        visitor.send("/admin/keys/enabled", &format!("name={name}&on=1"));
    }
    assert_eq!((status_with(&gateway, KEY), status_with(&gateway, "by-hand-0123456789")), (200, 200));
    let audit = visitor.page("/admin/settings?tab=audit");
    assert!(audit.contains("disabled — → true") || audit.contains("disabled true"), "{audit}");
    assert!(!audit.contains("by-hand-0123456789") && !audit.contains(KEY), "{audit}");
}

fn the_list_tells_what_a_key_may_and_what_it_has_asked(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway =
        Gateway::with(kind, [upstream.row("a").set("allow_keys", "team").set("allow_models", "gpt-4o-mini,gpt-x")]);
    let visitor = Visitor::log_in(&gateway);
    let key = shown(&visitor.send("/admin/keys", "name=team"));
    let unused = row(&visitor.page("/admin/keys?state=unused"), "team");
    assert!(unused.contains("data-l=\"Requests in 30 days\">0<"), "{unused}");
    assert_eq!((status_with(&gateway, &key), status_with(&gateway, &key)), (200, 200));
    gateway.records_when(2);
    visitor.send("/admin/keys/level", "name=team&level=metadata");
    let told = row(&visitor.page("/admin/keys"), "team");
    for word in [
        "href=\"/admin/requests?q=key%3Ateam&#38;range=30d\">2</a>",
        "gpt-4o-mini, gpt-x",
        "data-l=\"Recording\">metadata<",
        "data-l=\"Made\"><time",
        "data-l=\"Last used\"><time",
    ] {
        assert!(told.contains(word), "{word}: {told}");
    }
    let levels = || gateway.database.sql("SELECT value FROM config_kvs WHERE key = 'record_keys'");
    assert_eq!(levels(), "team=metadata");
    visitor.send("/admin/keys/level", "name=team&level=");
    assert_eq!(levels(), "", "as in Settings again");
    assert_eq!(visitor.post("/admin/keys/level", "name=team&level=some").status, 400);

    let named = |target: &str| visitor.page(target).matches("data-l=\"Name\"").count();
    assert_eq!((named("/admin/keys"), named("/admin/keys?q=TEA"), named("/admin/keys?q=xyz")), (2, 1, 0));
    assert_eq!(named(&format!("/admin/keys?q={}", &key[key.len() - 4..])), 1, "by its last four");
    assert_eq!((named("/admin/keys?state=unused"), named("/admin/keys?state=on&q=team")), (1, 1));
    assert_eq!((visitor.get("/admin/keys?state=odd").status, visitor.get("/admin/keys?colour=red").status), (400, 400));

    visitor.send("/admin/keys/delete", "name=team");
    assert_eq!(status_with(&gateway, &key), 403);
    assert_eq!(gateway.database.sql("SELECT count(*) FROM client_keys"), "0");
    assert!(gateway.records().iter().any(|record| record.text("key_name") == "team"), "its records keep the name");
    assert!(visitor.page("/admin/usage?by=key").contains(">team</a>"), "so do the sums");
    assert!(visitor.page("/admin/requests?q=key%3Ateam").contains("team"));
}

fn a_key_may_be_limited_to_some_models(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    let visitor = Visitor::log_in(&gateway);
    let key = shown(&visitor.send("/admin/keys", "name=team"));
    let ask = |key: &str, call: Call| {
        gateway.send(call.without("Authorization").header("Authorization", &format!("Bearer {key}")))
    };
    let page = visitor.send("/admin/keys/models", "name=team&models=gpt-4o*%0D%0A+o3,+%2Fmodels");
    assert!(page.contains("gpt-4o*\no3\n/models</textarea>"), "{page}");
    assert!(row(&visitor.page("/admin/keys"), "team").contains("gpt-4o*, o3, /models"));
    assert_eq!(ask(&key, Call::chat(CHAT)).status, 200);
    assert_eq!(ask(&key, Call::get("/v1/models")).status, 200, "a path that is named");
    let other = CHAT.replace("gpt-4o-mini", "gpt-5");
    let refused = ask(&key, Call::chat(&other));
    assert_eq!((refused.status, refused.header("x-should-retry")), (403, Some("false")));
    let error = refused.json()["error"].clone();
    assert_eq!(
        (error["code"].as_str(), error["type"].as_str()),
        (Some("model_not_found"), Some("invalid_request_error"))
    );
    assert!(error["message"].as_str().unwrap().contains("`team` may not ask for `gpt-5`"), "{error}");
    assert_eq!(ask(&key, Call::get("/v1/files")).status, 403, "a path that is not");
    assert_eq!(gateway.send(Call::chat(&other)).status, 200, "other keys ask for what they like");
    assert_eq!(upstream.count(), 3);
    let records = gateway.records_when(5);
    assert_eq!(records.iter().filter(|record| record.end() == (403, "refused")).count(), 2);

    let check = |model: &str| visitor.page(&format!("/admin/models/route?model={model}&key=team"));
    assert!(check("gpt-5").contains("the client key may not ask for this model"));
    assert!(!check("o3").contains("may not ask"));
    visitor.send("/admin/keys/rename", "name=team&new_name=crew");
    assert_eq!(ask(&key, Call::chat(&other)).status, 403, "the limit follows the name");
    let new = shown(&visitor.send("/admin/keys/replace", "name=crew&grace=24"));
    for key in [&key, &new] {
        assert_eq!(ask(key, Call::chat(&other)).status, 403, "old and new");
    }
    assert!(visitor.page("/admin/settings?tab=audit").contains("gpt-4o*,o3,/models"));
    gateway.edit("UPDATE client_keys SET allow_models = '' WHERE name = 'crew'");
    assert_eq!(ask(&key, Call::chat(&other)).status, 200, "edits by hand are live");
}

fn an_upstream_is_for_keys_that_exist(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::on(kind).setting("authorization", "team=sk-team-00000001,sk-plain-0000002");
    let gateway = gateway.upstream(upstream.row("a").set("allow_keys", "gone")).start();
    let visitor = Visitor::log_in(&gateway);
    let body = |name: &str, keys: &str| {
        format!("{}&allow_keys={keys}", upstream_form(name, "http://x.example", "sk-x-123456789"))
    };
    let refused = visitor.post("/admin/upstreams", &body("b", "team%0Ateem%EF%BC%8Cnobody"));
    let page = refused.text();
    assert_eq!(refused.status, 422);
    assert!(page.contains("no client key has the name teem, nobody"), "{page}");
    visitor.send("/admin/upstreams", &body("b", "team%0Akey-2"));
    assert_eq!(gateway.upstream_column("b", "allow_keys"), "team,key-2");
    let at = format!("/admin/upstreams/{}", gateway.upstream_id("a"));
    let answer = gateway.admin("PUT", &at, r#"{"allow_keys": ["gone", "teem"]}"#);
    assert_eq!((answer.status, answer.text().contains("with the name teem")), (422, true), "{}", answer.text());
    assert_eq!(gateway.admin("PUT", &at, r#"{"allow_keys": "gone,team"}"#).status, 200, "what stood there may stay");
    let route = |key: &str| visitor.get(&format!("/admin/models/route?model=m&key={key}"));
    let told = route("teem").text();
    assert!(told.contains("No client key has this name") && told.contains("<option selected>teem<"), "{told}");
    assert!(!route("team").text().contains("is disabled"), "{}", route("team").text());
    visitor.send("/admin/keys/enabled", "name=team");
    assert!(route("team").text().contains("This client key is disabled"), "{}", route("team").text());
    let new = r#"{"sk": "sk-c-1", "endpoint": "http://c.example/v1", "allow_keys": "gone"}"#;
    assert_eq!(gateway.admin("POST", "/admin/upstreams", new).status, 422);
    assert_eq!(gateway.database.sql("SELECT count(*) FROM openai_upstreams"), "2");
}

on_both! {
    an_upstream_is_for_keys_that_exist,
    a_key_may_be_limited_to_some_models,
    a_replaced_key_goes_on_until_its_time_and_the_new_one_works_at_once,
    a_disabled_key_lets_nobody_in_until_it_is_put_back,
    the_list_tells_what_a_key_may_and_what_it_has_asked,
}
