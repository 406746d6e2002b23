//! A body as a list of places in packs. Start at [`Layout`].
//!
//! **Invariant:** places that touch are one; no bytes make reading panic. **May import:** `search` (its varints).

use std::ops::Range;

use crate::search::segment::varint::{put, take, unzigzag, zigzag};

/// Some bytes of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::db) struct Place {
    /// Which pack; below zero while it has no id yet.
    pub(in crate::db) pack: i64,
    pub(in crate::db) start: u64,
    pub(in crate::db) length: u64,
}

/// Places, whose bytes one after the other are the body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::db) struct Layout(pub(in crate::db) Vec<Place>);

impl Layout {
    /// Adds a place at the end.
    pub(in crate::db) fn push(&mut self, place: Place) {
        match self.0.last_mut() {
            Some(last) if last.pack == place.pack && last.start + last.length == place.start => {
                last.length += place.length;
            }
            _ if place.length > 0 => self.0.push(place),
            _ => {}
        }
    }

    /// As the database keeps it.
    pub(in crate::db) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len() * 6);
        let mut before = 0;
        for Place { pack, start, length } in &self.0 {
            put(&mut out, zigzag(pack - before));
            put(&mut out, *start);
            put(&mut out, *length);
            before = *pack;
        }
        out
    }

    /// Reads what [`Layout::encode`] wrote; `None` when it is damaged.
    pub(in crate::db) fn decode(mut bytes: &[u8]) -> Option<Layout> {
        let mut places = Vec::new();
        let mut pack = 0i64;
        while !bytes.is_empty() {
            pack = pack.checked_add(unzigzag(take(&mut bytes)?))?;
            places.push(Place { pack, start: take(&mut bytes)?, length: take(&mut bytes)? });
        }
        Some(Layout(places))
    }

    /// The places of a range of the body.
    pub(in crate::db) fn within(&self, range: &Range<u64>) -> Layout {
        let mut within = Layout::default();
        let mut at = 0;
        for place in &self.0 {
            let (from, to) = (range.start.max(at), range.end.min(at + place.length));
            if from < to {
                within.push(Place { start: place.start + (from - at), length: to - from, ..*place });
            }
            at += place.length;
        }
        within
    }
}

#[cfg(test)]
mod tests {
    use crate::db::records::layout::{Layout, Place};

    fn place(pack: i64, start: u64, length: u64) -> Place {
        Place { pack, start, length }
    }

    #[test]
    fn places_that_touch_are_one_and_all_come_back() {
        let mut layout = Layout::default();
        for next in [place(7, 0, 10), place(7, 10, 5), place(9, 3, 1), place(9, 3, 1), place(2, 0, 0), place(-1, 0, 4)]
        {
            layout.push(next);
        }
        assert_eq!(layout.0, [place(7, 0, 15), place(9, 3, 1), place(9, 3, 1), place(-1, 0, 4)]);
        let bytes = layout.encode();
        assert_eq!(Layout::decode(&bytes), Some(layout));
        assert_eq!(Layout::decode(&bytes[..bytes.len() - 1]), None);
    }

    #[test]
    fn a_range_of_the_body_needs_only_its_places() {
        let layout = Layout(vec![place(1, 100, 10), place(2, 0, 5), place(3, 7, 10)]);
        assert_eq!(layout.within(&(8..16)).0, [place(1, 108, 2), place(2, 0, 5), place(3, 7, 1)]);
        assert_eq!(layout.within(&(10..15)).0, [place(2, 0, 5)]);
        assert!(layout.within(&(25..30)).0.is_empty());
    }
}
