//! Overwriting text in packs. Start at [`wipe`].
//!
//! **Invariant:** only bytes that no other record holds are overwritten; places in packs never move. **May import:** `db`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use diesel::result::QueryResult;
use openssl::sha::sha256;

use crate::db::records::{Layout, Press, shared_pieces, unpacked};
use crate::db::speak::{BodyRow, PackRow, Speaker};
use crate::search::segment::varint::put;

/// zstd's level for packs that are written again.
const LEVEL: i32 = 3;

/// Bytes of packs, by their packs.
type Places = BTreeMap<i64, Vec<Range<u64>>>;

/// Overwrites what the bodies in `going` hold and nobody else does: neither `staying`, the other records of the same owner, nor
/// another owner. Returns how many bytes of packs became free.
pub(super) fn wipe<C: Speaker>(conn: &mut C, going: &[BodyRow], staying: &[BodyRow], owner: i64) -> QueryResult<u64> {
    let (gone, stays) = (places(going), places(staying));
    let pack_ids: Vec<i64> = gone.keys().copied().collect();
    let (mut freed, mut press) = (0, Press::default());
    for row in conn.packs(&pack_ids)? {
        let Some(mut bytes) = unpacked(&row.data) else { continue };
        let none = Vec::new();
        let (gone, mut stays) = (gone.get(&row.id).unwrap_or(&none), stays.get(&row.id).cloned().unwrap_or_default());
        let pieces = shared_pieces(&row.pieces);
        let mut left = Vec::new();
        for piece in &pieces {
            let is_stale = overlaps(gone, piece) && !overlaps(&stays, piece);
            if !is_stale || give_up(conn, &bytes, piece, owner)? {
                left.push(piece.clone());
                stays.push(piece.clone());
            }
        }
        let size = row.data.len();
        if overwrite(&mut bytes, gone, &stays) {
            let data =
                press.packed(&bytes, LEVEL).map_err(|error| diesel::result::Error::SerializationError(error.into()))?;
            freed += size.saturating_sub(data.len()) as u64;
            if bytes.iter().all(|byte| *byte == 0) && left.is_empty() {
                conn.delete_pack(row.id)?;
            } else {
                conn.update_pack(&PackRow { id: row.id, pieces: encoded(&left), data })?;
            }
        }
    }
    Ok(freed)
}

/// The owner lets go of a piece; true when another one holds it still.
fn give_up<C: Speaker>(conn: &mut C, bytes: &[u8], piece: &Range<u64>, owner: i64) -> QueryResult<bool> {
    let Some(text) = bytes.get(piece.start as usize..piece.end as usize) else { return Ok(false) };
    let hash = sha256(text)[..16].to_vec();
    let Some(blob) = conn.blobs(std::slice::from_ref(&hash))?.into_iter().next() else { return Ok(false) };
    if blob.owner != owner {
        conn.delete_use(&hash, owner)?;
        return Ok(true);
    }
    match conn.users(&hash)?.into_iter().find(|user| *user != owner) {
        Some(heir) => {
            conn.delete_use(&hash, heir)?;
            conn.delete_use(&hash, owner)?;
            conn.set_owner(&hash, heir)?;
            Ok(true)
        }
        None => {
            conn.delete_blob(&hash)?;
            Ok(false)
        }
    }
}

/// Where these bodies lie.
fn places(rows: &[BodyRow]) -> Places {
    let mut places = Places::new();
    let layouts = rows.iter().filter(|row| row.layout == 1).flat_map(|row| [&row.body, &row.response, &row.headers]);
    for place in layouts.flatten().filter_map(|bytes| Layout::decode(bytes)).flat_map(|layout| layout.0) {
        places.entry(place.pack).or_default().push(place.start..place.start.saturating_add(place.length));
    }
    places
}

fn overlaps(ranges: &[Range<u64>], piece: &Range<u64>) -> bool {
    ranges.iter().any(|range| range.start < piece.end && piece.start < range.end)
}

/// Writes zeros over what is gone and does not stay; false when that is nothing.
fn overwrite(bytes: &mut [u8], gone: &[Range<u64>], stays: &[Range<u64>]) -> bool {
    let mut edges: BTreeSet<u64> = BTreeSet::new();
    for range in gone.iter().chain(stays) {
        edges.extend([range.start, range.end]);
    }
    let edges: Vec<u64> = edges.into_iter().collect();
    let mut any = false;
    for pair in edges.windows(2) {
        let part = pair[0]..pair[1];
        if overlaps(gone, &part)
            && !overlaps(stays, &part)
            && let Some(part) = bytes.get_mut(part.start as usize..part.end as usize)
        {
            part.fill(0);
            any = true;
        }
    }
    any
}

fn encoded(pieces: &[Range<u64>]) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in pieces {
        put(&mut out, piece.start);
        put(&mut out, piece.end - piece.start);
    }
    out
}
