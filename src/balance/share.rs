//! Which part of the requests each upstream gets first, as the policy orders them now.
//!
//! Found by asking the policy itself, with many tickets and conversations, so that it can never tell another story.
//!
//! **Invariant:** the same candidates give the same shares. **May import:** std, and this room's `candidate`, `plan` and `policy`.

use crate::balance::candidate::{Candidate, Need, mix};
use crate::balance::plan::plan;
use crate::balance::policy::Policy;

/// How many requests are rehearsed: shares are true to a quarter of a percent.
const REHEARSALS: u64 = 400;

/// Of all requests for `model`, the part that each candidate gets first: by place, 0 to 1.
pub fn shares(policy: Policy, candidates: &[Candidate<'_>], model: &str) -> Vec<f64> {
    let mut firsts = vec![0_u32; candidates.len()];
    for ticket in 0..REHEARSALS {
        let need = Need { model, key_name: "", key_models: None, home: None, conversation: mix(ticket) };
        if let Some(first) = plan(policy, candidates, &need, ticket).order.first() {
            firsts[*first] += 1;
        }
    }
    firsts.into_iter().map(|count| f64::from(count) / REHEARSALS as f64).collect()
}

#[cfg(test)]
mod tests {
    use crate::balance::candidate::Candidate;
    use crate::balance::glob::ModelRules;
    use crate::balance::policy::Policy;
    use crate::balance::share::shares;
    use crate::balance::standing::Standing;

    #[test]
    fn shares_follow_weights_order_and_health() {
        let rules = ModelRules::default();
        let candidate = |id: i64, weight: u32, standing: Standing| Candidate {
            id,
            enabled: true,
            priority: 0,
            position: id,
            weight,
            rules: &rules,
            keys: &[],
            standing,
            in_flight: 0,
            first_byte_ewma_us: 0.0,
            success_count: 0,
            failed_count: 0,
        };
        let three = [
            candidate(1, 3, Standing::Ready),
            candidate(2, 1, Standing::Ready),
            candidate(3, 4, Standing::Cooling { until_ms: 9 }),
        ];
        assert_eq!(shares(Policy::Weighted, &three, ""), [0.75, 0.25, 0.0]);
        assert_eq!(shares(Policy::Order, &three, ""), [1.0, 0.0, 0.0]);
        assert_eq!(shares(Policy::RoundRobin, &three, ""), [0.5, 0.5, 0.0]);
        let sticky = shares(Policy::Sticky, &three, "");
        assert!((0.65..0.85).contains(&sticky[0]) && sticky[2] == 0.0, "{sticky:?}");
        assert_eq!(shares(Policy::Order, &[], ""), Vec::<f64>::new());
    }
}
