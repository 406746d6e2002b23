//! What [`crate::openai::opening`] promises. **Invariant:** every expectation is literal. **May import:** the room.

use crate::openai::chance::Chance;
use crate::openai::error::ErrorFacts;
use crate::openai::opening::{Opening, OpeningScan};

fn seen(stream: &str) -> Opening {
    OpeningScan::new().push(stream.as_bytes())
}

fn data(data: &str) -> Opening {
    seen(&format!("data: {data}\n\n"))
}

fn failed(message: &str, kind: Option<&str>, code: Option<&str>) -> Opening {
    Opening::Error(ErrorFacts {
        message: Some(message.to_owned()),
        kind: kind.map(str::to_owned),
        code: code.map(str::to_owned),
    })
}

#[test]
fn start_up_events_decide_nothing() {
    for start in [
        r#"{"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null,"tool_calls":[]},"logprobs":null,"finish_reason":null}],"usage":null,"error":null}"#,
        r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}],"object":""}"#,
        r#"{"object":"text_completion","choices":[{"text":"","index":0,"logprobs":null,"finish_reason":null}]}"#,
        r#"{"type":"response.created","response":{"id":"resp_1","status":"in_progress","error":null,"output":[]}}"#,
        r#"{"type":"response.in_progress","response":{"id":"resp_1"}}"#,
        r#"{"type":"response.queued","response":{"id":"resp_1"}}"#,
        r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"msg_1","type":"message","content":[]}}"#,
        r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"fc_1","type":"function_call","name":"f","arguments":""}}"#,
        r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"rs_1","type":"reasoning","encrypted_content":"x","summary":[]}}"#,
        r#"{"type":"response.content_part.added","part":{"type":"output_text","text":"","annotations":[]}}"#,
        r#"{"type":"response.reasoning_summary_part.added","part":{"type":"summary_text","text":""}}"#,
        r#"{"type":"message_start","message":{"id":"msg_1","content":[]}}"#,
        r#"{"type":"ping"}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
        "",
    ] {
        assert_eq!(data(start), Opening::Undecided, "{start}");
    }
    assert_eq!(seen(": OPENROUTER PROCESSING\n\n: keep-alive\n\n"), Opening::Undecided);
    assert_eq!(seen("\n\n"), Opening::Undecided);
}

#[test]
fn the_first_thing_said_is_content() {
    for content in [
        r#"{"choices":[{"index":0,"delta":{"content":"H"},"finish_reason":null}]}"#,
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","reasoning_content":"H"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1"}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{}},{"index":1,"delta":{"refusal":"no"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"choices":[{"text":"H","index":0}]}"#,
        r#"{"type":"response.output_text.delta","delta":"H"}"#,
        r#"{"type":"response.output_item.added","item":{"type":"message","content":[{"text":"H"}]}}"#,
        r#"{"type":"response.content_part.added","part":{"type":"output_text","text":"H"}}"#,
        r#"{"type":"response.completed","response":{"error":null}}"#,
        r#"{"type":"response.web_search_call.in_progress"}"#,
        r#"{"type":"content_block_start","content_block":{"type":"text","text":"H"}}"#,
        r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"H"}}"#,
        r#"{"type":"something.new"}"#,
        "[DONE]",
        "text",
    ] {
        assert_eq!(data(content), Opening::Content, "{content}");
    }
}

#[test]
fn an_error_as_first_event_is_told_from_content() {
    assert_eq!(
        data(r#"{"error":{"message":"Rate limit","type":"requests","code":"rate_limit_exceeded"}}"#),
        failed("Rate limit", Some("requests"), Some("rate_limit_exceeded"))
    );
    assert_eq!(
        data(
            r#"{"id":"g","choices":[{"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502,"message":"Provider disconnected"}}"#
        ),
        failed("Provider disconnected", None, Some("502"))
    );
    assert_eq!(seen("event: error\ndata: out of memory\n\n"), failed("out of memory", None, None));
    assert_eq!(
        data(r#"{"type":"error","code":"ERR","message":"Something went wrong","param":null,"sequence_number":1}"#),
        failed("Something went wrong", None, Some("ERR"))
    );
    assert_eq!(
        data(
            r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"The model failed."}}}"#
        ),
        failed("The model failed.", None, Some("server_error"))
    );
    assert_eq!(
        data(r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#),
        failed("Overloaded", Some("overloaded_error"), None)
    );
}

#[test]
fn an_error_after_start_up_events_still_counts_and_one_after_content_does_not() {
    let start = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n";
    let error = "data: {\"error\":\"bad\"}\n\n";
    let content = "data: {\"choices\":[{\"delta\":{\"content\":\"H\"}}]}\n\n";
    assert_eq!(seen(&[start, error].concat()), failed("bad", None, None));
    assert_eq!(seen(&[start, content, error].concat()), Opening::Content);
    let mut scan = OpeningScan::new();
    assert_eq!(scan.push(content.as_bytes()), Opening::Content);
    assert_eq!(scan.push(error.as_bytes()), Opening::Content);
}

#[test]
fn plain_json_in_place_of_events_is_an_error_or_content() {
    let mut scan = OpeningScan::new();
    assert_eq!(scan.push(b"{\"error\":{\"message\""), Opening::Undecided);
    assert_eq!(scan.push(b":\"m\"}}\n"), failed("m", None, None));
    assert_eq!(seen("{\"id\":\"chatcmpl-1\"}"), Opening::Content);
    assert_eq!(seen(&format!("{{\"id\":\"{}", "x".repeat(70_000))), Opening::Content);
}

#[test]
fn an_event_without_its_empty_line_counts_at_the_end() {
    let mut scan = OpeningScan::new();
    assert_eq!(scan.push(b"data: {\"error\":\"bad\"}\n"), Opening::Undecided);
    assert_eq!(scan.finish(), failed("bad", None, None));
    assert_eq!(OpeningScan::new().finish(), Opening::Undecided);
}

#[test]
fn the_decision_does_not_depend_on_the_pieces() {
    let streams = [
        ": hi\n\ndata: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\r\n\r\ndata: {\"error\":\"bad\"}\n\n",
        "\r\ndata: {\"type\":\"response.created\"}\n\nevent: x\ndata: {}\n\n",
        "{\"error\":\"bad\"}",
    ];
    let mut chance = Chance::new(8);
    for stream in streams {
        let whole = seen(stream);
        for _ in 0..200 {
            let mut scan = OpeningScan::new();
            let mut last = Opening::Undecided;
            for piece in chance.pieces(stream.as_bytes(), 9) {
                last = scan.push(piece);
            }
            assert_eq!(last, whole, "{stream}");
        }
    }
}

#[test]
fn no_bytes_make_it_panic() {
    let mut chance = Chance::new(9);
    for _ in 0..5_000 {
        let stream = chance.bytes(b"data: {\"choices\":[{\"delta\":{}}],\"error\":null}\n\n", 120);
        let mut scan = OpeningScan::new();
        for piece in chance.pieces(&stream, 30) {
            scan.push(piece);
        }
        scan.finish();
    }
}
