//! What an answer means must be what its echo in the next request means, whatever client sends it.

use crate::openai::dialogue::tests::{answered, said};

/// All of these are the same message.
fn same(forms: &[&str]) {
    let first = said(forms[0]);
    assert!(first.is_some(), "{}", forms[0]);
    for form in forms {
        assert_eq!(said(form), first, "{form}");
    }
}

fn all_different(forms: &[&str]) {
    for (i, a) in forms.iter().enumerate() {
        assert!(said(a).is_some(), "{a}");
        for b in &forms[..i] {
            assert_ne!(said(a), said(b), "{a}\n{b}");
        }
    }
}

/// The items that take part are these answers, in order.
fn echoes(reply: &str, echo: &[&str]) {
    let echoed: Vec<Vec<u8>> = echo.iter().filter_map(|element| said(element)).collect();
    assert!(!echoed.is_empty());
    assert_eq!(answered(reply), echoed, "{reply}\n{echo:?}");
}

#[test]
fn white_space_key_order_and_the_form_of_content_do_not_matter() {
    same(&[
        r#"{"role":"user","content":"two words\nand more"}"#,
        r#"{ "content" : "two words\nand more",  "role":"user"}"#,
        r#"{"role":"user","content":"\n two words\r\nand more \n"}"#,
        r#"{"role":"user","content":[{"type":"text","text":"two words\nand more"}]}"#,
        r#"{"role":"user","content":[{"text":"two words\n","type":"text"},{"type":"text","text":"and more"}]}"#,
        r#"{"role":"user","content":[{"type":"text","text":"two words"},{"type":"text","text":"and more","cache_control":{"type":"ephemeral"}}]}"#,
        r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"two words\nand more"}],"status":"completed","id":"msg_1"}"#,
        r#"{"role":"user","name":null,"content":"two \u0077ords\nand more"}"#,
    ]);
    same(&[
        r#"{"role":"system","content":"a"}"#,
        r#"{"role":"developer","content":[{"type":"input_text","text":"a"}]}"#,
    ]);
}

#[test]
fn what_is_said_by_whom_does_matter() {
    all_different(&[
        r#"{"role":"user","content":"a"}"#,
        r#"{"role":"user","content":"b"}"#,
        r#"{"role":"user","content":"A"}"#,
        r#"{"role":"user","name":"bob","content":"a"}"#,
        r#"{"role":"assistant","content":"a"}"#,
        r#"{"role":"system","content":"a"}"#,
        r#"{"role":"tool","tool_call_id":"1","content":"a"}"#,
        r#"{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x/1.png"}}]}"#,
        r#"{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x/2.png"}}]}"#,
        r#"{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/2.png"}},{"type":"text","text":"a"}]}"#,
        r#"{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}"#,
        r#"{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAB"}}]}"#,
        r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":"a"}]}"#,
        r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":"a","is_error":true}]}"#,
    ]);
}

#[test]
fn a_picture_is_its_data_however_it_is_wrapped() {
    same(&[
        r#"{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0K","detail":"auto"}}]}"#,
        r#"{"role":"user","content":[{"type":"image_url","image_url":"data:image/png;base64,iVBORw0K"}]}"#,
        r#"{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,iVBORw0K","detail":null,"file_id":null}]}"#,
        r#"{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0K"}}]}"#,
    ]);
}

#[test]
fn arguments_are_compared_as_json() {
    let call = |arguments: &str| {
        let arguments = serde_json::Value::from(arguments);
        format!(
            r#"{{"role":"assistant","tool_calls":[{{"id":"1","type":"function","function":{{"name":"f","arguments":{arguments}}}}}]}}"#
        )
    };
    let forms = [
        r#"{"a":1,"b":{"c":"x y","d":[1.5,true]}}"#,
        r#"{ "b": {"d": [1.50, true], "c": "x\u0020y"}, "a": 1.0, "e": null }"#,
    ];
    same(&[&call(forms[0]), &call(forms[1])]);
    same(&[&call(""), &call("{}"), &call(" { } "), &call("null")]);
    same(&[&call("{\"a\": cut"), &call("{\"a\":cut ")]);
    all_different(&[&call(forms[0]), &call("{}"), &call(r#"{"a":1}"#), &call(r#"{"a":"1"}"#), &call(r#"{"a":[1]}"#)]);
}

const CHAT: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"你好。","refusal":null,"annotations":[],"reasoning_content":"hm"},"logprobs":null,"finish_reason":"stop"}],"usage":{}}"#;

