//! The form for one upstream: from a row, from what was typed, and what is wrong with it.
//!
//! **Invariant:** a draft never holds a stored secret, only one that was just typed; what it lets through can be stored.
//! **May import:** `db` (the row's shape), `connector`, `roster`.

use crate::connector::{BadProxy, Endpoint, Proxy};
use crate::dashboard::form::{Field, Form, Problem, problems};
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::upstreams::bulk::entries;
use crate::dashboard::pages::upstreams::numbers::{clock, number, seconds};
use crate::dashboard::password::digest;
use crate::dashboard::upstreams::{MOST_WEIGHT, NAME_CHARS};
use crate::dashboard::words::Key;
use crate::db::upstreams::{NewUpstream, UpstreamChange, UpstreamRow};
use crate::roster::{
    Auth, BadHeader, HeaderFault, ModelMap, Recording, Upstream, mappings, masked_headers, merged, unknown_keys,
};

/// The fields of the form, with the keys of their labels.
pub(super) struct Draft {
    pub(super) name: Field,
    pub(super) endpoint: Field,
    pub(super) sk: Field,
    pub(super) auth: Field,
    pub(super) enabled: bool,
    pub(super) priority: Field,
    pub(super) position: Field,
    pub(super) weight: Field,
    pub(super) allow_keys: Field,
    pub(super) connect: Field,
    pub(super) first_byte: Field,
    pub(super) first_content: Field,
    pub(super) idle: Field,
    pub(super) allow_models: Field,
    pub(super) deny_models: Field,
    pub(super) map: Field,
    pub(super) keep_header: Field,
    pub(super) headers: Field,
    pub(super) proxy: Field,
    pub(super) recording: Field,
}

impl Draft {
    /// What stands in the form for a new one; its place is left to say.
    pub(super) fn empty() -> Draft {
        let new = NewUpstream::new("", "");
        let mut draft = Draft::of_form(&Form::default());
        draft.enabled = true;
        (draft.priority.value, draft.weight.value) = (new.priority.to_string(), new.weight.to_string());
        draft.auth.value = new.auth;
        draft.endpoint.value = crate::config::DEFAULT_ENDPOINT.to_owned();
        draft
    }

    /// What stands in the form for a row.
    pub(super) fn of_row(row: &UpstreamRow) -> Draft {
        let lines = |list: &str| entries(list).join("\n");
        Draft {
            name: Field::new("name", &row.name),
            endpoint: Field::new("endpoint", &row.endpoint),
            sk: Field::new("sk", ""),
            auth: Field::new("auth", &row.auth),
            enabled: row.enabled,
            priority: Field::new("priority", row.priority),
            position: Field::new("position", row.position),
            weight: Field::new("weight", row.weight),
            allow_keys: Field::new("allow_keys", lines(&row.allow_keys)),
            connect: Field::new("connect", seconds(row.connect_timeout_ms)),
            first_byte: Field::new("first_byte", seconds(row.first_byte_timeout_ms)),
            first_content: Field::new("first_content", seconds(row.first_content_timeout_ms)),
            idle: Field::new("idle", seconds(row.idle_timeout_ms)),
            allow_models: Field::new("allow_models", lines(&row.allow_models)),
            deny_models: Field::new("deny_models", lines(&row.deny_models)),
            map: Field::new("model_map", mappings(&row.model_map).collect::<Vec<_>>().join("\n")),
            keep_header: Field::new("keep_header", &row.keep_header),
            headers: Field::new("extra_headers", masked_headers(&row.extra_headers)),
            proxy: Field::new("proxy", Proxy::masked(&row.proxy)),
            recording: Field::new("recording", &row.recording),
        }
    }

    /// What was typed.
    pub(super) fn of_form(form: &Form) -> Draft {
        let field = |name: &'static str| Field::new(name, form.text(name));
        Draft {
            name: field("name"),
            endpoint: field("endpoint"),
            sk: field("sk"),
            auth: field("auth"),
            enabled: form.has("enabled"),
            priority: field("priority"),
            position: field("position"),
            weight: field("weight"),
            allow_keys: field("allow_keys"),
            connect: field("connect"),
            first_byte: field("first_byte"),
            first_content: field("first_content"),
            idle: field("idle"),
            allow_models: field("allow_models"),
            deny_models: field("deny_models"),
            map: field("model_map"),
            keep_header: field("keep_header"),
            headers: field("extra_headers"),
            proxy: field("proxy"),
            recording: field("recording"),
        }
    }

