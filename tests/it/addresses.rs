//! The addresses of all pages: what a page does not know is refused by name, what is empty leaves the address.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::samples::{CHAT, good};
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, between, browser, upstream_form};

/// The routes of the folder's pages that are looked at rather than sent to, as the sources have them.
fn routes(folder: &Path, out: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            routes(&path, out);
        } else if path.ends_with("mod.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let parts = text.split("resource(\"").skip(1).filter_map(|part| part.split_once('"'));
            out.extend(parts.filter(|(_, rest)| rest.contains("get()")).map(|(route, _)| route.replace(":\\\\d+", "")));
        }
    }
}

#[test]
fn every_page_refuses_what_it_does_not_know_and_loses_what_is_empty() {
    let upstream = FakeUpstream::always(good());
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
    let record = gateway.record();
    let visitor = Visitor::log_in(&gateway);
    let import = visitor.post("/admin/upstreams/import", &format!("{}&text=sk-1", upstream_form("x", "http://x", "")));
    let batch = import.header("location").unwrap().rsplit('/').next().unwrap().to_owned();
    let mut all = BTreeSet::new();
    routes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dashboard/pages"), &mut all);
    assert!(all.len() > 25 && all.contains("") && all.contains("/models/route"), "{all:?}");
    let mut parameters = 0;
    for route in all {
        let id = match route.split('/').nth(1) {
            Some("upstreams") => gateway.upstream_id("a").to_string(),
            Some("conversations") => record.number("conversation_id").to_string(),
            _ => record.number("id").to_string(),
        };
        let path = route.replace("{id}", &id).replace("{other}", &id).replace("{n}", "0").replace("{batch}", &batch);
        let path = format!("/admin{path}");
        // Who has logged in does not see the login.
        let ask = |target: &str| match path.as_str() {
            "/admin/login" => gateway.send(browser("GET", target)),
            _ => visitor.get(target),
        };
        let refused = ask(&format!("{path}?nonsense=1"));
        assert_eq!(refused.status, 400, "{path}");
        let page = refused.text();
        let told = between(&page, "no parameter nonsense here; there are ", "<").trim();
        assert!(!told.is_empty(), "{path}: {page}");
        let known: Vec<&str> = told.split(", ").collect();
        for name in &known {
            let tidied = ask(&format!("{path}?{name}="));
            assert_eq!((tidied.status, tidied.header("location")), (302, Some(path.as_str())), "{path}?{name}=");
            parameters += 1;
        }
        let last = known.last().unwrap();
        let tidied = ask(&format!("{path}?lang=&{last}=UTC&{}=+", known[0]));
        let expected = if known.len() > 1 { format!("{path}?{last}=UTC") } else { format!("{path}?tz=UTC") };
        assert_eq!((tidied.status, tidied.header("location")), (302, Some(expected.as_str())), "{path}");
        assert_eq!(ask(&format!("{path}?nonsense=1&{last}=")).status, 400, "{path}: what is unknown comes first");
        assert_eq!(ask(&format!("{path}?lang=fr")).status, 400, "{path}: a language that there is not");
        assert_eq!(ask(&format!("{path}?lang=en")).status, 303, "{path}: one that there is");
    }
    assert!(parameters > 60, "{parameters}");
}

#[test]
fn an_address_tells_nothing_to_who_has_not_logged_in() {
    let gateway = Gateway::with(Kind::Sqlite, []);
    for target in ["/admin/models?nonsense=1", "/admin/keys?q="] {
        let answer = gateway.send(browser("GET", target));
        let to = format!("/admin/login?next={}", target.replace('?', "%3F").replace('=', "%3D"));
        assert_eq!((answer.status, answer.header("location")), (303, Some(to.as_str())));
    }
}
