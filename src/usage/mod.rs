//! What requests cost and how long they took, as numbers.
//!
//! Start reading at [`prices::PriceBook::cost`] and [`histogram::Histogram`]; [`start_prices`] is the table a new database
//! begins with; [`estimate`] guesses the tokens of a text.
//!
//! **Invariant:** nothing but [`estimate`] guesses: what is not known has no cost, and no cost is never 0. Nothing here panics on any input.
//! **May import:** std. Nothing of the crate outside this room.

pub mod estimate;
pub mod histogram;
pub mod prices;
pub mod speed;
pub mod start_prices;
