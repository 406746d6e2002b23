//! What is asked, where it stands, and what is left alone. **May import:** the room.

use serde_json::Value;

use crate::openai::chance::Chance;
use crate::openai::usage_splice::ask_for_usage;

fn asked(body: &str) -> Option<String> {
    ask_for_usage(body.as_bytes()).map(|splice| String::from_utf8(splice.apply(body.as_bytes())).unwrap())
}

#[test]
fn the_option_is_spliced_in_and_every_other_byte_stays() {
    for (body, expected) in [
        (r#"{"stream":true}"#, r#"{"stream_options":{"include_usage":true},"stream":true}"#),
        (" {\n \"stream\" : true }\n", " {\"stream_options\":{\"include_usage\":true},\n \"stream\" : true }\n"),
        (r#"{"stream":true,"stream_options":null}"#, r#"{"stream":true,"stream_options":{"include_usage":true}}"#),
        (r#"{"stream":true,"stream_options":{}}"#, r#"{"stream":true,"stream_options":{"include_usage":true}}"#),
        (r#"{"stream":true,"stream_options":{ }}"#, r#"{"stream":true,"stream_options":{"include_usage":true }}"#),
        (
            r#"{"stream":true,"stream_options":{"a":[1]},"n":1}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true,"a":[1]},"n":1}"#,
        ),
        (
            r#"{"stream":true,"stream_options":{"a":1,"include_usage": false}}"#,
            r#"{"stream":true,"stream_options":{"a":1,"include_usage": true}}"#,
        ),
        (
            r#"{"stream":true,"stream_options":{"include_usage":null}}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
        ),
        (
            r#"{"stream_options":{"include_usage":true},"stream":true,"stream_options":{"include_usage":false}}"#,
            r#"{"stream_options":{"include_usage":true},"stream":true,"stream_options":{"include_usage":true}}"#,
        ),
    ] {
        assert_eq!(asked(body).as_deref(), Some(expected), "{body}");
    }
}

#[test]
fn who_asked_already_or_is_not_understood_is_left_alone() {
    for body in [
        "",
        "{}",
        "[]",
        r#"{"stream":false}"#,
        r#"{"stream":true,"stream":false}"#,
        r#"{"stream":"true"}"#,
        r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
        r#"{"stream":true,"stream_options":{"include_usage":"yes"}}"#,
        r#"{"stream":true,"stream_options":7}"#,
        r#"{"stream":true,"stream_options":"x"}"#,
        r#"{"stream":true,"stream_options":{"a" 1}}"#,
        r#"{"stream":true,"stream_\u006fptions":{"include_usage":true}}"#,
        r#"{"stream":true,"stream_options":{"include\u005fusage":true}}"#,
        r#"{"stream":true"#,
        r#"{"stream":true,}"#,
        r#"{"stream":true,"a"}"#,
        r#"{"stream":true} {"a":1}"#,
    ] {
        assert_eq!(asked(body), None, "{body}");
    }
}

#[test]
fn whatever_is_asked_says_the_same_to_a_parser_but_for_the_option() {
    let mut chance = Chance::new(11);
    let parts = [
        r#""stream":true"#,
        r#""stream":false"#,
        r#""stream_options":{}"#,
        r#""stream_options":{"include_usage":false}"#,
        r#""stream_options":{"include_usage":true,"b":{}}"#,
        r#""stream_options":{"b":"}\"{"}"#,
        r#""messages":[{"role":"user","content":"\"stream_options\":null}"}]"#,
        r#""n":-1.5e3"#,
    ];
    let mut spliced = 0;
    for _ in 0..5_000 {
        let count = chance.below(5);
        let chosen: Vec<&str> = (0..count).map(|_| parts[chance.below(parts.len())]).collect();
        let body = format!("{{{}}}", chosen.join(" , "));
        let Some(asked) = asked(&body) else { continue };
        spliced += 1;
        let mut before: Value = serde_json::from_str(&body).unwrap();
        let after: Value = serde_json::from_str(&asked).unwrap_or_else(|error| panic!("{error}: {asked}"));
        assert_eq!(after["stream_options"]["include_usage"], true, "{asked}");
        if !before["stream_options"].is_object() {
            before["stream_options"] = Value::Object(serde_json::Map::new());
        }
        before["stream_options"]["include_usage"] = true.into();
        assert_eq!(before, after, "{body}");
    }
    assert!(spliced > 500, "{spliced}");
}

#[test]
fn no_bytes_make_it_panic() {
    let mut chance = Chance::new(12);
    for _ in 0..20_000 {
        let mut body = br#"{"stream":true,"stream_options":"#.to_vec();
        body.extend(chance.bytes(br#"{"stream_options":include_usage,truefalsenull[] \}"#, 60));
        if let Some(splice) = ask_for_usage(&body) {
            splice.apply(&body);
        }
    }
}
