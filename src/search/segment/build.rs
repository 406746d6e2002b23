//! Documents become a segment. Start at [`Builder`].
//!
//! **Invariant:** the same documents give the same bytes. **May import:** `search::text`, std, foldhash.

use std::collections::HashMap;
use std::ops::Range;

use foldhash::fast::FixedState;

use crate::search::segment::block::{BlockWriter, Packed, Posting};
use crate::search::segment::{Column, Doc, Kind, Part, name_term, put_column};
use crate::search::text::tokens;

/// Terms up to this length are compared as a number.
const SHORT_BYTES: usize = size_of::<u128>();

/// Gathers documents, in ascending order of their ids.
#[derive(Default)]
pub struct Builder {
    docs: u32,
    texts: Terms,
    names: Terms,
    columns: [Vec<Option<i64>>; Column::ALL.len()],
}

impl Builder {
    /// Adds a document.
    pub fn push(&mut self, doc: &Doc) {
        let place = self.docs;
        self.docs += 1;
        for (column, value) in self.columns.iter_mut().zip(doc.numbers) {
            column.push(value);
        }
        for (side, text) in &doc.texts {
            tokens(text, |range| self.texts.add(text.as_bytes(), range, place, *side));
        }
        for (name, value) in &doc.names {
            let term = name_term(*name, value);
            self.names.add(&term, 0..term.len(), place, 0);
        }
    }

    /// How many documents there are.
    pub fn docs(&self) -> u32 {
        self.docs
    }

    /// The segment's parts.
    pub fn finish(self) -> Vec<Part> {
        let mut parts = self.texts.blocks(Kind::Texts);
        parts.append(&mut self.names.blocks(Kind::Names));
        parts.extend(Column::ALL.iter().zip(&self.columns).map(|(column, values)| put_column(*column, values)));
        parts
    }
}

/// Terms and where each stands. Nearly all terms are short; to find one again costs no look at any other memory than the map's
/// and its own entry.
#[derive(Default)]
struct Terms {
    short: HashMap<u128, u32, FixedState>,
    long: HashMap<Box<[u8]>, u32, FixedState>,
    /// Of each term, by its number.
    entries: Vec<Entry>,
    /// In the order of documents, each with its term's number.
    postings: Vec<(u32, Posting)>,
}

#[derive(Clone, Copy, Default)]
struct Entry {
    /// In how many documents.
    count: u32,
    /// Its latest posting.
    latest: usize,
    /// The document of that, and one more.
    after: u32,
}

impl Terms {
    /// Adds what stands in this range of a text.
    fn add(&mut self, text: &[u8], range: Range<usize>, doc: u32, sides: u8) {
        let term = &text[range.clone()];
        let number = match as_number(text, range) {
            Some(key) => *self.short.entry(key).or_insert_with(|| new_entry(&mut self.entries)),
            None => match self.long.get(term) {
                Some(number) => *number,
                None => *self.long.entry(term.into()).or_insert_with(|| new_entry(&mut self.entries)),
            },
        };
        let entry = &mut self.entries[number as usize];
        if entry.after == doc + 1 {
            self.postings[entry.latest].1.sides |= sides;
            return;
        }
        *entry = Entry { count: entry.count + 1, latest: self.postings.len(), after: doc + 1 };
        self.postings.push((number, Posting { doc, sides }));
    }

