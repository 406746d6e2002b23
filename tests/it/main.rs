//! The integration suite: the real binary over real sockets, against upstreams that play a script.
//!
//! Every test that touches the database runs on SQLite and on Postgres. Names are sentences; what a test expects is
//! written out. Run one with `cargo test --test it -- the_name_of_it`.

// clippy.toml allows these within `#[test]`; the harness is nothing but test code.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness; // the harness proves itself: fake upstream against client, and Postgres
mod support; // gateway, fake upstream, client, databases
