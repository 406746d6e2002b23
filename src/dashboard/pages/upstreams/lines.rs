//! Many upstreams from text: one key a line, `endpoint,key,weight`, or the original's `config.yaml`. Start at [`read`].
//!
//! **Invariant:** a line that cannot be understood is told as such, never passed over. **May import:** `connector`.

use yaml_rust2::{Yaml, YamlLoader};

use crate::connector::Endpoint;
use crate::dashboard::pages::upstreams::draft::as_meant;

/// One upstream that a text names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Where it stands, from 1.
    pub(super) number: usize,
    pub(super) endpoint: String,
    pub(super) sk: String,
    pub(super) weight: i64,
    /// The time for a reply's first byte, in ms, when the text names one.
    pub(super) timeout_ms: Option<i64>,
}

/// What a line is.
pub(super) type Read = Result<Line, usize>;

/// The upstreams of `text`; lines with only a key get `endpoint`. A line that makes no sense is its number.
pub(super) fn read(text: &str, endpoint: &str) -> Vec<Read> {
    if text.lines().any(|line| line.trim_end() == "upstreams:") {
        return read_yaml(text);
    }
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| read_line(number, line, endpoint).filter(is_usable).ok_or(number))
        .collect()
}

fn read_line(number: usize, line: &str, endpoint: &str) -> Option<Line> {
    let cells: Vec<&str> = line.split([',', '\t']).map(str::trim).collect();
    let (endpoint, sk, weight) = match cells.as_slice() {
        [sk] => (endpoint, *sk, 1),
        [endpoint, sk] => (*endpoint, *sk, 1),
        [endpoint, sk, weight] => (*endpoint, *sk, weight.parse().ok().filter(|weight: &i64| *weight >= 0)?),
        _ => return None,
    };
    Some(Line { number, endpoint: as_meant(endpoint), sk: sk.to_owned(), weight, timeout_ms: None })
}

fn is_usable(line: &Line) -> bool {
    let key = !line.sk.is_empty() && line.sk.bytes().all(|byte| byte.is_ascii_graphic());
    key && Endpoint::parse(&line.endpoint, 1).is_ok()
}

/// The list `upstreams` of the original's file: `sk`, `endpoint`, and `timeout` in seconds (its `structure.go`).
fn read_yaml(text: &str) -> Vec<Read> {
    let Ok(documents) = YamlLoader::load_from_str(text) else {
        return vec![Err(1)];
    };
    let entries = documents.first().and_then(|document| document["upstreams"].as_vec()).cloned().unwrap_or_default();
    let line = |(index, entry): (usize, &Yaml)| {
        let word = |name: &str| entry[name].as_str().unwrap_or_default().trim().to_owned();
        let line = Line {
            number: index + 1,
            endpoint: as_meant(&word("endpoint")),
            sk: word("sk"),
            weight: 1,
            timeout_ms: entry["timeout"].as_i64().filter(|s| *s > 0).map(|s| s.saturating_mul(1000)),
        };
        Some(line).filter(is_usable).ok_or(index + 1)
    };
    entries.iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::upstreams::lines::{Line, read};

    fn line(number: usize, endpoint: &str, sk: &str, weight: i64) -> Line {
        Line { number, endpoint: endpoint.to_owned(), sk: sk.to_owned(), weight, timeout_ms: None }
    }

    #[test]
    fn keys_alone_and_rows_with_endpoints_are_understood_and_the_rest_is_told() {
        let text = "# mine\nsk-1\n\nhttps://b.example/v1, sk-2 ,5\nhttps://c.example/v1,sk-3\nsk 4\nb.example,sk-5,1\na,b,c,d\nhttps://d.example,sk-6,many\nhttps://e.example,sk-7\nhttps://f.example/,sk-8";
        let read = read(text, "https://a.example/v1");
        assert_eq!(
            read,
            [
                Ok(line(2, "https://a.example/v1", "sk-1", 1)),
                Ok(line(4, "https://b.example/v1", "sk-2", 5)),
                Ok(line(5, "https://c.example/v1", "sk-3", 1)),
                Err(6),
                Err(7),
                Err(8),
                Err(9),
                Ok(line(10, "https://e.example/v1", "sk-7", 1)),
                Ok(line(11, "https://f.example/", "sk-8", 1)),
            ]
        );
    }

    #[test]
    fn the_originals_file_is_understood() {
        let text = "authorization: woshimima\n\n# comment\nupstreams:\n  - sk: \"secret_key_1\"\n    endpoint: \"https://api.openai.com/v2\"\n  - sk: 'two'\n    endpoint: https://b.example/v1\n    timeout: 30\n  - sk: none\n";
        let read = read(text, "");
        assert_eq!(read[0], Ok(line(1, "https://api.openai.com/v2", "secret_key_1", 1)));
        assert_eq!(read[1], Ok(Line { timeout_ms: Some(30_000), ..line(2, "https://b.example/v1", "two", 1) }));
        assert_eq!(read[2], Err(3));
        assert_eq!(super::read("upstreams:\n\t- [", ""), [Err(1)]);
    }
}
