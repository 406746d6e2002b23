//! Any text as a query: it parses or is refused with a place within it, and what parses says the same when it is printed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use openai_api_route::search::{marks, parse};

fuzz_target!(|text: &str| {
    match parse(text) {
        Ok(query) => {
            let printed = query.to_string();
            assert_eq!(parse(&printed).as_ref(), Ok(&query), "{printed}");
            for range in marks(text, query.texts().map(|(_, term)| term)) {
                assert!(text.get(range).is_some(), "a mark stands between characters");
            }
        }
        Err(error) => assert!(text.get(error.at).is_some(), "the place is one of the text: {text:?}"),
    }
});
