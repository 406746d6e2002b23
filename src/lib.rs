//! openai-api-route: a load balancer for the OpenAI API that records every conversation.
//!
//! # Rooms
//!
//! | room | what it is for |
//! |---|---|
//! | `config` | flags and environment → a validated `Config`; the only reader of the environment |
//! | `error` | what is told to the operator at start, and to a client afterwards |
//! | `openai` | pure: the wire format of the OpenAI API |
//! | `balance` | pure: whom to try, how they are doing, what to do next |
//!
//! # Import law
//!
//! One direction, kept true by `tests/it/tidy.rs`:
//! `main → lib → server → {proxy, dashboard} → state → {roster, recorder, notify} → {db, connector} → error`.
//! `balance`, `openai` (and `search`) import nothing of the crate, and no actix, awc, diesel, log, clock or lock.
//! `proxy` never names `db`; `dashboard` never names `proxy`.

pub mod db;
pub mod error;
