//! Where requests keep what they say, what messages are made of, and what replies are.

use crate::openai::dialogue::{Api, Media, Message, Part, Role, Signals, error_text, layout, message, reply, signals};
use crate::openai::inline::digest;

fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

#[test]
fn the_path_or_the_members_tell_the_api() {
    for (path, body, api) in [
        ("/chat/completions?x=1", r#"{"input":"a"}"#, Api::Chat),
        ("/v1/responses", r#"{"messages":[]}"#, Api::Responses),
        ("/openai/deployments/d/completions", r#"{"prompt":"a"}"#, Api::Completions),
        ("/v1/messages/count_tokens", r#"{"messages":[{}]}"#, Api::Messages),
        ("/images/edits", r#"{"prompt":"a"}"#, Api::Images),
        ("/threads/t/messages", r#"{"role":"user"}"#, Api::Other),
        ("", r#"{"model":"m","messages":[{"role":"user"}]}"#, Api::Chat),
        ("", r#"{"model":"m","system":"s","messages":[{"role":"user"}]}"#, Api::Messages),
        ("", r#"{"model":"m","input":[{"role":"user"}]}"#, Api::Responses),
        ("", r#"{"model":"m","input":"a"}"#, Api::Responses),
        ("", r#"{"model":"text-embedding-3-small","input":["a"]}"#, Api::Embeddings),
        ("", r#"{"model":"omni-moderation-latest","input":"a"}"#, Api::Moderations),
        ("", r#"{"model":"tts-1","input":"a","voice":"alloy"}"#, Api::Audio),
        ("", r#"{"model":"m","prompt":"a"}"#, Api::Completions),
        ("", r#"{"prompt":{"id":"pmpt_1"}}"#, Api::Responses),
        ("", r#"{"model":"gpt-image-1","prompt":"a"}"#, Api::Images),
        ("", "[]", Api::Other),
        ("/files", "not json", Api::Other),
    ] {
        assert_eq!(layout(path, body.as_bytes()).api, api, "{path} {body}");
    }
}

#[test]
fn a_layout_says_where_everything_stands() {
    let body = r#"{"instructions":"be","input":[{"role":"user"}],"tools":[{}],"previous_response_id":"resp_1","conversation":{"id":"conv_1"}}"#;
    let found = layout("/responses", body.as_bytes());
    assert_eq!(found.messages.map(|range| &body[range]), Some(r#"[{"role":"user"}]"#));
    assert_eq!(found.system.into_iter().map(|range| &body[range]).collect::<Vec<_>>(), [r#""be""#]);
    assert_eq!(found.tools.map(|range| &body[range]), Some("[{}]"));
    assert_eq!((found.previous_response.as_deref(), found.conversation.as_deref()), (Some("resp_1"), Some("conv_1")));
    assert!(found.prompts.is_empty());
    let cut = r#"{"model":"m","messages":[{"role":"user","content":"a"},{"role":"us"#;
    assert_eq!(layout("", cut.as_bytes()).messages.map(|range| range.end), Some(cut.len()));
}

#[test]
fn every_kind_of_part_is_read() {
    let element = r#"{"role":"user","content":[{"type":"text","text":"a"},
        {"type":"input_audio","input_audio":{"data":"UklGRg==","format":"wav"}},
        {"type":"file","file":{"filename":"a.pdf","file_id":"file-1"}},
        {"type":"input_file","filename":"b.pdf","file_data":"data:application/pdf;base64,JVBE"},
        {"type":"input_image","file_id":"file-2"},
        {"type":"document","title":"T","source":{"type":"text","media_type":"text/plain","data":"words"}},
        {"type":"tool_result","tool_use_id":"t","is_error":true,"content":[{"type":"text","text":"x"},{"type":"image","source":{"type":"url","url":"https://x/1.png"}},{"type":"text","text":"y"}]},
        {"type":"unknown","z": [1, "b c"]}]}"#;
    let inline = |mime: &str, base64: &str| {
        let start = element.find(base64).unwrap();
        Media::Inline { mime: mime.to_owned(), base64: start..start + base64.len(), digest: digest(base64.as_bytes()) }
    };
    assert_eq!(
        message(element.as_bytes()),
        Message {
            role: Role::User,
            name: None,
            aside: false,
            parts: vec![
                text("a"),
                Part::Audio { id: None, source: Some(inline("wav", "UklGRg==")), transcript: None },
                Part::File { name: Some("a.pdf".to_owned()), source: Some(Media::Id("file-1".to_owned())) },
                Part::File { name: Some("b.pdf".to_owned()), source: Some(inline("application/pdf", "JVBE")) },
                Part::Image { source: Media::Id("file-2".to_owned()) },
                Part::File { name: Some("T".to_owned()), source: None },
                text("words"),
                Part::ToolResult { id: Some("t".to_owned()), name: None, text: "x\ny".to_owned(), is_error: true },
                Part::Image { source: Media::Url("https://x/1.png".to_owned()) },
                Part::Other(r#"{"type":"unknown","z":[1,"b c"]}"#.to_owned()),
            ],
        }
    );
}

#[test]
fn items_that_the_service_runs_are_shown_with_what_they_gave() {
    let item = r#"{"type":"mcp_call","id":"mcp_1","name":"roll","server_label":"d","arguments":"{\"n\":1}","output":"4","error":null}"#;
    assert_eq!(
        message(item.as_bytes()).parts,
        [
            Part::ToolCall {
                id: Some("mcp_1".to_owned()),
                name: "roll".to_owned(),
                arguments: r#"{"n":1}"#.to_owned()
            },
            Part::ToolResult { id: Some("mcp_1".to_owned()), name: None, text: "4".to_owned(), is_error: false },
        ]
    );
    let item = r#"{"type":"code_interpreter_call","id":"ci","code":"print(1)","outputs":[{"type":"logs","logs":"1"}]}"#;
    let parts = message(item.as_bytes()).parts;
    assert!(
        matches!(&parts[0], Part::ToolCall { name, arguments, .. } if name == "code_interpreter" && arguments == "print(1)")
    );
    assert!(matches!(&parts[1], Part::ToolResult { text, .. } if text.contains("\"logs\":\"1\"")));
    let item = r#"{"type":"computer_call_output","call_id":"c","output":{"type":"computer_screenshot","image_url":"https://x/s.png"}}"#;
    let parts = message(item.as_bytes()).parts;
    assert_eq!(parts[1..], [Part::Image { source: Media::Url("https://x/s.png".to_owned()) }]);
}

#[test]
fn each_choice_of_a_reply_stands_for_itself() {
    let two = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"a"}},{"index":1,"message":{"role":"assistant","content":"b"}}]}"#;
    let one = |part: Part| vec![Message { role: Role::Assistant, name: None, parts: vec![part], aside: false }];
    assert_eq!(reply(two.as_bytes()), [one(text("a")), one(text("b"))]);
    assert_eq!(reply(br#"{"choices":[{"text":"a","index":0}]}"#), [one(text("a"))]);
    assert_eq!(reply(br#"{"text":"a","usage":{}}"#), [one(text("a"))]);
    let unknown = reply(br#"{"output":[{"type":"a_kind_of_tomorrow"}]}"#);
    assert_eq!(
        (unknown[0][0].role, unknown[0][0].aside),
        (Role::Assistant, true),
        "whatever a reply says is the model's"
    );
    assert_eq!(reply(&two.as_bytes()[..two.len() - 5]), [one(text("a")), one(text("b"))], "a reply that was cut off");
    let drawn = br#"{"created":1,"data":[{"b64_json":"iVBO","revised_prompt":"a cat"}]}"#;
    assert_eq!(
        reply(drawn)[0][0].parts,
        [
            text("a cat"),
            Part::Image { source: Media::Inline { mime: String::new(), base64: 34..38, digest: digest(b"iVBO") } }
        ]
    );
    for nothing in [
        r#"{"object":"list","data":[{"embedding":"AAAA"}]}"#,
        r#"{"error":{"message":"a"}}"#,
        r#"{"x":1}"#,
        r#"{"data":[{"file_id":"file-1"}]}"#,
        r#"{"data":[{"id":"job_1","url":"https://x/1"}]}"#,
        "a",
    ] {
        assert_eq!(reply(nothing.as_bytes()), Vec::<Vec<Message>>::new(), "{nothing}");
    }
}

#[test]
fn an_error_is_told_in_its_own_words() {
    for (body, error) in [
        (r#"{"error":{"message":"No.","type":"x"}}"#, Some("No.")),
        (r#"{"error":"No."}"#, Some("No.")),
        (r#"{"type":"error","error":{"type":"overloaded_error","message":"No."}}"#, Some("No.")),
        (r#"{"detail":"No."}"#, Some("No.")),
        (r#"{"object":"response","status":"failed","error":{"code":"x","message":"No."},"output":[]}"#, Some("No.")),
        (r#"{"object":"response","status":"completed","error":null,"output":[]}"#, None),
        (r#"{"id":"x","object":"job","message":"queued"}"#, None),
        ("No.", None),
    ] {
        assert_eq!(error_text(body.as_bytes()).as_deref(), error, "{body}");
    }
}

#[test]
fn signals_tell_tools_pictures_and_why_it_stopped() {
    let asked = r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/1.png"}}]},{"role":"tool","content":"a"},{"role":"user","content":"b"}]}"#;
    let called = r#"{"choices":[{"message":{"role":"assistant","reasoning":"hm","tool_calls":[{"function":{"name":"f"}},{"function":{"name":"g"}},{"function":{"name":"f"}}]},"finish_reason":"tool_calls"}]}"#;
    assert_eq!(
        signals("/chat/completions", asked.as_bytes(), None, called.as_bytes()),
        Signals {
            tool_names: vec!["f".to_owned(), "g".to_owned()],
            finish: Some("tool_calls".to_owned()),
            has_tool: true,
            has_image: true,
            has_reasoning: true,
        }
    );
    let last = asked.rfind(r#"{"role":"user""#).unwrap()..asked.len() - 2;
    assert_eq!(signals("", asked.as_bytes(), Some(last), b""), Signals::default());
    for (reply, finish) in [
        (r#"{"object":"response","status":"completed","incomplete_details":null,"output":[]}"#, "completed"),
        (
            r#"{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[]}"#,
            "max_output_tokens",
        ),
        (r#"{"type":"message","role":"assistant","content":[],"stop_reason":"end_turn"}"#, "end_turn"),
        (r#"{"choices":[{"text":"a","finish_reason":"length"}]}"#, "length"),
    ] {
        assert_eq!(signals("", b"", None, reply.as_bytes()).finish.as_deref(), Some(finish), "{reply}");
    }
}
