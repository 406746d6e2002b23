//! Models that upstreams name, and the routing check: who would serve a request, and why not the others.
//!
//! **Invariant:** nothing here calls anybody; the check asks the same plan as requests do. **May import:** `state`, `roster`, `balance`.

use std::collections::{BTreeSet, HashMap};

use actix_web::http::StatusCode;
use askama::Template;

use crate::balance::candidate::{Need, mix};
use crate::balance::plan::WhyNot;
use crate::balance::standing::Standing;
use crate::dashboard::dress::escaped;
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::settings::dollars;
use crate::dashboard::pages::span::{filter, requests as found};
use crate::dashboard::pages::upstreams::entries;
use crate::dashboard::pages::upstreams::state::until;
use crate::dashboard::reply::ApiError;
use crate::dashboard::shown::{Figure, duration};
use crate::dashboard::visit::{Page, Visit};
use crate::dashboard::words::Key;
use crate::db::prices::PriceRow;
use crate::db::rollups::{By, Filter, Query, counts};
use crate::db::{PooledConnection, client_keys, prices, settings, upstreams};
use crate::roster::{ModelMap, Roster, Snapshot, Upstream, key_entries, unknown_keys};
use crate::usage::prices::PriceBook;

/// Models shown; more than this are counted.
const MOST: usize = 1_000;
/// Names of upstreams shown per model.
const NAMES: usize = 4;
const WEEK_US: i64 = 7 * 86_400_000_000;

#[derive(Template)]
#[template(path = "models/list.html")]
struct List<'a> {
    f: &'a Frame,
    rows: Vec<ModelRow>,
    /// Models beyond those shown.
    more: usize,
    /// Models that nobody may be asked for any more, and how many requests named them in the last 7 days.
    orphans: Vec<(String, String)>,
    /// Upstreams that serve any model.
    open: Vec<String>,
    policy: &'static str,
}

struct ModelRow {
    model: String,
    /// Those that may be asked, in order.
    names: Vec<String>,
    more: usize,
    /// How many of them are ready.
    ready: usize,
    /// Of the last 7 days.
    requests: Figure,
    link: String,
    /// Dollars per million tokens: in, out, from a cache; `—` where unknown.
    price: [String; 3],
    is_priced: bool,
    /// Where the price is edited, or a first one is given.
    price_link: String,
}

#[derive(Template)]
#[template(path = "models/route.html")]
struct Route<'a> {
    f: &'a Frame,
    model: String,
    key: String,
    keys: Vec<String>,
    /// The reply would be streamed.
    stream: bool,
    /// The key lets nobody in, whoever would serve its requests.
    is_disabled: bool,
    /// There is no such key.
    is_unknown: bool,
    policy: &'static str,
    /// Those that would be tried, in order.
    tried: Vec<Candidate>,
    /// The others.
    out: Vec<Candidate>,
    asked: bool,
}

struct Candidate {
    id: i64,
    name: String,
    priority: i64,
    weight: u32,
    /// What the model is called there, where that is not what is asked for.
    sent: Option<String>,
    /// How long it is waited for.
    clocks: String,
    class: &'static str,
    why: String,
}

fn need<'a>(snapshot: &'a Snapshot, model: &'a str, key_name: &'a str) -> Need<'a> {
    let key_models = snapshot.settings.models_of(key_name);
    Need { model, key_name, key_models, home: None, conversation: mix(0) }
}

