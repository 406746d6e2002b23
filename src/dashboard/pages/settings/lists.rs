//! Which settings each tab has. To add one: a line in one of the lists, its label and its hint.
//!
//! **Invariant:** nothing here does anything. **May import:** nothing of the crate.

use crate::dashboard::words::Key;

/// How a field is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// Several lines of text.
    Lines,
    /// Stored with commas, typed and shown one a line.
    List,
    Number,
    /// Stored in ms, typed and shown in seconds.
    Seconds,
    /// An address that may hold a secret, or a secret itself: never sent back.
    Secret,
    /// A secret address of which the host is told.
    Hook,
    Address,
    Choice(&'static [&'static str]),
}

/// One setting: its key, its label, its hint, how it is shown.
pub(super) struct Setting(pub(super) &'static str, pub(super) Key, pub(super) Key, pub(super) Kind);

impl Setting {
    /// What its field is called: not by ms where these are seconds.
    pub(super) fn field(&self) -> &'static str {
        if self.3 == Kind::Seconds { self.0.strip_suffix("_ms").unwrap_or(self.0) } else { self.0 }
    }
}

/// A tab made of settings.
pub(super) struct Tab {
    pub(super) name: &'static str,
    pub(super) intro: Key,
    pub(super) settings: &'static [Setting],
}

const POLICIES: &[&str] = &[
    "main",
    "random",
    "random_available",
    "round_robin",
    "round_robin_available",
    "order",
    "weighted",
    "least_busy",
    "fastest",
    "sticky",
];

/// Policies that do the same as others: names of the original's.
pub(super) const ALIASES: [&str; 2] = ["random_available", "round_robin_available"];

/// What a policy does, in a line; none for words of other settings.
pub(super) fn meaning(word: &str) -> Option<Key> {
    Some(match word {
        "main" => Key("policy.main"),
        "random" => Key("policy.random"),
        "random_available" => Key("policy.random_available"),
        "round_robin" => Key("policy.round_robin"),
        "round_robin_available" => Key("policy.round_robin_available"),
        "order" => Key("policy.order"),
        "weighted" => Key("policy.weighted"),
        "least_busy" => Key("policy.least_busy"),
        "fastest" => Key("policy.fastest"),
        "sticky" => Key("policy.sticky"),
        _ => return None,
    })
}

static ROUTING: Tab = Tab {
    name: "routing",
    intro: Key("settings.routing.intro"),
    settings: &[
        Setting("policy", Key("set.policy"), Key("set.policy.hint"), Kind::Choice(POLICIES)),
        Setting("trusted_proxies", Key("set.trusted_proxies"), Key("set.trusted_proxies.hint"), Kind::List),
        Setting("connect_timeout_ms", Key("set.connect"), Key("set.connect.hint"), Kind::Seconds),
        Setting("first_byte_timeout_ms", Key("set.first_byte"), Key("set.first_byte.hint"), Kind::Seconds),
        Setting("first_content_timeout_ms", Key("set.first_content"), Key("set.first_content.hint"), Kind::Seconds),
        Setting("idle_timeout_ms", Key("set.idle"), Key("set.idle.hint"), Kind::Seconds),
        Setting("stream_usage", Key("set.stream_usage"), Key("set.stream_usage.hint"), Kind::Choice(&["on", "off"])),
        Setting("replay_buffer_bytes", Key("set.replay"), Key("set.replay.hint"), Kind::Number),
        Setting("breaker_failures", Key("set.failures"), Key("set.failures.hint"), Kind::Number),
        Setting("breaker_ratio_percent", Key("set.ratio"), Key("set.ratio.hint"), Kind::Number),
        Setting("breaker_min_volume", Key("set.volume"), Key("set.volume.hint"), Kind::Number),
        Setting("breaker_window_ms", Key("set.window"), Key("set.window.hint"), Kind::Seconds),
        Setting("breaker_open_ms", Key("set.open"), Key("set.open.hint"), Kind::Seconds),
        Setting("breaker_open_max_ms", Key("set.open_max"), Key("set.open_max.hint"), Kind::Seconds),
    ],
};

