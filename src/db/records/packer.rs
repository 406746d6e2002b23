//! Bytes of many records gathered into packs. Start at [`Packer`].
//!
//! Neighbours compress better together: measured on chats of 4 KiB, packs of 64 KiB take a fifth less than each body by itself.
//! **Invariant:** a piece lies in one pack as a whole. **May import:** `search` (its varints), zstd.

use std::io;
use std::ops::Range;

use crate::db::records::layout::{Layout, Place};
use crate::db::speak::PackRow;
use crate::search::segment::varint::{put, take};

/// A pack takes no more pieces when it has grown to this.
const PACK_BYTES: usize = 64 << 10;
/// A pack never grows beyond this when it is read.
const MOST_BYTES: usize = 1 << 30;

/// Gathers pieces; the packs get their ids at the end.
#[derive(Default)]
pub(super) struct Packer {
    packs: Vec<Vec<u8>>,
    /// Of each pack the pieces that may come again: where they start, and how long they are.
    pieces: Vec<Vec<u8>>,
}

impl Packer {
    /// Adds a piece and says where it will stand; its pack's number counts down from -1.
    pub(super) fn push(&mut self, piece: &[u8]) -> Place {
        if self.packs.last().is_none_or(|pack| pack.len() >= PACK_BYTES) {
            self.packs.push(Vec::with_capacity(PACK_BYTES));
            self.pieces.push(Vec::new());
        }
        let pack = -(self.packs.len() as i64);
        let last = self.packs.last_mut().map(|last| {
            let start = last.len() as u64;
            last.extend_from_slice(piece);
            start
        });
        Place { pack, start: last.unwrap_or_default(), length: piece.len() as u64 }
    }

    /// Adds a piece that may come again.
    pub(super) fn push_shared(&mut self, piece: &[u8]) -> Place {
        let place = self.push(piece);
        if let Some(pieces) = self.pieces.last_mut() {
            put(pieces, place.start);
            put(pieces, place.length);
        }
        place
    }

    /// How many packs there are.
    pub(super) fn count(&self) -> usize {
        self.packs.len()
    }

    /// The packs under their ids.
    pub(super) fn rows(&self, ids: &[i64], level: i32) -> io::Result<Vec<PackRow>> {
        let packs = ids.iter().zip(&self.packs).zip(&self.pieces);
        packs
            .map(|((id, bytes), pieces)| Ok(PackRow { id: *id, pieces: pieces.clone(), data: packed(bytes, level)? }))
            .collect()
    }
}

/// The pieces of a pack that may come again, as `start..end`.
pub(in crate::db) fn shared_pieces(mut pieces: &[u8]) -> Vec<Range<u64>> {
    let mut found = Vec::new();
    while let (Some(start), Some(length)) = (take(&mut pieces), take(&mut pieces)) {
        found.push(start..start.saturating_add(length));
    }
    found
}

/// The place under its pack's id, once that is known.
pub(super) fn placed(place: Place, ids: &[i64]) -> Place {
    let at = usize::try_from(-(place.pack + 1)).unwrap_or(usize::MAX);
    Place { pack: ids.get(at).copied().unwrap_or(place.pack), ..place }
}

/// The layout under its packs' ids.
pub(super) fn placed_all(layout: &Layout, ids: &[i64]) -> Layout {
    Layout(layout.0.iter().map(|place| placed(*place, ids)).collect())
}

/// Its length in 8 bytes, then zstd.
pub(in crate::db) fn packed(bytes: &[u8], level: i32) -> io::Result<Vec<u8>> {
    let mut out = vec![0; 8 + zstd::zstd_safe::compress_bound(bytes.len())];
    out[..8].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
    let length = zstd::bulk::compress_to_buffer(bytes, &mut out[8..], level)?;
    out.truncate(8 + length);
    Ok(out)
}

/// Undoes [`packed`]; `None` when it is damaged.
pub(in crate::db) fn unpacked(data: &[u8]) -> Option<Vec<u8>> {
    let (length, packed) = data.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok().filter(|length| *length <= MOST_BYTES)?;
    zstd::bulk::decompress(packed, length).ok().filter(|bytes| bytes.len() == length)
}

#[cfg(test)]
mod tests {
    use crate::db::records::layout::{Layout, Place};
    use crate::db::records::packer::{PACK_BYTES, Packer, placed_all, shared_pieces, unpacked};

    #[test]
    fn pieces_come_back_from_where_they_were_put() {
        let pieces = [vec![1; 10], vec![2; PACK_BYTES * 2], vec![], vec![3; 7]];
        let mut packer = Packer::default();
        let shared = packer.push_shared(b"shared");
        let layout = Layout(pieces.iter().map(|piece| packer.push(piece)).collect());
        assert_eq!(packer.count(), 2);
        let rows = packer.rows(&[40, 41], 1).unwrap();
        assert_eq!((shared.start, shared_pieces(&rows[0].pieces).as_slice()), (0, std::slice::from_ref(&(0..6))));
        assert!(rows[1].pieces.is_empty());
        for (piece, Place { pack, start, length }) in pieces.iter().zip(placed_all(&layout, &[40, 41]).0) {
            let row = rows.iter().find(|row| row.id == pack).unwrap();
            let bytes = unpacked(&row.data).unwrap();
            assert_eq!(&bytes[start as usize..][..length as usize], piece);
            assert_eq!(unpacked(&row.data[..row.data.len() - 1]), None);
        }
    }
}
