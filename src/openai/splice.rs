//! A stretch of a body, and what stands there instead: how a request is changed without being written anew.
//!
//! Start reading at [`Splice::apply`]; [`put_model`] says where the model's name stands.
//! **Invariant:** every byte outside the stretch is the caller's. **May import:** std, `openai::scan`.

use std::ops::Range;

use crate::openai::scan::members;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splice<'a> {
    pub(in crate::openai) at: Range<usize>,
    pub(in crate::openai) text: &'a [u8],
}

impl Splice<'_> {
    /// `body` with the stretch replaced.
    pub fn apply(&self, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(body.len() - self.at.len() + self.text.len());
        out.extend_from_slice(&body[..self.at.start]);
        out.extend_from_slice(self.text);
        out.extend_from_slice(&body[self.at.end..]);
        out
    }
}

/// Where the model's name stands in a JSON body, or in the beginning of one; `literal` is the JSON string to stand there.
///
/// `None` when no model is named. The last of several members of one name counts, as it does for the parsers upstream.
pub fn put_model<'a>(body: &[u8], literal: &'a [u8]) -> Option<Splice<'a>> {
    let named = members(body).filter(|(key, range)| *key == b"model" && body[range.start] == b'"');
    named.last().map(|(_, at)| Splice { at, text: literal })
}

#[cfg(test)]
mod tests {
    use crate::openai::chance::Chance;
    use crate::openai::splice::put_model;

    fn put(body: &str) -> Option<String> {
        let splice = put_model(body.as_bytes(), br#""sent""#)?;
        Some(String::from_utf8(splice.apply(body.as_bytes())).unwrap())
    }

    #[test]
    fn only_the_models_name_is_replaced() {
        for (body, expected) in [
            (r#"{"model":"a"}"#, Some(r#"{"model":"sent"}"#)),
            (
                " {\n \"n\" : 1.0e1, \"model\" : \"a\\\"b\" , \"x\": [ ] }\n",
                Some(" {\n \"n\" : 1.0e1, \"model\" : \"sent\" , \"x\": [ ] }\n"),
            ),
            (r#"{"metadata":{"model":"a"},"model":"b"}"#, Some(r#"{"metadata":{"model":"a"},"model":"sent"}"#)),
            (r#"{"model":"a","model":"b"}"#, Some(r#"{"model":"a","model":"sent"}"#)),
            (r#"{"model":"a","input":"cut o"#, Some(r#"{"model":"sent","input":"cut o"#)),
            (r#"{"model":7}"#, None),
            (r#"{"input":"model"}"#, None),
            (r#"["model"]"#, None),
            ("", None),
        ] {
            assert_eq!(put(body).as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut chance = Chance::new(12);
        for _ in 0..20_000 {
            let body = chance.bytes(br#"{"model":"a",[]} \\"#, 40);
            if let Some(splice) = put_model(&body, b"\"x\"") {
                splice.apply(&body);
            }
        }
    }
}
