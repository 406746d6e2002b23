//! New requests as rows of the list, as they come: the page that listens only puts them together.
//!
//! **Invariant:** a row says what it says after the page is loaded again. **May import:** `state`, `db`.

use std::sync::Arc;

use actix_web::HttpResponse;
use chrono::Utc;
use serde_json::json;

use crate::dashboard::pages::query::scope::Scope;
use crate::dashboard::pages::requests::list::Wishes;
use crate::dashboard::pages::requests::names;
use crate::dashboard::pages::requests::table::{FIXED, Maker};
use crate::dashboard::reply::ApiError;
use crate::dashboard::requests::asked::Asked;
use crate::dashboard::requests::live::listen;
use crate::dashboard::session::now_us;
use crate::dashboard::visit::Visit;
use crate::db::PooledConnection;
use crate::db::records::{Row, titles};

/// `GET /admin/requests/rows?q=&range=&from=&cols=&after=&tz=`.
pub(super) async fn rows(visit: Visit) -> Result<HttpResponse, ApiError> {
    let scope = Scope::read(visit.parameters()).dated(&visit.frame);
    // The time that the list looks at when none is named: some words need one.
    let timed = scope.clone().timed().with(&[("after", visit.query().text("after"))]);
    let asked = Asked::read(timed.trim_start_matches('?'), &["cols"], &visit.frame.zone, Utc::now())?;
    let cols = Wishes::of(&asked)?.cols;
    let (request, frame) = (visit.request().clone(), visit.frame);
    let tell = move |connection: &mut PooledConnection, rows: &[Row]| {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let (titles, names) = (titles(connection, &ids)?, names(connection)?);
        // Which day is today is told anew, however long the page listens.
        let mut f = frame.clone();
        f.now_us = now_us();
        let maker = Maker { f: &f, scope: &scope, names: &names, titles: &titles, cols: &cols };
        Ok(rows.iter().map(|row| told(&maker, row)).collect())
    };
    listen(visit.admin, &request, visit.state, asked, Arc::new(tell)).await
}

fn told(maker: &Maker<'_>, row: &Row) -> String {
    let (line, heads) = (maker.line(row), maker.heads());
    let tries = if line.tries > 0 { Some(format!("↻{}", line.tries)) } else { None };
    let badge = line.badge.map(|badge| maker.f.k(&badge).to_owned());
    let cells = line.cells.iter().zip(heads).enumerate().map(|(at, (cell, (label, class)))| {
        let class = if at < FIXED { "" } else { class };
        json!({ "label": label, "class": class, "title": cell.title, "term": cell.term, "text": cell.text })
    });
    let words: Vec<String> = [tries, badge].into_iter().flatten().collect();
    json!({
        "id": line.id,
        "href": line.href,
        "time": line.time.text,
        "at": line.time.rfc3339,
        "status": line.status,
        "class": line.class,
        "words": words,
        "cells": cells.collect::<Vec<_>>(),
    })
    .to_string()
}
