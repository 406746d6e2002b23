//! The upstreams of the original's `config.yaml`, by its `structure.go` of all its versions. Start at [`read_yaml`].
//!
//! **Invariant:** a key that has no field here is named beside the upstream. **May import:** `db` (the row's shape).

use yaml_rust2::{Yaml, YamlLoader};

use crate::dashboard::pages::upstreams::lines::{Bad, Fault, Found, Line, Read, made};

/// The list `upstreams`, or a list that is the whole file as in the first version; numbered from 1.
pub(super) fn read_yaml(text: &str) -> Found {
    let documents = match YamlLoader::load_from_str(text) {
        Ok(documents) => documents,
        Err(error) => return none(error.marker().line(), Fault::Yaml),
    };
    let Some(document) = documents.first() else { return Found::default() };
    let upstreams = &document["upstreams"];
    let Some(entries) = document.as_vec().or(upstreams.as_vec()) else {
        return if upstreams.is_null() { Found::default() } else { none(1, Fault::Entry) };
    };
    let lines = entries.iter().zip(1..).map(|(entry, number)| read_entry(entry, number)).collect();
    let keys = document.as_hash().into_iter().flat_map(|settings| settings.keys()).map(self::text);
    Found { lines, beside: keys.filter(|key| key != "upstreams").collect() }
}

/// Nothing, and why.
fn none(number: usize, why: Fault) -> Found {
    Found { lines: vec![Err(Bad { number, why })], beside: Vec::new() }
}

fn read_entry(entry: &Yaml, number: usize) -> Read {
    let bad = |why| Bad { number, why };
    let fields = entry.as_hash().ok_or(bad(Fault::Entry))?;
    if !matches!(text(&entry["type"]).as_str(), "" | "openai") {
        return Err(bad(Fault::Kind));
    }
    let mut new = made(&text(&entry["sk"]), &text(&entry["endpoint"])).map_err(bad)?;
    let mut passed_over = Vec::new();
    for (name, value) in fields {
        let name = text(name);
        match name.as_str() {
            "sk" | "endpoint" | "type" => {}
            "name" => new.name = text(value),
            "weight" => new.weight = value.as_i64().filter(|weight| *weight >= 0).ok_or(bad(Fault::Weight))?,
            "timeout" => new.first_byte_timeout_ms = milliseconds(value).map_err(bad)?,
            "stream_timeout" => new.first_content_timeout_ms = milliseconds(value).map_err(bad)?,
            "allow" => new.allow_models = list(value).ok_or(bad(Fault::List))?,
            "deny" => new.deny_models = list(value).ok_or(bad(Fault::List))?,
            "keep_header" if value.as_bool() == Some(true) => new.keep_header = "true".to_owned(),
            // Off, as without it.
            _ if value.is_null() || value.as_bool() == Some(false) => {}
            _ => passed_over.push(name),
        }
    }
    Ok(Line { number, new, passed_over })
}

fn text(value: &Yaml) -> String {
    match value {
        Yaml::String(text) | Yaml::Real(text) => text.trim().to_owned(),
        Yaml::Integer(number) => number.to_string(),
        _ => String::new(),
    }
}

/// Seconds; 0 and nothing mean the setting's.
fn milliseconds(seconds: &Yaml) -> Result<Option<i64>, Fault> {
    let seconds = match seconds {
        Yaml::Null => 0.0,
        Yaml::Integer(number) => *number as f64,
        number => number.as_f64().ok_or(Fault::Seconds)?,
    };
    if !(0.0..1e9).contains(&seconds) {
        return Err(Fault::Seconds);
    }
    Ok(Some((seconds * 1000.0).round() as i64).filter(|ms| *ms > 0))
}

/// Names of models, in a list or as one text.
fn list(names: &Yaml) -> Option<String> {
    match names {
        Yaml::Null => Some(String::new()),
        Yaml::Array(names) => {
            let names: Vec<String> = names.iter().map(text).collect();
            Some(names.join(",")).filter(|_| names.iter().all(|name| !name.is_empty()))
        }
        name => Some(text(name)).filter(|name| !name.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::upstreams::lines::{Fault, Line, read};

    fn fault(text: &str) -> (usize, Fault) {
        let bad = read(text, "").lines.into_iter().next_back().and_then(Result::err).expect(text);
        (bad.number, bad.why)
    }

    #[test]
    fn the_originals_file_is_understood_with_all_that_has_a_field_here() {
        let text = "authorization: woshimima\n\n# comment\nupstreams:\n  - sk: \"secret_key_1\"\n    endpoint: \"https://api.openai.com/v2\"\n    \
                    allow: [\"gpt-4\", gpt-3.5-turbo]\n    deny:\n      - gpt-4o\n    stream_timeout: 5\n    keep_header: true\n    noauth: false\n    \
                    authorization: hidden\n    type: openai\n  - sk: 'two'\n    endpoint: https://b.example\n    timeout: 30\n    name: second\n    weight: 4\n    noauth: true\n  - sk: none\n";
        let found = read(text, "");
        assert_eq!(found.beside, ["authorization"]);
        let Ok(Line { number: 1, new, passed_over }) = &found.lines[0] else { panic!("the first is understood") };
        assert_eq!((new.sk.as_str(), new.endpoint.as_str()), ("secret_key_1", "https://api.openai.com/v2"));
        assert_eq!((new.allow_models.as_str(), new.deny_models.as_str()), ("gpt-4,gpt-3.5-turbo", "gpt-4o"));
        assert_eq!((new.first_byte_timeout_ms, new.first_content_timeout_ms), (None, Some(5_000)));
        assert_eq!((new.keep_header.as_str(), passed_over.join(",")), ("true", "authorization".to_owned()));
        let Ok(Line { number: 2, new, passed_over }) = &found.lines[1] else { panic!("the second is understood") };
        assert_eq!((new.endpoint.as_str(), new.name.as_str(), new.weight), ("https://b.example/v1", "second", 4));
        assert_eq!((new.first_byte_timeout_ms, passed_over.join(",")), (Some(30_000), "noauth".to_owned()));
        assert_eq!(fault(text), (3, Fault::NoEndpoint));
    }

    #[test]
    fn each_mistake_in_it_has_its_own_name() {
        let entry = |fields: &str| format!("- sk: x\n  endpoint: https://b.example/v1\n{fields}");
        assert_eq!(fault("upstreams:\n\t- ["), (2, Fault::Yaml));
        assert_eq!(fault("upstreams: 5"), (1, Fault::Entry));
        assert_eq!(fault("upstreams:\n  - sk-1"), (1, Fault::Entry));
        assert_eq!(fault("- sk: x\n  type: replicate"), (1, Fault::Kind));
        assert_eq!(fault("- endpoint: https://b.example"), (1, Fault::NoKey));
        assert_eq!(fault(&entry("  timeout: 30s")), (1, Fault::Seconds));
        assert_eq!(fault(&entry("  weight: -1")), (1, Fault::Weight));
        assert_eq!(fault(&entry("  allow: [[x]]")), (1, Fault::List));
        assert!(read(&entry("  timeout: 0"), "").lines.iter().all(Result::is_ok));
        assert!(read("upstreams:", "").lines.is_empty());
    }
}
