//! What a request costs: prices by model pattern, the most specific pattern first.
//!
//! Start reading at [`PriceBook::cost`]. Prices are kept in pico-dollars per token, which is the same number as
//! micro-dollars per million tokens: 2.50 $ per million are 2,500,000. Costs are nano-dollars.
//!
//! **Invariant:** a cost is exact or `None`; a model without a price has none. **May import:** std.

/// The price of the models that a pattern names, in pico-dollars per token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// A model's name, or a pattern where each `*` stands for any text; upper and lower case are the same.
    pub pattern: String,
    /// Of a token of the prompt.
    pub input: i64,
    /// Of a token of the prompt that came from a cache; `None` = as any other of the prompt.
    pub cached: Option<i64>,
    /// Of a token of the answer, reasoning included.
    pub output: i64,
}

/// The tokens of a request, as far as they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Of the prompt, those from a cache included.
    pub input: Option<i64>,
    /// Of the prompt, those from a cache; unknown means that nobody said there were any.
    pub cached: Option<i64>,
    /// Of the answer, reasoning included.
    pub output: Option<i64>,
}

/// All prices there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceBook {
    /// The most specific first.
    prices: Vec<Price>,
}

impl PriceBook {
    /// Of two patterns that match a model the one with more characters besides `*` counts, of two as long the one
    /// without `*`, of two alike the one given last.
    pub fn new(prices: Vec<Price>) -> PriceBook {
        let mut ranked: Vec<(usize, Price)> = prices.into_iter().enumerate().collect();
        ranked.sort_by_key(|(at, price)| {
            let literal = price.pattern.chars().filter(|c| *c != '*').count();
            std::cmp::Reverse((literal, !price.pattern.contains('*'), *at))
        });
        PriceBook { prices: ranked.into_iter().map(|(_, price)| price).collect() }
    }

    /// The price of a model.
    pub fn find(&self, model: &str) -> Option<&Price> {
        let first = model.bytes().next().unwrap_or_default();
        // Nearly all of them begin otherwise.
        let begins = |pattern: &str| match pattern.bytes().next() {
            Some(b'*') | None => true,
            Some(byte) => byte.eq_ignore_ascii_case(&first),
        };
        self.prices.iter().find(|price| begins(&price.pattern) && matches(&price.pattern, model))
    }

    /// What a request cost, in nano-dollars: by the model that answered, else by the one asked for. `None` when neither has
    /// a price or tokens that cost something are unknown.
    pub fn cost(&self, answered: Option<&str>, asked: Option<&str>, tokens: Tokens) -> Option<i64> {
        let price = [answered, asked].into_iter().flatten().find_map(|model| self.find(model))?;
        cost_nano(price, tokens)
    }
}

/// What these tokens cost at this price, in nano-dollars, rounded to the nearest. Tokens that are unknown but free do no harm:
/// embeddings have no answer to count.
pub fn cost_nano(price: &Price, tokens: Tokens) -> Option<i64> {
    let known = |count: Option<i64>, price: i64| match count {
        None if price == 0 => Some(0),
        None => None,
        Some(count) => Some(i128::from(count.max(0))),
    };
    let cached_price = price.cached.unwrap_or(price.input);
    let input = known(tokens.input, price.input.max(cached_price))?;
    let output = known(tokens.output, price.output)?;
    let cached = i128::from(tokens.cached.unwrap_or(0).max(0)).min(input);
    let pico = (input - cached) * i128::from(price.input)
        + cached * i128::from(cached_price)
        + output * i128::from(price.output);
    i64::try_from((pico + 500).div_euclid(1000)).ok()
}

/// Whether the pattern stands for the model: its texts between `*` follow each other in it.
fn matches(pattern: &str, model: &str) -> bool {
    let (pattern, mut model) = (pattern.as_bytes(), model.as_bytes());
    let mut parts = pattern.split(|byte| *byte == b'*');
    let first = parts.next().unwrap_or_default();
    let starts = model.get(..first.len()).is_some_and(|start| start.eq_ignore_ascii_case(first));
    if !starts {
        return false;
    }
    model = &model[first.len()..];
    let mut parts: Vec<&[u8]> = parts.collect();
    let Some(last) = parts.pop() else { return model.is_empty() };
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        let found = model.windows(part.len()).position(|window| window.eq_ignore_ascii_case(part));
        let Some(at) = found else { return false };
        model = &model[at + part.len()..];
    }
    model.len() >= last.len() && model[model.len() - last.len()..].eq_ignore_ascii_case(last)
}

#[cfg(test)]
mod tests;
