//! The wire format of the OpenAI API, as far as choosing an upstream and keeping a record need it.
//!
//! Start reading at [`scan`]: everything else stands on walking JSON as byte slices. Of a request: [`peek`], [`multipart`].
//! Of a reply: [`sse`] cuts a stream into events, [`opening`] says when content has begun, [`assemble`] puts the events
//! together, [`facts`] reads model and tokens, [`error`] reads and writes error bodies. [`splice`] changes a few bytes of a
//! request, [`usage_splice`] asks for the tokens of a stream, [`usage_filter`] takes the answer out of it again,
//! [`edit`] changes members of a body, [`redact`] takes out what nobody shall keep. Of both:
//! [`dialogue`] is what was said, in one shape for every API; [`slices`] cuts a body where parts of it come again, [`inline`] knows base64.
//!
//! **Invariant:** nothing here waits, logs, reads a clock, takes a lock or panics on any input; nothing writes a body anew.
//! **May import:** std, serde, serde_json, memchr, regex. Nothing of the crate outside this room.

pub mod assemble;
pub mod chunks;
pub mod dialogue;
pub mod edit;
pub mod error;
pub mod facts;
pub mod inline;
pub mod multipart;
pub mod opening;
pub mod peek;
pub mod redact;
pub mod scan;
pub mod slices;
pub mod splice;
pub mod sse;
pub mod usage_filter;
pub mod usage_splice;

#[cfg(test)]
mod chance;
