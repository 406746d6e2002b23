//! What [`crate::openai::assemble::chat`] promises. **Invariant:** every expectation is literal. **May import:** the room.

use crate::openai::assemble::tests::{assembled, reply};
use crate::openai::facts::{Facts, Usage};

/// A chunk with this delta for the first choice.
fn delta(delta: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#)
}

/// The message that these deltas make.
fn message(deltas: &[&str]) -> String {
    let chunks: Vec<String> = deltas.iter().map(|text| delta(text)).collect();
    let text = reply(&chunks.iter().map(String::as_str).collect::<Vec<_>>());
    let start = r#"{"choices":[{"index":0,"message":"#;
    let end = r#","finish_reason":null}],"object":"chat.completion"}"#;
    text.strip_prefix(start).unwrap().strip_suffix(end).unwrap().to_owned()
}

#[test]
fn an_ordinary_stream_becomes_the_unstreamed_object() {
    let whole = assembled(&[
        r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","service_tier":"default","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"x"}"#,
        r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","service_tier":"default","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":"Hel\n"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"y"}"#,
        r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":"lo"},"logprobs":null,"finish_reason":null}]}"#,
        r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}"#,
        r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","choices":[],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29}}"#,
        "[DONE]",
    ]);
    assert_eq!(
        String::from_utf8(whole.reply).unwrap(),
        r#"{"id":"chatcmpl-1","object":"chat.completion","created":1694268190,"model":"gpt-4o-mini","service_tier":"default","system_fingerprint":"fp_1","choices":[{"index":0,"message":{"role":"assistant","content":"Hel\nlo","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29}}"#
    );
    assert!(whole.assembled && whole.ended);
    assert_eq!(whole.error, None);
    assert_eq!(
        whole.facts,
        Facts {
            model: Some("gpt-4o-mini".to_owned()),
            usage: Usage { input: Some(19), output: Some(10), ..Usage::default() },
            id: Some("chatcmpl-1".to_owned()),
        }
    );
}

#[test]
fn every_choice_is_put_together_by_itself() {
    assert_eq!(
        reply(&[
            r#"{"choices":[{"index":1,"delta":{"role":"assistant","content":"b"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"a"}},{"delta":{"content":"B"},"index":1}]}"#,
            r#"{"choices":[{"index":1,"delta":{},"finish_reason":"length","content_filter_results":{"hate":{"filtered":false}}}]}"#,
        ]),
        r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":null},{"index":1,"message":{"role":"assistant","content":"bB"},"finish_reason":"length","content_filter_results":{"hate":{"filtered":false}}}],"object":"chat.completion"}"#
    );
}

#[test]
fn tool_calls_are_joined_by_their_index() {
    assert_eq!(
        message(&[
            r#"{"role":"assistant","content":null}"#,
            r#"{"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"f","arguments":""}}]}"#,
            r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":"}}]}"#,
            r#"{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"g","arguments":"{"}},{"index":0,"function":{"arguments":"1}"}}]}"#,
            r#"{"tool_calls":[{"index":1,"function":{"arguments":"}"}}]}"#,
        ]),
        r#"{"role":"assistant","content":null,"tool_calls":[{"id":"call_a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"call_b","type":"function","function":{"name":"g","arguments":"{}"}}]}"#
    );
}

