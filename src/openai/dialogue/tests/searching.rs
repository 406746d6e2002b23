//! Every word that was said is found on its side, and nothing else.

use crate::openai::dialogue::texts::{Side, preview, reply_texts, request_texts};
use crate::openai::multipart::Summary;

/// The texts, each with a letter for its side.
fn asked(path: &str, body: &str) -> Vec<String> {
    let mut all = Vec::new();
    request_texts(path, body.as_bytes(), None, &mut |side, text| all.push(shown(side, text)));
    all
}

fn told(body: &str) -> Vec<String> {
    let mut all = Vec::new();
    reply_texts(body.as_bytes(), &mut |side, text| all.push(shown(side, text)));
    all
}

fn shown(side: Side, text: &str) -> String {
    let letter = match side {
        Side::User => 'u',
        Side::Assistant => 'a',
        Side::System => 's',
        Side::Tool => 't',
        Side::Error => 'e',
    };
    format!("{letter}:{text}")
}

#[test]
fn sides_have_stable_bits() {
    let all = [Side::User, Side::Assistant, Side::System, Side::Tool, Side::Error];
    assert_eq!(all.map(Side::bit), [1, 2, 4, 8, 16]);
}

#[test]
fn a_chat_is_found_by_its_words() {
    let body = r#"{"messages":[{"role":"developer","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"天气?"},{"type":"image_url","image_url":{"url":"https://x/1.png"}},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBO"}},{"type":"file","file":{"filename":"a.pdf"}}]},
        {"role":"assistant","content":"","reasoning_content":"hm","tool_calls":[{"function":{"name":"weather","arguments":"{\"city\":\"\\u5317\\u4eac\"}"}}]},{"role":"tool","content":"{\"sky\": \"\\u6674\"}"}]}"#;
    assert_eq!(
        asked("/chat/completions", body),
        [
            "s:Be brief.",
            "u:天气?",
            "u:https://x/1.png",
            "u:a.pdf",
            "a:hm",
            "a:weather",
            r#"a:{"city":"\u5317\u4eac"}"#,
            "a:北京",
            r#"t:{"sky": "\u6674"}"#,
            "t:晴",
        ]
    );
}

