//! A recorded request as a curl command. Start at [`command`].
//!
//! **Invariant:** no key is in it, and nothing that others wrote gets out of its quotes or names a file of the operator's:
//! files are looked for under names that begin with the request's number. **May import:** `db`, `openai`, `roster`.

use serde::Deserialize;

use crate::dashboard::pages::requests::one::is_unread;
use crate::db::records::{Record, header_pairs};
use crate::openai::dialogue::{Api, layout};
use crate::roster::ANTHROPIC_VERSION;

/// A larger body or value is a file beside the command.
const INLINE_BYTES: usize = 64 << 10;
/// How much of a file's own name is in the name it is looked for under, in bytes.
const NAME_BYTES: usize = 80;

/// Headers that say how a body is meant and hold no secret.
const VERSIONS: [&str; 3] = [ANTHROPIC_VERSION.0, "anthropic-beta", "openai-beta"];

/// What is recorded of an upload: see [`crate::openai::multipart`].
#[derive(Deserialize)]
struct Upload {
    multipart: Vec<Part>,
    more_parts: Option<u64>,
    incomplete: Option<bool>,
}

#[derive(Deserialize)]
struct Part {
    name: String,
    value: Option<String>,
    cut: Option<bool>,
    filename: Option<String>,
    content_type: Option<String>,
    bytes: Option<u64>,
}

/// The command, with a variable in the key's place; above it what is to be done first.
pub(super) fn command(record: &Record, scheme: &str, host: &str) -> String {
    let facts = &record.row.facts;
    let (own, host) = (host, if facts.host.is_empty() { host } else { &facts.host });
    let mut lines =
        vec![format!("curl -X {} {}", word(&facts.method), word(&format!("{scheme}://{host}{}", facts.path)))];
    lines.push("  -H \"Authorization: Bearer $OPENAI_API_KEY\"".to_owned());
    lines.extend(versions(record).iter().map(|(name, value)| format!("  -H {}", word(&format!("{name}: {value}")))));
    let (mut notes, mut end) = (Vec::new(), String::new());
    let upload = record.texts.body.as_deref().filter(|_| is_upload(record)).and_then(|body| {
        let upload: Result<Upload, _> = serde_json::from_slice(body);
        upload.ok()
    });
    match (record.texts.body.as_deref(), upload) {
        (None, _) if facts.request_bytes > 0 || is_unread(record) => {
            notes.push("Its body is not recorded: this sends none.".to_owned())
        }
        (None, _) => {}
        (Some(_), Some(upload)) => form(record.row.id, upload, &mut lines, &mut notes),
        (Some(body), None) => {
            lines.push(format!("  -H {}", word(&format!("Content-Type: {}", content_type(record)))));
            match std::str::from_utf8(body).ok().filter(|body| body.len() <= INLINE_BYTES) {
                Some(text) => {
                    let mut mark = "END".to_owned();
                    while text.contains(&mark) {
                        mark.push('_');
                    }
                    lines.push(format!("  --data-binary @- <<'{mark}'"));
                    end = format!("\n{text}\n{mark}");
                }
                None => {
                    let id = record.row.id;
                    lines.push(format!("  --data-binary @request-{id}-body"));
                    notes.push(format!("Save {scheme}://{own}/admin/requests/{id}/body beside it first."));
                }
            }
            if let Some(note) = &record.texts.body_note {
                notes.insert(0, format!("The recorded body is not what was sent: {note}"));
            }
        }
    }
    let notes: String = notes.iter().map(|note| format!("# {}\n", in_one_line(note))).collect();
    format!("{notes}{}{end}\n", lines.join(" \\\n"))
}

fn is_upload(record: &Record) -> bool {
    record.texts.body_note.as_deref().is_some_and(|note| note.starts_with("multipart"))
}

/// Which version of an API the caller meant, and which trials of it, as recorded; Anthropic's API wants a version always.
pub(super) fn versions(record: &Record) -> Vec<(String, String)> {
    let [mut pairs, _] = header_pairs(record.texts.headers.as_deref().unwrap_or_default());
    pairs.retain(|(name, _)| VERSIONS.iter().any(|known| name.eq_ignore_ascii_case(known)));
    let has = |pairs: &[(String, String)]| pairs.iter().any(|(name, _)| name.eq_ignore_ascii_case(ANTHROPIC_VERSION.0));
    if layout(&record.row.facts.path, b"").api == Api::Messages && !has(&pairs) {
        pairs.push((ANTHROPIC_VERSION.0.to_owned(), ANTHROPIC_VERSION.1.to_owned()));
    }
    pairs
}

/// What the caller said the body is.
fn content_type(record: &Record) -> String {
    let [pairs, _] = header_pairs(record.texts.headers.as_deref().unwrap_or_default());
    let said = pairs.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    said.map_or_else(|| "application/json".to_owned(), |(_, value)| value)
}

