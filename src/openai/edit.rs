//! Members of a JSON body put in or replaced, every other byte as it was. Start at [`with_member`].
//!
//! **Invariant:** a body that is no object stays as it is. **May import:** std, `openai::scan`.

use crate::openai::scan::{members, skip_space};

/// `body` with `name`, which needs no escapes, as `value`, which is JSON: in the place of the last member of that name,
/// which is the one that counts, else as the first member of all.
pub fn with_member(body: &[u8], name: &str, value: &[u8]) -> Vec<u8> {
    let start = skip_space(body, 0);
    if body.get(start) != Some(&b'{') {
        return body.to_vec();
    }
    let place = members(body).filter(|(key, _)| *key == name.as_bytes()).last().map(|(_, place)| place);
    if let Some(place) = place {
        return [&body[..place.start], value, &body[place.end..]].concat();
    }
    let inside = start + 1;
    let is_empty = body.get(skip_space(body, inside)) == Some(&b'}');
    let joint: &[u8] = if is_empty { b"" } else { b"," };
    [&body[..inside], b"\"", name.as_bytes(), b"\":", value, joint, &body[inside..]].concat()
}

#[cfg(test)]
mod tests {
    use crate::openai::edit::with_member;

    #[test]
    fn a_member_is_put_in_or_replaced_and_no_other_byte_changes() {
        for (body, name, value, expected) in [
            ("{\"a\": 1.50,\n \"b\":2}", "a", "3", "{\"a\": 3,\n \"b\":2}"),
            (" {\"b\": 2}", "a", "\"x\"", " {\"a\":\"x\",\"b\": 2}"),
            ("{ }", "a", "1", "{\"a\":1 }"),
            ("{\"a\":1,\"a\":2}", "a", "3", "{\"a\":1,\"a\":3}"),
            ("{\"x\":{\"a\":1}}", "a", "3", "{\"a\":3,\"x\":{\"a\":1}}"),
            ("[1]", "a", "1", "[1]"),
            ("", "a", "1", ""),
        ] {
            let edited = with_member(body.as_bytes(), name, value.as_bytes());
            assert_eq!(String::from_utf8(edited).unwrap(), expected, "{body}");
        }
    }
}
