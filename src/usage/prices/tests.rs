//! Which price counts and what comes of it. **May import:** the room.

use crate::usage::prices::{Price, PriceBook, Tokens, cost_nano, matches};
use crate::usage::start_prices::{PRICES_AS_OF, start_prices};

fn price(pattern: &str, input: i64, cached: Option<i64>, output: i64) -> Price {
    Price { pattern: pattern.to_owned(), input, cached, output }
}

fn tokens(input: impl Into<Option<i64>>, cached: impl Into<Option<i64>>, output: impl Into<Option<i64>>) -> Tokens {
    Tokens { input: input.into(), cached: cached.into(), output: output.into() }
}

#[test]
fn a_star_stands_for_any_text() {
    for (pattern, model, expected) in [
        ("gpt-4o", "gpt-4o", true),
        ("gpt-4o", "GPT-4o", true),
        ("gpt-4o", "gpt-4o-mini", false),
        ("gpt-4o*", "gpt-4o", true),
        ("gpt-4o-*", "gpt-4o", false),
        ("*", "", true),
        ("*/gpt-4o", "openai/gpt-4o", true),
        ("*gpt*mini*", "openai/gpt-4o-mini-2024", true),
        ("*gpt*mini", "gpt-mini-mini", true),
        ("a*a", "a", false),
        ("a*b*c", "aXbXbc", true),
        ("a*b*c", "acb", false),
        ("", "", true),
        ("", "a", false),
        ("千问*", "千问-max", true),
    ] {
        assert_eq!(matches(pattern, model), expected, "{pattern} {model}");
    }
}

#[test]
fn the_most_specific_pattern_counts() {
    let book = PriceBook::new(vec![
        price("*", 1, None, 1),
        price("gpt-4o-mini", 4, None, 4),
        price("gpt-4o*", 2, None, 2),
        price("gpt-4o-min*i", 5, None, 5),
        price("gpt-4o-mini*", 3, None, 3),
    ]);
    for (model, input) in
        [("gpt-4o-mini", 4), ("gpt-4o-mini-2024-07-18", 3), ("gpt-4o-2024", 2), ("gpt-4o", 2), ("x", 1)]
    {
        assert_eq!(book.find(model).unwrap().input, input, "{model}");
    }
    assert!(PriceBook::default().find("gpt-4o").is_none());
}

#[test]
fn a_cost_is_exact_or_unknown() {
    let mini = price("m", 150_000, Some(75_000), 600_000);
    for (counted, expected) in [
        (tokens(1_000_000, 0, 0), Some(150_000_000)),
        (tokens(1_000_000, None, 1_000_000), Some(750_000_000)),
        (tokens(1_000_000, 1_000_000, 0), Some(75_000_000)),
        (tokens(11, 4, 2), Some(2_550)),
        (tokens(1, 0, 0), Some(150)),
        (tokens(0, 0, 0), Some(0)),
        (tokens(10, 20, 0), Some(750)),
        (tokens(-1, -5, 0), Some(0)),
        (tokens(None, None, 5), None),
        (tokens(5, None, None), None),
        (tokens(i64::MAX, 0, i64::MAX), None),
    ] {
        assert_eq!(cost_nano(&mini, counted), expected, "{counted:?}");
    }
    assert_eq!(cost_nano(&price("m", 100, None, 0), tokens(15, 15, 0)), Some(2), "rounded, and cached as any other");
    let embedding = price("e", 20_000, None, 0);
    assert_eq!(cost_nano(&embedding, tokens(8, None, None)), Some(160), "what is free need not be known");
    assert_eq!(cost_nano(&embedding, Tokens::default()), None);
}

#[test]
fn the_model_that_answered_counts_before_the_one_asked_for() {
    let book = PriceBook::new(vec![price("a", 1000, None, 0), price("b", 2000, None, 0)]);
    let one = tokens(1, None, None);
    assert_eq!(book.cost(Some("a"), Some("b"), one), Some(1));
    assert_eq!(book.cost(Some("unknown"), Some("b"), one), Some(2));
    assert_eq!(book.cost(None, Some("b"), one), Some(2));
    assert_eq!(book.cost(Some("unknown"), None, one), None, "unpriced is unknown, not free");
}

#[test]
fn the_start_table_prices_what_is_well_known_and_nothing_else() {
    let prices = start_prices();
    let book = PriceBook::new(prices.clone());
    for (model, dollars) in [
        ("gpt-4o-mini-2024-07-18", 0.15),
        ("gpt-4o", 2.5),
        ("gpt-4o-2024-05-13", 5.0),
        ("gpt-4o-2024-08-06", 2.5),
        ("claude-sonnet-4-5-20250929", 3.0),
        ("deepseek-chat", 0.28),
        ("gemini-2.5-flash", 0.3),
        ("gemini-2.5-flash-lite", 0.1),
        ("text-embedding-3-small", 0.02),
    ] {
        let found = book.find(model).unwrap_or_else(|| panic!("{model} has a price"));
        assert_eq!(found.input as f64 / 1e6, dollars, "{model}");
    }
    for unknown in ["gpt-4o-audio-preview", "gpt-4o-realtime-preview", "gpt-99", "llama", "gemini-2.5-flash-image"] {
        assert!(book.find(unknown).is_none(), "{unknown}");
    }
    let mut patterns: Vec<&str> = prices.iter().map(|price| price.pattern.as_str()).collect();
    patterns.sort_unstable();
    patterns.dedup();
    assert_eq!(patterns.len(), prices.len(), "no pattern stands twice");
    for price in &prices {
        assert!(price.input > 0 && price.output >= 0, "{price:?}");
        assert!(price.cached.is_none_or(|cached| cached > 0 && cached < price.input), "{price:?}");
    }
    assert_eq!(PRICES_AS_OF.len(), "2025-01-01".len());
}
