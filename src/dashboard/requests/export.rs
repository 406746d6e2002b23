//! `GET /admin/requests/export`: everything that matches, as a file. **Invariant:** memory holds one piece of it at a time.
//! **May import:** `state`, `export`.

use std::io;
use std::time::{Duration, Instant};

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use futures_util::stream::unfold;

use crate::dashboard::reply::{ApiError, with_database};
use crate::dashboard::requests::asked::Asked;
use crate::dashboard::session::Admin;
use crate::dashboard::words::Key;
use crate::db::find::Search;
use crate::export::{Export, Format};
use crate::state::State;

/// How long one piece may take to be found: there is nobody to tell how far it came.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// `GET /admin/requests/export?format=jsonl|csv|openai&q=&range=&from=&to=`.
pub(in crate::dashboard) async fn export(
    _admin: Admin,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::of(&request, &state, &["format"])?.unpaged(&[])?;
    let format: Format = match asked.other("format") {
        Some(text) => {
            text.parse().map_err(|_| ApiError::field_keyed("format", Key("field.one_of"), &[&"jsonl, csv, openai"]))?
        }
        None => Format::Jsonl,
    };
    let search = Search { deadline: Instant::now() + PATIENCE, ..asked.search };
    let pieces = unfold(Some((Export::new(format, search), state)), |on_the_way| async move {
        let (mut export, state) = on_the_way?;
        let step = with_database(&state.database, move |connection| Ok((export.next(connection)?, export))).await;
        match step {
            Ok((Some(piece), export)) => Some((Ok(Bytes::from(piece)), Some((export, state)))),
            Ok((None, _)) => None,
            // The transfer breaks: a file that ends early must not look whole.
            Err(error) => Some((Err(io::Error::other(error.to_string())), None)),
        }
    });
    let mut response = HttpResponse::Ok().streaming(pieces);
    let name = format!("attachment; filename=\"requests-{}.{}\"", Utc::now().format("%Y%m%d-%H%M%S"), format.ending());
    let headers = response.headers_mut();
    headers.insert(CONTENT_DISPOSITION, HeaderValue::try_from(name).unwrap_or(HeaderValue::from_static("attachment")));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    Ok(response)
}
