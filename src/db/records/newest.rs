//! The links of the newest records. Start at [`Newest::follow`].
//!
//! Links lie at random: to write each into its place is to write a page for each. New ones wait in the table `newest_links` in the
//! order in which they came, and in memory to be found, until many are sorted in together.
//! **Invariant:** every link stands in `newest_links` or in `links`, or in both; what is in memory stands in `newest_links`.
//! **May import:** `db::speak`, `error`, diesel.

use std::collections::BTreeMap;

use diesel::prelude::{QueryableByName, RunQueryDsl};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Nullable};

use crate::db::speak::{LinkRow, NewestLink, Speaker};
use crate::db::{Connection, marks};
use crate::error::Error;

/// Counts how often rows left `newest_links`: what is remembered of before is not to be trusted.
const SETTLED: &str = "settled_links";
/// As many are sorted in together: of a million links there are 6,000 pages, so that each page written takes five.
const TOGETHER: usize = 32_768;
/// Rows that are sorted in at a time, at least; with larger batches twice as many as come.
const AT_A_TIME: usize = 256;
/// Rows of one link that are looked at, as in the database.
const OF_ONE: usize = 64;
/// Rows of one transaction are numbered from here on, in units of its first record: later ones always have greater numbers.
const NUMBERS: i64 = 1 << 20;

/// The links that wait, as a store remembers them.
#[derive(Default)]
pub(super) struct Newest {
    /// Chain and conversation by link and record.
    rows: BTreeMap<(i64, i64), (i64, i64)>,
    /// The last of `newest_links` among them.
    last_id: i64,
    /// The state of the mark.
    settled: i64,
    moving: Moving,
}

/// Rows on their way to their places: sorted, some of them there already.
#[derive(Default)]
struct Moving {
    rows: Vec<LinkRow>,
    moved: usize,
    last_id: i64,
}

impl Newest {
    /// Catches up with what others have done, within the transaction that writes.
    pub(super) fn follow<C: Speaker>(&mut self, conn: &mut C) -> QueryResult<()> {
        let settled = conn.mark(SETTLED)?.unwrap_or(0);
        if settled != self.settled {
            *self = Newest { settled, ..Newest::default() };
        }
        conn.newest_links(self.last_id)?.iter().for_each(|waiting| self.remember(waiting));
        Ok(())
    }

    /// The rows of a link, the newest first.
    pub(super) fn of(&self, link: i64) -> impl Iterator<Item = LinkRow> {
        let rows = self.rows.range((link, i64::MIN)..=(link, i64::MAX)).rev().take(OF_ONE);
        rows.map(|(&(link, record_id), &(chain, conversation_id))| LinkRow { link, record_id, chain, conversation_id })
    }

    /// Writes new links.
    pub(super) fn add<C: Speaker>(&mut self, conn: &mut C, mut links: Vec<LinkRow>) -> QueryResult<()> {
        // The oldest record's first, so that the first row tells whether a record's links may be among those that wait.
        links.sort_by_key(|row| (row.record_id, row.link));
        let first = links.first().map_or(0, |row| row.record_id.saturating_mul(NUMBERS));
        let rows: Vec<NewestLink> = (first..).zip(links).map(|(id, row)| NewestLink { id, row }).collect();
        conn.insert_newest_links(&rows)?;
        rows.iter().for_each(|waiting| self.remember(waiting));
        self.settle(conn, AT_A_TIME.max(2 * rows.len()))
    }

    fn remember(&mut self, NewestLink { id, row }: &NewestLink) {
        self.rows.insert((row.link, row.record_id), (row.chain, row.conversation_id));
        self.last_id = *id;
    }

    /// Sorts some of the rows in, when there are enough of them.
    fn settle<C: Speaker>(&mut self, conn: &mut C, some: usize) -> QueryResult<()> {
        let moving = &mut self.moving;
        if moving.rows.is_empty() {
            if self.rows.len() < TOGETHER {
                return Ok(());
            }
            let row =
                |(&(link, record_id), &(chain, conversation_id))| LinkRow { link, record_id, chain, conversation_id };
            *moving = Moving { rows: self.rows.iter().map(row).collect(), moved: 0, last_id: self.last_id };
        }
        let to = moving.rows.len().min(moving.moved + some);
        conn.insert_links(&moving.rows[moving.moved..to])?;
        moving.moved = to;
        if to == moving.rows.len() {
            conn.delete_newest_links(moving.last_id)?;
            self.settled += 1;
            conn.set_mark(SETTLED, self.settled)?;
            for row in std::mem::take(&mut self.moving).rows {
                self.rows.remove(&(row.link, row.record_id));
            }
        }
        Ok(())
    }
}

