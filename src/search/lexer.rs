//! From a text as typed to words of characters that know where they stand. Start at [`words`].
//!
//! Outside quotes a full-width character stands for its ASCII counterpart wherever it could have a meaning; inside
//! quotes everything stands for itself but `\"` and `\\` (and in names `\*`).
//!
//! **Invariant:** no character is left out. **May import:** std, the errors of this room.

use std::ops::Range;

use super::error::Fault;
use super::mistake::Mistake;

/// How a character was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Outside quotes.
    Bare,
    /// A quote that opens or closes.
    Quote,
    /// Inside quotes.
    Quoted,
    /// Inside quotes, behind a backslash that is no character of its own (but in a text, if this is a `*`).
    Escaped,
}

/// One character.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letter {
    /// As typed.
    pub(super) c: char,
    pub(super) kind: Kind,
    /// Where it begins and ends in the text, in bytes.
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Letter {
    /// What it stands for: outside quotes full width is ASCII.
    pub(super) fn meaning(&self) -> char {
        if self.kind == Kind::Bare { narrow(self.c) } else { self.c }
    }

    /// Is it this sign, outside quotes?
    pub(super) fn is(&self, sign: char) -> bool {
        self.kind == Kind::Bare && self.meaning() == sign
    }
}

/// Where these letters stand in the text; nowhere if there are none.
pub(super) fn place(letters: &[Letter]) -> Range<usize> {
    match letters {
        [] => 0..0,
        [first, .., last] => first.start..last.end,
        [only] => only.start..only.end,
    }
}

/// What these letters stand for.
pub(super) fn meaning(letters: &[Letter]) -> String {
    letters.iter().map(Letter::meaning).collect()
}

/// The ASCII counterpart of a full-width character or a typographic quote; every other character itself.
pub(super) fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '“' | '”' => '"',
        _ => c,
    }
}

/// The words between white space, none of them empty; quotes keep white space together.
pub(super) fn words(text: &str) -> Result<Vec<Vec<Letter>>, Fault> {
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    let end_of = |at: usize| chars.get(at + 1).map_or(text.len(), |next| next.0);
    let letter = |at: usize, kind: Kind| Letter { c: chars[at].1, kind, start: chars[at].0, end: end_of(at) };
    let mut words = Vec::new();
    let mut word: Vec<Letter> = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        if chars[at].1.is_whitespace() {
            words.push(std::mem::take(&mut word));
        } else if narrow(chars[at].1) != '"' {
            word.push(letter(at, Kind::Bare));
        } else {
            let Some(close) = closing(&chars, at) else {
                let quote = letter(at, Kind::Quote);
                let fault = Fault::new(quote.start..quote.end, Mistake::OpenQuote);
                return Err(fault.fix(text.len()..text.len(), "\"".to_owned()));
            };
            word.push(letter(at, Kind::Quote));
            at += 1;
            while at < close {
                if is_escape(&chars, at) {
                    word.push(Letter { start: chars[at].0, ..letter(at + 1, Kind::Escaped) });
                    at += 1;
                } else {
                    word.push(letter(at, Kind::Quoted));
                }
                at += 1;
            }
            word.push(letter(close, Kind::Quote));
        }
        at += 1;
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    Ok(words)
}

/// Does a backslash stand at `at` that takes the meaning from the character behind it?
fn is_escape(chars: &[(usize, char)], at: usize) -> bool {
    let escapable = |c: char| matches!(c, '\\' | '*') || is_quote(c);
    chars[at].1 == '\\' && chars.get(at + 1).is_some_and(|next| escapable(next.1))
}

fn is_quote(c: char) -> bool {
    narrow(c) == '"'
}

/// The quote that closes the one at `open`: one of the same kind if there is one, so that `"他说“你好”"` is one text,
/// and else any, because an input method is switched in the middle of a phrase.
fn closing(chars: &[(usize, char)], open: usize) -> Option<usize> {
    let next = |closes: &dyn Fn(char) -> bool| {
        let mut at = open + 1;
        while at < chars.len() {
            if is_escape(chars, at) {
                at += 1;
            } else if closes(chars[at].1) {
                return Some(at);
            }
            at += 1;
        }
        None
    };
    let is_curly = |c: char| matches!(c, '“' | '”');
    let opener = chars[open].1;
    next(&|c| c == opener || (is_curly(opener) && is_curly(c))).or_else(|| next(&is_quote))
}

#[cfg(test)]
mod tests {
    use crate::search::lexer::{meaning, narrow, place, words};

    /// The words, with what they stand for and where.
    fn seen(text: &str) -> Vec<(String, std::ops::Range<usize>)> {
        words(text).unwrap().iter().map(|word| (meaning(word), place(word))).collect()
    }

    #[test]
    fn full_width_input_means_its_ascii_counterpart_outside_quotes_only() {
        let typed: String = "：，＂＞＜＝－（）！｜＊５ａＺ“”".chars().map(narrow).collect();
        assert_eq!(typed, ":,\"><=-()!|*5aZ\"\"");
        assert_eq!(seen("ｉｎ：“：” x"), [("in:“：”".to_owned(), 0..18), ("x".to_owned(), 19..20)]);
    }

    #[test]
    fn quotes_keep_white_space_together_and_backslashes_keep_quotes() {
        for (text, expected) in [
            ("a\u{3000}b\t c", vec!["a", "b", "c"]),
            (r#""a b" -"c  d""#, vec!["\"a b\"", "-\"c  d\""]),
            (r#""a\" \\" b"#, vec![r#""a" \""#, "b"]),
            (r#""C:\new" b"#, vec![r#""C:\new""#, "b"]),
            (r#""他说“你好”" b"#, vec![r#""他说“你好”""#, "b"]),
            (r#""a b” c"#, vec![r#""a b”"#, "c"]),
            (r#"“he said "hi you" ” c"#, vec![r#"“he said "hi you" ”"#, "c"]),
            ("", vec![]),
            (" \u{3000}", vec![]),
        ] {
            assert_eq!(seen(text).into_iter().map(|word| word.0).collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_is_shown() {
        for (text, at) in [("a \"b c", 2..3), ("a “b c", 2..5), ("\"a\\\"", 0..1), ("\"a\" \"", 4..5)] {
            let error = words(text).unwrap_err().in_text(text);
            assert_eq!(error.at, at, "{text}");
        }
    }
}
