//! Searching a large database while records come in. Start at [`measure`].
//!
//! Each question is asked several times; its median counts.

use std::time::{Duration, Instant};

use openai_api_route::db::Connection;
use openai_api_route::db::find::{Cursor, Search, facets, find, histogram};
use openai_api_route::db::records::NewRecord;
use openai_api_route::search::parse;
use openai_api_route::search::segment::Name;

use crate::Result;
use crate::base::Base;
use crate::incoming::meanwhile;
use crate::results::{Goal, Results};

/// Records a second that come in meanwhile.
const INCOMING: u64 = 500;
/// How often each question is asked.
const TIMES: usize = 9;
/// Rows of a page.
const PAGE: usize = 50;

/// Questions: what they are about, the query, and how many ms they may take.
const QUESTIONS: [(&str, &str, f64); 22] = [
    ("everything", "", 50.0),
    ("filter: a model", "model:gpt-4o*", 50.0),
    ("filter: a rare status", "status:502", 50.0),
    ("filter: failures", "is:error", 50.0),
    ("filter: slow ones", "total:>30s", 50.0),
    ("filter: first content", "ttft:>5s", 50.0),
    ("filter: many tokens", "tokens:>100k", 50.0),
    ("filter: speed", "tps:>500", 50.0),
    ("filter: cost", "cost:>0.5", 50.0),
    ("filter: attempts", "attempts:>2", 50.0),
    ("filter: a network", "ip:10.0.0.0/28", 50.0),
    ("filter: a tool", "tool:*", 50.0),
    ("filter: three at once", "is:stream -status:200 model:gpt*", 50.0),
    ("filter: nothing matches", "key:nobody", 50.0),
    ("a word, 1,000 hits", "quetzal", 100.0),
    ("a word, 37 hits", "xylophone", 100.0),
    ("two Chinese characters, 500 hits", "修复", 100.0),
    ("a frequent beginning, newest 50", "a", 100.0),
    ("two frequent words", "sa ta", 200.0),
    ("a word and a frequent one", "quetzal s", 200.0),
    ("a phrase, 300 hits", "\"onyx quartz axiom\"", 200.0),
    ("a word of one side", "assistant:quetzal", 200.0),
];

/// Asks everything of `base`, whose records `more` goes on with.
///
/// # Errors
/// The database's.
pub fn measure(base: &mut Base, more: impl Iterator<Item = NewRecord> + Send, results: &mut Results) -> Result<()> {
    meanwhile(base, more, INCOMING, |conn| asked(conn, results))
}

fn search(query: &str) -> Result<Search> {
    let query = parse(query).map_err(|error| error.mistake.to_string())?;
    Ok(Search { query, from_us: None, to_us: None, deadline: Instant::now() + Duration::from_secs(60) })
}

/// The median of several times, in ms.
fn timed<T>(mut ask: impl FnMut() -> Result<T>) -> Result<f64> {
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let began = Instant::now();
        ask()?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[TIMES / 2])
}

fn asked(conn: &mut Connection, results: &mut Results) -> Result<()> {
    for (what, query, limit) in QUESTIONS {
        let asked = search(query)?;
        let took = timed(|| Ok(find(conn, &asked, Cursor::Newest, PAGE)?))?;
        results.goals.push(Goal::at_most(what, "ms", limit, took));
    }
    let all = search("status:200")?;
    let mut cursor = Cursor::Newest;
    for _ in 0..49 {
        let page = find(conn, &all, cursor, PAGE)?;
        cursor = page.rows.last().map_or(cursor, |row| Cursor::Before(row.id));
    }
    let took = timed(|| Ok(find(conn, &all, cursor, PAGE)?))?;
    results.goals.push(Goal::at_most("page 50 of a filter", "ms", 50.0, took));
    for (what, name) in [("facets: models", Name::Model), ("facets: addresses", Name::Ip)] {
        let all = search("")?;
        let took = timed(|| Ok(facets(conn, &all, name, 200)?))?;
        results.goals.push(Goal::at_most(what, "ms", 50.0, took));
    }
    let took = timed(|| Ok(histogram(conn, &search("is:error")?, 0, 86_400_000_000)?))?;
    results.goals.push(Goal::at_most("a filter over time", "ms", 200.0, took));
    Ok(())
}