static RECORDING: Tab = Tab {
    name: "recording",
    intro: Key("settings.recording.intro"),
    settings: &[
        Setting(
            "recording",
            Key("set.recording"),
            Key("set.recording.hint"),
            Kind::Choice(&["full", "metadata", "off"]),
        ),
        Setting("record_keys", Key("set.record_keys"), Key("set.record_keys.hint"), Kind::List),
        Setting("record_redact", Key("set.redact"), Key("set.redact.hint"), Kind::Lines),
        Setting("record_body_limit_bytes", Key("set.body_limit"), Key("set.body_limit.hint"), Kind::Number),
        Setting("record_binary_limit_bytes", Key("set.binary_limit"), Key("set.binary_limit.hint"), Kind::Number),
        Setting(
            "record_durability",
            Key("set.durability"),
            Key("set.durability.hint"),
            Kind::Choice(&["normal", "strict"]),
        ),
        Setting("retain_bodies_days", Key("set.retain_bodies"), Key("set.retain_bodies.hint"), Kind::Number),
        Setting("retain_records_days", Key("set.retain_records"), Key("set.retain_records.hint"), Kind::Number),
        Setting("retain_bytes", Key("set.retain_bytes"), Key("set.retain_bytes.hint"), Kind::Number),
    ],
};

static NOTICES: Tab = Tab {
    name: "notices",
    intro: Key("settings.notices.intro"),
    settings: &[
        Setting("feishu_webhook", Key("set.feishu"), Key("set.feishu.hint"), Kind::Secret),
        Setting("feishu_secret", Key("set.feishu_secret"), Key("set.feishu_secret.hint"), Kind::Secret),
        Setting("matrix_homeserver", Key("set.homeserver"), Key("set.homeserver.hint"), Kind::Address),
        Setting("matrix_room", Key("set.room"), Key("set.room.hint"), Kind::Text),
        Setting("matrix_token", Key("set.token"), Key("set.token.hint"), Kind::Secret),
        Setting("matrix_api", Key("set.matrix_api"), Key("set.matrix_api.hint"), Kind::Secret),
        Setting("webhook_url", Key("set.webhook"), Key("set.webhook.hint"), Kind::Hook),
        Setting("webhook_secret", Key("set.webhook_secret"), Key("set.webhook_secret.hint"), Kind::Secret),
        Setting("notice_summary_ms", Key("set.summary"), Key("set.summary.hint"), Kind::Seconds),
        Setting("metrics_public", Key("set.metrics"), Key("set.metrics.hint"), Kind::Choice(&["on", "off"])),
    ],
};

/// The tab of this name.
pub(super) fn tab(name: &str) -> Option<&'static Tab> {
    [&ROUTING, &RECORDING, &NOTICES].into_iter().find(|tab| tab.name == name)
}

/// The setting of this key, if a tab has it.
pub(super) fn named(key: &str) -> Option<&'static Setting> {
    [&ROUTING, &RECORDING, &NOTICES].into_iter().flat_map(|tab| tab.settings).find(|setting| setting.0 == key)
}

#[cfg(test)]
mod tests {
    use crate::balance::policy::Policy;
    use crate::dashboard::pages::settings::lists::{NOTICES, POLICIES, RECORDING, ROUTING, meaning};
    use crate::roster::{Settings, Wrong};

    #[test]
    fn every_setting_shown_is_one_and_every_policy_can_be_chosen() {
        for setting in [&ROUTING, &RECORDING, &NOTICES].iter().flat_map(|tab| tab.settings) {
            let (_, problems) = Settings::parse(&[(setting.0.to_owned(), String::new())]);
            assert!(!problems.iter().any(|problem| problem.wrong == Wrong::Unknown), "{}", setting.0);
        }
        assert_eq!(POLICIES, Policy::ALL.map(Policy::as_str));
        assert!(POLICIES.iter().all(|policy| meaning(policy).is_some()));
    }
}
