//! Queries and parameters that are answered with 400: what is wrong, where, and what would be right.

use serde_json::{Value, json};

use crate::search::corpus::{Sent, send_all};
use crate::search::{ask, encoded, names, page};
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;

/// Query, where it is wrong in bytes, a word of the message, and the suggestion.
type Wrong = (&'static str, (usize, usize), &'static str, Option<&'static str>);

#[rustfmt::skip]
const WRONG: &[Wrong] = &[
    ("foo:1", (0, 4), "no field", Some("\"foo:1\"")),
    ("modle:gpt-4o", (0, 6), "`modle`", Some("model:gpt-4o")),
    ("a OR b", (2, 4), "write `-field:x` or `a,b`", None),
    ("model:a OR model:b", (8, 10), "not supported", Some("model:a,b")),
    ("a AND b", (2, 5), "not supported", Some("a b")),
    ("NOT b", (0, 3), "not supported", Some("-b")),
    ("!b", (0, 1), "not supported", Some("-b")),
    ("(a b)", (0, 1), "not supported", None),
    ("修复 status:>=abc", (14, 19), "`>=abc`", None),
    ("status:", (0, 7), "nothing behind", Some("\"status:\"")),
    ("total:>10", (6, 9), "unit", Some("total:>10s")),
    ("is:slow", (3, 7), "`slow`", None),
    ("ip:10.0.0.0/33", (3, 14), "10.0.0.0/33", None),
    ("\"never closed", (0, 1), "never closed", Some("\"never closed\"")),
    ("model:a,,b", (6, 10), "comma", Some("model:a,b")),
    ("status:500..400", (7, 15), "smaller one first", Some("status:400..500")),
    ("－－a", (0, 7), "one `-`", Some("\"－－a\"")),
];

fn a_query_that_cannot_be_understood_tells_where_and_what_would_be_right(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    let mut wrong = Vec::new();
    for (query, (start, end), word, suggestion) in WRONG {
        for target in ["/admin/requests", "/admin/conversations", "/admin/requests/stream", "/admin/requests/export"] {
            let answer = gateway.admin("GET", &format!("{target}?q={}", encoded(query)), "");
            assert_eq!(answer.status, 400, "{target} {query}: {}", answer.text());
            let error = &answer.json()["error"];
            let message = error["message"].as_str().expect("a message");
            let right = message.contains(word)
                && error["position"] == json!({"start": start, "end": end})
                && error["suggestion"] == json!(suggestion)
                && error["param"] == "q";
            if !right {
                wrong.push(format!("{target} {query}: {error}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn what_no_index_helps_with_needs_a_week_or_less(kind: Kind) {
    let Sent { gateway, .. } = &send_all(kind);
    for query in ["修", "model:gpt-4o 修", "-修", "assistant:修", "+"] {
        for more in ["", "&range=8d", "&from=2020-01-01T00:00:00Z"] {
            let answer = ask(gateway, query, more);
            assert_eq!(answer.status, 400, "{query} {more}");
            let error = &answer.json()["error"];
            assert!(error["message"].as_str().unwrap().contains("range"), "{error}");
            assert_eq!(error["position"]["end"], query.len());
        }
    }
    assert_eq!(names(&page(gateway, "修", "&range=7d")), ["fixed"]);
    assert_eq!(names(&page(gateway, "气", "&range=7d")), ["sorry"]);
    assert_eq!(names(&page(gateway, "assistant:修", "&range=1h")), ["fixed"]);
    assert_eq!(names(&page(gateway, "user:气,修", "&range=1h")), ["sorry", "fixed"]);
    assert_eq!(names(&page(gateway, "+", "&range=5m")), ["logs"]);
    assert_eq!(
        names(&page(gateway, "a model:claude*", "")),
        ["pirate"],
        "one letter of a spaced script is a word's start"
    );
}

fn parameters_that_are_unknown_or_wrong_are_refused_by_name(kind: Kind) {
    let gateway = Gateway::with(kind, []);
    for (more, field) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("offset=10", "offset"),
        ("before=x", "before"),
        ("before=1&after=2", "after"),
        ("range=7", "range"),
        ("range=soon", "range"),
        ("from=2026-13-01", "from"),
        ("tz=Mars/Olympus", "tz"),
        ("from=2026-01-01T00:00:00", "from"),
        ("to=yesterday", "to"),
        ("range=1h&from=2026-01-01T00:00:00Z", "range"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from"),
    ] {
        for target in ["/admin/requests", "/admin/conversations", "/admin/requests/stream", "/admin/requests/export"] {
            let answer = gateway.admin("GET", &format!("{target}?{more}"), "");
            assert_eq!(answer.status, 400, "{target}?{more}: {}", answer.text());
            assert!(answer.error().contains(field), "{}", answer.text());
            assert_eq!(answer.json()["error"]["param"], Value::from(field), "{target}?{more}");
        }
    }
    let unsortable = gateway.admin("GET", "/admin/requests?sort=total", "");
    assert!(unsortable.status == 400 && unsortable.error().contains("-total, -ttft, -tokens, -cost"));
    for fine in ["", "q=", "range=&before=&limit=", "from=2026-01-01T00:00:00%2B08:00&to=2026-01-02T00:00:00Z"] {
        assert_eq!(gateway.admin("GET", &format!("/admin/requests?{fine}"), "").status, 200, "{fine}");
    }
}

on_both! {
    a_query_that_cannot_be_understood_tells_where_and_what_would_be_right,
    what_no_index_helps_with_needs_a_week_or_less,
    parameters_that_are_unknown_or_wrong_are_refused_by_name,
}
