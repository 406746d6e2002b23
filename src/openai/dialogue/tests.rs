//! Tests of the dialogue, by what it is used for.

mod any_bytes;
mod linking;
mod reading;
mod searching;

use crate::openai::dialogue::{meaning, message, reply};

/// The meaning of one element of a request; `None` when it takes no part.
fn said(element: &str) -> Option<Vec<u8>> {
    let mut out = b"before".to_vec();
    let takes_part = meaning(&message(element.as_bytes()), &mut out);
    assert!(takes_part || out == b"before", "nothing is added when it takes no part");
    takes_part.then(|| out.split_off(6))
}

/// The meanings of the first choice of a reply.
fn answered(body: &str) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for message in reply(body.as_bytes()).first().into_iter().flatten() {
        let mut bytes = Vec::new();
        if meaning(message, &mut bytes) {
            out.push(bytes);
        }
    }
    out
}