/// `GET /admin/models`.
pub(super) async fn list(visit: Visit) -> Page {
    let (to_us, from_us) = (visit.frame.now_us, visit.frame.now_us - WEEK_US);
    let query = Query { from_us, to_us, step_s: WEEK_US / 1_000_000, filter: Filter::default(), by: Some(By::Model) };
    let (rows, points, prices) = visit
        .database(move |connection| {
            Ok((upstreams::list(connection)?, counts(connection, &query)?, prices::list(connection)?))
        })
        .await?;
    let mut requests: HashMap<&str, i64> = HashMap::new();
    points.iter().for_each(|point| *requests.entry(&point.group).or_default() += point.figures.requests);
    let ids: HashMap<String, i64> = prices.iter().map(|price| (price.pattern.clone(), price.id)).collect();
    let prices = PriceBook::new(prices.iter().map(PriceRow::price).collect());
    // What was asked for counts as well, or nobody would see that no upstream is left for it.
    let mut models: BTreeSet<String> =
        requests.keys().filter(|model| !model.is_empty()).map(|model| (*model).to_owned()).collect();
    for row in rows.iter().filter(|row| row.enabled) {
        models.extend(entries(&row.allow_models).into_iter().filter(|entry| !entry.contains(['*', '?'])));
        models.extend(visit.state.memory.tests.of(row.id).models.into_iter().flatten());
        models.extend(ModelMap::parse(&row.model_map).unwrap_or_default().asked().map(str::to_owned));
    }
    let snapshot = visit.state.roster.load();
    let now_ms = visit.frame.now_us / 1000;
    let more = models.len().saturating_sub(MOST);
    let shown = models.into_iter().take(MOST).map(|model| {
        let asked = requests.get(model.as_str()).copied().unwrap_or(0);
        let price = prices.find(&model);
        let id = price.and_then(|price| ids.get(&price.pattern));
        let dollars = |pico: Option<i64>| pico.map_or_else(|| "—".to_owned(), dollars);
        ModelRow {
            requests: Figure::of(asked),
            link: if asked > 0 { found(&visit.frame, &filter("model", &model), "range=7d") } else { String::new() },
            price: [
                dollars(price.map(|price| price.input)),
                dollars(price.map(|price| price.output)),
                dollars(price.and_then(|price| price.cached)),
            ],
            is_priced: id.is_some(),
            price_link: match id {
                Some(id) => format!("/admin/settings?tab=prices&edit={id}"),
                None => format!("/admin/settings?tab=prices&pattern={}", escaped(&model)),
            },
            ..model_row(&visit.state.roster, &snapshot, model.clone(), now_ms)
        }
    });
    let rows: Vec<ModelRow> = shown.collect();
    let orphans = rows.iter().filter(|row| row.names.is_empty() && !row.link.is_empty());
    let orphans = orphans.map(|row| (row.model.clone(), row.requests.text().to_owned())).collect();
    let open = snapshot.upstreams.iter().filter(|upstream| upstream.enabled && upstream.rules.allow.is_empty());
    visit.page(&List {
        f: &visit.frame,
        rows,
        more,
        orphans,
        open: open.map(|upstream| upstream.label.clone()).collect(),
        policy: snapshot.settings.policy.as_str(),
    })
}

fn model_row(roster: &Roster, snapshot: &Snapshot, model: String, now_ms: i64) -> ModelRow {
    // Key lists aside: somebody may ask there.
    let plan = roster.rehearse(snapshot, &need(snapshot, &model, ""), now_ms);
    let may = plan.iter().filter(|(_, why)| !is_final(why.as_ref()) || matches!(why, Some(WhyNot::KeyNotAllowed)));
    let names: Vec<String> = may.clone().map(|(index, _)| snapshot.upstreams[*index].label.clone()).collect();
    let is_ready = |index: usize| snapshot.upstreams[index].measured.standing(&model, now_ms) == Standing::Ready;
    let ready = may.filter(|(index, _)| is_ready(*index)).count();
    let more = names.len().saturating_sub(NAMES);
    let names = names.into_iter().take(NAMES).collect();
    ModelRow {
        names,
        more,
        ready,
        model,
        requests: Figure::default(),
        link: String::new(),
        price: Default::default(),
        is_priced: false,
        price_link: String::new(),
    }
}

/// Whether no plan holds such a candidate, rather than holding it last.
fn is_final(why: Option<&WhyNot>) -> bool {
    match why {
        Some(WhyNot::Disabled | WhyNot::ModelNotAllowed | WhyNot::ModelDenied) => true,
        Some(WhyNot::KeyNotAllowed | WhyNot::ModelNotForKey) => true,
        None | Some(WhyNot::Cooling { .. } | WhyNot::KeyBad | WhyNot::Probing) => false,
    }
}

