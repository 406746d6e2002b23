//! Requests and conversations over the admin API: found by a query, shown whole, streamed as they come, exported, removed.
//!
//! | file | what it does |
//! |---|---|
//! | `asked` | parameters become a question that cannot be wrong |
//! | `list`, `conversations` | pages of what matches |
//! | `one` | one record: everything, its body, its reply; removing it |
//! | `live` | what matches, as it comes |
//! | `export` | everything that matches, as a file |
//!
//! **Invariant:** nothing that cannot be understood is left out in silence. **May import:** `state`, `db`, `search`, `openai`.

pub(super) mod asked;
pub mod conversations;
pub mod export;
pub mod list;
pub mod live;
pub mod one;