#[test]
fn chat_answers_come_back_in_many_forms() {
    for echo in [
        r#"{"role":"assistant","content":"你好。"}"#,
        r#"{"content": "\u4f60\u597d。", "refusal": null, "role": "assistant", "annotations": [], "audio": null, "function_call": null, "tool_calls": null}"#,
        r#"{"role":"assistant","content":"你好。","tool_calls":[]}"#,
        r#"{"role":"assistant","content":[{"type":"text","text":"你好。"}],"reasoning_content":"hm"}"#,
        r#"{"role":"assistant","name":"helper","content":"你好。 "}"#,
    ] {
        echoes(CHAT, &[echo]);
    }
    let thinking = CHAT.replace("你好。", "<think>\\nhm\\n</think>\\n\\n你好。");
    echoes(&thinking, &[r#"{"role":"assistant","content":"你好。"}"#]);
    echoes(&thinking, &[r#"{"role":"assistant","content":"<think>\nhm\n</think>\n\n你好。"}"#]);
}

#[test]
fn chat_calls_of_tools_come_back_with_other_ids() {
    let reply = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"北京\",\"days\":1}"}},{"id":"call_2","type":"custom","custom":{"name":"sh","input":"ls -l"}}],"refusal":null},"finish_reason":"tool_calls"}]}"#;
    for echo in [
        r#"{"role":"assistant","tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"北京\",\"days\":1}"}},{"id":"call_2","type":"custom","custom":{"name":"sh","input":"ls -l"}}]}"#,
        r#"{"role":"assistant","content":"","tool_calls":[{"index":0,"id":"x","type":"function","function":{"arguments":"{\"days\": 1, \"city\": \"\\u5317\\u4eac\"}","name":"weather"}},{"id":"y","type":"custom","custom":{"name":"sh","input":"ls -l"}}]}"#,
        r#"{"role":"assistant","content":null,"tool_calls":[{"id":"x","type":"function","function":{"name":"weather","arguments":{"city":"北京","days":1}}},{"type":"custom","custom":{"name":"sh","input":"ls -l"}}]}"#,
    ] {
        echoes(reply, &[echo]);
    }
    same(&[
        r#"{"role":"tool","tool_call_id":"call_1","content":"sunny"}"#,
        r#"{"role":"tool","tool_call_id":"x","name":"weather","content":[{"type":"text","text":"sunny"}]}"#,
        r#"{"role":"function","name":"weather","content":"sunny"}"#,
    ]);
}

