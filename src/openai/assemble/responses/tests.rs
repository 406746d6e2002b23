//! What [`crate::openai::assemble::responses`] promises. **Invariant:** every expectation is literal.
//! **May import:** the room.

use crate::openai::assemble::tests::{assembled, reply};

const CREATED: &str = r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","status":"in_progress","model":"m","output":[],"error":null,"usage":null}}"#;

/// The `output` of a stream that was cut behind these events.
fn output(events: &[&str]) -> String {
    let text = reply(&[&[CREATED], events].concat());
    let start = r#"{"id":"resp_1","object":"response","status":"in_progress","model":"m","output":"#;
    let end = r#","error":null,"usage":null}"#;
    text.strip_prefix(start).unwrap().strip_suffix(end).unwrap().to_owned()
}

#[test]
fn the_last_event_carries_the_whole() {
    for (kind, error) in [("completed", None), ("incomplete", None), ("failed", Some("boom"))] {
        let told = error.map_or("null".to_owned(), |error| format!(r#"{{"code":"server_error","message":"{error}"}}"#));
        let response = format!(
            r#"{{"id":"resp_1","model":"m2","output":[{{"type":"message"}}],"error":{told},"usage":{{"input_tokens":3,"output_tokens":4,"output_tokens_details":{{"reasoning_tokens":2}}}}}}"#
        );
        let last = format!(r#"{{"type":"response.{kind}","sequence_number":9,"response":{response}}}"#);
        let whole = assembled(&[
            CREATED,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"a"}"#,
            r#"{"type":"response.new_thing.delta","output_index":0,"delta":"a"}"#,
            &last,
        ]);
        assert_eq!(String::from_utf8(whole.reply).unwrap(), response);
        assert!(whole.assembled && whole.ended);
        assert_eq!(whole.facts.model.as_deref(), Some("m2"));
        assert_eq!(whole.facts.usage.reasoning, Some(2));
        assert_eq!(whole.error.and_then(|error| error.message).as_deref(), error);
    }
}

#[test]
fn a_cut_stream_is_put_together_from_its_deltas() {
    let whole = assembled(&[CREATED, r#"{"type":"response.in_progress","response":{"id":"resp_1"}}"#]);
    assert!(whole.assembled && !whole.ended);
    assert_eq!(whole.facts.id.as_deref(), Some("resp_1"));
    assert_eq!(
        output(&[
            r#"{"type":"response.output_item.added","output_index":1,"item":{"id":"msg_1","type":"message","status":"in_progress","role":"assistant","content":[]}}"#,
            r#"{"type":"response.content_part.added","item_id":"msg_1","output_index":1,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}"#,
            r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":1,"content_index":0,"delta":"\u4f60","logprobs":[]}"#,
            r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":1,"content_index":0,"delta":"好","logprobs":[{"token":"好"}]}"#,
            r#"{"type":"response.output_text.annotation.added","output_index":1,"content_index":0,"annotation_index":0,"annotation":{"type":"file_citation"}}"#,
            r#"{"type":"response.refusal.delta","output_index":1,"content_index":1,"delta":"no"}"#,
            r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[]}}"#,
            r#"{"type":"response.reasoning_summary_part.added","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}}"#,
            r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"th"}"#,
            r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"ink"}"#,
            r#"{"type":"response.reasoning_text.delta","output_index":0,"content_index":0,"delta":"raw"}"#,
        ]),
        r#"[{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"think"}],"content":[{"type":"reasoning_text","text":"raw"}]},{"id":"msg_1","type":"message","status":"in_progress","role":"assistant","content":[{"type":"output_text","text":"你好","annotations":[{"type":"file_citation"}],"logprobs":[{"token":"好"}]},{"type":"refusal","refusal":"no"}]}]"#
    );
}

