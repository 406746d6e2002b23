//! What [`crate::openai::error`] promises. **Invariant:** every expectation is literal. **May import:** the room.

use crate::openai::chance::Chance;
use crate::openai::error::{ErrorFacts, error_body, error_facts, is_quota};

fn facts(body: &str) -> Option<(Option<String>, Option<String>, Option<String>)> {
    error_facts(body.as_bytes()).map(|facts| (facts.message, facts.kind, facts.code))
}

fn said(message: &str, kind: &str, code: &str) -> Option<(Option<String>, Option<String>, Option<String>)> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Some((some(message), some(kind), some(code)))
}

#[test]
fn an_error_body_has_openais_four_members_with_nulls() {
    assert_eq!(
        error_body("wrong \"x\"\n你", "invalid_request_error", None, Some("c")),
        r#"{"error":{"message":"wrong \"x\"\n你","type":"invalid_request_error","param":null,"code":"c"}}"#
    );
    assert_eq!(
        error_body("m", "t", Some("model"), None),
        r#"{"error":{"message":"m","type":"t","param":"model","code":null}}"#
    );
}

#[test]
fn what_we_write_we_read() {
    assert_eq!(facts(&error_body("m", "t", None, Some("c"))), said("m", "t", "c"));
}

#[test]
fn the_error_bodies_of_other_services_are_understood() {
    for (body, expected) in [
        (r#"{"error":{"message":"m","type":"t","param":null,"code":null}}"#, said("m", "t", "")),
        (r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}"#, said("m", "", "429")),
        (r#" [{"error":{"code":400,"message":"m"}}]"#, said("m", "", "400")),
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            said("Overloaded", "overloaded_error", ""),
        ),
        (r#"{"type":"error","code":"ERR","message":"m","param":null}"#, said("m", "", "ERR")),
        (r#"{"error":"no such model"}"#, said("no such model", "", "")),
        (r#"{"error":{"reason":"x"}}"#, said(r#"{"reason":"x"}"#, "", "")),
        (r#"{"detail":"Not Found"}"#, said("Not Found", "", "")),
        (
            r#"{"detail":[{"loc":["body"],"msg":"field required"}]}"#,
            said(r#"[{"loc":["body"],"msg":"field required"}]"#, "", ""),
        ),
        (
            r#"{"object":"error","message":"m","type":"BadRequestError","code":400}"#,
            said("m", "BadRequestError", "400"),
        ),
        (r#"{"success":false,"msg":"m"}"#, said("m", "", "")),
    ] {
        assert_eq!(facts(body), expected, "{body}");
    }
}

#[test]
fn what_is_no_error_body_gives_nothing() {
    for body in ["", "<html>", "[]", "{}", r#"{"error":null}"#, r#"{"id":"x"}"#, r#""text""#] {
        assert_eq!(facts(body), None, "{body}");
    }
}

#[test]
fn an_account_that_cannot_pay_is_told_by_its_code() {
    for body in [
        r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#,
        r#"{"error":{"message":"m","type":"t","code":"billing_hard_limit_reached"}}"#,
        r#"{"error":{"message":"m","type":"invalid_request_error","code":"account_deactivated"}}"#,
        r#"{"error":{"message":"Insufficient Balance","type":"unknown_error","code":"invalid_request_error"}}"#,
    ] {
        assert!(is_quota(&error_facts(body.as_bytes()).unwrap()), "{body}");
    }
    for body in [
        r#"{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}"#,
        r#"{"error":{"message":"I have a balance and a credit card, Insufficient Balance","code":null}}"#,
    ] {
        assert!(!is_quota(&error_facts(body.as_bytes()).unwrap()), "{body}");
    }
    assert!(!is_quota(&ErrorFacts::default()));
}

#[test]
fn no_bytes_make_it_panic() {
    let mut chance = Chance::new(3);
    for _ in 0..5_000 {
        let body = chance.bytes(br#"{"error":"message"[]},\u00"#, 60);
        error_facts(&body);
    }
}
