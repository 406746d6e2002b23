//! Keys, models, the routing check and settings by links and forms.

use openai_api_route::db::records::{Facts, NewRecord, Texts};

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::record::store;
use crate::support::reply::Reply;
use crate::support::samples::{CHAT, SERVER_ERROR, good};
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between, browser, cookie_of, encoded, form};
use crate::support::{KEY, PASSWORD, noise, on_both, until};

fn status_with(gateway: &Gateway, key: &str) -> u16 {
    let call = Call::chat(CHAT).without("Authorization").header("Authorization", &format!("Bearer {key}"));
    gateway.send(call).status
}

fn a_key_is_shown_once_and_works_until_it_is_removed(kind: Kind) {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(kind, [upstream.row("a").set("allow_keys", "team,other")]);
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.send("/admin/keys", "name=team");
    let key = between(&page, "id=\"new-key\">", "<").to_owned();
    assert!(key.starts_with("sk-oar-") && key.len() > 30, "{page}");
    assert_eq!(status_with(&gateway, &key), 200);
    for target in ["/admin/keys/one?name=team", "/admin/keys", "/admin/settings?tab=routing"] {
        assert!(!visitor.page(target).contains(&key), "{target} shows the key again");
    }
    assert!(visitor.page("/admin/keys").contains(&format!("…{}", &key[key.len() - 4..])));
    assert!(visitor.page("/admin/keys").contains("no upstream serves it"), "the old key is for no upstream");

    visitor.send("/admin/settings/recording", "record_keys=team%3Dmetadata%2Ckey-1%3Doff");
    visitor.send("/admin/keys/rename", "name=team&new_name=crew");
    let levels = || gateway.database.sql("SELECT value FROM config_kvs WHERE key = 'record_keys'");
    assert_eq!(levels(), "crew=metadata,key-1=off", "what is recorded of a key follows its name");
    let wrong = visitor.post("/admin/settings/recording", "record_keys=team%3Doff");
    assert_eq!(wrong.status, 422, "there is no such key any more");
    assert_eq!(gateway.upstream_column("a", "allow_keys"), "crew,other", "upstreams follow the name");
    assert_eq!(status_with(&gateway, &key), 200);
    assert_eq!(visitor.post("/admin/keys", "name=crew").status, 422, "names are given once");
    assert_eq!(visitor.post("/admin/keys", "name=a%2Cb").status, 422);
    assert_eq!(visitor.post("/admin/keys", "name=own&key=short").status, 422);
    let page = visitor.send("/admin/keys", "name=own&key=own-key-0123456789");
    assert!(!page.contains("own-key-0123456789"), "what was typed is not shown: {page}");
    assert!(visitor.page("/admin/keys/delete?name=crew").contains("Delete key"));
    visitor.send("/admin/keys/delete", "name=crew");
    assert_eq!(levels(), "key-1=off");
    assert_eq!((status_with(&gateway, &key), status_with(&gateway, "own-key-0123456789")), (403, 404));
    assert_eq!(visitor.get("/admin/keys/one?name=crew").status, 404);
    let entries = gateway.database.sql("SELECT value FROM config_kvs WHERE key = 'authorization'");
    assert_eq!(entries, format!("key-1={KEY},own=own-key-0123456789"), "the old key keeps its name");
}

