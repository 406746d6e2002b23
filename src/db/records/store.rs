//! Storing records: bodies cut into pieces, pieces that are known stored once, conversations found.
//!
//! Start at [`Store::insert`]. What can be read of a record alone is read before the transaction begins.
//! **Invariant:** a batch is stored whole or not at all, and what the store remembers is what the database holds.
//! **May import:** `error`, `openai`, diesel.

use std::collections::{HashMap, HashSet};

use diesel::result::QueryResult;
use diesel::{Connection as _, PgConnection, SqliteConnection};

use crate::db::Connection;
use crate::db::pace::step;
use crate::db::records::NewRecord;
use crate::db::records::hash::{Hash, Pieces, pieces};
use crate::db::records::layout::{Layout, Place};
use crate::db::records::newest::Newest;
use crate::db::records::packer::{FEW, HEAD_LEVELS, Open, Packer, Press, levels, placed, placed_all};
use crate::db::records::placing::{Batch, Placement, Placing};
use crate::db::records::signs::{self, Signs};
use crate::db::records::thread::{Meanings, Seen, Thread};
use crate::db::records::tries::short;
use crate::db::records::ways::Ways;
use crate::db::rollups::{self, Sample};
use crate::db::speak::{BlobRow, BodyRow, Numbered, RecordRow, Speaker};
use crate::error::Error;

/// The mark that counts removals: what a store remembers of before one is not to be trusted.
pub(in crate::db) const REMOVALS: &str = "removals";
/// Pieces remembered, at most.
const KNOWN: usize = 200_000;
/// Bytes that lie in one pack together: longer runs are cut.
const RUN_BYTES: usize = 1 << 20;

/// Where a piece lies, and whose it is.
#[derive(Debug, Clone, Copy)]
struct Known {
    place: Place,
    owner: i64,
}

/// Stores records through one connection after the other, and remembers what it has seen.
#[derive(Default)]
pub struct Store {
    known: HashMap<Hash, Known>,
    meanings: Meanings,
    newest: Newest,
    removals: i64,
    press: Press,
    /// The packs that the next records go on with.
    open: Opens,
}

/// How far a source of records has come: stored in the same transaction as they are.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The source.
    pub name: &'a str,
    /// How far it has come.
    pub value: i64,
}

/// The packs that have room left: of what was said, and of headers.
type Opens = [Option<Open>; 2];

impl Store {
    /// Stores the records in one transaction and gives their ids, in order; with them how far their source has come.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database is locked, full or away: drop the connection, make another, try the same batch
    /// again later. Any other error is the data's: nothing was stored, and halving the batch finds the record at fault.
    /// NUL characters, which Postgres cannot keep in text, become U+FFFD in every column; bodies are bytes and stay.
    pub fn insert(
        &mut self,
        conn: &mut Connection,
        batch: &[NewRecord],
        progress: Option<Progress<'_>>,
    ) -> Result<Vec<i64>, Error> {
        let read = |record| {
            step();
            Thread::read(&Seen::of(record), &mut self.meanings)
        };
        let threads = batch.iter().map(read).collect::<Vec<_>>();
        let ways = threads.iter().map(Ways::of).collect();
        let pieces: Vec<Pieces> = batch.iter().map(|record| pieces(record.texts.body.as_deref())).collect();
        let (packer, heads) = (Packer::default(), Packer::default());
        let mut writing = Writing {
            store: self,
            batch,
            threads,
            ways,
            pieces,
            fresh: HashMap::new(),
            packer,
            heads,
            left_open: Opens::default(),
        };
        let samples: Vec<Sample> =
            batch.iter().map(|record| Sample::of(&record.facts, record.facts.cost_nano)).collect();
        let done = conn.transaction::<_, Error, _>(|conn| {
            let ids = match conn {
                Connection::Sqlite(conn) => writing.write::<SqliteConnection>(conn, progress)?,
                Connection::Postgres(conn) => writing.write::<PgConnection>(conn, progress)?,
            };
            rollups::add(conn, &samples)?;
            Ok(ids)
        });
        let (fresh, left_open) = (std::mem::take(&mut writing.fresh), std::mem::take(&mut writing.left_open));
        match done {
            Ok(ids) => {
                self.open = left_open;
                if self.known.len() + fresh.len() > KNOWN {
                    self.known.clear();
                }
                self.known.extend(fresh);
                Ok(ids)
            }
            Err(error) => {
                // What was found within the transaction may have been rolled back with it.
                self.known.clear();
                self.newest = Newest::default();
                Err(error)
            }
        }
    }
}

