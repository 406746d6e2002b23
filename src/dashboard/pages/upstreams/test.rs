//! Tests of upstreams, and the models they say they have.
//!
//! **Invariant:** at most four questions at a time are on their way for one form. **May import:** `state`, `roster`, `connector`, `db`.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use futures_util::stream::{StreamExt, iter};
use log::warn;

use crate::connector::Outbound;
use crate::dashboard::audit::Verb;
use crate::dashboard::form::Form;
use crate::dashboard::pages::login::local;
use crate::dashboard::pages::upstreams::bulk::entries;
use crate::dashboard::pages::upstreams::edit::unsaved;
use crate::dashboard::pages::upstreams::{back, page_of};
use crate::dashboard::probe::{self, AT_A_TIME, Test};
use crate::dashboard::reply::ApiError;
use crate::dashboard::visit::Visit;
use crate::dashboard::words::Key;
use crate::db::upstream_tests::{self, UpstreamTest};
use crate::db::upstreams::{self, UpstreamChange};
use crate::roster::Upstream;

/// Models tested by one form, at most.
const MODELS: usize = 50;

fn find(visit: &Visit, id: i64) -> Result<Arc<Upstream>, ApiError> {
    let snapshot = visit.state.roster.load();
    let found = snapshot.upstreams.iter().find(|upstream| upstream.id == id).cloned();
    found.ok_or_else(|| ApiError::keyed(StatusCode::NOT_FOUND, Key("test.not_usable")))
}

/// Tests an upstream, once per model, or once without; whether all went well.
pub(super) async fn test_one(visit: &Visit, outbound: &Outbound, upstream: &Upstream, models: &[String]) -> bool {
    let breaker = visit.state.roster.load().settings.breaker;
    let wishes: Vec<Option<&str>> =
        if models.is_empty() { vec![None] } else { models.iter().map(|model| Some(model.as_str())).collect() };
    let tests = iter(wishes.into_iter().map(|model| probe::test(outbound, upstream, model, &breaker)));
    let tests: Vec<_> = tests.buffered(AT_A_TIME).collect().await;
    let good = tests.iter().all(Test::is_good);
    let told = |test: &Test| UpstreamTest { upstream_id: upstream.id, at_us: test.at_us, good: test.is_good() };
    let told: Vec<UpstreamTest> = tests.iter().map(told).collect();
    // A database that is away keeps nobody from testing.
    if let Err(error) = visit.database(move |connection| upstream_tests::add(connection, &told)).await {
        warn!("a test of an upstream is not in its strip: {error}");
    }
    for test in tests {
        visit.state.memory.tests.learn(upstream.id, test);
    }
    good
}

/// Tests these upstreams, each once, and goes back to the list: `back` in it.
pub(super) async fn test_these(visit: &Visit, outbound: &Outbound, ids: &[i64], back: &str) -> HttpResponse {
    let snapshot = Arc::clone(&visit.state.roster.load());
    let chosen = snapshot.upstreams.iter().filter(|upstream| ids.contains(&upstream.id));
    let tests = iter(chosen.map(|upstream| test_one(visit, outbound, upstream, &[])));
    let results: Vec<bool> = tests.buffer_unordered(AT_A_TIME).collect().await;
    let good = results.iter().filter(|good| **good).count();
    let said = visit.frame.tf("bulk.tested", &[&results.len(), &good]);
    let mut response = if good == results.len() { visit.done(back, &said) } else { visit.failed(back, &said) };
    response.extensions_mut().insert(Verb("test"));
    response
}

/// `POST /admin/upstreams/{id}/test`: perhaps `models`, and where to go `back`.
pub(super) async fn one(
    visit: Visit,
    id: Path<i64>,
    form: Form,
    outbound: Data<Outbound>,
) -> Result<HttpResponse, ApiError> {
    let upstream = find(&visit, *id)?;
    let mut models = entries(form.text("models"));
    models.truncate(MODELS);
    let good = test_one(&visit, &outbound, &upstream, &models).await;
    let (back, said) = (local(form.text("back")), if good { Key("test.good") } else { Key("test.bad") });
    let said = visit.frame.tf(said.0, &[&upstream.label]);
    Ok(if good { visit.done(back, &said) } else { visit.failed(back, &said) })
}

/// `POST /admin/upstreams/test`: all that are switched on.
pub(super) async fn all(visit: Visit, form: Form, outbound: Data<Outbound>) -> Result<HttpResponse, ApiError> {
    let snapshot = Arc::clone(&visit.state.roster.load());
    let ids: Vec<i64> =
        snapshot.upstreams.iter().filter(|upstream| upstream.enabled).map(|upstream| upstream.id).collect();
    Ok(test_these(&visit, &outbound, &ids, &back(&form)).await)
}

/// `POST /admin/upstreams/{id}/models`: asks the upstream, as it is stored, which models it has. With the fields of its form
/// that form is shown again as it was typed.
pub(super) async fn fetch_models(
    visit: Visit,
    id: Path<i64>,
    form: Form,
    outbound: Data<Outbound>,
) -> Result<HttpResponse, ApiError> {
    let upstream = find(&visit, *id)?;
    let to = page_of(upstream.id);
    let (good, said) = match probe::models(&outbound, &upstream).await {
        Ok(models) => {
            let count = models.len();
            visit.state.memory.tests.learn_models(upstream.id, models);
            (true, visit.frame.tf("test.models_found", &[&count]))
        }
        Err(problem) => (false, visit.frame.tf("test.models_failed", &[&problem])),
    };
    match form.has("version") {
        true => unsaved(visit, upstream.id, &form, good, said).await,
        false if good => Ok(visit.done(&format!("{to}#models"), &said)),
        // Why stands at the top of the page.
        false => Ok(visit.failed(&to, &said)),
    }
}

/// `POST /admin/upstreams/{id}/allow`: the ticked `model`s become the allow list; patterns on it stay.
pub(super) async fn allow(visit: Visit, id: Path<i64>, form: Form) -> Result<HttpResponse, ApiError> {
    let id = *id;
    let ticked: Vec<String> = form.all("model").flat_map(entries).collect();
    visit
        .database(move |connection| {
            let row = upstreams::find(connection, id)?.ok_or(crate::error::Error::NotFound)?;
            let patterns = entries(&row.allow_models).into_iter().filter(|entry| entry.contains(['*', '?']));
            let allowed: Vec<String> = patterns.chain(ticked).collect();
            let change = UpstreamChange { allow_models: Some(allowed.join(",")), ..UpstreamChange::default() };
            upstreams::update(connection, id, &change)
        })
        .await?;
    visit.live().await;
    Ok(visit.done(&format!("{}#models", page_of(id)), visit.frame.t("test.allowed")))
}