fn settings_are_judged_by_the_same_parser_and_live_at_once(kind: Kind) {
    let upstreams: Vec<_> = ["a", "b"].iter().map(|_| FakeUpstream::always(good())).collect();
    let gateway = Gateway::with(kind, [upstreams[0].row("a"), upstreams[1].row("b")]);
    let visitor = Visitor::log_in(&gateway);
    let bad = visitor.post("/admin/settings/routing", "policy=round_robin&idle_timeout=0&trusted_proxies=nowhere");
    assert_eq!(bad.status, 422);
    let page = bad.text();
    assert!(page.contains("href=\"#idle_timeout\"") && page.contains("href=\"#trusted_proxies\""), "{page}");
    assert!(
        page.contains("nowhere</textarea>") && page.contains("<option value=\"round_robin\" selected>round_robin"),
        "{page}"
    );
    assert_eq!(gateway.database.sql("SELECT value FROM config_kvs WHERE key = 'policy'"), "order", "nothing is saved");
    visitor.send("/admin/settings/routing", "policy=round_robin&idle_timeout=5.25");
    for wrong in ["soon", "-1", "1e20", "5000000000"] {
        let body = format!("policy=round_robin&idle_timeout={wrong}");
        assert_eq!(visitor.post("/admin/settings/routing", &body).status, 422, "{wrong}");
    }
    let idle = "SELECT value FROM config_kvs WHERE key = 'idle_timeout_ms'";
    assert_eq!(gateway.database.sql(idle), "5250", "stored as ever");
    let page = visitor.page("/admin/settings?tab=routing");
    assert!(
        page.contains("name=\"idle_timeout\" type=\"text\" inputmode=\"decimal\" spellcheck=\"false\" value=\"5.25\""),
        "{page}"
    );
    gateway.edit("UPDATE config_kvs SET value = '05000' WHERE key = 'idle_timeout_ms'");
    visitor.send("/admin/settings/routing", "policy=round_robin&idle_timeout=5");
    assert_eq!(gateway.database.sql(idle), "05000", "what is left as it was shown is left as it is stored");
    let proxies = "SELECT value FROM config_kvs WHERE key = 'trusted_proxies'";
    visitor.send("/admin/settings/routing", "policy=round_robin&trusted_proxies=127.0.0.1%0D%0A10.0.0.0%2F8%0D%0A");
    assert_eq!(gateway.database.sql(proxies), "127.0.0.1,10.0.0.0/8", "typed by lines, stored as ever");
    gateway.edit("UPDATE config_kvs SET value = '127.0.0.1, 10.0.0.0/8' WHERE key = 'trusted_proxies'");
    assert!(visitor.page("/admin/settings?tab=routing").contains("127.0.0.1\n10.0.0.0/8</textarea>"));
    visitor.send("/admin/settings/routing", "policy=round_robin&trusted_proxies=127.0.0.1%0D%0A10.0.0.0%2F8");
    assert_eq!(gateway.database.sql(proxies), "127.0.0.1, 10.0.0.0/8", "left as it was shown");
    for _ in 0..4 {
        assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    }
    assert_eq!((upstreams[0].count(), upstreams[1].count()), (2, 2), "the new policy is in force");
    assert_eq!(visitor.post("/admin/settings/nonsense", "").status, 404);
    assert_eq!(visitor.get("/admin/settings?tab=nonsense").status, 400);
}

fn settings_that_contradict_each_other_are_told_at_their_fields(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let visitor = Visitor::log_in(&gateway);
    for (tab, body, field, told) in [
        ("routing", "breaker_ratio_percent=101", "breaker_ratio_percent", "must be at most 100"),
        ("routing", "breaker_ratio_percent=0", "breaker_ratio_percent", "must be a whole number from 1 on"),
        ("routing", "breaker_open=301", "breaker_open", "must not be longer than the longest pause (300 s)"),
        ("routing", "breaker_open=9&breaker_open_max=8", "breaker_open", "the longest pause (8 s)"),
        ("recording", "retain_bodies_days=9&retain_records_days=8", "retain_bodies_days", "(8 days)"),
    ] {
        let answer = visitor.post(&format!("/admin/settings/{tab}"), body);
        let page = answer.text();
        assert_eq!(answer.status, 422, "{body}: {page}");
        assert!(between(&page, &format!("id=\"{field}-wrong\">"), "<").contains(told), "{body}: {page}");
    }
    visitor.send("/admin/settings/recording", "retain_bodies_days=9&retain_records_days=0");
    // By hand anything can be stored, and the program goes on.
    for (key, value) in [("breaker_ratio_percent", "900"), ("breaker_open_ms", "900000")] {
        gateway.set(key, value);
    }
    assert_eq!(status_with(&gateway, KEY), 503, "it only misses an upstream");
    assert!(gateway.log().contains("setting breaker_ratio_percent: must be at most 100"), "{}", gateway.log());
}

