//! A run of terms in order with the documents each stands in: how an index is stored, some ten thousand postings a block.
//!
//! Start at [`BlockWriter`], then [`Block`]. Terms share their beginnings, documents are gaps, sides are a byte each; the
//! three streams are packed apart, since each compresses best among its like.
//! **Invariant:** no bytes make reading panic; terms come out in the order they went in. **May import:** std, zstd.

use crate::search::segment::varint::{put, put_packed, take, take_bytes, take_packed};

/// A block is closed when its gaps and terms have grown to this.
const BLOCK_BYTES: usize = 32 << 10;

/// One document of a term, and the sides (bits) the term stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    /// The document's place in the segment.
    pub doc: u32,
    /// On which sides; 0 where sides mean nothing.
    pub sides: u8,
}

/// A finished block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Its first term.
    pub first: Vec<u8>,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// Takes terms in ascending order, gives blocks.
#[derive(Default)]
pub struct BlockWriter {
    first: Vec<u8>,
    last: Vec<u8>,
    count: u64,
    terms: Vec<u8>,
    gaps: Vec<u8>,
    sides: Vec<u8>,
    done: Vec<Packed>,
}

impl BlockWriter {
    /// Adds a term that is greater than all before; `postings` ascend.
    pub fn push(&mut self, term: &[u8], postings: &[Posting]) {
        let shared = if self.count == 0 {
            self.first = term.to_vec();
            0
        } else {
            term.iter().zip(&self.last).take_while(|(a, b)| a == b).count()
        };
        put(&mut self.terms, shared as u64);
        put(&mut self.terms, (term.len() - shared) as u64);
        self.terms.extend_from_slice(&term[shared..]);
        put(&mut self.terms, postings.len() as u64);
        let mut next = 0;
        for posting in postings {
            put(&mut self.gaps, u64::from(posting.doc - next));
            next = posting.doc + 1;
            self.sides.push(posting.sides);
        }
        self.last.clear();
        self.last.extend_from_slice(term);
        self.count += 1;
        if self.terms.len() + self.gaps.len() >= BLOCK_BYTES {
            self.close();
        }
    }

    /// The blocks that are complete so far.
    pub fn take(&mut self) -> Vec<Packed> {
        std::mem::take(&mut self.done)
    }

    /// All blocks that are left.
    pub fn finish(mut self) -> Vec<Packed> {
        self.close();
        self.done
    }

    fn close(&mut self) {
        if self.count == 0 {
            return;
        }
        let mut data = Vec::new();
        put(&mut data, self.count);
        put_packed(&mut data, &self.terms);
        put_packed(&mut data, &self.gaps);
        if self.sides.iter().all(|sides| *sides == 0) {
            self.sides.clear();
        }
        put_packed(&mut data, &self.sides);
        self.done.push(Packed { first: std::mem::take(&mut self.first), data });
        (self.count, self.last) = (0, Vec::new());
        (self.terms, self.gaps, self.sides) = Default::default();
    }
}

/// A block being read, term by term.
pub struct Block {
    terms: Vec<u8>,
    gaps: Vec<u8>,
    sides: Vec<u8>,
    /// What of the three is read.
    at: [usize; 3],
    term: Vec<u8>,
    /// Postings of the term that are not read yet.
    pending: u64,
}

impl Block {
    /// Unpacks a block; `None` when it is damaged.
    pub fn open(mut data: &[u8]) -> Option<Block> {
        take(&mut data)?;
        let (terms, gaps) = (take_packed(&mut data)?, take_packed(&mut data)?);
        Some(Block { terms, gaps, sides: take_packed(&mut data)?, at: [0; 3], term: Vec::new(), pending: 0 })
    }

