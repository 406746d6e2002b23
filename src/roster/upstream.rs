//! One upstream, parsed once per change so that nothing is parsed per request.
//!
//! **Invariant:** the sk leaves this file only inside a header value marked sensitive; [`Upstream::scrub`] takes it, and
//! what else may be secret, out of texts. **May import:** `balance`, `connector`, `db` (the row's shape).

use std::sync::Arc;

use actix_web::http::header::{HOST, HeaderMap, HeaderName};

use crate::balance::glob::{ModelRules, Pattern};
use crate::connector::{Endpoint, Proxy};
use crate::db::upstreams::UpstreamRow;
use crate::roster::access::Access;
use crate::roster::extra_headers::ExtraHeaders;
use crate::roster::keys::last4;
use crate::roster::measured::Measured;
use crate::roster::model_map::ModelMap;
use crate::roster::recording::Recording;
use crate::roster::settings::Clocks;

/// Values of headers up to this length are not looked for in texts.
const SHORT_BYTES: usize = 8;

/// Which of the caller's private headers an upstream gets.
#[derive(Debug)]
pub enum KeepHeaders {
    /// None of them.
    No,
    /// All but credentials.
    All,
    /// These, credentials included when named.
    Names(Vec<HeaderName>),
}

/// An upstream as the hot path needs it.
pub struct Upstream {
    /// Its id in the database.
    pub id: i64,
    /// Name, or the endpoint's host when it has none: for logs and notices.
    pub label: String,
    /// How it is told who asks.
    pub access: Access,
    /// Where it is.
    pub endpoint: Endpoint,
    /// The operator's will.
    pub enabled: bool,
    /// Its tier, lower first.
    pub priority: i64,
    /// Its place within the tier.
    pub position: i64,
    /// Its share.
    pub weight: u32,
    /// Which models it may be asked for, under the names that callers use.
    pub rules: ModelRules,
    /// Names of the client keys that may use it; empty = all.
    pub keys: Vec<String>,
    /// Which private headers it gets.
    pub keep: KeepHeaders,
    /// What it gets besides.
    pub extra: ExtraHeaders,
    /// What models are called there.
    pub models: ModelMap,
    /// Its clocks.
    pub clocks: Clocks,
    /// How much may be recorded of what it answers.
    pub recording: Recording,
    /// Successes counted in the database.
    pub success_count: i64,
    /// Failures counted in the database.
    pub failed_count: i64,
    /// What is measured; outlives reloads while its [`Identity`] stays.
    pub measured: Arc<Measured>,
    sk: String,
}

impl Upstream {
    /// Parses a row. `measured` is what is known of an upstream with the same [`Upstream::identity`].
    ///
    /// # Errors
    /// A line that names the field and never holds the sk.
    pub fn parse(row: &UpstreamRow, clocks: &Clocks, measured: Arc<Measured>) -> Result<Upstream, String> {
        let clock = |own: Option<i64>, setting: u64| {
            own.and_then(|ms| u64::try_from(ms).ok()).filter(|ms| *ms > 0).unwrap_or(setting)
        };
        let clocks = Clocks {
            connect_ms: clock(row.connect_timeout_ms, clocks.connect_ms),
            first_byte_ms: clock(row.first_byte_timeout_ms, clocks.first_byte_ms),
            first_content_ms: clock(row.first_content_timeout_ms, clocks.first_content_ms),
            idle_ms: clock(row.idle_timeout_ms, clocks.idle_ms),
        };
        let proxy = Some(row.proxy.trim()).filter(|proxy| !proxy.is_empty()).map(Proxy::parse).transpose();
        let proxy = proxy.map_err(|bad| format!("proxy {bad}"))?;
        let endpoint = Endpoint::through(&row.endpoint, clocks.connect_ms, proxy);
        let endpoint = endpoint.map_err(|bad| format!("endpoint {bad}"))?;
        let sk = row.sk.trim();
        let access = Access::parse(&row.auth, sk)?;
        let models = ModelMap::parse(&row.model_map).map_err(|bad| format!("model_map: {bad}"))?;
        let mut rules = ModelRules::parse(&row.allow_models, &row.deny_models);
        if !rules.allow.is_empty() {
            // Who says what a model is called there wants it to be asked for.
            rules.allow.extend(models.asked().map(Pattern::new));
        }
        let host = endpoint.host.to_str().unwrap_or_default();
        Ok(Upstream {
            id: row.id,
            label: if row.name.is_empty() { host.to_owned() } else { row.name.clone() },
            access,
            enabled: row.enabled,
            priority: row.priority,
            position: row.position,
            weight: u32::try_from(row.weight.max(0)).unwrap_or(u32::MAX),
            rules,
            keys: words(&row.allow_keys).map(str::to_owned).collect(),
            keep: keep_headers(&row.keep_header)?,
            extra: ExtraHeaders::parse(&row.extra_headers).map_err(|bad| format!("extra_headers: {bad}"))?,
            models,
            clocks,
            recording: match row.recording.trim() {
                "" => Recording::Full,
                level => level.parse().map_err(|()| "recording must be off, metadata or full, or empty".to_owned())?,
            },
            success_count: row.success_count,
            failed_count: row.failed_count,
            measured,
            sk: sk.to_owned(),
            endpoint,
        })
    }

