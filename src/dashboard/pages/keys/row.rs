//! A key as pages show it: what is stored of it, what it may ask, what it has asked. Start at [`Stored::load`].
//!
//! **Invariant:** what a key has asked comes from sums alone, whatever the number of its records. **May import:** `state`, `db`, `roster`.

use std::collections::{BTreeSet, HashMap};

use crate::dashboard::frame::Frame;
use crate::dashboard::pages::keys::{SETTING, page_of};
use crate::dashboard::pages::span::{filter, requests};
use crate::dashboard::pages::upstreams::entries;
use crate::dashboard::pages::upstreams::state::label;
use crate::dashboard::reply::ApiError;
use crate::dashboard::shown::{self, Figure, Moment};
use crate::dashboard::visit::Visit;
use crate::dashboard::words::Key;
use crate::db::client_keys::{self, KeyRow};
use crate::db::rollups::{By, Figures, Filter, Query, counts};
use crate::db::settings;
use crate::db::upstreams::{self, UpstreamRow};
use crate::error::Error;
use crate::roster::{ClientKey, KNOWN_KEY, Recording};

const HOUR_US: i64 = 3_600_000_000;
const MONTH_US: i64 = 30 * 24 * HOUR_US;
/// Of this long ago, the minute of a key's last request is told; of earlier ones the hour.
const MINUTES_US: i64 = 2 * HOUR_US;
/// Names of models shown.
const NAMES: usize = 4;

/// Everything that is stored of keys.
pub(super) struct Stored {
    pub(super) authorization: String,
    pub(super) upstreams: Vec<UpstreamRow>,
    rows: Vec<KeyRow>,
    used: HashMap<String, Used>,
}

/// What a key has asked in 30 days.
#[derive(Default)]
struct Used {
    sum: Figures,
    /// Where the minute or hour of the last request begins.
    last_us: i64,
}

impl Stored {
    pub(super) async fn load(visit: &Visit) -> Result<Stored, ApiError> {
        let now_us = visit.frame.now_us;
        let load = move |connection: &mut crate::db::PooledConnection| -> Result<Stored, Error> {
            let query = |from_us, step_s| Query {
                from_us,
                to_us: now_us,
                step_s,
                filter: Filter::default(),
                by: Some(By::Key),
            };
            let mut used: HashMap<String, Used> = HashMap::new();
            for point in counts(connection, &query(now_us - MONTH_US, 3600))? {
                let used = used.entry(point.group).or_default();
                used.sum = std::mem::take(&mut used.sum).plus(&point.figures);
                used.last_us = used.last_us.max(point.bucket_s * 1_000_000);
            }
            for point in counts(connection, &query(now_us - MINUTES_US, 60))? {
                let used = used.entry(point.group).or_default();
                used.last_us = used.last_us.max(point.bucket_s * 1_000_000);
            }
            Ok(Stored {
                authorization: settings::get(connection, SETTING)?.unwrap_or_default(),
                upstreams: upstreams::list(connection)?,
                rows: client_keys::list(connection)?,
                used,
            })
        };
        visit.database(load).await
    }
}

/// See the module.
pub(super) struct Row {
    pub(super) name: String,
    /// To its page.
    pub(super) link: String,
    pub(super) last4: String,
    pub(super) known_to_all: bool,
    pub(super) disabled: bool,
    pub(super) created: Option<Moment>,
    /// The old key's last four, and until when it lets in.
    pub(super) old: Option<(String, Moment)>,
    pub(super) last: Option<Moment>,
    /// Of 30 days.
    pub(super) asked: i64,
    pub(super) requests: Figure,
    pub(super) cost: String,
    /// How many requests are not in the cost; empty when all are.
    pub(super) unpriced: String,
    /// To these requests.
    pub(super) found: String,
    /// Upstreams that serve it; `None` means all do.
    pub(super) upstreams: Option<Vec<String>>,
    /// Models that it may ask for, and that these upstreams are for; `None` means any.
    pub(super) models: Option<String>,
    /// The list of models that is set for it alone.
    pub(super) own_models: String,
    /// At most this much is recorded of it, as set for it alone.
    pub(super) own_level: &'static str,
    /// How much is recorded of it.
    pub(super) level: &'static str,
}

