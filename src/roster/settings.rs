//! Settings: the rows of `config_kvs`, parsed. What makes no sense is reported and the default (or nothing) holds.
//!
//! **Invariant:** no problem text ever holds a value, only the key and what would be right: values may be secrets.
//! **May import:** `balance`, `notify` (its settings' shape).

mod reader;

use jiff::tz::TimeZone;

pub use reader::{Problem, Wrong};

use crate::balance::breaker::BreakerConfig;
use crate::balance::policy::Policy;
use crate::db::removal::Retention;
use crate::notify::Channels;
use crate::roster::network::Network;
use crate::roster::recording::{KeyLevels, Recording};
use crate::roster::settings::reader::Reader;

/// The key that the original had built in; everyone knows it.
pub const KNOWN_KEY: &str = "woshimima";

/// A key that programs may call with.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientKey {
    /// Its name: as written before `=`, else `key-1`, `key-2` … by place.
    pub name: String,
    /// The secret itself.
    pub secret: String,
}

impl ClientKey {
    /// The last four characters, or nothing of a key too short to show any.
    pub fn last4(&self) -> String {
        last4(&self.secret)
    }
}

/// The last four characters of a secret that is longer than eight.
pub fn last4(secret: &str) -> String {
    let count = secret.chars().count();
    if count > 8 { secret.chars().skip(count - 4).collect() } else { String::new() }
}

/// The four clocks, in ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// Until a connection stands: name, TCP and TLS together.
    pub connect_ms: u64,
    /// From the request having gone out to the first byte of the reply.
    pub first_byte_ms: u64,
    /// From the head of a streamed reply to its first content.
    pub first_content_ms: u64,
    /// Between two bytes of a reply.
    pub idle_ms: u64,
}

/// Everything that can be set while the program runs.
#[derive(Clone, PartialEq)]
pub struct Settings {
    /// Who may call.
    pub keys: Vec<ClientKey>,
    /// `authorization` is `asis`: any key is let in and passed on to upstreams whose sk is `asis`.
    pub any_key: bool,
    /// How upstreams are ordered.
    pub policy: Policy,
    /// How much is recorded.
    pub recording: Recording,
    /// What is kept how long.
    pub retention: Retention,
    /// How much may be recorded of single keys.
    pub record_keys: KeyLevels,
    /// Upstreams are asked for the usage of streams whose callers did not ask.
    pub stream_usage: bool,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Clocks of upstreams that have none of their own.
    pub clocks: Clocks,
    /// Request bodies up to this size are held, so that they can be sent again elsewhere.
    pub replay_buffer_bytes: usize,
    /// JSON and text bodies are recorded up to this size.
    pub record_body_limit_bytes: usize,
    /// Other bodies (audio, images, files) are recorded up to this size.
    pub record_binary_limit_bytes: usize,
    /// When an upstream is left alone.
    pub breaker: BreakerConfig,
    /// Where notices go.
    pub channels: Channels,
    /// The zone of every page, filter and day.
    pub time_zone: TimeZone,
}

/// Rows that belong to the program itself and are no settings.
const INTERNAL: [&str; 1] = ["admin_password_hash"];

impl Settings {
    /// Parses rows over defaults; also returns what is wrong.
    pub fn parse(rows: &[(String, String)]) -> (Settings, Vec<Problem>) {
        let mut reader = Reader::new(rows);
        let breaker = BreakerConfig::default();
        let authorization = reader.text("authorization");
        let keys = client_keys(&authorization);
        let levels = reader.text("record_keys");
        let (record_keys, wrong) = KeyLevels::parse(&levels, |name| keys.iter().any(|key| key.name == name));
        wrong.into_iter().for_each(|what| reader.wrong("record_keys", Wrong::NoLevels(what)));
        let settings = Settings {
            any_key: authorization == "asis",
            keys,
            record_keys,
            policy: reader.word("policy", Policy::Main, "main, random, random_available, round_robin, round_robin_available, order, weighted, least_busy, fastest, sticky"),
            recording: reader.word("recording", Recording::Full, "full, metadata, off"),
            retention: Retention {
                bodies_days: reader.number("retain_bodies_days", 0, 0),
                records_days: reader.number("retain_records_days", 0, 0),
                bytes: reader.number("retain_bytes", 0, 0),
            },
            stream_usage: reader.switch("stream_usage", true),
            trusted_proxies: reader.networks("trusted_proxies"),
            clocks: Clocks {
                connect_ms: reader.number("connect_timeout_ms", 10_000, 1),
                first_byte_ms: reader.number("first_byte_timeout_ms", 600_000, 1),
                first_content_ms: reader.number("first_content_timeout_ms", 600_000, 1),
                idle_ms: reader.number("idle_timeout_ms", 300_000, 1),
            },
            replay_buffer_bytes: reader.number("replay_buffer_bytes", 32 << 20, 0),
            record_body_limit_bytes: reader.number("record_body_limit_bytes", 256 << 20, 0),
            record_binary_limit_bytes: reader.number("record_binary_limit_bytes", 8 << 20, 0),
            breaker: BreakerConfig {
                failures: reader.number("breaker_failures", breaker.failures, 1),
                ratio_percent: reader.number("breaker_ratio_percent", breaker.ratio_percent, 1),
                min_volume: reader.number("breaker_min_volume", breaker.min_volume, 1),
                window_ms: reader.number("breaker_window_ms", breaker.window_ms, 1),
                open_ms: reader.number("breaker_open_ms", breaker.open_ms, 1),
                open_max_ms: reader.number("breaker_open_max_ms", breaker.open_max_ms, 1),
            },
            channels: Channels {
                feishu_webhook: reader.text("feishu_webhook"),
                feishu_secret: reader.text("feishu_secret"),
                matrix_api: reader.text("matrix_api"),
                matrix_homeserver: reader.text("matrix_homeserver"),
                matrix_room: reader.text("matrix_room"),
                matrix_token: reader.text("matrix_token"),
                summary_every_ms: reader.number("notice_summary_ms", 300_000, 1),
            },
            time_zone: reader.zone("time_zone"),
        };
        (settings, reader.finish(&INTERNAL))
    }

