//! The table of prices, `prices`, which people also edit by hand.
//!
//! Start at [`list`]. A new database is filled once from [`crate::usage::start_prices`]; what is removed afterwards stays removed.
//! **Invariant:** nothing here judges a price. **May import:** `error`, `usage`, chrono, diesel.

use chrono::Utc;
use diesel::prelude::{
    AsChangeset, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};

use super::schema::prices::{self, dsl};
use super::schema::start_tables;
use super::{Connection, settings};
use crate::error::Error;
use crate::usage::prices::Price;
use crate::usage::start_prices::{PRICES_AS_OF, PRICES_AS_OF_US, start_prices};

/// This table in `start_tables`.
const NAME: &str = "prices";

/// One row. Prices are pico-dollars per token, which is the same number as micro-dollars per million tokens.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = prices)]
pub struct PriceRow {
    /// Never given twice.
    pub id: i64,
    /// A model's name, or a pattern with `*`.
    pub pattern: String,
    /// Of a token of the prompt.
    pub input_pico: i64,
    /// Of a token of the prompt that came from a cache; none means as any other.
    pub cached_pico: Option<i64>,
    /// Of a token of the answer.
    pub output_pico: i64,
    /// When it was last edited through us, or the date of the start table, µs since 1970; 0 = by hand.
    pub updated_us: i64,
}

/// A price to be added; the fields are [`PriceRow`]'s.
#[derive(Clone, Debug, PartialEq, Eq, Insertable)]
#[diesel(table_name = prices, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "the fields are those of PriceRow")]
pub struct NewPrice {
    pub pattern: String,
    pub input_pico: i64,
    pub cached_pico: Option<i64>,
    pub output_pico: i64,
}

/// An edit: what is `None` stays. The inner option is the column's own; the fields are [`PriceRow`]'s.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = prices)]
#[expect(missing_docs, reason = "the fields are those of PriceRow")]
pub struct PriceChange {
    pub pattern: Option<String>,
    pub input_pico: Option<i64>,
    pub cached_pico: Option<Option<i64>>,
    pub output_pico: Option<i64>,
}

impl PriceRow {
    /// As it is reckoned with.
    pub fn price(&self) -> Price {
        let PriceRow { pattern, input_pico: input, cached_pico: cached, output_pico: output, .. } = self;
        Price { pattern: pattern.trim().to_owned(), input: *input, cached: *cached, output: *output }
    }
}

/// All prices, by id.
pub fn list(conn: &mut Connection) -> Result<Vec<PriceRow>, Error> {
    Ok(prices::table.order(dsl::id.asc()).select(PriceRow::as_select()).load(conn)?)
}

/// One price.
pub fn find(conn: &mut Connection, id: i64) -> Result<Option<PriceRow>, Error> {
    Ok(prices::table.find(id).select(PriceRow::as_select()).first(conn).optional()?)
}

/// Adds a price.
///
/// # Errors
/// [`Error::Duplicate`] when the pattern has one.
pub fn insert(conn: &mut Connection, price: &NewPrice) -> Result<PriceRow, Error> {
    let values = (price, dsl::updated_us.eq(Utc::now().timestamp_micros()));
    let id: i64 = diesel::insert_into(prices::table).values(values).returning(dsl::id).get_result(conn)?;
    find(conn, id)?.ok_or(Error::NotFound)
}

/// Edits a price and gives what it has become.
///
/// # Errors
/// [`Error::NotFound`] when there is none; [`Error::Duplicate`] as for [`insert`].
pub fn update(conn: &mut Connection, id: i64, change: &PriceChange) -> Result<PriceRow, Error> {
    let values = (dsl::updated_us.eq(Utc::now().timestamp_micros()), change);
    diesel::update(prices::table.find(id)).set(values).execute(conn)?;
    find(conn, id)?.ok_or(Error::NotFound)
}

/// Removes a price.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub fn remove(conn: &mut Connection, id: i64) -> Result<(), Error> {
    match diesel::delete(prices::table.find(id)).execute(conn)? {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}

/// Fills the table from the start table, unless that was done before or somebody has written prices.
pub(super) fn fill(conn: &mut Connection) -> Result<(), Error> {
    if was_filled(conn)? {
        return Ok(());
    }
    settings::write_first(conn, |conn| {
        // Asked again under the lock: of replicas that start together one fills.
        if was_filled(conn)? {
            return Ok(());
        }
        let mark = (start_tables::name.eq(NAME), start_tables::as_of.eq(PRICES_AS_OF));
        diesel::insert_into(start_tables::table).values(mark).execute(conn)?;
        if !list(conn)?.is_empty() {
            return Ok(());
        }
        for Price { pattern, input, cached, output } in start_prices() {
            let price = NewPrice { pattern, input_pico: input, cached_pico: cached, output_pico: output };
            diesel::insert_into(prices::table).values((&price, dsl::updated_us.eq(PRICES_AS_OF_US))).execute(conn)?;
        }
        Ok(())
    })
}

fn was_filled(conn: &mut Connection) -> Result<bool, Error> {
    let mark: Option<String> = start_tables::table.find(NAME).select(start_tables::as_of).first(conn).optional()?;
    Ok(mark.is_some())
}
