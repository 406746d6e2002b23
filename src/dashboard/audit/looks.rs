//! What operators can change, as it is at one moment, and what is different at another. Start at [`look`] and [`differences`].
//!
//! **Invariant:** what is told of a secret are its last four characters. **May import:** `db`, `roster`, `connector`.

use std::collections::BTreeMap;

use crate::connector::{Endpoint, Proxy};
use crate::dashboard::pages::upstreams::state::label;
use crate::db::audit::Thing;
use crate::db::{PooledConnection, client_keys, prices, settings, upstreams};
use crate::error::Error;
use crate::roster::{key_entries, last4, masked, masked_headers};

/// Settings of which only the end is told.
const SECRETS: [&str; 5] = ["feishu_webhook", "feishu_secret", "matrix_token", "matrix_api", "webhook_secret"];
/// One of which only the host is told.
const ADDRESS: &str = "webhook_url";
const PASSWORD: &str = "admin_password_hash";
/// Dollars per million tokens in a pico-dollar per token.
const PICO: f64 = 1e-6;

/// An address whose path may be a secret, as it may be told: `hooks.example.com…`.
pub(in crate::dashboard) fn host_only(address: &str) -> String {
    let host = Endpoint::parse(address, 1).ok().and_then(|it| it.host.to_str().map(|host| format!("{host}…")).ok());
    host.unwrap_or_else(|| if address.is_empty() { String::new() } else { "…".to_owned() })
}

