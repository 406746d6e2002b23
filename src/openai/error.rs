//! Error bodies: writing OpenAI's shape, reading everybody's.
//!
//! Start reading at [`error_facts`].
//!
//! **Invariant:** nothing here decides what to do about an error; [`is_quota`] only says what it is.
//! **May import:** std, serde_json, `openai::scan`.

use crate::openai::scan::{elements, is_blank, members, skip_space, string_value};

/// What a reply says about its failure. Unknown stays `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErrorFacts {
    /// The sentence meant for people.
    pub message: Option<String>,
    /// OpenAI's `type`, for example `invalid_request_error`.
    pub kind: Option<String>,
    /// OpenAI's `code`, for example `rate_limit_exceeded`; numbers as text.
    pub code: Option<String>,
}

/// An error body in OpenAI's shape: `{"error":{"message","type","param","code"}}`, absent ones as `null`.
pub fn error_body(message: &str, kind: &str, param: Option<&str>, code: Option<&str>) -> String {
    let text = |value: Option<&str>| serde_json::Value::from(value).to_string();
    format!(
        r#"{{"error":{{"message":{},"type":{},"param":{},"code":{}}}}}"#,
        text(Some(message)),
        text(Some(kind)),
        text(param),
        text(code),
    )
}

/// What an error body says: OpenAI's shape, the `error` event of the Responses API, Anthropic's shape,
/// `{"error":"text"}`, `{"detail":…}`, `{"message":…}`, and any of these as the only element of an array.
/// `None` when it is none of them.
pub fn error_facts(body: &[u8]) -> Option<ErrorFacts> {
    let start = skip_space(body, 0);
    if body.get(start) == Some(&b'[') {
        let first = elements(body, start..body.len()).next()?;
        return object_facts(&body[first]);
    }
    object_facts(body)
}

fn object_facts(body: &[u8]) -> Option<ErrorFacts> {
    let mut facts = ErrorFacts::default();
    let mut detail = None;
    for (key, range) in members(body) {
        let value = &body[range];
        match key {
            b"error" if !is_blank(value) => return Some(value_facts(value)),
            b"message" | b"msg" => facts.message = facts.message.or_else(|| text_of(value)),
            b"detail" => detail = detail_text(value),
            // The `type` of an error event says that it is one, not which.
            b"type" if value != b"\"error\"" => facts.kind = text_of(value),
            b"code" => facts.code = text_of(value),
            _ => {}
        }
    }
    facts.message = facts.message.or(detail);
    facts.message.is_some().then_some(facts)
}

/// The facts in the value of an `error` member: an object, or a text.
pub fn value_facts(value: &[u8]) -> ErrorFacts {
    let mut facts = ErrorFacts::default();
    if value.first() != Some(&b'{') {
        facts.message = text_of(value);
        return facts;
    }
    for (key, range) in members(value) {
        let value = &value[range];
        match key {
            b"message" => facts.message = text_of(value),
            b"type" => facts.kind = text_of(value),
            b"code" => facts.code = text_of(value),
            _ => {}
        }
    }
    if facts.message.is_none() {
        facts.message = Some(String::from_utf8_lossy(value).into_owned());
    }
    facts
}

/// FastAPI's `detail`: a text, or a list of `{"loc","msg","type"}`.
fn detail_text(value: &[u8]) -> Option<String> {
    match value.first()? {
        b'"' => text_of(value),
        _ if is_blank(value) => None,
        _ => Some(String::from_utf8_lossy(value).into_owned()),
    }
}

fn text_of(value: &[u8]) -> Option<String> {
    match value.first()? {
        _ if is_blank(value) => None,
        b'"' => string_value(value).map(|text| text.into_owned()),
        b'{' | b'[' => None,
        _ => Some(String::from_utf8_lossy(value).into_owned()),
    }
}

/// Codes and types that mean: this account cannot pay or is closed, whatever the HTTP status says.
const QUOTA: &[&str] = &[
    // OpenAI
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "account_deactivated",
    "access_terminated",
    // Anthropic
    "billing_error",
    // Moonshot, Aliyun, Volcengine, new-api and its relatives
    "exceeded_current_quota_error",
    "Arrearage",
    "AccountOverdueError",
    "insufficient_user_quota",
    "insufficient_balance",
];

/// Sentences of services that give no code of their own: Anthropic's for an empty account, DeepSeek's for the same.
const QUOTA_SENTENCES: &[&str] = &["Your credit balance is too low", "Insufficient Balance"];

/// Whether the error means that this key's account cannot pay (any more): waiting does not help.
///
/// Goes by codes and by whole known openings of sentences only: a message that merely talks about credit or balance is
/// the caller's text as often as not.
pub fn is_quota(error: &ErrorFacts) -> bool {
    let known = |word: &Option<String>| word.as_deref().is_some_and(|word| QUOTA.contains(&word));
    let said = |message: &String| QUOTA_SENTENCES.iter().any(|known| message.starts_with(known));
    known(&error.code) || known(&error.kind) || error.message.as_ref().is_some_and(said)
}

#[cfg(test)]
mod tests;