#[test]
fn a_refusal_and_spoken_answers_come_back() {
    let refusal = r#"{"choices":[{"message":{"role":"assistant","content":null,"refusal":"No."}}]}"#;
    echoes(refusal, &[r#"{"role":"assistant","refusal":"No."}"#]);
    echoes(refusal, &[r#"{"role":"assistant","content":[{"type":"refusal","refusal":"No."}]}"#]);
    let spoken = r#"{"choices":[{"message":{"role":"assistant","content":null,"audio":{"id":"audio_1","data":"UklGRg==","expires_at":1,"transcript":"Hi"}}}]}"#;
    echoes(spoken, &[r#"{"role":"assistant","audio":{"id":"audio_1"}}"#]);
}

const RESPONSE: &str = r#"{"id":"resp_1","object":"response","status":"completed","output":[
    {"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"x"},
    {"id":"ws_1","type":"web_search_call","status":"completed","action":{"type":"search","query":"q"}},
    {"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Look","annotations":[{"type":"url_citation"}],"logprobs":[]}]},
    {"id":"fc_1","type":"function_call","status":"completed","call_id":"call_1","name":"f","arguments":"{\"a\":1}"},
    {"id":"sh_1","type":"shell_call","call_id":"call_2","action":{"commands":["ls"],"timeout_ms":null},"status":"completed"}]}"#;

#[test]
fn items_of_a_response_come_back_whole_or_bare() {
    echoes(
        RESPONSE,
        &[
            r#"{"id":"rs_1","type":"reasoning","summary":[],"content":null,"encrypted_content":"x","status":null}"#,
            r#"{"type":"item_reference","id":"ws_1"}"#,
            r#"{"id":"msg_1","content":[{"annotations":[],"text":"Look","type":"output_text","logprobs":null}],"role":"assistant","status":"completed","type":"message","phase":null}"#,
            r#"{"arguments":"{\"a\": 1}","call_id":"call_1","name":"f","type":"function_call","id":"fc_1","status":"completed"}"#,
            r#"{"type":"shell_call","call_id":"call_2","action":{"commands":["ls"]}}"#,
        ],
    );
    echoes(
        RESPONSE,
        &[
            r#"{"role":"assistant","content":"Look"}"#,
            r#"{"type":"function_call","call_id":"other","name":"f","arguments":"{\"a\":1}"}"#,
            r#"{"type":"shell_call","call_id":"other","action":{"timeout_ms":null,"commands":["ls"]}}"#,
        ],
    );
    same(&[
        r#"{"type":"function_call_output","call_id":"call_1","output":"done"}"#,
        r#"{"type":"function_call_output","call_id":"x","id":null,"status":"completed","output":[{"type":"input_text","text":"done"}]}"#,
    ]);
}

#[test]
fn anthropics_answers_come_back_without_their_thinking() {
    let reply = r#"{"id":"msg_1","type":"message","role":"assistant","model":"c","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"Look","citations":null},{"type":"tool_use","id":"toolu_1","name":"f","input":{"b":2,"a":1}}],"stop_reason":"tool_use","usage":{"input_tokens":1}}"#;
    for echo in [
        r#"{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"Look"},{"type":"tool_use","id":"toolu_1","name":"f","input":{"a":1,"b":2}}]}"#,
        r#"{"role":"assistant","content":[{"type":"text","text":"Look"},{"type":"tool_use","id":"t","name":"f","input":{"a":1,"b":2},"cache_control":{"type":"ephemeral"}}]}"#,
    ] {
        echoes(reply, &[echo]);
    }
    let plain = r#"{"type":"message","role":"assistant","content":[{"type":"text","text":"Hi"}]}"#;
    echoes(plain, &[r#"{"role":"assistant","content":"Hi"}"#]);
    same(&[
        r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"done"}]}"#,
        r#"{"role":"user","content":[{"tool_use_id":"t","type":"tool_result","is_error":false,"content":[{"type":"text","text":"done"}],"cache_control":{"type":"ephemeral"}}]}"#,
    ]);
    let searched = r#"{"type":"message","role":"assistant","content":[{"type":"server_tool_use","id":"srv_1","name":"web_search","input":{"query":"q"}},{"type":"web_search_tool_result","tool_use_id":"srv_1","content":[{"type":"web_search_result","url":"https://x","encrypted_content":"e"}]},{"type":"text","text":"Found"}]}"#;
    echoes(searched, &[r#"{"role":"assistant","content":"Found"}"#]);
}

#[test]
fn what_says_nothing_takes_no_part() {
    for element in [
        r#"{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"}]}"#,
        r#"{"role":"assistant","content":[{"type":"redacted_thinking","data":"s"}]}"#,
        r#"{"role":"assistant","content":"","reasoning_content":"hm"}"#,
        r#"{"role":"assistant","content":null}"#,
        r#"{"role":"user","content":" \n"}"#,
        r#"{"type":"reasoning","summary":[],"encrypted_content":"x"}"#,
        r#"{"type":"item_reference","id":"msg_1"}"#,
        r#"{"type":"compaction","encrypted_content":"x"}"#,
        r#"{"type":"image_generation_call","id":"ig_1","result":"iVBORw0K"}"#,
        r#"{"type":"a_kind_of_tomorrow","x":1}"#,
    ] {
        assert_eq!(said(element), None, "{element}");
    }
}

#[test]
fn the_bytes_are_the_same_in_every_version() {
    let bytes = said(
        r#"{"role":"assistant","content":"a b","tool_calls":[{"function":{"name":"f","arguments":"{\"x\":[1.0,\"y\"]}"}}]}"#,
    );
    let expected = b"aTab\xffCf\xff{kx\xff[#1\xff\"y\xff]}\xff".to_vec();
    assert_eq!(bytes, Some(expected), "hashes of these are stored");
}
