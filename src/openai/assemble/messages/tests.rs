//! What [`crate::openai::assemble::messages`] promises. **Invariant:** every expectation is literal.
//! **May import:** the room.

use crate::openai::assemble::tests::{assembled, reply};

const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"claude","stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,"cache_read_input_tokens":5,"output_tokens":1}}}"#;

#[test]
fn texts_thoughts_and_tool_inputs_become_the_unstreamed_message() {
    let whole = assembled(&[
        r#"{"type":"ping"}"#,
        START,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"h"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"m"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"S="}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"你"}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"好"}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{"cited_text":"c"}}}"#,
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\": \"b"}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"\"}"}}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":15}}"#,
        r#"{"type":"message_stop"}"#,
    ]);
    assert_eq!(
        String::from_utf8(whole.reply).unwrap(),
        r#"{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"S="},{"type":"text","text":"你好","citations":[{"cited_text":"c"}]},{"type":"tool_use","id":"t","name":"f","input":{"a": "b"}}],"model":"claude","stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":25,"cache_read_input_tokens":5,"output_tokens":15}}"#
    );
    assert!(whole.assembled && whole.ended);
    let usage = whole.facts.usage;
    assert_eq!((usage.input, usage.output, usage.cached), (Some(30), Some(15), Some(5)));
}

#[test]
fn a_tool_input_that_was_cut_stays_a_text() {
    let text = reply(&[
        START,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","input":{}}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\": "}}"#,
    ]);
    assert!(text.contains(r#""content":[{"type":"tool_use","input":"{\"a\": "}]"#), "{text}");
}

#[test]
fn an_error_event_is_told_and_kept() {
    let whole = assembled(&[START, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#]);
    let error = whole.error.unwrap();
    assert_eq!((error.message.as_deref(), error.kind.as_deref()), (Some("Overloaded"), Some("overloaded_error")));
    assert!(
        String::from_utf8(whole.reply)
            .unwrap()
            .ends_with(r#","error":{"type":"overloaded_error","message":"Overloaded"}}"#)
    );
}