/// An upload as fields and files: its files are not recorded, only what they are called.
fn form(id: i64, upload: Upload, lines: &mut Vec<String>, notes: &mut Vec<String>) {
    for (at, part) in upload.multipart.into_iter().enumerate() {
        let Part { name, value, cut, filename, content_type, bytes } = part;
        // curl ends a name at the first equals sign, and a line of a head at its end.
        if name.contains(['=', '\0', '\r', '\n']) {
            notes.push(format!("Left out: the field {name:?}, whose name curl cannot send."));
            continue;
        }
        if cut == Some(true) {
            notes.push(format!("Only the beginning of the field {name:?} is recorded."));
        }
        match value.filter(|value| value.len() <= INLINE_BYTES && !value.contains('\0')) {
            Some(value) => lines.push(format!("  --form-string {}", word(&format!("{name}={value}")))),
            None => {
                let own = filename.as_deref().unwrap_or_default();
                let file = format!("request-{id}-{}-{}", at + 1, safe(own));
                let size = bytes.map(|bytes| format!(", {bytes} bytes")).unwrap_or_default();
                notes.push(match bytes {
                    Some(_) => {
                        format!("Put the file {own:?} ({name}{size}) beside it as {file}: contents are not recorded.")
                    }
                    None => format!("Put the value of {name:?} beside it as {file}: it is too long for a command."),
                });
                let sign = if filename.is_some() { '@' } else { '<' };
                let mut argument = format!("{name}={sign}{}", quoted(&file));
                if filename.is_some() {
                    argument.push_str(&format!(";filename={}", quoted(&in_one_line(own))));
                }
                if let Some(kind) = content_type.filter(|kind| is_plain_type(kind)) {
                    argument.push_str(&format!(";type={kind}"));
                }
                lines.push(format!("  -F {}", word(&argument)));
            }
        }
    }
    if let Some(more) = upload.more_parts {
        notes.push(format!("Left out: {more} more parts, which are not recorded."));
    }
    if upload.incomplete == Some(true) {
        notes.push("The upload did not come to its end.".to_owned());
    }
}

/// As much of a name as is nothing but a name.
fn safe(name: &str) -> String {
    let kept = name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    let kept: String = kept.take(NAME_BYTES).collect();
    if kept.is_empty() { "file".to_owned() } else { kept }
}

fn is_plain_type(kind: &str) -> bool {
    kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'+' | b'-' | b'_'))
}

fn in_one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A file's name as curl reads it after `-F` (curl(1), "--form": quotes and backslashes behind backslashes).
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

/// A text as one word of a shell (POSIX 2.2.2).
fn word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::requests::command::{command, versions};
    use crate::db::records::{Facts, Placed, Record, Row, Signs, Texts};

    fn record(path: &str, body: &str) -> Record {
        let facts = Facts { method: "POST".into(), path: path.into(), host: "h".into(), ..Facts::default() };
        let placed = Placed { conversation_id: None, linked_by: None, known_messages: None };
        let texts = Texts { body: Some(body.as_bytes().to_vec()), ..Texts::default() };
        Record { row: Row { id: 7, facts, placed, signs: Signs::default(), replay_of: None }, texts }
    }

    #[test]
    fn a_command_holds_no_key_and_nothing_of_it_gets_out_of_its_quotes() {
        let text = command(&record("/v1/x?a='$(id)", "{\"a\":\"END\"}"), "http", "other");
        assert_eq!(
            text,
            "curl -X 'POST' 'http://h/v1/x?a='\\''$(id)' \\\n  -H \"Authorization: Bearer $OPENAI_API_KEY\" \\\n  \
             -H 'Content-Type: application/json' \\\n  --data-binary @- <<'END_'\n{\"a\":\"END\"}\nEND_\n"
        );
        let large = command(&record("/v1/x", &"x".repeat(70_000)), "http", "other");
        assert!(large.contains("@request-7-body") && large.len() < 500, "{large}");
        assert!(large.starts_with("# Save http://other/admin/requests/7/body"), "the dashboard's own address: {large}");
        let mut expired = record("/v1/x", "");
        (expired.texts.body, expired.row.facts.request_bytes) = (None, 12);
        assert!(command(&expired, "http", "other").starts_with("# Its body is not recorded: this sends none.\ncurl"));
    }

    #[test]
    fn versions_are_those_of_the_record_or_the_one_that_is_always_wanted() {
        let mut asked = record("/v1/messages?beta=true", "{}");
        let sent = |record: &Record| versions(record).iter().map(|(name, value)| format!("{name}={value}")).collect();
        let told: Vec<String> = sent(&asked);
        assert_eq!(told, ["anthropic-version=2023-06-01"]);
        let recorded = "x-api-key: [redacted]\nanthropic-version: 2099-01-01\nAnthropic-Beta: a,b\nx-secret: s\n";
        asked.texts.headers = Some(recorded.as_bytes().to_vec());
        let told: Vec<String> = sent(&asked);
        assert_eq!(told, ["Anthropic-Beta=a,b", "anthropic-version=2099-01-01"]);
        assert!(command(&asked, "http", "h").contains(" \\\n  -H 'anthropic-version: 2099-01-01' \\\n"));
        assert!(versions(&record("/v1/chat/completions", "{}")).is_empty());
        assert!(versions(&record("/v1/threads/t/messages", "{}")).is_empty());
    }

    #[test]
    fn an_upload_names_no_file_of_the_operators_whatever_its_own_are_called() {
        let body = r#"{"multipart":[{"name":"a","value":"it's @/etc/passwd;type=x"},{"name":"f","filename":"/etc/../passwd\"\n# x","content_type":"text/plain;\"","bytes":3},{"name":"b=c","value":"1"}],"incomplete":true}"#;
        let mut record = record("/v1/files", body);
        record.texts.body_note = Some("multipart, sent once".to_owned());
        let text = command(&record, "http", "other");
        let lines: Vec<&str> = text.lines().skip_while(|line| line.starts_with('#')).skip(2).collect();
        assert_eq!(
            lines,
            [
                r"  --form-string 'a=it'\''s @/etc/passwd;type=x' \",
                r#"  -F 'f=@"request-7-2-etc..passwdx";filename="/etc/../passwd\" # x"'"#
            ]
        );
        let notes: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
        assert_eq!(notes.len(), 3, "{text}");
    }
}
