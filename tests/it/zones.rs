//! The one zone of all pages: times are shown in it, and its days are found by it; an address may name another for its page.

use openai_api_route::db::records::{Ending, Facts, NewRecord, Texts};

use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::record::store;
use crate::support::visitor::{Visitor, between, encoded};

/// 2026-11-21T16:30:00Z, which is the 22nd in Shanghai.
const AT_US: i64 = 1_795_278_600_000_000;

fn request(model: &str, started_us: i64) -> NewRecord {
    let facts = Facts {
        started_us,
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        model: Some(model.to_owned()),
        status: 200,
        attempts: "[]".to_owned(),
        ending: Ending::Complete,
        ..Facts::default()
    };
    let body = format!("{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}]}}");
    let texts = Texts { body: Some(body.into_bytes()), ..Texts::default() };
    NewRecord { facts, texts, ..NewRecord::default() }
}

fn a_request_is_found_on_the_day_of_the_zone_that_is_set(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    store(&gateway, &[request("the-model", AT_US)]);
    let visitor = Visitor::log_in(&gateway);
    for (zone, offset, shown, day, other) in [
        ("Asia/Shanghai", "+08:00", "11-22 00:30:00", "2026-11-22", "2026-11-21"),
        ("UTC", "Z", "11-21 16:30:00", "2026-11-21", "2026-11-22"),
        ("Asia/Shanghai", "+08:00", "11-22 00:30:00", "2026-11-22", "2026-11-21"),
    ] {
        let form = format!("time_zone={}&language=en&theme=system&shortcuts=1", encoded(zone));
        visitor.send("/admin/settings/general", &form);
        let of = |day: &str| {
            let at = |time: &str| encoded(&format!("{day}T{time}{offset}"));
            visitor.page(&format!("/admin/requests?from={}&to={}", at("00:00:00"), at("23:59:59")))
        };
        let page = of(day);
        assert!(page.contains(shown) && page.contains("the-model"), "{zone}: {page}");
        assert!(page.contains(&format!("Time ({zone})")), "the head names the zone: {page}");
        assert!(!of(other).contains("the-model"), "{zone}");
    }
}

fn days_are_asked_for_as_json_and_in_files_too(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    store(&gateway, &[request("the-model", AT_US)]);
    let of = |target: &str| gateway.admin("GET", target, "").text();
    let day = "from=2026-11-22&to=2026-11-22";
    for path in ["/admin/requests?", "/admin/conversations?", "/admin/requests/export?format=csv&"] {
        assert!(of(&format!("{path}tz=Asia/Shanghai&{day}")).contains("the-model"), "{path}");
        assert!(!of(&format!("{path}{day}")).contains("the-model"), "{path}: UTC is set");
    }
    gateway.set("time_zone", "Asia/Shanghai");
    for path in ["/admin/requests?", "/admin/conversations?", "/admin/requests/export?format=csv&"] {
        assert!(of(&format!("{path}{day}")).contains("the-model"), "{path}: Shanghai is set");
        assert!(!of(&format!("{path}tz=UTC&{day}")).contains("the-model"), "{path}");
    }
}

/// Links of a page's main part to pages that show times.
fn links(page: &str) -> Vec<String> {
    let main = between(page, "<main", "</main>");
    let links = main.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap().replace("&#38;", "&"));
    let timeless =
        ["/admin/static/", "/admin/saved", "/admin/settings", "/admin/requests/export", "/admin/models", "#"];
    let acts = ["/curl", "/replay", "/delete", "/diff/prev"];
    links
        .filter(|link| !timeless.iter().any(|begin| link.starts_with(begin)))
        .filter(|link| !acts.iter().any(|end| link.ends_with(end)) && !link.contains("/delete?"))
        .collect()
}

fn an_address_names_the_zone_of_its_page_and_every_link_keeps_it(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    store(&gateway, &[request("the-model", AT_US), request("the-model", AT_US + 60_000_000)]);
    let visitor = Visitor::log_in(&gateway);
    let talk = gateway.database.sql("SELECT min(conversation_id) FROM records");
    let day = "from=2026-11-22&to=2026-11-22";
    for (page, shown) in [
        (format!("/admin/requests?limit=1&{day}"), "11-22 00:31:00"),
        (format!("/admin/conversations?limit=1&{day}"), "11-22 00:31:00"),
        (format!("/admin?{day}"), "11-22 00:31:00"),
        (format!("/admin/usage?bucket=1d&{day}"), "2026-11-22"),
        ("/admin/requests/1".to_owned(), "11-22 00:30:00"),
        (format!("/admin/conversations/{talk}"), "11-22 00:30:00"),
    ] {
        let joint = if page.contains('?') { '&' } else { '?' };
        let there = visitor.page(&format!("{page}{joint}tz=Asia/Shanghai"));
        assert!(between(&there, "<main", "</main>").contains("the-model"), "{page}: {there}");
        assert!(there.contains(shown) && there.contains("Asia/Shanghai ×"), "{page}: {there}");
        let links = links(&there);
        assert!(links.len() > 3, "{page}: {links:?}");
        for link in links {
            assert!(link.contains("tz=Asia/Shanghai"), "{page} leads to {link}");
        }
        let carried = there.contains("<form class=\"ask\"");
        assert_eq!(carried, there.contains("<input type=\"hidden\" name=\"tz\" value=\"Asia/Shanghai\">"), "{page}");
        let set = visitor.page(&page);
        assert!(!set.contains("tz=") && set.contains(">UTC</a>"), "{page}: {set}");
        // The overview's last requests are of any time.
        let of_range = between(&set, "<main", "</main>").split("Latest requests").next().unwrap();
        assert_eq!(of_range.contains("the-model"), !page.contains("from="), "in UTC it is another day: {set}");
    }
    let older = visitor.page(&format!("/admin/requests?limit=1&{day}&tz=Asia/Shanghai"));
    let older = between(&older, "rel=\"next\" href=\"", "\"").replace("&#38;", "&");
    assert!(older.contains("from=2026-11-22T00:00:00%2B08:00&to=2026-11-23T00:00:00%2B08:00&tz="), "{older}");
    assert!(visitor.page(&format!("/admin/requests{older}")).contains("11-22 00:30:00"));
    let csv = visitor.get(&format!("/admin/usage/csv?bucket=1d&{day}&tz=Asia/Shanghai")).text();
    assert!(csv.contains("2026-11-22T00:00:00+08:00,the-model,2,"), "{csv}");
    let general = visitor.page("/admin/settings?tz=Asia/Shanghai");
    assert!(general.contains("name=\"time_zone\" value=\"UTC\""), "the setting is another thing: {general}");
    for page in ["", "/requests", "/requests/1", "/conversations", "/usage", "/upstreams", "/keys", "/settings"] {
        let refused = visitor.get(&format!("/admin{page}?tz=Mars/Olympus"));
        let told = "tz: there is no time zone Mars/Olympus; write its name like Asia/Shanghai";
        assert!(refused.status == 400 && refused.text().contains(told), "{page}: {}", refused.text());
    }
}

on_both!(a_request_is_found_on_the_day_of_the_zone_that_is_set);
on_both!(days_are_asked_for_as_json_and_in_files_too);
on_both!(an_address_names_the_zone_of_its_page_and_every_link_keeps_it);
