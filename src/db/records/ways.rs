//! The links by which a record is found, and finds others. Start at [`Ways::of`].
//!
//! Records may come before the one they continue, as when two programs write what one client sent them in turn. A record whose
//! history nobody knows leaves a note under the chain of the first exchange in it. The record of that exchange, when it comes at
//! last, finds the note and joins the conversation.
//! **Invariant:** a note is found by a whole exchange alone, from its first message to its reply: examples that many requests
//! have in front of their question make no conversation of them. **May import:** nothing.

use crate::db::records::thread::{Boundary, Thread};

/// Boundaries looked for with everything else; those before them only when these lead nowhere.
const NEAR: usize = 2;

/// The links of one record, each told once.
#[derive(Default)]
pub(super) struct Ways {
    /// Of the session that the caller names.
    pub(super) session: Option<i64>,
    /// Of the response that the caller continues.
    pub(super) continued: Option<i64>,
    /// Of the same question, asked before; only for dialogues.
    pub(super) asked: Option<i64>,
    /// Where the caller may have taken over an earlier reply, the latest first; only for dialogues.
    pub(super) boundaries: Vec<Boundary>,
    /// Those under which the next record will find this one, each with its chain; only for dialogues.
    pub(super) ends: Vec<(i64, i64)>,
    /// Of notes under which records that continue this one may have come before it.
    pub(super) awaited: Vec<i64>,
    /// Of the note that this record leaves if nobody knows its history; `None` when it has none, or names a session.
    pub(super) awaits: Option<i64>,
}

impl Ways {
    pub(super) fn of(thread: &Thread) -> Ways {
        let (session, continued) = (thread.session(), thread.continued());
        if !thread.is_dialogue {
            return Ways { session, continued, ..Ways::default() };
        }
        let (boundaries, ends) = (thread.boundaries(), thread.ends());
        let waits = session.is_none();
        let awaits = boundaries.last().filter(|_| waits).map(|first| awaiting(thread, first.chain));
        let awaited = ends.iter().filter(|_| waits).map(|(_, chain)| awaiting(thread, *chain)).collect();
        Ways { session, continued, asked: thread.asked().map(seldom), boundaries, ends, awaited, awaits }
    }

    /// What is likely to be looked for.
    pub(super) fn likely(&self) -> impl Iterator<Item = i64> {
        let near = self.boundaries.iter().take(NEAR).map(|boundary| boundary.link);
        let single = [self.session, self.continued, self.asked, self.awaits].into_iter().flatten();
        single.chain(near).chain(self.awaited.iter().copied())
    }
}

/// The link of a note left by a record in whose history this chain comes first.
fn awaiting(thread: &Thread, chain: i64) -> i64 {
    seldom(thread.link(b"awaited", &[&chain.to_le_bytes()]))
}

/// A link that every record looks for and few have: those lie side by side, so that to find nothing is to look at few pages.
fn seldom(link: i64) -> i64 {
    link | 0x7f << 56
}
