//! The upstreams' table, `openai_upstreams`, which people also edit by hand.
//!
//! Start at [`list`]. A removed upstream keeps its row, because records name it.
//! **Invariant:** nothing here judges a value: a row that makes no sense is the roster's to report. No `Debug` prints a secret.
//! **May import:** `error`, chrono, diesel.

use std::fmt;

use chrono::Utc;
use diesel::Connection as _;
use diesel::dsl::{max, sql};
use diesel::expression::SqlLiteral;
use diesel::prelude::{
    AsChangeset, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};
use diesel::sql_types::{Nullable, Text};

use super::Connection;
use super::schema::openai_upstreams::{self, dsl};
use super::times::{self, AnyTime};
use crate::error::Error;

/// One upstream as stored.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = openai_upstreams)]
pub struct UpstreamRow {
    /// Never given twice.
    pub id: i64,
    /// The secret key, or `asis` to pass the caller's own; may be empty when none is sent.
    pub sk: String,
    /// Base URL.
    pub endpoint: String,
    /// Replies so far.
    pub success_count: i64,
    /// Failures so far.
    pub failed_count: i64,
    /// When it last replied, µs since 1970; none when never, or when the column holds no time.
    #[diesel(select_expression = sql::<Nullable<Text>>("CAST(last_call_success_time AS TEXT)"))]
    #[diesel(select_expression_type = SqlLiteral<Nullable<Text>>)]
    #[diesel(deserialize_as = AnyTime)]
    pub last_call_success_us: Option<i64>,
    /// What people call it.
    pub name: String,
    /// Whether the operator wants it used.
    pub enabled: bool,
    /// Tier: lower ones are tried first.
    pub priority: i64,
    /// Place within the tier, for policy `order`.
    pub position: i64,
    /// Share of the work, for policy `weighted`.
    pub weight: i64,
    /// Models it may serve, comma-separated; empty means all.
    pub allow_models: String,
    /// Models it may not serve, comma-separated.
    pub deny_models: String,
    /// Names of the client keys it serves, comma-separated; empty means all.
    pub allow_keys: String,
    /// Request headers passed on although they normally stay here, comma-separated.
    pub keep_header: String,
    /// Time to a connection; none means the setting's.
    pub connect_timeout_ms: Option<i64>,
    /// Time to the reply's first byte; none means the setting's.
    pub first_byte_timeout_ms: Option<i64>,
    /// Time to a stream's first content; none means the setting's.
    pub first_content_timeout_ms: Option<i64>,
    /// Longest silence between two bytes; none means the setting's.
    pub idle_timeout_ms: Option<i64>,
    /// How much is recorded of what it answers: `off`, `metadata` or `full`; empty means as the setting says.
    pub recording: String,
    /// What it is sent besides the caller's headers, `Name: value` a line. Values are secrets.
    pub extra_headers: String,
    /// What models are called there, `asked = sent`, by lines or commas.
    pub model_map: String,
    /// What connections to it go through, an address with a login; empty for nothing.
    pub proxy: String,
    /// How the key is sent: `bearer`, `api-key`, `x-api-key`, `none`.
    pub auth: String,
}

/// Prints no sk, no header and no proxy.
impl fmt::Debug for UpstreamRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UpstreamRow { id, endpoint, name, enabled, priority, .. } = self;
        write!(
            f,
            "UpstreamRow {{ id: {id}, endpoint: {endpoint:?}, name: {name:?}, enabled: {enabled}, priority: {priority}, .. }}"
        )
    }
}

/// An upstream to be added. [`NewUpstream::new`] fills in the columns' defaults; the fields are [`UpstreamRow`]'s.
#[derive(Clone, Insertable)]
#[diesel(table_name = openai_upstreams, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "the fields are those of UpstreamRow")]
pub struct NewUpstream {
    pub sk: String,
    pub endpoint: String,
    pub name: String,
    pub enabled: bool,
    pub priority: i64,
    /// None for the last place.
    #[diesel(skip_insertion)]
    pub position: Option<i64>,
    pub weight: i64,
    pub allow_models: String,
    pub deny_models: String,
    pub allow_keys: String,
    pub keep_header: String,
    pub connect_timeout_ms: Option<i64>,
    pub first_byte_timeout_ms: Option<i64>,
    pub first_content_timeout_ms: Option<i64>,
    pub idle_timeout_ms: Option<i64>,
    pub recording: String,
    pub extra_headers: String,
    pub model_map: String,
    pub proxy: String,
    pub auth: String,
}

