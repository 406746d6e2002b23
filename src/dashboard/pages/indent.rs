//! JSON for people's eyes. Start at [`pretty`].
//!
//! **Invariant:** only white space between names and values changes. **May import:** nothing of the crate.

use serde::de::IgnoredAny;

/// Longer texts are left as they are.
const MOST_BYTES: usize = 1 << 20;

/// JSON in lines, with every name and number as it was written; anything else as it is.
pub(in crate::dashboard) fn pretty(text: &str) -> String {
    if text.len() > MOST_BYTES || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return text.to_owned();
    }
    let (mut out, mut depth, mut in_string, mut escaped) =
        (String::with_capacity(text.len() * 2), 0usize, false, false);
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if in_string {
            out.push(c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            ' ' | '\t' | '\r' | '\n' => {}
            '{' | '[' => {
                out.push(c);
                while rest.next_if(|c| c.is_ascii_whitespace()).is_some() {}
                if let Some(end) = rest.next_if(|c| matches!(c, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            '"' => {
                in_string = true;
                out.push(c);
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::indent::pretty;

    #[test]
    fn json_is_shown_in_lines_with_every_character_as_it_was_written() {
        let text = r#"{"z":1.0,"a":[ ],"s":"a,{\"b\\\": 1}","n":[10000000000000000001,{"k":null}]}"#;
        let shown = pretty(text);
        assert!(
            shown.starts_with("{\n  \"z\": 1.0,\n  \"a\": [],\n") && shown.contains("10000000000000000001"),
            "{shown}"
        );
        let dense = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        assert_eq!(dense(&shown), dense(text));
        assert_eq!(pretty("no json {"), "no json {");
    }
}
