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
    /// Tokens of the prompt that were sound.
    pub audio_in: Option<i64>,
    /// Tokens of the answer that were sound.
    pub audio_out: Option<i64>,
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
                usage.audio_in = inner(value, b"audio_tokens").or(usage.audio_in);
            }
            b"completion_tokens_details" | b"output_tokens_details" | b"output_token_details" => {
                usage.reasoning = inner(value, b"reasoning_tokens").or(usage.reasoning);
                usage.audio_out = inner(value, b"audio_tokens").or(usage.audio_out);
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
mod tests;
