//! The JSON of one upstream, parsed into an edit that cannot be wrong. Start at [`Input::read`].
//!
//! **Invariant:** every field is checked before any is used. **May import:** `db` (the row's shape), `roster`, `connector`.

use std::ops::RangeInclusive;

use actix_web::http::StatusCode;
use serde_json::{Map, Value};

use crate::connector::{Endpoint, Proxy};
use crate::dashboard::reply::ApiError;
use crate::dashboard::upstreams::{MOST_WEIGHT, NAME_CHARS};
use crate::db::upstreams::{UpstreamChange, UpstreamRow};
use crate::roster::{Auth, ModelMap, Recording, masked, merged};

/// The fields of a request's JSON, each checked before any is used; and the upstream that they change.
pub(super) struct Input<'a>(Map<String, Value>, Option<&'a UpstreamRow>);

impl Input<'_> {
    /// The edit that a request's body asks for.
    ///
    /// # Errors
    /// 400 that names the field, or says what the body is not.
    pub(super) fn read(body: &[u8], before: Option<&UpstreamRow>) -> Result<UpstreamChange, ApiError> {
        let value: Value = serde_json::from_slice(body)
            .map_err(|error| ApiError::new(StatusCode::BAD_REQUEST, format!("the body is no JSON: {error}")))?;
        let Value::Object(fields) = value else {
            return Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "the body must be a JSON object, like {\"sk\": \"sk-…\", \"endpoint\": \"https://…\"}",
            ));
        };
        let mut input = Input(fields, before);
        let change = input.change()?;
        // Facts that a client may send back as it got them.
        for known in [
            "id",
            "created_at",
            "updated_at",
            "deleted_at",
            "success_count",
            "failed_count",
            "last_call_success_time",
            "in_flight",
            "standing",
        ] {
            input.0.retain(|name, _| !named(name, known));
        }
        match input.0.keys().next() {
            Some(unknown) => Err(ApiError::field(unknown.clone(), "there is no such field")),
            None => Ok(change),
        }
    }

    fn change(&mut self) -> Result<UpstreamChange, ApiError> {
        let (sk, auth) = self.access()?;
        let endpoint = self.text("endpoint")?.map(|endpoint| endpoint.trim().to_owned());
        if let Some(endpoint) = &endpoint {
            Endpoint::parse(endpoint, 1).map_err(|bad| ApiError::field("endpoint", bad))?;
        }
        Ok(UpstreamChange {
            sk,
            endpoint,
            success_count: None,
            failed_count: None,
            name: self.name()?,
            enabled: self.switch("enabled")?,
            priority: self.number("priority", i64::MIN..=i64::MAX)?,
            position: self.number("position", i64::MIN..=i64::MAX)?,
            weight: self.number("weight", 0..=MOST_WEIGHT)?,
            allow_models: self.list("allow_models", ",")?,
            deny_models: self.list("deny_models", ",")?,
            allow_keys: self.list("allow_keys", ",")?,
            keep_header: self.list("keep_header", ",")?,
            connect_timeout_ms: self.clock("connect_timeout_ms")?,
            first_byte_timeout_ms: self.clock("first_byte_timeout_ms")?,
            first_content_timeout_ms: self.clock("first_content_timeout_ms")?,
            idle_timeout_ms: self.clock("idle_timeout_ms")?,
            recording: self.recording()?,
            extra_headers: self.extra_headers()?,
            model_map: self.model_map()?,
            proxy: self.proxy()?,
            auth,
        })
    }

    /// A field under its own name or the original's (`ID`, `SK`, `Endpoint`).
    fn take(&mut self, field: &str) -> Option<Value> {
        let name = self.0.keys().find(|name| named(name, field))?.clone();
        self.0.remove(&name)
    }

    fn text(&mut self, field: &str) -> Result<Option<String>, ApiError> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ApiError::field(field, "must be a text")),
        }
    }

    /// `sk`, which only an upstream that is sent no key can do without, and `auth`.
    fn access(&mut self) -> Result<(Option<String>, Option<String>), ApiError> {
        // What is shown in the sk's place means "as it was" when it is sent back.
        let shown = self.1.map(|before| masked(&before.sk));
        let sk = self.text("sk")?.map(|sk| sk.trim().to_owned()).filter(|sk| Some(sk) != shown.as_ref());
        let auth = self.text("auth")?.map(|auth| auth.trim().to_ascii_lowercase());
        let then = auth.as_deref().or(self.1.map(|before| before.auth.as_str())).unwrap_or_default();
        let Ok(then) = then.parse::<Auth>() else {
            return Err(ApiError::field("auth", format!("must be one of {}", Auth::WORDS)));
        };
        let key = sk.as_deref().or(self.1.map(|before| before.sk.trim())).unwrap_or_default();
        if key.is_empty() && then != Auth::Nothing {
            let what = "is missing; give the upstream's key, or `asis` to pass the caller's own";
            return Err(ApiError::field("sk", what));
        }
        if sk.iter().flat_map(|sk| sk.chars()).any(|c| c.is_control() || !c.is_ascii()) {
            return Err(ApiError::field("sk", "must be the upstream's key in ASCII, or `asis`; left out it stays"));
        }
        Ok((sk, auth))
    }

    fn recording(&mut self) -> Result<Option<String>, ApiError> {
        let level = self.text("recording")?.map(|level| level.trim().to_ascii_lowercase());
        match level {
            Some(level) if !level.is_empty() && level.parse::<Recording>().is_err() => {
                Err(ApiError::field("recording", "must be off, metadata or full, or empty for the setting's"))
            }
            level => Ok(level),
        }
    }

    fn extra_headers(&mut self) -> Result<Option<String>, ApiError> {
        let stored = self.1.map_or("", |before| &before.extra_headers);
        let typed = self.list("extra_headers", "\n")?;
        typed.map(|typed| merged(&typed, stored).map_err(|bad| ApiError::field("extra_headers", bad))).transpose()
    }

    fn model_map(&mut self) -> Result<Option<String>, ApiError> {
        let map = self.list("model_map", "\n")?;
        match map.as_deref().map(ModelMap::parse) {
            Some(Err(bad)) => Err(ApiError::field("model_map", bad)),
            Some(Ok(_)) | None => Ok(map),
        }
    }

    fn proxy(&mut self) -> Result<Option<String>, ApiError> {
        let stored = self.1.map_or("", |before| &before.proxy);
        let typed = self.text("proxy")?;
        typed.map(|typed| Proxy::merged(&typed, stored).map_err(|bad| ApiError::field("proxy", bad))).transpose()
    }

    fn switch(&mut self, field: &str) -> Result<Option<bool>, ApiError> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::Bool(on)) => Ok(Some(on)),
            Some(_) => Err(ApiError::field(field, "must be true or false")),
        }
    }

    fn name(&mut self) -> Result<Option<String>, ApiError> {
        let name = self.text("name")?;
        match name.as_ref().map(|name| name.chars().count()) {
            Some(chars) if chars > NAME_CHARS => {
                Err(ApiError::field("name", format!("must have {NAME_CHARS} characters at most")))
            }
            _ => Ok(name),
        }
    }

    fn number(&mut self, field: &str, bounds: RangeInclusive<i64>) -> Result<Option<i64>, ApiError> {
        let Some(value) = self.take(field) else { return Ok(None) };
        if let Some(number) = value.as_i64().filter(|number| bounds.contains(number)) {
            return Ok(Some(number));
        }
        Err(match (*bounds.start(), *bounds.end()) {
            (i64::MIN, _) => ApiError::field(field, "must be a whole number"),
            (least, i64::MAX) => ApiError::field(field, format!("must be a whole number from {least} on")),
            (least, most) => ApiError::field(field, format!("must be a whole number from {least} to {most}")),
        })
    }

    fn clock(&mut self, field: &str) -> Result<Option<Option<i64>>, ApiError> {
        if self.0.get(field).is_some_and(Value::is_null) {
            self.0.remove(field);
            return Ok(Some(None));
        }
        Ok(self.number(field, 1..=i64::MAX)?.map(Some))
    }

    /// A list as one text with `gap`s, or as a JSON array of texts.
    fn list(&mut self, field: &str, gap: &str) -> Result<Option<String>, ApiError> {
        let between = if gap == "," { "commas" } else { "lines" };
        let wrong = || ApiError::field(field, format!("must be a text with {between}, or an array of texts"));
        match self.take(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Bool(on)) if field == "keep_header" => Ok(Some(on.to_string())),
            Some(Value::Array(items)) => {
                let items: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
                Ok(Some(items.ok_or_else(wrong)?.join(gap)))
            }
            Some(_) => Err(wrong()),
        }
    }
}

/// `SK` and `sk`, `CreatedAt` and `created_at` name the same column.
fn named(name: &str, column: &str) -> bool {
    let bare = |text: &str| text.replace('_', "").to_ascii_lowercase();
    bare(name) == bare(column)
}
