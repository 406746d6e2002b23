//! What is in a multipart/form-data body, told while it streams by: fields with their values, files with their sizes.
//!
//! Start reading at [`Summary::push`]. The grammar is RFC 7578 (and RFC 2046, §5.1 for the boundary).
//!
//! **Invariant:** nothing here keeps the contents of a file, and memory is bounded whatever comes: values by
//! [`MAX_VALUE_BYTES`] each and [`MAX_KEPT_BYTES`] together, parts by [`MAX_PARTS`], headers by [`MAX_HEADER_BYTES`].
//! **May import:** std, memchr, serde_json, `openai::multipart`.

mod header;

use memchr::memmem;

use crate::openai::multipart::header::{PartHeader, boundary};

/// The longest field value kept whole. Of a longer one the beginning is kept, with a mark and its true size.
pub const MAX_VALUE_BYTES: usize = 1 << 20;
/// The most that all field values of a body may take together. What comes after is only counted.
pub const MAX_KEPT_BYTES: usize = 16 << 20;
/// The most parts listed. Further ones are only counted.
pub const MAX_PARTS: usize = 1_000;
/// The longest head of one part.
pub const MAX_HEADER_BYTES: usize = 16 << 10;

/// The state between two pieces of a body.
#[derive(Debug)]
pub struct Summary {
    /// CR, LF, two dashes and the boundary.
    delimiter: memmem::Finder<'static>,
    stage: Stage,
    /// What could not be decided without the next piece; never longer than a delimiter or a part's head.
    carry: Vec<u8>,
    parts: Vec<Part>,
    parts_unlisted: usize,
    kept_bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Before the first boundary.
    Preamble,
    /// Right behind a boundary: two dashes end the body, a line end begins a part.
    Boundary {
        inside: bool,
    },
    Head,
    Content,
    /// The closing boundary has come.
    Closed,
    /// No multipart grammar any more.
    Broken,
}

#[derive(Debug)]
struct Part {
    header: PartHeader,
    /// The value, as far as it is kept; empty for a file.
    value: Vec<u8>,
    bytes: u64,
}

/// What a stage made of the bytes at hand: it took some, or it needs more to decide.
enum Step {
    Took(usize, Stage),
    NeedsMore,
}

impl Summary {
    /// A summary for a body of this content type; `None` when that is not multipart or has no boundary.
    pub fn new(content_type: &str) -> Option<Summary> {
        let delimiter = format!("\r\n--{}", boundary(content_type)?);
        Some(Summary {
            delimiter: memmem::Finder::new(delimiter.as_bytes()).into_owned(),
            stage: Stage::Preamble,
            // The first boundary may open the body: let it find the line end that it needs.
            carry: b"\r\n".to_vec(),
            parts: Vec::new(),
            parts_unlisted: 0,
            kept_bytes: 0,
        })
    }

    /// Takes the next piece of the body.
    pub fn push(&mut self, bytes: &[u8]) {
        if matches!(self.stage, Stage::Closed | Stage::Broken) {
            return;
        }
        if self.carry.is_empty() {
            let taken = self.walk(bytes);
            self.carry.extend_from_slice(&bytes[taken..]);
        } else {
            let mut whole = std::mem::take(&mut self.carry);
            whole.extend_from_slice(bytes);
            let taken = self.walk(&whole);
            whole.drain(..taken);
            self.carry = whole;
        }
    }

