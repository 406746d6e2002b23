//! Many upstreams at once, and removal, which asks on a page of its own.
//!
//! **Invariant:** nothing is removed that was not named on the page that asked. **May import:** `state`, `db`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::connector::Outbound;
use crate::dashboard::form::Form;
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::upstreams::list::{Kept, listing};
use crate::dashboard::pages::upstreams::order::in_order;
use crate::dashboard::pages::upstreams::state::label;
use crate::dashboard::pages::upstreams::test::test_these;
use crate::dashboard::pages::upstreams::{LIST, back};
use crate::dashboard::reply::ApiError;
use crate::dashboard::shown;
use crate::dashboard::upstreams::MOST_WEIGHT;
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::upstreams::{self, UpstreamChange, UpstreamRow};

#[derive(Template)]
#[template(path = "upstreams/delete.html")]
struct Delete<'a> {
    f: &'a Frame,
    rows: Vec<(i64, String, String)>,
}

/// `POST /admin/upstreams/bulk`: `action`, perhaps `value`, and the ticked `id`s.
pub(super) async fn bulk(
    visit: Visit,
    form: Form,
    outbound: actix_web::web::Data<Outbound>,
) -> Result<HttpResponse, ApiError> {
    let (ids, back) = (form.numbers("id"), back(&form));
    if ids.is_empty() {
        return again(&visit, &form, Key("bulk.nothing")).await;
    }
    let value = form.text("value").to_owned();
    match form.text("action") {
        "test" => Ok(test_these(&visit, &outbound, &ids, &back).await),
        "delete" => confirm(&visit, &ids).await,
        action => {
            let action = match Action::parse(action, &value) {
                Ok(action) => action,
                Err(wrong) => return again(&visit, &form, wrong).await,
            };
            let done = visit
                .database(move |connection| {
                    let mut rows = upstreams::list(connection)?;
                    rows.retain(|row| ids.contains(&row.id));
                    let kept: Vec<String> = rows.iter().filter(|row| action.would_turn(row)).map(label).collect();
                    if !kept.is_empty() {
                        return Ok(Err((action.refusal(), kept.join(", "))));
                    }
                    let changes = rows.iter().filter_map(|row| Some((row.id, action.change(row)?)));
                    let changes: Vec<(i64, UpstreamChange)> = changes.collect();
                    for (id, change) in &changes {
                        upstreams::update(connection, *id, change)?;
                    }
                    Ok(Ok(changes.len()))
                })
                .await?;
            match done {
                Err((why, labels)) => Ok(visit.failed(&back, &visit.frame.tf(why.0, &[&labels]))),
                Ok(count) => {
                    visit.live().await;
                    Ok(visit.done(&back, &visit.frame.tf("bulk.done", &[&count])))
                }
            }
        }
    }
}

/// The list as it was, with what was ticked, chosen and typed, and what is wrong with it.
async fn again(visit: &Visit, form: &Form, wrong: Key) -> Page {
    let back = back(form);
    let query = Form::parse(back.split_once('?').map_or("", |(_, query)| query).as_bytes());
    let kept = Kept {
        ids: form.numbers("id"),
        action: form.text("action").to_owned(),
        value: form.text("value").to_owned(),
        problem: visit.frame.tf(wrong.0, &[&shown::exact(MOST_WEIGHT)]),
    };
    listing(visit, &query, kept).await
}

enum Action {
    Enable(bool),
    Weight(i64),
    Allow(Vec<String>),
    Disallow(Vec<String>),
}

impl Action {
    /// The action, or what is wrong with it or its value.
    fn parse(action: &str, value: &str) -> Result<Action, Key> {
        let models = || Some(entries(value)).filter(|models| !models.is_empty()).ok_or(Key("bulk.no_models"));
        let weight = || value.parse().ok().filter(|weight| (0..=MOST_WEIGHT).contains(weight));
        match action {
            "enable" => Ok(Action::Enable(true)),
            "disable" => Ok(Action::Enable(false)),
            "weight" => weight().map(Action::Weight).ok_or(Key("bulk.bad_weight")),
            "allow" => models().map(Action::Allow),
            "disallow" => models().map(Action::Disallow),
            _ => Err(Key("bulk.no_action")),
        }
    }

    /// Whether it would turn a list of models into its contrary: an empty one allows all, so that the last entry cannot be taken off
    /// it, and the first one put on it would forbid the others.
    fn would_turn(&self, row: &UpstreamRow) -> bool {
        let allowed = entries(&row.allow_models);
        match self {
            Action::Allow(_) => allowed.is_empty(),
            Action::Disallow(models) => !allowed.is_empty() && allowed.iter().all(|one| models.contains(one)),
            Action::Enable(_) | Action::Weight(_) => false,
        }
    }

    /// What is said of upstreams of which that is so.
    fn refusal(&self) -> Key {
        if matches!(self, Action::Allow(_)) { Key("bulk.narrows") } else { Key("bulk.opens") }
    }

    /// The edit of a row; `None` when it is so already.
    fn change(&self, row: &UpstreamRow) -> Option<UpstreamChange> {
        let before = entries(&row.allow_models);
        let lists = |after: Vec<String>| {
            let change = UpstreamChange { allow_models: Some(after.join(",")), ..UpstreamChange::default() };
            (after.len() != before.len()).then_some(change)
        };
        match self {
            Action::Enable(on) => {
                (row.enabled != *on).then(|| UpstreamChange { enabled: Some(*on), ..UpstreamChange::default() })
            }
            Action::Weight(weight) => {
                (row.weight != *weight).then(|| UpstreamChange { weight: Some(*weight), ..UpstreamChange::default() })
            }
            Action::Allow(models) => {
                let new = models.iter().filter(|model| !before.contains(model));
                lists(before.iter().chain(new).cloned().collect())
            }
            Action::Disallow(models) => lists(before.iter().filter(|model| !models.contains(model)).cloned().collect()),
        }
    }
}

/// A list's entries, by commas or lines.
pub(in crate::dashboard) fn entries(list: &str) -> Vec<String> {
    list.split([',', '\n', '，']).map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
}

/// `GET /admin/upstreams/delete?id=`: asks.
pub(super) async fn ask(visit: Visit) -> Page {
    let ids = visit.query().numbers("id");
    confirm(&visit, &ids).await
}

async fn confirm(visit: &Visit, ids: &[i64]) -> Page {
    let rows = in_order(visit.database(|connection| upstreams::list(connection)).await?);
    let rows: Vec<_> =
        rows.into_iter().filter(|row| ids.contains(&row.id)).map(|row| (row.id, label(&row), row.endpoint)).collect();
    if rows.is_empty() {
        return Err(ApiError::keyed(StatusCode::NOT_FOUND, Key("upstreams.gone")));
    }
    visit.page(&Delete { f: &visit.frame, rows })
}

/// `POST /admin/upstreams/delete`: removes the `id`s; those gone already are no problem.
pub(super) async fn remove(visit: Visit, form: Form) -> Result<HttpResponse, ApiError> {
    let ids = form.numbers("id");
    for id in &ids {
        visit.state.memory.tests.forget(*id);
    }
    let removed = visit
        .database(move |connection| {
            let known = upstreams::list(connection)?;
            let here: Vec<i64> = ids.into_iter().filter(|id| known.iter().any(|row| row.id == *id)).collect();
            here.iter().try_for_each(|id| upstreams::remove(connection, *id))?;
            Ok(here.len())
        })
        .await?;
    visit.live().await;
    Ok(visit.done(LIST, &visit.frame.tf("upstreams.removed", &[&removed])))
}