impl NewUpstream {
    /// An upstream of which only the two things are said that have no default.
    pub fn new(sk: impl Into<String>, endpoint: impl Into<String>) -> NewUpstream {
        NewUpstream {
            sk: sk.into(),
            endpoint: endpoint.into(),
            name: String::new(),
            enabled: true,
            priority: 0,
            position: None,
            weight: 1,
            allow_models: String::new(),
            deny_models: String::new(),
            allow_keys: String::new(),
            keep_header: String::new(),
            connect_timeout_ms: None,
            first_byte_timeout_ms: None,
            first_content_timeout_ms: None,
            idle_timeout_ms: None,
            recording: String::new(),
            extra_headers: String::new(),
            model_map: String::new(),
            proxy: String::new(),
            auth: "bearer".to_owned(),
        }
    }
}

/// An edit: what is `None` stays. The inner option of a time-out is the column's own; the fields are [`UpstreamRow`]'s.
#[derive(Clone, Default, AsChangeset)]
#[diesel(table_name = openai_upstreams)]
#[expect(missing_docs, reason = "the fields are those of UpstreamRow")]
pub struct UpstreamChange {
    pub sk: Option<String>,
    pub endpoint: Option<String>,
    pub success_count: Option<i64>,
    pub failed_count: Option<i64>,
    pub name: Option<String>,
    pub enabled: Option<bool>,
    pub priority: Option<i64>,
    pub position: Option<i64>,
    pub weight: Option<i64>,
    pub allow_models: Option<String>,
    pub deny_models: Option<String>,
    pub allow_keys: Option<String>,
    pub keep_header: Option<String>,
    pub connect_timeout_ms: Option<Option<i64>>,
    pub first_byte_timeout_ms: Option<Option<i64>>,
    pub first_content_timeout_ms: Option<Option<i64>>,
    pub idle_timeout_ms: Option<Option<i64>>,
    pub recording: Option<String>,
    pub extra_headers: Option<String>,
    pub model_map: Option<String>,
    pub proxy: Option<String>,
    pub auth: Option<String>,
}

/// Calls of one upstream since the last count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calls {
    /// The upstream.
    pub upstream_id: i64,
    /// Replies to add.
    pub successes: i64,
    /// Failures to add.
    pub failures: i64,
    /// When the last reply came, µs since 1970, if one did.
    pub last_success_us: Option<i64>,
}

/// The upstreams that are not removed, by id.
pub fn list(conn: &mut Connection) -> Result<Vec<UpstreamRow>, Error> {
    let live = openai_upstreams::table.filter(dsl::deleted_at.is_null()).order(dsl::id.asc());
    Ok(live.select(UpstreamRow::as_select()).load(conn)?)
}

/// Every upstream there is or was, by id: its name, and its endpoint for when it has none.
pub fn names(conn: &mut Connection) -> Result<Vec<(i64, String, String)>, Error> {
    let all = openai_upstreams::table.order(dsl::id.asc());
    Ok(all.select((dsl::id, dsl::name, dsl::endpoint)).load(conn)?)
}

/// One upstream, unless it was removed.
pub fn find(conn: &mut Connection, id: i64) -> Result<Option<UpstreamRow>, Error> {
    let live = openai_upstreams::table.find(id).filter(dsl::deleted_at.is_null());
    Ok(live.select(UpstreamRow::as_select()).first(conn).optional()?)
}

/// The place behind all upstreams that there are.
pub fn last_position(conn: &mut Connection) -> Result<i64, Error> {
    let live = openai_upstreams::table.filter(dsl::deleted_at.is_null());
    let last: Option<i64> = live.select(max(dsl::position)).first(conn)?;
    Ok(last.unwrap_or(0).saturating_add(1))
}

