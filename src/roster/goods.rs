//! When each model was last answered well by an upstream. Start at [`Goods::note`].
//!
//! **Invariant:** bounded, whatever callers ask for; routing never looks here. **May import:** std, this room's bound.

use std::collections::HashMap;

use crate::roster::measured::MODELS;

/// How long ago a model may have been answered well to speak for the upstream, in ms.
const LATELY_MS: i64 = 60 * 60 * 1000;

/// By model, unix ms.
#[derive(Default)]
pub(super) struct Goods(HashMap<String, i64>);

impl Goods {
    /// A model was answered well. What names none, such as the list of models, speaks for no model.
    pub(super) fn note(&mut self, model: &str, now_ms: i64) {
        if let Some(at_ms) = self.0.get_mut(model) {
            *at_ms = now_ms;
            return;
        }
        if self.0.len() >= MODELS {
            self.0.retain(|_, at_ms| is_lately(*at_ms, now_ms));
        }
        if !model.is_empty() && self.0.len() < MODELS {
            self.0.insert(model.to_owned(), now_ms);
        }
    }

    /// Whether one of which `is_so` holds was answered well lately.
    pub(super) fn any(&self, now_ms: i64, is_so: impl Fn(&str) -> bool) -> bool {
        self.0.iter().any(|(model, at_ms)| is_lately(*at_ms, now_ms) && is_so(model))
    }
}

fn is_lately(at_ms: i64, now_ms: i64) -> bool {
    now_ms.saturating_sub(at_ms) < LATELY_MS
}