    /// Up to how many bytes a request's body of this type is recorded: text as a whole, anything else only by its size.
    pub fn request_limit_bytes(&self, content_type: &str) -> usize {
        if is_text(content_type) { self.record_body_limit_bytes } else { 0 }
    }

    /// Up to how many bytes a reply's body of this type is recorded.
    pub fn reply_limit_bytes(&self, content_type: &str) -> usize {
        if is_text(content_type) { self.record_body_limit_bytes } else { self.record_binary_limit_bytes }
    }

    /// The key that this secret is, compared in constant time with every key.
    pub fn key_of(&self, secret: &str) -> Option<&ClientKey> {
        let mut found = None;
        for key in &self.keys {
            let same =
                key.secret.len() == secret.len() && openssl::memcmp::eq(key.secret.as_bytes(), secret.as_bytes());
            if same {
                found = Some(key);
            }
        }
        found
    }
}

/// JSON, XML, forms and text; also what does not say what it is.
fn is_text(content_type: &str) -> bool {
    let kind = content_type.trim_start().to_ascii_lowercase();
    kind.is_empty()
        || ["text/", "application/x-www-form-urlencoded"].iter().any(|text| kind.starts_with(text))
        || kind.contains("json")
        || kind.contains("xml")
}

/// The keys of `a,name=b` as people see them: one per entry, with its name or `key-1`, `key-2` … by place.
pub fn key_entries(authorization: &str) -> Vec<ClientKey> {
    let entries = authorization.split(',').map(str::trim).filter(|entry| !entry.is_empty()).enumerate();
    let key = |(index, entry): (usize, &str)| match named(entry) {
        Some((name, secret)) => ClientKey { name: name.to_owned(), secret: secret.to_owned() },
        None => ClientKey { name: format!("key-{}", index + 1), secret: entry.to_owned() },
    };
    entries.map(key).collect()
}

/// Each entry is a key; one with a name is also a key as a whole, for keys that hold a `=` themselves.
fn client_keys(authorization: &str) -> Vec<ClientKey> {
    let mut keys = Vec::new();
    for (index, entry) in authorization.split(',').map(str::trim).filter(|entry| !entry.is_empty()).enumerate() {
        if let Some((name, secret)) = named(entry) {
            keys.push(ClientKey { name: name.to_owned(), secret: secret.to_owned() });
        }
        keys.push(ClientKey { name: format!("key-{}", index + 1), secret: entry.to_owned() });
    }
    keys
}

fn named(entry: &str) -> Option<(&str, &str)> {
    let (name, secret) = entry.split_once('=')?;
    Some((name.trim(), secret.trim())).filter(|(name, secret)| !name.is_empty() && !secret.is_empty())
}

#[cfg(test)]
mod tests {
    use crate::balance::policy::Policy;
    use crate::roster::settings::{Settings, last4};

    fn rows(rows: &[(&str, &str)]) -> Vec<(String, String)> {
        rows.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn several_keys_are_separated_by_commas_and_may_have_names() {
        let (settings, problems) = Settings::parse(&rows(&[("authorization", "one, team=two=,abc=")]));
        assert!(problems.is_empty());
        let names = |secret| settings.key_of(secret).map(|key| key.name.as_str());
        assert_eq!(names("one"), Some("key-1"));
        assert_eq!(names("two="), Some("team"));
        assert_eq!(names("team=two="), Some("key-2"));
        assert_eq!(names("abc="), Some("key-3"));
        assert_eq!(names(""), None);
        assert_eq!(names("asis"), None);
    }

    #[test]
    fn what_makes_no_sense_is_named_without_its_value_and_the_default_holds() {
        let (settings, problems) =
            Settings::parse(&rows(&[("policy", "s3cret"), ("polcy", "x"), ("idle_timeout_ms", "0")]));
        assert_eq!(settings.policy, Policy::Main);
        assert_eq!(settings.clocks.idle_ms, 300_000);
        assert_eq!(problems.len(), 3);
        let said: String = problems.iter().map(ToString::to_string).collect();
        assert!(!said.contains("s3cret") && said.contains("setting polcy: there is no such setting"), "{said}");
    }

    #[test]
    fn short_secrets_show_nothing() {
        assert_eq!(last4("woshimima"), "mima");
        assert_eq!(last4("12345678"), "");
    }
}
