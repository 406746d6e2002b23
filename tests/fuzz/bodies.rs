//! Any bytes as a request's body and as a reply: the pieces joined are the bytes, every place told lies within them, a splice
//! changes nothing but its own bytes, and nothing panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use openai_api_route::openai::dialogue::texts::{preview, reply_texts, request_texts};
use openai_api_route::openai::dialogue::{layout, meaning, message, reply, signals};
use openai_api_route::openai::facts::facts;
use openai_api_route::openai::multipart::Summary;
use openai_api_route::openai::peek::peek;
use openai_api_route::openai::slices::slices;
use openai_api_route::openai::usage_splice::ask_for_usage;

const PATHS: [&str; 4] = ["/v1/chat/completions", "/v1/responses", "/v1/messages", ""];

fuzz_target!(|body: &[u8]| {
    let mut at = 0;
    slices(body, &mut |slice| {
        assert!(slice.range.start == at && slice.range.end > at, "slices follow each other, none empty");
        at = slice.range.end;
    });
    assert_eq!(at, body.len(), "the slices are all of it");

    if let Some(splice) = ask_for_usage(body) {
        let spliced = splice.apply(body);
        let begins = spliced.iter().zip(body).take_while(|(a, b)| a == b).count();
        let ends = spliced.iter().rev().zip(body.iter().rev()).take_while(|(a, b)| a == b).count();
        assert!(begins + ends >= body.len().min(spliced.len()), "one place has changed");
        assert!(asks_for_usage(&spliced), "it asks for the usage");
    }
    for path in PATHS {
        let found = layout(path, body);
        for range in [&found.messages, &found.tools, &found.upload].into_iter().flatten() {
            assert!(range.start <= range.end && range.end <= body.len());
        }
        let half = found.messages.clone().map(|range| range.start..range.start + range.len() / 2);
        for fresh in [None, half] {
            request_texts(path, body, fresh.clone(), &mut |_, _| {});
            preview(path, body, fresh.clone());
            signals(path, body, fresh, body);
        }
    }
    reply_texts(body, &mut |_, _| {});
    let mut out = Vec::new();
    for message in reply(body).into_iter().flatten().chain([message(body)]) {
        meaning(&message, &mut out);
    }
    facts(body);
    peek("application/json", body);
    peek("multipart/form-data; boundary=b", body);
    if let Some(mut summary) = Summary::new("multipart/form-data; boundary=b") {
        for piece in body.chunks(7) {
            summary.push(piece);
        }
        summary.finish();
    }
});

/// The option stands in it.
fn asks_for_usage(body: &[u8]) -> bool {
    body.windows(13).any(|window| window == b"include_usage")
}
