//! A page of matches, and how many there are. Start at [`find`].
//!
//! **Invariant:** the page does not depend on the count, nor the count on the page. **May import:** `error`, `search`, `db`.

use std::ops::Range;
use std::time::Instant;

use crate::db::Connection;
use crate::db::find::check::{CHUNK, Doubt, check};
use crate::db::find::walk::{Piece, Walk};
use crate::db::find::{COUNT_CAP, Cursor, Search, at_one_moment};
use crate::db::records::{Row, ids_within, rows};
use crate::error::Error;
use crate::search::Clause;
use crate::search::segment::bits::Bits;

/// Records read only for the count: when the page is full, it goes no further than this.
const COUNTING_READS: usize = 2000;

/// A page of matches.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The newest first.
    pub rows: Vec<Row>,
    /// How many match in all.
    pub count: u32,
    /// There are more than were counted.
    pub count_capped: bool,
    /// There are older matches than those on the page.
    pub has_older: bool,
    /// There are newer matches than those on the page.
    pub has_newer: bool,
    /// The deadline came: records older than this one were not looked at.
    pub searched_to: Option<i64>,
}

/// A page of the records that match.
///
/// # Errors
/// The database's.
pub fn find(conn: &mut Connection, search: &Search, cursor: Cursor, limit: usize) -> Result<Found, Error> {
    at_one_moment(conn, |conn| {
        let walk = Walk::new(search, conn)?;
        let newer = matches!(cursor, Cursor::After(_));
        let wanted = match cursor {
            Cursor::Newest => i64::MIN..i64::MAX,
            Cursor::Before(id) => i64::MIN..id,
            Cursor::After(id) => id.saturating_add(1)..i64::MAX,
        };
        let mut page = Collect { ids: Vec::new(), most: limit + 1, deadline: search.deadline, stopped_at: None };
        page.walk(&walk, conn, &wanted, newer)?;
        let more = page.ids.len() > limit;
        page.ids.truncate(limit);
        let (count, count_capped) = match (cursor, more, page.stopped_at) {
            // Everything that matches is on the page.
            (Cursor::Newest, false, None) => (page.ids.len() as u32, false),
            _ => count(&walk, conn, search.deadline)?,
        };
        if newer {
            page.ids.reverse();
        }
        let has_newer = match cursor {
            Cursor::Newest => false,
            Cursor::Before(_) => true,
            Cursor::After(_) => more,
        };
        Ok(Found {
            rows: rows(conn, &page.ids)?,
            count,
            count_capped,
            has_older: more || newer || page.stopped_at.is_some(),
            has_newer,
            searched_to: page.stopped_at,
        })
    })
}

/// Every match from the newest to the oldest, or the other way round, in steps; for what is streamed.
///
/// # Errors
/// The database's.
pub fn ids(conn: &mut Connection, search: &Search, cursor: Cursor, limit: usize) -> Result<Vec<i64>, Error> {
    let (wanted, upwards) = match cursor {
        Cursor::Newest => (i64::MIN..i64::MAX, false),
        Cursor::Before(id) => (i64::MIN..id, false),
        Cursor::After(id) => (id.saturating_add(1)..i64::MAX, true),
    };
    if search.query.clauses.is_empty() && search.from_us.is_none() && search.to_us.is_none() {
        // Everything matches: what is not indexed yet need not be read to know that.
        return ids_within(conn, &wanted, upwards, limit);
    }
    at_one_moment(conn, |conn| {
        let walk = Walk::new(search, conn)?;
        let mut page = Collect { ids: Vec::new(), most: limit, deadline: search.deadline, stopped_at: None };
        page.walk(&walk, conn, &wanted, upwards)?;
        Ok(page.ids)
    })
}

/// Gathers the ids of matches.
struct Collect {
    ids: Vec<i64>,
    most: usize,
    deadline: Instant,
    /// The deadline came here.
    stopped_at: Option<i64>,
}

