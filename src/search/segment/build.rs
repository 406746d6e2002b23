//! Documents become a segment. Start at [`Builder`].
//!
//! **Invariant:** the same documents give the same bytes. **May import:** `search::text`, std, foldhash.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::search::segment::block::{BlockWriter, Packed, Posting};
use crate::search::segment::{Column, Doc, Kind, Part, name_term, put_column};
use crate::search::text::tokens;

type Postings = HashMap<Box<[u8]>, Vec<Posting>, FixedState>;

/// Gathers documents, in ascending order of their ids.
#[derive(Default)]
pub struct Builder {
    docs: u32,
    texts: Postings,
    names: Postings,
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
            tokens(text, |token| add(&mut self.texts, token.as_bytes(), place, *side));
        }
        for (name, value) in &doc.names {
            add(&mut self.names, &name_term(*name, value), place, 0);
        }
    }

    /// How many documents there are.
    pub fn docs(&self) -> u32 {
        self.docs
    }

    /// The segment's parts.
    pub fn finish(self) -> Vec<Part> {
        let mut parts = blocks(Kind::Texts, self.texts);
        parts.append(&mut blocks(Kind::Names, self.names));
        parts.extend(Column::ALL.iter().zip(&self.columns).map(|(column, values)| put_column(*column, values)));
        parts
    }
}

fn add(postings: &mut Postings, term: &[u8], doc: u32, sides: u8) {
    let list = match postings.get_mut(term) {
        Some(list) => list,
        None => postings.entry(term.into()).or_default(),
    };
    match list.last_mut() {
        Some(last) if last.doc == doc => last.sides |= sides,
        _ => list.push(Posting { doc, sides }),
    }
}

fn blocks(kind: Kind, postings: Postings) -> Vec<Part> {
    let mut sorted: Vec<_> = postings.into_iter().collect();
    sorted.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut writer = BlockWriter::default();
    for (term, list) in sorted {
        writer.push(&term, &list);
    }
    part_of(kind, writer.finish()).collect()
}

/// Blocks as parts.
pub(in crate::search::segment) fn part_of(kind: Kind, blocks: Vec<Packed>) -> impl Iterator<Item = Part> {
    blocks.into_iter().map(move |Packed { first, data }| Part { kind, key: first, data })
}
