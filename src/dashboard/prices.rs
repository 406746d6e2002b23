//! Prices over the admin API, in US dollars per million tokens. Start at [`Input`].
//!
//! **Invariant:** what is stored is exactly what was sent: a price that the database cannot hold exactly is refused.
//! **May import:** `state`, `db`, `usage`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use crate::dashboard::reply::{ApiError, json as reply, with_database};
use crate::dashboard::session::Admin;
use crate::db::prices::{self, NewPrice, PriceChange, PriceRow};
use crate::error::Error;
use crate::state::State;
use crate::usage::start_prices::PRICES_AS_OF;

/// Pico-dollars per token in a dollar per million tokens.
const PICO: f64 = 1e6;
/// The highest price, in dollars per million tokens.
const HIGHEST: f64 = 1e6;
/// The longest pattern.
const PATTERN_CHARS: usize = 200;

/// `GET /admin/prices`: all of them, by id, and the date of those the program brought along.
pub(super) async fn list(_admin: Admin, state: Data<State>) -> Result<HttpResponse, ApiError> {
    let rows = with_database(&state.database, |connection| prices::list(connection)).await?;
    let shown: Vec<Value> = rows.iter().map(show).collect();
    reply(StatusCode::OK, &json!({"start_prices_as_of": PRICES_AS_OF, "prices": shown}))
}

/// `POST /admin/prices`.
pub(super) async fn add(_admin: Admin, body: Bytes, state: Data<State>) -> Result<HttpResponse, ApiError> {
    let change = Input::read(&body)?;
    let missing = |field: &'static str| move || ApiError::field(field, "is missing");
    let price = NewPrice {
        pattern: change.pattern.ok_or_else(missing("pattern"))?,
        input_pico: change.input_pico.ok_or_else(missing("input"))?,
        cached_pico: change.cached_pico.unwrap_or(None),
        output_pico: change.output_pico.ok_or_else(missing("output"))?,
    };
    let row = with_database(&state.database, move |connection| unique(prices::insert(connection, &price))).await?;
    reply(StatusCode::CREATED, &show(&row.ok_or_else(taken)?))
}

/// `PUT /admin/prices/{id}`: changes what is given.
pub(super) async fn edit(
    _admin: Admin,
    id: Path<i64>,
    body: Bytes,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let change = Input::read(&body)?;
    let update = with_database(&state.database, move |connection| unique(prices::update(connection, *id, &change)));
    reply(StatusCode::OK, &show(&update.await?.ok_or_else(taken)?))
}

/// `DELETE /admin/prices/{id}`.
pub(super) async fn remove(_admin: Admin, id: Path<i64>, state: Data<State>) -> Result<HttpResponse, ApiError> {
    with_database(&state.database, move |connection| prices::remove(connection, *id)).await?;
    reply(StatusCode::OK, &json!({"ok": true}))
}

/// `None` when the pattern has a price already.
fn unique(row: Result<PriceRow, Error>) -> Result<Option<PriceRow>, Error> {
    match row {
        Ok(row) => Ok(Some(row)),
        Err(Error::Duplicate) => Ok(None),
        Err(error) => Err(error),
    }
}

fn taken() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "pattern: it has a price already; edit that one")
}

fn show(row: &PriceRow) -> Value {
    let dollars = |pico: i64| pico as f64 / PICO;
    let edited = Some(row.updated_us).filter(|us| *us > 0).and_then(DateTime::from_timestamp_micros);
    json!({
        "id": row.id,
        "pattern": row.pattern,
        "input": dollars(row.input_pico),
        "cached": row.cached_pico.map(dollars),
        "output": dollars(row.output_pico),
        "updated_at": edited.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true)),
    })
}

/// The fields of a request's JSON, each checked before any is used.
struct Input(Map<String, Value>);

impl Input {
    fn read(body: &[u8]) -> Result<PriceChange, ApiError> {
        let value: Value = serde_json::from_slice(body)
            .map_err(|error| ApiError::new(StatusCode::BAD_REQUEST, format!("the body is no JSON: {error}")))?;
        let Value::Object(fields) = value else {
            let like =
                "the body must be a JSON object, like {\"pattern\": \"gpt-4o*\", \"input\": 2.5, \"output\": 10}";
            return Err(ApiError::new(StatusCode::BAD_REQUEST, like));
        };
        let mut input = Input(fields);
        let cached = input.0.get("cached").map(Value::is_null);
        let change = PriceChange {
            pattern: input.pattern()?,
            input_pico: input.price("input")?,
            cached_pico: match cached {
                Some(true) => input.0.remove("cached").map(|_| None),
                Some(false) | None => input.price("cached")?.map(Some),
            },
            output_pico: input.price("output")?,
        };
        // Facts that a client may send back as it got them.
        input.0.retain(|name, _| name != "id" && name != "updated_at");
        match input.0.keys().next() {
            Some(unknown) => Err(ApiError::field(unknown.clone(), "there is no such field")),
            None => Ok(change),
        }
    }

    fn pattern(&mut self) -> Result<Option<String>, ApiError> {
        let Some(value) = self.0.remove("pattern") else { return Ok(None) };
        let pattern = value.as_str().map(str::trim).filter(|pattern| {
            (1..=PATTERN_CHARS).contains(&pattern.chars().count()) && !pattern.contains(char::is_control)
        });
        let wrong = || ApiError::field("pattern", "must be a model's name, in which * may stand for any text");
        Ok(Some(pattern.ok_or_else(wrong)?.to_owned()))
    }

    fn price(&mut self, field: &'static str) -> Result<Option<i64>, ApiError> {
        let Some(value) = self.0.remove(field) else { return Ok(None) };
        let dollars = value.as_f64().filter(|dollars| (0.0..=HIGHEST).contains(dollars));
        let exact = dollars.map(|dollars| dollars * PICO).filter(|pico| (pico - pico.round()).abs() < 1e-3);
        let wrong = || ApiError::field(field, "must be dollars per million tokens, with six decimals at most");
        Ok(Some(exact.ok_or_else(wrong)?.round() as i64))
    }
}