    fn blocks(self, kind: Kind) -> Vec<Part> {
        // By term, each term's in the order they came in.
        let mut ends = Vec::with_capacity(self.entries.len());
        let mut end = 0;
        for entry in &self.entries {
            ends.push(end);
            end += entry.count as usize;
        }
        let mut by_term = vec![Posting { doc: 0, sides: 0 }; self.postings.len()];
        for (number, posting) in self.postings {
            let end = &mut ends[number as usize];
            by_term[*end] = posting;
            *end += 1;
        }
        // What is beyond the number, and of terms that are alike up to there how long they are.
        let mut sorted: Vec<(u128, &[u8], usize, u32)> =
            self.short.iter().map(|(key, at)| (*key, &[][..], 0, *at)).collect();
        sorted.extend(self.long.iter().map(|(term, at)| {
            let (first, beyond) = term.split_at(term.len().min(SHORT_BYTES));
            (padded(first), beyond, term.len(), *at)
        }));
        sorted.sort_unstable();
        let mut writer = BlockWriter::default();
        let mut term = Vec::new();
        for (first, beyond, length, number) in sorted {
            let bytes = first.to_be_bytes();
            let length = if length == 0 { SHORT_BYTES - first.trailing_zeros() as usize / 8 } else { length };
            term.clear();
            term.extend_from_slice(&bytes[..length.min(SHORT_BYTES)]);
            term.extend_from_slice(beyond);
            let end = ends[number as usize];
            writer.push(&term, &by_term[end - self.entries[number as usize].count as usize..end]);
        }
        part_of(kind, writer.finish()).collect()
    }
}

fn new_entry(entries: &mut Vec<Entry>) -> u32 {
    entries.push(Entry::default());
    (entries.len() - 1) as u32
}

/// A short term as a number; numbers are in the order of their terms, and every other term has another one.
fn as_number(text: &[u8], range: Range<usize>) -> Option<u128> {
    let term = &text[range.clone()];
    if term.len() > SHORT_BYTES || term.last().is_none_or(|last| *last == 0) {
        return None;
    }
    // Mostly there is enough text to take all bytes at once, and to wipe those that are too many.
    match text[range.start..].first_chunk() {
        Some(bytes) => Some(u128::from_be_bytes(*bytes) & (u128::MAX << (8 * (SHORT_BYTES - term.len())))),
        None => Some(padded(term)),
    }
}

fn padded(term: &[u8]) -> u128 {
    let mut bytes = [0; SHORT_BYTES];
    bytes[..term.len()].copy_from_slice(term);
    u128::from_be_bytes(bytes)
}

/// Blocks as parts.
pub(in crate::search::segment) fn part_of(kind: Kind, blocks: Vec<Packed>) -> impl Iterator<Item = Part> {
    blocks.into_iter().map(move |Packed { first, data }| Part { kind, key: first, data })
}

#[cfg(test)]
mod tests {
    use crate::search::segment::block::Block;
    use crate::search::segment::build::Builder;
    use crate::search::segment::{Doc, Kind, Name};

    #[test]
    fn terms_of_any_length_come_in_the_order_of_their_bytes() {
        let names = [
            "",
            "a",
            "a\0",
            "a\0\0",
            "a\0b",
            "ab",
            "fifteen of them",
            "fifteen of them!",
            "fifteen of them\0",
            "修复修复修复",
        ];
        let doc = |names: &[&str]| Doc {
            names: names.iter().map(|name| (Name::Tool, (*name).to_owned())).collect(),
            texts: vec![(1, "fifteenofthemok fifteenofthemokay fifteenofthemok1 修复".to_owned())],
            ..Doc::default()
        };
        let mut builder = Builder::default();
        builder.push(&doc(&names));
        builder.push(&doc(&names[..3]));
        let parts = builder.finish();
        let mut terms = Vec::new();
        for part in parts.iter().filter(|part| part.kind == Kind::Names) {
            let mut block = Block::open(&part.data).unwrap();
            while let Some(term) = block.next_term().map(<[u8]>::to_vec) {
                let mut docs = Vec::new();
                block.postings(|posting| docs.push(posting.doc)).unwrap();
                terms.push((String::from_utf8(term[1..].to_vec()).unwrap(), docs));
            }
        }
        let mut expected: Vec<_> = names.iter().map(|name| ((*name).to_owned(), vec![0])).collect();
        expected[..3].iter_mut().for_each(|(_, docs)| docs.push(1));
        expected.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        assert_eq!(terms, expected);
    }
}
