//! Which conversation a record belongs to. Start at [`Placing::place`].
//!
//! By the session that the caller names, by the response it continues, by the same question asked again after a failure, else
//! by the earlier reply that it repeats.
//! **Invariant:** records are placed one after the other, each seeing those before it. **May import:** `db::speak`, diesel.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;

use diesel::result::QueryResult;

use crate::db::records::hash::Hash;
use crate::db::records::newest::Newest;
use crate::db::records::read::whole_texts;
use crate::db::records::thread::{Boundary, Meanings, Seen, Thread};
use crate::db::records::ways::Ways;
use crate::db::speak::{LinkRow, Placed, Speaker};

/// Where a record stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Placement {
    pub(super) placed: Placed,
    /// Where the messages new to the conversation stand in the body; `None`: all of it is new.
    pub(super) fresh: Option<Range<usize>>,
}

/// The records of one transaction, in their order.
#[derive(Clone, Copy)]
pub(super) struct Batch<'a> {
    pub(super) ids: &'a [i64],
    pub(super) threads: &'a [Thread],
    pub(super) ways: &'a [Ways],
}

/// The records of one transaction being placed.
pub(super) struct Placing<'a, C> {
    conn: &'a mut C,
    ids: &'a [i64],
    threads: &'a [Thread],
    ways: &'a [Ways],
    meanings: &'a mut Meanings,
    newest: &'a Newest,
    /// The database's links, as far as they were asked for; each link's newest row first.
    found: HashMap<i64, Vec<LinkRow>>,
    /// Those that this transaction adds.
    added: HashMap<i64, Vec<LinkRow>>,
}

/// An earlier record that this one goes on from.
struct Earlier {
    conversation_id: i64,
    by: &'static str,
    known: usize,
}

impl<'a, C: Speaker> Placing<'a, C> {
    pub(super) fn new(conn: &'a mut C, batch: Batch<'a>, meanings: &'a mut Meanings, newest: &'a Newest) -> Self {
        let Batch { ids, threads, ways } = batch;
        Placing { conn, ids, threads, ways, meanings, newest, found: HashMap::new(), added: HashMap::new() }
    }

    /// Asks for what is likely to be looked for in one go.
    pub(super) fn look_ahead(&mut self) -> QueryResult<()> {
        let mut likely: Vec<i64> = self.ways.iter().flat_map(Ways::likely).collect();
        likely.sort_unstable();
        likely.dedup();
        self.ask(&likely)
    }

    /// The rows to be stored.
    pub(super) fn into_links(self) -> Vec<LinkRow> {
        let mut rows: Vec<LinkRow> = self.added.into_values().flatten().collect();
        rows.sort_by_key(|row| (row.link, row.record_id));
        rows
    }

    /// Places the record at `at`.
    pub(super) fn place(&mut self, at: usize) -> QueryResult<Placement> {
        let (thread, ways, id) = (&self.threads[at], &self.ways[at], self.ids[at]);
        let session = self.newest(ways.session)?;
        let continued = self.newest(ways.continued)?;
        let repeated = self.earlier(thread, ways)?;
        let named = session.map(|row| (row.conversation_id, "session"));
        let named = named.or_else(|| continued.map(|row| (row.conversation_id, "response")));
        let found = match (named, repeated) {
            (None, repeated) => repeated,
            (Some((conversation_id, by)), repeated) => {
                let known = repeated.filter(|earlier| earlier.conversation_id == conversation_id);
                Some(Earlier { conversation_id, by, known: known.map_or(0, |earlier| earlier.known) })
            }
        };
        let found = match found {
            None => self.late(ways)?,
            found => found,
        };
        if found.is_none()
            && let Some(note) = ways.awaits
        {
            self.leave(note, id)?;
        }
        let starts = thread.is_dialogue || ways.session.is_some();
        let conversation_id = found.as_ref().map(|earlier| earlier.conversation_id).or(starts.then_some(id));
        let known_messages = found.as_ref().map(|earlier| earlier.known as i64);
        if let Some(conversation_id) = conversation_id {
            self.remember(at, conversation_id, known_messages.unwrap_or(0));
        }
        // A prompt that is no list of messages is new as a whole.
        let fresh = found.as_ref().and_then(|earlier| thread.fresh(earlier.known));
        let linked_by = found.map(|earlier| earlier.by.to_owned());
        Ok(Placement { placed: Placed { conversation_id, linked_by, known_messages }, fresh })
    }

