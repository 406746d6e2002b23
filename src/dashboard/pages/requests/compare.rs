//! A request and its replay side by side: figures, replies, and the replies word by word.
//!
//! **Invariant:** replies are shown as text, and what of them is left out is told. **May import:** `state`, `db`, `openai`.

use actix_web::web::Path;
use askama::Template;

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::requests::chat::all_messages;
use crate::dashboard::pages::requests::diff::text_of;
use crate::dashboard::pages::requests::figures::ended;
use crate::dashboard::pages::requests::one::{load, notes};
use crate::dashboard::pages::requests::said::beginning;
use crate::dashboard::pages::requests::stretch::{BYTES as COMPARED_BYTES, Stretch, words};
use crate::dashboard::pages::requests::table::{called, dash};
use crate::dashboard::pages::requests::{names, search_of};
use crate::dashboard::reply::ApiError;
use crate::dashboard::shown::{self, Figure};
use crate::dashboard::visit::{Page, Visit};
use crate::db::records::Record;
use crate::error::Error;
use crate::openai::dialogue::error_text;

/// Text of one reply that is shown.
const SHOWN_BYTES: usize = 64 << 10;

#[derive(Template)]
#[template(path = "requests/compare.html")]
struct Compare<'a> {
    f: &'a Frame,
    sides: [Shown; 2],
    words: Vec<Stretch>,
    /// Bytes of the longer text that were not compared.
    uncompared: usize,
    same: bool,
    /// The search it came from.
    back: String,
}

/// One of two replies.
struct Shown {
    id: i64,
    upstream: String,
    model: String,
    status: i32,
    class: &'static str,
    first: String,
    content: String,
    /// What is not whole.
    notes: Vec<String>,
    total: String,
    tokens: Figure,
    cost: String,
    text: String,
    error: Option<String>,
    /// Bytes of the text that are not shown.
    rest: usize,
}

/// `GET /admin/requests/{id}/replay/{other}`: both replies side by side.
pub(super) async fn show(visit: Visit, path: Path<(i64, i64)>) -> Page {
    let (id, other) = path.into_inner();
    let (one, two) = (load(&visit, id).await?, load(&visit, other).await?);
    if two.row.replay_of != Some(id) {
        return Err(ApiError::from(Error::NotFound));
    }
    let names = visit.database(names).await?;
    let f = &visit.frame;
    let side = |record: &Record| {
        let facts = &record.row.facts;
        let text: Vec<String> = all_messages(record).1.iter().map(text_of).collect();
        let said = error_text(record.texts.response.as_deref().unwrap_or_default());
        Shown {
            id: record.row.id,
            upstream: facts.upstream_id.map_or_else(dash, |id| called(&names, id).shown),
            model: facts.model.clone().unwrap_or_default(),
            status: facts.status,
            class: shown::outcome_class(facts),
            first: facts.first_byte_us.map_or_else(dash, shown::duration),
            content: facts.first_content_us.map_or_else(dash, shown::duration),
            notes: notes(f, record).into_iter().chain(ended(f, facts)).collect(),
            total: shown::duration(facts.total_us),
            tokens: Figure::of_tokens(facts.tokens_in, facts.tokens_out),
            cost: facts.cost_nano.map_or_else(dash, shown::money),
            text: text.join("\n\n"),
            error: said.or_else(|| facts.error.clone()).map(|error| beginning(&error, SHOWN_BYTES).to_owned()),
            rest: 0,
        }
    };
    let mut sides = [side(&one), side(&two)];
    let words = words(&sides[0].text, &sides[1].text);
    let same = sides[0].text == sides[1].text;
    let uncompared = sides.iter().map(|side| side.text.len()).max().unwrap_or(0).saturating_sub(COMPARED_BYTES);
    for side in &mut sides {
        let shown = beginning(&side.text, SHOWN_BYTES).len();
        side.rest = side.text.len() - shown;
        side.text.truncate(shown);
    }
    visit.page(&Compare { f, same, words, uncompared, sides, back: search_of(&visit).with(&[]) })
}