#[test]
fn each_policy_says_what_it_does_and_twins_are_offered_only_where_they_are_set() {
    let gateway = Gateway::on(Kind::Sqlite).setting("policy", "random_available").start();
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.page("/admin/settings?tab=routing");
    let select = between(&page, "<select id=\"policy\"", "</select>");
    assert!(select.contains("least_busy – fewest requests under way first</option>"), "{select}");
    assert!(
        select.contains("<option value=\"random_available\" selected>") && !select.contains("round_robin_a"),
        "{select}"
    );
}

on_both!(
    settings_that_contradict_each_other_are_told_at_their_fields,
    a_key_is_shown_once_and_works_until_it_is_removed,
    settings_are_judged_by_the_same_parser_and_live_at_once,
    what_has_had_its_time_can_be_deleted_at_once,
    the_oldest_go_until_the_database_is_small_enough_and_no_more,
);

#[test]
fn the_zone_of_the_pages_is_a_setting() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    gateway.database.sql("INSERT INTO records (started_us, status, model) VALUES (1795278600000000, 200, 'm')");
    let visitor = Visitor::log_in(&gateway);
    assert!(visitor.page("/admin").contains("datetime=\"2026-11-21T16:30:00+00:00\""));
    assert_eq!(visitor.post("/admin/settings/general", "time_zone=Mars/Base").status, 422);
    visitor.send("/admin/settings/general", "time_zone=Asia%2FShanghai&language=en&theme=system&shortcuts=1");
    let page = visitor.page("/admin");
    assert!(page.contains("datetime=\"2026-11-22T00:30:00+08:00\"") && page.contains("Time (Asia/Shanghai)"), "{page}");
}

