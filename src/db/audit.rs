//! Who changed what, and who read which request or conversation: the table `audit`.
//!
//! Start at [`add`] and [`page`]. **Invariant:** entries are added and forgotten by age, never changed. **May import:** `error`, diesel.

use diesel::prelude::{ExpressionMethods, Insertable, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper};

use super::Connection;
use super::schema::audit::{self, dsl};
use crate::error::Error;

/// Entries kept.
const KEPT: i64 = 100_000;
/// The longest detail, in characters.
const DETAIL_CHARS: usize = 2_000;

/// What somebody did. No field holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Insertable)]
#[diesel(table_name = audit)]
pub struct NewEntry {
    /// When, µs since 1970.
    pub at_us: i64,
    /// The session or the password, and the address.
    pub who: String,
    /// What was done: `edit`, `read` …
    pub verb: String,
    /// To what kind of thing.
    pub noun: String,
    /// To which of them.
    pub noun_id: Option<i64>,
    /// What changed, in a line per thing.
    pub detail: String,
}

/// An entry as stored.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = audit)]
#[expect(missing_docs, reason = "the fields are those of NewEntry")]
pub struct Entry {
    pub id: i64,
    pub at_us: i64,
    pub who: String,
    pub verb: String,
    pub noun: String,
    pub noun_id: Option<i64>,
    pub detail: String,
}

/// Adds an entry; the oldest go when there are too many.
///
/// # Errors
/// The database's.
pub fn add(conn: &mut Connection, mut entry: NewEntry) -> Result<(), Error> {
    entry.detail = entry.detail.chars().filter(|c| *c != '\0').take(DETAIL_CHARS).collect();
    let id: i64 = diesel::insert_into(audit::table).values(&entry).returning(dsl::id).get_result(conn)?;
    if id % 1_000 == 0 {
        diesel::delete(audit::table.filter(dsl::id.le(id - KEPT))).execute(conn)?;
    }
    Ok(())
}

/// Up to `limit` entries, the newest first: those with an id below `before`, of this kind of thing or of all.
///
/// # Errors
/// The database's.
pub fn page(
    conn: &mut Connection,
    before: Option<i64>,
    noun: Option<(&str, i64)>,
    limit: i64,
) -> Result<Vec<Entry>, Error> {
    let mut wanted = audit::table.filter(dsl::id.lt(before.unwrap_or(i64::MAX))).into_boxed();
    if let Some((noun, id)) = noun {
        wanted = wanted.filter(dsl::noun.eq(noun.to_owned())).filter(dsl::noun_id.eq(id));
    }
    Ok(wanted.order(dsl::id.desc()).limit(limit).select(Entry::as_select()).load(conn)?)
}

#[cfg(test)]
mod tests {
    use crate::db::audit::{NewEntry, add, page};
    use crate::db::testing::Folder;

    #[test]
    fn entries_come_newest_first_page_by_page() {
        let folder = Folder::new();
        let opened = folder.open();
        let conn = &mut opened.database.connect().unwrap();
        for at_us in 1..=5 {
            let entry = NewEntry {
                at_us,
                who: "session 1".into(),
                verb: "edit".into(),
                noun: if at_us == 2 { "price" } else { "upstream" }.into(),
                noun_id: Some(at_us),
                detail: "千".repeat(3_000),
            };
            add(conn, entry).unwrap();
        }
        let first = page(conn, None, None, 3).unwrap();
        assert_eq!(first.iter().map(|entry| entry.at_us).collect::<Vec<_>>(), [5, 4, 3]);
        assert_eq!(first[0].detail.chars().count(), 2_000);
        let rest = page(conn, Some(first[2].id), None, 3).unwrap();
        assert_eq!(rest.iter().map(|entry| entry.at_us).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(page(conn, None, Some(("price", 2)), 3).unwrap().len(), 1);
        assert!(page(conn, None, Some(("upstream", 2)), 3).unwrap().is_empty());
    }
}