#[test]
fn calls_of_tools_are_put_together_too() {
    assert_eq!(
        output(&[
            r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"fc_1","type":"function_call","name":"f","arguments":""}}"#,
            r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{\"a\""}"#,
            r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":":1}"}"#,
            r#"{"type":"response.mcp_call_arguments.delta","output_index":1,"delta":"{"}"#,
            r#"{"type":"response.mcp_call_arguments.done","output_index":1,"arguments":"{}"}"#,
            r#"{"type":"response.custom_tool_call_input.delta","output_index":2,"delta":"in"}"#,
            r#"{"type":"response.code_interpreter_call_code.delta","output_index":3,"delta":"print()"}"#,
            r#"{"type":"response.code_interpreter_call.interpreting","output_index":3}"#,
            r#"{"type":"response.image_generation_call.partial_image","output_index":4,"partial_image_index":0,"partial_image_b64":"AA"}"#,
            r#"{"type":"response.image_generation_call.partial_image","output_index":4,"partial_image_index":1,"partial_image_b64":"BB"}"#,
        ]),
        r#"[{"id":"fc_1","type":"function_call","name":"f","arguments":"{\"a\":1}"},{"type":"mcp_call","arguments":"{}"},{"type":"custom_tool_call","input":"in"},{"type":"code_interpreter_call","code":"print()","status":"interpreting"},{"partial_image_b64":"BB"}]"#
    );
}

#[test]
fn an_item_or_part_that_is_done_replaces_its_pieces() {
    assert_eq!(
        output(&[
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"a"}"#,
            r#"{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"ab"}"#,
            r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"a"}"#,
            r#"{"type":"response.content_part.done","output_index":1,"content_index":0,"part":{"type":"output_text","text":"whole"}}"#,
            r#"{"type":"response.output_text.delta","output_index":2,"content_index":0,"delta":"a"}"#,
            r#"{"type":"response.output_item.done","output_index":2,"item":{"id":"msg_2","type":"message","status":"completed"}}"#,
        ]),
        r#"[{"type":"message","content":[{"type":"output_text","text":"ab"}]},{"type":"message","content":[{"type":"output_text","text":"whole"}]},{"id":"msg_2","type":"message","status":"completed"}]"#
    );
}

#[test]
fn spoken_answers_keep_sound_and_words() {
    assert_eq!(
        reply(&[
            r#"{"type":"response.audio.delta","delta":"AA"}"#,
            r#"{"type":"response.audio.transcript.delta","delta":"Hi"}"#,
            r#"{"type":"response.audio.delta","delta":"BB"}"#,
            r#"{"type":"response.audio.transcript.delta","delta":"!"}"#,
            r#"{"type":"response.audio.done"}"#,
        ]),
        r#"{"audio":{"data":"AABB","transcript":"Hi!"}}"#
    );
}

#[test]
fn events_of_a_new_kind_are_kept_when_the_whole_never_came() {
    assert_eq!(
        reply(&[
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"a"}"#,
            r#"{"type":"response.new_thing.delta","output_index":0,"delta":"b"}"#,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":99999999,"delta":"c"}"#,
        ]),
        r#"{"object":"response","status":"in_progress","output":[{"type":"message","content":[{"type":"output_text","text":"a"}]}],"unrecognized":[{"type":"response.new_thing.delta","output_index":0,"delta":"b"},{"type":"response.output_text.delta","output_index":0,"content_index":99999999,"delta":"c"}]}"#
    );
}

#[test]
fn an_error_event_is_told_and_kept() {
    let whole = assembled(&[CREATED, r#"{"type":"error","code":"ERR","message":"m","param":null}"#]);
    let error = whole.error.unwrap();
    assert_eq!((error.message.as_deref(), error.code.as_deref(), error.kind), (Some("m"), Some("ERR"), None));
    assert!(!whole.ended);
    assert!(
        String::from_utf8(whole.reply)
            .unwrap()
            .contains(r#""error":{"type":"error","code":"ERR","message":"m","param":null}"#)
    );
}
