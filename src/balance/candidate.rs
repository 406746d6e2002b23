//! What a plan is made from: one [`Candidate`] per upstream, one [`Need`] per request.
//!
//! **Invariant:** nothing here owns memory: these are views of the roster's snapshot and of the request.
//! **May import:** std, and this room's `glob` and `standing`.

use crate::balance::glob::ModelRules;
use crate::balance::standing::Standing;

/// One upstream as the roster sees it at this moment.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its id in the database.
    pub id: i64,
    /// The operator's will; whether it works is [`Candidate::standing`].
    pub enabled: bool,
    /// Its tier: lower ones are tried first.
    pub priority: i64,
    /// Its place in the operator's list; equals are told apart by id.
    pub position: i64,
    /// Its share under `weighted` and `sticky`. With 0 it comes after all others of its tier.
    pub weight: u32,
    /// The models it may be asked for.
    pub rules: &'a ModelRules,
    /// Names of the caller keys that may use it; empty means all.
    pub keys: &'a [String],
    /// Measured health, of the upstream and of the model on it ([`crate::balance::standing::combine`]).
    pub standing: Standing,
    /// Requests under way there now.
    pub in_flight: u32,
    /// Expected microseconds to the first byte; 0 when unknown ([`crate::balance::latency::PeakEwma::value`]).
    pub first_byte_ewma_us: f64,
    /// Requests that succeeded, ever.
    pub success_count: i64,
    /// Requests that failed by its fault, ever.
    pub failed_count: i64,
}

/// What one request asks for.
#[derive(Clone, Copy, Debug)]
pub struct Need<'a> {
    /// The model asked for; of a request without one, its path.
    pub model: &'a str,
    /// Name of the caller's key; empty when no key was asked for.
    pub key_name: &'a str,
    /// The models that the key may ask for; `None` means all.
    pub key_models: Option<&'a ModelRules>,
    /// The upstream where the resource named in the request lives (a file, a batch, an earlier response).
    pub home: Option<i64>,
    /// Hash of the conversation, for `sticky`; of a request that belongs to none, the ticket.
    pub conversation: u64,
}

/// How many counters [`lane`] tells apart.
pub const LANES: usize = 64;

/// Which of [`LANES`] counters gives this request its ticket: those of one model and caller share one.
///
/// With a single counter for everything, a program that asks two models in turn would see only every second ticket
/// per model, and a round of two upstreams would send all of a model to the same one.
pub fn lane(model: &str, key_name: &str) -> usize {
    // FNV-1a (RFC 9923): a few bytes, no state, no allocation.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in model.bytes().chain([0]).chain(key_name.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    (mix(hash) % LANES as u64) as usize
}

/// splitmix64's finaliser (Steele, Lea, Flood 2014): turns a counter into bits that look random.
pub fn mix(counter: u64) -> u64 {
    let mut bits = counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use crate::balance::candidate::{LANES, lane, mix};

    #[test]
    fn mixing_gives_the_published_sequence_of_splitmix64() {
        // The first outputs of the reference implementation seeded with 0.
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix(0x9e37_79b9_7f4a_7c15), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn a_lane_belongs_to_model_and_key() {
        assert_eq!(lane("gpt-4o", "team"), lane("gpt-4o", "team"));
        assert_ne!(lane("ab", "c"), lane("a", "bc"));
        let used: std::collections::HashSet<usize> = (0..1_000).map(|n| lane(&n.to_string(), "")).collect();
        assert_eq!(used.len(), LANES);
    }
}
