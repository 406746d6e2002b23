//! Narrowing sums by names, as the query language has them: `model:gpt-*`, `-key:a,b`, `upstream:azure`.
//!
//! Start at [`Only::of`]; [`can_narrow`] says which terms can. **Invariant:** a name matches here if and only if it does in a search.
//! **May import:** `error`, `search`, `db` (upstreams' names).

use super::rows::Row;
use crate::db::Connection;
use crate::db::find::upstreams;
use crate::error::Error;
use crate::search::{Clause, NameField, Pattern, What};

/// Whether sums know what this is about: the names of model, upstream and key.
pub fn can_narrow(clause: &Clause) -> bool {
    let known = [NameField::Model, NameField::Upstream, NameField::Key];
    matches!(&clause.what, What::Name { field, .. } if known.contains(field))
}

/// Clauses, and what upstreams are called.
pub(super) struct Only<'a> {
    clauses: &'a [Clause],
    upstreams: Vec<(String, Vec<String>)>,
}

impl<'a> Only<'a> {
    pub(super) fn of(conn: &mut Connection, clauses: &'a [Clause]) -> Result<Only<'a>, Error> {
        let upstreams = if clauses.is_empty() { Vec::new() } else { upstreams(conn)? };
        Ok(Only { clauses, upstreams })
    }

    /// Whether the requests of a row fulfil every clause.
    pub(super) fn has(&self, row: &Row) -> bool {
        self.clauses.iter().all(|clause| match &clause.what {
            What::Name { field, patterns } => {
                let found = match field {
                    NameField::Model => matches(patterns, &row.model),
                    NameField::Key => matches(patterns, &row.key_name),
                    NameField::Upstream => self.is_upstream(patterns, row.upstream_id),
                    _ => false,
                };
                found != clause.negated
            }
            _ => false,
        })
    }

    fn is_upstream(&self, patterns: &[Pattern], id: i64) -> bool {
        let number = id.to_string();
        let names = self.upstreams.iter().find(|(known, _)| *known == number).map(|(_, names)| names.as_slice());
        let named = names.unwrap_or_default().iter().any(|name| matches(patterns, name));
        id != 0 && (matches(patterns, &number) || named)
    }
}

/// What has no name matches nothing.
fn matches(patterns: &[Pattern], name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    !name.is_empty() && patterns.iter().any(|pattern| pattern.matches(&name))
}

#[cfg(test)]
mod tests {
    use diesel::Connection as _;

    use crate::db::rollups::{Filter, Sample, add, can_narrow, totals};
    use crate::db::testing::{Folder, by_hand};
    use crate::search::parse;

    #[test]
    fn sums_are_narrowed_as_a_search_would_be() {
        let folder = Folder::new();
        let opened = folder.open();
        let conn = &mut opened.database.connect().unwrap();
        by_hand(
            &folder.file("db.sqlite"),
            "INSERT INTO openai_upstreams (id, sk, endpoint, name) VALUES (1, 'a', 'https://Azure.example/v1', 'Main')",
        );
        let of = |upstream_id: i64, model, key_name| Sample {
            upstream_id: Some(upstream_id).filter(|id| *id > 0),
            model,
            key_name,
            ..Sample::default()
        };
        let samples =
            [of(1, "GPT-4o", "team"), of(1, "gpt-4o-mini", "crew"), of(2, "claude", "team"), of(0, "", "team")];
        conn.transaction(|conn| add(conn, &samples)).unwrap();
        for (query, count) in [
            ("", 4),
            ("model:gpt-4o", 1),
            ("model:gpt-*", 2),
            ("model:*", 3),
            ("-model:*", 1),
            ("-model:gpt-4o,claude", 2),
            ("upstream:main", 2),
            ("upstream:azure.example,2", 3),
            ("-upstream:main", 2),
            ("key:team -model:claude upstream:1", 1),
        ] {
            let only = parse(query).unwrap().clauses;
            assert!(only.iter().all(can_narrow), "{query}");
            let filter = Filter { only, ..Filter::default() };
            assert_eq!(totals(conn, 0, 1, &filter).unwrap().requests, count, "{query}");
        }
        for query in ["status:200", "word", "host:a", "is:error"] {
            assert!(!parse(query).unwrap().clauses.iter().all(can_narrow), "{query}");
        }
    }
}