/// Adds an upstream; without a position of its own behind the others.
///
/// # Errors
/// [`Error::Duplicate`] when one with this sk and endpoint is there already and not removed.
pub fn insert(conn: &mut Connection, upstream: &NewUpstream) -> Result<UpstreamRow, Error> {
    let position = upstream.position.map_or_else(|| last_position(conn), Ok)?;
    let values = (upstream, dsl::position.eq(position));
    let id: i64 = diesel::insert_into(openai_upstreams::table).values(values).returning(dsl::id).get_result(conn)?;
    find(conn, id)?.ok_or(Error::NotFound)
}

/// Edits an upstream and gives what it has become.
///
/// # Errors
/// [`Error::NotFound`] when there is none or it was removed; [`Error::Duplicate`] as for [`insert`].
pub fn update(conn: &mut Connection, id: i64, change: &UpstreamChange) -> Result<UpstreamRow, Error> {
    let live = openai_upstreams::table.find(id).filter(dsl::deleted_at.is_null());
    diesel::update(live).set((dsl::updated_at.eq(Utc::now().naive_utc()), change)).execute(conn)?;
    find(conn, id)?.ok_or(Error::NotFound)
}

/// Edits an upstream only while it is what the editor saw; otherwise gives what it is now, unchanged, as `Err`.
///
/// # Errors
/// As for [`update`].
pub fn update_if(
    conn: &mut Connection,
    id: i64,
    is_as_seen: impl FnOnce(&UpstreamRow) -> bool,
    change: &UpstreamChange,
) -> Result<Result<UpstreamRow, Box<UpstreamRow>>, Error> {
    conn.transaction(|conn| {
        // A write that changes nothing comes first: from then on nobody else edits the row until the end.
        diesel::update(openai_upstreams::table.find(id)).set(dsl::name.eq(dsl::name)).execute(conn)?;
        let now = find(conn, id)?.ok_or(Error::NotFound)?;
        if is_as_seen(&now) { update(conn, id, change).map(Ok) } else { Ok(Err(Box::new(now))) }
    })
}

/// Gives each of these upstreams its tier and its place there, all at once: (id, priority, position).
pub fn reorder(conn: &mut Connection, places: &[(i64, i64, i64)]) -> Result<(), Error> {
    conn.transaction(|conn| {
        for (id, priority, position) in places {
            let places = (dsl::priority.eq(priority), dsl::position.eq(position));
            diesel::update(openai_upstreams::table.find(id)).set(places).execute(conn)?;
        }
        Ok(())
    })
}

/// Removes an upstream; its row stays for the records that name it.
///
/// # Errors
/// [`Error::NotFound`] when there is none or it was removed before.
pub fn remove(conn: &mut Connection, id: i64) -> Result<(), Error> {
    let live = openai_upstreams::table.find(id).filter(dsl::deleted_at.is_null());
    match diesel::update(live).set(dsl::deleted_at.eq(Utc::now().naive_utc())).execute(conn)? {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}

/// Adds to the counters, in one transaction; an upstream that is gone is passed over.
pub fn count_calls(conn: &mut Connection, calls: &[Calls]) -> Result<(), Error> {
    // In order of id, so that two replicas never wait for each other's rows crosswise.
    let mut calls = calls.to_vec();
    calls.sort_unstable_by_key(|calls| calls.upstream_id);
    conn.transaction(|conn| {
        for Calls { upstream_id, successes, failures, last_success_us } in calls {
            let row = openai_upstreams::table.find(upstream_id);
            let counts = (
                dsl::success_count.eq(dsl::success_count + successes),
                dsl::failed_count.eq(dsl::failed_count + failures),
            );
            let last = last_success_us.and_then(times::timestamp).map(|time| dsl::last_call_success_time.eq(time));
            diesel::update(row).set((counts, last)).execute(conn)?;
        }
        Ok(())
    })
}
