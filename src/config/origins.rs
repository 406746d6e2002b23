//! Where the values came from that this program was started with, for the dashboard. Start at [`origins`].
//!
//! **Invariant:** no value that may hold a secret is kept here. **May import:** nothing of the crate.

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory};

use crate::config::Args;

/// The flags that matter while it runs.
const SHOWN: [&str; 10] = [
    "addr",
    "database",
    "noauth",
    "workers",
    "body_limit",
    "shutdown_timeout",
    "log_level",
    "static_dir",
    "feishu_webhook",
    "matrix_api",
];
/// Those whose value is a secret or may hold one.
const SECRET: [&str; 3] = ["database", "feishu_webhook", "matrix_api"];

/// Who gave a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody did.
    Default,
    /// The environment variable.
    Environment,
    /// The flag.
    Flag,
}

/// A flag, and what it was when the program was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// With one dash: `-addr`.
    pub flag: String,
    /// Its environment variable.
    pub env: String,
    /// As typed; `None` when it may hold a secret.
    pub value: Option<String>,
    /// Who gave it.
    pub source: Source,
}

/// Every flag that matters while the program runs.
pub(super) fn origins(matches: &ArgMatches) -> Vec<Origin> {
    let command = Args::command();
    let mut all = Vec::new();
    for name in SHOWN {
        let Some(arg) = command.get_arguments().find(|arg| arg.get_id() == name) else { continue };
        let text = |value: Option<&std::ffi::OsStr>| value.map(|text| text.to_string_lossy().into_owned());
        let typed = matches.get_raw(name).and_then(|mut values| text(values.next()));
        all.push(Origin {
            flag: format!("-{}", arg.get_long().unwrap_or(name)),
            env: text(arg.get_env()).unwrap_or_default(),
            value: (!SECRET.contains(&name)).then(|| typed.unwrap_or_default()),
            source: match matches.value_source(name) {
                Some(ValueSource::CommandLine) => Source::Flag,
                Some(ValueSource::EnvVariable) => Source::Environment,
                _ => Source::Default,
            },
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use crate::config::Args;
    use crate::config::origins::{SECRET, SHOWN, Source, origins};

    #[test]
    fn each_value_is_told_with_who_gave_it_and_no_secret_is() {
        let line = ["x", "--workers", "3", "--feishu-webhook", "https://x/hook-secret", "--noauth"];
        let all = origins(&Args::command().get_matches_from(line));
        assert_eq!(all.len(), SHOWN.len(), "every name is a flag's");
        let of = |flag: &str| all.iter().find(|origin| origin.flag == flag).unwrap();
        assert_eq!((of("-workers").value.as_deref(), of("-workers").source), (Some("3"), Source::Flag));
        assert_eq!((of("-addr").value.as_deref(), of("-addr").source), (Some(":8888"), Source::Default));
        assert_eq!(of("-shutdown-timeout").env, "OPENAI_API_ROUTE_SHUTDOWN_TIMEOUT");
        assert_eq!((&of("-feishu-webhook").value, of("-feishu-webhook").source), (&None, Source::Flag));
        assert_eq!(all.iter().filter(|origin| origin.value.is_none()).count(), SECRET.len());
    }
}
