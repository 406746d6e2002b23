//! openai-api-route: a load balancer for the OpenAI API that records every conversation.
//!
//! # Rooms
//!
//! | room | what it is for |
//! |---|---|
//! | [`config`] | flags and environment → a validated [`config::Config`]; the only reader of the environment |
//! | [`console`] | what is said on the terminal: first start, `-add`, `-list` |
//! | [`server`] | bind, workers, THE ROUTE TABLE, shutdown |
//! | [`proxy`] | the hot path: from a caller's request to an upstream's reply |
//! | [`dashboard`] | the operator's side: the admin API, and the pages at `/admin` |
//! | [`state`] | what a handler may reach |
//! | [`roster`] | live snapshot of settings and upstreams, and what is measured of them |
//! | [`recorder`] | takes finished requests without a wait, writes them in batches |
//! | [`export`] | records as JSON, lines, tables, examples to train on |
//! | [`notify`] | incidents → Feishu, Matrix, a webhook |
//! | [`metrics`] | what is counted of requests, as Prometheus reads it |
//! | [`db`] | the only room that knows SQL |
//! | [`connector`] | connections to other servers, also through proxies |
//! | [`error`] | what is told to the operator at start, and to the admin API afterwards |
//! | [`openai`] | pure: the wire format of the OpenAI API |
//! | [`balance`] | pure: whom to try, how they are doing, what to do next |
//! | [`search`] | pure: the query language, what it means that a text contains a term, the index |
//! | [`usage`] | pure: what requests cost and how long they took |
//!
//! # Import law
//!
//! One direction, kept true by `tests/it/tidy.rs`:
//! `main → lib → {server, console} → {proxy, dashboard} → state → {roster, recorder, export} → notify → metrics → {db, connector} → error`,
//! and anyone may name `config`'s constants. `balance`, `openai`, `search` and `usage` import nothing of the crate, and no actix,
//! awc, diesel, log, clock or lock; every room may use them. `proxy` never names `db`; `dashboard` never names `proxy`. One knot is
//! tied on purpose: `state` holds the dashboard's memory.
//!
//! # The life of a request
//!
//! 1. [`server`] hands `/v1/*` to [`proxy::forward`], whatever method and path.
//! 2. A record is opened: a guard that files itself exactly once, however the request ends.
//! 3. The caller is identified, the body taken: held up to the replay buffer, else passed on as it comes.
//! 4. [`openai::peek`] reads model and stream flag; [`roster::Roster::plan`] gives the upstreams in the order to try.
//! 5. Each attempt gives an outcome; health, log and notices are told; [`balance::verdict`] says reply, next or give up.
//! 6. The relay passes the reply's bytes on as they come and keeps a cheap copy.
//! 7. The guard is dropped: the recorder splits the body, finds its conversation and stores; [`db`] indexes behind it.

pub mod balance;
pub mod config;
pub mod connector;
pub mod console;
pub mod dashboard;
pub mod db;
pub mod error;
pub mod export;
pub mod metrics;
pub mod notify;
pub mod openai;
pub mod proxy;
pub mod recorder;
pub mod roster;
pub mod search;
pub mod server;
pub mod state;
pub mod usage;

use std::io::Write;
use std::sync::Arc;

use actix_web::web::Data;
use log::info;

use crate::config::{Config, Task};
use crate::dashboard::Memory;
use crate::db::{Database, Opened, upstreams};
use crate::error::StartError;
use crate::metrics::Metrics;
use crate::notify::Notifier;
use crate::recorder::{Needs, Recorder};
use crate::roster::Roster;
use crate::state::{Running, State};

/// Does what the command line asks for; returns when it is done.
///
/// # Errors
/// One line for the operator.
pub fn run(config: &Config) -> Result<(), StartError> {
    match &config.task {
        Task::Serve => serve(config),
        Task::Add { sk, endpoint } => say(&console::add(&open(config)?, sk, endpoint)?),
        Task::List => say(console::list(&open(config)?.database)?.trim_end()),
        Task::Export { file, query, format } => {
            let format = format.as_deref().map(str::parse).transpose();
            let format = format.map_err(|error| StartError::new(format!("-format {error}")))?;
            say(&console::export(&open(config)?.database, file, query, format)?)
        }
        Task::Search { query } => console::search(&open(config)?.database, query),
        Task::ResetAdminPassword => {
            let opened = open(config)?;
            let mut connection = opened.database.connect().map_err(|error| StartError::new(error.to_string()))?;
            say(&console::reset_admin_password(&mut connection, config)?)
        }
    }
}

/// Standard output is for what was asked for; logs go to standard error.
fn say(text: &str) -> Result<(), StartError> {
    writeln!(std::io::stdout(), "{text}")
        .map_err(|error| StartError::new(format!("cannot write to standard output: {error}")))
}

fn open(config: &Config) -> Result<Opened, StartError> {
    let opened = Database::open(&config.database)?;
    if let Some(taken) = &opened.taken_over {
        say(&taken.to_string())?;
    }
    Ok(opened)
}

fn serve(config: &Config) -> Result<(), StartError> {
    // A busy port must leave the database as it is.
    let listener = server::bind(config)?;
    let address = listener
        .local_addr()
        .map_err(|error| StartError::new(format!("the listening socket has no address: {error}")))?;
    let tls = connector::tls_connector()?;
    let database = open(config)?.database;
    let first = console::prepare(&database, config)?;
    console::warn_of_open_doors(&database, config.noauth)?;
    let (roster, watch) = Roster::start(&database, config.setting_defaults.clone())?;
    let settings = Arc::clone(&roster);
    let (notifier, notifying) = Notifier::start(tls.clone(), move || settings.load().settings.channels.clone())?;
    let (of_prices, of_retention, of_redaction) = (Arc::clone(&roster), Arc::clone(&roster), Arc::clone(&roster));
    let needs = Needs {
        notifier: notifier.clone(),
        memory_bytes: roster.load().settings.record_memory_bytes,
        prices: Box::new(move || Arc::clone(&of_prices.load().prices)),
        redaction: Box::new(move || Arc::clone(&of_redaction.load().settings.redaction)),
        retention: Box::new(move || of_retention.load().settings.retention),
    };
    let (recorder, recording) = Recorder::start(&database, needs)?;
    let state = Data::new(State {
        roster,
        recorder,
        notifier,
        memory: Memory::default(),
        static_dir: config.static_dir.clone(),
        origins: config.origins.clone(),
        metrics: Metrics::default(),
        running: Running::default(),
        noauth: config.noauth,
        body_limit_bytes: config.body_limit_bytes,
        database: database.clone(),
    });
    let has_upstreams =
        database.get().and_then(|mut connection| upstreams::list(&mut connection)).is_ok_and(|rows| !rows.is_empty());
    let ready = || say(first.text(address, config, &database.describe(), has_upstreams).trim_end());
    let served = actix_rt::System::new().block_on(server::serve(listener, state.clone(), tls, config, ready));

    state.recorder.stop();
    for thread in recording {
        let _ = thread.join();
    }
    state.notifier.stop();
    drop(watch);
    let _ = notifying.join();
    info!("stopped");
    served
}
