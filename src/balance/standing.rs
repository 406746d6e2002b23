//! How an upstream, or a model on it, stands. Made by [`crate::balance::health`], read by [`crate::balance::plan`].
//!
//! **Invariant:** nothing here changes anything: a standing is true for the moment it was asked for.
//! **May import:** std.

/// What a plan has to know. Ordered from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// May be asked.
    Ready,
    /// Half-open: one request may try ([`crate::balance::health::Health::claim_probe`]).
    Probe,
    /// Half-open, and one request is trying.
    Probing {
        /// When the probe counts as lost, Unix milliseconds.
        until_ms: i64,
    },
    /// Failed or refused; rests.
    Cooling {
        /// Until this Unix time in milliseconds.
        until_ms: i64,
    },
    /// Its key is refused: out until edited, re-tested or, as a last resort, found to work.
    KeyBad,
}

/// The standing of a model on an upstream: the worse of the upstream's own and of the model's there.
pub fn combine(upstream: Standing, model: Standing) -> Standing {
    upstream.max(model)
}

#[cfg(test)]
mod tests {
    use crate::balance::standing::{Standing, combine};

    #[test]
    fn the_worse_of_upstream_and_model_counts() {
        let cooling = |until_ms| Standing::Cooling { until_ms };
        let probing = Standing::Probing { until_ms: 90 };
        for (upstream, model, expected) in [
            (Standing::Ready, Standing::Ready, Standing::Ready),
            (Standing::Ready, Standing::Probe, Standing::Probe),
            (Standing::Probe, probing, probing),
            (probing, cooling(7), cooling(7)),
            (cooling(7), cooling(9), cooling(9)),
            (cooling(9), Standing::KeyBad, Standing::KeyBad),
        ] {
            assert_eq!(combine(upstream, model), expected);
            assert_eq!(combine(model, upstream), expected);
        }
    }
}
