//! Why a list is empty, and what would help. Start at [`look`], then [`Empty::of`].
//!
//! **Invariant:** every count has been counted within the search's time. **May import:** `state`, `db`, `search`.

use crate::dashboard::pages::query::ask::Ask;
use crate::dashboard::pages::query::scope::Scope;
use crate::dashboard::shown;
use crate::dashboard::visit::Visit;
use crate::db::PooledConnection;
use crate::db::find::{COUNT_CAP, Cursor, Search, find};
use crate::db::records::newest_id;
use crate::error::Error;
use crate::roster::Recording;
use crate::search::Query;

/// Clauses of which it is told what would be there without them.
const HINTS: usize = 6;

/// What is known of an empty list.
pub(in crate::dashboard::pages) struct Hints {
    nothing_ever: bool,
    /// How many requests there are in this time.
    whole: u32,
    /// How many would match without a clause.
    without: Vec<(usize, u32)>,
}

/// What an empty list says.
pub(in crate::dashboard::pages) struct Empty {
    pub(in crate::dashboard::pages) nothing_ever: bool,
    /// Nothing is being recorded.
    pub(in crate::dashboard::pages) off: bool,
    pub(in crate::dashboard::pages) whole: String,
    /// A term, the list without it, and how many requests are in that.
    pub(in crate::dashboard::pages) without: Vec<(String, String, String)>,
    /// The same in all times, if that is not what was looked at.
    pub(in crate::dashboard::pages) longer: Option<String>,
}

/// How many there would be otherwise.
///
/// # Errors
/// The database's.
pub(in crate::dashboard::pages) fn look(connection: &mut PooledConnection, search: &Search) -> Result<Hints, Error> {
    let mut count = |query: Query| {
        find(connection, &Search { query, ..search.clone() }, Cursor::Newest, 1).map(|found| found.count)
    };
    let whole = count(Query::default())?;
    let clauses = search.query.clauses.len();
    let mut without = Vec::new();
    for index in (0..clauses.min(HINTS)).filter(|_| whole > 0) {
        without.push((index, if clauses == 1 { whole } else { count(search.query.without(index))? }));
    }
    Ok(Hints { nothing_ever: newest_id(connection)? == 0, whole, without })
}

impl Empty {
    /// What the list of this scope says.
    pub(in crate::dashboard::pages) fn of(visit: &Visit, scope: &Scope, ask: &Ask, hints: &Hints) -> Empty {
        let hint = |(index, count): &(usize, u32)| {
            let chip = ask.chips.get(*index).filter(|_| *count > 0)?;
            Some((chip.text.clone(), chip.without.clone(), counted(*count)))
        };
        Empty {
            nothing_ever: hints.nothing_ever,
            off: visit.state.roster.load().settings.recording == Recording::Off,
            whole: counted(hints.whole),
            without: hints.without.iter().filter_map(hint).collect(),
            longer: (!scope.is_of_all_times()).then(|| scope.of_all_times()),
        }
    }
}

/// A number of matches, as far as they are counted.
pub(in crate::dashboard::pages) fn counted(count: u32) -> String {
    if count >= COUNT_CAP { "10,000+".to_owned() } else { shown::exact(i64::from(count)) }
}