/// One batch on its way.
struct Writing<'a> {
    store: &'a mut Store,
    batch: &'a [NewRecord],
    threads: Vec<Thread>,
    ways: Vec<Ways>,
    pieces: Vec<Pieces>,
    /// Pieces found or made in this transaction.
    fresh: HashMap<Hash, Known>,
    packer: Packer,
    /// Headers are all alike: in packs of their own they take half the room.
    heads: Packer,
    left_open: Opens,
}

impl Writing<'_> {
    fn write<C: Speaker>(&mut self, conn: &mut C, progress: Option<Progress<'_>>) -> QueryResult<Vec<i64>> {
        conn.write_alone()?;
        let removals = conn.mark(REMOVALS)?.unwrap_or(0);
        if removals != self.store.removals {
            self.store.known.clear();
            self.store.open = Opens::default();
            self.store.removals = removals;
        }
        self.store.newest.follow(conn)?;
        let ids = conn.reserve(Numbered::Records, self.batch.len())?;
        let batch = Batch { ids: &ids, threads: &self.threads, ways: &self.ways };
        let mut placing = Placing::new(conn, batch, &mut self.store.meanings, &self.store.newest);
        placing.look_ahead()?;
        let placements = (0..ids.len()).map(|at| placing.place(at)).collect::<QueryResult<Vec<Placement>>>()?;
        let links = placing.into_links();

        // To pack the earlier ones once more is worth it when there are few new ones.
        let [texts, heads] = std::mem::take(&mut self.store.open);
        self.packer = Packer::resume(texts.filter(|_| self.batch.len() < FEW));
        self.heads = Packer::resume(heads);
        self.look_up(conn)?;
        let (mut bodies, mut layouts, mut uses) = (Vec::new(), Vec::new(), HashSet::new());
        for (at, record) in self.batch.iter().enumerate() {
            step();
            let owner = placements[at].placed.conversation_id.unwrap_or(-ids[at]);
            let pieces = std::mem::take(&mut self.pieces[at]);
            let body = record.texts.body.as_ref().map(|body| self.lay_out(body, pieces, owner, &mut uses));
            let response = record.texts.response.as_ref().map(|reply| self.append(Layout::default(), reply));
            let headers = record.texts.headers.as_ref().map(|headers| Layout(vec![self.heads.push(headers)]));
            layouts.push((body, response, headers));
            let fresh = placements[at].fresh.as_ref();
            let edge = |edge: usize| i64::try_from(edge).unwrap_or(i64::MAX);
            bodies.push(BodyRow {
                record_id: ids[at],
                body_note: record.texts.body_note.clone(),
                response_note: record.texts.response_note.clone(),
                layout: 1,
                fresh_from: fresh.map(|fresh| edge(fresh.start)),
                fresh_to: fresh.map(|fresh| edge(fresh.end)),
                ..BodyRow::default()
            });
        }
        let mut given = conn.reserve(Numbered::Packs, self.packer.without_id() + self.heads.without_id())?;
        let head_ids = self.heads.ids(given.split_off(self.packer.without_id()));
        let pack_ids = self.packer.ids(given);
        let encoded = |layout: &Option<Layout>, ids: &[i64]| Some(placed_all(layout.as_ref()?, ids).encode());
        for (row, (body, response, headers)) in bodies.iter_mut().zip(&layouts) {
            row.body = encoded(body, &pack_ids);
            row.response = encoded(response, &pack_ids);
            row.headers = encoded(headers, &head_ids);
        }
        let lanes = [
            (&self.packer, &pack_ids, levels(self.batch.len(), self.packer.new_bytes())),
            (&self.heads, &head_ids, HEAD_LEVELS),
        ];
        for (packer, ids, levels) in lanes {
            let rows = packer.rows(ids, &mut self.store.press, levels);
            conn.write_packs(&rows.map_err(|error| diesel::result::Error::SerializationError(error.into()))?)?;
        }
        self.left_open = [
            std::mem::take(&mut self.packer).leave_open(&pack_ids),
            std::mem::take(&mut self.heads).leave_open(&head_ids),
        ];
        let mut blobs = Vec::new();
        for (hash, known) in &mut self.fresh {
            if known.place.pack < 0 {
                known.place = placed(known.place, &pack_ids);
                let Place { pack, start, length } = known.place;
                blobs.push(BlobRow {
                    hash: hash.to_vec(),
                    pack_id: pack,
                    start: start as i64,
                    length: length as i64,
                    owner: known.owner,
                });
            }
        }
        blobs.sort_by(|a, b| a.hash.cmp(&b.hash));
        conn.insert_blobs(&blobs)?;
        let mut uses: Vec<_> = uses.into_iter().collect();
        uses.sort();
        conn.insert_uses(&uses)?;
        let facts: Vec<_> = self.batch.iter().map(|record| record.facts.without_nul()).collect();
        let rows = placements.iter().enumerate().map(|(at, placement)| RecordRow {
            id: ids[at],
            facts: &facts[at],
            attempts: short(&facts[at].attempts),
            placed: placement.placed.clone(),
            signs: self.signs(at, placement),
            replay_of: self.batch[at].replay_of.filter(|id| *id > 0),
        });
        conn.insert_records(&rows.collect::<Vec<_>>())?;
        conn.insert_bodies(&bodies)?;
        self.store.newest.add(conn, links)?;
        if let Some(Progress { name, value }) = progress {
            conn.set_mark(name, value)?;
        }
        Ok(ids)
    }

    fn signs(&self, at: usize, placement: &Placement) -> Signs {
        let record = &self.batch[at];
        match self.threads[at].signals(placement.fresh.as_ref()) {
            Some(found) => signs::signs(record, found),
            None => signs::read(record, placement.fresh.clone()),
        }
    }

    /// Asks for the pieces that nobody remembers.
    fn look_up<C: Speaker>(&mut self, conn: &mut C) -> QueryResult<()> {
        let wanted: HashSet<Hash> = self.pieces.iter().flatten().filter_map(|(_, hash)| *hash).collect();
        let unknown = wanted.into_iter().filter(|hash| !self.store.known.contains_key(hash));
        let mut unknown: Vec<Vec<u8>> = unknown.map(|hash| hash.to_vec()).collect();
        unknown.sort();
        for BlobRow { hash, pack_id, start, length, owner } in conn.blobs(&unknown)? {
            let place = Place { pack: pack_id, start: start as u64, length: length as u64 };
            if let Ok(hash) = Hash::try_from(hash) {
                self.fresh.insert(hash, Known { place, owner });
            }
        }
        Ok(())
    }

    /// A body's layout: known pieces where they lie, the others in a pack of this batch.
    fn lay_out(&mut self, body: &[u8], pieces: Pieces, owner: i64, uses: &mut HashSet<(Vec<u8>, i64)>) -> Layout {
        let mut layout = Layout::default();
        for (slice, hash) in pieces {
            let piece = &body[slice.range];
            let Some(hash) = hash else {
                layout = self.append(layout, piece);
                continue;
            };
            match self.fresh.get(&hash).or_else(|| self.store.known.get(&hash)).copied() {
                Some(known) => {
                    layout.push(known.place);
                    if known.owner != owner {
                        uses.insert((hash.to_vec(), owner));
                    }
                }
                None => {
                    let place = self.packer.push_shared(piece);
                    layout.push(place);
                    self.fresh.insert(hash, Known { place, owner });
                }
            }
        }
        layout
    }

    fn append(&mut self, mut layout: Layout, bytes: &[u8]) -> Layout {
        for run in bytes.chunks(RUN_BYTES) {
            layout.push(self.packer.push(run));
        }
        layout
    }
}