    /// Whether a text can stand in `keep_header`.
    pub fn knows_headers(text: &str) -> bool {
        keep_headers(text).is_ok()
    }

    /// What an upstream is the same by: measured facts are kept while this stays, and forgotten by an edit of it.
    pub fn identity(row: &UpstreamRow) -> Identity {
        let UpstreamRow { id, sk, endpoint, enabled, extra_headers, proxy, auth, .. } = row;
        let access = [sk, endpoint, extra_headers, proxy, auth].map(String::clone);
        Identity { id: *id, enabled: *enabled, access }
    }

    /// Puts on what every request to it carries: `Host`, its key, its own headers.
    pub fn sign(&self, headers: &mut HeaderMap) {
        headers.insert(HOST, self.endpoint.host.clone());
        self.access.put(headers);
        self.extra.put(headers);
    }

    /// `text` without the sk and the values of its own headers, should they stand there.
    pub fn scrub(&self, text: &str) -> String {
        // A key that is stored and not sent is a secret all the same; a word in its place is none.
        let sk = Some(self.sk.as_str()).filter(|sk| self.access.has_key() || sk.len() > SHORT_BYTES);
        // A value like `true` is no secret, and its absence would only be confusing.
        let values = self.extra.values().filter(|value| value.len() > SHORT_BYTES);
        let mut text = text.to_owned();
        for secret in sk.into_iter().chain(values).filter(|secret| !secret.is_empty()) {
            if text.contains(secret) {
                text = text.replace(secret, &masked(secret));
            }
        }
        text
    }
}

/// What makes an upstream the same one; see [`Upstream::identity`]. Holds its secrets.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    pub(super) id: i64,
    enabled: bool,
    access: [String; 5],
}

/// A secret as it may be shown: `sk-…a8Qz`.
pub fn masked(sk: &str) -> String {
    match sk {
        "" | "asis" => sk.to_owned(),
        sk => format!("{}…{}", if sk.starts_with("sk-") && sk.len() > 11 { "sk-" } else { "" }, last4(sk)),
    }
}

/// The entries of a list.
pub(super) fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split([',', '\n']).map(str::trim).filter(|word| !word.is_empty())
}

fn keep_headers(text: &str) -> Result<KeepHeaders, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "" | "0" | "false" | "no" | "off" => Ok(KeepHeaders::No),
        "1" | "true" | "yes" | "on" | "*" => Ok(KeepHeaders::All),
        names => words(names)
            .map(|name| name.parse().map_err(|_| format!("keep_header: {name} is no header's name")))
            .collect::<Result<_, _>>()
            .map(KeepHeaders::Names),
    }
}