#[test]
fn notices_are_tested_and_their_secrets_stay_here() {
    let channel = FakeUpstream::always(Reply::json(200, r#"{"code":0}"#));
    let gateway = Gateway::on(Kind::Sqlite).secret("hook-secret-0123456789").start();
    let visitor = Visitor::log_in(&gateway);
    assert!(visitor.send("/admin/settings/notices/test", "").contains("No channel is set"));
    let hook = channel.url("/hook-secret-0123456789");
    visitor.send("/admin/settings/notices", &format!("feishu_webhook={}", encoded(&hook)));
    let page = visitor.send("/admin/settings/notices/test", "");
    assert!(page.contains("Feishu: sent.") && !page.contains("hook-secret"), "{page}");
    assert!(channel.only().text().contains("This is a test notice."), "{}", channel.only().text());
    visitor.send("/admin/settings/notices", "feishu_webhook=&notice_summary=1");
    assert_eq!(
        gateway.database.sql("SELECT value FROM config_kvs WHERE key = 'feishu_webhook'"),
        hook,
        "blank keeps it"
    );
    channel.now_answers(Reply::json(200, r#"{"code":19001}"#));
    assert!(visitor.send("/admin/settings/notices/test", "").contains("Feishu: not taken (code 19001)."));
    visitor.send("/admin/settings/notices", "clear=feishu_webhook&feishu_webhook=");
    assert_eq!(gateway.database.sql("SELECT value FROM config_kvs WHERE key = 'feishu_webhook'"), "");
}

#[test]
fn a_webhook_is_tested_and_only_its_host_is_shown() {
    let hook = FakeUpstream::always(good());
    let gateway = Gateway::on(Kind::Sqlite).secret("path-secret-0123456789").start();
    let visitor = Visitor::log_in(&gateway);
    let refused = visitor.post("/admin/settings/notices", "webhook_url=nonsense");
    assert_eq!(refused.status, 422);
    let url = hook.url("/in/path-secret-0123456789");
    let page = visitor.send("/admin/settings/notices", &format!("webhook_url={}", encoded(&url)));
    let host = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    assert!(page.contains(&format!("{host}…")) && !page.contains("path-secret"), "{page}");
    assert!(visitor.send("/admin/settings/notices/test", "").contains("Webhook: sent."));
    let told: serde_json::Value = serde_json::from_slice(&hook.only().body).unwrap();
    assert_eq!((told["event"].as_str(), told["upstream"].is_null()), (Some("test"), true));
    assert_eq!(hook.only().head.get("x-signature-256"), None, "nothing to sign with");
    hook.now_answers(Reply::json(410, "{}"));
    assert!(visitor.send("/admin/settings/notices/test", "").contains("Webhook: not taken (status 410)."));
    let audit = visitor.page("/admin/settings?tab=audit");
    assert!(audit.contains(&format!("webhook_url: {host}…")) && !audit.contains("path-secret"), "{audit}");
    visitor.send("/admin/settings/notices", "clear=webhook_url&webhook_url=");
    assert!(visitor.send("/admin/settings/notices/test", "").contains("No channel is set"));
}

#[test]
fn what_the_environment_sets_is_told_as_such_and_never_shown() {
    let plan = Gateway::on(Kind::Sqlite).env("FEISHU_WEBHOOK", "http://127.0.0.1:9/env-secret-0123456789");
    let gateway = plan.secret("env-secret-0123456789").start();
    let page = Visitor::log_in(&gateway).page("/admin/settings?tab=notices");
    assert_eq!(page.matches("Set by FEISHU_WEBHOOK (…6789)").count(), 1, "{page}");
    assert!(!page.contains("env-secret"), "{page}");
    let page = Visitor::log_in(&gateway).page("/admin/settings?tab=about");
    let row = |flag: &str| {
        let found = page.split("<tr>").find(|row| row.contains(&format!("<code>{flag}</code>")));
        found.unwrap_or_default().to_owned()
    };
    assert!(row("-addr").contains("127.0.0.1:0") && row("-addr").contains("the flag"), "{page}");
    assert!(row("-body-limit").contains("1073741824") && row("-body-limit").contains("default"), "{page}");
    let hook = row("-feishu-webhook");
    assert!(hook.contains("set, not shown") && hook.contains("the environment, FEISHU_WEBHOOK"), "{page}");
    assert!(!page.contains("env-secret") && page.contains("/metrics</a>"), "{page}");
}

#[test]
fn a_form_that_is_wrong_in_one_field_is_shown_again_as_a_whole() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    let answer = visitor.post("/admin/settings/general", "time_zone=Mars/Base&language=zh-CN&theme=dark");
    let page = answer.text();
    assert_eq!(answer.status, 422);
    assert!(page.contains("value=\"Mars/Base\"") && page.contains("href=\"#time_zone\""), "{page}");
    assert!(page.contains("value=\"dark\" selected") && page.contains("lang=\"zh-CN\" selected"), "{page}");
    assert!(!page.contains("name=\"shortcuts\" value=\"1\" checked"), "{page}");
}

#[test]
fn what_is_recorded_is_told_to_everybody_as_the_settings_say() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let visitor = Visitor::log_in(&gateway);
    let told = || gateway.send(browser("GET", "/admin/statement")).text();
    assert!(told().contains("all that was said in both directions") && told().contains("without a limit of time"));
    assert!(visitor.page("/admin/settings?tab=recording").contains("href=\"/admin/statement\""));
    visitor.send("/admin/settings/recording", "recording=metadata&retain_records_days=7&retain_bytes=1073741824");
    let page = told();
    for line in
        ["but nothing that was said", "Records are deleted after 7 days", "larger than 1.0 GB", "each reading is noted"]
    {
        assert!(page.contains(line), "{line}: {page}");
    }
    assert!(!page.contains("name=\"csrf\"") && !page.contains("/admin/keys"), "nothing else is told: {page}");
    let chinese = gateway.send(browser("GET", "/admin/statement").header("Accept-Language", "zh-CN")).text();
    assert!(chinese.contains("lang=\"zh-CN\""), "{chinese}");
}

fn what_has_had_its_time_can_be_deleted_at_once(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    gateway.database.sql("INSERT INTO records (started_us, status, model) VALUES (1795278600000000, 200, 'old')");
    let visitor = Visitor::log_in(&gateway);
    let count = || gateway.database.sql("SELECT count(*) FROM records");
    assert!(visitor.page("/admin/settings?tab=recording").contains("Nothing is deleted by itself"));
    // Before 1970 everything is old enough.
    gateway.database.sql("UPDATE records SET started_us = 1000000");
    let page = visitor.send("/admin/settings/recording", "retain_records_days=1");
    assert!(page.contains("Delete now"), "{page}");
    assert!(page.contains("href=\"/admin/settings/recording/expire\""), "it asks on a page of its own: {page}");
    let ask = visitor.page("/admin/settings/recording/expire");
    assert!(ask.contains("conversations whose newest request is older than 1 days, whole"), "{ask}");
    assert!(!ask.contains("until the database is no larger"), "nothing is said of its size: {ask}");
    assert_eq!(count(), "1", "asking deletes nothing");
    visitor.send("/admin/settings/recording/expire", "");
    crate::support::until("it is gone", || (count() == "0").then_some(()));
    assert!(visitor.page("/admin/settings?tab=audit").contains("<div>deleted request"), "and it is noted");
}

fn the_oldest_go_until_the_database_is_small_enough_and_no_more(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let records: Vec<NewRecord> = (0..200u64)
        .map(|n| {
            let words: Vec<String> = noise(3_000 + n as usize).chunks(8).map(|some| format!("{some:02x?}")).collect();
            let body = serde_json::json!({"model": "m", "messages": [{"role": "user", "content": words.join(" ")}]});
            let facts = Facts {
                started_us: 1_795_278_600_000_000 + n as i64,
                path: "/v1/chat/completions".to_owned(),
                status: 200,
                ..Facts::default()
            };
            let texts = Texts { body: Some(body.to_string().into_bytes()), ..Texts::default() };
            NewRecord { facts, texts, ..NewRecord::default() }
        })
        .collect();
    let ids = store(&gateway, &records);
    let held = || {
        let mut connection =
            openai_api_route::db::Database::open(&gateway.database.location).unwrap().database.connect();
        openai_api_route::db::removal::size(connection.as_mut().unwrap()).unwrap()
    };
    let limit = held() * 2 / 3;
    gateway.set("retain_bytes", &limit.to_string());
    Visitor::log_in(&gateway).send("/admin/settings/recording/expire", "");
    let count = || gateway.database.sql("SELECT count(*) FROM records").parse::<usize>().unwrap();
    crate::support::within(std::time::Duration::from_secs(60), "the round has ended", || {
        gateway.log().contains("have had their time").then_some(())
    });
    let left = count();
    assert!(held() <= limit);
    assert!((60..195).contains(&left), "{left} of {} are left", ids.len());
    assert_eq!(gateway.database.sql("SELECT max(id) FROM records"), ids.last().unwrap().to_string(), "the oldest went");
}

#[test]
fn a_new_password_ends_every_other_session() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    let (visitor, other, third) = (Visitor::log_in(&gateway), Visitor::log_in(&gateway), Visitor::log_in(&gateway));
    let page = visitor.page("/admin/settings?tab=sessions");
    assert_eq!(page.matches("name=\"session\"").count(), 2, "one's own has no button: {page}");
    let hash = between(&page, "name=\"session\" value=\"", "\"").to_owned();
    visitor.send("/admin/settings/sessions", &format!("session={hash}"));
    let live = |visitor: &Visitor| visitor.get("/admin").status == 200;
    assert_eq!([live(&other), live(&third)].iter().filter(|live| **live).count(), 1, "one session was ended");
    let new = "a-new-password-0002";
    let change = |old: &str, new: &str, again: &str| {
        visitor.post("/admin/settings/password", &format!("old={old}&new={new}&again={again}")).status
    };
    assert_eq!(
        (change("wrong", new, new), change(PASSWORD, "short", "short"), change(PASSWORD, new, "x")),
        (422, 422, 422)
    );
    assert_eq!(change(PASSWORD, new, new), 303);
    assert_eq!((live(&visitor), live(&other), live(&third)), (true, false, false));
    assert_eq!(gateway.send(form("/admin/login", &format!("password={PASSWORD}"))).status, 401);
    let answer = gateway.send(form("/admin/login", &format!("password={new}")));
    assert!(answer.status == 303 && cookie_of(&answer).len() > 20);
}

#[test]
fn the_routing_check_says_who_would_serve_and_why_not_the_others_and_calls_nobody() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(
        Kind::Sqlite,
        [
            upstream.row("second").set("priority", 1),
            upstream.row("first").set("allow_models", "gpt-x,gpt-y").set("sk", "sk-first-123456789"),
            upstream.row("denies").set("deny_models", "gpt-*").set("sk", "sk-denies-123456789"),
            upstream.row("off").set("enabled", "false").set("sk", "sk-off-123456789"),
            upstream.row("private").set("allow_keys", "vip").set("sk", "sk-private-123456789"),
        ],
    );
    let visitor = Visitor::log_in(&gateway);
    let page = visitor.page("/admin/models/route?model=gpt-x&key=key-1");
    let clocks = "connecting 10.0 s · first byte 10 m 00 s · silence 5 m 00 s";
    assert!(page.contains(clocks), "{page}");
    let streamed = visitor.page("/admin/models/route?model=gpt-x&key=key-1&stream=1");
    assert!(streamed.contains("first byte 10 m 00 s · first content 10 m 00 s · silence"), "{streamed}");
    let wrong = visitor.get("/admin/models/route?model=gpt-x&stream=maybe");
    assert!(wrong.status == 400 && wrong.text().contains("stream is 1 or 0"), "{}", wrong.text());
    let (tried, out) = page.split_once("Not asked").expect("both tables");
    let place = |text: &str, name: &str| text.find(&format!(">{name}</a>"));
    assert!(place(tried, "first") < place(tried, "second") && place(tried, "first").is_some(), "{page}");
    for (name, why) in
        [("denies", "the model is on its deny list"), ("off", "not in use"), ("private", "it is for other client keys")]
    {
        let row = out.split("<tr>").find(|row| place(row, name).is_some()).unwrap_or_default();
        assert!(row.contains(why), "{name}: {row}");
    }
    assert!(
        visitor
            .page("/admin/models/route?model=gpt-x&key=vip")
            .split("Not asked")
            .next()
            .unwrap()
            .contains(">private<")
    );
    assert!(visitor.page("/admin/models").contains("model=gpt-y"));
    assert_eq!(upstream.count(), 0, "nobody is called");
}

#[test]
fn nobody_is_called_ready_before_it_has_answered_again() {
    let broken = FakeUpstream::always(Reply::json(500, SERVER_ERROR));
    let plan = Gateway::on(Kind::Sqlite).setting("breaker_failures", "1").setting("breaker_open_ms", "50");
    let gateway = plan.upstream(broken.row("broken").set("allow_models", "gpt-4o-mini")).start();
    let visitor = Visitor::log_in(&gateway);
    assert!(visitor.page("/admin/models").contains("1 ready"));
    gateway.send(Call::chat(CHAT));
    until("its rest is over", || {
        let page = visitor.page("/admin/models/route?model=gpt-4o-mini");
        assert!(!page.contains("● ready"), "{page}");
        page.contains("the next request tries it").then_some(())
    });
    let page = visitor.page("/admin/models");
    assert!(page.contains("none ready") && !page.contains("1 ready"), "{page}");
    broken.now_answers(good());
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    assert!(visitor.page("/admin/models").contains("1 ready"));
}
