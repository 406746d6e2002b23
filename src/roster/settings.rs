//! Settings: the rows of `config_kvs`, parsed. What makes no sense is reported and the default (or nothing) holds.
//!
//! **Invariant:** no problem text ever holds a value, only the key and what would be right: values may be secrets.
//! **May import:** `balance`, `openai`, `notify` (its settings' shape).

mod reader;

use std::str::FromStr;
use std::sync::Arc;

use jiff::tz::TimeZone;

pub use reader::{Problem, Wrong};

use crate::balance::breaker::BreakerConfig;
use crate::balance::glob::ModelRules;
use crate::balance::policy::Policy;
use crate::db::removal::Retention;
use crate::notify::Channels;
use crate::openai::redact::Redaction;
use crate::roster::keys::{ClientKey, in_force};
use crate::roster::network::Network;
use crate::roster::recording::{KeyLevels, Recording};
use crate::roster::settings::reader::Reader;

/// What a reply's end means for its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The record follows within 100 ms.
    Normal,
    /// The record is stored before: the reply's last bytes are held back until then.
    Strict,
}

impl FromStr for Durability {
    type Err = ();

    fn from_str(text: &str) -> Result<Durability, ()> {
        match text {
            "normal" => Ok(Durability::Normal),
            "strict" => Ok(Durability::Strict),
            _ => Err(()),
        }
    }
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
    /// Who may call, as the setting has them; in a snapshot without those that are disabled.
    pub keys: Vec<ClientKey>,
    /// `authorization` is `asis`: any key is let in and passed on to upstreams whose sk is `asis`.
    pub any_key: bool,
    /// How upstreams are ordered.
    pub policy: Policy,
    /// How much is recorded.
    pub recording: Recording,
    /// What is kept how long.
    pub retention: Retention,
    /// What is taken out of bodies before they are stored.
    pub redaction: Arc<Redaction>,
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
    /// What a reply's end means for its record.
    pub durability: Durability,
    /// Memory for bodies being captured and records waiting; read at the start.
    pub record_memory_bytes: usize,
    /// `/metrics` is open to everybody.
    pub metrics_public: bool,
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
        let keys = in_force(&authorization, &[]);
        let levels = reader.text("record_keys");
        let (record_keys, wrong) = KeyLevels::parse(&levels, |name| keys.iter().any(|key| key.name == name));
        wrong.into_iter().for_each(|what| reader.wrong("record_keys", Wrong::NoLevels(what)));
        let (redaction, bad) = Redaction::parse(&reader.text("record_redact"));
        bad.iter().for_each(|bad| reader.wrong("record_redact", Wrong::NoPattern(bad.line)));
        let settings = Settings {
            redaction: Arc::new(redaction),
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
            durability: reader.word("record_durability", Durability::Normal, "normal, strict"),
            record_memory_bytes: reader.number("record_memory_bytes", 512 << 20, 1),
            metrics_public: reader.switch("metrics_public", false),
            breaker: BreakerConfig {
                failures: reader.number("breaker_failures", breaker.failures, 1),
                ratio_percent: reader.percent("breaker_ratio_percent", breaker.ratio_percent),
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
                webhook_url: reader.text("webhook_url"),
                webhook_secret: reader.text("webhook_secret"),
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

    /// The models that the key of this name may ask for; `None` means all.
    pub fn models_of(&self, key_name: &str) -> Option<&ModelRules> {
        let key = self.keys.iter().find(|key| key.name == key_name)?;
        Some(&key.models).filter(|models| !models.allow.is_empty())
    }

    /// The key that this secret is at `now_us`, µs since 1970, compared in constant time with every key.
    pub fn key_of(&self, secret: &str, now_us: i64) -> Option<&ClientKey> {
        let mut found = None;
        for key in &self.keys {
            let same =
                key.secret.len() == secret.len() && openssl::memcmp::eq(key.secret.as_bytes(), secret.as_bytes());
            if same && key.until_us.is_none_or(|until_us| now_us < until_us) {
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

#[cfg(test)]
mod tests;