#[test]
fn the_other_apis_are_found_by_their_words() {
    for (path, body, expected) in [
        ("/responses", r#"{"instructions":"Be.","input":"Hi"}"#, &["s:Be.", "u:Hi"][..]),
        (
            "/responses",
            r#"{"input":[{"role":"user","content":"Hi"},{"type":"function_call","name":"f","arguments":"{}"},{"type":"function_call_output","output":"4"}]}"#,
            &["u:Hi", "a:f", "a:{}", "t:4"],
        ),
        (
            "/messages",
            r#"{"system":[{"type":"text","text":"Be."}],"messages":[{"role":"user","content":[{"type":"tool_result","content":"4"},{"type":"text","text":"Hi"}]}]}"#,
            &["s:Be.", "t:4", "u:Hi"],
        ),
        ("/completions", r#"{"prompt":["a","b"],"suffix":"c"}"#, &["u:a", "u:b", "u:c"]),
        ("/embeddings", r#"{"input":["a","b"]}"#, &["u:a", "u:b"]),
        ("/embeddings", r#"{"input":[[1,2],[3]]}"#, &[]),
        ("/audio/speech", r#"{"input":"a","instructions":"b","voice":"v"}"#, &["s:b", "u:a"]),
        ("/moderations", r#"{"input":[{"type":"text","text":"a"}]}"#, &["u:a"]),
        ("/rerank", r#"{"query":"a","top":[{"d":"b\n"}]}"#, &["u:a", "u:b\n"]),
        ("/files", "plain words", &["u:plain words"]),
    ] {
        assert_eq!(asked(path, body), expected, "{path} {body}");
    }
}

#[test]
fn an_upload_is_found_by_its_fields_and_file_names() {
    let mut summary = Summary::new("multipart/form-data; boundary=b").unwrap();
    summary.push(b"--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na cat\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"cat.wav\"\r\n\r\nRIFF\r\n--b--");
    let body = String::from_utf8(summary.finish()).unwrap();
    assert_eq!(asked("/audio/transcriptions", &body), ["u:a cat", "u:cat.wav"]);
    assert_eq!(preview("/audio/transcriptions", body.as_bytes(), None).as_deref(), Some("a cat"));
}

#[test]
fn replies_are_found_by_their_words() {
    for (body, expected) in [
        (r#"{"choices":[{"message":{"role":"assistant","content":"Hi","refusal":"No"}}]}"#, &["a:Hi", "a:No"][..]),
        (
            r#"{"output":[{"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}]},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Hi"}]}],"error":{"message":"broke"}}"#,
            &["a:hm", "a:Hi", "e:broke"],
        ),
        (r#"{"error":{"message":"No."}}"#, &["e:No."]),
        (r#"{"object":"list","data":[{"id":"gpt-4o","object":"model"}]}"#, &["a:list", "a:gpt-4o", "a:model"]),
        (r#"{"data":[{"embedding":"AAAA"}],"model":"m"}"#, &[]),
        ("1\n00:00 --> 00:01\nHi", &["a:1\n00:00 --> 00:01\nHi"]),
        ("", &[]),
    ] {
        assert_eq!(told(body), expected, "{body}");
    }
}

#[test]
fn base64_is_no_text_wherever_it_stands() {
    let long = "iVBORw0KGgo+".repeat(100);
    for body in [
        format!(
            r#"{{"messages":[{{"role":"user","content":[{{"type":"image","source":{{"data":"{long}"}}}},{{"type":"new","x":"{long}"}}]}}]}}"#
        ),
        format!(r#"{{"messages":[{{"role":"tool","content":"{long}"}}]}}"#),
        format!(
            r#"{{"messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"data:,{long}"}}}}]}}]}}"#
        ),
        format!(r#"{{"unknown":{{"x":"data:image/png;base64,{long}"}}}}"#),
    ] {
        assert!(asked("", &body).iter().all(|text| text.len() < 60), "{body}");
    }
}

#[test]
fn of_a_body_that_was_cut_off_what_is_there_is_found() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"one"},{"role":"user","content":[{"type":"text","text":"你好 two"#;
    assert_eq!(asked("/chat/completions", body), ["u:one", "u:你好 two"]);
    let escape = format!(r"{body}\u4f6");
    assert_eq!(asked("/chat/completions", &escape), ["u:one", "u:你好 two"]);
    let mut half = body.as_bytes().to_vec();
    half.extend_from_slice(&"好".as_bytes()[..2]);
    let mut all = Vec::new();
    request_texts("", &half, None, &mut |_, text| all.push(text.to_owned()));
    assert_eq!(all, ["one", "你好 two"]);
    assert_eq!(told(r#"{"choices":[{"message":{"content":"Hi th"#), ["a:Hi th"]);
}

#[test]
fn only_fresh_messages_are_told_when_asked_for() {
    let body = r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"one"},{"role":"assistant","content":"two"},{"role":"user","content":"three"}]}"#;
    let third = body.find(r#"{"role":"assistant""#).unwrap();
    let mut all = Vec::new();
    request_texts("", body.as_bytes(), Some(third..body.len() - 2), &mut |side, text| all.push(shown(side, text)));
    assert_eq!(all, ["a:two", "u:three"]);
    let with_prompt = body.replacen('{', r#"{"prompt":{"id":"pmpt_1"},"#, 1);
    let shift = with_prompt.len() - body.len();
    let fresh = Some(third + shift..with_prompt.len() - 2);
    let mut again = Vec::new();
    request_texts("", with_prompt.as_bytes(), fresh, &mut |side, text| again.push(shown(side, text)));
    assert_eq!(again, all, "a prompt beside the messages is not new");
    all.clear();
    request_texts("", body.as_bytes(), Some(third..third), &mut |side, text| all.push(shown(side, text)));
    assert_eq!(all, [""; 0]);
}

#[test]
fn a_preview_is_the_last_words_of_the_user() {
    let long = "长 \\n".repeat(100);
    for (body, expected) in [
        (r#"{"messages":[{"role":"user","content":"one"},{"role":"user","content":" two\n\n three "},{"role":"assistant","content":"x"}]}"#.to_owned(), "two three"),
        (r#"{"messages":[{"role":"user","content":[{"type":"text","text":"fix it"},{"type":"text","text":"<system-reminder>x"}]},{"role":"user","content":[{"type":"tool_result","content":"4"}]}]}"#.to_owned(), "fix it"),
        (r#"{"input":"Hi"}"#.to_owned(), "Hi"),
        (format!(r#"{{"prompt":"{long}"}}"#), "长 ".repeat(40)[..159].trim_end()),
    ] {
        assert_eq!(preview("", body.as_bytes(), None).as_deref(), Some(expected), "{body}");
    }
    let body = r#"{"messages":[{"role":"user","content":"one"},{"role":"user","content":"two"},{"role":"tool","content":"x"}]}"#;
    let (first, tool) = (body.find('{').unwrap() + 13, body.find(r#"{"role":"tool""#).unwrap());
    assert_eq!(preview("", body.as_bytes(), Some(first..first + 5)).as_deref(), Some("one"));
    assert_eq!(preview("", body.as_bytes(), Some(tool..body.len() - 2)).as_deref(), Some("two"));
    assert_eq!(preview("", b"{\"messages\":[]}", None), None);
}