    /// The value of the first field with this name, as far as it has come.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.parts.iter().find(|part| !part.header.is_file() && part.header.name == name).map(|part| &part.value[..])
    }

    /// The summary as JSON text:
    /// `{"multipart":[{"name","value"} or {"name","filename","content_type","bytes"}]}`, with `"cut":true,"bytes"` on a
    /// value that was too long, `"more_parts"` when there were too many and `"incomplete":true` when the closing
    /// boundary never came.
    pub fn finish(mut self) -> Vec<u8> {
        if self.stage == Stage::Content {
            let carry = std::mem::take(&mut self.carry);
            self.keep(&carry);
        }
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let mut out = String::from("{\"multipart\":[");
        for (i, part) in self.parts.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            out.push_str("{\"name\":");
            out.push_str(&text(&part.header.name));
            if part.header.is_file() {
                for (key, value) in [("filename", &part.header.filename), ("content_type", &part.header.content_type)] {
                    if let Some(value) = value {
                        out.push_str(&format!(",\"{key}\":{}", text(value)));
                    }
                }
                out.push_str(&format!(",\"bytes\":{}", part.bytes));
            } else {
                out.push_str(",\"value\":");
                out.push_str(&text(&String::from_utf8_lossy(&part.value)));
                if part.bytes > part.value.len() as u64 {
                    out.push_str(&format!(",\"cut\":true,\"bytes\":{}", part.bytes));
                }
            }
            out.push('}');
        }
        out.push(']');
        if self.parts_unlisted > 0 {
            out.push_str(&format!(",\"more_parts\":{}", self.parts_unlisted));
        }
        if self.stage != Stage::Closed {
            out.push_str(",\"incomplete\":true");
        }
        out.push('}');
        out.into_bytes()
    }

    /// Walks over as much of `data` as can be decided, and says how much that was.
    fn walk(&mut self, data: &[u8]) -> usize {
        let mut at = 0;
        loop {
            let rest = &data[at..];
            let step = match self.stage {
                Stage::Preamble => self.content(rest, false),
                Stage::Content => self.content(rest, true),
                Stage::Boundary { inside } => self.boundary(rest, inside),
                Stage::Head => self.head(rest),
                Stage::Closed | Stage::Broken => return data.len(),
            };
            match step {
                Step::Took(count, stage) => {
                    at += count;
                    self.stage = stage;
                }
                Step::NeedsMore => return at,
            }
        }
    }

    /// Content up to the next delimiter, or up to what may be the beginning of one.
    fn content(&mut self, rest: &[u8], inside: bool) -> Step {
        let delimiter_bytes = self.delimiter.needle().len();
        if let Some(end) = self.delimiter.find(rest) {
            if inside {
                self.keep(&rest[..end]);
            }
            return Step::Took(end + delimiter_bytes, Stage::Boundary { inside });
        }
        let last = rest.len().saturating_sub(delimiter_bytes - 1);
        let tail = memchr::memchr_iter(b'\r', &rest[last..])
            .map(|i| last + i)
            .find(|i| self.delimiter.needle().starts_with(&rest[*i..]))
            .unwrap_or(rest.len());
        if inside {
            self.keep(&rest[..tail]);
        }
        match tail {
            0 => Step::NeedsMore,
            _ => Step::Took(tail, self.stage),
        }
    }

    fn boundary(&mut self, rest: &[u8], inside: bool) -> Step {
        if rest.starts_with(b"--") {
            return Step::Took(2, Stage::Closed);
        }
        let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        match &rest[padding..] {
            [b'\r', b'\n', ..] => Step::Took(padding + 2, Stage::Head),
            [] | [b'\r'] if padding < MAX_HEADER_BYTES => Step::NeedsMore,
            [b'-'] if padding == 0 => Step::NeedsMore,
            // The boundary was only the beginning of a longer line: that is content.
            _ if inside => {
                let delimiter = self.delimiter.needle().to_vec();
                self.keep(&delimiter);
                Step::Took(0, Stage::Content)
            }
            _ => Step::Took(0, Stage::Preamble),
        }
    }

    fn head(&mut self, rest: &[u8]) -> Step {
        let (head, taken) = match memmem::find(rest, b"\r\n\r\n") {
            _ if rest.starts_with(b"\r\n") => (&rest[..0], 2),
            Some(end) => (&rest[..end], end + 4),
            None if rest.len() > MAX_HEADER_BYTES => return Step::Took(rest.len(), Stage::Broken),
            None => return Step::NeedsMore,
        };
        if self.parts.len() < MAX_PARTS && self.parts_unlisted == 0 {
            self.parts.push(Part { header: PartHeader::read(head), value: Vec::new(), bytes: 0 });
        } else {
            self.parts_unlisted += 1;
        }
        Step::Took(taken, Stage::Content)
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.parts_unlisted > 0 {
            return;
        }
        let Some(part) = self.parts.last_mut() else {
            return;
        };
        let whole_so_far = part.bytes == part.value.len() as u64;
        part.bytes += bytes.len() as u64;
        if part.header.is_file() || !whole_so_far {
            return;
        }
        let room = (MAX_VALUE_BYTES - part.value.len()).min(MAX_KEPT_BYTES - self.kept_bytes);
        let kept = &bytes[..bytes.len().min(room)];
        part.value.extend_from_slice(kept);
        self.kept_bytes += kept.len();
    }
}

#[cfg(test)]
mod tests;
