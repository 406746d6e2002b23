//! All that can be searched, piece by piece: the segments, and the records that are in none yet. Start at [`Walk`].
//!
//! **Invariant:** every record of the database is in exactly one piece. **May import:** `error`, `search`, `db`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use crate::db::Connection;
use crate::db::find::eval::{Matched, evaluate};
use crate::db::find::{INDEX_DAMAGED, Search, upstreams};
use crate::db::index::{Segment, build, indexed, parts, segments};
use crate::db::records::{Row, rows_after};
use crate::error::Error;
use crate::search::segment::bits::Bits;
use crate::search::segment::read::{Reader, Wanted};
use crate::search::segment::{Column, Part};

/// Records that the index does not hold, in one piece.
const PIECE: i64 = 4096;

/// A piece: a segment, its parts in memory when the database does not hold them.
pub(super) struct Piece {
    pub(super) segment: Segment,
    parts: Option<Vec<Part>>,
}

/// Everything that can be searched at one moment.
pub(super) struct Walk<'q> {
    search: &'q Search,
    upstreams: Vec<(String, Vec<String>)>,
    /// The oldest first.
    pub(super) pieces: Vec<Piece>,
    /// What was asked of the pieces so far, by their first records.
    answers: RefCell<HashMap<i64, Rc<Matched<'q>>>>,
    /// Records that were read to be sure, and what came out.
    pub(super) read: RefCell<HashMap<i64, bool>>,
}

impl<'q> Walk<'q> {
    pub(super) fn new(search: &'q Search, conn: &mut Connection) -> Result<Walk<'q>, Error> {
        let mut pieces: Vec<Piece> =
            segments(conn)?.into_iter().map(|segment| Piece { segment, parts: None }).collect();
        let mut after = indexed(conn)?;
        loop {
            let rows = rows_after(conn, after, PIECE)?;
            let Some(last) = rows.last() else { break };
            after = last.id;
            pieces.push(Piece::of(conn, &rows)?);
            if rows.len() < PIECE as usize {
                break;
            }
        }
        Walk::over(search, conn, pieces)
    }

    /// A walk over these pieces alone.
    pub(super) fn over(search: &'q Search, conn: &mut Connection, pieces: Vec<Piece>) -> Result<Walk<'q>, Error> {
        let upstreams = upstreams(conn)?;
        Ok(Walk { search, upstreams, pieces, answers: RefCell::default(), read: RefCell::default() })
    }

    /// The pieces with a request in the time that is asked for.
    pub(super) fn in_time(&self) -> impl DoubleEndedIterator<Item = &Piece> {
        let (from, to) = (self.search.from_us.unwrap_or(i64::MIN), self.search.to_us.unwrap_or(i64::MAX));
        self.pieces.iter().filter(move |piece| piece.segment.started_to >= from && piece.segment.started_from < to)
    }

    /// What of a piece matches; each is asked once.
    pub(super) fn matched(&self, piece: &Piece, conn: &mut Connection) -> Result<Rc<Matched<'q>>, Error> {
        let place = piece.segment.first_id;
        if let Some(known) = self.answers.borrow().get(&place) {
            return Ok(Rc::clone(known));
        }
        let matched = Rc::new(self.ask(piece, conn)?);
        self.answers.borrow_mut().insert(place, Rc::clone(&matched));
        Ok(matched)
    }

    fn ask(&self, piece: &Piece, conn: &mut Connection) -> Result<Matched<'q>, Error> {
        let Segment { docs, started_from, started_to, removed, textless, .. } = &piece.segment;
        let (from, to) = (self.search.from_us.unwrap_or(i64::MIN), self.search.to_us.unwrap_or(i64::MAX));
        let mut within = Bits::all(*docs);
        within.and_not(removed);
        piece.ask(conn, |reader| {
            if *started_from < from || *started_to >= to {
                let started = reader.column(Column::Started)?;
                let mut in_time = Bits::none(*docs);
                for (doc, started) in (0..).zip(started) {
                    if started.is_some_and(|started| started >= from && started < to) {
                        in_time.insert(doc);
                    }
                }
                within.and(&in_time);
            }
            evaluate(&self.search.query, within, textless, &self.upstreams, reader)
        })
    }
}

impl Piece {
    /// A piece of these records, in memory.
    pub(super) fn of(conn: &mut Connection, rows: &[Row]) -> Result<Piece, Error> {
        let (segment, parts) = build(conn, rows)?;
        Ok(Piece { segment, parts: Some(parts) })
    }

    /// Asks the piece something.
    pub(super) fn ask<T>(
        &self,
        conn: &mut Connection,
        ask: impl FnOnce(&mut Reader<'_, Error>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let id = self.segment.id;
        let mut fetch = |wanted: &Wanted| match &self.parts {
            Some(all) => Ok(of(all, wanted)),
            None => parts(conn, id, wanted),
        };
        let mut reader = Reader::new(self.segment.docs, &mut fetch);
        let answer = ask(&mut reader)?;
        if reader.is_damaged() {
            return Err(Error::Database(INDEX_DAMAGED.to_owned()));
        }
        Ok(answer)
    }

    /// The ids of its records, in order.
    pub(super) fn ids(&self, conn: &mut Connection) -> Result<Vec<i64>, Error> {
        let ids = self.ask(conn, |reader| reader.column(Column::Id))?;
        Ok(ids.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// Which of its places hold ids in this range.
    pub(super) fn places(ids: &[i64], wanted: &Range<i64>) -> Range<u32> {
        let edge = |id: i64| ids.partition_point(|other| *other < id) as u32;
        edge(wanted.start)..edge(wanted.end)
    }
}

/// The parts in memory that are wanted.
fn of(all: &[Part], wanted: &Wanted) -> Vec<Vec<u8>> {
    let of_kind: Vec<&Part> = all.iter().filter(|part| part.kind == wanted.kind).collect();
    let begin = of_kind.iter().rposition(|part| part.key <= wanted.from).unwrap_or(0);
    let kept = of_kind.get(begin..).unwrap_or_default().iter();
    let kept = kept.filter(|part| wanted.below.as_ref().is_none_or(|below| part.key < *below));
    kept.map(|part| part.data.clone()).collect()
}
