//! Bytes of many records gathered into packs. Start at [`Packer`].
//!
//! Neighbours compress better together: measured on chats of 4 KiB, packs of 128 KiB take a third less than each body by itself,
//! and a tenth less than packs of 64 KiB, whose rows also fill the database's pages badly. Records that come one at a time
//! share packs as well: the last one is written again with more in it until it is full.
//! **Invariant:** a piece lies in one pack as a whole. **May import:** `search` (its varints), zstd.

use std::io::{self, Read};
use std::ops::Range;

use zstd::bulk::Compressor;
use zstd::stream::copy_encode;
use zstd::stream::read::Decoder;

use crate::db::records::layout::{Layout, Place};
use crate::db::speak::PackRow;
use crate::search::segment::varint::{put, take};

/// A pack takes no more pieces when it has grown to this.
const PACK_BYTES: usize = 128 << 10;
/// A pack never grows beyond this when it is read.
const MOST_BYTES: usize = 1 << 30;

/// Memory kept for what is pressed: what is larger, and seldom, is pressed piece by piece.
const KEPT_BYTES: usize = 4 << 20;

/// So few records in a batch mean that there is time.
pub(super) const FEW: usize = 20;
/// So many mean that they queue up.
const CROWD: usize = 200;

/// So many new bytes in a batch mean that there is no time.
const MANY_BYTES: usize = 1 << 20;

/// zstd's levels for the texts of a batch of so many records with so many new bytes: of a full pack, and of one with room left,
/// which is soon written again when records are few.
pub(super) fn levels(records: usize, new_bytes: usize) -> [i32; 2] {
    match records {
        _ if new_bytes >= MANY_BYTES => [1, 1],
        ..FEW => [9, 1],
        FEW..CROWD => [3, 3],
        _ => [1, 1],
    }
}

/// The levels for headers, which more trouble makes hardly smaller.
pub(super) const HEAD_LEVELS: [i32; 2] = [1, 1];

/// A pack that has room left, as the database holds it.
pub(super) struct Open {
    id: i64,
    bytes: Vec<u8>,
    pieces: Vec<u8>,
}

/// Gathers pieces; the packs get their ids at the end.
#[derive(Default)]
pub(super) struct Packer {
    packs: Vec<Vec<u8>>,
    /// Of each pack the pieces that may come again: where they start, and how long they are.
    pieces: Vec<Vec<u8>>,
    /// The first one goes on from what the database holds: its id, and how long it was.
    resumed: Option<(i64, usize)>,
}

impl Packer {
    /// One that goes on where another one ended: what stands in the pack stays where it is.
    pub(super) fn resume(open: Option<Open>) -> Packer {
        match open {
            Some(Open { id, bytes, pieces }) => {
                Packer { resumed: Some((id, bytes.len())), packs: vec![bytes], pieces: vec![pieces] }
            }
            None => Packer::default(),
        }
    }

