//! Whom to try, how they are doing, what to do next. Start reading at [`plan::plan`]: an ordered list of upstreams, so
//! that failover is nothing but "the next one"; then [`verdict`], which says after each attempt whether to go there.
//!
//! | file | what it decides |
//! |---|---|
//! | [`candidate`] | the facts about one upstream and one request that a plan is made from |
//! | [`glob`] | which models an upstream may be asked for |
//! | [`policy`], [`arrange`], [`turns`] | the names of the policies, and the order each gives to equals |
//! | [`plan`] | the whole order: eligibility, home, health, tiers, then the policy |
//! | [`verdict`] | whose fault an outcome is, and: reply, next, give up |
//! | [`blame`] | what an outcome tells the breakers |
//! | [`standing`] | how an upstream stands at a moment |
//! | [`health`], [`breaker`] | the breaker of one upstream or of one (upstream, model), and when it opens |
//! | [`latency`] | how long an upstream takes to its first byte, as a peak-sensitive average |
//! | [`retry_after`], [`date`] | until when a refusing upstream wants to be left alone |
//! | [`share`] | which part of the requests each upstream gets first |
//! | [`incident`] | when people are told that an upstream fails or works again |
//!
//! **Invariant:** nothing here reads a clock, draws a random number, locks, waits, logs or talks to anybody. Times are
//! arguments in Unix milliseconds, chance is an argument called `ticket`.
//! **May import:** std, and the other files of this room.

pub mod arrange;
pub mod blame;
pub mod breaker;
pub mod candidate;
pub mod date;
pub mod glob;
pub mod health;
pub mod incident;
pub mod latency;
pub mod plan;
pub mod policy;
pub mod retry_after;
pub mod share;
pub mod standing;
pub mod turns;
pub mod verdict;
