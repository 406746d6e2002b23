//! The names of the policies. What each does to a list is in [`crate::balance::arrange`].
//!
//! **Invariant:** there is no policy without a name in [`Policy::ALL`], and no name that is read but not written.
//! **May import:** std.

use std::fmt;
use std::str::FromStr;

/// How upstreams of the same tier and the same readiness are put in order (setting `policy`).
///
/// The first five are the original's. Its `*_available` ones left out upstreams with failures for good; here every policy
/// puts those that are ready now first and keeps the rest behind as a last resort, so they equal their plain twins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Fewest failures first, then most successes: one upstream takes all while it works.
    #[default]
    Main,
    /// Any order, all equally likely.
    Random,
    /// The same as `random`.
    RandomAvailable,
    /// Each in turn, by a counter. The original asked who had succeeded longest ago, which sends requests that
    /// come while another is running to the same upstream.
    RoundRobin,
    /// The same as `round_robin`.
    RoundRobinAvailable,
    /// By position, then id: the first that is ready takes all.
    Order,
    /// Each in turn in proportion to its weight, spread evenly. Weight 0 comes after all others of its tier.
    Weighted,
    /// Fewest requests under way first.
    LeastBusy,
    /// Two are drawn; the one with the shorter expected wait (time to first byte × requests under way) goes first.
    Fastest,
    /// The same conversation goes to the same upstream, in proportion to weight, so that prompt caches hit.
    Sticky,
}

impl Policy {
    /// All policies, in the order in which people read about them.
    pub const ALL: [Policy; 10] = [
        Policy::Main,
        Policy::Random,
        Policy::RandomAvailable,
        Policy::RoundRobin,
        Policy::RoundRobinAvailable,
        Policy::Order,
        Policy::Weighted,
        Policy::LeastBusy,
        Policy::Fastest,
        Policy::Sticky,
    ];

    /// The name as the settings table has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Policy::Main => "main",
            Policy::Random => "random",
            Policy::RandomAvailable => "random_available",
            Policy::RoundRobin => "round_robin",
            Policy::RoundRobinAvailable => "round_robin_available",
            Policy::Order => "order",
            Policy::Weighted => "weighted",
            Policy::LeastBusy => "least_busy",
            Policy::Fastest => "fastest",
            Policy::Sticky => "sticky",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A setting that names no policy. Its text lists those there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPolicy(String);

impl fmt::Display for UnknownPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown policy {:?}; known are ", self.0)?;
        for (index, policy) in Policy::ALL.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{policy}")?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownPolicy {}

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Policy, UnknownPolicy> {
        let text = text.trim();
        let found = Policy::ALL.into_iter().find(|policy| policy.as_str() == text);
        found.ok_or_else(|| UnknownPolicy(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use crate::balance::policy::Policy;

    #[test]
    fn every_name_reads_back_as_its_policy() {
        for policy in Policy::ALL {
            assert_eq!(policy.as_str().parse(), Ok(policy));
        }
        assert_eq!(" round_robin\n".parse(), Ok(Policy::RoundRobin));
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = "fastets".parse::<Policy>().unwrap_err().to_string();
        assert_eq!(
            error,
            "unknown policy \"fastets\"; known are main, random, random_available, round_robin, \
             round_robin_available, order, weighted, least_busy, fastest, sticky"
        );
        assert!("".parse::<Policy>().is_err());
    }
}
