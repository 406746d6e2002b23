//! The one zone of all pages: times are shown in it, and its days are found by it.

use openai_api_route::db::records::{Ending, Facts, NewRecord};

use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::record::store;
use crate::support::visitor::{Visitor, encoded};

/// 2026-11-21T16:30:00Z, which is the 22nd in Shanghai.
const AT_US: i64 = 1_795_278_600_000_000;

fn a_request_is_found_on_the_day_of_the_zone_that_is_set(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let facts = Facts {
        started_us: AT_US,
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        model: Some("the-model".to_owned()),
        status: 200,
        attempts: "[]".to_owned(),
        ending: Ending::Complete,
        ..Facts::default()
    };
    store(&gateway, &[NewRecord { facts, ..NewRecord::default() }]);
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

on_both!(a_request_is_found_on_the_day_of_the_zone_that_is_set);
