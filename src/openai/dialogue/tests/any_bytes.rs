//! No bytes make anything here panic, and places are always places in the bytes given.

use crate::openai::chance::Chance;
use crate::openai::dialogue::texts::{preview, reply_texts, request_texts};
use crate::openai::dialogue::{Media, Part, layout, meaning, message, reply, signals};

const PATHS: [&str; 4] = ["", "/v1/chat/completions", "/responses", "/messages"];

const BODIES: [&str; 3] = [
    r#"{"model":"m","system":"s","messages":[{"role":"user","content":[{"type":"text","text":"天\u6c14\\"},{"type":"image_url","image_url":{"url":"data:image\/png;base64,iVBO"}},{"type":"tool_result","content":[{"type":"document","source":{"type":"content","content":["x"]}}]}]},{"role":"assistant","content":"<think>a</think>b","audio":{"id":"a","data":"AA"},"tool_calls":[{"function":{"name":"f","arguments":"{\"a\":\"\\u0041\",\"b\":1e400}"}}]}]}"#,
    r#"{"instructions":"i","input":[{"type":"reasoning","summary":[{"type":"summary_text","text":"h"}]},{"type":"shell_call","action":{"commands":["ls",-1.50]}},{"type":"custom_tool_call_output","output":[{"type":"input_file","file_data":"JVBE"}]},{"type":"image_generation_call","result":"AAAA"}],"previous_response_id":"r"}"#,
    r#"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"a","images":[{"type":"image_url","image_url":{"url":"u"}}]},"finish_reason":"stop"}],"output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"}]}],"data":[{"b64_json":"AAAA","revised_prompt":"p"}],"error":{"message":"m"}}"#,
];

fn walk(path: &str, body: &[u8]) {
    let found = layout(path, body);
    let fresh = found.messages.clone().map(|range| range.start..range.start + range.len() / 2);
    for fresh in [None, fresh] {
        request_texts(path, body, fresh.clone(), &mut |_, _| {});
        preview(path, body, fresh.clone());
        signals(path, body, fresh, body);
    }
    for range in [&found.messages, &found.tools, &found.upload].into_iter().flatten() {
        assert!(range.start <= range.end && range.end <= body.len());
    }
    reply_texts(body, &mut |_, _| {});
    let mut out = Vec::new();
    for message in reply(body).into_iter().flatten().chain([message(body)]) {
        meaning(&message, &mut out);
        for part in &message.parts {
            if let Part::Image { source: Media::Inline { base64, .. } } = part {
                assert!(base64.end <= body.len());
            }
        }
    }
}

#[test]
fn no_bytes_make_it_panic() {
    let mut chance = Chance::new(21);
    for round in 0..6_000 {
        let mut bytes = BODIES[round % BODIES.len()].as_bytes().to_vec();
        for _ in 0..1 + chance.below(4) {
            let at = chance.below(bytes.len());
            bytes[at] = br#"{}[]",:\u0n"#[chance.below(11)];
        }
        if chance.below(2) == 0 {
            bytes.truncate(chance.below(bytes.len()));
        }
        walk(PATHS[chance.below(PATHS.len())], &bytes);
    }
    for _ in 0..3_000 {
        walk("", &chance.bytes(br#"{"messages":[{"content":"\u"}]}"#, 80));
    }
    walk("", b"");
}

#[test]
fn a_body_cut_anywhere_is_read_as_far_as_it_goes() {
    let whole = BODIES[0];
    let mut before = 0;
    for end in 0..=whole.len() {
        let mut bytes = 0;
        request_texts("/messages", &whole.as_bytes()[..end], None, &mut |_, text| bytes += text.len());
        walk("", &whole.as_bytes()[..end]);
        if end > 30 {
            assert!(bytes > 0, "{end}");
        }
        before = before.max(bytes);
    }
    assert!(before >= 60);
}

#[test]
fn depth_costs_nothing() {
    let deep = 100_000;
    let brackets = format!("{}{}", "[".repeat(deep), "]".repeat(deep));
    let nested = |depth: usize| {
        let open = r#"{"type":"tool_result","content":["#.repeat(depth);
        format!(r#"{{"role":"user","content":[{open}"words"{}]}}"#, "]}".repeat(depth))
    };
    for element in [
        format!(r#"{{"role":"user","content":{brackets}}}"#),
        format!(r#"{{"role":"user","content":[{{"type":"x","y":{brackets}}}]}}"#),
        format!(r#"{{"role":"assistant","tool_calls":[{{"function":{{"name":"f","arguments":"{brackets}"}}}}]}}"#),
        nested(2_000),
    ] {
        let mut found = false;
        request_texts("", format!(r#"{{"messages":[{element}]}}"#).as_bytes(), None, &mut |_, text| {
            found |= text.contains("words");
        });
        assert_eq!(found, element.contains("words"));
        meaning(&message(element.as_bytes()), &mut Vec::new());
    }
    walk("", brackets.as_bytes());
    walk("", "[".repeat(deep).as_bytes());
}
