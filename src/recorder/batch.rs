//! The rows that are to be stored next, with what was charged for them and who waits for them.
//!
//! **Invariant:** a row leaves from the front, and with it its charge and its hold. **May import:** `db` (the row's shape), `openai`.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::db::pace::step;
use crate::db::records::NewRecord;
use crate::openai::redact::Redaction;
use crate::recorder::draft::{Draft, Hold};
use crate::recorder::redact::finish_redacted;
use crate::recorder::{Budget, Recorder};
use crate::usage::prices::PriceBook;

/// Rows in one transaction, at most.
pub(super) const BATCH_ROWS: usize = 1000;
/// Bytes of bodies in one transaction, about.
pub(super) const BATCH_BYTES: usize = 16 << 20;

/// See the module.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) rows: Vec<NewRecord>,
    charged: Vec<usize>,
    holds: Vec<Option<Hold>>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A reply waits for one of the rows.
    pub(super) fn is_awaited(&self) -> bool {
        self.holds.iter().any(Option::is_some)
    }

    /// Makes rows of the next drafts.
    pub(super) fn fill(
        &mut self,
        drafts: &mut VecDeque<Draft>,
        recorder: &Recorder,
        prices: &PriceBook,
        redaction: &Redaction,
    ) {
        let mut bytes = 0;
        while self.rows.len() < BATCH_ROWS && bytes < BATCH_BYTES {
            let Some(mut draft) = drafts.pop_front() else { break };
            step();
            let (charged, hold) = (draft.charged_bytes, draft.hold.take());
            // A body that our own reading of it stumbles over must not end the recording of all others.
            let Ok(row) = catch_unwind(AssertUnwindSafe(|| finish_redacted(draft, prices, redaction))) else {
                recorder.budget.give_back(charged);
                recorder.counts.lose("it cannot be read");
                continue;
            };
            bytes += row.texts.body.as_ref().map_or(0, Vec::len) + row.texts.response.as_ref().map_or(0, Vec::len);
            self.rows.push(row);
            self.charged.push(charged);
            self.holds.push(hold);
        }
    }

    /// The first `count` rows are kept elsewhere now.
    pub(super) fn settle(&mut self, count: usize, budget: &Budget) -> Vec<NewRecord> {
        self.holds.drain(..count);
        budget.give_back(self.charged.drain(..count).sum());
        let others = self.rows.split_off(count);
        std::mem::replace(&mut self.rows, others)
    }

    /// Nobody waits any more.
    pub(super) fn release(&mut self) {
        self.holds.iter_mut().for_each(|hold| *hold = None);
    }
}
