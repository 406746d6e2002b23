//! What tools gave, in one line. Start at [`results`].
//!
//! **Invariant:** it is as long as a preview at most. **May import:** `openai::dialogue`.

use crate::openai::dialogue::texts::line;
use crate::openai::dialogue::{Part, layout, message};
use crate::openai::scan::elements;

/// Of a request whose messages are results of tools alone: the names of the tools that are told, and the first words.
pub fn results(path: &str, body: &[u8]) -> Option<String> {
    let list = layout(path, body).messages?;
    let (mut names, mut words) = (Vec::new(), None);
    for range in elements(body, list) {
        for part in message(&body[range]).parts {
            if let Part::ToolResult { name, text, .. } = part {
                names.extend(name.filter(|name| !names.contains(name)));
                words = words.or_else(|| line(&text));
            }
        }
    }
    let told = [Some(names.join(", ")).filter(|names| !names.is_empty()), words];
    line(&told.into_iter().flatten().collect::<Vec<_>>().join(": "))
}

#[cfg(test)]
mod tests {
    use crate::openai::dialogue::results::results;

    #[test]
    fn what_tools_gave_is_told_with_their_names_where_they_are_known() {
        let body = br#"{"messages": [{"role": "tool", "tool_call_id": "a", "content": "  18 degrees\nand rain"},
            {"role": "tool", "name": "clock", "content": "12:00"}]}"#;
        assert_eq!(results("/v1/chat/completions", body).as_deref(), Some("clock: 18 degrees and rain"));
        let user = br#"{"messages": [{"role": "user", "content": "hi"}]}"#;
        assert_eq!(results("/v1/chat/completions", user), None);
        assert_eq!(results("/v1/chat/completions", b"nothing"), None);
    }
}