    /// How the records to come will find this one. In place of a chain the link of its question has the number of its messages
    /// that were known: what was new then is new to who asks it again, who is the first to be answered.
    fn remember(&mut self, at: usize, conversation_id: i64, known: i64) {
        let (thread, ways, record_id) = (&self.threads[at], &self.ways[at], self.ids[at]);
        let mut links = ways.ends.clone();
        if thread.is_dialogue {
            let asked = if thread.failed() { ways.asked } else { None };
            links.extend(asked.map(|link| (link, known)));
            links.extend(thread.response().map(|link| (link, 0)));
        }
        // One row stands for the whole session.
        links.extend(ways.session.filter(|link| !self.is_known(*link)).map(|link| (link, 0)));
        for (link, chain) in links {
            self.added.entry(link).or_default().push(LinkRow { link, record_id, chain, conversation_id });
        }
    }

    /// The conversation that began without this record, which is its beginning.
    fn late(&mut self, ways: &Ways) -> QueryResult<Option<Earlier>> {
        for &note in &ways.awaited {
            if let Some(row) = self.newest(Some(note))? {
                return Ok(Some(Earlier { conversation_id: row.conversation_id, by: "messages", known: 0 }));
            }
        }
        Ok(None)
    }

    /// Leaves a note of a conversation that begins with a record in its middle; one row stands for all that do.
    fn leave(&mut self, note: i64, id: i64) -> QueryResult<()> {
        if self.newest(Some(note))?.is_none() {
            let row = LinkRow { link: note, record_id: id, chain: 0, conversation_id: id };
            self.added.entry(note).or_default().push(row);
        }
        Ok(())
    }

    fn is_known(&self, link: i64) -> bool {
        self.added.contains_key(&link)
            || self.newest.of(link).next().is_some()
            || self.found.get(&link).is_some_and(|rows| !rows.is_empty())
    }

    /// The earlier record whose messages and reply this one repeats.
    fn earlier(&mut self, thread: &Thread, ways: &Ways) -> QueryResult<Option<Earlier>> {
        if let Some(row) = self.newest(ways.asked)? {
            let known = usize::try_from(row.chain).unwrap_or(0).min(thread.len());
            return Ok(Some(Earlier { conversation_id: row.conversation_id, by: "repeat", known }));
        }
        for &Boundary { link, chain, known } in &ways.boundaries {
            let rows = self.rows(link)?;
            if let Some(row) = rows.iter().find(|row| row.chain == chain) {
                return Ok(Some(Earlier { conversation_id: row.conversation_id, by: "messages", known }));
            }
            let Some(row) = rows.first() else { continue };
            if is_shortened(&thread.said_before(known), &self.said(row.record_id)?) {
                return Ok(Some(Earlier { conversation_id: row.conversation_id, by: "messages", known }));
            }
        }
        Ok(None)
    }

    /// What an earlier record said.
    fn said(&mut self, record_id: i64) -> QueryResult<Vec<Hash>> {
        if let Some(at) = self.ids.iter().position(|id| *id == record_id) {
            return Ok(self.threads[at].said());
        }
        let texts = whole_texts(self.conn, &[record_id])?.remove(&record_id).unwrap_or_default();
        let seen = Seen {
            key: ("", ""),
            path: "",
            body: texts.body.as_deref().unwrap_or_default(),
            reply: texts.response.as_deref().unwrap_or_default(),
            session: None,
            answered: true,
        };
        Ok(Thread::read(&seen, self.meanings).said())
    }

    fn newest(&mut self, link: Option<i64>) -> QueryResult<Option<LinkRow>> {
        match link {
            Some(link) => Ok(self.rows(link)?.into_iter().next()),
            None => Ok(None),
        }
    }

    /// The rows of a link, the newest first.
    fn rows(&mut self, link: i64) -> QueryResult<Vec<LinkRow>> {
        if !self.found.contains_key(&link) {
            self.ask(&[link])?;
        }
        let stored = self.found.get(&link).into_iter().flatten().cloned().chain(self.newest.of(link));
        let mut rows: Vec<LinkRow> = stored.chain(self.added.get(&link).into_iter().flatten().cloned()).collect();
        rows.sort_by_key(|row| Reverse(row.record_id));
        Ok(rows)
    }

    fn ask(&mut self, links: &[i64]) -> QueryResult<()> {
        self.found.extend(links.iter().map(|link| (*link, Vec::new())));
        for row in self.conn.links(links)? {
            self.found.entry(row.link).or_default().push(row);
        }
        Ok(())
    }
}

/// Whether `later` is `earlier` shortened: its beginning and its end, with something left out between them or in front.
fn is_shortened(later: &[Hash], earlier: &[Hash]) -> bool {
    let same_end = later.iter().rev().zip(earlier.iter().rev()).take_while(|(a, b)| a == b).count();
    let front = &later[..later.len() - same_end];
    // A question and its answer may stand in any conversation; one that has nothing more is no continuation of it.
    let enough = later.len() < earlier.len() || later.len() >= 4;
    same_end >= 2 && enough && earlier.starts_with(front)
}
