//! Tests of the slices: literal cuts, growth, and any bytes at all.

use crate::openai::chance::Chance;
use crate::openai::slices::{LARGE_BYTES, MAX_SLICE_BYTES, SMALL_BYTES, Slice, slices};

fn cut(body: &[u8]) -> Vec<Slice> {
    let mut all = Vec::new();
    slices(body, &mut |slice| all.push(slice));
    all
}

/// The slices as text, shared ones after a `+`.
fn shown(body: &str) -> Vec<String> {
    let mark = |slice: &Slice| if slice.shared { "+" } else { " " };
    cut(body.as_bytes()).iter().map(|slice| format!("{}{}", mark(slice), &body[slice.range.clone()])).collect()
}

fn shared(body: &str) -> Vec<&str> {
    cut(body.as_bytes()).into_iter().filter(|slice| slice.shared).map(|slice| &body[slice.range]).collect()
}

fn check(body: &[u8]) {
    let mut at = 0;
    let mut last_was_shared = true;
    for slice in cut(body) {
        assert_eq!(slice.range.start, at, "{}", String::from_utf8_lossy(body));
        assert!(slice.range.end > at && slice.range.len() <= body.len());
        assert!(slice.shared || last_was_shared, "what is not shared stands together");
        assert!(!slice.shared || slice.range.len() <= MAX_SLICE_BYTES);
        last_was_shared = slice.shared;
        at = slice.range.end;
    }
    assert_eq!(at, body.len(), "{}", String::from_utf8_lossy(body));
}

