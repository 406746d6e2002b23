//! Records that come before the one they continue, as when two programs write what one client sent them in turn.
//!
//! A record whose history nobody knows leaves a note under the chain of the first exchange in it. The record of that exchange,
//! when it comes at last, finds the note and joins the conversation. Start at [`Thread::awaits`].
//! **Invariant:** a note is found by a whole exchange alone, from its first message to its reply: examples that many requests
//! have in front of their question make no conversation of them. **May import:** nothing.

use crate::db::records::thread::Thread;

impl Thread {
    /// The note that this record leaves if nobody knows its history; `None` when it has none, or names a session.
    pub(super) fn awaits(&self) -> Option<i64> {
        let first = self.boundaries().pop().filter(|_| self.session().is_none())?;
        Some(self.awaiting(first.chain))
    }

    /// The notes under which records that continue this one may have come before it.
    pub(super) fn awaited(&self) -> Vec<i64> {
        if self.session().is_some() {
            return Vec::new();
        }
        self.ends().into_iter().map(|(_, chain)| self.awaiting(chain)).collect()
    }

    fn awaiting(&self, chain: i64) -> i64 {
        self.link(b"awaited", &[&chain.to_le_bytes()])
    }
}