/// By kind and number of the thing: its name, and its fields.
pub(super) type Look = BTreeMap<(&'static str, i64, String), (String, Vec<Field>)>;

/// A field: its name, its value, and the value as it may be told.
pub(super) struct Field(&'static str, String, String);

fn plain(name: &'static str, value: impl ToString) -> Field {
    Field(name, value.to_string(), value.to_string())
}

/// Everything as it is.
pub(super) fn look(connection: &mut PooledConnection) -> Result<Look, Error> {
    let mut look = Look::new();
    for row in upstreams::list(connection)? {
        let time = |ms: Option<i64>| ms.map(|ms| ms.to_string()).unwrap_or_default();
        let fields = vec![
            plain("name", &row.name),
            plain("endpoint", &row.endpoint),
            Field("sk", row.sk.clone(), masked(&row.sk)),
            plain("enabled", row.enabled),
            plain("priority", row.priority),
            plain("position", row.position),
            plain("weight", row.weight),
            plain("allow_models", &row.allow_models),
            plain("deny_models", &row.deny_models),
            plain("allow_keys", &row.allow_keys),
            plain("keep_header", &row.keep_header),
            plain("connect_timeout_ms", time(row.connect_timeout_ms)),
            plain("first_byte_timeout_ms", time(row.first_byte_timeout_ms)),
            plain("first_content_timeout_ms", time(row.first_content_timeout_ms)),
            plain("idle_timeout_ms", time(row.idle_timeout_ms)),
            plain("recording", &row.recording),
            Field("extra_headers", row.extra_headers.clone(), masked_headers(&row.extra_headers).replace('\n', "; ")),
            plain("model_map", row.model_map.replace('\n', "; ")),
            Field("proxy", row.proxy.clone(), Proxy::masked(&row.proxy)),
            plain("auth", &row.auth),
        ];
        look.insert(("upstream", row.id, String::new()), (label(&row), fields));
    }
    for row in prices::list(connection)? {
        let dollars = |pico: i64| pico as f64 * PICO;
        let fields = vec![
            plain("pattern", &row.pattern),
            plain("input", dollars(row.input_pico)),
            plain("cached", row.cached_pico.map(|pico| dollars(pico).to_string()).unwrap_or_default()),
            plain("output", dollars(row.output_pico)),
        ];
        look.insert(("price", row.id, String::new()), (row.pattern, fields));
    }
    let rows = client_keys::list(connection)?;
    for (name, value) in settings::all(connection)? {
        if name == "authorization" {
            for key in key_entries(&value) {
                let row = rows.iter().find(|row| row.name == key.name).cloned().unwrap_or_default();
                let old = if row.old_key.is_empty() { String::new() } else { masked(&row.old_key) };
                let shown = masked(&key.secret);
                let fields = vec![
                    Field("key", key.secret, shown),
                    Field("old_key", row.old_key, old),
                    plain("allow_models", row.allow_models.replace('\n', ", ")),
                    Field("disabled", row.disabled.to_string(), if row.disabled { "true" } else { "" }.to_owned()),
                ];
                look.insert(("key", 0, key.name.clone()), (key.name, fields));
            }
            continue;
        }
        let shown = match name.as_str() {
            PASSWORD => "…".to_owned(),
            name if SECRETS.contains(&name) && !value.is_empty() => format!("…{}", last4(&value)),
            ADDRESS => host_only(&value),
            _ => value.replace('\n', "; "),
        };
        look.insert(("setting", 0, name.clone()), (name, vec![Field("", value, shown)]));
    }
    Ok(look)
}

/// What is different, by thing: `upstream main: weight 1 → 2, sk sk-…a8Qz → sk-…9Kd2`. What has no number is thing 0.
pub(super) fn differences(before: &Look, after: &Look) -> Vec<Thing> {
    let mut lines = Vec::new();
    for ((kind, id, name), (title, fields)) in after {
        let mut say = |detail| lines.push(Thing { noun: kind, id: *id, detail });
        let known = before.get(&(*kind, *id, name.clone()));
        let mut changes = Vec::new();
        for Field(field, value, shown) in fields {
            let past = known.and_then(|(_, past)| past.iter().find(|past| past.0 == *field));
            let gap = if field.is_empty() { "" } else { " " };
            match past {
                Some(Field(_, past, _)) if past == value => {}
                Some(Field(_, _, past)) => changes.push(format!("{field}{gap}{} → {}", told(past), told(shown))),
                // Of what is new, fields that say nothing are left out.
                None if shown.is_empty() || shown == "0" => {}
                None => changes.push(format!("{field}{gap}{shown}")),
            }
        }
        match known {
            None => say(format!("+ {kind} {title}: {}", changes.join(", "))),
            Some(_) if changes.is_empty() => {}
            Some(_) => say(format!("{kind} {title}: {}", changes.join(", "))),
        }
    }
    let gone = before.iter().filter(|(key, _)| !after.contains_key(key));
    lines.extend(gone.map(|((kind, id, _), (title, _))| Thing {
        noun: kind,
        id: *id,
        detail: format!("− {kind} {title}"),
    }));
    lines
}

fn told(value: &str) -> &str {
    if value.is_empty() { "—" } else { value }
}

#[cfg(test)]
mod tests {
    use crate::dashboard::audit::looks::{Field, Look, differences, plain};

    #[test]
    fn differences_name_what_changed_and_only_the_end_of_a_secret() {
        let look = |weight: i64, sk: &str| {
            let fields = vec![plain("weight", weight), Field("sk", sk.to_owned(), format!("…{}", &sk[sk.len() - 4..]))];
            Look::from([(("upstream", 1, String::new()), ("main".to_owned(), fields))])
        };
        let told = |before: &Look, after: &Look| -> Vec<String> {
            differences(before, after).into_iter().map(|thing| format!("{}: {}", thing.id, thing.detail)).collect()
        };
        let secret = look(2, "sk-secret-9Kd2");
        assert_eq!(told(&look(1, "sk-secret-a8Qz"), &secret), ["1: upstream main: weight 1 → 2, sk …a8Qz → …9Kd2"]);
        assert_eq!(told(&look(2, "sk-other--9Kd2"), &secret), ["1: upstream main: sk …9Kd2 → …9Kd2"]);
        assert!(told(&secret, &secret).is_empty());
        assert_eq!(told(&Look::new(), &secret), ["1: + upstream main: weight 2, sk …9Kd2"]);
        assert_eq!(told(&secret, &Look::new()), ["1: − upstream main"]);
    }
}
