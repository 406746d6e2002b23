//! The hash of what is stored, and the pieces of a body that have one. Start at [`hash`].
//!
//! **Invariant:** hashes are stored: they never change. **May import:** `openai`, openssl.

use openssl::sha::Sha256;

use crate::openai::slices::{Slice, slices};

/// The front half of a SHA-256.
pub(super) type Hash = [u8; 16];

/// The hash of the parts, one after the other.
///
/// Step by step rather than by `openssl::sha::sha256`, which looks the algorithm up by its name each time: that takes longer
/// than hashing some hundred bytes.
pub(super) fn hash(parts: &[&[u8]]) -> Hash {
    let mut all = Sha256::new();
    parts.iter().for_each(|part| all.update(part));
    let mut short = Hash::default();
    short.copy_from_slice(&all.finish()[..16]);
    short
}

/// A number made of it.
pub(super) fn number(hash: &Hash) -> i64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash[..8]);
    i64::from_le_bytes(bytes)
}

/// A body's pieces, with hashes of those that may be known.
pub(super) type Pieces = Vec<(Slice, Option<Hash>)>;

/// Cuts a body.
pub(super) fn pieces(body: Option<&[u8]>) -> Pieces {
    let mut pieces = Pieces::new();
    let body = body.unwrap_or_default();
    slices(body, &mut |slice: Slice| {
        let hash = slice.shared.then(|| hash(&[&body[slice.range.clone()]]));
        pieces.push((slice, hash));
    });
    pieces
}

#[cfg(test)]
mod tests {
    use crate::db::records::hash::{hash, number};

    #[test]
    fn a_hash_is_the_front_of_a_sha_256() {
        let known = [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23];
        assert_eq!(hash(&[b"a", b"", b"bc"]), known, "FIPS 180-2's example");
        assert_eq!(number(&known), i64::from_le_bytes([0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea]));
    }
}
