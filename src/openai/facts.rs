//! Model, id and tokens out of a whole reply.
//!
//! Start reading at [`facts`]. Only the top level and the `usage` object are looked at, so that a reply of a megabyte
//! of embeddings costs one walk over its bytes.
//!
//! **Invariant:** nothing here guesses: what a reply does not say stays `None`. **May import:** std, `openai::scan`.

use crate::openai::scan::{members, string_value};

/// Tokens, as far as the reply tells them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, those read from a cache included.
    pub input: Option<i64>,
    /// Tokens of the answer, reasoning included.
    pub output: Option<i64>,
    /// Tokens of the prompt that were read from a cache.
    pub cached: Option<i64>,
    /// Tokens spent on reasoning.
    pub reasoning: Option<i64>,
    /// Tokens of the prompt that were audio.
    pub audio_input: Option<i64>,
    /// Tokens of the answer that were audio.
    pub audio_output: Option<i64>,
}

/// What a reply says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The model that answered.
    pub model: Option<String>,
    /// What it cost.
    pub usage: Usage,
    /// The reply's own id.
    pub id: Option<String>,
}

/// The facts of an unstreamed JSON reply of any API; all `None` when it is no JSON object.
pub fn facts(reply: &[u8]) -> Facts {
    let mut facts = Facts::default();
    for (key, range) in members(reply) {
        let value = &reply[range];
        match key {
            b"model" => facts.model = text(value),
            b"id" => facts.id = text(value),
            b"usage" => facts.usage = usage(value),
            _ => {}
        }
    }
    facts
}

fn text(value: &[u8]) -> Option<String> {
    string_value(value).filter(|text| !text.is_empty()).map(|text| text.into_owned())
}

/// The tokens in a `usage` object: of chat and completions, of Responses, images and transcriptions, or of Anthropic,
/// which counts what was read from or written to its cache beside `input_tokens`, not inside.
pub fn usage(value: &[u8]) -> Usage {
    let mut usage = Usage::default();
    let (mut cache_read, mut cache_written) = (None, None);
    for (key, range) in members(value) {
        let value = &value[range];
        match key {
            b"prompt_tokens" | b"input_tokens" => usage.input = number(value),
            b"completion_tokens" | b"output_tokens" => usage.output = number(value),
            b"prompt_tokens_details" | b"input_tokens_details" | b"input_token_details" => {
                usage.cached = inner(value, b"cached_tokens").or(usage.cached);
                usage.audio_input = inner(value, b"audio_tokens").or(usage.audio_input);
            }
            b"completion_tokens_details" | b"output_tokens_details" | b"output_token_details" => {
                usage.reasoning = inner(value, b"reasoning_tokens").or(usage.reasoning);
                usage.audio_output = inner(value, b"audio_tokens").or(usage.audio_output);
            }
            // DeepSeek and Moonshot
            b"prompt_cache_hit_tokens" | b"cached_tokens" => {
                usage.cached = usage.cached.or_else(|| number(value));
            }
            b"cache_read_input_tokens" => cache_read = number(value),
            b"cache_creation_input_tokens" => cache_written = number(value),
            _ => {}
        }
    }
    if cache_read.is_some() || cache_written.is_some() {
        let beside = cache_read.unwrap_or(0).saturating_add(cache_written.unwrap_or(0));
        usage.input = usage.input.map(|input| input.saturating_add(beside));
        usage.cached = usage.cached.or(cache_read);
    }
    usage
}

fn inner(value: &[u8], name: &[u8]) -> Option<i64> {
    members(value).find(|(key, _)| *key == name).and_then(|(_, range)| number(&value[range]))
}

fn number(value: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(value).ok()?;
    match text.parse() {
        Ok(number) => Some(number),
        Err(_) => text.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number as i64),
    }
}

#[cfg(test)]
mod tests {
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
            "completion_tokens_details":{"reasoning_tokens":4,"audio_tokens":5}}}"#;
        assert_eq!(
            facts(reply.as_bytes()),
            Facts {
                model: Some("gpt-4o-mini".to_owned()),
                usage: Usage {
                    input: Some(19),
                    output: Some(10),
                    cached: Some(3),
                    reasoning: Some(4),
                    audio_input: Some(0),
                    audio_output: Some(5),
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
}
