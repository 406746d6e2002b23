//! Takes out of a record what nobody shall keep, before anything of it is stored: on the recorder's thread.
//!
//! **Invariant:** a body that cannot be looked into is not kept while there is anything to take out.
//! **May import:** `db` (the row's shape), `openai`.

use crate::db::records::NewRecord;
use crate::openai::redact::Redaction;
use crate::recorder::draft::Draft;
use crate::recorder::finish::finish;
use crate::usage::prices::PriceBook;

/// Stands in the note of a body that something was taken out of.
const NOTE: &str = "redacted";
/// Stands in the note of a body that is compressed.
const UNREADABLE: &str = "not kept: compressed, so that nothing can be redacted";

/// Makes the row of a draft, without what is to be taken out.
pub(super) fn finish_redacted(mut draft: Draft, prices: &PriceBook, redaction: &Redaction) -> NewRecord {
    if redaction.is_empty() {
        return finish(draft, prices);
    }
    let is_packed = [is_packed(&draft.heads), !draft.reply.encoding.is_empty()];
    for attempt in &mut draft.attempts {
        in_text(redaction, &mut attempt.error);
    }
    let mut record = finish(draft, prices);
    in_text(redaction, &mut record.facts.error);
    let texts = &mut record.texts;
    if let Some(headers) = &mut texts.headers {
        in_headers(redaction, headers);
    }
    let sides = [(&mut texts.body, &mut texts.body_note), (&mut texts.response, &mut texts.response_note)];
    for ((bytes, note), is_packed) in sides.into_iter().zip(is_packed) {
        let Some(known) = bytes else { continue };
        let is_unpacked = note.as_ref().is_some_and(|note| note.contains("decoded from"));
        if is_packed && !is_unpacked {
            *bytes = None;
            add(note, UNREADABLE);
        } else if let Some(without) = redaction.of(known) {
            *bytes = Some(without);
            add(note, NOTE);
        }
    }
    record
}

fn add(note: &mut Option<String>, what: &str) {
    *note = Some(note.take().map_or_else(|| what.to_owned(), |note| format!("{note}, {what}")));
}

fn in_text(redaction: &Redaction, text: &mut Option<String>) {
    if let Some(without) = text.as_ref().and_then(|text| redaction.of(text.as_bytes())) {
        *text = Some(String::from_utf8_lossy(&without).into_owned());
    }
}

/// Line by line, so that none becomes part of another, and only values.
fn in_headers(redaction: &Redaction, headers: &mut Vec<u8>) {
    let mut out = Vec::with_capacity(headers.len());
    for line in headers.split_inclusive(|byte| *byte == b'\n') {
        let (line, end) = line.strip_suffix(b"\n").map_or((line, &b""[..]), |line| (line, &b"\n"[..]));
        let value_at = line.windows(2).position(|two| two == b": ").map_or(line.len(), |at| at + 2);
        let (name, value) = line.split_at(value_at);
        out.extend_from_slice(name);
        out.extend_from_slice(redaction.of(value).as_deref().unwrap_or(value));
        out.extend_from_slice(end);
    }
    *headers = out;
}

/// Whether the caller's headers say that the body is compressed.
fn is_packed(heads: &[u8]) -> bool {
    let own = heads.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
    let encoding = own.filter_map(|line| std::str::from_utf8(line).ok()?.split_once(": "));
    let mut encoding = encoding.filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
    encoding.any(|(_, value)| !value.eq_ignore_ascii_case("identity"))
}

#[cfg(test)]
mod tests {
    use crate::openai::redact::Redaction;
    use crate::recorder::redact::{in_headers, is_packed};

    #[test]
    fn headers_keep_their_lines_and_names() {
        let (redaction, _) = Redaction::parse("(?s)x-user|a@b.*");
        let mut headers = b"x-user: a@b.example\nhost: h\n\nserver: a@b".to_vec();
        in_headers(&redaction, &mut headers);
        assert_eq!(headers, b"x-user: [redacted]\nhost: h\n\nserver: [redacted]");
    }

    #[test]
    fn a_callers_compressed_body_is_known_by_its_own_headers() {
        assert!(is_packed(b"host: h\nContent-Encoding: gzip\n\nserver: s"));
        assert!(!is_packed(b"host: h\n\ncontent-encoding: gzip") && !is_packed(b"content-encoding: identity"));
    }
}
