//! Any bytes as a stream of events, cut anywhere: in pieces it means what it means as a whole, and what is filtered is told
//! whole events only.

#![no_main]

use libfuzzer_sys::fuzz_target;
use openai_api_route::openai::assemble::Assembler;
use openai_api_route::openai::usage_filter::{Part, UsageFilter};

fuzz_target!(|input: (u8, &[u8])| {
    let (longest, stream) = (usize::from(input.0).max(1), input.1);
    let assembled = |longest: usize| {
        let mut assembler = Assembler::new();
        stream.chunks(longest).for_each(|piece| assembler.push(piece));
        let done = assembler.finish();
        (done.reply, done.assembled, done.ended)
    };
    let filtered = |longest: usize| {
        let (mut filter, mut out) = (UsageFilter::new(), Vec::new());
        for piece in stream.chunks(longest) {
            filter.push(piece, |part| match part {
                Part::Held(held) => out.extend_from_slice(&held),
                Part::Piece(piece) => out.extend_from_slice(piece),
            });
        }
        out.append(&mut filter.finish());
        out
    };
    let whole = stream.len().max(1);
    assert_eq!(assembled(longest), assembled(whole));
    let passed = filtered(longest);
    assert_eq!(passed, filtered(whole));
    let mut rest = stream;
    for byte in &passed {
        let at = rest.iter().position(|other| other == byte).expect("what passes is what came, in order");
        rest = &rest[at + 1..];
    }
});
