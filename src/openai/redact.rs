//! Expressions whose matches nobody shall keep, and bytes without them. Start at [`Redaction::parse`].
//!
//! They are matched against the bytes of a body as they are: what JSON writes as an escape is matched as that escape.
//!
//! **Invariant:** time grows with the length of the text, whatever the expression. **May import:** regex.

use std::borrow::Cow;

use regex::bytes::{NoExpand, Regex, RegexBuilder};

/// What stands in place of a match.
pub const REDACTED: &str = "[redacted]";
/// Memory that one compiled expression may take.
const COMPILED_BYTES: usize = 2 << 20;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Redaction {
    text: String,
    patterns: Vec<Regex>,
}

impl PartialEq for Redaction {
    fn eq(&self, other: &Redaction) -> bool {
        self.text == other.text
    }
}

/// A line that is no expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPattern {
    /// From 1.
    pub line: usize,
    /// Why, in the words of the regex crate; without the expression.
    pub reason: String,
}

impl Redaction {
    /// One expression a line; also gives the lines that are none. Empty lines mean nothing.
    pub fn parse(text: &str) -> (Redaction, Vec<BadPattern>) {
        let (mut patterns, mut bad) = (Vec::new(), Vec::new());
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            match compiled(line) {
                Ok(pattern) => patterns.push(pattern),
                Err(reason) => bad.push(BadPattern { line: index + 1, reason }),
            }
        }
        (Redaction { text: text.to_owned(), patterns }, bad)
    }

    /// Nothing is to be taken out.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// How many expressions there are.
    pub fn count(&self) -> usize {
        self.patterns.len()
    }

    /// The text without the matches; `None` when there are none.
    pub fn of(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut redacted = None;
        for pattern in &self.patterns {
            let now = redacted.as_deref().unwrap_or(text);
            if let Cow::Owned(without) = pattern.replace_all(now, NoExpand(REDACTED.as_bytes())) {
                redacted = Some(without);
            }
        }
        redacted
    }
}

fn compiled(line: &str) -> Result<Regex, String> {
    let pattern = RegexBuilder::new(line).size_limit(COMPILED_BYTES).build().map_err(|error| {
        // The last line tells why; those before show the expression.
        let told = error.to_string();
        told.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned()
    })?;
    if pattern.is_match(b"") { Err("it matches where nothing is".to_owned()) } else { Ok(pattern) }
}

#[cfg(test)]
mod tests {
    use crate::openai::redact::Redaction;

    #[test]
    fn every_match_of_every_line_goes_and_the_rest_stays() {
        let (redaction, bad) = Redaction::parse("1[3-9]\\d{9}\r\n\n[\\w.]+@[\\w.]+\n身份证.{2}");
        assert!(bad.is_empty() && redaction.count() == 3);
        let text = "{\"a\":\"13800138000 and 13900139000, x.y@example.com\",\"b\":\"身份证号码\"}\u{7f}";
        let without = redaction.of(text.as_bytes()).unwrap();
        assert_eq!(
            String::from_utf8(without).unwrap(),
            "{\"a\":\"[redacted] and [redacted], [redacted]\",\"b\":\"[redacted]\"}\u{7f}"
        );
        assert_eq!(redaction.of(b"nothing here"), None);
        let (redaction, _) = Redaction::parse("secret");
        assert_eq!(redaction.of(b"\xff\xfe secret \xff").unwrap(), b"\xff\xfe [redacted] \xff", "any bytes");
    }

    #[test]
    fn a_line_that_is_none_is_told_with_its_number_and_without_itself() {
        let (redaction, bad) = Redaction::parse("good\n(hush\na*\n\\w{5000}{5000}");
        assert_eq!(redaction.count(), 1);
        let lines: Vec<usize> = bad.iter().map(|bad| bad.line).collect();
        assert_eq!(lines, [2, 3, 4]);
        assert_eq!(bad[0].reason, "unclosed group");
        assert!(bad.iter().all(|bad| !bad.reason.contains("hush") && !bad.reason.is_empty()), "{bad:?}");
    }
}
