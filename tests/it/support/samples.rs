//! Requests and replies of the OpenAI API, short enough to read and shaped as the real ones.

use crate::support::reply::Reply;

/// A chat request.
pub const CHAT: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Say hello."}]}"#;
/// A streamed chat request.
pub const CHAT_STREAM: &str =
    r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Say hello."}],"stream":true}"#;
/// The reply to [`CHAT`].
pub const COMPLETION: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":"Hello!"},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":2,"total_tokens":13,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":1}}}"#;
/// The error body OpenAI sends when it is out of order.
pub const SERVER_ERROR: &str =
    r#"{"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}"#;
/// The error body OpenAI sends for a wrong key.
pub const KEY_ERROR: &str = r#"{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#;
/// The error body OpenAI sends when the account has no money left.
pub const QUOTA_ERROR: &str = r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
/// The error body OpenAI sends when one is too fast.
pub const RATE_ERROR: &str =
    r#"{"error":{"message":"Rate limit reached","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#;
/// The error body OpenAI sends for a request that makes no sense.
pub const BAD_REQUEST: &str =
    r#"{"error":{"message":"Invalid value: 'x'","type":"invalid_request_error","param":"messages","code":null}}"#;

/// A good reply to [`CHAT`].
pub fn good() -> Reply {
    Reply::json(200, COMPLETION)
}

/// A good reply whose text tells which upstream gave it.
pub fn good_from(name: &str) -> Reply {
    Reply::json(200, &COMPLETION.replace("Hello!", &format!("Hello from {name}!")))
}

/// The first event of a chat stream, which has no content yet.
pub fn role() -> String {
    event(r#"{"role":"assistant","content":""}"#, "null")
}

/// An event of a chat stream with some text.
pub fn delta(text: &str) -> String {
    event(&format!(r#"{{"content":{}}}"#, serde_json::Value::from(text)), "null")
}

/// The event of a chat stream that tells why it ended.
pub fn stop() -> String {
    event("{}", "\"stop\"")
}

/// The event of a chat stream that tells the tokens.
pub fn usage() -> String {
    r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-mini-2024-07-18","choices":[],"usage":{"prompt_tokens":11,"completion_tokens":2,"total_tokens":13}}"#.to_owned()
}

/// An event of a chat stream with this delta.
pub fn event(delta: &str, finish: &str) -> String {
    format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-mini-2024-07-18","choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]}}"#
    )
}

/// A whole good stream that says `Hello!` in two pieces.
pub fn good_stream() -> Reply {
    Reply::stream().event(&role()).event(&delta("Hel")).event(&delta("lo!")).event(&stop()).event(&usage()).done()
}
