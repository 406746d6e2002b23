//! What [`crate::openai::scan`] promises. **Invariant:** every expectation is literal. **May import:** the room.

use std::borrow::Cow;

use crate::openai::chance::Chance;
use crate::openai::scan::{elements, is_blank, member, members, string_value};

fn listed(body: &[u8]) -> Vec<(String, String)> {
    members(body)
        .map(|(key, range)| {
            (String::from_utf8_lossy(key).into_owned(), String::from_utf8_lossy(&body[range]).into_owned())
        })
        .collect()
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[test]
fn members_come_out_in_order_as_raw_slices() {
    let body = br#" {"a" : "x\"}{" , "b":[1,{"c":"]"}],"d":-1.5e+3 ,"e":{},"f":null,"":true}"#;
    assert_eq!(
        listed(body),
        [
            pair("a", r#""x\"}{""#),
            pair("b", r#"[1,{"c":"]"}]"#),
            pair("d", "-1.5e+3"),
            pair("e", "{}"),
            pair("f", "null"),
            pair("", "true"),
        ]
    );
}

#[test]
fn what_is_no_object_has_no_members() {
    for body in [&b""[..], b"[]", b"12", b"{", b"{}", b"{1:2}", b"{\"a\"}", b"{\"a\":}", b"\"{\""] {
        assert_eq!(listed(body), [], "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn the_walk_ends_at_the_first_thing_that_is_no_json() {
    assert_eq!(listed(br#"{"a":1 "b":2}"#), [pair("a", "1")]);
    assert_eq!(listed(br#"{"a":1,"b":oops,"c":3}"#), [pair("a", "1")]);
    assert_eq!(listed(br#"{"a":1,}"#), [pair("a", "1")]);
}

#[test]
fn a_value_cut_off_is_told_apart_from_a_whole_one() {
    let body = br#"{"type":"x","response":{"id":"resp_1","ou"#;
    let mut walk = members(body);
    assert_eq!(walk.by_ref().count(), 1);
    let (key, start) = walk.cut().unwrap();
    assert_eq!(key, b"response");
    assert_eq!(member(&body[start..], b"id"), Some(&br#""resp_1""#[..]));
    assert_eq!(members(br#"{"a":1}"#).cut(), None);
    assert_eq!(listed(br#"{"a":1,"n":12"#), [pair("a", "1")]);
}

#[test]
fn elements_are_ranges_of_the_whole_body() {
    let body = br#"{"messages":[ {"a":[1]} , "x,]" ,3]}"#;
    let (_, range) = members(body).next().unwrap();
    let found: Vec<&[u8]> = elements(body, range).map(|range| &body[range]).collect();
    assert_eq!(found, [&br#"{"a":[1]}"#[..], br#""x,]""#, b"3"]);
    assert_eq!(elements(b"{}", 0..2).count(), 0);
    assert_eq!(elements(b"[]", 0..2).count(), 0);
    assert_eq!(elements(b"[1,2]", 0..400).count(), 2);
    assert_eq!(elements(b"[1,2]", 300..400).count(), 0);
}

#[test]
fn a_string_literal_is_decoded() {
    assert!(matches!(string_value("\"你好\"".as_bytes()), Some(Cow::Borrowed("你好"))));
    assert_eq!(string_value(br#""a\n\t\"\\\/\u4f60\ud83d\ude00""#).unwrap(), "a\n\t\"\\/你😀");
    assert_eq!(string_value(br#""\ud83d!\udc00\uzz""#).unwrap(), "\u{fffd}!\u{fffd}\u{fffd}zz");
    assert_eq!(string_value(b"\"\xff\"").unwrap(), "\u{fffd}");
    for literal in [&b""[..], b"\"", b"x", b"\"a\\\"", b"null", b"\"a\"b\""] {
        assert_eq!(string_value(literal), None, "{}", String::from_utf8_lossy(literal));
    }
}

#[test]
fn blank_values_are_known() {
    for value in [&b"null"[..], b"\"\"", b"[]", b"{ }", b""] {
        assert!(is_blank(value));
    }
    for value in [&b"0"[..], b"\"x\"", b"[0]", b"{\"a\":1}", b"false"] {
        assert!(!is_blank(value));
    }
}

#[test]
fn long_runs_of_numbers_are_skipped_to_the_right_place() {
    for count in 0..200 {
        let numbers = vec!["0.25"; count].join(",");
        let body = format!(r#"{{"data":[{numbers}],"usage":{{"n":{count}}}}}"#);
        assert_eq!(member(body.as_bytes(), b"usage"), Some(format!(r#"{{"n":{count}}}"#).as_bytes()));
    }
}

#[test]
fn deep_nesting_needs_no_stack() {
    let body = format!(r#"{{"a":{}{},"b":1}}"#, "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(member(body.as_bytes(), b"b"), Some(&b"1"[..]));
}

#[test]
fn no_bytes_make_it_panic_and_every_range_lies_inside() {
    let mut chance = Chance::new(1);
    for _ in 0..20_000 {
        let body = chance.bytes(br#"{}[]":,\u0019tfn- a"#, 60);
        for (_, range) in members(&body) {
            assert!(range.start < range.end && range.end <= body.len());
            elements(&body, range.clone()).for_each(drop);
            string_value(&body[range]);
        }
    }
}
