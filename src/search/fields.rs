//! The fields of the query language, for the parser, the errors and the help. Start at [`FIELDS`].
//!
//! **Invariant:** a field that is not in the table does not exist. **May import:** the types of a query.

use super::query::{Has, Is, NameField, NumberField, Side};

/// One field, as the help shows it.
#[derive(Debug)]
pub struct FieldHelp {
    /// What stands in front of the colon.
    pub name: &'static str,
    /// What it narrows, in English.
    pub what: &'static str,
    /// Whole terms that use it; the first is the simplest.
    pub examples: &'static [&'static str],
    pub(super) field: Field,
}

/// What a field's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Text(Side),
    Name(NameField),
    Number(NumberField),
    Ip,
    Is,
    Has,
}

const fn help(name: &'static str, field: Field, what: &'static str, examples: &'static [&'static str]) -> FieldHelp {
    FieldHelp { name, what, examples, field }
}

/// Every field there is, in the order in which the help lists them.
pub const FIELDS: &[FieldHelp] = &[
    help(
        "model",
        Field::Name(NameField::Model),
        "the model asked for; `*` is any text",
        &["model:gpt-4o", "model:gpt-4o*"],
    ),
    help(
        "upstream",
        Field::Name(NameField::Upstream),
        "who answered",
        &["upstream:azure", "upstream:azure,openai-main"],
    ),
    help(
        "tried",
        Field::Name(NameField::Tried),
        "who was asked, also when another answered",
        &["tried:azure", "-tried:azure"],
    ),
    help("key", Field::Name(NameField::Key), "the name of the caller's key", &["key:ci", "-key:ci"]),
    help(
        "path",
        Field::Name(NameField::Path),
        "the path of the request",
        &["path:/v1/chat/completions", "path:/v1/audio/*"],
    ),
    help("host", Field::Name(NameField::Host), "the host name that was asked", &["host:api.example.com"]),
    help("ua", Field::Name(NameField::Ua), "the caller's user agent", &["ua:curl*", "ua:\"*Windows NT*\""]),
    help("tool", Field::Name(NameField::Tool), "a tool that was called", &["tool:read_file", "tool:read_*"]),
    help("finish", Field::Name(NameField::Finish), "why the reply ended", &["finish:length"]),
    help(
        "status",
        Field::Number(NumberField::Status),
        "the status of the reply",
        &["status:502", "status:4xx", "status:>=400", "status:500..599"],
    ),
    help("ttft", Field::Number(NumberField::FirstContent), "time to the first token", &["ttft:>2s", "ttft:<300ms"]),
    help("total", Field::Number(NumberField::Total), "time to the last byte", &["total:>10s", "total:1m..5m"]),
    help("tokens", Field::Number(NumberField::Tokens), "tokens in and out together", &["tokens:>100k"]),
    help("in", Field::Number(NumberField::In), "tokens of the request", &["in:>32k"]),
    help("out", Field::Number(NumberField::Out), "tokens of the reply", &["out:<100"]),
    help("tps", Field::Number(NumberField::TokensPerSecond), "tokens of the reply per second", &["tps:<20"]),
    help("cost", Field::Number(NumberField::Cost), "the cost in dollars", &["cost:>0.05"]),
    help("attempts", Field::Number(NumberField::Attempts), "how many upstreams were tried", &["attempts:>1"]),
    help("ip", Field::Ip, "the caller's address or network", &["ip:10.0.0.5", "ip:10.0.0.0/8", "ip:2001:db8::/32"]),
    help("is", Field::Is, "how the request went", &["is:error", "is:stream", "is:replay", "is:cut", "is:aborted"]),
    help("has", Field::Has, "what the record holds", &["has:tool", "has:image", "has:reasoning", "has:body"]),
    help("user", Field::Text(Side::User), "text of the user", &["user:refund"]),
    help("assistant", Field::Text(Side::Assistant), "text of the reply", &["assistant:\"对不起\""]),
    help("system", Field::Text(Side::System), "text of the system or developer", &["system:\"be brief\""]),
    help("error", Field::Text(Side::Error), "text of the error", &["error:timeout"]),
    help(
        "text",
        Field::Text(Side::Any),
        "text of anybody, as without a field; one of several",
        &["text:refund,\"money back\""],
    ),
    help("id", Field::Number(NumberField::Id), "the number of the record", &["id:12345"]),
    help("conv", Field::Number(NumberField::Conv), "the number of the conversation", &["conv:678"]),
];

/// The values of `is:`.
pub const IS: [(&str, Is); 5] =
    [("error", Is::Error), ("stream", Is::Stream), ("replay", Is::Replay), ("cut", Is::Cut), ("aborted", Is::Aborted)];

/// The values of `has:`.
pub const HAS: [(&str, Has); 4] =
    [("tool", Has::Tool), ("image", Has::Image), ("reasoning", Has::Reasoning), ("body", Has::Body)];

/// The field called `name`, in any case.
pub(super) fn field_called(name: &str) -> Option<&'static FieldHelp> {
    FIELDS.iter().find(|help| help.name.eq_ignore_ascii_case(name))
}

/// What is written in front of the colon.
pub(super) fn name_of(field: Field) -> &'static str {
    FIELDS.iter().find(|help| help.field == field).map_or("", |help| help.name)
}
