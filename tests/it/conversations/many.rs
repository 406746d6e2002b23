//! Conversations among many: what leads to them lies in its place, waits, or is on its way.

use openai_api_route::db::records::{Ending, Facts, NewRecord, Texts};
use serde_json::json;

use crate::conversations::plan;
use crate::conversations::talker::{Talker, answers};
use crate::support::database::Kind;
use crate::support::record::store;
use crate::support::upstream::FakeUpstream;
use crate::support::{KEY, on_both, until};

fn what_goes_on_is_found_among_many_wherever_its_links_lie(kind: Kind) {
    let upstream = FakeUpstream::with(answers);
    let mut gateway = plan(kind, &upstream).start();
    let asked = |n: usize| json!({"role": "user", "content": format!("question {n}")});
    let answered = |n: usize, choice: usize| json!({"role": "assistant", "content": format!("answer {n}.{choice}")});
    let opened = |n: usize| {
        let body = json!({"model": "m", "messages": [asked(n)]}).to_string();
        // Each of its choices can be continued.
        let choice = |choice| json!({"index": choice, "message": answered(n, choice), "finish_reason": "stop"});
        let reply = json!({"choices": (0..3).map(choice).collect::<Vec<_>>()});
        let facts = Facts {
            key_name: "one".to_owned(),
            key_last4: KEY[KEY.len() - 4..].to_owned(),
            ending: Ending::Complete,
            path: "/v1/chat/completions".to_owned(),
            status: 200,
            ..Facts::default()
        };
        let texts =
            Texts { body: Some(body.into_bytes()), response: Some(reply.to_string().into_bytes()), ..Texts::default() };
        NewRecord { facts, texts, ..NewRecord::default() }
    };
    let all: Vec<NewRecord> = (0..12_500).map(opened).collect();
    let ids = store(&gateway, &all);
    // Some have been sorted in, the others wait: the writer ended in the middle of it.
    let number = |table: &str| -> usize {
        gateway.database.sql(&format!("SELECT count(DISTINCT record_id) FROM {table}")).parse().unwrap()
    };
    let (sorted, waiting) = (number("links"), number("newest_links"));
    assert!(sorted > 0 && waiting > 0, "{sorted} and {waiting}");
    for (round, crash) in [true, false].into_iter().enumerate() {
        let goes_on = [7, 6_007, 12_490].map(|n| n + round);
        for n in goes_on {
            let mut talker = Talker::new(&format!("goes on {n}"), KEY);
            talker.messages = vec![asked(n), answered(n, n % 3)];
            talker.say(&gateway, "Go on.");
            let found = || {
                let conversation = gateway
                    .database
                    .sql(&format!("SELECT conversation_id FROM records WHERE user_agent = 'goes on {n}'"));
                (!conversation.is_empty()).then_some(conversation)
            };
            assert_eq!(until("it is stored", found), ids[n].to_string(), "{n}");
        }
        if crash {
            gateway.crash();
            gateway.start_again();
        }
    }
}

on_both! {
    what_goes_on_is_found_among_many_wherever_its_links_lie,
}
