//! What is indexed of a record. Start at [`docs`].
//!
//! **Invariant:** a record reads the same whether the index has it already or not: both come from here.
//! **May import:** `openai`, `search`, `db::records`.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::db::Connection;
use crate::db::pace::step;
use crate::db::records::{Ending, Facts, Fresh, Marks, Row, fresh};
use crate::error::Error;
use crate::openai::dialogue::texts::{Side, reply_texts, request_texts};
use crate::search::segment::{Column, Doc, Name};
use crate::search::text::fold;

/// The documents of these rows, in their order.
///
/// # Errors
/// The database's.
pub fn docs(conn: &mut Connection, rows: &[Row]) -> Result<Vec<Doc>, Error> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let mut said = fresh(conn, &ids)?;
    let doc = |row: &Row| {
        step();
        doc(row, said.remove(&row.id).unwrap_or_default())
    };
    Ok(rows.iter().map(doc).collect())
}

fn doc(row: &Row, said: Fresh) -> Doc {
    let facts = &row.facts;
    let mut numbers = [None; Column::ALL.len()];
    let attempts = facts.attempts.matches("\"upstream_id\"").count();
    for (column, number) in [
        (Column::Id, Some(row.id)),
        (Column::Started, Some(facts.started_us)),
        (Column::FirstContent, facts.first_content_us),
        (Column::Total, Some(facts.total_us)),
        (Column::TokensIn, facts.tokens_in),
        (Column::TokensOut, facts.tokens_out),
        (Column::Cost, facts.cost_nano),
        (Column::Attempts, i64::try_from(attempts).ok()),
        (Column::Status, Some(i64::from(facts.status))),
        (Column::Conversation, row.placed.conversation_id),
    ] {
        numbers[column as usize] = number;
    }
    Doc { numbers, names: names(row), texts: texts_of(row, said) }
}

fn names(row: &Row) -> Vec<(Name, String)> {
    let (facts, marks) = (&row.facts, row.signs.marks);
    let path = facts.path.split('?').next().unwrap_or_default();
    let mut names: Vec<(Name, String)> = [
        (Name::Key, facts.key_name.as_str()),
        (Name::Path, path),
        (Name::Host, &facts.host),
        (Name::UserAgent, &facts.user_agent),
        (Name::Ip, &facts.ip),
        (Name::Model, facts.model.as_deref().unwrap_or_default()),
        (Name::Finish, row.signs.finish.as_deref().unwrap_or_default()),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (name, value.to_owned()))
    .collect();
    names.extend(facts.upstream_id.map(|id| (Name::Upstream, id.to_string())));
    names.extend(tried(facts).into_iter().map(|id| (Name::Tried, id.to_string())));
    names.extend(row.signs.tools.iter().flat_map(|tools| tools.lines()).map(|tool| (Name::Tool, tool.to_owned())));
    let cut = facts.ending == Ending::Cut;
    let left = facts.ending == Ending::Left;
    let flags = [
        (Name::Is, "error", facts.is_error()),
        (Name::Is, "stream", facts.streamed),
        (Name::Is, "replay", Marks::Replay.is_in(marks)),
        (Name::Is, "cut", cut || Marks::Shortened.is_in(marks)),
        (Name::Is, "aborted", left),
        (Name::Has, "tool", Marks::Tool.is_in(marks)),
        (Name::Has, "image", Marks::Image.is_in(marks)),
        (Name::Has, "reasoning", Marks::Reasoning.is_in(marks)),
        (Name::Has, "body", Marks::Body.is_in(marks)),
    ];
    names.extend(flags.into_iter().filter(|(.., is_set)| *is_set).map(|(name, flag, _)| (name, flag.to_owned())));
    names
}

/// An attempt, as far as it is indexed.
#[derive(Deserialize)]
struct Attempt {
    upstream_id: i64,
}

/// The upstreams that were asked besides the one that answered.
fn tried(facts: &Facts) -> BTreeSet<i64> {
    if !facts.attempts.contains("},{") {
        return BTreeSet::new();
    }
    let attempts: Vec<Attempt> = serde_json::from_str(&facts.attempts).unwrap_or_default();
    attempts.into_iter().map(|attempt| attempt.upstream_id).filter(|id| Some(*id) != facts.upstream_id).collect()
}

/// What a record says that is new to its conversation, folded, each text with the bit of its side.
pub fn texts_of(row: &Row, mut said: Fresh) -> Vec<(u8, String)> {
    let mut texts = Vec::new();
    let mut add = |side: Side, text: &str| {
        if !text.is_empty() {
            texts.push((side.bit(), fold(text)));
        }
    };
    let (path, reply) = (&row.facts.path, said.response.take());
    if let Some(body) = said.as_whole(path) {
        request_texts(path, &body, None, &mut add);
    }
    if let Some(reply) = reply {
        reply_texts(&reply, &mut add);
    }
    if let Some(error) = &row.facts.error {
        add(Side::Error, error);
    }
    texts
}
