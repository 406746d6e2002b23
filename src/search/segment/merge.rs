//! Several segments become one, and removed documents go for good. Start at [`merge`].
//!
//! **Invariant:** memory holds one block of each segment at a time, and what is written. **May import:** std.

use crate::search::segment::bits::Bits;
use crate::search::segment::block::{Block, BlockWriter, Posting};
use crate::search::segment::build::part_of;
use crate::search::segment::{Column, Kind, Name, Part, name_term, put_column, take_column};

/// A segment to be merged, its parts in the order of kind and key.
pub struct Source {
    /// Its parts.
    pub parts: Vec<Part>,
    /// How many documents it has.
    pub docs: u32,
    /// Documents that are gone.
    pub removed: Bits,
    /// Documents whose texts are gone.
    pub textless: Bits,
}

/// Puts segments together, in this order, without their removed documents; also says how many documents are left.
/// `None` when a part is damaged.
pub fn merge(sources: Vec<Source>) -> Option<(Vec<Part>, u32)> {
    let mut places = Vec::new();
    let mut docs = 0;
    for source in &sources {
        let place = |doc| {
            (!source.removed.contains(doc)).then(|| {
                docs += 1;
                docs - 1
            })
        };
        places.push((0..source.docs).map(place).collect::<Vec<Option<u32>>>());
    }
    let mut parts = Vec::new();
    for kind in [Kind::Texts, Kind::Names] {
        let runs = sources.iter().map(|source| Run::new(source, kind)).collect::<Option<Vec<_>>>()?;
        parts.append(&mut terms(kind, &sources, runs, &places)?);
    }
    for column in Column::ALL {
        let mut values = Vec::with_capacity(docs as usize);
        for (source, places) in sources.iter().zip(&places) {
            let part = source.parts.iter().find(|part| part.kind == Kind::Column && part.key == [column as u8])?;
            let kept = take_column(column, &part.data)?.into_iter().zip(places);
            values.extend(kept.filter(|(_, place)| place.is_some()).map(|(value, _)| value));
        }
        parts.push(put_column(column, &values));
    }
    Some((parts, docs))
}

fn terms(kind: Kind, sources: &[Source], mut runs: Vec<Run<'_>>, places: &[Vec<Option<u32>>]) -> Option<Vec<Part>> {
    let of_texts = [name_term(Name::Has, "body")];
    let mut writer = BlockWriter::default();
    let mut parts = Vec::new();
    let mut postings = Vec::new();
    while let Some(term) = runs.iter().filter_map(|run| run.term.as_ref()).min().cloned() {
        postings.clear();
        let tells_texts = kind == Kind::Texts || of_texts.contains(&term);
        for ((run, places), source) in runs.iter_mut().zip(places).zip(sources) {
            if run.term.as_ref() == Some(&term) {
                run.block.as_mut()?.postings(|Posting { doc, sides }| {
                    let gone = tells_texts && source.textless.contains(doc);
                    if let Some(Some(place)) = places.get(doc as usize).filter(|_| !gone) {
                        postings.push(Posting { doc: *place, sides });
                    }
                })?;
                run.advance()?;
            }
        }
        if !postings.is_empty() {
            writer.push(&term, &postings);
            parts.extend(part_of(kind, writer.take()));
        }
    }
    parts.extend(part_of(kind, writer.finish()));
    Some(parts)
}

/// The terms of one segment, one after the other.
struct Run<'a> {
    blocks: Vec<&'a Part>,
    next: usize,
    block: Option<Block>,
    term: Option<Vec<u8>>,
}

impl<'a> Run<'a> {
    fn new(source: &'a Source, kind: Kind) -> Option<Run<'a>> {
        let blocks = source.parts.iter().filter(|part| part.kind == kind).collect();
        let mut run = Run { blocks, next: 0, block: None, term: None };
        run.advance()?;
        Some(run)
    }

    fn advance(&mut self) -> Option<()> {
        loop {
            if let Some(term) = self.block.as_mut().and_then(Block::next_term) {
                self.term = Some(term.to_vec());
                return Some(());
            }
            let Some(part) = self.blocks.get(self.next) else {
                (self.block, self.term) = (None, None);
                return Some(());
            };
            self.block = Some(Block::open(&part.data)?);
            self.next += 1;
        }
    }
}