fn message(role: &str, length: usize) -> String {
    format!(r#"{{"role":"{role}","content":"{}"}}"#, "words ".repeat(length / 6))
}

#[test]
fn each_large_element_is_a_slice_with_what_stands_before_it() {
    let [a, b] = [message("user", 1_300), message("assistant", 1_600)];
    let body = format!(r#"{{"model":"m", "messages": [ {a}, {b} ],"stream":true}}"#);
    assert_eq!(
        shown(&body),
        [
            r#" {"model":"m", "messages": ["#.to_owned(),
            format!("+ {a}"),
            format!("+, {b}"),
            r#"  ],"stream":true}"#.to_owned(),
        ]
    );
}

#[test]
fn small_elements_are_taken_together_until_they_are_worth_it() {
    let small = message("user", 360);
    let large = message("user", 1_200);
    assert!((SMALL_BYTES / 3 + 1..SMALL_BYTES / 2).contains(&small.len()));
    let body = format!(r#"{{"input":[{small},{small},{small},{small},{large},{small}]}}"#);
    assert_eq!(
        shown(&body),
        [
            r#" {"input":["#.to_owned(),
            format!("+{small},{small},{small}"),
            format!(" ,{small}"),
            format!("+,{large}"),
            format!(" ,{small}]}}"),
        ]
    );
}

#[test]
fn instructions_and_tools_are_stored_once_too() {
    let long = "Be brief. ".repeat(200);
    let tool = format!(r#"{{"name":"f","description":"{}"}}"#, "d ".repeat(600));
    let body = format!(r#"{{"instructions":"{long}","system":"short","tools":[{tool},{tool}],"system":[{tool}]}}"#);
    assert_eq!(shared(&body), [format!("\"{long}\""), tool.clone(), format!(",{tool}"), tool]);
    let body = format!(r#"{{"other":[{long:?}],"metadata":{{"messages":[{long:?}]}}}}"#);
    assert_eq!(shared(&body), [""; 0], "only the members at the top");
}

#[test]
fn pictures_are_slices_of_their_own() {
    let picture = "iVBORw0KGgo+".repeat(200);
    let words = "words ".repeat(200);
    let body = format!(
        r#"{{"messages":[{{"role":"user","content":[{{"type":"text","text":"{words}"}},{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{picture}"}}}},{{"type":"image","source":{{"data":"{picture}"}}}}]}}]}}"#
    );
    let start = format!(
        r#"{{"role":"user","content":[{{"type":"text","text":"{words}"}},{{"type":"image_url","image_url":{{"url":"data:image/png;base64,"#
    );
    assert_eq!(shared(&body), [&start, &picture, &picture]);
}

#[test]
fn a_large_message_is_cut_at_its_parts() {
    let part = |word: &str| format!(r#"{{"type":"text","text":"{}"}}"#, format!("{word} ").repeat(3_000));
    let [a, b] = [part("one"), part("two")];
    let small = r#"{"type":"text","text":"x"}"#;
    let body = format!(r#"{{"messages":[{{"content":[{small},{a},{b},{small}],"role":"user"}}]}}"#);
    assert_eq!(
        shown(&body),
        [
            format!(r#" {{"messages":[{{"content":[{small}"#),
            format!("+,{a}"),
            format!("+,{b}"),
            format!(r#" ,{small}],"role":"user"}}]}}"#),
        ]
    );
}

#[test]
fn a_very_long_slice_is_cut_at_multiples() {
    let long = "x y ".repeat(600_000);
    let body = format!(r#"{{"messages":[{{"role":"user","content":"{long}"}}]}}"#);
    let lengths: Vec<usize> = cut(body.as_bytes()).iter().map(|slice| slice.range.len()).collect();
    assert_eq!(lengths, [13, MAX_SLICE_BYTES, MAX_SLICE_BYTES, 2_400_028 - 2 * MAX_SLICE_BYTES, 2]);
}

#[test]
fn the_next_turn_has_all_shared_slices_of_the_turn_before() {
    let mut chance = Chance::new(11);
    for _ in 0..50 {
        let picture = "iVBORw0KGgo+".repeat(100);
        let mut messages: Vec<String> = Vec::new();
        let mut before: Vec<String> = Vec::new();
        for _ in 0..12 {
            for _ in 0..1 + chance.below(3) {
                messages.push(match chance.below(5) {
                    0 => message("assistant", 20_000 + chance.below(9_000)),
                    1 => format!(r#"{{"role":"user","content":[{{"url":"data:image/png;base64,{picture}"}}]}}"#),
                    2 => message("user", SMALL_BYTES + chance.below(2_000)),
                    _ => message("tool", chance.below(800)),
                });
            }
            let body = format!(r#"{{"model":"m","messages":[{}],"n":{}}}"#, messages.join(", "), chance.below(99));
            check(body.as_bytes());
            let now: Vec<String> = shared(&body).into_iter().map(str::to_owned).collect();
            assert!(now.starts_with(&before), "turn of {} messages", messages.len());
            before = now;
        }
        assert!(before.len() > 5);
    }
}

#[test]
fn any_bytes_at_all_come_out_whole() {
    let picture = "iVBORw0KGgo+".repeat(LARGE_BYTES / 8);
    let body = format!(
        r#"{{"system":"{}","messages":[{},{{"role":"user","content":[{},{{"d":"{picture}"}}],"x":"{}"}}, {}],"tools":[],"input":[{}]}}"#,
        "s ".repeat(600),
        message("user", 90),
        message("user", 17_000),
        "\\u4f60\\\"".repeat(200),
        message("user", SMALL_BYTES),
        message("user", 1_400),
    );
    check(body.as_bytes());
    assert!(shared(&body).len() >= 6);
    let mut chance = Chance::new(12);
    for _ in 0..400 {
        let mut bytes = body.clone().into_bytes();
        for _ in 0..1 + chance.below(4) {
            let at = chance.below(bytes.len());
            bytes[at] = br#"{}[]",:\ a"#[chance.below(10)];
        }
        check(&bytes);
        bytes.truncate(chance.below(bytes.len()));
        check(&bytes);
    }
    for _ in 0..5_000 {
        check(&chance.bytes(br#"{"messages":["input",{}]}"#, 80));
    }
    check(b"");
}