/// Takes the links of records that go out of those that wait, but for links of a session that goes on with its `heirs`: link and
/// record of each, and the record that takes its place.
///
/// # Errors
/// The database's.
pub(in crate::db) fn forget(conn: &mut Connection, going: &[i64], heirs: &[(i64, i64, i64)]) -> Result<(), Error> {
    let first: First = diesel::sql_query("SELECT min(id) AS id FROM newest_links").get_result(conn)?;
    let (Some(first), Some(last)) = (first.id, going.iter().max()) else { return Ok(()) };
    if first / NUMBERS > *last {
        return Ok(());
    }
    for (link, record_id, heir) in heirs {
        diesel::sql_query("UPDATE newest_links SET record_id = $1 WHERE link = $2 AND record_id = $3")
            .bind::<BigInt, _>(heir)
            .bind::<BigInt, _>(link)
            .bind::<BigInt, _>(record_id)
            .execute(conn)?;
    }
    for some in going.chunks(500) {
        // Numbers of our own: nothing of them needs quoting.
        let list = some.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
        diesel::sql_query(format!("DELETE FROM newest_links WHERE record_id IN ({list})")).execute(conn)?;
    }
    let settled = marks::get(conn, SETTLED)?.unwrap_or(0);
    marks::set(conn, SETTLED, settled + 1)
}

#[derive(QueryableByName)]
struct First {
    #[diesel(sql_type = Nullable<BigInt>)]
    id: Option<i64>,
}

#[cfg(test)]
mod tests {
    use diesel::{Connection as _, SqliteConnection};

    use crate::db::Connection;
    use crate::db::records::newest::{Newest, TOGETHER, forget};
    use crate::db::speak::{LinkRow, Speaker};
    use crate::db::testing::Folder;

    /// The link of that record: they lie at random.
    fn link(record_id: i64) -> i64 {
        record_id.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64)
    }

    fn row(record_id: i64) -> LinkRow {
        LinkRow { link: link(record_id), record_id, chain: -record_id, conversation_id: record_id }
    }

    fn add(conn: &mut SqliteConnection, newest: &mut Newest, ids: std::ops::Range<i64>) {
        conn.transaction(|conn| {
            newest.follow(conn)?;
            newest.add(conn, ids.map(row).collect())
        })
        .unwrap();
    }

    /// What is found under that record's link.
    fn found(conn: &mut SqliteConnection, newest: &Newest, record_id: i64) -> Option<LinkRow> {
        let stored = conn.links(&[link(record_id)]).unwrap();
        newest.of(link(record_id)).chain(stored).next()
    }

    fn sqlite(connection: &mut Connection) -> &mut SqliteConnection {
        match connection {
            Connection::Sqlite(conn) => conn,
            Connection::Postgres(_) => unreachable!("a file was opened"),
        }
    }

    #[test]
    fn links_are_found_while_they_wait_while_they_move_and_in_their_places() {
        let folder = Folder::new();
        let mut opened = folder.open().database.connect().unwrap();
        let conn = sqlite(&mut opened);
        // Two that take turns, as a program that is about to end and the next one.
        let mut both = [Newest::default(), Newest::default()];
        let step = 1_000;
        let mut moved = false;
        for turn in 0..80 {
            let first = 1 + turn * step;
            add(conn, &mut both[turn as usize % 2], first..first + step);
            let other = &mut both[(turn as usize + 1) % 2];
            other.follow(conn).unwrap();
            for newest in &both {
                for id in (1..first + step).step_by(997) {
                    assert_eq!(found(conn, newest, id), Some(row(id)));
                }
                moved |= !newest.moving.rows.is_empty();
                assert!(newest.rows.len() < 2 * TOGETHER);
            }
        }
        assert!(moved && both[0].settled > 0);
        let waiting = conn.newest_links(0).unwrap().len();
        assert!(waiting < 2 * TOGETHER, "{waiting}");
        // One that starts now.
        let mut third = Newest::default();
        third.follow(conn).unwrap();
        assert_eq!(third.rows.len(), waiting);
        assert!((1..80 * step).all(|id| found(conn, &third, id).is_some()));
    }

    #[test]
    fn what_is_forgotten_comes_back_to_nobody() {
        let folder = Folder::new();
        let mut opened = folder.open().database.connect().unwrap();
        let mut newest = Newest::default();
        for first in (1..40_000).step_by(500) {
            add(sqlite(&mut opened), &mut newest, first..first + 500);
        }
        assert!(!newest.moving.rows.is_empty(), "some of them are on their way");
        // Every other one goes, wherever it is by now; one of them leaves its link to an heir.
        let going: Vec<i64> = (1..=39_999).step_by(2).collect();
        let heirs = [(link(39_999), 39_999, 40_000)];
        opened
            .transaction(|conn| {
                forget(conn, &going, &heirs)?;
                diesel::RunQueryDsl::execute(diesel::sql_query("DELETE FROM links WHERE record_id % 2 = 1"), conn)?;
                Ok::<(), crate::error::Error>(())
            })
            .unwrap();
        let conn = sqlite(&mut opened);
        for first in (40_001..120_000).step_by(500) {
            add(conn, &mut newest, first..first + 500);
        }
        assert!((1..39_999).step_by(2).all(|id| found(conn, &newest, id).is_none()));
        assert_eq!(found(conn, &newest, 39_999).map(|row| row.record_id), Some(40_000));
        let staying = (2..40_000).step_by(2).chain((40_001..120_000).step_by(97));
        assert!(staying.into_iter().all(|id| found(conn, &newest, id) == Some(row(id))));
    }
}
