//! The command line and the environment, in two steps: what was typed ([`Args`]) and what it means ([`Config`]).
//!
//! Flags may be written with one dash, as the original's are, or with two. Each flag has an environment variable
//! `OPENAI_API_ROUTE_…`. Settings that can change while the program runs are rows of `config_kvs`, not flags.
//!
//! **Invariant:** nobody else reads the environment. **May import:** `error`.

mod addresses;
mod origins;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{CommandFactory, FromArgMatches, Parser};

use crate::config::addresses::listen_addresses;
use crate::error::StartError;

pub use origins::{Origin, Source};

/// What is used when `-endpoint` is not given.
pub const DEFAULT_ENDPOINT: &str = "https://api.openai.com/v1";

/// A load balancer for the OpenAI API that records every conversation.
#[derive(Parser, Debug)]
#[command(name = "openai-api-route", version, about, max_term_width = 100)]
pub struct Args {
    /// Address to listen on; without a host all interfaces
    #[arg(long, env = "OPENAI_API_ROUTE_ADDR", default_value = ":8888", value_name = "HOST:PORT")]
    addr: String,

    /// SQLite file (created when missing), or postgres://user:password@host/database
    #[arg(
        long,
        env = "OPENAI_API_ROUTE_DATABASE",
        default_value = "./db.sqlite",
        value_name = "PATH|URL",
        hide_env_values = true
    )]
    database: String,

    /// Let callers use /v1 without a key
    #[arg(long, env = "OPENAI_API_ROUTE_NOAUTH", value_parser = FalseyValueParser::new(),
          num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_default_value = true, hide_possible_values = true,
        value_name = "true|false")]
    noauth: bool,

    /// Add an upstream (with -sk and -endpoint), then exit
    #[arg(long, env = "OPENAI_API_ROUTE_ADD", value_parser = FalseyValueParser::new(),
          num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_default_value = true, hide_possible_values = true,
        value_name = "true|false")]
    add: bool,

    /// The upstream's key for -add; `asis` passes the caller's own
    #[arg(
        long,
        env = "OPENAI_API_ROUTE_SK",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true,
        hide_env_values = true,
        value_name = "SK"
    )]
    sk: String,

    /// The upstream's base URL for -add
    #[arg(long, env = "OPENAI_API_ROUTE_ENDPOINT", default_value = DEFAULT_ENDPOINT, value_name = "URL")]
    endpoint: String,

    /// List the upstreams, then exit
    #[arg(long, env = "OPENAI_API_ROUTE_LIST", value_parser = FalseyValueParser::new(),
          num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_default_value = true, hide_possible_values = true,
        value_name = "true|false")]
    list: bool,

    /// Make a new admin password, print it, then exit
    #[arg(long, env = "OPENAI_API_ROUTE_RESET_ADMIN_PASSWORD", value_parser = FalseyValueParser::new(),
          num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_default_value = true, hide_possible_values = true,
        value_name = "true|false")]
    reset_admin_password: bool,

    /// Write the records that match -query into a file (.jsonl or .csv), then exit
    #[arg(long, env = "OPENAI_API_ROUTE_EXPORT", value_name = "FILE")]
    export: Option<PathBuf>,

    /// Which records -export writes; without it all
    #[arg(
        long,
        env = "OPENAI_API_ROUTE_QUERY",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true,
        value_name = "QUERY"
    )]
    query: String,

    /// What -export writes, when the file's name does not tell: jsonl, csv, openai (examples for fine-tuning)
    #[arg(long, env = "OPENAI_API_ROUTE_FORMAT", value_name = "FORMAT")]
    format: Option<String>,

    /// Print the records that match, the newest first, then exit
    #[arg(long, env = "OPENAI_API_ROUTE_SEARCH", allow_hyphen_values = true, value_name = "QUERY")]
    search: Option<String>,

    /// Client key to set at the first start instead of a random one
    #[arg(
        long,
        env = "OPENAI_API_ROUTE_CLIENT_KEY",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true,
        value_name = "KEY"
    )]
    client_key: String,

    /// Admin password to set at the first start instead of a random one
    #[arg(
        long,
        env = "OPENAI_API_ROUTE_ADMIN_PASSWORD",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true,
        value_name = "PASSWORD"
    )]
    admin_password: String,

    /// Worker threads; 0 means one per core
    #[arg(long, env = "OPENAI_API_ROUTE_WORKERS", default_value_t = 0, value_name = "N")]
    workers: usize,

    /// What to log: error, warn, info, debug, trace, or env_logger's filter syntax
    #[arg(long, env = "OPENAI_API_ROUTE_LOG_LEVEL", default_value = "info", value_name = "LEVEL")]
    log_level: String,

    /// Largest request body in bytes
    #[arg(long, env = "OPENAI_API_ROUTE_BODY_LIMIT", default_value_t = 1 << 30, value_name = "BYTES")]
    body_limit: u64,

    /// How long running requests may go on after SIGTERM, in seconds
    #[arg(long, env = "OPENAI_API_ROUTE_SHUTDOWN_TIMEOUT", default_value_t = 300, value_name = "SECONDS")]
    shutdown_timeout: u64,

    /// Folder to read the dashboard's static files from, instead of those built in (for development)
    #[arg(long, env = "OPENAI_API_ROUTE_STATIC_DIR", value_name = "PATH")]
    static_dir: Option<PathBuf>,

    /// Feishu webhook for notices, unless the setting feishu_webhook is there
    #[arg(
        long,
        env = "FEISHU_WEBHOOK",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true,
        value_name = "URL"
    )]
    feishu_webhook: String,

    /// Matrix address for notices (a simple POST), unless the setting matrix_api is there
    #[arg(
        long,
        env = "MATRIX_API",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true,
        value_name = "URL"
    )]
    matrix_api: String,
}

