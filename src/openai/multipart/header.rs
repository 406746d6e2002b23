//! The heads inside a multipart body: its boundary, and what the head of a part says.
//!
//! Start reading at [`PartHeader::read`].
//!
//! **Invariant:** nothing here fails: what cannot be read is left out, what is no UTF-8 is read lossily.
//! **May import:** std.

/// What the head of one part says.
#[derive(Debug, Default)]
pub struct PartHeader {
    /// The field's name; empty when the part has none.
    pub name: String,
    /// The file's name.
    pub filename: Option<String>,
    /// The part's own content type.
    pub content_type: Option<String>,
}

impl PartHeader {
    /// Reads the header lines of a part, without the empty line behind them.
    pub fn read(head: &[u8]) -> PartHeader {
        let head = String::from_utf8_lossy(head);
        let mut header = PartHeader::default();
        for line in head.split("\r\n") {
            let Some((key, value)) = line.split_once(':') else {
                continue;
            };
            match key.trim().to_ascii_lowercase().as_str() {
                "content-type" => header.content_type = Some(value.trim().to_owned()),
                "content-disposition" => {
                    header.name = parameter(value, "name").unwrap_or_default();
                    header.filename = parameter(value, "filename")
                        .or_else(|| parameter(value, "filename*").map(|value| decoded(&value)));
                }
                _ => {}
            }
        }
        header
    }

    /// Whether the part is a file: it has a file name, or a content type that is neither text nor JSON.
    pub fn is_file(&self) -> bool {
        let is_text = |kind: &String| {
            let kind = kind.to_ascii_lowercase();
            kind.starts_with("text/") || kind.starts_with("application/json")
        };
        self.filename.is_some() || self.content_type.as_ref().is_some_and(|kind| !is_text(kind))
    }
}

/// The boundary in a content type, which must be multipart.
pub fn boundary(content_type: &str) -> Option<String> {
    let is_multipart = content_type.trim_start().get(..10).is_some_and(|kind| kind.eq_ignore_ascii_case("multipart/"));
    // RFC 2046 allows 70 characters; be kinder, but bounded.
    parameter(content_type, "boundary").filter(|boundary| is_multipart && !boundary.is_empty() && boundary.len() <= 256)
}

/// A parameter behind the first `;`: a token or a quoted string, the name in any case.
fn parameter(value: &str, name: &str) -> Option<String> {
    let mut rest = &value[value.find(';')? + 1..];
    loop {
        let (key, after) = rest.split_once('=')?;
        let key = key.trim().trim_start_matches(';').trim();
        let after = after.trim_start();
        let (found, behind) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        if key.eq_ignore_ascii_case(name) {
            return Some(found);
        }
        rest = &behind[behind.find(';')? + 1..];
    }
}

/// The text up to the closing quote, and what follows it. A backslash only quotes a quote or a backslash: some
/// programs write the backslashes of a Windows path as they are.
fn unquoted(quoted: &str) -> (String, &str) {
    let mut found = String::new();
    let mut letters = quoted.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (found, &quoted[at + 1..]),
            '\\' => match letters.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, next)) => found.push(next),
                None => found.push('\\'),
            },
            _ => found.push(letter),
        }
    }
    (found, "")
}

/// RFC 8187: `UTF-8''%e4%bd%a0.mp3`.
fn decoded(value: &str) -> String {
    let encoded = value.splitn(3, '\'').last().unwrap_or_default().as_bytes();
    let mut out = Vec::with_capacity(encoded.len());
    let mut at = 0;
    while let Some(&byte) = encoded.get(at) {
        let hex = encoded.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) if byte == b'%' => {
                out.push(decoded);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