/// `GET /admin/models/route?model=&key=&stream=`; a stream is served by the same upstreams, and waited for in another way.
pub(super) async fn route(visit: Visit) -> Page {
    let query = visit.query();
    let (model, key) = (query.text("model").to_owned(), query.text("key").to_owned());
    let stream = match query.text("stream") {
        "" | "0" | "false" => false,
        "1" | "true" => true,
        _ => return Err(ApiError::keyed(StatusCode::BAD_REQUEST, Key("route.no_such_stream"))),
    };
    let load = |connection: &mut PooledConnection| {
        Ok((settings::get(connection, "authorization")?.unwrap_or_default(), client_keys::list(connection)?))
    };
    let (authorization, rows) = visit.database(load).await?;
    let is_unknown = !unknown_keys(&key, "", &authorization).is_empty();
    let mut keys: Vec<String> = key_entries(&authorization).into_iter().map(|key| key.name).collect();
    if is_unknown {
        keys.push(key.clone());
    }
    let snapshot = visit.state.roster.load();
    let f = &visit.frame;
    let (mut tried, mut out) = (Vec::new(), Vec::new());
    if !model.is_empty() {
        for (index, why) in visit.state.roster.rehearse(&snapshot, &need(&snapshot, &model, &key), f.now_us / 1000) {
            let upstream = &snapshot.upstreams[index];
            // It stands in its place as a ready one does, and nobody knows whether it works again.
            let is_probe = upstream.measured.standing(&model, f.now_us / 1000) == Standing::Probe;
            let candidate = Candidate {
                id: upstream.id,
                name: upstream.label.clone(),
                priority: upstream.priority,
                weight: upstream.weight,
                sent: upstream.models.get(&model).map(|sent| sent.name.clone()),
                clocks: waits(f, upstream, stream),
                class: if why.is_none() && !is_probe { "ok" } else { "warn" },
                why: if why.is_none() && is_probe { f.t("route.probe").to_owned() } else { reason(f, why) },
            };
            if is_final(why.as_ref()) { out.push(candidate) } else { tried.push(candidate) }
        }
    }
    visit.page(&Route {
        f,
        asked: !model.is_empty(),
        model,
        is_disabled: rows.iter().any(|row| row.disabled && row.name == key),
        key,
        is_unknown,
        keys,
        stream,
        policy: snapshot.settings.policy.as_str(),
        tried,
        out,
    })
}

/// What an upstream is given time for, and how much.
fn waits(f: &Frame, upstream: &Upstream, stream: bool) -> String {
    let clocks = &upstream.clocks;
    let content = (Key("route.first_content"), clocks.first_content_ms);
    let all = [
        Some((Key("route.connect"), clocks.connect_ms)),
        Some((Key("route.first_byte"), clocks.first_byte_ms)),
        stream.then_some(content),
        Some((Key("route.silence"), clocks.idle_ms)),
    ];
    let told = |(key, ms): (Key, u64)| {
        let us = i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1_000);
        format!("{} {}", f.k(&key), duration(us))
    };
    all.into_iter().flatten().map(told).collect::<Vec<_>>().join(" · ")
}

fn reason(f: &Frame, why: Option<WhyNot>) -> String {
    let key = match why {
        None => Key("route.ready"),
        Some(WhyNot::Disabled) => Key("route.disabled"),
        Some(WhyNot::ModelNotAllowed) => Key("route.not_allowed"),
        Some(WhyNot::ModelDenied) => Key("route.denied"),
        Some(WhyNot::KeyNotAllowed) => Key("route.key"),
        Some(WhyNot::ModelNotForKey) => Key("route.key_models"),
        Some(WhyNot::KeyBad) => Key("route.key_bad"),
        Some(WhyNot::Probing) => Key("route.probing"),
        Some(WhyNot::Cooling { until_ms }) => return f.tf("route.cooling", &[&until(f, until_ms)]),
    };
    f.k(&key).to_owned()
}
