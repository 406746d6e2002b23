//! A set of documents of one segment, a bit each. Start at [`Bits`].
//!
//! **Invariant:** no bit beyond the segment's documents is ever set. **May import:** std.

/// Documents by their place in the segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    docs: u32,
}

impl Bits {
    /// No document of `docs`.
    pub fn none(docs: u32) -> Bits {
        Bits { words: vec![0; (docs as usize).div_ceil(64)], docs }
    }

    /// Every document of `docs`.
    pub fn all(docs: u32) -> Bits {
        let mut bits = Bits { words: vec![u64::MAX; (docs as usize).div_ceil(64)], docs };
        bits.trim();
        bits
    }

    /// How many documents the segment has.
    pub fn docs(&self) -> u32 {
        self.docs
    }

    /// Adds a document; one that the segment does not have is ignored.
    pub fn insert(&mut self, doc: u32) {
        if doc < self.docs {
            self.words[(doc / 64) as usize] |= 1 << (doc % 64);
        }
    }

    /// Whether it holds a document.
    pub fn contains(&self, doc: u32) -> bool {
        self.words.get((doc / 64) as usize).is_some_and(|word| word >> (doc % 64) & 1 == 1)
    }

    /// Keeps what `other` holds too.
    pub fn and(&mut self, other: &Bits) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }

    /// Takes what `other` holds as well.
    pub fn or(&mut self, other: &Bits) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    /// Drops what `other` holds.
    pub fn and_not(&mut self, other: &Bits) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= !other;
        }
    }

    /// Turns every document over.
    pub fn flip(&mut self) {
        for word in &mut self.words {
            *word = !*word;
        }
        self.trim();
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// The documents, first to last.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = u32> {
        self.words.iter().enumerate().flat_map(|(at, word)| Ones(*word).map(move |bit| at as u32 * 64 + bit))
    }

    /// As bytes, for a place of storage.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// From the bytes of [`Bits::to_bytes`]; missing ones are empty.
    pub fn from_bytes(bytes: &[u8], docs: u32) -> Bits {
        let mut bits = Bits::none(docs);
        for (word, bytes) in bits.words.iter_mut().zip(bytes.chunks(8)) {
            let mut room = [0; 8];
            room[..bytes.len()].copy_from_slice(bytes);
            *word = u64::from_le_bytes(room);
        }
        bits.trim();
        bits
    }

    fn trim(&mut self) {
        if !self.docs.is_multiple_of(64)
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << (self.docs % 64)) - 1;
        }
    }
}

/// The bits of a word, from both ends.
struct Ones(u64);

impl Iterator for Ones {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let bit = self.0.trailing_zeros();
        (bit < 64).then(|| {
            self.0 &= self.0 - 1;
            bit
        })
    }
}

impl DoubleEndedIterator for Ones {
    fn next_back(&mut self) -> Option<u32> {
        let zeros = self.0.leading_zeros();
        (zeros < 64).then(|| {
            self.0 &= !(1 << (63 - zeros));
            63 - zeros
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::search::segment::bits::Bits;

    #[test]
    fn sets_combine_and_walk_both_ways() {
        let mut bits = Bits::none(130);
        for doc in [0, 63, 64, 129, 130] {
            bits.insert(doc);
        }
        assert_eq!(bits.iter().collect::<Vec<_>>(), [0, 63, 64, 129]);
        assert_eq!(bits.iter().rev().collect::<Vec<_>>(), [129, 64, 63, 0]);
        assert_eq!(Bits::from_bytes(&bits.to_bytes(), 130), bits);
        let mut rest = bits.clone();
        rest.flip();
        assert_eq!(rest.count(), 126);
        rest.and(&bits);
        assert!(rest.is_empty());
        let mut all = Bits::all(130);
        all.and_not(&bits);
        assert!(!all.contains(63) && all.contains(62) && !all.contains(130));
        all.or(&bits);
        assert_eq!(all, Bits::all(130));
    }
}
