//! Prices of models: the list, and one form to add, edit or remove one. In dollars per million tokens.
//!
//! **Invariant:** what is stored is exactly what was typed: six decimals at most. **May import:** `state`, `db`, `usage`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::dashboard::form::{Field, Form, Problem, problems};
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::confirm;
use crate::dashboard::pages::settings::{TABS, Tabs, at};
use crate::dashboard::reply::ApiError;
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::prices::{self, NewPrice, PriceChange, PriceRow};
use crate::error::Error;
use crate::usage::start_prices::PRICES_AS_OF;

/// The longest pattern and the highest price, in pico-dollars per token.
const PATTERN_CHARS: usize = 200;
const HIGHEST_PICO: i64 = 1_000_000_000_000;
const DECIMALS: usize = 6;
/// Where the page of a removal leads back to.
const BACK: &str = "/admin/settings?tab=prices";

#[derive(Template)]
#[template(path = "settings/prices.html")]
struct Prices<'a> {
    f: &'a Frame,
    tabs: Tabs,
    tab: &'static str,
    rows: Vec<Row>,
    as_of: &'static str,
    d: Draft,
    problems: Vec<Problem>,
}

struct Row {
    id: i64,
    pattern: String,
    input: String,
    cached: String,
    output: String,
}

/// The form, of a price that is there or of a new one.
pub(super) struct Draft {
    id: Option<i64>,
    pattern: Field,
    input: Field,
    cached: Field,
    output: Field,
}

impl Draft {
    fn of(row: Option<&Row>) -> Draft {
        let text = |of: fn(&Row) -> &String| row.map(of).cloned().unwrap_or_default();
        Draft {
            id: row.map(|row| row.id),
            pattern: Field::new("pattern", text(|row| &row.pattern)),
            input: Field::new("input", text(|row| &row.input)),
            cached: Field::new("cached", text(|row| &row.cached)),
            output: Field::new("output", text(|row| &row.output)),
        }
    }
}

fn row(row: &PriceRow) -> Row {
    Row {
        id: row.id,
        pattern: row.pattern.clone(),
        input: dollars(row.input_pico),
        cached: row.cached_pico.map(dollars).unwrap_or_default(),
        output: dollars(row.output_pico),
    }
}