    /// Adds a piece and says where it will stand; its pack's number counts down from -1.
    pub(super) fn push(&mut self, piece: &[u8]) -> Place {
        if self.packs.last().is_none_or(|pack| pack.len() >= PACK_BYTES) {
            // The last piece mostly goes beyond.
            self.packs.push(Vec::with_capacity(PACK_BYTES + PACK_BYTES / 4));
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

    /// Bytes that have been pushed.
    pub(super) fn new_bytes(&self) -> usize {
        let resumed = self.resumed.map_or(0, |(_, bytes)| bytes);
        self.packs.iter().map(Vec::len).sum::<usize>().saturating_sub(resumed)
    }

    /// How many packs need an id.
    pub(super) fn without_id(&self) -> usize {
        self.packs.len() - usize::from(self.resumed.is_some())
    }

    /// The ids of all packs, those that had none given.
    pub(super) fn ids(&self, given: Vec<i64>) -> Vec<i64> {
        self.resumed.iter().map(|(id, _)| *id).chain(given).collect()
    }

    /// The packs under their ids, as far as they are to be written: packed at the level for full
    /// ones and that for others.
    pub(super) fn rows(&self, ids: &[i64], press: &mut Press, levels: [i32; 2]) -> io::Result<Vec<PackRow>> {
        let is_new = |id: i64, bytes: &[u8]| self.resumed != Some((id, bytes.len()));
        let mut rows = Vec::with_capacity(self.packs.len());
        for ((id, bytes), pieces) in ids.iter().zip(&self.packs).zip(&self.pieces) {
            if is_new(*id, bytes) {
                let level = levels[usize::from(bytes.len() < PACK_BYTES)];
                rows.push(PackRow { id: *id, pieces: pieces.clone(), data: press.packed(bytes, level)? });
            }
        }
        Ok(rows)
    }

    /// The last pack, when it has room left.
    pub(super) fn leave_open(mut self, ids: &[i64]) -> Option<Open> {
        let bytes = self.packs.pop().filter(|bytes| bytes.len() < PACK_BYTES)?;
        Some(Open { id: *ids.get(self.packs.len())?, bytes, pieces: self.pieces.pop()? })
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

/// Packs, with memory that it keeps: zstd's own is many times a pack's.
#[derive(Default)]
pub(in crate::db) struct Press {
    compressor: Option<Compressor<'static>>,
    room: Vec<u8>,
}

impl Press {
    /// Its length in 8 bytes, then zstd.
    pub(in crate::db) fn packed(&mut self, bytes: &[u8], level: i32) -> io::Result<Vec<u8>> {
        if bytes.len() > KEPT_BYTES {
            let mut packed = (bytes.len() as u64).to_le_bytes().to_vec();
            copy_encode(bytes, &mut packed, level)?;
            return Ok(packed);
        }
        let compressor = match &mut self.compressor {
            Some(compressor) => {
                compressor.set_compression_level(level)?;
                compressor
            }
            none => none.insert(Compressor::new(level)?),
        };
        let most = zstd::zstd_safe::compress_bound(bytes.len());
        if self.room.len() < most {
            self.room.resize(most, 0);
        }
        let length = compressor.compress_to_buffer(bytes, &mut self.room[..])?;
        Ok([&(bytes.len() as u64).to_le_bytes()[..], &self.room[..length]].concat())
    }
}

/// Undoes [`Press::packed`]; `None` when it is damaged.
pub(in crate::db) fn unpacked(data: &[u8]) -> Option<Vec<u8>> {
    let (length, packed) = data.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok().filter(|length| *length <= MOST_BYTES)?;
    zstd::bulk::decompress(packed, length).ok().filter(|bytes| bytes.len() == length)
}

/// The beginning of what was packed, up to `end`: a text in the middle of a pack needs nothing behind it.
pub(in crate::db) fn unpacked_to(data: &[u8], end: u64) -> Option<Vec<u8>> {
    let (length, packed) = data.split_first_chunk::<8>()?;
    let length = u64::from_le_bytes(*length);
    if end >= length {
        return unpacked(data);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(end).ok()?);
    Decoder::with_buffer(packed).ok()?.take(end).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 == end).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use crate::db::records::layout::{Layout, Place};
    use crate::db::records::packer::{
        KEPT_BYTES, PACK_BYTES, Packer, Press, placed_all, shared_pieces, unpacked, unpacked_to,
    };

    #[test]
    fn pieces_come_back_from_where_they_were_put() {
        let pieces = [vec![1; 10], vec![2; PACK_BYTES * 2], vec![], vec![3; KEPT_BYTES + 7], vec![4; 7]];
        let mut packer = Packer::default();
        let shared = packer.push_shared(b"shared");
        let layout = Layout(pieces.iter().map(|piece| packer.push(piece)).collect());
        assert_eq!(packer.without_id(), 3);
        let rows = packer.rows(&[40, 41, 42], &mut Press::default(), [1, 1]).unwrap();
        assert_eq!((shared.start, shared_pieces(&rows[0].pieces).as_slice()), (0, std::slice::from_ref(&(0..6))));
        assert!(rows[1].pieces.is_empty());
        for (piece, Place { pack, start, length }) in pieces.iter().zip(placed_all(&layout, &[40, 41, 42]).0) {
            let row = rows.iter().find(|row| row.id == pack).unwrap();
            let bytes = unpacked(&row.data).unwrap();
            assert_eq!(&bytes[start as usize..][..length as usize], piece);
            assert_eq!(unpacked(&row.data[..row.data.len() - 1]), None);
            let end = start + length;
            assert_eq!(unpacked_to(&row.data, end).unwrap(), bytes[..end as usize]);
        }
    }

    #[test]
    fn a_pack_goes_on_until_it_is_full() {
        let mut press = Press::default();
        let mut first = Packer::default();
        first.push_shared(b"one");
        let open = first.leave_open(&[7]);
        let mut second = Packer::resume(open);
        assert!(second.rows(&[7], &mut press, [9, 1]).unwrap().is_empty(), "nothing is new");
        assert_eq!(second.push(b"two"), Place { pack: -1, start: 3, length: 3 });
        second.push(&vec![3; PACK_BYTES]);
        assert_eq!(second.push(b"four"), Place { pack: -2, start: 0, length: 4 });
        assert_eq!(second.without_id(), 1);
        let ids = second.ids(vec![8]);
        assert_eq!(ids, [7, 8]);
        let rows = second.rows(&ids, &mut press, [9, 1]).unwrap();
        assert!(unpacked(&rows[0].data).unwrap().starts_with(b"onetwo\x03"));
        assert_eq!(shared_pieces(&rows[0].pieces).first(), Some(&(0..3)));
        let mut third = Packer::resume(second.leave_open(&ids));
        assert_eq!(third.push(&vec![5; PACK_BYTES]), Place { pack: -1, start: 4, length: PACK_BYTES as u64 });
        assert!(third.leave_open(&[8]).is_none(), "it is full");
    }
}
