//! Who changed what, and who read which request or conversation: the table `audit`.
//!
//! Start at [`add`] and [`page`]. **Invariant:** entries are added and forgotten by age, never changed. **May import:** `error`, diesel.

use diesel::Connection as _;
use diesel::prelude::{
    BoolExpressionMethods, ExpressionMethods, Insertable, JoinOnDsl, NullableExpressionMethods, QueryDsl, Queryable,
    RunQueryDsl, Selectable, SelectableHelper,
};

use super::Connection;
use super::schema::audit::{self, dsl};
use super::schema::audit_things::{self, dsl as things};
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

/// One of several things that an entry is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thing {
    /// What kind of thing.
    pub noun: &'static str,
    /// Which of them.
    pub id: i64,
    /// What changed of it. Holds no secret.
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

/// Adds an entry, with what it says of each thing when it is about several; the oldest go when there are too many.
///
/// # Errors
/// The database's.
pub fn add(conn: &mut Connection, mut entry: NewEntry, about: &[Thing]) -> Result<(), Error> {
    entry.detail = kept(&entry.detail);
    conn.transaction(|conn| {
        let id: i64 = diesel::insert_into(audit::table).values(&entry).returning(dsl::id).get_result(conn)?;
        for thing in about {
            let row = (
                things::audit_id.eq(id),
                things::noun.eq(thing.noun),
                things::noun_id.eq(thing.id),
                things::detail.eq(kept(&thing.detail)),
            );
            diesel::insert_into(audit_things::table).values(row).execute(conn)?;
        }
        if id % 1_000 == 0 {
            diesel::delete(audit::table.filter(dsl::id.le(id - KEPT))).execute(conn)?;
            diesel::delete(audit_things::table.filter(things::audit_id.le(id - KEPT))).execute(conn)?;
        }
        Ok(())
    })
}

fn kept(detail: &str) -> String {
    detail.chars().filter(|c| *c != '\0').take(DETAIL_CHARS).collect()
}

/// Up to `limit` entries, the newest first: those with an id below `before`, of one thing or of all. Of an entry about
/// several things that one's part is given.
///
/// # Errors
/// The database's.
pub fn page(
    conn: &mut Connection,
    before: Option<i64>,
    of: Option<(&str, i64)>,
    limit: i64,
) -> Result<Vec<Entry>, Error> {
    let newest = audit::table.filter(dsl::id.lt(before.unwrap_or(i64::MAX))).order(dsl::id.desc()).limit(limit);
    let Some((noun, id)) = of else { return Ok(newest.select(Entry::as_select()).load(conn)?) };
    let part = things::audit_id.eq(dsl::id).and(things::noun.eq(noun)).and(things::noun_id.eq(id));
    let alone = dsl::noun.eq(noun).and(dsl::noun_id.eq(id)).assume_not_null();
    let found: Vec<(Entry, Option<String>)> = newest
        .left_join(audit_things::table.on(part))
        .filter(things::audit_id.nullable().is_not_null().or(alone))
        .select((Entry::as_select(), things::detail.nullable()))
        .load(conn)?;
    Ok(found.into_iter().map(|(entry, detail)| Entry { detail: detail.unwrap_or(entry.detail), ..entry }).collect())
}

#[cfg(test)]
mod tests {
    use crate::db::audit::{NewEntry, Thing, add, page};
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
            add(conn, entry, &[]).unwrap();
        }
        let first = page(conn, None, None, 3).unwrap();
        assert_eq!(first.iter().map(|entry| entry.at_us).collect::<Vec<_>>(), [5, 4, 3]);
        assert_eq!(first[0].detail.chars().count(), 2_000);
        let rest = page(conn, Some(first[2].id), None, 3).unwrap();
        assert_eq!(rest.iter().map(|entry| entry.at_us).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(page(conn, None, Some(("price", 2)), 3).unwrap().len(), 1);
        assert!(page(conn, None, Some(("upstream", 2)), 3).unwrap().is_empty());
    }

    #[test]
    fn an_entry_about_several_things_is_found_under_each_with_its_part() {
        let folder = Folder::new();
        let opened = folder.open();
        let conn = &mut opened.database.connect().unwrap();
        let entry = |noun_id| NewEntry {
            at_us: 1,
            who: "session 1".into(),
            verb: "edit".into(),
            noun: "upstream".into(),
            noun_id,
            detail: "all of it".into(),
        };
        let part = |id: i64| Thing { noun: "upstream", id, detail: format!("of {id}") };
        add(conn, entry(None), &[part(7), part(8)]).unwrap();
        add(conn, entry(Some(7)), &[]).unwrap();
        let mut details =
            |of| -> Vec<String> { page(conn, None, of, 9).unwrap().into_iter().map(|entry| entry.detail).collect() };
        assert_eq!(details(Some(("upstream", 7))), ["all of it", "of 7"]);
        assert_eq!(details(Some(("upstream", 8))), ["of 8"]);
        assert!(details(Some(("price", 8))).is_empty() && details(Some(("upstream", 9))).is_empty());
        assert_eq!(details(None), ["all of it", "all of it"]);
    }
}