/// `2.5`: pico-dollars per token as dollars per million tokens.
pub(in crate::dashboard) fn dollars(pico: i64) -> String {
    let text = format!("{}.{:06}", pico / 1_000_000, pico % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What [`dollars`] writes, or anybody.
fn pico(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > DECIMALS || whole.len() > DECIMALS + 1 {
        return None;
    }
    let pico = whole.parse::<i64>().ok()? * 1_000_000 + format!("{part:0<6}").parse::<i64>().ok()?;
    Some(pico).filter(|pico| *pico <= HIGHEST_PICO)
}

/// `GET /admin/settings?tab=prices&edit=&pattern=`: one to be edited, or a name for a new one.
pub(super) async fn show(visit: &Visit, query: &Form) -> Page {
    let edit: Option<i64> = query.text("edit").parse().ok();
    let new = Some(query.text("pattern")).filter(|pattern| !pattern.is_empty());
    let draft = new.map(|pattern| Draft { pattern: Field::new("pattern", pattern), ..Draft::of(None) });
    page(visit, StatusCode::OK, edit, draft).await
}

async fn page(visit: &Visit, status: StatusCode, edit: Option<i64>, typed: Option<Draft>) -> Page {
    let stored = visit.database(|connection| prices::list(connection)).await?;
    let mut rows: Vec<Row> = stored.iter().map(row).collect();
    rows.sort_by(|a, b| a.pattern.cmp(&b.pattern));
    let d = typed.unwrap_or_else(|| Draft::of(rows.iter().find(|row| Some(row.id) == edit)));
    let f = &visit.frame;
    let labels = [
        (&d.pattern, f.t("price.pattern")),
        (&d.input, f.t("price.input")),
        (&d.cached, f.t("price.cached")),
        (&d.output, f.t("price.output")),
    ];
    let problems = problems(&labels);
    visit.page_as(status, &Prices { f, tabs: TABS, tab: "prices", rows, as_of: PRICES_AS_OF, d, problems })
}

/// `POST /admin/settings/prices`: `id` (none to add), `pattern`, `input`, `cached`, `output`.
pub(super) async fn save(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let f = &visit.frame;
    let field = |name: &'static str| Field::new(name, form.text(name));
    let id: Option<i64> = form.text("id").parse().ok();
    let mut d = Draft {
        id,
        pattern: field("pattern"),
        input: field("input"),
        cached: field("cached"),
        output: field("output"),
    };
    if !(1..=PATTERN_CHARS).contains(&d.pattern.value.chars().count()) || d.pattern.value.contains(char::is_control) {
        d.pattern.problem = f.t("price.pattern.wrong").to_owned();
    }
    let price = |field: &mut Field, may_be_empty: bool| {
        let found = pico(&field.value);
        if found.is_none() && !(may_be_empty && field.value.is_empty()) {
            field.problem = f.t("price.wrong").to_owned();
        }
        found
    };
    let (input, cached, output) = (price(&mut d.input, false), price(&mut d.cached, true), price(&mut d.output, false));
    let is_bad = [&d.pattern, &d.input, &d.cached, &d.output].iter().any(|field| field.is_bad());
    let (Some(input_pico), Some(output_pico), false) = (input, output, is_bad) else {
        return page(&visit, StatusCode::UNPROCESSABLE_ENTITY, None, Some(d)).await;
    };
    let pattern = d.pattern.value.clone();
    let stored = visit
        .database(move |connection| {
            let stored = match id {
                Some(id) => {
                    let change = PriceChange {
                        pattern: Some(pattern),
                        input_pico: Some(input_pico),
                        cached_pico: Some(cached),
                        output_pico: Some(output_pico),
                    };
                    prices::update(connection, id, &change)
                }
                None => prices::insert(connection, &NewPrice { pattern, input_pico, cached_pico: cached, output_pico }),
            };
            match stored {
                Err(Error::Duplicate) => Ok(None),
                other => other.map(Some),
            }
        })
        .await?;
    match stored {
        Some(row) => Ok(visit.done(&at("prices"), &f.tf("price.saved", &[&row.pattern]))),
        None => {
            d.pattern.problem = f.t("price.taken").to_owned();
            page(&visit, StatusCode::UNPROCESSABLE_ENTITY, None, Some(d)).await
        }
    }
}

/// `GET /admin/settings/prices/delete?id=`.
pub(super) async fn ask(visit: Visit) -> Page {
    let id: Option<i64> = visit.query().text("id").parse().ok();
    let stored = visit.database(|connection| prices::list(connection)).await?;
    let row = stored.into_iter().find(|row| Some(row.id) == id).ok_or_else(|| ApiError::from(Error::NotFound))?;
    let what = visit.frame.tf("price.delete_what", &[&row.pattern]);
    confirm::ask(&visit, Key("price.delete"), what, ("/admin/settings/prices/delete", row.id), BACK)
}

/// `POST /admin/settings/prices/delete`: `id`.
pub(super) async fn remove(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let id: i64 = form.text("id").parse().map_err(|_| ApiError::from(Error::NotFound))?;
    visit.database(move |connection| prices::remove(connection, id)).await?;
    Ok(visit.done(&at("prices"), visit.frame.t("price.deleted")))
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::settings::prices::{dollars, pico};

    #[test]
    fn a_price_is_stored_exactly_as_it_is_typed() {
        for text in ["2.5", "0", "10", "0.000001", "1000000", "0.15"] {
            assert_eq!(dollars(pico(text).unwrap()), text);
        }
        for wrong in ["", "-1", "1e3", "0.0000001", "1000001", "1,5", ".5", "NaN", "99999999999999999999"] {
            assert_eq!(pico(wrong), None, "{wrong}");
        }
        assert_eq!(pico("2.50"), Some(2_500_000));
    }
}
