//! Deterministic chance for the tests of this room: the same seed gives the same bytes on every machine.
//!
//! **Invariant:** nothing here reads a clock or the system's randomness. **May import:** nothing.

/// A xorshift generator.
pub struct Chance(u64);

impl Chance {
    /// A generator that starts from `seed`.
    pub fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number from 0 up to, not including, `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end.max(1)
    }

    /// Up to `most` bytes, most of them out of `alphabet`, some of them any byte.
    pub fn bytes(&mut self, alphabet: &[u8], most: usize) -> Vec<u8> {
        let count = self.below(most + 1);
        (0..count)
            .map(|_| match self.below(12) {
                0 => self.below(256) as u8,
                _ => alphabet[self.below(alphabet.len())],
            })
            .collect()
    }

    /// `bytes` cut into pieces of 1 to `longest` bytes.
    pub fn pieces<'a>(&mut self, bytes: &'a [u8], longest: usize) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((1 + self.below(longest)).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        pieces
    }
}