    /// The fields in the order of the page, each with the text of its label.
    pub(super) fn fields(&self, f: &Frame) -> [(&Field, &'static str); 19] {
        [
            (&self.name, f.t("upstream.name")),
            (&self.endpoint, f.t("upstream.endpoint")),
            (&self.sk, f.t("upstream.sk")),
            (&self.auth, f.t("upstream.auth")),
            (&self.priority, f.t("upstream.priority")),
            (&self.position, f.t("upstream.position")),
            (&self.weight, f.t("upstream.weight")),
            (&self.allow_keys, f.t("upstream.allow_keys")),
            (&self.connect, f.t("upstream.connect")),
            (&self.first_byte, f.t("upstream.first_byte")),
            (&self.first_content, f.t("upstream.first_content")),
            (&self.idle, f.t("upstream.idle")),
            (&self.allow_models, f.t("upstream.allow_models")),
            (&self.deny_models, f.t("upstream.deny_models")),
            (&self.map, f.t("upstream.model_map")),
            (&self.keep_header, f.t("upstream.keep_header")),
            (&self.headers, f.t("upstream.extra_headers")),
            (&self.proxy, f.t("upstream.proxy")),
            (&self.recording, f.t("upstream.recording")),
        ]
    }

    /// What is wrong, for the list at the top.
    pub(super) fn problems(&self, f: &Frame) -> Vec<Problem> {
        problems(&self.fields(f))
    }

    /// The edit that the draft asks for; `None` when something is wrong, which is then told at the field. What is left blank
    /// or masked of `base`'s secrets stays: the upstream that is edited, or the one that a new one is made after. `keys` is the setting
    /// `authorization`.
    pub(super) fn check(&mut self, f: &Frame, base: Option<&UpstreamRow>, keys: &str) -> Option<UpstreamChange> {
        self.check_endpoint(f);
        if self.name.value.chars().count() > NAME_CHARS {
            self.name.problem = f.tf("field.most_chars", &[&NAME_CHARS]);
        }
        let names = entries(&self.allow_keys.value).join(",");
        let unknown = unknown_keys(&names, base.map_or("", |row| &row.allow_keys), keys);
        if !unknown.is_empty() {
            self.allow_keys.problem = f.tf("upstream.allow_keys.unknown", &[&unknown.join(", ")]);
        }
        let change = UpstreamChange {
            sk: self.check_key(f, base),
            endpoint: Some(self.endpoint.value.clone()),
            success_count: None,
            failed_count: None,
            name: Some(self.name.value.clone()),
            enabled: Some(self.enabled),
            priority: number(f, &mut self.priority, i64::MIN..=i64::MAX),
            position: number(f, &mut self.position, i64::MIN..=i64::MAX),
            weight: number(f, &mut self.weight, 0..=MOST_WEIGHT),
            allow_models: Some(entries(&self.allow_models.value).join(",")),
            deny_models: Some(entries(&self.deny_models.value).join(",")),
            allow_keys: Some(entries(&self.allow_keys.value).join(",")),
            keep_header: Some(self.keep_header.value.clone()),
            connect_timeout_ms: Some(clock(f, &mut self.connect)),
            first_byte_timeout_ms: Some(clock(f, &mut self.first_byte)),
            first_content_timeout_ms: Some(clock(f, &mut self.first_content)),
            idle_timeout_ms: Some(clock(f, &mut self.idle)),
            recording: Some(self.recording.value.clone()),
            extra_headers: self.check_headers(f, base),
            model_map: Some(mappings(&self.map.value).collect::<Vec<_>>().join("\n")),
            proxy: self.check_proxy(f, base),
            auth: Some(self.auth.value.clone()).filter(|auth| !auth.is_empty()),
        };
        if let Err(bad) = ModelMap::parse(&self.map.value) {
            let key = if bad.twice { Key("upstream.model_map.twice") } else { Key("upstream.model_map.wrong") };
            self.map.problem = f.tf(key.0, &[&bad.entry]);
        }
        if !Upstream::knows_headers(&self.keep_header.value) {
            self.keep_header.problem = f.t("upstream.keep_header.wrong").to_owned();
        }
        if !self.recording.value.is_empty() && self.recording.value.parse::<Recording>().is_err() {
            self.recording.problem = f.tf("field.one_of", &[&"full, metadata, off"]);
        }
        (!self.fields(f).iter().any(|(field, _)| field.is_bad())).then_some(change)
    }

    /// The key that was typed; only an upstream that is sent none can do without.
    fn check_key(&mut self, f: &Frame, base: Option<&UpstreamRow>) -> Option<String> {
        let auth = self.auth.value.parse();
        if auth.is_err() {
            self.auth.problem = f.tf("field.one_of", &[&Auth::WORDS]);
        }
        let sk = Some(self.sk.value.clone()).filter(|sk| !sk.is_empty());
        if sk.is_none() && base.is_none_or(|row| row.sk.trim().is_empty()) && auth != Ok(Auth::Nothing) {
            self.sk.problem = f.t("upstream.sk.missing").to_owned();
        } else if sk.as_ref().is_some_and(|sk| sk.chars().any(|c| c.is_control() || !c.is_ascii())) {
            self.sk.problem = f.t("upstream.sk.ascii").to_owned();
        }
        sk
    }

    fn check_headers(&mut self, f: &Frame, base: Option<&UpstreamRow>) -> Option<String> {
        let stored = base.map_or("", |row| &row.extra_headers);
        let BadHeader { line, name, why } = match merged(&self.headers.value, stored) {
            Ok(headers) => return Some(headers),
            Err(bad) => bad,
        };
        let key = match why {
            HeaderFault::Shape => Key("headers.shape"),
            HeaderFault::Reserved => Key("headers.reserved"),
            HeaderFault::Twice => Key("headers.twice"),
            HeaderFault::NoValue => Key("headers.no_value"),
            HeaderFault::BadValue => Key("headers.bad_value"),
        };
        self.headers.problem = f.tf(key.0, &[&line, &name]);
        None
    }

    fn check_proxy(&mut self, f: &Frame, base: Option<&UpstreamRow>) -> Option<String> {
        let key = match Proxy::merged(&self.proxy.value, base.map_or("", |row| &row.proxy)) {
            Ok(proxy) => return Some(proxy),
            Err(BadProxy::Shape) => Key("upstream.proxy.wrong"),
            Err(BadProxy::Login) => Key("upstream.proxy.login"),
            Err(BadProxy::Again) => Key("upstream.proxy.again"),
        };
        self.proxy.problem = f.k(&key).to_owned();
        None
    }

    fn check_endpoint(&mut self, f: &Frame) {
        let typed = self.endpoint.value.trim().to_owned();
        let Ok(endpoint) = Endpoint::parse(&typed, 1) else {
            self.endpoint.problem = f.t("upstream.endpoint.wrong").to_owned();
            return;
        };
        if endpoint.base_path.ends_with("/v1/v1") {
            self.endpoint.problem = f.t("upstream.endpoint.twice").to_owned();
        } else if endpoint.query.is_some() {
            self.endpoint.problem = f.t("upstream.endpoint.query").to_owned();
        } else {
            self.endpoint.value = as_meant(&typed);
        }
    }
}

/// An address without a path becomes one with `/v1`, as people mean it; with a bare `/` it stays, and so does what is no address.
pub(super) fn as_meant(typed: &str) -> String {
    let is_bare =
        Endpoint::parse(typed, 1).is_ok_and(|endpoint| endpoint.base_path.is_empty() && endpoint.query.is_none());
    if is_bare && !typed.ends_with('/') { format!("{typed}/v1") } else { typed.to_owned() }
}

/// What stands in a field, as it may be told beside another: without a secret that was just typed.
pub(super) fn told(field: &Field) -> String {
    match field.name {
        "extra_headers" => masked_headers(&field.value),
        "proxy" => Proxy::masked(&field.value),
        _ => field.value.clone(),
    }
}

/// What an upstream was when a form for it was made: changes with everything that the form can change.
pub(super) fn version(row: &UpstreamRow) -> String {
    let timeouts =
        [row.connect_timeout_ms, row.first_byte_timeout_ms, row.first_content_timeout_ms, row.idle_timeout_ms];
    let lists = [&row.allow_models, &row.deny_models, &row.allow_keys, &row.keep_header, &row.recording];
    let extras = (&row.extra_headers, &row.model_map, &row.proxy, &row.auth);
    let numbers = (row.enabled, row.priority, row.position, row.weight);
    let all = format!("{:?} {:?}", (&row.sk, &row.endpoint, &row.name), (numbers, lists, extras, timeouts));
    digest(&all).unwrap_or_default()
}
