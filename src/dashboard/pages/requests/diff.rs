//! Two requests compared: parameters, and what was said in one and not in the other. Start at [`show`].
//!
//! What both begin with is folded; a message that changed is compared word by word.
//!
//! **Invariant:** bounded in messages and text; what is too long is told as a whole. **May import:** `state`, `db`, `openai`.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::web::Path;
use askama::Template;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::requests::chat::{all_messages, continues};
use crate::dashboard::pages::requests::one::{load, notes};
use crate::dashboard::pages::requests::said::beginning;
use crate::dashboard::pages::requests::search_of;
use crate::dashboard::pages::requests::stretch::{BYTES, Stretch, words};
use crate::dashboard::reply::ApiError;
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::Connection;
use crate::db::records::{Record, Row, of_conversation};
use crate::error::Error;
use crate::openai::dialogue::{Media, Message, Part, Role};
use crate::openai::scan::{members, string_value};

/// Messages compared beyond those that both begin with, on either side, and shown.
const MESSAGES: usize = 2_000;
const SHOWN: usize = 200;
/// A parameter's value.
const VALUE_BYTES: usize = 500;
/// Turns of a conversation among which the previous one is looked for.
const TURNS: i64 = 10_000;

/// A message and what became of it: `same`, `new`, `gone`, `changed`.
pub(super) struct Change {
    pub(super) what: Key,
    pub(super) class: &'static str,
    pub(super) role: Key,
    pub(super) text: Vec<Stretch>,
    pub(super) rest: usize,
}

#[derive(Template)]
#[template(path = "requests/diff.html")]
struct Diff<'a> {
    f: &'a Frame,
    old: i64,
    new: i64,
    /// (name, before, after)
    parameters: Vec<(String, String, String)>,
    /// What is not there to be compared: of which request, and why.
    notes: Vec<(i64, String)>,
    prefix: Vec<Change>,
    prefix_hidden: usize,
    same: usize,
    changes: Vec<Change>,
    hidden: usize,
    /// The newer one names the older and repeats nothing of it.
    continues: bool,
    /// Before and after stand side by side.
    split: bool,
    /// The search it came from, and the addresses of both ways to show it.
    back: String,
    unified_href: String,
    split_href: String,
}

/// The turn before this one.
///
/// # Errors
/// The database's.
pub(super) fn previous(connection: &mut Connection, row: &Row) -> Result<Option<i64>, Error> {
    let Some(conversation) = row.placed.conversation_id else { return Ok(None) };
    let turns = of_conversation(connection, conversation, TURNS)?;
    Ok(turns.iter().map(|turn| turn.id).take_while(|id| *id < row.id).last())
}

/// `GET /admin/requests/{id}/diff/{other}?view=`; `prev` is the turn before.
pub(super) async fn show(visit: Visit, path: Path<(i64, String)>) -> Page {
    let (id, other) = path.into_inner();
    let split = match visit.query().text("view") {
        "" | "unified" => false,
        "split" => true,
        _ => return Err(ApiError::keyed(StatusCode::BAD_REQUEST, Key("diff.no_view"))),
    };
    let record = load(&visit, id).await?;
    let other = match other.as_str() {
        "prev" => {
            let row = record.row.clone();
            let found = visit.database(move |connection| previous(connection, &row)).await?;
            found.ok_or_else(|| ApiError::keyed(StatusCode::NOT_FOUND, Key("diff.no_previous")))?
        }
        other => other.parse().map_err(|_| ApiError::from(Error::NotFound))?,
    };
    let other = load(&visit, other).await?;
    let (old, new) = if other.row.id < record.row.id { (other, record) } else { (record, other) };
    let (before, after) = (said(&old), said(&new));
    let continues = continues(&new);
    // What the service keeps for itself was said all the same.
    let (known, same) = match continues {
        true => (&before, before.len()),
        false => (&after, before.iter().zip(&after).take_while(|(a, b)| a == b).count()),
    };
    let rests = if continues { [&before[..0], &after] } else { [&before[same..], &after[same..]] };
    let [gone, added] = rests.map(|rest| &rest[..rest.len().min(MESSAGES)]);
    let mut changes = changed(gone, added);
    let uncompared = rests.iter().map(|rest| rest.len().saturating_sub(MESSAGES)).sum::<usize>();
    let hidden = changes.len().saturating_sub(SHOWN) + uncompared;
    changes.truncate(SHOWN);
    let f = &visit.frame;
    let told = |record: &Record| notes(f, record).into_iter().map(|note| (record.row.id, note)).collect::<Vec<_>>();
    let prefix: Vec<Change> = known[..same].iter().rev().take(SHOWN).rev().map(|one| whole(one, "same")).collect();
    let scope = search_of(&visit);
    visit.page(&Diff {
        back: scope.with(&[]),
        unified_href: scope.with(&[("view", "unified")]),
        split_href: scope.with(&[("view", "split")]),
        f,
        old: old.row.id,
        new: new.row.id,
        parameters: parameters(&old, &new),
        notes: [told(&old), told(&new)].concat(),
        prefix_hidden: same - prefix.len(),
        prefix,
        same,
        changes,
        hidden,
        split,
        continues,
    })
}

/// A message as it is compared.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash, Clone)]
struct Line {
    role: &'static str,
    text: String,
}