#[test]
fn tool_calls_of_services_that_count_badly_stay_apart() {
    let expected = r#"{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"b","function":{"name":"f","arguments":"[]"}}],"role":"assistant","content":null}"#;
    for index in [r#""index":0,"#, ""] {
        let call = |id: &str, arguments: &str| {
            format!(r#"{{"tool_calls":[{{{index}"id":"{id}","function":{{"name":"f","arguments":"{arguments}"}}}}]}}"#)
        };
        assert_eq!(message(&[&call("a", "{}"), &call("b", "[]")]), expected);
        // The same call again, name and id repeated.
        assert_eq!(message(&[&call("a", "{"), &call("a", "}"), &call("b", "[]")]), expected);
    }
}

#[test]
fn refusals_reasoning_function_calls_and_audio_are_joined() {
    assert_eq!(
        message(&[
            r#"{"refusal":"I ca","reasoning_content":"hm","reasoning":"a","future_text":"x"}"#,
            r#"{"refusal":"n't","reasoning_content":"m","reasoning":"b","future_text":"y","annotations":[{"type":"url_citation","url_citation":{"url":"u"}}]}"#,
            r#"{"function_call":{"name":"f","arguments":"{"},"audio":{"id":"audio_1","transcript":"He"},"annotations":[{"type":"url_citation","url_citation":{"url":"v"}}]}"#,
            r#"{"function_call":{"arguments":"}"},"audio":{"id":"audio_1","transcript":"y","data":"AA"}}"#,
            r#"{"audio":{"data":"BB","expires_at":1729}}"#,
            r#"{"reasoning_details":[{"type":"reasoning.text","text":"p","index":0}]}"#,
            r#"{"reasoning_details":[{"type":"reasoning.text","text":"q","signature":"s","index":0}]}"#,
        ]),
        r#"{"refusal":"I can't","reasoning_content":"hmm","reasoning":"ab","future_text":"xy","annotations":[{"type":"url_citation","url_citation":{"url":"u"}},{"type":"url_citation","url_citation":{"url":"v"}}],"function_call":{"name":"f","arguments":"{}"},"audio":{"id":"audio_1","transcript":"Hey","data":"AABB","expires_at":1729},"reasoning_details":[{"type":"reasoning.text","text":"pq","index":0,"signature":"s"}],"role":"assistant","content":null}"#
    );
}

#[test]
fn content_that_is_sometimes_a_list_loses_nothing() {
    assert_eq!(
        message(&[r#"{"role":"assistant","content":[{"type":"thinking","thinking":"t"}]}"#, r#"{"content":"a"}"#,]),
        r#"{"role":"assistant","content":[{"type":"thinking","thinking":"t"},"a"]}"#
    );
}

#[test]
fn logprobs_are_joined_in_their_lists() {
    assert_eq!(
        reply(&[
            r#"{"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-0.10}],"refusal":null}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"b"},"logprobs":{"content":[{"token":"b","logprob":-2e-7}],"refusal":null},"finish_reason":"stop"}]}"#,
        ]),
        r#"{"choices":[{"index":0,"message":{"content":"ab","role":"assistant"},"logprobs":{"content":[{"token":"a","logprob":-0.10},{"token":"b","logprob":-2e-7}],"refusal":null},"finish_reason":"stop"}],"object":"chat.completion"}"#
    );
}

#[test]
fn escaped_letters_become_letters_even_when_cut_in_two() {
    assert_eq!(
        message(&[r#"{"content":"\u4f60\u597d \ud83d"}"#, r#"{"content":"\ude00 \"\\n\u0001\u0022 \ud83d!"}"#]),
        "{\"content\":\"你好 😀 \\\"\\\\n\\u0001\\u0022 \u{fffd}!\",\"role\":\"assistant\"}"
    );
}

#[test]
fn blank_fields_of_the_first_or_last_chunk_do_not_wipe_out_others() {
    assert_eq!(
        reply(&[
            r#"{"id":"","object":"","created":0,"model":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#,
            r#"{"id":"c","object":"chat.completion.chunk","created":9,"model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}"#,
            r#"{"id":"","model":null,"choices":[{"index":0,"delta":{"content":"","role":""},"finish_reason":""}],"usage":null}"#,
        ]),
        r#"{"id":"c","object":"chat.completion","created":9,"model":"m","choices":[{"index":0,"message":{"content":"a","role":"assistant"},"finish_reason":"stop"}],"prompt_filter_results":[{"prompt_index":0}],"usage":{"prompt_tokens":1}}"#
    );
}

#[test]
fn a_whole_message_counts_when_no_deltas_came_and_is_kept_when_they_did() {
    let whole = r#"{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}]}"#;
    assert_eq!(reply(&[whole]), whole);
    assert_eq!(
        reply(&[&delta(r#"{"content":"b"}"#), whole]),
        r#"{"choices":[{"index":0,"message":{"content":"b","role":"assistant"},"finish_reason":"stop","unrecognized":[{"role":"assistant","content":"a"}]}],"object":"chat.completion"}"#
    );
}

#[test]
fn text_completions_have_texts_in_place_of_messages() {
    assert_eq!(
        reply(&[
            r#"{"id":"cmpl-1","object":"text_completion","created":1,"choices":[{"text":"a","index":0,"logprobs":{"tokens":["a"],"token_logprobs":[-1.5],"top_logprobs":[{"index":-1}],"text_offset":[0]},"finish_reason":null}],"model":"m"}"#,
            r#"{"id":"cmpl-1","object":"text_completion","created":1,"choices":[{"text":"b","index":0,"logprobs":{"tokens":["b"],"token_logprobs":[-2],"top_logprobs":[{"index":-2}],"text_offset":[1]},"finish_reason":"length"}],"model":"m"}"#,
        ]),
        r#"{"id":"cmpl-1","object":"text_completion","created":1,"choices":[{"index":0,"text":"ab","logprobs":{"tokens":["a","b"],"token_logprobs":[-1.5,-2],"top_logprobs":[{"index":-1},{"index":-2}],"text_offset":[0,1]},"finish_reason":"length"}],"model":"m"}"#
    );
}

#[test]
fn an_error_in_the_middle_is_told_and_kept() {
    let whole = assembled(&[&delta(r#"{"content":"a"}"#), r#"{"error":{"message":"gone","code":502}}"#]);
    assert!(!whole.ended);
    assert_eq!(whole.error.unwrap().message.as_deref(), Some("gone"));
    assert_eq!(
        String::from_utf8(whole.reply).unwrap(),
        r#"{"choices":[{"index":0,"message":{"content":"a","role":"assistant"},"finish_reason":null}],"object":"chat.completion","error":{"message":"gone","code":502}}"#
    );
}

#[test]
fn deep_nesting_needs_no_stack() {
    let deep = [r#"{"a":"#.repeat(100_000), "1".to_owned(), "}".repeat(100_000)].concat();
    let whole = assembled(&[&delta(&deep)]);
    assert!(whole.assembled);
    assert!(String::from_utf8(whole.reply).unwrap().contains(&deep[1..deep.len() - 1]));
}