impl Row {
    pub(super) fn of(visit: &Visit, key: &ClientKey, stored: &Stored) -> Row {
        let f = &visit.frame;
        let serves = |row: &&UpstreamRow| row.allow_keys.is_empty() || entries(&row.allow_keys).contains(&key.name);
        let serving: Vec<&UpstreamRow> = stored.upstreams.iter().filter(serves).collect();
        let none = KeyRow::default();
        let row = stored.rows.iter().find(|row| row.name == key.name).unwrap_or(&none);
        let used = stored.used.get(&key.name);
        let sum = used.map(|used| used.sum.clone()).unwrap_or_default();
        let snapshot = visit.state.roster.load();
        let own_level = snapshot.settings.record_keys.of(&key.name);
        let old = Some(row).filter(|row| !row.old_key.is_empty() && row.old_until_us > f.now_us);
        Row {
            link: page_of(&key.name),
            last4: key.last4(),
            known_to_all: key.secret == KNOWN_KEY,
            disabled: row.disabled,
            created: row.created_us.map(|us| f.time(&us)),
            old: old.map(|row| (ClientKey::new("", &row.old_key).last4(), f.time(&row.old_until_us))),
            last: used.map(|used| f.time(&used.last_us)),
            asked: sum.requests,
            requests: Figure::of(sum.requests),
            cost: match sum.cost_nano {
                0 if sum.unpriced > 0 || sum.requests == 0 => "—".to_owned(),
                nano => shown::money(nano),
            },
            unpriced: match sum.unpriced {
                0 => String::new(),
                count => f.tf("overview.unpriced", &[&shown::exact(count)]),
            },
            found: requests(f, &filter("key", &key.name), "range=30d"),
            models: match entries(&row.allow_models) {
                own if own.is_empty() => models(f, &serving),
                own => Some(few(f, own)),
            },
            own_models: row.allow_models.clone(),
            upstreams: (serving.len() < stored.upstreams.len()).then(|| serving.into_iter().map(label).collect()),
            own_level: level(own_level),
            level: level(own_level.min(snapshot.settings.recording)),
            name: key.name.clone(),
        }
    }

    /// Sign and word of its state, and the badge's class.
    pub(super) fn state(&self) -> (&'static str, &'static str, Key) {
        match (self.disabled, &self.old) {
            (true, _) => ("off", "○", Key("keys.state.off")),
            (false, Some(_)) => ("warn", "◔", Key("keys.state.replaced")),
            (false, None) => ("ok", "●", Key("keys.state.on")),
        }
    }

    /// Whether it is in a state of the list's filter.
    pub(super) fn is(&self, state: &str) -> bool {
        match state {
            "on" => !self.disabled,
            "off" => self.disabled,
            "replaced" => !self.disabled && self.old.is_some(),
            "unused" => self.asked == 0,
            _ => true,
        }
    }
}

/// The name of a level.
pub(super) fn level(recording: Recording) -> &'static str {
    match recording {
        Recording::Full => "full",
        Recording::Metadata => "metadata",
        Recording::Off => "off",
    }
}

/// The models that these upstreams are for, a few of them; `None` when one of them takes any.
fn models(f: &Frame, serving: &[&UpstreamRow]) -> Option<String> {
    if serving.is_empty() {
        return Some("—".to_owned());
    }
    let mut all = BTreeSet::new();
    for row in serving {
        let models = entries(&row.allow_models);
        if models.is_empty() {
            return None;
        }
        all.extend(models);
    }
    Some(few(f, all.into_iter().collect()))
}

/// The first of them, and how many more there are.
fn few(f: &Frame, names: Vec<String>) -> String {
    let more = names.len().saturating_sub(NAMES);
    let told = names.into_iter().take(NAMES).collect::<Vec<_>>().join(", ");
    if more > 0 { f.tf("models.and_more", &[&told, &more]) } else { told }
}
