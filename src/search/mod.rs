//! The query language of the dashboard, and what it means that a text contains a term. Start reading at [`text`].
//!
//! | file | what it decides |
//! |---|---|
//! | [`segment`] | the index: what is kept of a record, and how it is asked |
//! | [`text`] | folding, which characters make words, the tokens of an index, when a term is in a text |
//!
//! **Invariant:** nothing here knows a database, reads a clock or fails on any input by more than an error with a place.
//! **May import:** std, memchr, and the other files of this room.

#[cfg(test)]
mod chance;
pub mod segment;
pub mod text;
