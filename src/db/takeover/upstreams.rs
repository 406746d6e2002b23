//! The original's upstreams. Start at [`copy`].
//!
//! **Invariant:** ids and removals survive; no two live upstreams have the same key and endpoint afterwards.
//! **May import:** diesel.

use std::collections::{HashMap, HashSet};

use diesel::SqliteConnection;
use diesel::prelude::{QueryableByName, RunQueryDsl};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::TakenOver;
use crate::db::sqlite;
use crate::db::times;

#[derive(QueryableByName)]
struct Original {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Bool)]
    removed: bool,
    #[diesel(sql_type = Text)]
    sk: String,
    #[diesel(sql_type = Text)]
    endpoint: String,
    #[diesel(sql_type = Nullable<Text>)]
    last_success: Option<String>,
}

/// Upstream ids by the endpoint and sk that the original's records name.
#[derive(Default)]
pub(super) struct Pairs(HashMap<(String, String), i64>);

impl Pairs {
    /// The upstream that had this endpoint and sk.
    pub(super) fn id(&self, endpoint: &str, sk: &str) -> Option<i64> {
        self.0.get(&(endpoint.to_owned(), sk.to_owned())).copied()
    }
}

/// Copies `original_openai_upstreams`.
pub(super) fn copy(conn: &mut SqliteConnection, taken: &mut TakenOver) -> QueryResult<Pairs> {
    let columns = sqlite::columns(conn, "original_openai_upstreams")?;
    let column = |name: &str, otherwise: &str| {
        if columns.iter().any(|column| column == name) { name.to_owned() } else { otherwise.to_owned() }
    };
    let (created, updated) = (column("created_at", "NULL"), column("updated_at", "NULL"));
    let (deleted, last) = (column("deleted_at", "NULL"), column("last_call_success_time", "NULL"));
    let rows: Vec<Original> = diesel::sql_query(format!(
        "SELECT rowid AS id, {deleted} IS NOT NULL AS removed, CAST(ifnull(sk, '') AS TEXT) AS sk, \
         CAST(ifnull(endpoint, '') AS TEXT) AS endpoint, CAST({last} AS TEXT) AS last_success \
         FROM original_openai_upstreams ORDER BY rowid"
    ))
    .load(conn)?;
    taken.upstreams = rows.len();
    let mut pairs = Pairs::default();
    let mut live = HashSet::new();
    for row in rows {
        let endpoint = with_v1(&row.endpoint);
        let double = !row.removed && !live.insert((endpoint.clone(), row.sk.clone()));
        let last_success =
            row.last_success.as_deref().and_then(times::micros).and_then(times::timestamp).map(|time| time.to_string());
        diesel::sql_query(format!(
            "INSERT INTO openai_upstreams (id, created_at, updated_at, deleted_at, sk, endpoint, success_count, failed_count, last_call_success_time) \
             SELECT rowid, {created}, {updated}, CASE WHEN ? THEN CURRENT_TIMESTAMP ELSE {deleted} END, ?, ?, \
             CAST(ifnull({}, 0) AS INTEGER), CAST(ifnull({}, 0) AS INTEGER), ? FROM original_openai_upstreams WHERE rowid = ?",
            column("success_count", "0"),
            column("failed_count", "0"),
        ))
        .bind::<Bool, _>(double)
        .bind::<Text, _>(&row.sk)
        .bind::<Text, _>(&endpoint)
        .bind::<Nullable<Text>, _>(last_success)
        .bind::<BigInt, _>(row.id)
        .execute(conn)?;
        if double {
            taken.doubles_removed.push((row.id, endpoint.clone()));
        }
        if endpoint != row.endpoint && !row.removed {
            taken.endpoints_changed.push((row.endpoint.clone(), endpoint));
        }
        pairs.0.entry((row.endpoint, row.sk)).or_insert(row.id);
    }
    Ok(pairs)
}

/// The endpoint as the original used it: scheme and host, and then `/v1`. What is no URL stays as it is, for the roster to report.
fn with_v1(endpoint: &str) -> String {
    let Some((scheme, rest)) = endpoint.split_once("://") else { return endpoint.to_owned() };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() { endpoint.to_owned() } else { format!("{scheme}://{host}/v1") }
}

#[cfg(test)]
mod tests {
    use super::with_v1;

    #[test]
    fn an_endpoint_gets_the_path_that_the_original_used() {
        assert_eq!(with_v1("https://api.openai.com/v1"), "https://api.openai.com/v1");
        assert_eq!(with_v1("https://api.openai.com"), "https://api.openai.com/v1");
        assert_eq!(with_v1("http://localhost:8080/openai/v2?x=/y"), "http://localhost:8080/v1");
        assert_eq!(with_v1("api.openai.com"), "api.openai.com");
        assert_eq!(with_v1(""), "");
    }
}
