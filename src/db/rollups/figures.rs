//! The numbers of a set of requests, which add up. Start at [`Figures`].
//!
//! **Invariant:** a sum saturates and never wraps. **May import:** `usage`, this room.

use super::Sample;
use crate::usage::histogram::Histogram;
use crate::usage::speed::thousandths;

/// What is known of a set of requests. Tokens and cost are sums over those requests that told them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// How many there were.
    pub requests: i64,
    /// How many went wrong.
    pub errors: i64,
    /// How many were streams.
    pub streams: i64,
    /// Tokens of the prompts.
    pub tokens_in: i64,
    /// Tokens of the answers.
    pub tokens_out: i64,
    /// Tokens of the prompts from a cache.
    pub tokens_cached: i64,
    /// Tokens of the answers that were reasoning.
    pub tokens_reasoning: i64,
    /// Good requests that told no tokens.
    pub unknown_tokens: i64,
    /// Nano-dollars.
    pub cost_nano: i64,
    /// Good requests whose cost is unknown.
    pub unpriced: i64,
    /// Times to the first byte of requests that went well: a refusal is no answer, and a fast one.
    pub first_byte: Histogram,
    /// Times to the first content of requests that went well.
    pub first_content: Histogram,
    /// Times to the end.
    pub total: Histogram,
    /// Tokens of streamed answers per second, in thousandths.
    pub speed: Histogram,
}

impl Figures {
    /// One more request.
    pub(super) fn count(&mut self, sample: &Sample<'_>) {
        let one = |yes: bool| i64::from(yes);
        let known = |tokens: Option<i64>| tokens.unwrap_or(0).max(0);
        let silent = sample.tokens_in.is_none() && sample.tokens_out.is_none();
        let mut figures = Figures {
            requests: 1,
            errors: one(sample.is_error),
            streams: one(sample.streamed),
            tokens_in: known(sample.tokens_in),
            tokens_out: known(sample.tokens_out),
            tokens_cached: known(sample.tokens_cached),
            tokens_reasoning: known(sample.tokens_reasoning),
            unknown_tokens: one(silent && !sample.is_error),
            cost_nano: known(sample.cost_nano),
            unpriced: one(sample.cost_nano.is_none() && !sample.is_error),
            ..Figures::default()
        };
        std::mem::swap(&mut figures.first_byte, &mut self.first_byte);
        std::mem::swap(&mut figures.first_content, &mut self.first_content);
        std::mem::swap(&mut figures.total, &mut self.total);
        std::mem::swap(&mut figures.speed, &mut self.speed);
        if let (Some(us), false) = (sample.first_byte_us, sample.is_error) {
            figures.first_byte.add(us);
        }
        if let (Some(us), false) = (sample.first_content_us, sample.is_error) {
            figures.first_content.add(us);
        }
        figures.total.add(sample.total_us);
        if let (true, Some(tokens), Some(us)) = (sample.streamed, sample.tokens_out, sample.first_content_us)
            && let Some(speed) = thousandths(tokens, us, sample.total_us)
        {
            figures.speed.add(speed);
        }
        *self = figures.plus(self);
    }

    /// The numbers of both sets together.
    pub fn plus(mut self, other: &Figures) -> Figures {
        self.add(other);
        self
    }

    /// Adds another set.
    pub(super) fn add(&mut self, other: &Figures) {
        let sums = [
            (&mut self.requests, other.requests),
            (&mut self.errors, other.errors),
            (&mut self.streams, other.streams),
            (&mut self.tokens_in, other.tokens_in),
            (&mut self.tokens_out, other.tokens_out),
            (&mut self.tokens_cached, other.tokens_cached),
            (&mut self.tokens_reasoning, other.tokens_reasoning),
            (&mut self.unknown_tokens, other.unknown_tokens),
            (&mut self.cost_nano, other.cost_nano),
            (&mut self.unpriced, other.unpriced),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(more);
        }
        self.first_byte.merge(&other.first_byte);
        self.first_content.merge(&other.first_content);
        self.total.merge(&other.total);
        self.speed.merge(&other.speed);
    }
}
