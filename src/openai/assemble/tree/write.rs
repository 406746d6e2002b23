//! Writes a [`Node`] as JSON text.
//!
//! **Invariant:** nothing here changes a slice that came whole; only texts put together from pieces are written anew.
//! **May import:** std, memchr, `openai::{assemble::tree, scan}`.

use crate::openai::assemble::tree::{Kind, Node};
use crate::openai::scan::unicode_escape;

impl Node {
    /// Writes the value as JSON text.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self.kind {
            Kind::Raw if self.raw.is_empty() => out.extend_from_slice(b"null"),
            Kind::Raw => out.extend_from_slice(&self.raw),
            Kind::Text => {
                out.push(b'"');
                write_unescaped(&self.raw, out);
                out.push(b'"');
            }
            Kind::Object | Kind::List => {
                let is_object = self.kind == Kind::Object;
                out.push(if is_object { b'{' } else { b'[' });
                for (i, (key, node)) in self.inner.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    if is_object {
                        out.push(b'"');
                        out.extend_from_slice(key);
                        out.extend_from_slice(b"\":");
                    }
                    node.write(out);
                }
                out.push(if is_object { b'}' } else { b']' });
            }
        }
    }
}

/// Writes the inside of a JSON string with `\uXXXX` turned into the characters they mean, so that a record can be
/// searched; those that JSON must escape stay, and halves of surrogate pairs become U+FFFD.
fn write_unescaped(inside: &[u8], out: &mut Vec<u8>) {
    let mut rest = inside;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (before, escape) = rest.split_at(at);
        out.extend_from_slice(before);
        let (kept, after) = escape.split_at(escape.len().min(2));
        rest = after;
        if kept != b"\\u" {
            out.extend_from_slice(kept);
            continue;
        }
        match unicode_escape(after) {
            (Some(letter), length) if letter < ' ' || matches!(letter, '"' | '\\') => {
                out.extend_from_slice(kept);
                out.extend_from_slice(&after[..length]);
                rest = &after[length..];
            }
            (letter, length) => {
                let letter = letter.unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &after[length..];
            }
        }
    }
    out.extend_from_slice(rest);
}
