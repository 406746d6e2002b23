//! What matches, counted: by name, by time, by conversation. Start at [`facets`], [`histogram`], [`groups`].
//!
//! **Invariant:** no row and no body is read, but where the index alone cannot decide. **May import:** `error`, `search`, `db`.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Instant;

use crate::db::Connection;
use crate::db::find::check::CHUNK;
use crate::db::find::page::sure_docs;
use crate::db::find::walk::Walk;
use crate::db::find::{COUNT_CAP, Cursor, Search, at_one_moment};
use crate::error::Error;
use crate::search::segment::bits::Bits;
use crate::search::segment::{Column, Name};

/// A name and in how many matches it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// The name.
    pub value: String,
    /// How many matches.
    pub count: u32,
}

/// A stretch of time and what matches in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Its beginning, µs since 1970.
    pub from_us: i64,
    /// How many matches.
    pub count: u32,
    /// How many of them failed.
    pub errors: u32,
}

/// A conversation with a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// The conversation.
    pub conversation_id: i64,
    /// Its newest match.
    pub newest_id: i64,
}

/// A page of conversations with a match.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Groups {
    /// The one with the newest match first.
    pub groups: Vec<Group>,
    /// How many match in all, up to [`COUNT_CAP`].
    pub count: u32,
    /// There may be more than were counted.
    pub count_capped: bool,
    /// There are more with older matches alone.
    pub has_older: bool,
    /// There are more with newer matches.
    pub has_newer: bool,
}

/// The names of a kind in the matches, the most frequent first. Texts that only reading can decide do not narrow it.
///
/// # Errors
/// The database's.
pub fn facets(conn: &mut Connection, search: &Search, name: Name, limit: usize) -> Result<Vec<Facet>, Error> {
    let mut counts: HashMap<String, u32> = HashMap::new();
    at_one_moment(conn, |conn| {
        let walk = Walk::new(search, conn)?;
        for piece in walk.in_time() {
            let matched = walk.matched(piece, conn)?;
            if !matched.bits.is_empty() {
                let mut add = |value: &str, count| *counts.entry(value.to_owned()).or_default() += count;
                piece.ask(conn, |reader| reader.facets(name, &matched.bits, &mut add))?;
            }
        }
        Ok(())
    })?;
    let mut facets: Vec<Facet> = counts.into_iter().map(|(value, count)| Facet { value, count }).collect();
    facets.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
    facets.truncate(limit);
    Ok(facets)
}

/// The matches by time, in stretches of `step_us` from `from_us` on; empty stretches are not there. Texts that only reading
/// can decide do not narrow it.
///
/// # Errors
/// The database's.
pub fn histogram(conn: &mut Connection, search: &Search, from_us: i64, step_us: i64) -> Result<Vec<Bucket>, Error> {
    let step_us = step_us.max(1);
    let mut buckets: HashMap<i64, Bucket> = HashMap::new();
    at_one_moment(conn, |conn| {
        let walk = Walk::new(search, conn)?;
        for piece in walk.in_time() {
            let matched = walk.matched(piece, conn)?;
            if matched.bits.is_empty() {
                continue;
            }
            piece.ask(conn, |reader| {
                let failed = reader.name(Name::Is, "", |word| word == "error")?;
                let started = reader.column(Column::Started)?;
                for doc in matched.bits.iter() {
                    let Some(started) = started[doc as usize] else { continue };
                    let at = (started - from_us).div_euclid(step_us);
                    let empty = Bucket { from_us: from_us + at * step_us, count: 0, errors: 0 };
                    let bucket = buckets.entry(at).or_insert(empty);
                    bucket.count += 1;
                    bucket.errors += u32::from(failed.contains(doc));
                }
                Ok(())
            })?;
        }
        Ok(())
    })?;
    let mut buckets: Vec<Bucket> = buckets.into_values().collect();
    buckets.sort_by_key(|bucket| bucket.from_us);
    Ok(buckets)
}

/// Conversations with a match, the one with the newest match first; a cursor is a newest match. Also how many there are in all.
///
/// # Errors
/// The database's.
pub fn groups(conn: &mut Connection, search: &Search, cursor: Cursor, limit: usize) -> Result<Groups, Error> {
    at_one_moment(conn, |conn| {
        let walk = Walk::new(search, conn)?;
        let mut seen = HashSet::new();
        let mut page = Page { groups: VecDeque::new(), cursor, limit, has_older: false, has_newer: false };
        let mut capped = false;
        'pieces: for piece in walk.in_time().rev() {
            let matched = walk.matched(piece, conn)?;
            if matched.bits.is_empty() {
                continue;
            }
            let (ids, conversations) =
                piece.ask(conn, |reader| Ok((reader.column(Column::Id)?, reader.column(Column::Conversation)?)))?;
            let docs: Vec<u32> = matched.bits.iter().rev().collect();
            for chunk in docs.chunks(if matched.unsure.is_empty() { usize::MAX } else { CHUNK }) {
                let mut bits = Bits::none(piece.segment.docs);
                chunk.iter().for_each(|doc| bits.insert(*doc));
                for doc in sure_docs(&walk, conn, &matched.unsure, &ids, bits)?.iter().rev() {
                    let (Some(newest_id), Some(conversation_id)) = (ids[doc as usize], conversations[doc as usize])
                    else {
                        continue;
                    };
                    if seen.insert(conversation_id) {
                        page.add(Group { conversation_id, newest_id });
                    }
                }
                capped = seen.len() as u32 >= COUNT_CAP && page.has_older || Instant::now() >= search.deadline;
                if capped {
                    break 'pieces;
                }
            }
        }
        let Page { groups, has_older, has_newer, .. } = page;
        let count = COUNT_CAP.min(seen.len() as u32);
        let count_capped = capped || count == COUNT_CAP;
        Ok(Groups { groups: groups.into(), count, count_capped, has_older, has_newer })
    })
}

/// Gathers a page of conversations that come the newest first.
struct Page {
    groups: VecDeque<Group>,
    cursor: Cursor,
    limit: usize,
    has_older: bool,
    has_newer: bool,
}

impl Page {
    fn add(&mut self, group: Group) {
        match self.cursor {
            Cursor::Before(id) if group.newest_id >= id => self.has_newer = true,
            Cursor::Newest | Cursor::Before(_) if self.groups.len() < self.limit => self.groups.push_back(group),
            Cursor::After(id) if group.newest_id > id => {
                self.groups.push_back(group);
                if self.groups.len() > self.limit {
                    self.groups.pop_front();
                    self.has_newer = true;
                }
            }
            Cursor::Newest | Cursor::Before(_) | Cursor::After(_) => self.has_older = true,
        }
    }
}
