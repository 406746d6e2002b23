//! The query language of the dashboard, and what it means that a text contains a term. Start reading at
//! [`query::Query`] for what can be asked, at [`text::Term`] for what a hit is.
//!
//! | file | what it decides |
//! |---|---|
//! | [`segment`] | the index: what is kept of a record, and how it is asked |
//! | [`text`] | folding, which characters make words, the tokens of an index, when a term is in a text |
//! | [`query`] | what a query means: clauses that all hold |
//! | [`mod@pattern`], [`network`] | what a name or an address may be |
//! | [`mod@fields`] | the table of fields, for the parser, the errors and the help |
//! | `lexer`, `reserved`, `filter`, `numbers`, [`mod@parse`] | from the text as typed to a query |
//! | [`error`], [`mistake`], `suggest` | what is said of a text that is no query |
//! | `print` | from a query to canonical text |
//! | [`mod@marks`] | where a page marks what was searched for |
//!
//! **Invariant:** nothing here knows a database, reads a clock or fails on any input by more than an error with a place.
//! **May import:** std, memchr, zstd, foldhash, and the other files of this room.

pub mod error;
pub mod fields;
pub mod marks;
pub mod mistake;
pub mod network;
pub mod parse;
pub mod pattern;
pub mod query;
pub mod segment;
pub mod text;

#[cfg(test)]
pub mod chance;
mod filter;
mod lexer;
mod numbers;
mod print;
mod reserved;
mod suggest;
#[cfg(test)]
mod tests;

pub use error::QueryError;
pub use fields::{FIELDS, FieldHelp};
pub use marks::marks;
pub use mistake::{BadFigure, Mistake};
pub use network::Network;
pub use parse::parse;
pub use pattern::Pattern;
pub use query::{Clause, Has, Is, NameField, NumberField, NumberRange, Query, Side, What};
