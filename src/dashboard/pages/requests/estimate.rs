//! What sending a body again will take, before it is sent. Start at [`Estimate::of`].
//!
//! **Invariant:** what nobody can know is a dash, never 0. **May import:** `usage`, `openai`, `db`.

use crate::dashboard::pages::requests::table::dash;
use crate::dashboard::shown;
use crate::db::records::Record;
use crate::openai::dialogue::layout;
use crate::openai::dialogue::texts::request_texts;
use crate::openai::scan::{member, string_value};
use crate::usage::estimate::tokens;
use crate::usage::prices::{PriceBook, Tokens};

/// About what a request will take.
pub(super) struct Estimate {
    /// Tokens of the request, and what they cost.
    pub(super) input: [String; 2],
    /// Tokens of a reply as long as the recorded one, and what it costs in all.
    pub(super) as_recorded: Option<[String; 2]>,
    /// The most tokens that the body allows, and what it costs in all.
    pub(super) most: Option<[String; 2]>,
}

impl Estimate {
    /// For `body` in the place of the record's, whose reply may have `most` tokens.
    pub(super) fn of(record: &Record, body: &[u8], most: Option<i64>, prices: &PriceBook) -> Estimate {
        let facts = &record.row.facts;
        let stored = record.texts.body.as_deref().unwrap_or_default();
        let (guess, guess_stored) = (guessed(&facts.path, body), guessed(&facts.path, stored));
        // What was counted once makes the guess for the edited body better.
        let input = match facts.tokens_in.filter(|counted| *counted > 0 && guess_stored > 0) {
            Some(counted) => counted.saturating_mul(guess) / guess_stored,
            None => guess,
        };
        let model = member(body, b"model").and_then(string_value);
        let cost = |output: i64| {
            let tokens = Tokens { input: Some(input), cached: None, output: Some(output) };
            prices.cost(None, model.as_deref(), tokens).map_or_else(dash, shown::money)
        };
        let with = |output: i64| [shown::exact(output), cost(output)];
        Estimate {
            input: [shown::exact(input), cost(0)],
            as_recorded: facts.tokens_out.map(with),
            most: most.map(with),
        }
    }
}

/// About how many tokens a body's texts and tools are.
fn guessed(path: &str, body: &[u8]) -> i64 {
    let mut sum = 0;
    request_texts(path, body, None, &mut |_, text| sum += tokens(text));
    let tools = layout(path, body).tools.and_then(|range| body.get(range));
    sum + tools.map_or(0, |tools| tokens(&String::from_utf8_lossy(tools)))
}