fn said(record: &Record) -> Vec<Line> {
    let (request, reply) = all_messages(record);
    let lines = request.iter().chain(&reply).filter(|message| !message.aside);
    lines.map(|message| Line { role: word(message.role), text: text_of(message) }).collect()
}

fn word(role: Role) -> &'static str {
    match role {
        Role::System | Role::Developer => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
        Role::Other => "other",
    }
}

fn key(role: &str) -> Key {
    match role {
        "system" => Key("role.system"),
        "user" => Key("role.user"),
        "assistant" => Key("role.assistant"),
        "tool" => Key("role.tool"),
        _ => Key("role.other"),
    }
}

/// The text of a message, its parts a line each.
pub(super) fn text_of(message: &Message) -> String {
    let source = |source: &Media| match source {
        Media::Inline { mime, digest, .. } => format!("[{mime} {digest:016x}]"),
        Media::Url(address) => format!("[{}]", beginning(address, VALUE_BYTES)),
        Media::Id(id) => format!("[{id}]"),
    };
    let text = |part: &Part| match part {
        Part::Text(text) | Part::Refusal(text) | Part::Other(text) => text.clone(),
        // Clients may leave it out of what they send back.
        Part::Reasoning(_) => String::new(),
        Part::ToolCall { name, arguments, .. } => format!("{name}({arguments})"),
        Part::ToolResult { text, .. } => text.clone(),
        Part::Image { source: place } => source(place),
        Part::Audio { source: place, transcript, .. } => {
            transcript.clone().or_else(|| place.as_ref().map(source)).unwrap_or_default()
        }
        Part::File { name, source: place } => {
            format!("{} {}", name.as_deref().unwrap_or_default(), place.as_ref().map(source).unwrap_or_default())
        }
    };
    let parts: Vec<String> = message.parts.iter().map(text).filter(|text| !text.is_empty()).collect();
    parts.join("\n")
}

fn changed(before: &[Line], after: &[Line]) -> Vec<Change> {
    let mut changes = Vec::new();
    for step in capture_diff_slices(Algorithm::Myers, before, after) {
        match step {
            DiffOp::Equal { new_index, len, .. } => {
                changes.extend(after[new_index..new_index + len].iter().map(|one| whole(one, "same")));
            }
            DiffOp::Delete { old_index, old_len, .. } => {
                changes.extend(before[old_index..old_index + old_len].iter().map(|one| whole(one, "gone")));
            }
            DiffOp::Insert { new_index, new_len, .. } => {
                changes.extend(after[new_index..new_index + new_len].iter().map(|one| whole(one, "new")));
            }
            DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                let (gone, new) = (&before[old_index..old_index + old_len], &after[new_index..new_index + new_len]);
                for at in 0..old_len.max(new_len) {
                    match (gone.get(at), new.get(at)) {
                        (Some(a), Some(b)) if a.role == b.role => {
                            let mut change = whole(b, "changed");
                            change.text = words(&a.text, &b.text);
                            changes.push(change);
                        }
                        (a, b) => {
                            changes.extend(a.map(|a| whole(a, "gone")));
                            changes.extend(b.map(|b| whole(b, "new")));
                        }
                    }
                }
            }
        }
    }
    changes
}

fn whole(line: &Line, what: &'static str) -> Change {
    let (what, tag) = match what {
        "gone" => (Key("diff.gone"), "del"),
        "new" => (Key("diff.new"), "ins"),
        "changed" => (Key("diff.changed"), ""),
        _ => (Key("diff.same"), ""),
    };
    let text = beginning(&line.text, BYTES);
    Change {
        what,
        class: line.role,
        role: key(line.role),
        rest: line.text.len() - text.len(),
        text: vec![Stretch { tag, text: text.to_owned() }],
    }
}

/// Parameters that differ, beside the messages.
fn parameters(old: &Record, new: &Record) -> Vec<(String, String, String)> {
    let read = |record: &Record| -> BTreeMap<String, String> {
        let body = record.texts.body.as_deref().unwrap_or_default();
        let name = |key: &[u8]| string_value(&[b"\"", key, b"\""].concat()).map(|key| key.into_owned());
        let value = |range| beginning(&String::from_utf8_lossy(&body[range]), VALUE_BYTES).to_owned();
        let pairs =
            members(body).filter(|(key, _)| !matches!(*key, b"messages" | b"input" | b"system" | b"instructions"));
        pairs.filter_map(|(key, range)| Some((name(key)?, value(range)))).collect()
    };
    let (before, after) = (read(old), read(new));
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let value = |of: &BTreeMap<String, String>, name: &String| of.get(name).cloned().unwrap_or_else(|| "—".to_owned());
    let both = names.into_iter().map(|name| (name.clone(), value(&before, name), value(&after, name)));
    both.filter(|(_, before, after)| before != after).collect()
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::requests::diff::{Line, changed};

    #[test]
    fn a_message_is_new_gone_or_changed() {
        let line = |role: &'static str, text: &str| Line { role, text: text.to_owned() };
        let before = [line("user", "a"), line("assistant", "b"), line("user", "c")];
        let after = [line("user", "a x"), line("assistant", "b"), line("user", "c"), line("assistant", "d")];
        let told: Vec<&str> = changed(&before, &after).iter().map(|change| change.what.0).collect();
        assert_eq!(told, ["diff.changed", "diff.same", "diff.same", "diff.new"]);
    }
}
