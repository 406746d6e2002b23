//! The matches with the greatest figures. Start at [`top`].
//!
//! The index tells the figure of every match; what only reading can decide is read from the greatest down, until there is
//! enough. **Invariant:** what comes out is the beginning of the whole order, and never more than [`TOP`] matches are held at
//! a time. **May import:** `error`, `search`, `db`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::db::Connection;
use crate::db::find::check::{CHUNK, Doubt, check};
use crate::db::find::eval::figures;
use crate::db::find::page::{count, doubt};
use crate::db::find::walk::{Piece, Walk};
use crate::db::find::{Cursor, Found, Search, at_one_moment};
use crate::db::records::rows;
use crate::error::Error;
use crate::search::NumberField;
use crate::search::segment::Column;

/// Matches of such an order, at most.
pub const TOP: usize = 1_000;

/// A page of matches by a figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Top {
    /// The greatest first, those of one figure the newest first, those without it last; older and newer are after and before.
    pub found: Found,
    /// The deadline came: what would come after these was not looked at.
    pub stopped: bool,
}

/// A document by its figure and id, and where it is: a piece and a place in it.
type Place = (Option<i64>, i64, usize, u32);

/// A page of the [`TOP`] records that match and have the greatest figures; a cursor is a record of that order.
///
/// # Errors
/// The database's.
pub fn top(
    conn: &mut Connection,
    search: &Search,
    by: NumberField,
    cursor: Cursor,
    limit: usize,
) -> Result<Top, Error> {
    at_one_moment(conn, |conn| {
        let walk = Walk::new(search, conn)?;
        let pieces: Vec<&Piece> = walk.in_time().collect();
        let mut order = Order { ids: Vec::new(), cursor, limit };
        let mut stopped = false;
        let mut below = None;
        'places: loop {
            let places = greatest(&walk, &pieces, conn, by, below)?;
            for chunk in places.chunks(CHUNK) {
                let doubts = doubts(&walk, &pieces, conn, chunk)?;
                let is_late = Instant::now() >= search.deadline;
                stopped = is_late && doubts.iter().any(|doubt| !doubt.clauses.is_empty());
                if stopped {
                    break 'places;
                }
                let sure = check(&walk, conn, &doubts)?;
                order.ids.extend(doubts.iter().map(|doubt| doubt.id).filter(|id| sure.contains(id)));
                if order.is_enough() {
                    break 'places;
                }
            }
            below = places.last().copied();
            if places.len() < TOP {
                break;
            }
        }
        order.ids.truncate(TOP);
        let (page, has_newer, has_older) = order.page();
        let rows = rows(conn, page)?;
        let (count, count_capped) = count(&walk, conn, search.deadline)?;
        Ok(Top { found: Found { rows, count, count_capped, has_older, has_newer, searched_to: None }, stopped })
    })
}

/// The [`TOP`] documents with the greatest figures below `below` that may match, the greatest first.
fn greatest(
    walk: &Walk<'_>,
    pieces: &[&Piece],
    conn: &mut Connection,
    by: NumberField,
    below: Option<Place>,
) -> Result<Vec<Place>, Error> {
    let mut heap = BinaryHeap::with_capacity(TOP + 1);
    for (at, piece) in pieces.iter().enumerate() {
        let matched = walk.matched(piece, conn)?;
        if matched.bits.is_empty() {
            continue;
        }
        let (ids, figures) = piece.ask(conn, |reader| Ok((reader.column(Column::Id)?, figures(by, reader)?)))?;
        for doc in matched.bits.iter() {
            let place = (figures[doc as usize], ids[doc as usize].unwrap_or_default(), at, doc);
            if below.is_none_or(|below| place < below) {
                heap.push(Reverse(place));
                if heap.len() > TOP {
                    heap.pop();
                }
            }
        }
    }
    Ok(heap.into_sorted_vec().into_iter().map(|Reverse(place)| place).collect())
}

/// These places as records to be sure of.
fn doubts<'q>(
    walk: &Walk<'q>,
    pieces: &[&Piece],
    conn: &mut Connection,
    places: &[Place],
) -> Result<Vec<Doubt<'q>>, Error> {
    let one = |(_, id, at, doc): &Place| Ok(doubt(&walk.matched(pieces[*at], conn)?.unsure, *doc, *id));
    places.iter().map(one).collect()
}

/// The beginning of the order, as far as it is known, and which page of it is wanted.
struct Order {
    ids: Vec<i64>,
    cursor: Cursor,
    limit: usize,
}

impl Order {
    fn place(&self, id: i64) -> Option<usize> {
        self.ids.iter().position(|known| *known == id)
    }

    /// The page is known, and whether there is more after it.
    fn is_enough(&self) -> bool {
        let is_known = match self.cursor {
            Cursor::Newest => self.ids.len() > self.limit,
            Cursor::Before(id) => self.place(id).is_some_and(|at| self.ids.len() > at + 1 + self.limit),
            Cursor::After(id) => self.place(id).is_some(),
        };
        is_known || self.ids.len() >= TOP
    }

    /// The page, whether there is anything before it, and after it. A record that is not in the order begins it.
    fn page(&self) -> (&[i64], bool, bool) {
        let (from, to) = match self.cursor {
            Cursor::Before(id) => self.place(id).map_or((0, self.limit), |at| (at + 1, at + 1 + self.limit)),
            Cursor::After(id) => self.place(id).map_or((0, self.limit), |at| (at.saturating_sub(self.limit), at)),
            Cursor::Newest => (0, self.limit),
        };
        let to = to.min(self.ids.len());
        (self.ids.get(from..to).unwrap_or_default(), from > 0, to < self.ids.len())
    }
}