/// What the program is asked to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Task {
    /// Serve callers until told to stop.
    Serve,
    /// Add one upstream.
    Add {
        /// The key, as typed.
        sk: String,
        /// The base URL, as typed.
        endpoint: String,
    },
    /// Print the upstreams.
    List,
    /// Replace the admin password.
    ResetAdminPassword,
    /// Write records into a file.
    Export {
        /// Which file.
        file: PathBuf,
        /// Which records.
        query: String,
        /// In which format; `None`: as the file's name says.
        format: Option<String>,
    },
    /// Print records.
    Search {
        /// Which records.
        query: String,
    },
}

/// The validated meaning of the command line.
pub struct Config {
    /// What to do.
    pub task: Task,
    /// Where to listen: the first of these that can be bound.
    pub addresses: Vec<SocketAddr>,
    /// The database as typed.
    pub database: String,
    /// `/v1` is open to everyone.
    pub noauth: bool,
    /// Client key for the first start; empty = make one.
    pub client_key: String,
    /// Admin password for the first start, and for a reset; empty = make one.
    pub admin_password: String,
    /// Worker threads, at least 1.
    pub workers: usize,
    /// env_logger filter.
    pub log_filter: String,
    /// Largest request body in bytes.
    pub body_limit_bytes: u64,
    /// How long running requests may go on after SIGTERM, in seconds.
    pub shutdown_timeout_s: u64,
    /// Where the dashboard's static files are, instead of those built in.
    pub static_dir: Option<PathBuf>,
    /// Fallbacks for settings of the same names: (key, value), empty values left out.
    pub setting_defaults: Vec<(String, String)>,
    /// How this program was called, for hints.
    pub program: PathBuf,
    /// Who gave which value, for the dashboard.
    pub origins: Vec<Origin>,
}

impl Config {
    /// Parses the process's own command line; `--help`, `--version` and mistakes end the process as clap does.
    ///
    /// # Errors
    /// A value that clap accepts but that means nothing.
    pub fn from_command_line() -> Result<Config, StartError> {
        let args: Vec<OsString> = std::env::args_os().collect();
        let program = args.first().map(PathBuf::from).unwrap_or_default();
        let matches = Args::command().get_matches_from(args.into_iter().map(two_dashes));
        let args = Args::from_arg_matches(&matches).map_err(|error| StartError::new(error.to_string()))?;
        let config = Config::validate(args, program)?;
        Ok(Config { origins: origins::origins(&matches), ..config })
    }

    fn validate(args: Args, program: PathBuf) -> Result<Config, StartError> {
        let asked = [
            args.add.then_some(Task::Add { sk: args.sk, endpoint: args.endpoint }),
            args.list.then_some(Task::List),
            args.reset_admin_password.then_some(Task::ResetAdminPassword),
            args.export.map(|file| Task::Export { file, query: args.query, format: args.format }),
            args.search.map(|query| Task::Search { query }),
        ];
        let mut asked = asked.into_iter().flatten();
        let task = asked.next().unwrap_or(Task::Serve);
        if asked.next().is_some() {
            return Err(StartError::new("give only one of -add, -list, -reset-admin-password, -export and -search"));
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let setting_defaults = [("feishu_webhook", args.feishu_webhook), ("matrix_api", args.matrix_api)];
        Ok(Config {
            task,
            addresses: listen_addresses(&args.addr)?,
            database: args.database,
            noauth: args.noauth,
            client_key: args.client_key,
            admin_password: args.admin_password,
            workers: if args.workers == 0 { cores } else { args.workers },
            log_filter: args.log_level,
            body_limit_bytes: args.body_limit,
            shutdown_timeout_s: args.shutdown_timeout,
            static_dir: args.static_dir,
            setting_defaults: setting_defaults
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
            program,
            origins: Vec::new(),
        })
    }
}

/// `-addr=x` → `--addr=x`, for the names we know and no others.
fn two_dashes(arg: OsString) -> OsString {
    let Some(text) = arg.to_str() else { return arg };
    let Some(name) = text.strip_prefix('-').filter(|rest| rest.len() > 1 && !rest.starts_with('-')) else {
        return arg;
    };
    let bare = name.split('=').next().unwrap_or(name);
    let known = Args::command().get_arguments().any(|known| known.get_long() == Some(bare));
    if known || bare == "help" || bare == "version" { format!("-{text}").into() } else { arg }
}

#[cfg(test)]
mod tests;