impl Collect {
    fn walk(
        &mut self,
        walk: &Walk<'_>,
        conn: &mut Connection,
        wanted: &Range<i64>,
        upwards: bool,
    ) -> Result<(), Error> {
        let overlaps = |piece: &&Piece| piece.segment.last_id >= wanted.start && piece.segment.first_id < wanted.end;
        let mut pieces: Vec<&Piece> = walk.in_time().filter(overlaps).collect();
        if !upwards {
            pieces.reverse();
        }
        for piece in pieces {
            if self.ids.len() >= self.most || self.stopped_at.is_some() {
                break;
            }
            self.piece(walk, piece, conn, wanted, upwards)?;
        }
        Ok(())
    }

    fn piece(
        &mut self,
        walk: &Walk<'_>,
        piece: &Piece,
        conn: &mut Connection,
        wanted: &Range<i64>,
        upwards: bool,
    ) -> Result<(), Error> {
        let matched = walk.matched(piece, conn)?;
        if matched.bits.is_empty() {
            return Ok(());
        }
        let ids = piece.ids(conn)?;
        let places = Piece::places(&ids, wanted);
        let mut docs: Vec<u32> = matched.bits.iter().filter(|doc| places.contains(doc)).collect();
        if !upwards {
            docs.reverse();
        }
        if matched.unsure.is_empty() {
            let room = self.most - self.ids.len();
            self.ids.extend(docs.iter().take(room).map(|doc| ids[*doc as usize]));
            return Ok(());
        }
        for chunk in docs.chunks(CHUNK) {
            let doubts: Vec<Doubt<'_>> =
                chunk.iter().map(|doc| doubt(&matched.unsure, *doc, ids[*doc as usize])).collect();
            let sure = check(walk, conn, &doubts)?;
            for doubt in doubts {
                if sure.contains(&doubt.id) && self.ids.len() < self.most {
                    self.ids.push(doubt.id);
                }
            }
            if self.ids.len() >= self.most {
                break;
            }
            if Instant::now() >= self.deadline {
                self.stopped_at = chunk.last().map(|doc| ids[*doc as usize]);
                break;
            }
        }
        Ok(())
    }
}

/// A document as a record to be sure of.
pub(super) fn doubt<'q>(unsure: &[(Bits, &'q Clause)], doc: u32, id: i64) -> Doubt<'q> {
    let clauses = unsure.iter().filter(|(bits, _)| bits.contains(doc)).map(|(_, clause)| *clause).collect();
    Doubt { id, clauses }
}

/// Of some documents those that match for sure, read where they must be.
pub(super) fn sure_docs(
    walk: &Walk<'_>,
    conn: &mut Connection,
    unsure: &[(Bits, &Clause)],
    ids: &[Option<i64>],
    docs: Bits,
) -> Result<Bits, Error> {
    if unsure.is_empty() {
        return Ok(docs);
    }
    let ids: Vec<i64> = ids.iter().map(|id| id.unwrap_or_default()).collect();
    let doubts: Vec<Doubt<'_>> = docs.iter().map(|doc| doubt(unsure, doc, ids[doc as usize])).collect();
    let sure = check(walk, conn, &doubts)?;
    let mut bits = Bits::none(docs.docs());
    docs.iter().filter(|doc| sure.contains(&ids[*doc as usize])).for_each(|doc| bits.insert(doc));
    Ok(bits)
}

/// How many match, up to [`COUNT_CAP`]; whether there are more.
pub(super) fn count(walk: &Walk<'_>, conn: &mut Connection, deadline: Instant) -> Result<(u32, bool), Error> {
    let (mut count, mut reads) = (0, 0);
    for piece in walk.in_time().rev() {
        let matched = walk.matched(piece, conn)?;
        if matched.unsure.is_empty() {
            count += matched.bits.count();
        } else if !matched.bits.is_empty() {
            let ids = piece.ids(conn)?;
            let docs: Vec<u32> = matched.bits.iter().rev().collect();
            for chunk in docs.chunks(CHUNK) {
                if reads >= COUNTING_READS || Instant::now() >= deadline {
                    return Ok((count, true));
                }
                let before = walk.read.borrow().len();
                let doubts: Vec<Doubt<'_>> =
                    chunk.iter().map(|doc| doubt(&matched.unsure, *doc, ids[*doc as usize])).collect();
                count += check(walk, conn, &doubts)?.len() as u32;
                reads += walk.read.borrow().len() - before;
            }
        }
        if count >= COUNT_CAP {
            return Ok((COUNT_CAP, true));
        }
    }
    Ok((count, false))
}
