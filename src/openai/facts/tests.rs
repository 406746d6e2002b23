//! Tests of the facts: every API's way to tell tokens, whole and streamed.

use crate::openai::assemble::Assembler;
use crate::openai::chance::Chance;
use crate::openai::facts::{Facts, Usage, facts};

fn tokens(reply: &str) -> [Option<i64>; 4] {
    let usage = facts(reply.as_bytes()).usage;
    [usage.input, usage.output, usage.cached, usage.reasoning]
}

#[test]
fn a_chat_completion_tells_everything() {
    let reply = r#"{"id":"chatcmpl-1","object":"chat.completion","model":"gpt-4o-mini","choices":[{"index":0,"message":{"model":"no"}}],
        "usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":3,"audio_tokens":0},
        "completion_tokens_details":{"reasoning_tokens":4,"audio_tokens":0}}}"#;
    assert_eq!(
        facts(reply.as_bytes()),
        Facts {
            model: Some("gpt-4o-mini".to_owned()),
            usage: Usage {
                input: Some(19),
                output: Some(10),
                cached: Some(3),
                reasoning: Some(4),
                audio_in: Some(0),
                audio_out: Some(0),
            },
            id: Some("chatcmpl-1".to_owned()),
        }
    );
}

#[test]
fn each_api_names_its_tokens_differently() {
    for (reply, expected) in [
        (
            r#"{"usage":{"input_tokens":36,"input_tokens_details":{"cached_tokens":1},"output_tokens":87,"output_tokens_details":{"reasoning_tokens":2}}}"#,
            [Some(36), Some(87), Some(1), Some(2)],
        ),
        (
            r#"{"object":"list","data":[{"embedding":[0.1]}],"usage":{"prompt_tokens":8,"total_tokens":8}}"#,
            [Some(8), None, None, None],
        ),
        (
            r#"{"text":"a","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":10},"output_tokens":31}}"#,
            [Some(14), Some(31), None, None],
        ),
        (r#"{"text":"a","usage":{"type":"duration","seconds":9}}"#, [None; 4]),
        (
            r#"{"type":"message","usage":{"input_tokens":10,"cache_creation_input_tokens":5,"cache_read_input_tokens":100,"output_tokens":7}}"#,
            [Some(115), Some(7), Some(100), None],
        ),
        (
            r#"{"usage":{"prompt_tokens":5,"completion_tokens":6,"prompt_cache_hit_tokens":4}}"#,
            [Some(5), Some(6), Some(4), None],
        ),
        (
            r#"{"usage":{"prompt_tokens":5.0,"completion_tokens":"6","prompt_tokens_details":null}}"#,
            [Some(5), None, None, None],
        ),
        (r#"{"usage":null}"#, [None; 4]),
        ("not json", [None; 4]),
    ] {
        assert_eq!(tokens(reply), expected, "{reply}");
    }
}

#[test]
fn usage_at_the_end_of_a_large_reply_is_found() {
    let numbers = vec!["-0.0123"; 100_000].join(",");
    let reply = format!(r#"{{"data":[{{"embedding":[{numbers}]}}],"model":"e","usage":{{"prompt_tokens":8}}}}"#);
    assert_eq!(tokens(&reply)[0], Some(8));
}

#[test]
fn no_bytes_make_it_panic() {
    let mut chance = Chance::new(4);
    for _ in 0..5_000 {
        facts(&chance.bytes(br#"{"usage":{"input_tokens":1e9},[]}"#, 60));
    }
}

/// Prompt, answer, sound of the prompt, sound of the answer.
fn with_sound(usage: Usage) -> [Option<i64>; 4] {
    [usage.input, usage.output, usage.audio_in, usage.audio_out]
}

#[test]
fn sound_is_counted_apart_where_the_reply_does_so() {
    for (reply, expected) in [
        (
            r#"{"usage":{"prompt_tokens":9,"prompt_tokens_details":{"audio_tokens":7},"completion_tokens":5,"completion_tokens_details":{"audio_tokens":3}}}"#,
            [Some(9), Some(5), Some(7), Some(3)],
        ),
        (
            r#"{"text":"a","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":4,"audio_tokens":10},"output_tokens":31}}"#,
            [Some(14), Some(31), Some(10), None],
        ),
        (
            r#"{"usage":{"input_tokens":1,"output_tokens":2,"output_token_details":{"audio_tokens":2}}}"#,
            [Some(1), Some(2), None, Some(2)],
        ),
        (
            r#"{"data":[{}],"usage":{"input_tokens":50,"output_tokens":60,"input_tokens_details":{"text_tokens":10,"image_tokens":40},"output_tokens_details":{"image_tokens":60,"text_tokens":0}}}"#,
            [Some(50), Some(60), None, None],
        ),
        (r#"{"usage":{"prompt_tokens":9,"prompt_tokens_details":{}}}"#, [Some(9), None, None, None]),
    ] {
        assert_eq!(with_sound(facts(reply.as_bytes()).usage), expected, "{reply}");
    }
}

#[test]
fn a_stream_put_together_keeps_its_usage_whatever_the_api() {
    for (stream, expected) in [
        (
            r#"data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"a"}}],"usage":null}

data: {"object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"completion_tokens_details":{"audio_tokens":1}}}

data: [DONE]

"#,
            [Some(3), Some(4), None, Some(1)],
        ),
        (
            r#"data: {"object":"text_completion","choices":[{"index":0,"text":"a"}],"usage":null}

data: {"object":"text_completion","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}

data: [DONE]

"#,
            [Some(3), Some(4), None, None],
        ),
        (
            r#"data: {"type":"response.created","response":{"id":"r","usage":null}}

data: {"type":"response.completed","response":{"id":"r","usage":{"input_tokens":3,"output_tokens":4}}}

"#,
            [Some(3), Some(4), None, None],
        ),
        (
            r#"data: {"type":"message_start","message":{"type":"message","usage":{"input_tokens":3,"cache_read_input_tokens":2,"output_tokens":1}}}

data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":4}}

data: {"type":"message_stop"}

"#,
            [Some(5), Some(4), None, None],
        ),
        (
            r#"data: {"type":"transcript.text.delta","delta":"a"}

data: {"type":"transcript.text.done","text":"a","usage":{"type":"tokens","input_tokens":3,"input_token_details":{"audio_tokens":2},"output_tokens":4}}

"#,
            [Some(3), Some(4), Some(2), None],
        ),
        (
            r#"data: {"type":"transcript.text.done","text":"a","usage":{"type":"duration","seconds":9}}

"#,
            [None; 4],
        ),
        (
            r#"data: {"type":"speech.audio.delta","audio":"AAAA"}

data: {"type":"speech.audio.done","usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}}

"#,
            [Some(3), Some(4), None, None],
        ),
        (
            r#"data: {"type":"image_generation.partial_image","b64_json":"AA"}

data: {"type":"image_generation.completed","b64_json":"AAAA","usage":{"input_tokens":3,"output_tokens":4,"input_tokens_details":{"text_tokens":3,"image_tokens":0}}}

"#,
            [Some(3), Some(4), None, None],
        ),
    ] {
        let mut assembler = Assembler::new();
        assembler.push(stream.as_bytes());
        let assembled = assembler.finish();
        assert!(assembled.assembled && assembled.ended, "{stream}");
        assert_eq!(with_sound(assembled.facts.usage), expected, "{stream}");
    }
}
