//! Where a page marks what was searched for. Start at [`marks`].
//!
//! **Invariant:** a mark begins and ends between characters of the text as it was written, and no two overlap.
//! **May import:** std, the terms of this room.

use std::ops::Range;

use super::text::{Term, fold};

/// The byte ranges of `text`, as it was written, in which one of the terms is; in order, overlapping hits made one.
pub fn marks<'a>(text: &str, terms: impl Iterator<Item = &'a Term>) -> Vec<Range<usize>> {
    let folded = fold(text);
    let mut hits: Vec<Range<usize>> = terms.flat_map(|term| term.find_in(&folded)).collect();
    if hits.is_empty() {
        return hits;
    }
    hits.sort_by_key(|hit| hit.start);
    let sources = sources(text);
    let mut marks: Vec<Range<usize>> = Vec::new();
    for hit in hits {
        let (Some(first), Some(last)) = (sources.get(hit.start), sources.get(hit.end - 1)) else {
            continue;
        };
        match marks.last_mut() {
            Some(before) if first.start < before.end => before.end = before.end.max(last.end),
            _ => marks.push(first.start..last.end),
        }
    }
    marks
}

/// For each byte of the folded text, the bytes of `text` that it stands for.
fn sources(text: &str) -> Vec<Range<usize>> {
    let mut sources: Vec<Range<usize>> = Vec::with_capacity(text.len());
    let mut after_space = false;
    for (at, c) in text.char_indices() {
        let source = at..at + c.len_utf8();
        match sources.last_mut() {
            Some(space) if after_space && c.is_whitespace() => space.end = source.end,
            _ if c.is_whitespace() => sources.push(source),
            _ => {
                let bytes = c.to_lowercase().map(char::len_utf8).sum();
                sources.extend(std::iter::repeat_n(source, bytes));
            }
        }
        after_space = c.is_whitespace();
    }
    sources
}

#[cfg(test)]
mod tests {
    use crate::search::chance::Chance;
    use crate::search::marks::{marks, sources};
    use crate::search::text::{Term, fold};

    fn marked(text: &str, terms: &[&str]) -> String {
        let terms: Vec<Term> = terms.iter().map(|term| Term::new(term).unwrap()).collect();
        let mut shown = text.to_owned();
        for mark in marks(text, terms.iter()).into_iter().rev() {
            shown.insert(mark.end, ']');
            shown.insert(mark.start, '[');
        }
        shown
    }

    #[test]
    fn what_was_searched_for_is_marked_as_it_was_written() {
        for (text, terms, expected) in [
            ("An ERROR, terror", &["err"][..], "An [ERR]OR, terror"),
            ("read \n\t FILE", &["read file"], "[read \n\t FILE]"),
            ("İstanbul", &["i"], "[İ]stanbul"),
            ("已修复。", &["修复", "复。"], "已[修复。]"),
            ("aa bb", &["aa", "bb"], "[aa] [bb]"),
            ("aa", &["b"], "aa"),
            ("", &["b"], ""),
        ] {
            assert_eq!(marked(text, terms), expected);
        }
    }

    #[test]
    fn every_byte_of_a_folded_text_has_its_source() {
        let mut chance = Chance::new(5);
        let alphabet: Vec<char> = "aB \t\n\u{3000}İßΣKé修🙂\u{a0}".chars().collect();
        for _ in 0..5_000 {
            let text = chance.text(&alphabet, 12);
            let sources = sources(&text);
            assert_eq!(sources.len(), fold(&text).len(), "{text:?}");
            let terms = [Term::new("a"), Term::new(" "), Term::new("修"), Term::new("é修"), Term::new("k ")];
            let marks = marks(&text, terms.iter().flatten());
            assert!(marks.windows(2).all(|pair| pair[0].end <= pair[1].start), "{text:?}");
            assert!(marks.into_iter().all(|mark| text.get(mark).is_some_and(|part| !part.is_empty())), "{text:?}");
        }
    }
}
