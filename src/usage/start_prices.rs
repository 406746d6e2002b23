//! The prices a new database begins with: what the makers of well-known models asked for on [`PRICES_AS_OF`], in US dollars,
//! without discounts. The table in the database is the operator's to edit; this one is only copied once.
//!
//! Names stand for themselves and dated snapshots of themselves: a sibling of another price (`gpt-4o-audio-preview`) must not
//! be taken for one. **Invariant:** a row is a price list's, never a guess. **May import:** this room.

use crate::usage::prices::Price;

/// The day of the price lists.
pub const PRICES_AS_OF: &str = "2025-11-25";
/// The first moment of that day, unix µs (UTC).
pub const PRICES_AS_OF_US: i64 = 1_764_028_800_000_000;

/// Pattern, price of a prompt's token, of a cached one, of an answer's, in pico-dollars (= micro-dollars per million).
const START: [(&str, i64, Option<i64>, i64); 105] = [
    // OpenAI, <https://platform.openai.com/docs/pricing>
    ("gpt-5.1", 1_250_000, Some(125_000), 10_000_000),
    ("gpt-5.1-20*", 1_250_000, Some(125_000), 10_000_000),
    ("gpt-5.1-chat-latest", 1_250_000, Some(125_000), 10_000_000),
    ("gpt-5.1-codex", 1_250_000, Some(125_000), 10_000_000),
    ("gpt-5", 1_250_000, Some(125_000), 10_000_000),
    ("gpt-5-20*", 1_250_000, Some(125_000), 10_000_000),
    ("gpt-5-chat-latest", 1_250_000, Some(125_000), 10_000_000),
    ("gpt-5-codex", 1_250_000, Some(125_000), 10_000_000),
    ("gpt-5-mini", 250_000, Some(25_000), 2_000_000),
    ("gpt-5-mini-20*", 250_000, Some(25_000), 2_000_000),
    ("gpt-5.1-codex-mini", 250_000, Some(25_000), 2_000_000),
    ("gpt-5-nano", 50_000, Some(5_000), 400_000),
    ("gpt-5-nano-20*", 50_000, Some(5_000), 400_000),
    ("gpt-5-pro", 15_000_000, None, 120_000_000),
    ("gpt-5-pro-20*", 15_000_000, None, 120_000_000),
    ("gpt-4.1", 2_000_000, Some(500_000), 8_000_000),
    ("gpt-4.1-20*", 2_000_000, Some(500_000), 8_000_000),
    ("gpt-4.1-mini", 400_000, Some(100_000), 1_600_000),
    ("gpt-4.1-mini-20*", 400_000, Some(100_000), 1_600_000),
    ("gpt-4.1-nano", 100_000, Some(25_000), 400_000),
    ("gpt-4.1-nano-20*", 100_000, Some(25_000), 400_000),
    ("gpt-4o", 2_500_000, Some(1_250_000), 10_000_000),
    ("gpt-4o-20*", 2_500_000, Some(1_250_000), 10_000_000),
    ("gpt-4o-2024-05-13", 5_000_000, None, 15_000_000),
    ("chatgpt-4o-latest", 5_000_000, None, 15_000_000),
    ("gpt-4o-mini", 150_000, Some(75_000), 600_000),
    ("gpt-4o-mini-20*", 150_000, Some(75_000), 600_000),
    ("o1", 15_000_000, Some(7_500_000), 60_000_000),
    ("o1-20*", 15_000_000, Some(7_500_000), 60_000_000),
    ("o1-pro", 150_000_000, None, 600_000_000),
    ("o1-pro-20*", 150_000_000, None, 600_000_000),
    ("o1-mini", 1_100_000, Some(550_000), 4_400_000),
    ("o1-mini-20*", 1_100_000, Some(550_000), 4_400_000),
    ("o3-mini", 1_100_000, Some(550_000), 4_400_000),
    ("o3-mini-20*", 1_100_000, Some(550_000), 4_400_000),
    ("o3", 2_000_000, Some(500_000), 8_000_000),
    ("o3-20*", 2_000_000, Some(500_000), 8_000_000),
    ("o3-pro", 20_000_000, None, 80_000_000),
    ("o3-pro-20*", 20_000_000, None, 80_000_000),
    ("o3-deep-research", 10_000_000, Some(2_500_000), 40_000_000),
    ("o3-deep-research-20*", 10_000_000, Some(2_500_000), 40_000_000),
    ("o4-mini", 1_100_000, Some(275_000), 4_400_000),
    ("o4-mini-20*", 1_100_000, Some(275_000), 4_400_000),
    ("o4-mini-deep-research", 2_000_000, Some(500_000), 8_000_000),
    ("o4-mini-deep-research-20*", 2_000_000, Some(500_000), 8_000_000),
    ("codex-mini-latest", 1_500_000, Some(375_000), 6_000_000),
    ("gpt-4-turbo", 10_000_000, None, 30_000_000),
    ("gpt-4-turbo-20*", 10_000_000, None, 30_000_000),
    ("gpt-4-turbo-preview", 10_000_000, None, 30_000_000),
    ("gpt-4", 30_000_000, None, 60_000_000),
    ("gpt-4-0613", 30_000_000, None, 60_000_000),
    ("gpt-3.5-turbo", 500_000, None, 1_500_000),
    ("gpt-3.5-turbo-0125", 500_000, None, 1_500_000),
    ("text-embedding-3-small", 20_000, None, 0),
    ("text-embedding-3-large", 130_000, None, 0),
    ("text-embedding-ada-002", 100_000, None, 0),
    // Anthropic, <https://docs.claude.com/en/docs/about-claude/pricing>; prompts up to 200,000 tokens
    ("claude-opus-4-5*", 5_000_000, Some(500_000), 25_000_000),
    ("claude-opus-4-1*", 15_000_000, Some(1_500_000), 75_000_000),
    ("claude-opus-4-0", 15_000_000, Some(1_500_000), 75_000_000),
    ("claude-opus-4-20*", 15_000_000, Some(1_500_000), 75_000_000),
    ("claude-3-opus*", 15_000_000, Some(1_500_000), 75_000_000),
    ("claude-sonnet-4*", 3_000_000, Some(300_000), 15_000_000),
    ("claude-3-7-sonnet*", 3_000_000, Some(300_000), 15_000_000),
    ("claude-3-5-sonnet*", 3_000_000, Some(300_000), 15_000_000),
    ("claude-haiku-4-5*", 1_000_000, Some(100_000), 5_000_000),
    ("claude-3-5-haiku*", 800_000, Some(80_000), 4_000_000),
    ("claude-3-haiku*", 250_000, Some(30_000), 1_250_000),
    // DeepSeek, <https://api-docs.deepseek.com/quick_start/pricing>
    ("deepseek-chat", 280_000, Some(28_000), 420_000),
    ("deepseek-reasoner", 280_000, Some(28_000), 420_000),
    // Google, <https://ai.google.dev/gemini-api/docs/pricing>; prompts up to 200,000 tokens
    ("gemini-3-pro-preview", 2_000_000, Some(200_000), 12_000_000),
    ("gemini-2.5-pro", 1_250_000, Some(125_000), 10_000_000),
    ("gemini-2.5-flash", 300_000, Some(30_000), 2_500_000),
    ("gemini-2.5-flash-lite", 100_000, Some(10_000), 400_000),
    ("gemini-2.0-flash", 100_000, Some(25_000), 400_000),
    ("gemini-2.0-flash-001", 100_000, Some(25_000), 400_000),
    ("gemini-2.0-flash-lite", 75_000, None, 300_000),
    ("gemini-2.0-flash-lite-001", 75_000, None, 300_000),
    // Alibaba Cloud, international, <https://www.alibabacloud.com/help/en/model-studio/models>; the lowest tier
    ("qwen3-max", 1_200_000, None, 6_000_000),
    ("qwen3-max-20*", 1_200_000, None, 6_000_000),
    ("qwen3-max-preview", 1_200_000, None, 6_000_000),
    ("qwen-max", 1_600_000, None, 6_400_000),
    ("qwen-max-latest", 1_600_000, None, 6_400_000),
    ("qwen-plus", 400_000, None, 1_200_000),
    ("qwen-plus-latest", 400_000, None, 1_200_000),
    ("qwen-flash", 50_000, None, 400_000),
    ("qwen-turbo", 50_000, None, 200_000),
    ("qwen-turbo-latest", 50_000, None, 200_000),
    ("qwen3-coder-plus", 1_000_000, None, 5_000_000),
    // Moonshot, <https://platform.moonshot.ai/docs/pricing/chat>
    ("kimi-k2-0711-preview", 600_000, Some(150_000), 2_500_000),
    ("kimi-k2-0905-preview", 600_000, Some(150_000), 2_500_000),
    ("kimi-k2-thinking", 600_000, Some(150_000), 2_500_000),
    // Z.ai, <https://docs.z.ai/guides/overview/pricing>
    ("glm-4.6", 600_000, Some(110_000), 2_200_000),
    ("glm-4.5", 600_000, Some(110_000), 2_200_000),
    ("glm-4.5-air", 200_000, Some(30_000), 1_100_000),
    // xAI, <https://docs.x.ai/docs/models>
    ("grok-4", 3_000_000, Some(750_000), 15_000_000),
    ("grok-4-0709", 3_000_000, Some(750_000), 15_000_000),
    ("grok-3", 3_000_000, Some(750_000), 15_000_000),
    ("grok-3-mini", 300_000, Some(75_000), 500_000),
    ("grok-4-fast-reasoning", 200_000, Some(50_000), 500_000),
    ("grok-4-fast-non-reasoning", 200_000, Some(50_000), 500_000),
    ("grok-code-fast-1", 200_000, Some(20_000), 1_500_000),
    // Mistral, <https://mistral.ai/pricing>
    ("mistral-medium-latest", 400_000, None, 2_000_000),
    ("mistral-medium-2508", 400_000, None, 2_000_000),
    ("mistral-small-latest", 100_000, None, 300_000),
    ("codestral-latest", 300_000, None, 900_000),
];

/// The table.
pub fn start_prices() -> Vec<Price> {
    let price = |&(pattern, input, cached, output): &(&str, i64, Option<i64>, i64)| Price {
        pattern: pattern.to_owned(),
        input,
        cached,
        output,
    };
    START.iter().map(price).collect()
}
