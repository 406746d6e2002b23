//! Records over the admin API: a JSON array, newest first, as in the original.
//!
//! **Invariant:** a page is bounded in rows; bodies come as the text they are, a few in memory at a time. **May import:** `state`, `db`, `export`.

use std::future::ready;
use std::io;

use actix_web::body::BodyStream;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::{self, StreamExt, unfold};

use crate::dashboard::reply::{ApiError, json_response, with_database};
use crate::dashboard::session::Admin;
use crate::db::records::{Record, rows_before, take_whole};
use crate::export::PIECE_BYTES;
use crate::export::shown::whole;
use crate::state::State;

/// Rows of a page when nothing is asked for, and at most.
const PAGE_ROWS: i64 = 100;
const MOST_ROWS: i64 = 1000;

/// `GET /admin/request_records?limit=&before=`.
pub(super) async fn list(_admin: Admin, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, ApiError> {
    let (mut limit, mut before) = (PAGE_ROWS, None);
    for pair in request.query_string().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "limit" => {
                let number = value.parse().ok().filter(|number| (1..=MOST_ROWS).contains(number));
                limit = number
                    .ok_or_else(|| ApiError::field("limit", format!("must be a number from 1 to {MOST_ROWS}")))?;
            }
            "before" => {
                before = Some(value.parse().map_err(|_| ApiError::field("before", "must be the id of a record"))?)
            }
            unknown => {
                return Err(ApiError::field(
                    unknown.to_owned(),
                    "there is no such parameter; there are limit and before",
                ));
            }
        }
    }
    let first = with_database(&state.database, move |connection| {
        let mut waiting = rows_before(connection, before, limit)?.into();
        Ok((take_whole(connection, &mut waiting, PIECE_BYTES)?, waiting))
    });
    let (records, waiting) = first.await?;
    let begin = elements(&records);
    if waiting.is_empty() {
        return Ok(json_response(StatusCode::OK, [b"[".as_slice(), &begin, b"]"].concat()));
    }
    let begin = stream::once(ready(Ok(Bytes::from([b"[".as_slice(), &begin].concat()))));
    let rest = unfold(Some((waiting, state)), |on_the_way| async move {
        let (mut waiting, state) = on_the_way?;
        if waiting.is_empty() {
            return Some((Ok(Bytes::from_static(b"]")), None));
        }
        let step = with_database(&state.database, move |connection| {
            Ok((take_whole(connection, &mut waiting, PIECE_BYTES)?, waiting))
        });
        match step.await {
            Ok((records, waiting)) => {
                Some((Ok(Bytes::from([b",".as_slice(), &elements(&records)].concat())), Some((waiting, state))))
            }
            // The transfer breaks: a list that ends early must not look whole.
            Err(error) => Some((Err(io::Error::other(error.to_string())), None)),
        }
    });
    // It takes a body in place of one made of bytes: the same head for both.
    let head = json_response(StatusCode::OK, Vec::new());
    Ok(head.set_body(BodyStream::new(begin.chain(rest))).map_into_boxed_body())
}

/// Elements of an array.
fn elements(records: &[Record]) -> Vec<u8> {
    records.iter().map(|record| whole(record).to_string()).collect::<Vec<_>>().join(",").into_bytes()
}
