//! The parts of the benchmark: an agent's session, unrelated chats, the writer's speed, the index behind it, a large
//! database, its pages.
//! Start at [`run`]. Nothing here prints a table.

use std::time::Instant;

use openai_api_route::db::records::NewRecord;

use crate::Result;
use crate::agent::Session;
use crate::base::Base;
use crate::chats::{Chats, Size};
use crate::incoming;
use crate::indexer::index_all;
use crate::measure::Took;
use crate::pages;
use crate::results::{Goal, Results, Speed, Storage};
use crate::search;
use crate::words::Words;

/// What can be asked for by name.
pub const PARTS: [&str; 6] = ["session", "chats", "writer", "lag", "large", "pages"];
/// Turns of the agent's session.
const TURNS: u64 = 200;
/// Unrelated chats.
const CHATS: u64 = 10_000;
/// Records in a batch of the recorder when they queue up.
const BATCH: usize = 1_000;
/// When a thousand come in a second.
const SOME: usize = 50;
/// When two hundred come in a second.
const FEW: usize = 10;
/// A chat of 4 KiB in all.
const CHAT: Size = Size { request_bytes: 2_048, reply_bytes: 2_048 };

/// How much is done.
pub struct Extent {
    /// Records of each size in the writer's part.
    pub written: u64,
    /// How long the index is watched.
    pub lag_seconds: u64,
    /// Records of the large database.
    pub large: u64,
    /// Records of the database whose pages are asked for.
    pub paged: u64,
}

impl Extent {
    /// Half a minute.
    pub const QUICK: Extent = Extent { written: 10_000, lag_seconds: 10, large: 20_000, paged: 20_000 };
    /// Some minutes.
    pub const FULL: Extent = Extent { written: 50_000, lag_seconds: 90, large: 100_000, paged: 500_000 };
    /// A quarter of an hour.
    pub const MILLION: Extent = Extent { written: 50_000, lag_seconds: 90, large: 1_000_000, paged: 500_000 };
}

/// Does the parts that `wanted` names, or all.
///
/// # Errors
/// The database's.
pub fn run(extent: &Extent, wanted: &dyn Fn(&str) -> bool) -> Result<Results> {
    let words = Words::new();
    let mut results = Results { generated_mb_per_second: generator_speed(&words), ..Results::default() };
    if wanted("session") {
        let storage = stored("agent session of 200 turns", 1, Session::new(&words, TURNS), &mut results)?;
        let grown = storage.share();
        results.goals.push(Goal::at_most("agent session: database growth of raw bytes", "%", 1.0, grown));
        results.storages.push(storage);
    }
    if wanted("chats") {
        let chats = Chats::new(&words, CHAT, CHATS, 1);
        let storage = stored("10,000 unrelated chats of 4 KiB", FEW, chats, &mut results)?;
        let grown = storage.share();
        results.goals.push(Goal::at_most("10,000 chats of 4 KiB: database growth of raw bytes", "%", 60.0, grown));
        results.storages.push(storage);
    }
    if wanted("writer") {
        writer(extent, &words, &mut results)?;
    }
    if wanted("lag") {
        eprintln!("the index behind a thousand records a second, for {} s …", extent.lag_seconds);
        let more = Chats::new(&words, CHAT, 2_000 * extent.lag_seconds, 6);
        incoming::lag(&mut Base::make("lag")?, more, extent.lag_seconds, &mut results)?;
    }
    if wanted("large") {
        let what = "a large database of chats of 4 KiB";
        let (storage, mut base) = kept(what, BATCH, Chats::new(&words, CHAT, extent.large, 2), &mut results)?;
        results.storages.push(storage);
        eprintln!("searching it while records come in …");
        search::measure(&mut base, Chats::new(&words, CHAT, extent.large, 5), &mut results)?;
    }
    if wanted("pages") {
        let what = "a database whose pages are asked for";
        let (_, base) = kept(what, BATCH, Chats::new(&words, CHAT, extent.paged, 2).of_a_day(), &mut results)?;
        eprintln!("asking for its pages …");
        pages::measure(&base.file(), &mut results)?;
    }
    Ok(results)
}

/// Million bytes a second.
fn generator_speed(words: &Words) -> f64 {
    let began = Instant::now();
    let bytes = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
    let chats = Chats::new(words, CHAT, 5_000, 3);
    let made: usize = chats.map(|chat| bytes(&chat.texts.body) + bytes(&chat.texts.response)).sum();
    made as f64 / 1e6 / began.elapsed().as_secs_f64()
}

/// Stores and indexes records, and looks at the file.
fn stored(
    what: &'static str,
    batch_records: usize,
    records: impl Iterator<Item = NewRecord>,
    results: &mut Results,
) -> Result<Storage> {
    Ok(kept(what, batch_records, records, results)?.0)
}

/// The same, and the database with it.
fn kept(
    what: &'static str,
    batch_records: usize,
    records: impl Iterator<Item = NewRecord>,
    results: &mut Results,
) -> Result<(Storage, Base)> {
    eprintln!("{what} …");
    let mut base = Base::make("stored")?;
    base.fill(records, batch_records)?;
    let (records, took) = (base.records, base.took);
    let speed = |how: String, took: Took| Speed { what, how, records, took };
    results.speeds.push(speed(format!("stored, {batch_records} a batch"), took));
    let before_index = base.growth_bytes()?;
    let took = index_all(&base.database)?;
    results.speeds.push(speed("indexed".to_owned(), took));
    let storage = Storage {
        what,
        records,
        raw_bytes: base.raw_bytes,
        grown_bytes: base.growth_bytes()?,
        before_index_bytes: before_index,
        shares: base.shares()?,
    };
    Ok((storage, base))
}

fn writer(extent: &Extent, words: &Words, results: &mut Results) -> Result<()> {
    for (what, bytes, batch_records, goal) in [
        ("1 KiB request, 1 KiB reply", 1_024, BATCH, Some(("writer: records of 1 KiB each way", 10_000.0))),
        ("4 KiB request, 4 KiB reply", 4_096, BATCH, Some(("writer: records of 4 KiB each way", 4_000.0))),
        ("1 KiB request, 1 KiB reply", 1_024, SOME, None),
    ] {
        eprintln!("writer: {what}, {batch_records} a batch …");
        let mut base = Base::make("writer")?;
        let size = Size { request_bytes: bytes, reply_bytes: bytes };
        incoming::indexed(&mut base, |base| base.fill(Chats::new(words, size, extent.written, 4), batch_records))?;
        let per_second = base.records as f64 / base.took.seconds;
        let how = format!("stored, {batch_records} a batch, and indexed behind");
        results.speeds.push(Speed { what, how, records: base.records, took: base.took });
        results.goals.extend(goal.map(|(goal, limit)| Goal::at_least(goal, "/s", limit, per_second)));
    }
    Ok(())
}