    /// Goes to the next term and gives it; `None` at the end.
    pub fn next_term(&mut self) -> Option<&[u8]> {
        self.skip_postings()?;
        let mut rest = &self.terms[self.at[0]..];
        let shared = usize::try_from(take(&mut rest)?).ok().filter(|shared| *shared <= self.term.len())?;
        let length = take(&mut rest)?;
        let suffix = take_bytes(&mut rest, length)?;
        self.term.truncate(shared);
        self.term.extend_from_slice(suffix);
        self.pending = take(&mut rest)?;
        self.at[0] = self.terms.len() - rest.len();
        Some(&self.term)
    }

    /// In how many documents the term stands.
    pub fn frequency(&self) -> u64 {
        self.pending
    }

    /// The term's documents, in order; after it they are gone.
    pub fn postings(&mut self, mut each: impl FnMut(Posting)) -> Option<()> {
        let mut rest = &self.gaps[self.at[1]..];
        let mut next = 0u32;
        for place in 0..self.pending {
            let doc = next.checked_add(u32::try_from(take(&mut rest)?).ok()?)?;
            let sides = self.sides.get(self.at[2] + place as usize).copied().unwrap_or(0);
            each(Posting { doc, sides });
            next = doc.checked_add(1)?;
        }
        self.at[1] = self.gaps.len() - rest.len();
        self.at[2] += self.pending as usize;
        self.pending = 0;
        Some(())
    }

    /// The gaps are passed by counting their last bytes.
    fn skip_postings(&mut self) -> Option<()> {
        let mut left = std::mem::take(&mut self.pending) as usize;
        self.at[2] += left;
        while left > 0 {
            let near = self.gaps.get(self.at[1]..)?;
            let near = &near[..near.len().min(left)];
            if near.is_empty() {
                return None;
            }
            left -= near.iter().filter(|byte| **byte < 0x80).count();
            self.at[1] += near.len();
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use crate::search::segment::block::{Block, BlockWriter, Posting};

    fn postings(docs: &[u32]) -> Vec<Posting> {
        docs.iter().map(|doc| Posting { doc: *doc, sides: (doc % 3) as u8 }).collect()
    }

    #[test]
    fn terms_and_postings_come_back_and_any_may_be_skipped() {
        let mut writer = BlockWriter::default();
        let many: Vec<u32> = (0..50_000).collect();
        let all: [(&str, &[u32]); 5] =
            [("a", &[0]), ("ab", &[1, 2, 300, 70_000]), ("abc", &many), ("b", &[5]), ("修复", &[3, 9])];
        for (term, docs) in all {
            writer.push(term.as_bytes(), &postings(docs));
        }
        let blocks = writer.finish();
        assert_eq!(blocks.len(), 2);
        assert_eq!((blocks[0].first.as_slice(), blocks[1].first.as_slice()), (b"a".as_slice(), b"b".as_slice()));
        for read in 0..32 {
            let mut seen = Vec::new();
            for packed in &blocks {
                let mut block = Block::open(&packed.data).unwrap();
                while let Some(term) = block.next_term().map(<[u8]>::to_vec) {
                    let place = all.iter().position(|(name, _)| name.as_bytes() == term).unwrap();
                    seen.push(place);
                    assert_eq!(block.frequency() as usize, all[place].1.len());
                    if read >> place & 1 == 1 {
                        let mut docs = Vec::new();
                        block.postings(|posting| docs.push(posting)).unwrap();
                        assert_eq!(docs, postings(all[place].1));
                    }
                }
            }
            assert_eq!(seen, [0, 1, 2, 3, 4]);
        }
    }

    #[test]
    fn damaged_blocks_are_refused_or_end() {
        let mut writer = BlockWriter::default();
        writer.push(b"term", &postings(&[1, 2]));
        let data = writer.finish().remove(0).data;
        for at in 0..data.len() {
            let mut damaged = data.clone();
            damaged[at] ^= 0x55;
            for bytes in [&damaged[..], &data[..at]] {
                if let Some(mut block) = Block::open(bytes) {
                    while block.next_term().is_some() {
                        block.postings(|_| {});
                    }
                }
            }
        }
    }
}
