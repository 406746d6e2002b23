//! The figures of a page as a file, every one of them. Start at [`file`].
//!
//! **Invariant:** no cell is a formula to a spreadsheet. **May import:** `state`, `db`, `export`.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};

use crate::dashboard::pages::conversations::{name_of, names};
use crate::dashboard::pages::usage::Asked;
use crate::dashboard::pages::usage::buckets::POINTS;
use crate::dashboard::pages::usage::metric::{PERCENTILES, quantile};
use crate::dashboard::reply::ApiError;
use crate::dashboard::visit::Visit;
use crate::dashboard::words::Key;
use crate::db::rollups::{By, Figures, series};
use crate::export::csv::text as cell;
use crate::usage::histogram::Histogram;

/// So that spreadsheets read Chinese (the bytes EF BB BF say that it is UTF-8).
const MARK: &str = "\u{feff}";
const HEAD: &str = "time,group,requests,errors,streams,tokens_in,tokens_out,tokens_cached,tokens_reasoning,cost,unpriced,\
                    first_content_samples,first_content_p50_us,first_content_p95_us,first_content_p99_us,\
                    total_samples,total_p50_us,total_p95_us,total_p99_us,\
                    speed_samples,speed_p50,speed_p95,speed_p99\r\n";

/// `GET /admin/usage/csv` with the page's parameters.
pub(super) async fn file(visit: Visit) -> Result<HttpResponse, ApiError> {
    let f = &visit.frame;
    let mut asked = Asked::read(f, visit.parameters(), Some(POINTS))?;
    if let Some(error) = asked.wrong.take() {
        return Err(ApiError::query(error));
    }
    // A page tells it when it shows wider steps; a file has what was asked for.
    if asked.buckets.instead_of.is_some() {
        return Err(ApiError::field_keyed("bucket", Key("usage.steps"), &[&POINTS]));
    }
    let query = asked.query(&asked.span, asked.buckets.step_s());
    let (points, names) =
        visit.database(move |connection| Ok((series(connection, &query)?, names(connection)?))).await?;
    let mut rows: BTreeMap<(i64, String), Figures> = BTreeMap::new();
    for point in points {
        let group = match asked.by {
            Some(By::Upstream) => name_of(&names, point.group.parse().unwrap_or(0)),
            _ => point.group,
        };
        let sum = rows.entry((asked.buckets.start(point.bucket_s), group)).or_default();
        *sum = std::mem::take(sum).plus(&point.figures);
    }
    let mut file = format!("{MARK}{HEAD}");
    for ((start_s, group), figures) in rows {
        let time = f.time(&(start_s * 1_000_000)).rfc3339;
        let Figures { requests, errors, streams, tokens_in, tokens_out, tokens_cached, tokens_reasoning, .. } = figures;
        file += &format!("{time},{},{requests},{errors},{streams},", cell(Some(&group)));
        file += &format!("{tokens_in},{tokens_out},{tokens_cached},{tokens_reasoning},");
        // Where nothing had a price, the cost is not known and no nothing.
        let cost = (figures.cost_nano > 0 || figures.unpriced == 0).then(|| figures.cost_nano as f64 / 1e9);
        file += &format!("{},{},", cost.map(|cost| cost.to_string()).unwrap_or_default(), figures.unpriced);
        file += &format!("{},{},", times(&figures.first_content), times(&figures.total));
        file += &format!("{}\r\n", speeds(&figures.speed));
    }
    let mut response = HttpResponse::new(StatusCode::OK).set_body(file).map_into_boxed_body();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"usage.csv\""));
    Ok(response)
}

fn times(times: &Histogram) -> String {
    let value = |name| quantile(times, name).map(|us| format!("{us:.0}")).unwrap_or_default();
    format!("{},{}", times.count(), PERCENTILES.map(value).join(","))
}

/// Tokens per second.
fn speeds(speeds: &Histogram) -> String {
    let value = |name| quantile(speeds, name).map(|speed| format!("{:.3}", speed / 1000.0)).unwrap_or_default();
    format!("{},{}", speeds.count(), PERCENTILES.map(value).join(","))
}
