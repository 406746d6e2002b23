//! The query in the address of a page: its box, its time, what an empty list tells. Start at [`ask::Ask`].
//!
//! | file | what it does |
//! |---|---|
//! | `scope` | which requests, as the address says it, and the addresses of others |
//! | `ask` | the box: what was typed, its terms, what is wrong, the help beside it |
//! | `empty` | why there is nothing, and what would help |
//!
//! **Invariant:** every list with a query has this box and no other. **May import:** `state`, `db`, `search`.

pub(super) mod ask;
pub(super) mod empty;
pub(super) mod scope;
