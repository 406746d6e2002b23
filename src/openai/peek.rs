//! What is read of a request before it is forwarded: only the fields that are acted on.
//!
//! Start reading at [`peek`]; [`resource_ids`] and [`created_resource`] say which upstream a request belongs to because
//! a thing lives there, [`session_key`] and [`opening_hash`] which conversation it belongs to.
//!
//! **Invariant:** nothing here parses or copies a body: one walk over it, or one search through it, each.
//! **May import:** std, memchr, `openai::{multipart, scan}`.

mod resources;
mod session;

pub use resources::{created_resource, resource_ids};
pub use session::{opening_hash, session_key};

use crate::openai::multipart::Summary;
use crate::openai::scan::{members, skip_space, string_value};

/// What choosing an upstream needs to know of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peek {
    /// The model asked for.
    pub model: Option<String>,
    /// It stands in a JSON body, where [`put_model`](crate::openai::splice::put_model) finds it.
    pub in_json: bool,
    /// Whether a stream was asked for.
    pub stream: bool,
}

/// Reads model and stream out of a JSON or multipart body, or out of the beginning of one.
///
/// A body that opens like a JSON object is read as one whatever its content type says. The last of several members with
/// the same name counts, as it does for the parsers upstream.
pub fn peek(content_type: &str, body: &[u8]) -> Peek {
    if body.get(skip_space(body, 0)) == Some(&b'{') {
        return peek_json(body);
    }
    let Some(mut summary) = Summary::new(content_type) else {
        return Peek::default();
    };
    summary.push(body);
    Peek {
        model: summary
            .field("model")
            .map(|model| String::from_utf8_lossy(model).into_owned())
            .filter(|model| !model.is_empty()),
        in_json: false,
        stream: summary.field("stream").is_some_and(|stream| stream.eq_ignore_ascii_case(b"true") || stream == b"1"),
    }
}

fn peek_json(body: &[u8]) -> Peek {
    let mut peek = Peek::default();
    for (key, range) in members(body) {
        match key {
            b"model" => {
                peek.model =
                    string_value(&body[range]).filter(|model| !model.is_empty()).map(|model| model.into_owned());
            }
            b"stream" => peek.stream = &body[range] == b"true",
            _ => {}
        }
    }
    peek.in_json = peek.model.is_some();
    peek
}

#[cfg(test)]
mod tests;
